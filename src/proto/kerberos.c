/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Kerberos 5 over UDP and TCP (RFC 4120). A transaction a message: the type, who asks for what service of
 * which realm, what it was encrypted with. KRB_ETYPE of a request lists what the client offers; of a reply it
 * is the ticket's, then the enc-part's where that differs (the one is cracked after a TGS-REP, the other
 * after an AS-REP without pre-authentication). The last request is remembered a flow, because an error names
 * the client only sometimes.
 */

#include "proto/kerberos.h"

#include <string.h>

#include "base/err.h"
#include "proto/asn1.h"
#include "proto/parsers.h"

enum {
	KRB_AS_REQ = 10,
	KRB_AS_REP = 11,
	KRB_TGS_REQ = 12,
	KRB_TGS_REP = 13,
	KRB_AP_REQ = 14,
	KRB_AP_REP = 15,
	KRB_PRIV = 21,
	KRB_CRED = 22,
	KRB_ERROR = 30,
	KRB_MESSAGE_MAX = 65535, /* longer ones are passed over: no KDC takes them */
	KRB_ETYPES_MAX = 16,
	KRB_RECORD_MARK = 4,
};

/* What of a message is told. */
struct krb_message {
	int type;
	char client[KRB_NAME_SIZE], realm[KRB_NAME_SIZE], service[KRB_NAME_SIZE];
	struct text client_text, realm_text, service_text;
	int32_t etypes[KRB_ETYPES_MAX];
	size_t n_etypes;
	bool has_error, preauth;
	int32_t error;
};

struct krb_state {
	bool asked;   /* an AS-REQ awaits its answer */
	bool preauth; /* ... and it brought proof */
	uint16_t client_n;
	char client[KRB_NAME_SIZE];
};

static const char *type_name(int type)
{
	switch (type) {
	case KRB_AS_REQ: return "KRB_AS_REQ";
	case KRB_AS_REP: return "KRB_AS_REP";
	case KRB_TGS_REQ: return "KRB_TGS_REQ";
	case KRB_TGS_REP: return "KRB_TGS_REP";
	case KRB_AP_REQ: return "KRB_AP_REQ";
	case KRB_AP_REP: return "KRB_AP_REP";
	case KRB_PRIV: return "KRB_PRIV";
	case KRB_CRED: return "KRB_CRED";
	case KRB_ERROR: return "KRB_ERROR";
	default: return NULL;
	}
}

struct text krb_principal_text(struct cursor body, char *buf, size_t size)
{
	struct cursor sequence = asn1_take(&body, ASN1_TAG_SEQUENCE);
	struct cursor type = asn1_take(&sequence, ASN1_TAG_CONTEXT);
	(void)type;
	struct cursor names = asn1_take(&sequence, ASN1_TAG_CONTEXT + 1);
	struct cursor parts = asn1_take(&names, ASN1_TAG_SEQUENCE);
	struct asn1_element part;
	size_t n = 0;
	while (asn1_next(&parts, &part)) {
		struct text t = asn1_text(&part.body);
		if (n + 1 + t.n > size)
			break;
		if (n > 0)
			buf[n++] = '/';
		if (t.n > 0)
			memcpy(buf + n, t.p, t.n);
		n += t.n;
	}
	return (struct text){.p = buf, .n = n};
}

/* A Realm, which is one GeneralString. */
static struct text realm_text(struct cursor body, char *buf)
{
	struct cursor s = asn1_take(&body, ASN1_TAG_GENERAL_STRING);
	struct text t = text_sub(asn1_text(&s), 0, KRB_NAME_SIZE);
	if (t.n > 0)
		memcpy(buf, t.p, t.n);
	return (struct text){.p = buf, .n = t.n};
}

static int32_t integer_of(struct cursor body)
{
	struct cursor i = asn1_take(&body, ASN1_TAG_INTEGER);
	return (int32_t)asn1_integer(&i);
}

/* EncryptedData.etype (RFC 4120 5.2.9). */
static int32_t encrypted_etype(struct cursor body)
{
	struct cursor sequence = asn1_take(&body, ASN1_TAG_SEQUENCE);
	return integer_of(asn1_take(&sequence, ASN1_TAG_CONTEXT));
}

bool krb_ticket_read(struct cursor body, struct krb_ticket *ret_ticket)
{
	struct cursor application = asn1_take(&body, ASN1_TAG_APPLICATION + 1);
	struct cursor sequence = asn1_take(&application, ASN1_TAG_SEQUENCE);
	struct asn1_element e;
	if (!cursor_ok(&sequence))
		return false;
	memset(ret_ticket, 0, sizeof(*ret_ticket));
	while (asn1_next(&sequence, &e)) {
		if (e.tag == ASN1_TAG_CONTEXT + 1)
			ret_ticket->realm_n = (uint16_t)realm_text(e.body, ret_ticket->realm).n;
		else if (e.tag == ASN1_TAG_CONTEXT + 2)
			ret_ticket->service_n =
			    (uint16_t)krb_principal_text(e.body, ret_ticket->service, KRB_NAME_SIZE).n;
		else if (e.tag == ASN1_TAG_CONTEXT + 3)
			ret_ticket->etype = encrypted_etype(e.body);
	}
	return true;
}

static bool ap_req_body(struct cursor application, struct krb_ticket *ret_ticket)
{
	struct cursor sequence = asn1_take(&application, ASN1_TAG_SEQUENCE);
	struct asn1_element e;
	while (asn1_next(&sequence, &e))
		if (e.tag == ASN1_TAG_CONTEXT + 3)
			return krb_ticket_read(e.body, ret_ticket);
	return false;
}

bool krb_ap_req_read(struct cursor c, struct krb_ticket *ret_ticket)
{
	return ap_req_body(asn1_take(&c, ASN1_TAG_APPLICATION + KRB_AP_REQ), ret_ticket);
}

static void etype_add(struct krb_message *m, int32_t etype)
{
	if (m->n_etypes < KRB_ETYPES_MAX)
		m->etypes[m->n_etypes++] = etype;
}

/* Whether the padata hold proof of the client's key: encrypted timestamp, PKINIT or FAST. */
static bool padata_prove(struct cursor body)
{
	struct cursor list = asn1_take(&body, ASN1_TAG_SEQUENCE);
	struct asn1_element pa;
	while (asn1_next(&list, &pa)) {
		int32_t type = integer_of(asn1_take(&pa.body, ASN1_TAG_CONTEXT + 1));
		if (type == 2 || type == 16 || type == 17 || type == 136 || type == 138)
			return true;
	}
	return false;
}

static void request_body(struct cursor body, struct krb_message *m)
{
	struct cursor sequence = asn1_take(&body, ASN1_TAG_SEQUENCE);
	struct asn1_element e, etype;
	while (asn1_next(&sequence, &e)) {
		switch (e.tag) {
		case ASN1_TAG_CONTEXT + 1:
			m->client_text = krb_principal_text(e.body, m->client, KRB_NAME_SIZE);
			break;
		case ASN1_TAG_CONTEXT + 2: m->realm_text = realm_text(e.body, m->realm); break;
		case ASN1_TAG_CONTEXT + 3:
			m->service_text = krb_principal_text(e.body, m->service, KRB_NAME_SIZE);
			break;
		case ASN1_TAG_CONTEXT + 8: {
			struct cursor list = asn1_take(&e.body, ASN1_TAG_SEQUENCE);
			while (asn1_next(&list, &etype))
				etype_add(m, (int32_t)asn1_integer(&etype.body));
			break;
		}
		default: break;
		}
	}
}

static void kdc_request(struct cursor sequence, struct krb_message *m)
{
	struct asn1_element e;
	while (asn1_next(&sequence, &e)) {
		if (e.tag == ASN1_TAG_CONTEXT + 3)
			m->preauth = padata_prove(e.body);
		else if (e.tag == ASN1_TAG_CONTEXT + 4)
			request_body(e.body, m);
	}
}

static void ticket_of(struct cursor body, struct krb_message *m)
{
	struct krb_ticket ticket;
	if (!krb_ticket_read(body, &ticket))
		return;
	etype_add(m, ticket.etype);
	memcpy(m->service, ticket.service, KRB_NAME_SIZE);
	m->service_text = (struct text){.p = m->service, .n = ticket.service_n};
	if (m->realm_text.n == 0) {
		memcpy(m->realm, ticket.realm, KRB_NAME_SIZE);
		m->realm_text = (struct text){.p = m->realm, .n = ticket.realm_n};
	}
}

static void kdc_reply(struct cursor sequence, struct krb_message *m)
{
	struct asn1_element e;
	while (asn1_next(&sequence, &e)) {
		switch (e.tag) {
		case ASN1_TAG_CONTEXT + 3: m->realm_text = realm_text(e.body, m->realm); break;
		case ASN1_TAG_CONTEXT + 4:
			m->client_text = krb_principal_text(e.body, m->client, KRB_NAME_SIZE);
			break;
		case ASN1_TAG_CONTEXT + 5: ticket_of(e.body, m); break;
		case ASN1_TAG_CONTEXT + 6: {
			int32_t etype = encrypted_etype(e.body);
			if (m->n_etypes == 0 || m->etypes[0] != etype)
				etype_add(m, etype);
			break;
		}
		default: break;
		}
	}
}

static void krb_error(struct cursor sequence, struct krb_message *m)
{
	struct asn1_element e;
	while (asn1_next(&sequence, &e)) {
		switch (e.tag) {
		case ASN1_TAG_CONTEXT + 6:
			m->error = integer_of(e.body);
			m->has_error = true;
			break;
		case ASN1_TAG_CONTEXT + 8:
			m->client_text = krb_principal_text(e.body, m->client, KRB_NAME_SIZE);
			break;
		case ASN1_TAG_CONTEXT + 9: m->realm_text = realm_text(e.body, m->realm); break;
		case ASN1_TAG_CONTEXT + 10:
			m->service_text = krb_principal_text(e.body, m->service, KRB_NAME_SIZE);
			break;
		default: break;
		}
	}
}

/* Whether the bytes are a message that could be read. */
static bool message_read(const uint8_t *p, size_t n, struct krb_message *m)
{
	struct cursor c = cursor_of(p, n);
	struct asn1_element e;
	if (!asn1_next(&c, &e) || (e.tag & 0xe0) != ASN1_TAG_APPLICATION || !type_name(e.tag & 0x1f))
		return false;
	memset(m, 0, sizeof(*m));
	m->type = e.tag & 0x1f;
	if (m->type == KRB_AP_REQ) {
		struct krb_ticket ticket;
		if (!ap_req_body(e.body, &ticket))
			return false;
		/* Read again through ticket_of, which files the parts where the fields are taken from. */
		struct cursor sequence = asn1_take(&e.body, ASN1_TAG_SEQUENCE);
		struct asn1_element part;
		while (asn1_next(&sequence, &part))
			if (part.tag == ASN1_TAG_CONTEXT + 3)
				ticket_of(part.body, m);
		return true;
	}
	struct cursor sequence = asn1_take(&e.body, ASN1_TAG_SEQUENCE);
	if (!cursor_ok(&sequence))
		return false;
	if (m->type == KRB_AS_REQ || m->type == KRB_TGS_REQ)
		kdc_request(sequence, m);
	else if (m->type == KRB_AS_REP || m->type == KRB_TGS_REP)
		kdc_reply(sequence, m);
	else if (m->type == KRB_ERROR)
		krb_error(sequence, m);
	return true;
}

/* What the AS exchange says about the client's proof. */
static void auth_fields(struct proto_context *c, struct krb_state *s, struct krb_message *m)
{
	if (m->type == KRB_ERROR && m->client_text.n == 0 && s->asked)
		m->client_text = (struct text){.p = s->client, .n = s->client_n};
	bool granted = m->type == KRB_AS_REP;
	bool refused = m->type == KRB_ERROR && m->has_error && s->asked && krb_error_is_refusal(m->error);
	if (!granted && !refused)
		return;
	proto_field(c, FIELD_AUTH_USER, m->client_text);
	proto_field_str(c, FIELD_AUTH_METHOD,
	    granted && s->asked && !s->preauth ? "Kerberos without pre-authentication" : "Kerberos");
	proto_field_str(c, FIELD_AUTH_RESULT, granted ? "success" : "failure");
}

static void message_emit(struct proto_context *c, struct krb_state *s, struct krb_message *m)
{
	char buf[24];
	if (m->type == KRB_AS_REQ) {
		s->asked = true;
		s->preauth = m->preauth;
		s->client_n = (uint16_t)m->client_text.n;
		memcpy(s->client, m->client, KRB_NAME_SIZE);
	}
	proto_field_str(c, FIELD_KRB_TYPE, type_name(m->type));
	auth_fields(c, s, m);
	proto_field(c, FIELD_KRB_CLIENT, m->client_text);
	proto_field(c, FIELD_KRB_REALM, m->realm_text);
	proto_field(c, FIELD_KRB_SERVICE, m->service_text);
	for (size_t i = 0; i < m->n_etypes; i++)
		proto_field_str(c, FIELD_KRB_ETYPE, krb_etype_name(m->etypes[i], buf));
	if (m->has_error)
		proto_field_str(c, FIELD_KRB_ERROR, krb_error_name(m->error, buf));
	proto_emit(c);
	if (m->type != KRB_AS_REQ)
		s->asked = false;
}

/* Identifier, SEQUENCE, [1] (or [0] in tickets' holders) INTEGER 5: the first bytes of every message. */
static bool begins_message(const uint8_t *p, size_t n, size_t total)
{
	uint8_t tag, inner;
	size_t header, inner_header;
	uint32_t length, inner_length;
	if (asn1_header(p, n, &tag, &header, &length) < 0 || (tag & 0xe0) != ASN1_TAG_APPLICATION ||
	    !type_name(tag & 0x1f) || header + length != total)
		return false;
	if (asn1_header(p + header, n - header, &inner, &inner_header, &inner_length) < 0 ||
	    inner != ASN1_TAG_SEQUENCE || inner_header + inner_length != length)
		return false;
	size_t at = header + inner_header;
	bool request = (tag & 0x1f) == KRB_AS_REQ || (tag & 0x1f) == KRB_TGS_REQ;
	const uint8_t version[] = {
	    (uint8_t)(ASN1_TAG_CONTEXT + (request ? 1 : 0)), 3, ASN1_TAG_INTEGER, 1, 5};
	return n >= at + sizeof(version) && memcmp(p + at, version, sizeof(version)) == 0;
}

static enum proto_match krb_probe(const uint8_t *p, size_t n, bool to_responder, const struct flow *f)
{
	(void)to_responder;
	if (f->protocol == PACKET_UDP)
		return begins_message(p, n, n) ? PROTO_YES : PROTO_NO;
	if (n < KRB_RECORD_MARK)
		return n == 0 || p[0] == 0 ? PROTO_MAYBE : PROTO_NO;
	uint32_t length = load_be32(p);
	if (length < 8 || length > KRB_MESSAGE_MAX)
		return PROTO_NO;
	if (begins_message(p + KRB_RECORD_MARK, n - KRB_RECORD_MARK, length))
		return PROTO_YES;
	return n < 24 && (n == KRB_RECORD_MARK || (p[4] & 0xe0) == ASN1_TAG_APPLICATION) ? PROTO_MAYBE
	                                                                                 : PROTO_NO;
}

static struct proto_progress krb_parse(
    struct proto_context *c, void *state, enum flow_dir dir, const uint8_t *p, size_t n, bool end)
{
	struct krb_message m;
	(void)dir;
	if (proto_flow(c)->protocol == PACKET_UDP) {
		if (n > 0 && message_read(p, n, &m))
			message_emit(c, state, &m);
		return (struct proto_progress){.used = n};
	}
	if (n < KRB_RECORD_MARK)
		return (struct proto_progress){.used = 0};
	uint32_t length = load_be32(p);
	if (length > INT32_MAX)
		return (struct proto_progress){.verdict = PROTO_BROKEN};
	if (length > KRB_MESSAGE_MAX)
		return (struct proto_progress){.used = KRB_RECORD_MARK, .skip = length};
	if (n - KRB_RECORD_MARK < length && !end)
		return (struct proto_progress){.used = 0};
	if (n - KRB_RECORD_MARK < length)
		return (struct proto_progress){.used = n};
	if (message_read(p + KRB_RECORD_MARK, length, &m))
		message_emit(c, state, &m);
	return (struct proto_progress){.used = KRB_RECORD_MARK + length};
}

const struct proto_parser proto_kerberos = {
    .app = APP_KERBEROS,
    .tcp = true,
    .udp = true,
    .state_size = sizeof(struct krb_state),
    .buffer_max = KRB_MESSAGE_MAX + KRB_RECORD_MARK,
    .probe = krb_probe,
    .parse = krb_parse,
};
