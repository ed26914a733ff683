/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * LDAP over TCP and connectionless LDAP over UDP (RFC 4511; MS-ADTS 3.1.1.3.1.3 for Sicily binds). Requests
 * are told as they come, with base, filter and scope; results are told of binds, changes and extended
 * operations, and of anything that fails. Entries that a search yields are passed over unread. Once a SASL
 * bind has put signing or sealing in place, or StartTLS TLS, the rest is no LDAP any more.
 */

#include "proto/asn1.h"
#include "proto/gss.h"
#include "proto/ldap_filter.h"
#include "proto/parsers.h"

#include <string.h>

#include "base/err.h"

enum {
	LDAP_BIND_REQUEST = 0,
	LDAP_BIND_RESPONSE = 1,
	LDAP_UNBIND_REQUEST = 2,
	LDAP_SEARCH_REQUEST = 3,
	LDAP_SEARCH_ENTRY = 4,
	LDAP_SEARCH_DONE = 5,
	LDAP_MODIFY_REQUEST = 6,
	LDAP_MODIFY_RESPONSE = 7,
	LDAP_ADD_REQUEST = 8,
	LDAP_ADD_RESPONSE = 9,
	LDAP_DELETE_REQUEST = 10,
	LDAP_DELETE_RESPONSE = 11,
	LDAP_MODIFY_DN_REQUEST = 12,
	LDAP_MODIFY_DN_RESPONSE = 13,
	LDAP_COMPARE_REQUEST = 14,
	LDAP_COMPARE_RESPONSE = 15,
	LDAP_ABANDON_REQUEST = 16,
	LDAP_SEARCH_REFERENCE = 19,
	LDAP_EXTENDED_REQUEST = 23,
	LDAP_EXTENDED_RESPONSE = 24,
	LDAP_INTERMEDIATE = 25,
	LDAP_OPERATIONS = 26,
};

enum {
	LDAP_MESSAGE_MAX = 64 << 10, /* of a message that is read; longer ones are read so far */
	LDAP_NAME_MAX = 512,
	LDAP_FILTER_MAX = 2048,
	LDAP_SUCCESS = 0,
	LDAP_REFERRAL = 10,
	LDAP_SASL_IN_PROGRESS = 14,
	LDAP_INVALID_CREDENTIALS = 49,
	LDAP_AUTH_METHOD_UNSUPPORTED = 7,
};

static const char oid_start_tls[] = "1.3.6.1.4.1.1466.20037";

struct ldap_state {
	bool sasl_done; /* a SASL bind succeeded: wrapping may follow */
	bool asked_tls, sasl, simple;
	bool bind_pending;
	uint16_t dn_n, mechanism_n;
	char dn[LDAP_NAME_MAX];
	char mechanism[32];
	struct gss_auth auth;
};

/* Suricata's names of the operations. */
static const char *const operation_names[LDAP_OPERATIONS] = {
    [LDAP_BIND_REQUEST] = "bind_request",
    [LDAP_BIND_RESPONSE] = "bind_response",
    [LDAP_UNBIND_REQUEST] = "unbind_request",
    [LDAP_SEARCH_REQUEST] = "search_request",
    [LDAP_SEARCH_ENTRY] = "search_result_entry",
    [LDAP_SEARCH_DONE] = "search_result_done",
    [LDAP_MODIFY_REQUEST] = "modify_request",
    [LDAP_MODIFY_RESPONSE] = "modify_response",
    [LDAP_ADD_REQUEST] = "add_request",
    [LDAP_ADD_RESPONSE] = "add_response",
    [LDAP_DELETE_REQUEST] = "del_request",
    [LDAP_DELETE_RESPONSE] = "del_response",
    [LDAP_MODIFY_DN_REQUEST] = "mod_dn_request",
    [LDAP_MODIFY_DN_RESPONSE] = "mod_dn_response",
    [LDAP_COMPARE_REQUEST] = "compare_request",
    [LDAP_COMPARE_RESPONSE] = "compare_response",
    [LDAP_ABANDON_REQUEST] = "abandon_request",
    [LDAP_SEARCH_REFERENCE] = "search_result_reference",
    [LDAP_EXTENDED_REQUEST] = "extended_request",
    [LDAP_EXTENDED_RESPONSE] = "extended_response",
    [LDAP_INTERMEDIATE] = "intermediate_response",
};

static const char *result_name(int64_t code)
{
	static const char *const names[] = {
	    [0] = "success",
	    [1] = "operations_error",
	    [2] = "protocol_error",
	    [3] = "time_limit_exceeded",
	    [4] = "size_limit_exceeded",
	    [5] = "compare_false",
	    [6] = "compare_true",
	    [7] = "auth_method_not_supported",
	    [8] = "stronger_auth_required",
	    [10] = "referral",
	    [11] = "admin_limit_exceeded",
	    [12] = "unavailable_critical_extension",
	    [13] = "confidentiality_required",
	    [14] = "sasl_bind_in_progress",
	    [16] = "no_such_attribute",
	    [17] = "undefined_attribute_type",
	    [18] = "inappropriate_matching",
	    [19] = "constraint_violation",
	    [20] = "attribute_or_value_exists",
	    [21] = "invalid_attribute_syntax",
	    [32] = "no_such_object",
	    [33] = "alias_problem",
	    [34] = "invalid_dn_syntax",
	    [36] = "alias_dereferencing_problem",
	    [48] = "inappropriate_authentication",
	    [49] = "invalid_credentials",
	    [50] = "insufficient_access_rights",
	    [51] = "busy",
	    [52] = "unavailable",
	    [53] = "unwilling_to_perform",
	    [54] = "loop_detect",
	    [64] = "naming_violation",
	    [65] = "object_class_violation",
	    [66] = "not_allowed_on_non_leaf",
	    [67] = "not_allowed_on_rdn",
	    [68] = "entry_already_exists",
	    [69] = "object_class_mods_prohibited",
	    [71] = "affects_multiple_dsas",
	    [80] = "other",
	};
	size_t n = sizeof(names) / sizeof(names[0]);
	return code >= 0 && (uint64_t)code < n && names[code] ? names[code] : NULL;
}

static void result_field(struct proto_context *c, int64_t code)
{
	const char *name = result_name(code);
	if (name)
		proto_field_str(c, FIELD_LDAP_RESULT, name);
	else
		proto_field_num(c, FIELD_LDAP_RESULT, (uint64_t)code);
}

static void operation_field(struct proto_context *c, unsigned operation)
{
	proto_field_str(c, FIELD_LDAP_OPERATION, operation_names[operation]);
}

static uint16_t name_keep(struct text t, char *out, size_t size)
{
	t = text_sub(t, 0, size);
	if (t.n > 0)
		memcpy(out, t.p, t.n);
	return (uint16_t)t.n;
}

/* A bind begins or goes on (RFC 4511 4.2). Told when its result is known. */
static void bind_request(struct ldap_state *s, struct cursor body)
{
	enum {
		AUTH_SIMPLE = 0x80,
		AUTH_SASL = 0xa3,
		SICILY_DISCOVERY = 0x89,
		SICILY_NEGOTIATE,
		SICILY_RESPONSE
	};
	struct asn1_element auth;
	(void)asn1_take(&body, ASN1_TAG_INTEGER);
	struct cursor name = asn1_take(&body, ASN1_TAG_OCTET_STRING);
	s->dn_n = name_keep(asn1_text(&name), s->dn, sizeof(s->dn));
	s->bind_pending = true;
	s->simple = s->sasl = false;
	s->mechanism_n = 0;
	if (!asn1_next(&body, &auth))
		return;
	if (auth.tag == AUTH_SIMPLE) {
		s->simple = true;
		s->auth = (struct gss_auth){0};
		s->mechanism_n = name_keep(
		    cursor_left(&auth.body) ? TEXT("simple") : TEXT("anonymous"), s->mechanism, 32);
	} else if (auth.tag == AUTH_SASL) {
		s->sasl = true;
		struct cursor mechanism = asn1_take(&auth.body, ASN1_TAG_OCTET_STRING);
		s->mechanism_n = name_keep(asn1_text(&mechanism), s->mechanism, sizeof(s->mechanism));
		struct cursor token = asn1_optional(&auth.body, ASN1_TAG_OCTET_STRING);
		if (cursor_left(&token) > 0)
			gss_auth_update(&s->auth, token.base, token.size);
	} else if (auth.tag == SICILY_NEGOTIATE || auth.tag == SICILY_RESPONSE) {
		s->sasl = true;
		gss_auth_update(&s->auth, auth.body.base, auth.body.size);
	} else if (auth.tag == SICILY_DISCOVERY) {
		s->bind_pending = false;
	}
}

static void bind_emit(struct proto_context *c, struct ldap_state *s, bool has_result, int64_t code)
{
	struct text dn = {.p = s->dn, .n = s->dn_n};
	operation_field(c, LDAP_BIND_REQUEST);
	proto_field(c, FIELD_LDAP_DN, dn);
	if (s->simple)
		proto_field(c, FIELD_AUTH_USER, dn);
	if (s->auth.mechanism != GSS_NONE)
		gss_auth_fields(c, &s->auth);
	else
		proto_field_bytes(c, FIELD_AUTH_METHOD, s->mechanism, s->mechanism_n);
	if (has_result) {
		result_field(c, code);
		if (code == LDAP_SUCCESS)
			proto_field_str(c, FIELD_AUTH_RESULT, "success");
		else if (code == LDAP_INVALID_CREDENTIALS)
			proto_field_str(c, FIELD_AUTH_RESULT, "failure");
	}
	proto_emit(c);
	s->bind_pending = false;
	s->auth = (struct gss_auth){0};
}

/* RFC 4511 4.5.1: baseObject and filter are told; no field has room for the scope. */
static void search_request(struct proto_context *c, struct cursor body)
{
	char filter[LDAP_FILTER_MAX];
	struct cursor base = asn1_take(&body, ASN1_TAG_OCTET_STRING);
	(void)asn1_take(&body, ASN1_TAG_ENUMERATED); /* scope */
	(void)asn1_take(&body, ASN1_TAG_ENUMERATED); /* derefAliases */
	(void)asn1_take(&body, ASN1_TAG_INTEGER);
	(void)asn1_take(&body, ASN1_TAG_INTEGER);
	(void)asn1_take(&body, ASN1_TAG_BOOLEAN);
	operation_field(c, LDAP_SEARCH_REQUEST);
	proto_field(c, FIELD_LDAP_DN, asn1_text(&base));
	if (cursor_ok(&body))
		proto_field(c, FIELD_LDAP_FILTER, ldap_filter_text(body, filter, sizeof(filter)));
	proto_emit(c);
}

static void extended_request(struct proto_context *c, struct ldap_state *s, struct cursor body)
{
	struct cursor name = asn1_take(&body, ASN1_TAG_CONTEXT_PRIMITIVE);
	struct text oid = asn1_text(&name);
	s->asked_tls = text_equal(oid, TEXT(oid_start_tls));
	operation_field(c, LDAP_EXTENDED_REQUEST);
	proto_field(c, FIELD_LDAP_DN, oid);
	proto_emit(c);
}

/* Changes: the entry's name comes first in all of them; that of a deletion is the whole body. */
static void named_request(struct proto_context *c, unsigned operation, struct cursor body)
{
	struct cursor name = operation == LDAP_DELETE_REQUEST ? body
	                                                      : asn1_take(&body, ASN1_TAG_OCTET_STRING);
	operation_field(c, operation);
	proto_field(c, FIELD_LDAP_DN, asn1_text(&name));
	proto_emit(c);
}

static bool result_matters(unsigned operation, int64_t code)
{
	return operation != LDAP_SEARCH_DONE || (code != LDAP_SUCCESS && code != LDAP_REFERRAL);
}

/* Returns whether the stream goes on as TLS. */
static bool response(struct proto_context *c, struct ldap_state *s, unsigned operation, struct cursor body)
{
	struct cursor result = asn1_take(&body, ASN1_TAG_ENUMERATED);
	int64_t code = asn1_integer(&result);
	if (!cursor_ok(&result))
		return false;
	if (operation == LDAP_BIND_RESPONSE) {
		/* Sicily says success to each step; until somebody is named it is no result. */
		if (code == LDAP_SASL_IN_PROGRESS ||
		    (code == LDAP_SUCCESS && s->auth.mechanism == GSS_NTLM && !s->auth.named))
			return false;
		s->sasl_done = s->sasl_done || (s->sasl && code == LDAP_SUCCESS);
		if (s->bind_pending)
			bind_emit(c, s, true, code);
		return false;
	}
	if (result_matters(operation, code)) {
		operation_field(c, operation);
		result_field(c, code);
		proto_emit(c);
	}
	bool tls = operation == LDAP_EXTENDED_RESPONSE && s->asked_tls && code == LDAP_SUCCESS;
	s->asked_tls = false;
	return tls;
}

static bool operation_read(
    struct proto_context *c, struct ldap_state *s, unsigned operation, struct cursor body)
{
	switch (operation) {
	case LDAP_BIND_REQUEST: bind_request(s, body); return false;
	case LDAP_SEARCH_REQUEST: search_request(c, body); return false;
	case LDAP_EXTENDED_REQUEST: extended_request(c, s, body); return false;
	case LDAP_MODIFY_REQUEST:
	case LDAP_ADD_REQUEST:
	case LDAP_DELETE_REQUEST:
	case LDAP_MODIFY_DN_REQUEST:
	case LDAP_COMPARE_REQUEST: named_request(c, operation, body); return false;
	case LDAP_BIND_RESPONSE:
	case LDAP_SEARCH_DONE:
	case LDAP_MODIFY_RESPONSE:
	case LDAP_ADD_RESPONSE:
	case LDAP_DELETE_RESPONSE:
	case LDAP_MODIFY_DN_RESPONSE:
	case LDAP_COMPARE_RESPONSE:
	case LDAP_EXTENDED_RESPONSE: return response(c, s, operation, body);
	default: return false;
	}
}

/* SEQUENCE, message id, operation: whether the bytes begin so, as far as they reach. The operation's number,
 * or -1. */
static int operation_of(const uint8_t *p, size_t n, size_t header)
{
	struct cursor c = cursor_of(p, n);
	uint8_t tag, id_length;
	cursor_skip(&c, header);
	tag = cursor_u8(&c);
	id_length = cursor_u8(&c);
	if (tag != ASN1_TAG_INTEGER || id_length == 0 || id_length > 4)
		return -1;
	cursor_skip(&c, id_length);
	tag = cursor_u8(&c);
	/* Bodies are constructed but for unbind, delete and abandon (RFC 4511 4.3, 4.8, 4.11). */
	unsigned operation = tag & 0x1f;
	bool constructed = (tag & 0xe0) == ASN1_TAG_APPLICATION,
	     primitive = (tag & 0xe0) == ASN1_TAG_APPLICATION_PRIMITIVE;
	bool bare = operation == LDAP_UNBIND_REQUEST || operation == LDAP_DELETE_REQUEST ||
	            operation == LDAP_ABANDON_REQUEST;
	if (!cursor_ok(&c) || operation >= LDAP_OPERATIONS || !operation_names[operation] ||
	    (bare ? !primitive : !constructed))
		return -1;
	return (int)operation;
}

enum { LDAP_HEAD = ASN1_HEADER_MAX + 8 }; /* enough to know what a message is */

/* A whole message, or as much of one as is kept. */
static bool message_read(
    struct proto_context *c, struct ldap_state *s, const uint8_t *p, size_t n, size_t header)
{
	struct cursor whole = cursor_of(p, n);
	struct asn1_element e;
	cursor_skip(&whole, header);
	(void)asn1_take(&whole, ASN1_TAG_INTEGER);
	if (!asn1_next(&whole, &e))
		return false;
	return operation_read(c, s, e.tag & 0x1f, e.body);
}

/*
 * Where the plain text begins in a SASL buffer that is signed but not sealed: behind NTLM's signature of 16
 * bytes (MS-NLMP 2.2.2.9), or behind a Kerberos wrap token (RFC 4121 4.2.6.2), whose checksum Windows rotates
 * to the front.
 */
static size_t signed_plain_at(const uint8_t *p, size_t n)
{
	enum { NTLM_SIGNATURE = 16, WRAP_HEADER = 16, WRAP_TOKEN = 0x0504, WRAP_SEALED = 2 };
	size_t at = NTLM_SIGNATURE;
	if (n < WRAP_HEADER)
		return n;
	if (load_be16(p) == WRAP_TOKEN)
		at = p[2] & WRAP_SEALED ? n : WRAP_HEADER + (size_t)load_be16(p + 6);
	else if (load_le32(p) != 1)
		return n;
	return at < n ? at : n;
}

/* One SASL buffer: a length, then what the mechanism made of the messages. */
static struct proto_progress wrapped_parse(
    struct proto_context *c, struct ldap_state *s, const uint8_t *p, size_t n, bool end)
{
	enum { SASL_LENGTH = 4 };
	if (n < SASL_LENGTH)
		return (struct proto_progress){.used = 0};
	size_t total = SASL_LENGTH + (size_t)load_be32(p);
	if (total > LDAP_MESSAGE_MAX)
		return (struct proto_progress){.used = SASL_LENGTH, .skip = total - SASL_LENGTH};
	if (n < total)
		return (struct proto_progress){.used = end ? n : 0};
	size_t at = SASL_LENGTH + signed_plain_at(p + SASL_LENGTH, total - SASL_LENGTH);
	bool any = false;
	uint8_t tag;
	size_t header;
	uint32_t length;
	while (at < total && asn1_header(p + at, total - at, &tag, &header, &length) == 0 &&
	       tag == ASN1_TAG_SEQUENCE && length <= total - at - header &&
	       operation_of(p + at, header + length, header) >= 0) {
		(void)message_read(c, s, p + at, header + length, header);
		at += header + length;
		any = true;
	}
	return (struct proto_progress){.used = total, .verdict = any ? PROTO_MORE : PROTO_DONE_BOTH};
}

static struct proto_progress ldap_datagram(
    struct proto_context *c, struct ldap_state *s, const uint8_t *p, size_t n)
{
	uint8_t tag;
	size_t header;
	uint32_t length;
	if (asn1_header(p, n, &tag, &header, &length) == 0 && tag == ASN1_TAG_SEQUENCE &&
	    operation_of(p, n, header) >= 0)
		(void)message_read(c, s, p, n, header);
	return (struct proto_progress){.used = n};
}

static struct proto_progress ldap_parse(
    struct proto_context *c, void *state, enum flow_dir dir, const uint8_t *p, size_t n, bool end)
{
	struct ldap_state *s = state;
	uint8_t tag;
	size_t header;
	uint32_t length;
	if (proto_flow(c)->protocol == PACKET_UDP)
		return ldap_datagram(c, s, p, n);
	/* What the client sends after asking for TLS may be TLS already: the server's answer says. */
	if (n == 0 || (s->asked_tls && dir == FLOW_FORWARD))
		return (struct proto_progress){.used = 0};
	/* No message begins with a zero byte, a SASL buffer of less than 16 MiB does. */
	if (s->sasl_done && p[0] == 0)
		return wrapped_parse(c, s, p, n, end);
	int error = asn1_header(p, n, &tag, &header, &length);
	if (error == -ERR_TRUNCATED)
		return (struct proto_progress){.used = 0};
	if (error < 0 || tag != ASN1_TAG_SEQUENCE)
		return (struct proto_progress){.verdict = PROTO_BROKEN};
	size_t total = header + (size_t)length;
	if (n < LDAP_HEAD && n < total && !end)
		return (struct proto_progress){.used = 0};
	int operation = operation_of(p, n, header);
	if (operation < 0)
		return (struct proto_progress){.verdict = PROTO_BROKEN};
	bool bulk = operation == LDAP_SEARCH_ENTRY || operation == LDAP_SEARCH_REFERENCE ||
	            total > LDAP_MESSAGE_MAX;
	if (bulk) {
		size_t used = n < total ? n : total;
		return (struct proto_progress){.used = used, .skip = total - used};
	}
	if (n < total && !end)
		return (struct proto_progress){.used = 0};
	if (n < total)
		return (struct proto_progress){.used = n};
	bool tls = message_read(c, s, p, total, header);
	return (struct proto_progress){.used = total, .verdict = tls ? PROTO_SWITCH : PROTO_MORE};
}

static void ldap_close(struct proto_context *c, void *state)
{
	struct ldap_state *s = state;
	if (s->bind_pending)
		bind_emit(c, s, false, 0);
}

static enum proto_match ldap_probe(const uint8_t *p, size_t n, bool to_responder, const struct flow *f)
{
	uint8_t tag;
	size_t header;
	uint32_t length;
	bool udp = f->protocol == PACKET_UDP;
	(void)to_responder;
	if (n == 0)
		return PROTO_MAYBE;
	int error = asn1_header(p, n, &tag, &header, &length);
	if (error == -ERR_TRUNCATED)
		return p[0] == ASN1_TAG_SEQUENCE && !udp ? PROTO_MAYBE : PROTO_NO;
	if (error < 0 || tag != ASN1_TAG_SEQUENCE || length < 5 || (udp && header + length > n))
		return PROTO_NO;
	if (n < LDAP_HEAD && n < header + length)
		return udp ? PROTO_NO : PROTO_MAYBE;
	return operation_of(p, n, header) >= 0 ? PROTO_YES : PROTO_NO;
}

const struct proto_parser proto_ldap = {
    .app = APP_LDAP,
    .tcp = true,
    .udp = true,
    .state_size = sizeof(struct ldap_state),
    .buffer_max = LDAP_MESSAGE_MAX,
    .probe = ldap_probe,
    .parse = ldap_parse,
    .close = ldap_close,
};
