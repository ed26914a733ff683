/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * SSH 2: banners, HASSH, and whether the login succeeded (proto/ssh_auth.h). One transaction a flow: as soon
 * as a success is seen, after SSH_SEALED_MAX encrypted packets of the server without one, or when the flow
 * ends. What follows isn't looked at.
 */

#include <stdlib.h>
#include <string.h>

#include "proto/parsers.h"
#include "proto/ssh_auth.h"
#include "proto/ssh_kex.h"

enum {
	SSH_PACKET_MAX = 35000, /* RFC 4253, 6.1 */
	SSH_SEALED_PACKET_MAX = 256 << 10,
	SSH_LINE_MAX = 1024,
	SSH_LINES_MAX = 50, /* before the banner (RFC 4253, 4.2) */
	SSH_BANNER_MAX = 255,
	SSH_SEALED_MAX = 60,
	SSH_MSG_KEXINIT = 20,
	SSH_MSG_NEWKEYS = 21,
};

enum ssh_phase { SSH_PHASE_BANNER, SSH_PHASE_KEX, SSH_PHASE_SEALED };

struct ssh_side {
	enum ssh_phase phase;
	uint8_t lines, banner_n;
	bool has_hassh;
	uint8_t hassh[SSH_HASSH_SIZE];
	uint8_t *kexinit; /* the payload after its number, until both are there */
	uint32_t kexinit_n;
	struct ssh_sealing sealing;
	char banner[SSH_BANNER_MAX];
};

struct ssh_state {
	struct ssh_side side[2];
	struct ssh_auth auth;
	bool emitted;
};

static enum proto_match ssh_probe(const uint8_t *p, size_t n, bool to_responder, const struct flow *f)
{
	const struct text begin = TEXT("SSH-");
	struct text t = text_bytes(p, n);
	(void)f;
	if (n < begin.n && text_equal(t, text_sub(begin, 0, n)))
		return PROTO_MAYBE;
	if (text_equal(text_sub(t, 0, begin.n), begin))
		return PROTO_YES;
	if (to_responder)
		return PROTO_NO;
	/* a server may say something before (RFC 4253, 4.2) */
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n' && text_equal(text_sub(t, i + 1, begin.n), begin))
			return PROTO_YES;
		if (p[i] < 0x20 && p[i] != '\r' && p[i] != '\n' && p[i] != '\t' && p[i] != 0x1b)
			return PROTO_NO;
	}
	return PROTO_MAYBE;
}

static void emit(struct proto_context *c, struct ssh_state *s)
{
	const struct ssh_side *client = &s->side[FLOW_FORWARD], *server = &s->side[FLOW_REVERSE];
	if (s->emitted)
		return;
	s->emitted = true;
	proto_field(c, FIELD_SSH_CLIENT, text_bytes(client->banner, client->banner_n));
	proto_field(c, FIELD_SSH_SERVER, text_bytes(server->banner, server->banner_n));
	if (client->has_hassh)
		proto_field_bytes(c, FIELD_SSH_HASSH, client->hassh, SSH_HASSH_SIZE);
	if (server->has_hassh)
		proto_field_bytes(c, FIELD_SSH_HASSH_SERVER, server->hassh, SSH_HASSH_SIZE);
	switch (ssh_auth_result(&s->auth)) {
	case SSH_AUTH_UNKNOWN: break;
	case SSH_AUTH_NONE: proto_field_str(c, FIELD_AUTH_RESULT, "none"); break;
	case SSH_AUTH_FAILURE: proto_field_str(c, FIELD_AUTH_RESULT, "failure"); break;
	case SSH_AUTH_SUCCESS: proto_field_str(c, FIELD_AUTH_RESULT, "success"); break;
	}
	proto_emit(c);
}

/* "SSH-2.0-software comments": keeps what follows the second dash. */
static void banner_read(struct ssh_side *side, struct text line)
{
	struct text rest = text_sub(line, 4, line.n);
	rest = text_trim(text_sub(rest, text_find(rest, '-') + 1, rest.n));
	side->banner_n = (uint8_t)(rest.n < SSH_BANNER_MAX ? rest.n : SSH_BANNER_MAX);
	if (side->banner_n)
		memcpy(side->banner, rest.p, side->banner_n);
}

static struct proto_progress banner_parse(struct ssh_side *side, const uint8_t *p, size_t n)
{
	struct text t = text_bytes(p, n);
	size_t end = text_find(t, '\n');
	struct text line = text_sub(t, 0, end);
	if (end == n)
		return (struct proto_progress){.verdict = n > SSH_LINE_MAX ? PROTO_BROKEN : PROTO_MORE};
	struct proto_progress r = {.used = end + 1, .verdict = PROTO_MORE};
	if (!text_equal(text_sub(line, 0, 4), TEXT("SSH-"))) {
		if (++side->lines > SSH_LINES_MAX)
			r.verdict = PROTO_BROKEN;
		return r;
	}
	banner_read(side, line);
	/* 1.99 speaks 2.0, too (RFC 4253, 5.1); version 1 has other packets */
	bool version2 = text_equal(text_sub(line, 4, 2), TEXT("2.")) ||
	                text_equal(text_sub(line, 4, 4), TEXT("1.99"));
	side->phase = SSH_PHASE_KEX;
	if (!version2)
		r.verdict = PROTO_DONE;
	return r;
}

static void account(struct proto_context *c, const struct ssh_state *s)
{
	proto_account(c, s->side[0].kexinit_n + s->side[1].kexinit_n);
}

/* Both sides' lists give how packets are sealed. */
static void agree(struct ssh_state *s)
{
	struct ssh_side *client = &s->side[FLOW_FORWARD], *server = &s->side[FLOW_REVERSE];
	struct ssh_kexinit ours, theirs;
	if (ssh_kexinit_parse(client->kexinit, client->kexinit_n, &ours) == 0 &&
	    ssh_kexinit_parse(server->kexinit, server->kexinit_n, &theirs) == 0) {
		client->sealing = ssh_sealing_of(&ours, &theirs, false);
		server->sealing = ssh_sealing_of(&ours, &theirs, true);
	}
	for (int dir = 0; dir < 2; dir++) {
		free(s->side[dir].kexinit);
		s->side[dir].kexinit = NULL;
		s->side[dir].kexinit_n = 0;
	}
}

static void kexinit_read(
    struct proto_context *c, struct ssh_state *s, enum flow_dir dir, const uint8_t *p, size_t n)
{
	struct ssh_side *side = &s->side[dir];
	struct ssh_kexinit k;
	if (side->has_hassh || n == 0 || ssh_kexinit_parse(p, n, &k) < 0)
		return;
	side->has_hassh = ssh_hassh(&k, dir == FLOW_REVERSE, side->hassh) == 0;
	side->kexinit = malloc(n);
	if (!side->kexinit)
		return;
	memcpy(side->kexinit, p, n);
	side->kexinit_n = (uint32_t)n;
	if (s->side[0].kexinit && s->side[1].kexinit)
		agree(s);
	account(c, s);
}

/* Packets in the clear: length, padding length, payload, padding (RFC 4253, 6). */
static struct proto_progress kex_parse(
    struct proto_context *c, struct ssh_state *s, enum flow_dir dir, const uint8_t *p, size_t n)
{
	struct cursor in = cursor_of(p, n);
	uint32_t length = cursor_be32(&in);
	if (cursor_ok(&in) && (length < 2 || length > SSH_PACKET_MAX))
		return (struct proto_progress){.verdict = PROTO_BROKEN};
	struct cursor packet = cursor_sub(&in, length);
	if (!cursor_ok(&in))
		return (struct proto_progress){.verdict = PROTO_MORE};
	size_t padding = cursor_u8(&packet);
	uint8_t type = cursor_u8(&packet);
	if (type == SSH_MSG_KEXINIT && cursor_left(&packet) > padding) {
		size_t size = cursor_left(&packet) - padding;
		kexinit_read(c, s, dir, cursor_take(&packet, size), size);
	} else if (type == SSH_MSG_NEWKEYS) {
		s->side[dir].phase = SSH_PHASE_SEALED;
	}
	return (struct proto_progress){.used = in.pos, .verdict = PROTO_MORE};
}

static struct proto_progress sealed_parse(
    struct proto_context *c, struct ssh_state *s, enum flow_dir dir, const uint8_t *p, size_t n)
{
	struct ssh_sealing sealing = s->side[dir].sealing;
	struct proto_progress r = {.used = n, .verdict = PROTO_MORE};
	size_t size = n;
	if (sealing.length_clear) {
		if (n < 4)
			return (struct proto_progress){.verdict = PROTO_MORE};
		uint32_t length = load_be32(p);
		if (length > SSH_SEALED_PACKET_MAX)
			return (struct proto_progress){.verdict = PROTO_BROKEN};
		size = 4 + (size_t)length + sealing.tag;
		r.used = size < n ? size : n;
		r.skip = size - r.used;
	}
	if (dir == FLOW_FORWARD)
		ssh_auth_client(&s->auth, size);
	else
		ssh_auth_server(&s->auth, size);
	if (s->auth.success || s->auth.answers >= SSH_SEALED_MAX) {
		s->auth.failures = 0; /* nobody is refused that often: the sizes meant something else */
		emit(c, s);
		r.verdict = PROTO_DONE_BOTH;
	}
	return r;
}

static struct proto_progress ssh_parse(
    struct proto_context *c, void *state, enum flow_dir dir, const uint8_t *p, size_t n, bool end)
{
	struct ssh_state *s = state;
	(void)end;
	if (n == 0)
		return (struct proto_progress){.verdict = PROTO_MORE};
	switch (s->side[dir].phase) {
	case SSH_PHASE_BANNER: return banner_parse(&s->side[dir], p, n);
	case SSH_PHASE_KEX: return kex_parse(c, s, dir, p, n);
	case SSH_PHASE_SEALED: break;
	}
	return sealed_parse(c, s, dir, p, n);
}

/* Sizes can't be counted any more: what was learned comes out, without a failure that may have been a
 * success. */
static bool ssh_gap(struct proto_context *c, void *state, enum flow_dir dir, uint64_t length)
{
	struct ssh_state *s = state;
	(void)c;
	(void)dir;
	(void)length;
	s->auth.failures = 0;
	return false;
}

static void ssh_close(struct proto_context *c, void *state)
{
	struct ssh_state *s = state;
	emit(c, s);
	free(s->side[0].kexinit);
	free(s->side[1].kexinit);
}

const struct proto_parser proto_ssh = {
    .app = APP_SSH,
    .tcp = true,
    .state_size = sizeof(struct ssh_state),
    .buffer_max = 4 + SSH_PACKET_MAX,
    .probe = ssh_probe,
    .parse = ssh_parse,
    .gap = ssh_gap,
    .close = ssh_close,
};
