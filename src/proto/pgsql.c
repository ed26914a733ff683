/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * PostgreSQL, protocol 3 (documentation, "Message Formats"): start-up, authentication and its result.
 * Statements are not read.
 */

#include "base/cursor.h"
#include "proto/parsers.h"

#include <string.h>

enum {
	PGSQL_MESSAGE_MAX = 8192, /* of the start-up phase */
	PGSQL_NAME_MAX = 96,
	PGSQL_VERSION_3 = 196608,
	PGSQL_CANCEL = 80877102,
	PGSQL_SSL_REQUEST = 80877103,
	PGSQL_GSS_REQUEST = 80877104,
};

struct pgsql_state {
	bool asked_encryption, started, told;
	const char *method;
	uint16_t user_n;
	char user[PGSQL_NAME_MAX];
};

static const char *method_name(uint32_t type)
{
	switch (type) {
	case 2: return "Kerberos";
	case 3: return "cleartext";
	case 5: return "md5";
	case 7: return "gss";
	case 9: return "sspi";
	case 10: return "scram-sha-256";
	default: return NULL;
	}
}

static void emit(struct proto_context *c, struct pgsql_state *s, const char *result)
{
	s->told = true;
	proto_field_bytes(c, FIELD_AUTH_USER, s->user, s->user_n);
	if (s->method || result)
		proto_field_str(c, FIELD_AUTH_METHOD, s->method ? s->method : "trust");
	if (result)
		proto_field_str(c, FIELD_AUTH_RESULT, result);
	proto_emit(c);
}

/* Name and value in turn, each closed with NUL. */
static struct text parameter_find(struct text list, const char *name)
{
	while (list.n > 1) {
		size_t n = text_find(list, '\0');
		struct text key = text_sub(list, 0, n), rest = text_sub(list, n + 1, list.n);
		size_t value = text_find(rest, '\0');
		if (text_equal(key, text_of(name)))
			return text_sub(rest, 0, value);
		list = text_sub(rest, value + 1, rest.n);
	}
	return (struct text){0};
}

static struct proto_progress startup(struct pgsql_state *s, const uint8_t *p, size_t n)
{
	if (n < 8)
		return (struct proto_progress){.used = 0};
	size_t length = load_be32(p);
	uint32_t code = load_be32(p + 4);
	if (length < 8 || length > PGSQL_MESSAGE_MAX)
		return (struct proto_progress){.verdict = PROTO_BROKEN};
	if (n < length)
		return (struct proto_progress){.used = 0};
	if (code == PGSQL_SSL_REQUEST || code == PGSQL_GSS_REQUEST) {
		s->asked_encryption = true;
	} else if (code == PGSQL_CANCEL) {
		return (struct proto_progress){.used = length, .verdict = PROTO_DONE_BOTH};
	} else if (code >> 16 == 3) {
		struct text user = parameter_find(text_bytes(p + 8, length - 8), "user");
		user = text_sub(user, 0, PGSQL_NAME_MAX);
		s->user_n = (uint16_t)user.n;
		if (user.p)
			memcpy(s->user, user.p, user.n);
		s->started = true;
	} else {
		return (struct proto_progress){.verdict = PROTO_BROKEN};
	}
	return (struct proto_progress){.used = length};
}

static struct proto_progress client(struct pgsql_state *s, const uint8_t *p, size_t n)
{
	if (s->asked_encryption)
		return (struct proto_progress){.used = 0};
	if (!s->started)
		return startup(s, p, n);
	/* Passwords and SASL responses: passed over. */
	if (n < 5)
		return (struct proto_progress){.used = 0};
	uint32_t length = load_be32(p + 1);
	if (length < 4)
		return (struct proto_progress){.verdict = PROTO_BROKEN};
	return (struct proto_progress){.used = 5, .skip = length - 4};
}

/* ErrorResponse: fields of a letter and a string; 'C' is the SQLSTATE. Class 28: invalid authorization. */
static bool error_is_refusal(struct text body)
{
	while (body.n > 1) {
		size_t n = text_find(body, '\0');
		struct text value = text_sub(body, 1, n - 1);
		if (body.p[0] == 'C')
			return text_starts_nocase(value, TEXT("28"));
		if (n == 0)
			break;
		body = text_sub(body, n + 1, body.n);
	}
	return false;
}

static struct proto_progress server(
    struct proto_context *c, struct pgsql_state *s, const uint8_t *p, size_t n)
{
	if (s->asked_encryption && n > 0 && (p[0] == 'S' || p[0] == 'G' || p[0] == 'N')) {
		s->asked_encryption = false;
		return (struct proto_progress){.used = 1,
		    .verdict = p[0] == 'S'   ? PROTO_SWITCH
		               : p[0] == 'G' ? PROTO_DONE_BOTH
		                             : PROTO_MORE};
	}
	if (n < 5)
		return (struct proto_progress){.used = 0};
	size_t length = load_be32(p + 1);
	if (length < 4 || length > PGSQL_MESSAGE_MAX - 1)
		return (struct proto_progress){.verdict = PROTO_BROKEN};
	if (n < length + 1)
		return (struct proto_progress){.used = 0};
	struct proto_progress r = {.used = length + 1};
	if (p[0] == 'R' && length >= 8) {
		uint32_t type = load_be32(p + 5);
		if (method_name(type))
			s->method = method_name(type);
		if (type == 0) {
			emit(c, s, "success");
			r.verdict = PROTO_DONE_BOTH;
		}
	} else if (p[0] == 'E') {
		emit(c, s, error_is_refusal(text_bytes(p + 5, length - 4)) ? "failure" : NULL);
		r.verdict = PROTO_DONE_BOTH;
	}
	return r;
}

static struct proto_progress pgsql_parse(
    struct proto_context *c, void *state, enum flow_dir dir, const uint8_t *p, size_t n, bool end)
{
	(void)end;
	return dir == FLOW_FORWARD ? client(state, p, n) : server(c, state, p, n);
}

static void pgsql_close(struct proto_context *c, void *state)
{
	struct pgsql_state *s = state;
	if (s->started && !s->told)
		emit(c, s, NULL);
}

static enum proto_match pgsql_probe(const uint8_t *p, size_t n, bool to_responder, const struct flow *f)
{
	(void)f;
	if (!to_responder) /* a letter; the client's request said what it answers */
		return n == 0 || p[0] == 'S' || p[0] == 'N' || p[0] == 'R' || p[0] == 'E' || p[0] == 'G'
		           ? PROTO_MAYBE
		           : PROTO_NO;
	if (n < 8)
		return n == 0 || p[0] == 0 ? PROTO_MAYBE : PROTO_NO;
	uint32_t length = load_be32(p), code = load_be32(p + 4);
	if (code == PGSQL_SSL_REQUEST || code == PGSQL_GSS_REQUEST)
		return length == 8 ? PROTO_YES : PROTO_NO;
	if (code == PGSQL_CANCEL)
		return length == 16 ? PROTO_YES : PROTO_NO;
	if (code != PGSQL_VERSION_3 || length < 16 || length > PGSQL_MESSAGE_MAX)
		return PROTO_NO;
	if (n < length && n < PROTO_PROBE_BYTES)
		return PROTO_MAYBE;
	return memmem(p + 8, n - 8, "user", 5) ? PROTO_YES : PROTO_NO;
}

const struct proto_parser proto_pgsql = {
    .app = APP_POSTGRESQL,
    .tcp = true,
    .state_size = sizeof(struct pgsql_state),
    .buffer_max = PGSQL_MESSAGE_MAX,
    .probe = pgsql_probe,
    .parse = pgsql_parse,
    .close = pgsql_close,
};
