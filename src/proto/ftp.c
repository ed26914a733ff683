/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * FTP's control connection (RFC 959, RFC 2428, RFC 4217): a transaction a command with its final reply.
 * Announced data connections are told to the flow table. The argument of PASS and ACCT is never kept.
 *
 * Bounds a flow: FTP_PENDING_MAX commands that await a reply (the oldest is told without one).
 */

#include "base/num.h"
#include "proto/line.h"
#include "proto/parsers.h"

#include <string.h>

enum {
	FTP_PENDING_MAX = 8,
	FTP_ARGUMENT_MAX = 512,
	FTP_NAME_MAX = 128,
	FTP_COMMAND_MAX = 8,
};

struct ftp_command {
	bool third_address;
	uint8_t name_n;
	uint16_t argument_n;
	char name[FTP_COMMAND_MAX];
	char argument[FTP_ARGUMENT_MAX];
};

struct ftp_state {
	struct line_reader lines[2];
	struct ftp_command pending[FTP_PENDING_MAX];
	unsigned first, n; /* of the ring */
	bool asked_tls;
	uint16_t user_n, multiline; /* multiline: the code of a reply that goes on, 0 none */
	char user[FTP_NAME_MAX];
};

static const char *const known_commands[] = {"USER", "PASS", "ACCT", "CWD", "CDUP", "SMNT", "QUIT", "REIN",
    "PORT", "PASV", "TYPE", "STRU", "MODE", "RETR", "STOR", "STOU", "APPE", "ALLO", "REST", "RNFR", "RNTO",
    "ABOR", "DELE", "RMD", "MKD", "PWD", "LIST", "NLST", "SITE", "SYST", "STAT", "HELP", "NOOP", "FEAT",
    "OPTS", "AUTH", "PBSZ", "PROT", "CCC", "EPRT", "EPSV", "SIZE", "MDTM", "MLST", "MLSD", "LANG", "XPWD",
    "XCWD", "CLNT", "HOST", "ADAT", "MIC", "CONF", "ENC"};

static bool command_known(struct text word)
{
	for (size_t i = 0; i < sizeof(known_commands) / sizeof(known_commands[0]); i++)
		if (text_equal_nocase(word, text_of(known_commands[i])))
			return true;
	return false;
}

static bool command_is(const struct ftp_command *k, const char *name)
{
	return text_equal((struct text){.p = k->name, .n = k->name_n}, text_of(name));
}

static struct text argument_of(const struct ftp_command *k)
{
	return (struct text){.p = k->argument, .n = k->argument_n};
}

static bool command_moves_file(const struct ftp_command *k)
{
	return command_is(k, "RETR") || command_is(k, "STOR") || command_is(k, "STOU") ||
	       command_is(k, "APPE");
}

static void expect(struct proto_context *c, bool from_server, struct net_addr to, uint16_t port)
{
	const struct flow *f = proto_flow(c);
	if (port != 0)
		proto_expect(c, from_server ? f->responder : f->initiator, to, port, APP_FTP_DATA);
}

/* "h1,h2,h3,h4,p1,p2" somewhere in the text, as PORT and the reply to PASV have it. */
static bool host_port_read(struct text t, struct net_addr *ret_addr, uint16_t *ret_port)
{
	uint8_t b[6];
	size_t at = 0;
	while (at < t.n && (t.p[at] < '0' || t.p[at] > '9'))
		at++;
	t = text_sub(t, at, t.n);
	for (int i = 0; i < 6; i++) {
		uint64_t v;
		size_t digits = 0;
		while (digits < t.n && t.p[digits] >= '0' && t.p[digits] <= '9')
			digits++;
		if (num_parse_u64(text_sub(t, 0, digits), UINT8_MAX, &v) < 0 ||
		    (i < 5 && (digits >= t.n || t.p[digits] != ',')))
			return false;
		b[i] = (uint8_t)v;
		t = text_sub(t, digits + 1, t.n);
	}
	*ret_addr = net_addr_v4(b);
	*ret_port = (uint16_t)(b[4] * 256 + b[5]);
	return true;
}

/* "|1|10.0.0.1|1025|" or "|||1025|" (RFC 2428 2, 3); *ret_addr stays as it is where no address is given. */
static bool extended_read(struct text t, struct net_addr *ret_addr, uint16_t *ret_port)
{
	uint64_t port;
	size_t open = text_find(t, '(');
	if (open < t.n)
		t = text_sub(t, open + 1, t.n);
	if (t.n < 4)
		return false;
	char bar = t.p[0];
	struct text parts[3];
	t = text_sub(t, 1, t.n);
	for (int i = 0; i < 3; i++) {
		size_t n = text_find(t, bar);
		if (n == t.n)
			return false;
		parts[i] = text_sub(t, 0, n);
		t = text_sub(t, n + 1, t.n);
	}
	if (num_parse_u64(parts[2], UINT16_MAX, &port) < 0)
		return false;
	if (parts[1].n > 0 && net_addr_parse(parts[1], ret_addr) < 0)
		return false;
	*ret_port = (uint16_t)port;
	return true;
}

/*
 * The client offers a port of its own. Another machine's address is the bounce attack (RFC 2577 1), but for a
 * private one that a client behind NAT takes for its own.
 */
static void port_command(struct proto_context *c, struct ftp_command *k)
{
	const struct flow *f = proto_flow(c);
	struct net_addr to = f->initiator;
	uint16_t port;
	bool read = command_is(k, "PORT") ? host_port_read(argument_of(k), &to, &port)
	                                  : extended_read(argument_of(k), &to, &port);
	if (!read)
		return;
	expect(c, true, to, port);
	bool behind_nat = net_addr_is_private(to) && !net_addr_is_private(f->initiator);
	k->third_address = !net_addr_equal(to, f->initiator) && !behind_nat;
}

/* The server offers a port of its own; behind NAT it names an address that the client doesn't use. */
static void passive_reply(struct proto_context *c, struct text reply, bool extended)
{
	const struct flow *f = proto_flow(c);
	struct net_addr to = f->responder;
	uint16_t port;
	if (!(extended ? extended_read(reply, &to, &port) : host_port_read(reply, &to, &port)))
		return;
	expect(c, false, f->responder, port);
	if (!net_addr_equal(to, f->responder))
		expect(c, false, to, port);
}

static void auth_fields(
    struct proto_context *c, struct ftp_state *s, const struct ftp_command *k, unsigned code)
{
	bool granted = code == 230 || code == 232 || code == 234;
	/* 331 after USER only asks for the password. */
	if ((!command_is(k, "PASS") && !command_is(k, "USER")) || code / 100 == 3)
		return;
	if (!granted && code != 530 && code != 430 && code != 532)
		return;
	proto_field_bytes(c, FIELD_AUTH_USER, s->user, s->user_n);
	proto_field_str(c, FIELD_AUTH_METHOD, "password");
	proto_field_str(c, FIELD_AUTH_RESULT, granted ? "success" : "failure");
}

static void command_emit(
    struct proto_context *c, struct ftp_state *s, const struct ftp_command *k, unsigned code)
{
	proto_field_bytes(c, FIELD_FTP_COMMAND, k->name, k->name_n);
	proto_field(c, FIELD_FTP_ARGUMENT, argument_of(k));
	if (k->third_address)
		proto_field_str(c, FIELD_ANOMALY, "ftp data connection to a third address");
	if (command_moves_file(k))
		proto_field(c, FIELD_FILE_NAME, argument_of(k));
	if (code) {
		proto_field_num(c, FIELD_FTP_REPLY, code);
		auth_fields(c, s, k, code);
	}
	proto_emit(c);
}

static struct ftp_command *pending_push(struct proto_context *c, struct ftp_state *s)
{
	if (s->n == FTP_PENDING_MAX) {
		command_emit(c, s, &s->pending[s->first], 0);
		s->first = (s->first + 1) % FTP_PENDING_MAX;
		s->n--;
	}
	return &s->pending[(s->first + s->n++) % FTP_PENDING_MAX];
}

static void command_line(struct proto_context *c, struct ftp_state *s, struct text line)
{
	struct text argument, word = line_word(line, &argument);
	if (word.n < 3 || word.n > FTP_COMMAND_MAX)
		return;
	struct ftp_command *k = pending_push(c, s);
	*k = (struct ftp_command){.name_n = (uint8_t)word.n};
	for (size_t i = 0; i < word.n; i++)
		k->name[i] = word.p[i] >= 'a' && word.p[i] <= 'z' ? (char)(word.p[i] - 'a' + 'A') : word.p[i];
	if (!command_is(k, "PASS") && !command_is(k, "ACCT") && argument.n > 0) {
		k->argument_n = (uint16_t)text_sub(argument, 0, FTP_ARGUMENT_MAX).n;
		memcpy(k->argument, argument.p, k->argument_n);
	}
	if (command_is(k, "USER")) {
		s->user_n = (uint16_t)text_sub(argument, 0, FTP_NAME_MAX).n;
		if (s->user_n > 0)
			memcpy(s->user, argument.p, s->user_n);
	} else if (command_is(k, "PORT") || command_is(k, "EPRT")) {
		port_command(c, k);
	} else if (command_is(k, "AUTH")) {
		s->asked_tls = true;
	}
}

/* The code of a reply line, 0 where it is none; *ret_last: no line of this reply follows (RFC 959 4.2). */
static unsigned reply_code(struct text line, bool *ret_last)
{
	uint64_t code;
	if (line.n < 3 || num_parse_u64(text_sub(line, 0, 3), 659, &code) < 0 || code < 100)
		return 0;
	*ret_last = line.n == 3 || line.p[3] == ' ';
	return line.n == 3 || line.p[3] == ' ' || line.p[3] == '-' ? (unsigned)code : 0;
}

/* Returns whether TLS begins. */
static bool reply_line(struct proto_context *c, struct ftp_state *s, struct text line)
{
	bool last = true;
	unsigned code = reply_code(line, &last);
	if (s->multiline && (code != s->multiline || !last))
		return false;
	s->multiline = code && !last ? (uint16_t)code : 0;
	/* 1xx announces, the final reply follows; the greeting answers nothing. */
	if (code < 200 || s->multiline || s->n == 0)
		return false;
	struct ftp_command *k = &s->pending[s->first];
	s->first = (s->first + 1) % FTP_PENDING_MAX;
	s->n--;
	if (code == 227 || code == 229)
		passive_reply(c, text_sub(line, 4, line.n), code == 229);
	bool tls = s->asked_tls && command_is(k, "AUTH") && (code == 234 || code == 334);
	if (command_is(k, "AUTH"))
		s->asked_tls = false;
	command_emit(c, s, k, code);
	return tls && code == 234;
}

static struct proto_progress ftp_parse(
    struct proto_context *c, void *state, enum flow_dir dir, const uint8_t *p, size_t n, bool end)
{
	struct ftp_state *s = state;
	struct proto_progress r = {.used = 0};
	struct text line;
	if (dir == FLOW_FORWARD && s->asked_tls && !end)
		return r;
	if (!line_take(&s->lines[dir], p, n, end, &line, &r.used))
		return r;
	if (dir == FLOW_FORWARD)
		command_line(c, s, line);
	else if (reply_line(c, s, line))
		r.verdict = PROTO_SWITCH;
	return r;
}

/* Lines that were lost make no difference but to what waited for them. */
static bool ftp_gap(struct proto_context *c, void *state, enum flow_dir dir, uint64_t length)
{
	struct ftp_state *s = state;
	(void)length;
	s->lines[dir].passing = true;
	s->multiline = 0;
	while (s->n > 0) {
		command_emit(c, s, &s->pending[s->first], 0);
		s->first = (s->first + 1) % FTP_PENDING_MAX;
		s->n--;
	}
	return true;
}

static void ftp_close(struct proto_context *c, void *state)
{
	struct ftp_state *s = state;
	for (; s->n > 0; s->n--) {
		command_emit(c, s, &s->pending[s->first], 0);
		s->first = (s->first + 1) % FTP_PENDING_MAX;
	}
}

static bool greeting_fits(const uint8_t *p, size_t n)
{
	static const uint8_t codes[] = {'2', '2', '0'};
	for (size_t i = 0; i < n && i < 3; i++)
		if (p[i] != codes[i])
			return false;
	return n < 4 || p[3] == ' ' || p[3] == '-';
}

/* The server's greeting is SMTP's as well: the client's first command decides. */
static enum proto_match ftp_probe(const uint8_t *p, size_t n, bool to_responder, const struct flow *f)
{
	struct text t = text_bytes(p, n);
	(void)f;
	if (!to_responder)
		return greeting_fits(p, n) ? PROTO_MAYBE : PROTO_NO;
	if (!line_may_begin(p, n))
		return PROTO_NO;
	size_t eol = text_find(t, '\n');
	struct text rest, word = line_word(text_trim(text_sub(t, 0, eol)), &rest);
	for (size_t i = 0; i < word.n; i++)
		if ((word.p[i] | 0x20) < 'a' || (word.p[i] | 0x20) > 'z')
			return PROTO_NO;
	if (eol == n)
		return n < 64 ? PROTO_MAYBE : PROTO_NO;
	/* IRC has a USER with four parameters. */
	if (text_equal_nocase(word, TEXT("USER")) && text_find(rest, ':') < rest.n)
		return PROTO_NO;
	/* Explicit TLS is what a client begins with; POP3's AUTH names a SASL mechanism. */
	if (text_equal_nocase(word, TEXT("AUTH")))
		return text_starts_nocase(rest, TEXT("TLS")) || text_starts_nocase(rest, TEXT("SSL"))
		           ? PROTO_YES
		           : PROTO_MAYBE;
	/* Said by clients of IRC, POP3 and SMTP as well. */
	bool shared = text_equal_nocase(word, TEXT("PASS")) || text_equal_nocase(word, TEXT("QUIT")) ||
	              text_equal_nocase(word, TEXT("HELP")) || text_equal_nocase(word, TEXT("NOOP")) ||
	              text_equal_nocase(word, TEXT("LIST")) || text_equal_nocase(word, TEXT("STAT"));
	if (!command_known(word))
		return PROTO_NO;
	return shared ? PROTO_MAYBE : PROTO_YES;
}

const struct proto_parser proto_ftp = {
    .app = APP_FTP,
    .tcp = true,
    .state_size = sizeof(struct ftp_state),
    .buffer_max = 8192,
    .probe = ftp_probe,
    .parse = ftp_parse,
    .gap = ftp_gap,
    .close = ftp_close,
};
