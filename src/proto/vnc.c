/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Remote framebuffer (RFC 6143 7.1): versions, security type, result of the authentication. What follows is
 * pictures and keys; the parser is done then.
 */

#include "base/cursor.h"
#include "proto/parsers.h"

#include <stdio.h>
#include <string.h>

enum {
	VNC_VERSION_BYTES = 12, /* "RFB 003.008\n" */
	VNC_CHALLENGE_BYTES = 16,
	VNC_SECURITY_INVALID = 0,
	VNC_SECURITY_NONE = 1,
	VNC_SECURITY_VNC = 2,
	VNC_SECURITY_TLS = 18,
	VNC_SECURITY_VENCRYPT = 19,
};

enum vnc_phase {
	VNC_VERSION,
	VNC_SECURITY,  /* server: types; client: choice */
	VNC_CHALLENGE, /* server: 16 bytes; client: 16 bytes */
	VNC_RESULT,    /* server: 32 bits */
	VNC_OVER,
};

struct vnc_state {
	enum vnc_phase phase[2];
	uint8_t chosen;
	bool has_choice, told;
	uint8_t minor; /* of the client's version: what both then speak */
	char version[2][8];
};

static const char *known_security(uint8_t type)
{
	switch (type) {
	case VNC_SECURITY_INVALID: return "invalid";
	case VNC_SECURITY_NONE: return "none";
	case VNC_SECURITY_VNC: return "vnc";
	case 5: return "ra2";
	case 6: return "ra2ne";
	case 16: return "tight";
	case 17: return "ultra";
	case VNC_SECURITY_TLS: return "tls";
	case VNC_SECURITY_VENCRYPT: return "vencrypt";
	case 20: return "sasl";
	case 21: return "md5";
	case 22: return "xvp";
	case 30: return "apple";
	default: return NULL;
	}
}

static void tell_security(struct proto_context *c, uint8_t type)
{
	char number[16];
	const char *name = known_security(type);
	snprintf(number, sizeof(number), "type-%u", type);
	proto_field_str(c, FIELD_VNC_SECURITY, name ? name : number);
	proto_field_str(c, FIELD_AUTH_METHOD, name ? name : number);
}

static bool version_ok(const uint8_t *p)
{
	static const char form[] = "RFB ddd.ddd\n";
	for (size_t i = 0; i < VNC_VERSION_BYTES; i++) {
		bool digit = p[i] >= '0' && p[i] <= '9';
		if (form[i] == 'd' ? !digit : p[i] != (uint8_t)form[i])
			return false;
	}
	return true;
}

static void tell(struct proto_context *c, struct vnc_state *s, const char *result)
{
	if (s->told)
		return;
	s->told = true;
	proto_field_str(c, FIELD_VNC_SERVER_VERSION, s->version[FLOW_REVERSE]);
	proto_field_str(c, FIELD_VNC_CLIENT_VERSION, s->version[FLOW_FORWARD]);
	if (s->has_choice)
		tell_security(c, s->chosen);
	if (result)
		proto_field_str(c, FIELD_AUTH_RESULT, result);
	proto_emit(c);
}

static struct proto_progress more(size_t used)
{
	return (struct proto_progress){.used = used};
}

/* Once the type is chosen: what the directions say next (RFC 6143 7.1.2, 7.1.3, 7.2). */
static struct proto_progress chosen(struct proto_context *c, struct vnc_state *s, uint8_t type, size_t used)
{
	s->chosen = type;
	s->has_choice = true;
	if (type == VNC_SECURITY_VNC) {
		s->phase[FLOW_FORWARD] = s->phase[FLOW_REVERSE] = VNC_CHALLENGE;
		return more(used);
	}
	if (type == VNC_SECURITY_NONE && s->minor >= 8) {
		s->phase[FLOW_REVERSE] = VNC_RESULT;
		s->phase[FLOW_FORWARD] = VNC_OVER;
		return more(used);
	}
	/* Without authentication up to 3.7 there is no result: the session is on. */
	tell(c, s, type == VNC_SECURITY_NONE ? "success" : NULL);
	return (struct proto_progress){.used = used, .verdict = PROTO_DONE_BOTH};
}

static struct proto_progress version_read(struct vnc_state *s, enum flow_dir dir, const uint8_t *p, size_t n)
{
	if (n < VNC_VERSION_BYTES)
		return more(0);
	if (!version_ok(p))
		return (struct proto_progress){.verdict = PROTO_BROKEN};
	snprintf(s->version[dir], sizeof(s->version[dir]), "%.7s", (const char *)p + 4);
	s->phase[dir] = VNC_SECURITY;
	if (dir == FLOW_FORWARD)
		s->minor = (uint8_t)((p[9] - '0') * 10 + (p[10] - '0'));
	return more(VNC_VERSION_BYTES);
}

static struct proto_progress security_server(
    struct proto_context *c, struct vnc_state *s, const uint8_t *p, size_t n)
{
	/* What the server sends depends on the version that the client chose. */
	if (s->phase[FLOW_FORWARD] == VNC_VERSION || n == 0)
		return more(0);
	if (s->minor < 7) {
		if (n < 4)
			return more(0);
		uint32_t type = load_be32(p);
		if (type == VNC_SECURITY_INVALID || type > UINT8_MAX) {
			tell(c, s, NULL);
			return (struct proto_progress){.used = 4, .verdict = PROTO_DONE_BOTH};
		}
		return chosen(c, s, (uint8_t)type, 4);
	}
	size_t types = p[0];
	if (types == 0) { /* refused, with a reason */
		tell(c, s, NULL);
		return (struct proto_progress){.used = 1, .verdict = PROTO_DONE_BOTH};
	}
	if (n < 1 + types)
		return more(0);
	s->phase[FLOW_REVERSE] = VNC_CHALLENGE;
	return more(1 + types);
}

static struct proto_progress server(struct proto_context *c, struct vnc_state *s, const uint8_t *p, size_t n)
{
	switch (s->phase[FLOW_REVERSE]) {
	case VNC_VERSION: return version_read(s, FLOW_REVERSE, p, n);
	case VNC_SECURITY: return security_server(c, s, p, n);
	case VNC_CHALLENGE:
		if (!s->has_choice || n < VNC_CHALLENGE_BYTES)
			return more(0);
		s->phase[FLOW_REVERSE] = VNC_RESULT;
		return more(VNC_CHALLENGE_BYTES);
	case VNC_RESULT:
		if (n < 4)
			return more(0);
		tell(c, s, load_be32(p) == 0 ? "success" : "failure");
		return (struct proto_progress){.used = 4, .verdict = PROTO_DONE_BOTH};
	case VNC_OVER: break;
	}
	return (struct proto_progress){.used = n, .verdict = PROTO_DONE};
}

static struct proto_progress client(struct proto_context *c, struct vnc_state *s, const uint8_t *p, size_t n)
{
	switch (s->phase[FLOW_FORWARD]) {
	case VNC_VERSION: return version_read(s, FLOW_FORWARD, p, n);
	case VNC_SECURITY:
		/* Before 3.7 the server decides alone, and the client says nothing. */
		if (n == 0 || s->minor < 7)
			return more(0);
		return chosen(c, s, p[0], 1);
	case VNC_CHALLENGE:
		if (n < VNC_CHALLENGE_BYTES)
			return more(0);
		s->phase[FLOW_FORWARD] = VNC_OVER;
		return more(VNC_CHALLENGE_BYTES);
	case VNC_RESULT:
	case VNC_OVER: break;
	}
	return (struct proto_progress){.used = n, .verdict = PROTO_DONE};
}

static struct proto_progress vnc_parse(
    struct proto_context *c, void *state, enum flow_dir dir, const uint8_t *p, size_t n, bool end)
{
	(void)end;
	return dir == FLOW_FORWARD ? client(c, state, p, n) : server(c, state, p, n);
}

static void vnc_close(struct proto_context *c, void *state)
{
	struct vnc_state *s = state;
	if (s->version[FLOW_REVERSE][0] || s->version[FLOW_FORWARD][0])
		tell(c, s, NULL);
}

static enum proto_match vnc_probe(const uint8_t *p, size_t n, bool to_responder, const struct flow *f)
{
	(void)to_responder;
	(void)f;
	if (n < VNC_VERSION_BYTES)
		return memcmp(p, "RFB ", n < 4 ? n : 4) == 0 ? PROTO_MAYBE : PROTO_NO;
	return version_ok(p) ? PROTO_YES : PROTO_NO;
}

const struct proto_parser proto_vnc = {
    .app = APP_VNC,
    .tcp = true,
    .state_size = sizeof(struct vnc_state),
    .buffer_max = 1024,
    .probe = vnc_probe,
    .parse = vnc_parse,
    .close = vnc_close,
};
