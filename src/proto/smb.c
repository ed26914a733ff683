/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * SMB over TCP: NetBIOS session framing (RFC 1002 4.3; direct hosting uses the same, with 24 bits of length),
 * and what becomes of each message by its first four bytes. A file's content is never kept: a message is read
 * as far as its command wants, the rest is passed over. An encrypted or compressed message is told of once a
 * flow.
 */

#include "proto/smb.h"

#include <string.h>

#include "proto/parsers.h"

enum {
	NBSS_HEADER = 4,
	NBSS_MESSAGE = 0x00,
	NBSS_REQUEST = 0x81,
	NBSS_KEEPALIVE = 0x85,
	NBSS_REQUEST_LENGTH = 68, /* two encoded names of 34 bytes */
	SMB_COMPRESSION_HEADER = 16,
};

enum smb_magic { SMB_MAGIC_NONE, SMB_MAGIC_1, SMB_MAGIC_2, SMB_MAGIC_ENCRYPTED, SMB_MAGIC_COMPRESSED };

static enum smb_magic magic_of(const uint8_t *p)
{
	if (p[1] != 'S' || p[2] != 'M' || p[3] != 'B')
		return SMB_MAGIC_NONE;
	return p[0] == 0xff   ? SMB_MAGIC_1
	       : p[0] == 0xfe ? SMB_MAGIC_2
	       : p[0] == 0xfd ? SMB_MAGIC_ENCRYPTED
	       : p[0] == 0xfc ? SMB_MAGIC_COMPRESSED
	                      : SMB_MAGIC_NONE;
}

static uint32_t nbss_length(const uint8_t *p)
{
	return load_be32(p) & 0xffffff;
}

void smb_field_command2(struct proto_context *c, uint16_t command)
{
	char buf[SMB_NAME_BUF];
	proto_field_str(c, FIELD_SMB_COMMAND, smb2_command_name(command, buf));
}

void smb_field_status(struct proto_context *c, uint32_t status)
{
	char buf[SMB_NAME_BUF];
	proto_field_str(c, FIELD_SMB_STATUS, smb_status_name(status, buf));
}

void smb_field_pipe(struct proto_context *c, struct text name)
{
	if (text_starts_nocase(name, TEXT("\\")))
		name = text_sub(name, 1, name.n);
	if (text_starts_nocase(name, TEXT("PIPE\\")))
		name = text_sub(name, 5, name.n);
	proto_field(c, FIELD_RPC_PIPE, name);
}

void smb_field_tree(struct proto_context *c, struct smb_state *s, uint64_t session, uint32_t tree)
{
	const struct smb_tree *t = smb_tree_find(s, session, tree);
	if (t)
		proto_field(c, FIELD_SMB_TREE, smb_string_text(&t->name));
}

void smb_auth_emit(struct smb_call *call, const char *command, uint32_t status, bool guest)
{
	struct proto_context *c = call->c;
	if (status == SMB_STATUS_MORE_PROCESSING)
		return;
	proto_field_str(c, FIELD_SMB_COMMAND, command);
	smb_field_status(c, status);
	bool as_guest = guest && status == SMB_STATUS_SUCCESS;
	gss_auth_fields_as(c, &call->s->auth, as_guest ? "guest" : gss_auth_method(&call->s->auth));
	if (status == SMB_STATUS_SUCCESS)
		proto_field_str(c, FIELD_AUTH_RESULT, "success");
	else if (smb_status_is_refusal(status))
		proto_field_str(c, FIELD_AUTH_RESULT, "failure");
	proto_emit(c);
	call->s->auth = (struct gss_auth){0};
}

void smb_anomaly(struct smb_call *call, enum smb_anomaly anomaly, const char *command)
{
	static const char *const texts[] = {
	    [SMB_ANOMALY_NT_TRANS_MISMATCH] = "smb1 NT_TRANSACT continued by TRANSACTION2_SECONDARY",
	    [SMB_ANOMALY_NT_TRANS_LARGE] = "smb1 NT_TRANSACT announces more than 65535 bytes",
	    [SMB_ANOMALY_TRANS2_SESSION_SETUP] = "smb1 TRANS2_SESSION_SETUP, which no client sends",
	    [SMB_ANOMALY_DOUBLEPULSAR] = "smb1 TRANS2_SESSION_SETUP answered as by the DoublePulsar implant",
	    [SMB_ANOMALY_PEEK_UNPATCHED] =
	        "smb1 PeekNamedPipe on FID 0 answered as by a server without MS17-010",
	    [SMB_ANOMALY_COMPRESSION] = "smb3 compression header whose sizes overflow (CVE-2020-0796)",
	};
	if (call->s->anomalies_told & (1u << anomaly))
		return;
	call->s->anomalies_told |= 1u << anomaly;
	proto_field_str(call->c, FIELD_SMB_COMMAND, command);
	proto_field_str(call->c, FIELD_ANOMALY, texts[anomaly]);
	proto_emit(call->c);
}

void smb_inner(struct smb_call *call, const uint64_t file[2], size_t at, size_t n)
{
	if (n == 0 || at > call->size || n > call->size - at || at > call->n)
		return;
	call->inner_at = at;
	call->inner_n = n;
	call->inner_key = (file[0] << 32 | file[0] >> 32) ^ file[1];
}

static void told_once(struct smb_call *call, bool *told, const char *command)
{
	if (*told)
		return;
	*told = true;
	proto_field_str(call->c, FIELD_SMB_COMMAND, command);
	proto_emit(call->c);
}

/*
 * MS-SMB2 2.2.42. Unchained: OriginalCompressedSegmentSize, algorithm, flags, Offset. A server that adds size
 * and offset in 32 bits writes past its buffer.
 */
static void compressed_message(struct smb_call *call)
{
	struct cursor c = cursor_of(call->p, call->n);
	cursor_skip(&c, 4);
	uint32_t size = cursor_le32(&c);
	cursor_skip(&c, 2);
	bool chained = cursor_le16(&c) & 1;
	uint32_t offset = cursor_le32(&c);
	if (cursor_ok(&c) && !chained && offset > UINT32_MAX - size)
		smb_anomaly(call, SMB_ANOMALY_COMPRESSION, "SMB3_COMPRESSED");
	told_once(call, &call->s->compressed_told, "SMB3_COMPRESSED");
}

static size_t message_want(enum smb_magic magic, const uint8_t *p, size_t n, size_t size)
{
	size_t head = 4;
	switch (magic) {
	case SMB_MAGIC_NONE: return 4;
	case SMB_MAGIC_1: head = SMB1_HEADER + 1; break;
	case SMB_MAGIC_2: head = SMB2_HEADER; break;
	case SMB_MAGIC_ENCRYPTED: return 4;
	case SMB_MAGIC_COMPRESSED: head = SMB_COMPRESSION_HEADER; break;
	}
	if (size <= head)
		return size;
	if (n < head || magic == SMB_MAGIC_COMPRESSED)
		return head;
	size_t want = magic == SMB_MAGIC_1 ? smb1_want(p, size) : smb2_want(p, size);
	return want < size ? want : size;
}

static void message_read(struct smb_call *call, enum smb_magic magic)
{
	switch (magic) {
	case SMB_MAGIC_NONE: break;
	case SMB_MAGIC_1:
		if (call->n > SMB1_HEADER)
			smb1_message(call);
		break;
	case SMB_MAGIC_2:
		if (call->n >= SMB2_HEADER)
			smb2_message(call);
		break;
	case SMB_MAGIC_ENCRYPTED: told_once(call, &call->s->encrypted_told, "SMB3_TRANSFORM"); break;
	case SMB_MAGIC_COMPRESSED: compressed_message(call); break;
	}
}

/*
 * Not a message where one should stand: a keep-alive's stray byte at a capture's start, an overlap that was
 * resolved another way than the server did. Reading goes on where the next one is found.
 */
static struct proto_progress smb_lost(struct smb_side *side)
{
	side->pdu_left = 0;
	side->resync = true;
	return (struct proto_progress){.used = 1};
}

/* A message, or a part of a compound, whose first bytes are at p; `pdu_left` says how long it may be. */
static struct proto_progress smb_message(
    struct smb_call *call, struct smb_side *side, const uint8_t *p, size_t n, bool end)
{
	size_t left = side->pdu_left;
	if (n > left)
		n = left;
	if (left < 4) {
		side->pdu_left = 0;
		return (struct proto_progress){.used = 0, .skip = left};
	}
	if (n < 4)
		return (struct proto_progress){.used = 0};
	enum smb_magic magic = magic_of(p);
	if (magic == SMB_MAGIC_NONE)
		return smb_lost(side);
	if (magic == SMB_MAGIC_2 && left >= SMB2_HEADER && n < SMB2_HEADER && !end)
		return (struct proto_progress){.used = 0};
	size_t size = magic == SMB_MAGIC_2 && n >= SMB2_HEADER ? smb2_size(p, left) : left;
	if (n > size)
		n = size;
	size_t want = message_want(magic, p, n, size);
	if (n < want && !end)
		return (struct proto_progress){.used = 0};
	call->p = p;
	call->n = n;
	call->size = size;
	message_read(call, magic);
	side->pdu_left -= (uint32_t)size;
	if (call->inner_n == 0)
		return (struct proto_progress){.used = n, .skip = size - n};
	side->inner_left = (uint32_t)call->inner_n;
	side->inner_key = call->inner_key;
	side->after_left = (uint32_t)(size - call->inner_at - call->inner_n);
	return (struct proto_progress){.used = call->inner_at};
}

/* After a gap: the next place that looks like the start of a message. What can't be one is consumed. */
static struct proto_progress smb_resync(struct smb_side *side, const uint8_t *p, size_t n)
{
	size_t at = 0;
	for (; at + NBSS_HEADER + 4 <= n; at++) {
		const uint8_t *s = memchr(p + at, 'S', n - at);
		if (!s)
			return (struct proto_progress){.used = n - (NBSS_HEADER + 3)};
		size_t found = (size_t)(s - p);
		at = found > at + 5 ? found - 5 : at;
		if (at + NBSS_HEADER + 4 > n)
			break;
		if (p[at] == NBSS_MESSAGE && magic_of(p + at + NBSS_HEADER) != SMB_MAGIC_NONE) {
			side->resync = false;
			return (struct proto_progress){.used = at};
		}
	}
	return (struct proto_progress){.used = at};
}

static struct proto_progress smb_frame(struct smb_side *side, const uint8_t *p, size_t n)
{
	if (n < NBSS_HEADER)
		return (struct proto_progress){.used = 0};
	uint32_t length = nbss_length(p);
	side->compound_file = false;
	if (p[0] == NBSS_MESSAGE) {
		side->pdu_left = length;
		return (struct proto_progress){.used = NBSS_HEADER};
	}
	if (p[0] >= NBSS_REQUEST && p[0] <= NBSS_KEEPALIVE)
		return (struct proto_progress){.used = NBSS_HEADER, .skip = length};
	return smb_lost(side);
}

static struct proto_progress smb_parse(
    struct proto_context *c, void *state, enum flow_dir dir, const uint8_t *p, size_t n, bool end)
{
	struct smb_state *s = state;
	struct smb_side *side = &s->side[dir];
	struct proto_progress r = {.used = 0};
	if (n == 0)
		return r;
	if (side->inner_left > 0) {
		size_t take = n < side->inner_left ? n : side->inner_left;
		proto_inner(c, APP_DCERPC, side->inner_key, dir, p, take);
		side->inner_left -= (uint32_t)take;
		r.used = take;
		if (side->inner_left == 0) {
			r.skip = side->after_left;
			side->after_left = 0;
		}
		return r;
	}
	if (side->resync) {
		r = smb_resync(side, p, n);
		if (side->resync || r.used > 0)
			return r;
	}
	if (side->pdu_left == 0)
		return smb_frame(side, p, n);
	struct smb_call call = {.c = c, .s = s, .side = side, .to_responder = dir == FLOW_FORWARD};
	r = smb_message(&call, side, p, n, end);
	proto_account(c, s->owned);
	return r;
}

/* What is missing may lie in a part that nobody reads; else reading goes on at the next message. */
static bool smb_gap(struct proto_context *c, void *state, enum flow_dir dir, uint64_t length)
{
	struct smb_state *s = state;
	struct smb_side *side = &s->side[dir];
	(void)c;
	(void)length;
	side->pdu_left = side->inner_left = side->after_left = 0;
	side->resync = true;
	return true;
}

static void smb_close(struct proto_context *c, void *state)
{
	struct smb_state *s = state;
	/* A logon whose answer was never seen is told without a result. */
	if (s->auth.named && !s->auth.shown) {
		gss_auth_fields(c, &s->auth);
		proto_emit(c);
	}
	smb_state_free(c, s);
}

static enum proto_match smb_probe(const uint8_t *p, size_t n, bool to_responder, const struct flow *f)
{
	(void)to_responder;
	(void)f;
	if (n == 0)
		return PROTO_MAYBE;
	if (p[0] == NBSS_REQUEST) {
		if (n < NBSS_HEADER + 2)
			return PROTO_MAYBE;
		return nbss_length(p) == NBSS_REQUEST_LENGTH && p[4] == 32 && p[5] >= 'A' && p[5] <= 'P'
		           ? PROTO_YES
		           : PROTO_NO;
	}
	/* The answer to a session request says nothing but "yes": its request said the rest. */
	if (p[0] == NBSS_REQUEST + 1 && n >= NBSS_HEADER && nbss_length(p) == 0)
		return PROTO_MAYBE;
	if (p[0] != NBSS_MESSAGE)
		return PROTO_NO;
	if (n < NBSS_HEADER + 4)
		return PROTO_MAYBE;
	return nbss_length(p) >= SMB1_HEADER && magic_of(p + NBSS_HEADER) != SMB_MAGIC_NONE ? PROTO_YES
	                                                                                    : PROTO_NO;
}

const struct proto_parser proto_smb = {
    .app = APP_SMB,
    .tcp = true,
    .state_size = sizeof(struct smb_state),
    .buffer_max = SMB_MESSAGE_MAX + NBSS_HEADER,
    .probe = smb_probe,
    .parse = smb_parse,
    .gap = smb_gap,
    .close = smb_close,
};
