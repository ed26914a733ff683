/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * SMTP (RFC 5321; RFC 3030 BDAT; RFC 3207 STARTTLS; RFC 4954 AUTH): a transaction a message (who, to whom,
 * subject, bytes, the reply's verdict is in its being sent) and one an authentication. A message's text is
 * counted, its Subject read, the rest passed over.
 *
 * Bounds a flow: SMTP_RECIPIENTS_MAX recipients of a message are kept, further ones are left out.
 */

#include "base/num.h"
#include "proto/gss.h"
#include "proto/line.h"
#include "proto/parsers.h"
#include "proto/smtp_auth.h"

#include <string.h>

enum {
	SMTP_RECIPIENTS_MAX = 8,
	SMTP_ADDRESS_MAX = 256,
	SMTP_SUBJECT_MAX = 512,
	SMTP_PENDING_MAX = 64,
};

/* What a reply may answer, in the order in which the client asked (RFC 2920 pipelining). */
enum smtp_ask {
	SMTP_ASK_OTHER,
	SMTP_ASK_DATA,
	SMTP_ASK_MESSAGE,
	SMTP_ASK_STARTTLS,
	SMTP_ASK_AUTH,
	SMTP_ASK_RESET
};

enum smtp_mode { SMTP_COMMANDS, SMTP_HEADERS, SMTP_BODY, SMTP_AUTH_EXCHANGE };

struct smtp_string {
	uint16_t n;
	char p[SMTP_ADDRESS_MAX];
};

struct smtp_state {
	struct line_reader lines[2];
	enum smtp_mode mode;
	uint8_t pending[SMTP_PENDING_MAX];
	unsigned first, n_pending;
	bool asked_tls, has_message, in_subject;
	uint16_t multiline;
	uint64_t message_bytes;
	struct smtp_string helo, from, to[SMTP_RECIPIENTS_MAX];
	size_t n_to;
	uint16_t subject_n;
	char subject[SMTP_SUBJECT_MAX];
	struct smtp_auth auth;
};

static void string_keep(struct smtp_string *s, struct text t)
{
	t = text_sub(t, 0, sizeof(s->p));
	if (t.n > 0)
		memcpy(s->p, t.p, t.n);
	s->n = (uint16_t)t.n;
}

static void pending_push(struct smtp_state *s, enum smtp_ask ask)
{
	if (s->n_pending == SMTP_PENDING_MAX) {
		s->first = (s->first + 1) % SMTP_PENDING_MAX;
		s->n_pending--;
	}
	s->pending[(s->first + s->n_pending++) % SMTP_PENDING_MAX] = (uint8_t)ask;
}

static void message_reset(struct smtp_state *s)
{
	s->has_message = false;
	s->from.n = 0;
	s->n_to = 0;
	s->subject_n = 0;
	s->message_bytes = 0;
}

static void message_emit(struct proto_context *c, struct smtp_state *s)
{
	if (!s->has_message)
		return;
	proto_field_bytes(c, FIELD_SMTP_HELO, s->helo.p, s->helo.n);
	proto_field_bytes(c, FIELD_SMTP_FROM, s->from.p, s->from.n);
	for (size_t i = 0; i < s->n_to; i++)
		proto_field_bytes(c, FIELD_SMTP_TO, s->to[i].p, s->to[i].n);
	proto_field_bytes(c, FIELD_SMTP_SUBJECT, s->subject, s->subject_n);
	if (s->message_bytes)
		proto_field_num(c, FIELD_FILE_BYTES, s->message_bytes);
	proto_emit(c);
	message_reset(s);
}

/* "FROM:<a@b> SIZE=1" to "a@b"; without brackets up to the first blank. */
static struct text path_of(struct text argument)
{
	size_t colon = text_find(argument, ':');
	struct text path = text_trim(text_sub(argument, colon + 1, argument.n));
	if (path.n > 0 && path.p[0] == '<')
		return text_sub(path, 1, text_find(path, '>') - 1);
	return text_sub(path, 0, text_find(path, ' '));
}

/* BDAT size [LAST]: the chunk follows at once. Returns its length. */
static uint64_t bdat_command(struct smtp_state *s, struct text argument)
{
	struct text last, size = line_word(argument, &last);
	uint64_t bytes = 0;
	if (num_parse_u64(size, UINT32_MAX, &bytes) < 0)
		bytes = 0;
	s->message_bytes += bytes;
	pending_push(s, text_equal_nocase(last, TEXT("LAST")) ? SMTP_ASK_MESSAGE : SMTP_ASK_OTHER);
	return bytes;
}

/* Returns how many bytes after the line are a chunk of a message. */
static uint64_t command_line(struct proto_context *c, struct smtp_state *s, struct text line)
{
	struct text argument, word = line_word(line, &argument);
	enum smtp_ask ask = SMTP_ASK_OTHER;
	if (text_equal_nocase(word, TEXT("BDAT")))
		return bdat_command(s, argument);
	if (text_equal_nocase(word, TEXT("EHLO")) || text_equal_nocase(word, TEXT("HELO")) ||
	    text_equal_nocase(word, TEXT("LHLO"))) {
		string_keep(&s->helo, argument);
	} else if (text_equal_nocase(word, TEXT("MAIL"))) {
		message_emit(c, s);
		s->has_message = true;
		string_keep(&s->from, path_of(argument));
	} else if (text_equal_nocase(word, TEXT("RCPT"))) {
		s->has_message = true;
		if (s->n_to < SMTP_RECIPIENTS_MAX)
			string_keep(&s->to[s->n_to++], path_of(argument));
	} else if (text_equal_nocase(word, TEXT("DATA"))) {
		ask = SMTP_ASK_DATA;
		s->mode = SMTP_HEADERS;
		s->in_subject = false;
	} else if (text_equal_nocase(word, TEXT("STARTTLS"))) {
		ask = SMTP_ASK_STARTTLS;
		s->asked_tls = true;
	} else if (text_equal_nocase(word, TEXT("AUTH"))) {
		ask = SMTP_ASK_AUTH;
		smtp_auth_begin(&s->auth, argument);
		s->mode = SMTP_AUTH_EXCHANGE;
	} else if (text_equal_nocase(word, TEXT("RSET"))) {
		ask = SMTP_ASK_RESET;
	}
	pending_push(s, ask);
	return 0;
}

static void subject_add(struct smtp_state *s, struct text t)
{
	t = text_sub(t, 0, sizeof(s->subject) - s->subject_n);
	if (t.n > 0)
		memcpy(s->subject + s->subject_n, t.p, t.n);
	s->subject_n = (uint16_t)(s->subject_n + t.n);
}

/* A line of a message: header until the empty one (RFC 5322 2.2.3 folding), then body; a lone dot ends it. */
static void message_line(struct smtp_state *s, struct text line, size_t used)
{
	static const char subject[] = "Subject:";
	if (text_equal(line, TEXT("."))) {
		s->mode = SMTP_COMMANDS;
		pending_push(s, SMTP_ASK_MESSAGE);
		return;
	}
	s->message_bytes += used;
	if (s->mode == SMTP_BODY)
		return;
	bool folded = line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t');
	if (folded && s->in_subject) {
		subject_add(s, TEXT(" "));
		subject_add(s, text_trim(line));
	} else if (!folded) {
		s->in_subject = text_starts_nocase(line, TEXT(subject)) && s->subject_n == 0;
		if (s->in_subject)
			subject_add(s, text_trim(text_sub(line, sizeof(subject) - 1, line.n)));
	}
	if (line.n == 0)
		s->mode = SMTP_BODY;
}

static void auth_emit(struct proto_context *c, struct smtp_state *s, bool granted)
{
	proto_field_bytes(c, FIELD_SMTP_HELO, s->helo.p, s->helo.n);
	smtp_auth_fields(c, &s->auth);
	proto_field_str(c, FIELD_AUTH_RESULT, granted ? "success" : "failure");
	proto_emit(c);
}

/* Returns whether TLS begins. */
static bool reply(struct proto_context *c, struct smtp_state *s, unsigned code)
{
	if (s->n_pending == 0)
		return false;
	enum smtp_ask ask = s->pending[s->first];
	if (ask == SMTP_ASK_AUTH && code == 334)
		return false;
	s->first = (s->first + 1) % SMTP_PENDING_MAX;
	s->n_pending--;
	switch (ask) {
	case SMTP_ASK_OTHER: break;
	case SMTP_ASK_DATA:
		/* Refused: what the client sends next is a command again. */
		if (code != 354 && (s->mode == SMTP_HEADERS || s->mode == SMTP_BODY))
			s->mode = SMTP_COMMANDS;
		break;
	case SMTP_ASK_MESSAGE: message_emit(c, s); break;
	case SMTP_ASK_STARTTLS: s->asked_tls = false; return code == 220;
	case SMTP_ASK_AUTH:
		s->mode = SMTP_COMMANDS;
		if (code == 235 || code == 535 || code == 534 || code == 538)
			auth_emit(c, s, code == 235);
		break;
	case SMTP_ASK_RESET: message_reset(s); break;
	}
	return false;
}

static bool reply_line(struct proto_context *c, struct smtp_state *s, struct text line)
{
	uint64_t code;
	if (line.n < 3 || num_parse_u64(text_sub(line, 0, 3), 599, &code) < 0 || code < 200)
		return false;
	/* Each line of a multi-line reply but the last has a dash behind the code (RFC 5321 4.2.1). */
	if (line.n > 3 && line.p[3] == '-')
		return false;
	if (s->mode == SMTP_AUTH_EXCHANGE && code == 334)
		s->auth.challenges++;
	return reply(c, s, (unsigned)code);
}

static struct proto_progress client(
    struct proto_context *c, struct smtp_state *s, const uint8_t *p, size_t n, bool end)
{
	struct proto_progress r = {.used = 0};
	struct text line;
	bool was_passing = s->lines[FLOW_FORWARD].passing;
	if (s->asked_tls && !end)
		return r;
	bool taken = line_take(&s->lines[FLOW_FORWARD], p, n, end, &line, &r.used);
	bool message = s->mode == SMTP_HEADERS || s->mode == SMTP_BODY;
	if (message && !taken && was_passing)
		s->message_bytes += r.used;
	if (!taken)
		return r;
	if (message)
		message_line(s, line, r.used);
	else if (s->mode == SMTP_AUTH_EXCHANGE)
		smtp_auth_response(&s->auth, line);
	else
		r.skip = command_line(c, s, line);
	return r;
}

static struct proto_progress smtp_parse(
    struct proto_context *c, void *state, enum flow_dir dir, const uint8_t *p, size_t n, bool end)
{
	struct smtp_state *s = state;
	struct proto_progress r = {.used = 0};
	struct text line;
	if (dir == FLOW_FORWARD)
		return client(c, s, p, n, end);
	if (line_take(&s->lines[dir], p, n, end, &line, &r.used) && reply_line(c, s, line))
		r.verdict = PROTO_SWITCH;
	return r;
}

/* In a message the missing bytes count as sent; whatever else is lost ends a line. */
static bool smtp_gap(struct proto_context *c, void *state, enum flow_dir dir, uint64_t length)
{
	struct smtp_state *s = state;
	(void)c;
	s->lines[dir].passing = true;
	if (dir == FLOW_FORWARD && (s->mode == SMTP_HEADERS || s->mode == SMTP_BODY)) {
		s->message_bytes += length;
		s->mode = SMTP_BODY;
	}
	return true;
}

static void smtp_close(struct proto_context *c, void *state)
{
	message_emit(c, state);
}

static enum proto_match smtp_probe(const uint8_t *p, size_t n, bool to_responder, const struct flow *f)
{
	struct text t = text_bytes(p, n);
	(void)f;
	if (!to_responder) {
		/* 220 greets, 421 and 554 turn away (RFC 5321 3.1, 4.2.3). */
		bool code = memcmp(p, "220", n < 3 ? n : 3) == 0 || memcmp(p, "554", n < 3 ? n : 3) == 0;
		return code && (n < 4 || p[3] == ' ' || p[3] == '-') ? PROTO_MAYBE : PROTO_NO;
	}
	if (!line_may_begin(p, n))
		return PROTO_NO;
	size_t eol = text_find(t, '\n');
	struct text rest, word = line_word(text_trim(text_sub(t, 0, eol)), &rest);
	static const char *const first[] = {"EHLO", "HELO", "LHLO"}, *const later[] = {
	                                                                 "QUIT", "NOOP", "RSET", "STARTTLS"};
	if (word.n < 4 && eol == n)
		return n == 0 || (((p[0] | 0x20) >= 'a') && ((p[0] | 0x20) <= 'z')) ? PROTO_MAYBE : PROTO_NO;
	for (size_t i = 0; i < 3; i++)
		if (text_equal_nocase(word, text_of(first[i])))
			return eol < n ? PROTO_YES : PROTO_MAYBE;
	/* Without a greeting of its own a client may ask for TLS or go; QUIT and NOOP are FTP's too. */
	for (size_t i = 0; i < 4; i++)
		if (text_equal_nocase(word, text_of(later[i])))
			return PROTO_MAYBE;
	bool mail = text_starts_nocase(t, TEXT("MAIL FROM:")) || text_starts_nocase(t, TEXT("RCPT TO:"));
	return mail ? PROTO_YES : PROTO_NO;
}

const struct proto_parser proto_smtp = {
    .app = APP_SMTP,
    .tcp = true,
    .state_size = sizeof(struct smtp_state),
    .buffer_max = 8192,
    .probe = smtp_probe,
    .parse = smtp_parse,
    .gap = smtp_gap,
    .close = smtp_close,
};
