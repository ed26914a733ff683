/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * SMB 1 (MS-CIFS, MS-SMB): who logs on, which shares and files, how many bytes of each. AndX chains are
 * followed for the commands that are read. Transactions stand in smb1_trans.c.
 */

#include "proto/dcerpc.h"
#include "proto/smb.h"
#include "proto/utf16.h"

#include <string.h>

enum smb1_command {
	SMB1_CLOSE = 0x04,
	SMB1_DELETE = 0x06,
	SMB1_RENAME = 0x07,
	SMB1_TRANSACTION = 0x25,
	SMB1_TRANSACTION_SECONDARY = 0x26,
	SMB1_LOCKING_ANDX = 0x24,
	SMB1_OPEN_ANDX = 0x2d,
	SMB1_READ_ANDX = 0x2e,
	SMB1_WRITE_ANDX = 0x2f,
	SMB1_TRANSACTION2 = 0x32,
	SMB1_TRANSACTION2_SECONDARY = 0x33,
	SMB1_NEGOTIATE = 0x72,
	SMB1_SESSION_SETUP_ANDX = 0x73,
	SMB1_LOGOFF_ANDX = 0x74,
	SMB1_TREE_CONNECT_ANDX = 0x75,
	SMB1_NT_TRANSACT = 0xa0,
	SMB1_NT_TRANSACT_SECONDARY = 0xa1,
	SMB1_NT_CREATE_ANDX = 0xa2,
	SMB1_NO_ANDX = 0xff,
};

enum {
	SMB1_CHAIN_MAX = 8,
	SMB1_BULK_HEAD = 96,    /* a read's answer and a write: words, and the first bytes of the payload */
	SMB1_NAMED_MOST = 4096, /* requests with names */
	SMB1_TRANS_HEAD = 512,
	FLAGS_REPLY = 0x80,
	FLAGS2_NT_STATUS = 0x4000,
	FLAGS2_UNICODE = 0x8000,
	NEGOTIATE_DIALECTS_MAX = 32,
};

/* One command of a chain: its words, and where its bytes begin in the message. */
struct smb1_block {
	struct cursor words;
	size_t word_count;
	size_t bytes_at, bytes_n;
};

size_t smb1_want(const uint8_t *p, size_t size)
{
	size_t want = SMB1_NAMED_MOST;
	switch (p[4]) {
	case SMB1_SESSION_SETUP_ANDX:
	case SMB1_TRANSACTION: want = SMB_MESSAGE_MAX; break;
	case SMB1_READ_ANDX:
	case SMB1_WRITE_ANDX: want = SMB1_BULK_HEAD; break;
	case SMB1_TRANSACTION2:
	case SMB1_TRANSACTION2_SECONDARY:
	case SMB1_NT_TRANSACT:
	case SMB1_NT_TRANSACT_SECONDARY: want = SMB1_TRANS_HEAD; break;
	default: break;
	}
	return want < size ? want : size;
}

struct text smb1_string(const struct smb_call *call, bool unicode, size_t at, char *buf, size_t size)
{
	if (unicode)
		at += at & 1;
	if (at >= call->n)
		return (struct text){0};
	if (unicode)
		return utf16le_text(call->p + at, call->n - at, buf, size);
	size_t most = call->n - at < size ? call->n - at : size;
	size_t n = strnlen((const char *)call->p + at, most);
	memcpy(buf, call->p + at, n);
	return (struct text){.p = buf, .n = n};
}

/* Where the string at `at` ends, its NUL included. */
static size_t string_end(const struct smb_call *call, bool unicode, size_t at)
{
	if (!unicode) {
		while (at < call->n && call->p[at] != 0)
			at++;
		return at + 1;
	}
	at += at & 1;
	while (at + 1 < call->n && (call->p[at] != 0 || call->p[at + 1] != 0))
		at += 2;
	return at + 2;
}

static void command_field(struct smb_call *call, const struct smb1_header *h)
{
	char buf[SMB_NAME_BUF];
	proto_field_str(call->c, FIELD_SMB_COMMAND, smb1_command_name(h->command, buf));
}

static struct smb_pending *pending_of(struct smb_call *call, const struct smb1_header *h)
{
	return smb_pending_find(call->s, h->key, h->command);
}

static struct smb_pending *pending_new(struct smb_call *call, const struct smb1_header *h)
{
	struct smb_pending *p = smb_pending_put(call->c, call->s, h->key, h->command);
	p->tree = h->tree;
	return p;
}

/* The names of the offered dialects, each behind a byte 2. The answer tells an index. */
static void negotiate_request(struct smb_call *call, const struct smb1_header *h, const struct smb1_block *b)
{
	char names[SMB_NAME_MAX];
	size_t n = b->bytes_n < sizeof(names) ? b->bytes_n : sizeof(names);
	struct smb_pending *p = pending_new(call, h);
	smb_string_set(call->s, &p->name, text_bytes(call->p + b->bytes_at, n));
}

static struct text dialect_of(struct text names, unsigned index)
{
	for (unsigned i = 0; names.n > 1 && i < NEGOTIATE_DIALECTS_MAX; i++) {
		struct text name = text_sub(names, 1, names.n);
		size_t n = text_find(name, '\0');
		if (i == index)
			return text_sub(name, 0, n);
		names = text_sub(name, n + 1, names.n);
	}
	return (struct text){0};
}

static void negotiate_response(struct smb_call *call, const struct smb1_header *h, struct smb1_block *b)
{
	uint16_t index = cursor_le16(&b->words);
	struct smb_pending *p = pending_of(call, h);
	command_field(call, h);
	if (p && cursor_ok(&b->words))
		proto_field(call->c, FIELD_SMB_DIALECT, dialect_of(smb_string_text(&p->name), index));
	smb_field_status(call->c, h->status);
	proto_emit(call->c);
	if (p)
		smb_pending_drop(call->s, p);
}

/* Without SPNEGO (MS-CIFS 2.2.4.53.1): two responses, then account, domain, OS and LAN manager in the clear.
 */
static void session_setup_plain(struct smb_call *call, const struct smb1_header *h, struct smb1_block *b)
{
	struct cursor c = b->words;
	cursor_skip(&c, 14); /* AndX, MaxBufferSize, MaxMpxCount, VcNumber, SessionKey */
	size_t lm = cursor_le16(&c), nt = cursor_le16(&c);
	size_t at = b->bytes_at + lm + nt;
	struct gss_auth *a = &call->s->auth;
	if (!cursor_ok(&c) || lm + nt > b->bytes_n)
		return;
	*a = (struct gss_auth){.mechanism = GSS_NTLM, .named = true};
	a->ntlm.user_n = (uint16_t)smb1_string(call, h->unicode, at, a->ntlm.user, NTLM_NAME_SIZE).n;
	at = string_end(call, h->unicode, at);
	a->ntlm.domain_n = (uint16_t)smb1_string(call, h->unicode, at, a->ntlm.domain, NTLM_NAME_SIZE).n;
	a->ntlm.version = nt == 24 ? 1 : nt > 24 ? 2 : 0;
	a->ntlm.anonymous = a->ntlm.user_n == 0 && nt <= 1 && lm <= 1;
}

static void session_setup_request(struct smb_call *call, const struct smb1_header *h, struct smb1_block *b)
{
	enum { WORDS_SPNEGO = 12, WORDS_PLAIN = 13 };
	if (b->word_count == WORDS_PLAIN) {
		session_setup_plain(call, h, b);
	} else if (b->word_count == WORDS_SPNEGO) {
		cursor_skip(&b->words, 14);
		size_t n = cursor_le16(&b->words);
		if (cursor_ok(&b->words) && n <= b->bytes_n)
			gss_auth_update(&call->s->auth, call->p + b->bytes_at, n);
	}
}

static void session_setup_response(struct smb_call *call, const struct smb1_header *h, struct smb1_block *b)
{
	char name[SMB_NAME_BUF];
	cursor_skip(&b->words, 4);
	bool guest = cursor_le16(&b->words) & 1;
	smb_auth_emit(call, smb1_command_name(h->command, name), h->status, guest);
}

static void tree_connect_request(struct smb_call *call, const struct smb1_header *h, struct smb1_block *b)
{
	char name[SMB_NAME_MAX];
	cursor_skip(&b->words, 6); /* AndX, Flags */
	size_t password = cursor_le16(&b->words);
	struct smb_pending *p = pending_new(call, h);
	if (cursor_ok(&b->words) && password <= b->bytes_n)
		smb_string_set(call->s, &p->name,
		    smb1_string(call, h->unicode, b->bytes_at + password, name, sizeof(name)));
}

static void tree_connect_response(struct smb_call *call, const struct smb1_header *h, struct smb1_block *b)
{
	struct smb_pending *p = pending_of(call, h);
	struct text name = p ? smb_string_text(&p->name) : (struct text){0};
	bool pipe = b->bytes_n >= 3 && memcmp(call->p + b->bytes_at, "IPC", 3) == 0;
	command_field(call, h);
	proto_field(call->c, FIELD_SMB_TREE, name);
	smb_field_status(call->c, h->status);
	proto_emit(call->c);
	if (h->status == SMB_STATUS_SUCCESS)
		smb_tree_put(call->s, 0, h->tree, name, pipe);
	if (p)
		smb_pending_drop(call->s, p);
}

static void create_request(struct smb_call *call, const struct smb1_header *h, struct smb1_block *b)
{
	char name[SMB_NAME_MAX];
	struct smb_pending *p = pending_new(call, h);
	(void)b->words;
	p->opens = true;
	p->smb1 = true;
	smb_string_set(call->s, &p->name, smb1_string(call, h->unicode, b->bytes_at, name, sizeof(name)));
}

static void create_response(struct smb_call *call, const struct smb1_header *h, struct smb1_block *b)
{
	struct smb_pending *p = pending_of(call, h);
	struct smb_pending unknown = {.tree = h->tree};
	const struct smb_pending *q = p ? p : &unknown;
	const struct smb_tree *t = smb_tree_find(call->s, 0, q->tree);
	bool pipe = t && t->pipe;
	cursor_skip(&b->words, h->command == SMB1_NT_CREATE_ANDX ? 5 : 4); /* AndX, oplock level */
	uint64_t id[2] = {cursor_le16(&b->words), 0};
	if (p) {
		command_field(call, h);
		proto_field(call->c, FIELD_SMB_FILE, smb_string_text(&p->name));
		smb_field_tree(call->c, call->s, 0, p->tree);
		if (pipe)
			smb_field_pipe(call->c, smb_string_text(&p->name));
		smb_field_status(call->c, h->status);
		proto_emit(call->c);
	}
	if (h->status == SMB_STATUS_SUCCESS && cursor_ok(&b->words)) {
		struct smb_file *f = smb_file_put(call->c, call->s, id);
		f->smb1 = true;
		f->tree = q->tree;
		f->pipe = pipe;
		smb_string_set(call->s, &f->name, smb_string_text(&q->name));
	}
	if (p)
		smb_pending_drop(call->s, p);
}

static struct smb_file *file_of(struct smb_call *call, const uint64_t id[2], uint32_t tree)
{
	struct smb_file *f = smb_file_find(call->s, id);
	if (f)
		return f;
	const struct smb_tree *t = smb_tree_find(call->s, 0, tree);
	f = smb_file_put(call->c, call->s, id);
	f->smb1 = true;
	f->tree = tree;
	f->pipe = t && t->pipe;
	return f;
}

static bool carries_rpc(const struct smb_call *call, size_t at)
{
	return at <= call->n && dcerpc_begins(call->p + at, call->n - at);
}

static void close_request(struct smb_call *call, struct smb1_block *b)
{
	uint64_t id[2] = {cursor_le16(&b->words), 0};
	struct smb_file *f = cursor_ok(&b->words) ? smb_file_find(call->s, id) : NULL;
	if (f)
		smb_file_close(call->c, call->s, f);
}

static void read_request(struct smb_call *call, const struct smb1_header *h, struct smb1_block *b)
{
	struct smb_pending *p = pending_new(call, h);
	cursor_skip(&b->words, 4);
	p->file[0] = cursor_le16(&b->words);
}

static void read_response(struct smb_call *call, const struct smb1_header *h, struct smb1_block *b)
{
	struct smb_pending *p = pending_of(call, h);
	struct cursor c = b->words;
	cursor_skip(&c, 10); /* AndX, Available, DataCompactionMode, Reserved */
	size_t length = cursor_le16(&c), at = cursor_le16(&c);
	length += (size_t)cursor_le16(&c) << 16; /* DataLengthHigh */
	if (!p)
		return;
	if (cursor_ok(&c) && length <= call->size) {
		struct smb_file *f = file_of(call, p->file, p->tree);
		if (!f->pipe && f->bytes[0] == 0 && carries_rpc(call, at))
			f->pipe = true;
		if (f->pipe)
			smb_inner(call, p->file, at, length);
		else
			f->bytes[0] += length;
	}
	smb_pending_drop(call->s, p);
}

static void write_request(struct smb_call *call, const struct smb1_header *h, struct smb1_block *b)
{
	struct cursor c = b->words;
	cursor_skip(&c, 4);
	uint64_t id[2] = {cursor_le16(&c), 0};
	cursor_skip(&c, 12); /* offset, timeout, mode, remaining */
	size_t high = cursor_le16(&c), length = cursor_le16(&c), at = cursor_le16(&c);
	length += high << 16;
	if (!cursor_ok(&c) || length > call->size)
		return;
	struct smb_file *f = file_of(call, id, h->tree);
	if (!f->pipe && f->bytes[1] == 0 && carries_rpc(call, at))
		f->pipe = true;
	/* MS-CIFS 2.2.4.43.1: the first write of a raw-mode pipe message puts its length before the data. */
	enum { WRITE_MODE_MSG_START = 8, WRITE_MODE_RAW = 4 };
	struct cursor mode = b->words;
	cursor_skip(&mode, 14);
	unsigned flags = cursor_le16(&mode);
	if (f->pipe &&
	    (flags & (WRITE_MODE_MSG_START | WRITE_MODE_RAW)) == (WRITE_MODE_MSG_START | WRITE_MODE_RAW) &&
	    length > 2 && !carries_rpc(call, at)) {
		at += 2;
		length -= 2;
	}
	if (f->pipe)
		smb_inner(call, id, at, length);
	f->bytes[1] += length;
}

static void rename_or_delete(struct smb_call *call, const struct smb1_header *h, const struct smb1_block *b)
{
	char name[SMB_NAME_MAX];
	size_t at = b->bytes_at + 1; /* each name stands behind a byte 4 */
	command_field(call, h);
	proto_field(call->c, FIELD_SMB_FILE, smb1_string(call, h->unicode, at, name, sizeof(name)));
	if (h->command == SMB1_RENAME) {
		at = string_end(call, h->unicode, at) + 1;
		proto_field(call->c, FIELD_FILE_NAME, smb1_string(call, h->unicode, at, name, sizeof(name)));
	}
	smb_field_tree(call->c, call->s, 0, h->tree);
	proto_emit(call->c);
}

static void request(struct smb_call *call, const struct smb1_header *h, struct smb1_block *b)
{
	switch (h->command) {
	case SMB1_NEGOTIATE: negotiate_request(call, h, b); break;
	case SMB1_SESSION_SETUP_ANDX: session_setup_request(call, h, b); break;
	case SMB1_TREE_CONNECT_ANDX: tree_connect_request(call, h, b); break;
	case SMB1_NT_CREATE_ANDX:
	case SMB1_OPEN_ANDX: create_request(call, h, b); break;
	case SMB1_CLOSE: close_request(call, b); break;
	case SMB1_READ_ANDX: read_request(call, h, b); break;
	case SMB1_WRITE_ANDX: write_request(call, h, b); break;
	case SMB1_RENAME:
	case SMB1_DELETE: rename_or_delete(call, h, b); break;
	case SMB1_TRANSACTION:
	case SMB1_TRANSACTION_SECONDARY:
	case SMB1_TRANSACTION2:
	case SMB1_TRANSACTION2_SECONDARY:
	case SMB1_NT_TRANSACT:
	case SMB1_NT_TRANSACT_SECONDARY: smb1_transaction(call, h, b->words); break;
	default: break;
	}
}

static void response(struct smb_call *call, const struct smb1_header *h, struct smb1_block *b)
{
	switch (h->command) {
	case SMB1_NEGOTIATE: negotiate_response(call, h, b); break;
	case SMB1_SESSION_SETUP_ANDX: session_setup_response(call, h, b); break;
	case SMB1_TREE_CONNECT_ANDX: tree_connect_response(call, h, b); break;
	case SMB1_NT_CREATE_ANDX:
	case SMB1_OPEN_ANDX: create_response(call, h, b); break;
	case SMB1_READ_ANDX: read_response(call, h, b); break;
	case SMB1_TRANSACTION:
	case SMB1_TRANSACTION2: smb1_transaction_response(call, h, b->words); break;
	default: break;
	}
}

/* Reads the block at `at`. A byte count that is too large, as reads have it, is cut to the message. */
static bool block_read(const struct smb_call *call, size_t at, struct smb1_block *ret_block)
{
	struct cursor c = cursor_of(call->p, call->n);
	struct smb1_block b;
	cursor_seek(&c, at);
	b.word_count = cursor_u8(&c);
	b.words = cursor_sub(&c, 2 * b.word_count);
	size_t bytes = cursor_le16(&c);
	if (!cursor_ok(&c))
		return false;
	b.bytes_at = c.pos;
	b.bytes_n = bytes < cursor_left(&c) ? bytes : cursor_left(&c);
	*ret_block = b;
	return true;
}

static bool has_andx(uint8_t command)
{
	return command == SMB1_SESSION_SETUP_ANDX || command == SMB1_TREE_CONNECT_ANDX ||
	       command == SMB1_LOGOFF_ANDX || command == SMB1_NT_CREATE_ANDX || command == SMB1_OPEN_ANDX ||
	       command == SMB1_READ_ANDX || command == SMB1_WRITE_ANDX || command == SMB1_LOCKING_ANDX;
}

void smb1_message(struct smb_call *call)
{
	const uint8_t *p = call->p;
	uint16_t flags2 = load_le16(p + 10);
	struct smb1_header h = {
	    .command = p[4],
	    .status = load_le32(p + 5),
	    .response = p[9] & FLAGS_REPLY,
	    .unicode = flags2 & FLAGS2_UNICODE,
	    .tree = load_le16(p + 24),
	    .user = load_le16(p + 28),
	    .multiplex = load_le16(p + 30),
	};
	h.key = (uint64_t)h.multiplex | (uint64_t)load_le16(p + 26) << 16 | (uint64_t)load_le16(p + 12) << 32;
	size_t at = SMB1_HEADER;
	for (int i = 0; i < SMB1_CHAIN_MAX; i++) {
		struct smb1_block b;
		if (!block_read(call, at, &b))
			return;
		struct cursor andx = b.words;
		uint8_t next = cursor_u8(&andx);
		cursor_skip(&andx, 1);
		size_t next_at = cursor_le16(&andx);
		if (h.response)
			response(call, &h, &b);
		else
			request(call, &h, &b);
		/* The offsets of a chain lead forward, else it could be a ring. */
		if (!has_andx(h.command) || !cursor_ok(&andx) || next == SMB1_NO_ANDX || next_at <= at)
			return;
		h.command = next;
		at = next_at;
	}
}
