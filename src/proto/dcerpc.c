/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * DCE/RPC, connection-oriented version 5 on TCP and on SMB pipes, connectionless version 4 on UDP (C706
 * chapter 12; MS-RPCE 2.2). Told are: each bind with its interfaces, each operation of an interface when it
 * is called first, and who authenticated. Stub data are passed over, but for the class that a DCOM activation
 * names.
 *
 * Bounds a flow: DCERPC_CONTEXTS_MAX presentation contexts (the oldest goes), DCERPC_SEEN_MAX operations.
 */

#include "proto/dcerpc.h"

#include <stdio.h>
#include <string.h>

#include "proto/gss.h"
#include "proto/parsers.h"

enum {
	DCERPC_CONTEXTS_MAX = 16,
	DCERPC_SEEN_MAX = 128,
	DCERPC_HEADER = 16,
	DCERPC_REQUEST_HEADER = 24,
	DCERPC_FRAGMENT_MAX = 65535,
	DCERPC_ACTIVATION_BYTES = 2048, /* of a stub that names a class */
	DCERPC_CL_HEADER = 80,
	DCERPC_AUTH_TRAILER = 8,
};

enum dcerpc_type {
	DCERPC_REQUEST = 0,
	DCERPC_RESPONSE = 2,
	DCERPC_FAULT = 3,
	DCERPC_BIND = 11,
	DCERPC_BIND_ACK = 12,
	DCERPC_BIND_NAK = 13,
	DCERPC_ALTER_CONTEXT = 14,
	DCERPC_ALTER_CONTEXT_RESP = 15,
	DCERPC_AUTH3 = 16,
	DCERPC_ORPHANED = 19,
};

enum { DCERPC_FIRST_FRAGMENT = 1, DCERPC_HAS_OBJECT = 0x80 };
enum { DCERPC_AUTH_SPNEGO = 9, DCERPC_AUTH_NTLM = 10, DCERPC_AUTH_KERBEROS = 16 };
/* Faults by which a server says that it doesn't believe who we are (MS-RPCE 3.3.1.5.2; MS-ERREF 2.2). */
enum { FAULT_ACCESS_DENIED = 5, FAULT_SEC_PKG_ERROR = 0x721 };

static const uint8_t http_greeting[] = "ncacn_http/1.0";

struct dcerpc_context {
	bool used;
	uint16_t id;
	int interface; /* -1: without a name */
	char uuid[DCERPC_UUID_TEXT];
};

struct dcerpc_state {
	struct dcerpc_context contexts[DCERPC_CONTEXTS_MAX];
	uint32_t n_contexts;            /* ever made: the next one's slot */
	uint32_t seen[DCERPC_SEEN_MAX]; /* context slot << 16 | opnum */
	size_t n_seen;
	bool begun[2];
	bool auth_sent; /* the initiator's last token is out; the next answer tells */
	struct gss_auth auth;
};

struct dcerpc_pdu {
	const uint8_t *p;
	size_t n; /* at hand */
	uint8_t type, flags;
	bool little_endian;
	uint16_t length, auth_length;
};

static uint16_t pdu_u16(const struct dcerpc_pdu *pdu, struct cursor *c)
{
	return pdu->little_endian ? cursor_le16(c) : cursor_be16(c);
}

static uint32_t pdu_u32(const struct dcerpc_pdu *pdu, struct cursor *c)
{
	return pdu->little_endian ? cursor_le32(c) : cursor_be32(c);
}

static bool type_known(uint8_t type)
{
	return type == DCERPC_REQUEST || type == DCERPC_RESPONSE || type == DCERPC_FAULT ||
	       (type >= DCERPC_BIND && type <= DCERPC_ORPHANED);
}

/* The data representation (C706 14.1): byte order and character set, the float format, two zero bytes. */
static bool representation_ok(const uint8_t *p)
{
	return (p[0] & 0xef) == 0 && p[1] <= 3 && p[2] == 0;
}

/* The common header (C706 12.6.3.1). Needs DCERPC_HEADER bytes. */
static bool header_read(const uint8_t *p, struct dcerpc_pdu *ret_pdu)
{
	struct dcerpc_pdu pdu = {.p = p, .type = p[2], .flags = p[3], .little_endian = p[4] & 0x10};
	pdu.length = pdu.little_endian ? load_le16(p + 8) : load_be16(p + 8);
	pdu.auth_length = pdu.little_endian ? load_le16(p + 10) : load_be16(p + 10);
	if (p[0] != 5 || p[1] > 1 || !type_known(p[2]) || !representation_ok(p + 4) || p[7] != 0 ||
	    pdu.length < DCERPC_HEADER || pdu.auth_length > pdu.length - DCERPC_HEADER)
		return false;
	*ret_pdu = pdu;
	return true;
}

bool dcerpc_begins(const uint8_t *p, size_t n)
{
	struct dcerpc_pdu pdu;
	return n >= DCERPC_HEADER && header_read(p, &pdu);
}

static struct cursor pdu_body(const struct dcerpc_pdu *pdu)
{
	struct cursor c = cursor_of(pdu->p, pdu->n);
	cursor_skip(&c, DCERPC_HEADER);
	return c;
}

/* The token in the security trailer (MS-RPCE 2.2.2.11); failed where there is none of a kind that we read. */
static struct cursor auth_token(const struct dcerpc_pdu *pdu)
{
	struct cursor c = cursor_of(pdu->p, pdu->n);
	size_t trailer = (size_t)pdu->auth_length + DCERPC_AUTH_TRAILER;
	if (pdu->auth_length == 0 || trailer + DCERPC_HEADER > pdu->length)
		return (struct cursor){.failed = true};
	cursor_seek(&c, pdu->length - trailer);
	uint8_t type = cursor_u8(&c);
	cursor_skip(&c, DCERPC_AUTH_TRAILER - 1);
	if (type != DCERPC_AUTH_SPNEGO && type != DCERPC_AUTH_NTLM && type != DCERPC_AUTH_KERBEROS)
		return (struct cursor){.failed = true};
	return cursor_sub(&c, pdu->auth_length);
}

static void auth_emit(struct proto_context *c, struct dcerpc_state *s, bool granted)
{
	if (!s->auth.named || s->auth.shown)
		return;
	gss_auth_fields(c, &s->auth);
	proto_field_str(c, FIELD_AUTH_RESULT, granted ? "success" : "failure");
	proto_emit(c);
	s->auth_sent = false;
}

static void auth_request(struct dcerpc_state *s, const struct dcerpc_pdu *pdu)
{
	struct cursor token = auth_token(pdu);
	if (cursor_left(&token) == 0)
		return;
	gss_auth_update(&s->auth, token.base, token.size);
	if (s->auth.named && !s->auth.shown)
		s->auth_sent = true;
}

static struct dcerpc_context *context_find(struct dcerpc_state *s, uint16_t id)
{
	for (size_t i = 0; i < DCERPC_CONTEXTS_MAX; i++)
		if (s->contexts[i].used && s->contexts[i].id == id)
			return &s->contexts[i];
	return NULL;
}

static void context_forget_seen(struct dcerpc_state *s, size_t slot)
{
	size_t kept = 0;
	for (size_t i = 0; i < s->n_seen; i++)
		if (s->seen[i] >> 16 != slot)
			s->seen[kept++] = s->seen[i];
	s->n_seen = kept;
}

/* Files a presentation context. Returns whether its interface is news in this flow. */
static bool context_put(struct dcerpc_state *s, uint16_t id, const char *uuid)
{
	bool news = true;
	for (size_t i = 0; i < DCERPC_CONTEXTS_MAX; i++)
		if (s->contexts[i].used && strcmp(s->contexts[i].uuid, uuid) == 0)
			news = false;
	struct dcerpc_context *k = context_find(s, id);
	if (k && strcmp(k->uuid, uuid) == 0)
		return news;
	if (!k)
		k = &s->contexts[s->n_contexts++ % DCERPC_CONTEXTS_MAX];
	context_forget_seen(s, (size_t)(k - s->contexts));
	k->used = true;
	k->id = id;
	memcpy(k->uuid, uuid, DCERPC_UUID_TEXT);
	k->interface = dcerpc_interface_find(uuid);
	return news;
}

static void interface_fields(struct proto_context *c, const char *uuid, int interface)
{
	const char *name = dcerpc_interface_name(interface);
	proto_field_str(c, FIELD_RPC_INTERFACE, uuid);
	if (name)
		proto_field_str(c, FIELD_RPC_NAME, name);
}

/* bind and alter_context (C706 12.6.4.1, .3): one interface is often offered in several transfer syntaxes. */
static void bind_read(struct proto_context *c, struct dcerpc_state *s, const struct dcerpc_pdu *pdu)
{
	struct cursor body = pdu_body(pdu);
	cursor_skip(&body, 8); /* fragment sizes, association group */
	unsigned contexts = cursor_u8(&body);
	cursor_skip(&body, 3);
	for (unsigned i = 0; i < contexts; i++) {
		char uuid[DCERPC_UUID_TEXT];
		uint16_t id = pdu_u16(pdu, &body);
		unsigned transfers = cursor_u8(&body);
		cursor_skip(&body, 1);
		const uint8_t *abstract = cursor_take(&body, DCERPC_UUID_SIZE);
		cursor_skip(&body, 4);
		cursor_skip(&body, (size_t)transfers * 20);
		if (!abstract || !cursor_ok(&body))
			break;
		dcerpc_uuid_text(abstract, pdu->little_endian, uuid);
		if (context_put(s, id, uuid))
			interface_fields(c, uuid, dcerpc_interface_find(uuid));
	}
	proto_emit(c);
}

static bool seen_first(struct dcerpc_state *s, size_t slot, uint16_t opnum)
{
	uint32_t key = (uint32_t)slot << 16 | opnum;
	for (size_t i = 0; i < s->n_seen; i++)
		if (s->seen[i] == key)
			return false;
	if (s->n_seen >= DCERPC_SEEN_MAX)
		return false;
	s->seen[s->n_seen++] = key;
	return true;
}

static void operation_emit(
    struct proto_context *c, const char *uuid, int interface, uint16_t opnum, const char *class_name)
{
	char text[64];
	const char *operation = dcerpc_operation_name(interface, opnum);
	if (uuid)
		interface_fields(c, uuid, interface);
	proto_field_num(c, FIELD_RPC_OPNUM, opnum);
	if (operation && class_name) {
		snprintf(text, sizeof(text), "%s(%s)", operation, class_name);
		operation = text;
	}
	if (operation)
		proto_field_str(c, FIELD_RPC_OPERATION, operation);
	proto_emit(c);
}

static void request_read(struct proto_context *c, struct dcerpc_state *s, const struct dcerpc_pdu *pdu)
{
	enum { SLOT_UNKNOWN = DCERPC_CONTEXTS_MAX };
	if (!(pdu->flags & DCERPC_FIRST_FRAGMENT))
		return;
	struct cursor body = pdu_body(pdu);
	cursor_skip(&body, 4);
	uint16_t id = pdu_u16(pdu, &body), opnum = pdu_u16(pdu, &body);
	if (!cursor_ok(&body))
		return;
	if (pdu->flags & DCERPC_HAS_OBJECT)
		cursor_skip(&body, DCERPC_UUID_SIZE);
	const struct dcerpc_context *k = context_find(s, id);
	if (!seen_first(s, k ? (size_t)(k - s->contexts) : SLOT_UNKNOWN, opnum))
		return;
	int interface = k ? k->interface : -1;
	const char *class_name = NULL;
	if (cursor_left(&body) > 0 && dcerpc_operation_activates(interface, opnum))
		class_name = dcerpc_class_find(body.base + body.pos, cursor_left(&body));
	operation_emit(c, k ? k->uuid : NULL, interface, opnum, class_name);
}

static void answer_read(struct proto_context *c, struct dcerpc_state *s, const struct dcerpc_pdu *pdu)
{
	if (!s->auth_sent)
		return;
	if (pdu->type == DCERPC_RESPONSE) {
		auth_emit(c, s, true);
	} else if (pdu->type == DCERPC_FAULT) {
		struct cursor body = pdu_body(pdu);
		cursor_skip(&body, 8);
		uint32_t status = pdu_u32(pdu, &body);
		if (cursor_ok(&body))
			auth_emit(c, s, status != FAULT_ACCESS_DENIED && status != FAULT_SEC_PKG_ERROR);
	} else if (pdu->type == DCERPC_BIND_NAK) {
		auth_emit(c, s, false);
	} else {
		/* bind_ack after a Kerberos ticket, alter_context_resp after NTLM's third message */
		struct cursor token = auth_token(pdu);
		enum gss_state state = GSS_STATE_ABSENT;
		if (cursor_left(&token) > 0)
			state = gss_token_read(token.base, token.size).state;
		auth_emit(c, s, state != GSS_STATE_REJECT);
	}
}

static size_t pdu_want(const struct dcerpc_pdu *pdu)
{
	size_t want = DCERPC_HEADER;
	switch (pdu->type) {
	case DCERPC_REQUEST:
		want = pdu->flags & DCERPC_FIRST_FRAGMENT ? DCERPC_ACTIVATION_BYTES : DCERPC_HEADER;
		break;
	case DCERPC_FAULT: want = DCERPC_REQUEST_HEADER + 8; break;
	case DCERPC_BIND:
	case DCERPC_BIND_ACK:
	case DCERPC_ALTER_CONTEXT:
	case DCERPC_ALTER_CONTEXT_RESP:
	case DCERPC_AUTH3: want = pdu->length; break;
	default: break;
	}
	return want < pdu->length ? want : pdu->length;
}

static void pdu_read(struct proto_context *c, struct dcerpc_state *s, const struct dcerpc_pdu *pdu)
{
	switch (pdu->type) {
	case DCERPC_BIND:
	case DCERPC_ALTER_CONTEXT:
		bind_read(c, s, pdu);
		auth_request(s, pdu);
		break;
	case DCERPC_AUTH3: auth_request(s, pdu); break;
	case DCERPC_REQUEST: request_read(c, s, pdu); break;
	case DCERPC_RESPONSE:
	case DCERPC_FAULT:
	case DCERPC_BIND_ACK:
	case DCERPC_BIND_NAK:
	case DCERPC_ALTER_CONTEXT_RESP: answer_read(c, s, pdu); break;
	default: break;
	}
}

/* The connectionless header (C706 12.5.2) and whether the length in it agrees with the datagram. */
static bool datagram_ok(const uint8_t *p, size_t n)
{
	if (n < DCERPC_CL_HEADER || p[0] != 4 || p[1] > 10 || !representation_ok(p + 4))
		return false;
	size_t length = p[4] & 0x10 ? load_le16(p + 74) : load_be16(p + 74);
	return length + DCERPC_CL_HEADER <= n && (length + DCERPC_CL_HEADER == n || p[78] != 0);
}

static void datagram_read(struct proto_context *c, struct dcerpc_state *s, const uint8_t *p, size_t n)
{
	enum { CL_REQUEST = 0, CL_INTERFACE_AT = 24, CL_OPNUM_AT = 68 };
	char uuid[DCERPC_UUID_TEXT];
	if (!datagram_ok(p, n) || p[1] != CL_REQUEST)
		return;
	bool little_endian = p[4] & 0x10;
	uint16_t opnum = little_endian ? load_le16(p + CL_OPNUM_AT) : load_be16(p + CL_OPNUM_AT);
	dcerpc_uuid_text(p + CL_INTERFACE_AT, little_endian, uuid);
	(void)context_put(s, 0, uuid);
	const struct dcerpc_context *k = context_find(s, 0);
	if (k && seen_first(s, (size_t)(k - s->contexts), opnum))
		operation_emit(c, uuid, k->interface, opnum, NULL);
}

static struct proto_progress dcerpc_parse(
    struct proto_context *c, void *state, enum flow_dir dir, const uint8_t *p, size_t n, bool end)
{
	struct dcerpc_state *s = state;
	struct dcerpc_pdu pdu;
	if (proto_flow(c)->protocol == PACKET_UDP) {
		datagram_read(c, s, p, n);
		return (struct proto_progress){.used = n};
	}
	size_t greeting = sizeof(http_greeting) - 1;
	if (!s->begun[dir] && n > 0 && p[0] == http_greeting[0]) {
		if (n < greeting)
			return (struct proto_progress){.used = 0};
		s->begun[dir] = true;
		if (memcmp(p, http_greeting, greeting) != 0)
			return (struct proto_progress){.verdict = PROTO_BROKEN};
		return (struct proto_progress){.used = greeting};
	}
	if (n < DCERPC_HEADER)
		return (struct proto_progress){.used = 0};
	s->begun[dir] = true;
	if (!header_read(p, &pdu))
		return (struct proto_progress){.verdict = PROTO_BROKEN};
	size_t want = pdu_want(&pdu);
	if (n < want && !end)
		return (struct proto_progress){.used = 0};
	pdu.n = n < pdu.length ? n : pdu.length;
	pdu_read(c, s, &pdu);
	return (struct proto_progress){.used = pdu.n, .skip = pdu.length - pdu.n};
}

static void dcerpc_close(struct proto_context *c, void *state)
{
	struct dcerpc_state *s = state;
	if (s->auth.named && !s->auth.shown) {
		gss_auth_fields(c, &s->auth);
		proto_emit(c);
	}
}

static enum proto_match dcerpc_probe(const uint8_t *p, size_t n, bool to_responder, const struct flow *f)
{
	struct dcerpc_pdu pdu;
	size_t greeting = sizeof(http_greeting) - 1;
	if (f->protocol == PACKET_UDP)
		return datagram_ok(p, n) ? PROTO_YES : PROTO_NO;
	if (n == 0)
		return PROTO_MAYBE;
	if (!to_responder && p[0] == http_greeting[0]) {
		if (memcmp(p, http_greeting, n < greeting ? n : greeting) != 0)
			return PROTO_NO;
		return n >= greeting ? PROTO_YES : PROTO_MAYBE;
	}
	if (p[0] != 5 || (n > 1 && p[1] > 1) || (n > 2 && !type_known(p[2])))
		return PROTO_NO;
	if (n < DCERPC_HEADER)
		return PROTO_MAYBE;
	return header_read(p, &pdu) ? PROTO_YES : PROTO_NO;
}

const struct proto_parser proto_dcerpc = {
    .app = APP_DCERPC,
    .tcp = true,
    .udp = true,
    .state_size = sizeof(struct dcerpc_state),
    .buffer_max = DCERPC_FRAGMENT_MAX,
    .probe = dcerpc_probe,
    .parse = dcerpc_parse,
    .close = dcerpc_close,
};
