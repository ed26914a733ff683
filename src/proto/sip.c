/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * SIP over UDP and TCP (RFC 3261): method, URI and code of each message, with the user that From names. The
 * answer to a REGISTER that carried credentials tells whether they were good.
 */

#include "base/num.h"
#include "proto/line.h"
#include "proto/parsers.h"

#include <string.h>

enum {
	SIP_HEADER_MAX = 8192, /* of a message over TCP */
	SIP_USER_MAX = 128,
	SIP_LINES_MAX = 128, /* header lines that are looked at */
};

struct sip_state {
	bool registering; /* with credentials: the answer is a verdict */
	uint16_t user_n;
	char user[SIP_USER_MAX];
};

/* The parts of a message's head; texts borrow it. */
struct sip_head {
	struct text method, uri, code, cseq_method, from_user;
	bool credentials;
	uint64_t content_length;
};

static const char *const methods[] = {"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "PRACK",
    "SUBSCRIBE", "NOTIFY", "PUBLISH", "INFO", "REFER", "MESSAGE", "UPDATE"};

static bool method_known(struct text t)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (text_equal(t, text_of(methods[i])))
			return true;
	return false;
}

/* "sip:alice@example.org" or "sips:..." inside a header to "alice". */
static struct text user_of(struct text value)
{
	for (size_t i = 0; i + 4 < value.n; i++) {
		struct text here = text_sub(value, i, value.n);
		size_t scheme = text_starts_nocase(here, TEXT("sip:"))    ? 4
		                : text_starts_nocase(here, TEXT("sips:")) ? 5
		                                                          : 0;
		if (scheme == 0)
			continue;
		struct text address = text_sub(here, scheme, here.n);
		size_t at = text_find(address, '@');
		if (at == address.n || at > text_find(address, '>'))
			return (struct text){0};
		address = text_sub(address, 0, at);
		return text_sub(address, 0, text_find(address, ':'));
	}
	return (struct text){0};
}

static bool start_line(struct text line, struct sip_head *h)
{
	struct text rest, word = line_word(line, &rest);
	if (text_equal(word, TEXT("SIP/2.0"))) {
		uint64_t code;
		h->code = text_sub(rest, 0, 3);
		return num_parse_u64(h->code, 699, &code) == 0 && code >= 100 &&
		       (rest.n == 3 || rest.p[3] == ' ');
	}
	if (!method_known(word))
		return false;
	h->method = word;
	size_t blank = text_find(rest, ' ');
	h->uri = text_sub(rest, 0, blank);
	return text_equal(text_trim(text_sub(rest, blank, rest.n)), TEXT("SIP/2.0"));
}

static void header_line(struct text line, struct sip_head *h)
{
	size_t colon = text_find(line, ':');
	struct text name = text_trim(text_sub(line, 0, colon)),
	            value = text_trim(text_sub(line, colon + 1, line.n));
	if (text_equal_nocase(name, TEXT("From")) || text_equal_nocase(name, TEXT("f"))) {
		h->from_user = user_of(value);
	} else if (text_equal_nocase(name, TEXT("CSeq"))) {
		struct text rest;
		(void)line_word(value, &rest);
		h->cseq_method = rest;
	} else if (text_equal_nocase(name, TEXT("Authorization")) ||
	           text_equal_nocase(name, TEXT("Proxy-Authorization"))) {
		h->credentials = true;
	} else if (text_equal_nocase(name, TEXT("Content-Length")) || text_equal_nocase(name, TEXT("l"))) {
		if (num_parse_u64(value, UINT32_MAX, &h->content_length) < 0)
			h->content_length = 0;
	}
}

/* Returns whether the head is one; it ends before the body. */
static bool head_read(struct text head, struct sip_head *h)
{
	memset(h, 0, sizeof(*h));
	for (int i = 0; i < SIP_LINES_MAX && head.n > 0; i++) {
		size_t eol = text_find(head, '\n');
		struct text line = text_sub(head, 0, eol);
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		head = text_sub(head, eol + 1, head.n);
		if (i == 0 && !start_line(line, h))
			return false;
		if (line.n == 0)
			break;
		if (i > 0)
			header_line(line, h);
	}
	return h->code.n > 0 || h->method.n > 0;
}

static void auth_fields(struct proto_context *c, struct sip_state *s, const struct sip_head *h)
{
	uint64_t code = 0;
	(void)num_parse_u64(h->code, 699, &code);
	if (!s->registering || code < 200 || !text_equal(h->cseq_method, TEXT("REGISTER")))
		return;
	bool granted = code < 300;
	if (!granted && code != 401 && code != 403 && code != 404 && code != 407)
		return;
	proto_field_bytes(c, FIELD_AUTH_USER, s->user, s->user_n);
	proto_field_str(c, FIELD_AUTH_METHOD, "digest");
	proto_field_str(c, FIELD_AUTH_RESULT, granted ? "success" : "failure");
	s->registering = false;
}

static void message_emit(struct proto_context *c, struct sip_state *s, const struct sip_head *h)
{
	if (h->code.n > 0) {
		proto_field(c, FIELD_SIP_METHOD, h->cseq_method);
		proto_field(c, FIELD_SIP_CODE, h->code);
		auth_fields(c, s, h);
	} else {
		proto_field(c, FIELD_SIP_METHOD, h->method);
		proto_field(c, FIELD_SIP_URI, h->uri);
		proto_field(c, FIELD_AUTH_USER, h->from_user);
		if (text_equal(h->method, TEXT("REGISTER"))) {
			struct text user = text_sub(h->from_user, 0, SIP_USER_MAX);
			s->registering = h->credentials;
			s->user_n = (uint16_t)user.n;
			if (user.n > 0)
				memcpy(s->user, user.p, user.n);
		}
	}
	proto_emit(c);
}

/* The length of the head with its empty line, 0 where that isn't there. */
static size_t head_length(const uint8_t *p, size_t n)
{
	const uint8_t *end = memmem(p, n, "\r\n\r\n", 4);
	if (end)
		return (size_t)(end - p) + 4;
	end = memmem(p, n, "\n\n", 2);
	return end ? (size_t)(end - p) + 2 : 0;
}

static struct proto_progress sip_parse(
    struct proto_context *c, void *state, enum flow_dir dir, const uint8_t *p, size_t n, bool end)
{
	struct sip_head h;
	bool udp = proto_flow(c)->protocol == PACKET_UDP;
	(void)dir;
	if (udp) {
		if (head_read(text_bytes(p, n), &h))
			message_emit(c, state, &h);
		return (struct proto_progress){.used = n};
	}
	/* Keep-alives between messages (RFC 5626 3.5.1). */
	size_t blank = 0;
	while (blank < n && (p[blank] == '\r' || p[blank] == '\n'))
		blank++;
	if (blank > 0)
		return (struct proto_progress){.used = blank};
	size_t length = head_length(p, n);
	if (length == 0 && n >= SIP_HEADER_MAX)
		return (struct proto_progress){.verdict = PROTO_BROKEN};
	if (length == 0 && !(end && n > 0))
		return (struct proto_progress){.used = 0};
	if (length == 0)
		length = n;
	if (!head_read(text_bytes(p, length), &h))
		return (struct proto_progress){.verdict = PROTO_BROKEN};
	message_emit(c, state, &h);
	return (struct proto_progress){.used = length, .skip = h.content_length};
}

static enum proto_match sip_probe(const uint8_t *p, size_t n, bool to_responder, const struct flow *f)
{
	struct sip_head h;
	struct text t = text_bytes(p, n);
	(void)to_responder;
	if (!line_may_begin(p, n))
		return PROTO_NO;
	size_t eol = text_find(t, '\n');
	memset(&h, 0, sizeof(h));
	struct text line = text_sub(t, 0, eol);
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (eol < n)
		return start_line(line, &h) ? PROTO_YES : PROTO_NO;
	if (f->protocol == PACKET_UDP)
		return PROTO_NO;
	/* A part of the first line: does its first word fit? */
	size_t word = text_find(line, ' ');
	if (word == 0)
		return n == 0 ? PROTO_MAYBE : PROTO_NO;
	if (text_starts_nocase(TEXT("SIP/2.0"), text_sub(line, 0, word)))
		return PROTO_MAYBE;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (text_starts_nocase(text_of(methods[i]), text_sub(line, 0, word)))
			return PROTO_MAYBE;
	return PROTO_NO;
}

const struct proto_parser proto_sip = {
    .app = APP_SIP,
    .tcp = true,
    .udp = true,
    .state_size = sizeof(struct sip_state),
    .buffer_max = SIP_HEADER_MAX,
    .probe = sip_probe,
    .parse = sip_parse,
};
