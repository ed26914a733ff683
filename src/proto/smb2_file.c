/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Open files of SMB 2 and 3: names, bytes read and written, renames, deletions, and pipes, whose payload goes
 * to the DCE/RPC parser. Inside a compound a file may be named as "the one of the part before"
 * (MS-SMB2 2.2.3.1).
 */

#include "proto/dcerpc.h"
#include "proto/smb.h"
#include "proto/utf16.h"

#include <string.h>

enum {
	CREATE_DIRECTORY_FILE = 1,
	FILE_RENAME_INFORMATION = 10,
	FILE_DISPOSITION_INFORMATION = 13,
	FILE_DISPOSITION_INFORMATION_EX = 64,
	FILE_RENAME_INFORMATION_EX = 65,
	SMB2_INFO_FILE = 1,
	FSCTL_PIPE_TRANSCEIVE = 0x0011c017,
};

static bool id_is_related(const uint64_t id[2])
{
	return id[0] == UINT64_MAX && id[1] == UINT64_MAX;
}

/* Reads the file id at `at`. A related one is taken from the part before. Returns whether it is known. */
static bool file_id_read(struct smb_call *call, size_t at, uint64_t ret_id[2])
{
	struct cursor c = cursor_of(call->p, call->n);
	cursor_seek(&c, at);
	uint64_t id[2];
	id[0] = cursor_le64(&c);
	id[1] = cursor_le64(&c);
	if (!cursor_ok(&c))
		return false;
	if (id_is_related(id)) {
		if (!call->side->compound_file)
			return false;
		memcpy(id, call->side->file, sizeof(id));
	}
	memcpy(ret_id, id, sizeof(id));
	memcpy(call->side->file, id, sizeof(id));
	call->side->compound_file = true;
	return true;
}

/* Files a request about a file under its message id. */
static struct smb_pending *file_request(struct smb_call *call, const struct smb2_header *h, size_t id_at)
{
	struct smb_pending *p = smb_pending_put(call->c, call->s, h->message, h->command);
	p->session = h->session;
	p->tree = h->tree;
	p->related = !file_id_read(call, id_at, p->file);
	return p;
}

/* The request that h answers, with its file; NULL where it isn't known. */
static struct smb_pending *file_response(struct smb_call *call, const struct smb2_header *h)
{
	struct smb_pending *p = smb_pending_find(call->s, h->message, h->command);
	if (p && p->related) {
		if (!call->side->compound_file) {
			smb_pending_drop(call->s, p);
			return NULL;
		}
		memcpy(p->file, call->side->file, sizeof(p->file));
	}
	return p;
}

/* The open file; one that was opened before the capture began is taken up without a name. */
static struct smb_file *file_of(struct smb_call *call, const struct smb_pending *p)
{
	struct smb_file *f = smb_file_find(call->s, p->file);
	if (f)
		return f;
	const struct smb_tree *t = smb_tree_find(call->s, p->session, p->tree);
	f = smb_file_put(call->c, call->s, p->file);
	f->session = p->session;
	f->tree = p->tree;
	f->pipe = t && t->pipe;
	return f;
}

/* A pipe that was opened before the capture began is known by what it carries. */
static bool carries_rpc(const struct smb_call *call, size_t at)
{
	return at <= call->n && dcerpc_begins(call->p + at, call->n - at);
}

void smb2_create_request(struct smb_call *call, const struct smb2_header *h)
{
	char name[SMB_NAME_MAX];
	struct cursor c = cursor_of(call->p, call->n);
	cursor_skip(&c, SMB2_HEADER + 44);
	size_t offset = cursor_le16(&c), length = cursor_le16(&c);
	struct smb_pending *p = smb_pending_put(call->c, call->s, h->message, h->command);
	p->session = h->session;
	p->tree = h->tree;
	p->opens = true;
	/* What follows in this compound is about a file whose id the answer will tell. */
	call->side->compound_file = false;
	if (!cursor_ok(&c) || offset > call->n)
		return;
	if (length > call->n - offset)
		length = call->n - offset;
	smb_string_set(call->s, &p->name, utf16le_text(call->p + offset, length, name, sizeof(name)));
}

static void create_emit(
    struct smb_call *call, const struct smb2_header *h, const struct smb_pending *p, bool pipe)
{
	/* The opening of a share's root, done before each look at it, says nothing. */
	if (p->name.n == 0 && h->status == SMB_STATUS_SUCCESS)
		return;
	smb_field_command2(call->c, h->command);
	proto_field(call->c, FIELD_SMB_FILE, smb_string_text(&p->name));
	smb_field_tree(call->c, call->s, p->session, p->tree);
	if (pipe)
		smb_field_pipe(call->c, smb_string_text(&p->name));
	smb_field_status(call->c, h->status);
	proto_emit(call->c);
}

void smb2_create_response(struct smb_call *call, const struct smb2_header *h)
{
	struct smb_pending *p = smb_pending_find(call->s, h->message, h->command);
	struct smb_pending unknown = {.session = h->session, .tree = h->tree};
	const struct smb_pending *q = p ? p : &unknown;
	const struct smb_tree *t = smb_tree_find(call->s, q->session, q->tree);
	uint64_t id[2];
	bool pipe = t && t->pipe;
	call->side->compound_file = false;
	if (p)
		create_emit(call, h, p, pipe);
	if (h->status == SMB_STATUS_SUCCESS && file_id_read(call, SMB2_HEADER + 64, id)) {
		struct smb_file *f = smb_file_put(call->c, call->s, id);
		f->session = q->session;
		f->tree = q->tree;
		f->pipe = pipe;
		smb_string_set(call->s, &f->name, smb_string_text(&q->name));
	}
	if (p)
		smb_pending_drop(call->s, p);
}

void smb2_close_request(struct smb_call *call, const struct smb2_header *h)
{
	(void)file_request(call, h, SMB2_HEADER + 8);
}

void smb2_close_response(struct smb_call *call, const struct smb2_header *h)
{
	struct smb_pending *p = file_response(call, h);
	struct smb_file *f = p ? smb_file_find(call->s, p->file) : NULL;
	if (f)
		smb_file_close(call->c, call->s, f);
	if (p)
		smb_pending_drop(call->s, p);
}

void smb2_read_request(struct smb_call *call, const struct smb2_header *h)
{
	(void)file_request(call, h, SMB2_HEADER + 16);
}

void smb2_read_response(struct smb_call *call, const struct smb2_header *h)
{
	struct smb_pending *p = file_response(call, h);
	struct cursor c = cursor_of(call->p, call->n);
	cursor_skip(&c, SMB2_HEADER + 2);
	size_t at = cursor_u8(&c);
	cursor_skip(&c, 1);
	uint32_t length = cursor_le32(&c);
	if (!p)
		return;
	/* A pipe's message may come in two reads: the first says "buffer overflow". */
	if (cursor_ok(&c) && (h->status == SMB_STATUS_SUCCESS || h->status == SMB_STATUS_BUFFER_OVERFLOW)) {
		struct smb_file *f = file_of(call, p);
		if (!f->pipe && f->bytes[0] == 0 && carries_rpc(call, at))
			f->pipe = true;
		if (f->pipe)
			smb_inner(call, p->file, at, length);
		else if (length <= call->size)
			f->bytes[0] += length;
	}
	smb_pending_drop(call->s, p);
}

void smb2_write_request(struct smb_call *call, const struct smb2_header *h)
{
	struct smb_pending *p = file_request(call, h, SMB2_HEADER + 16);
	struct cursor c = cursor_of(call->p, call->n);
	cursor_skip(&c, SMB2_HEADER + 2);
	size_t at = cursor_le16(&c);
	uint32_t length = cursor_le32(&c);
	/* More than the message holds was sent by RDMA, or is a lie. */
	p->bytes = cursor_ok(&c) && length <= call->size ? length : 0;
	if (p->related)
		return;
	struct smb_file *f = file_of(call, p);
	if (!f->pipe && f->bytes[1] == 0 && carries_rpc(call, at))
		f->pipe = true;
	if (f->pipe)
		smb_inner(call, p->file, at, length);
	/* Counted when sent, taken back when refused: the answer may never be seen. */
	f->bytes[1] += p->bytes;
}

void smb2_write_response(struct smb_call *call, const struct smb2_header *h)
{
	struct smb_pending *p = smb_pending_find(call->s, h->message, h->command);
	if (!p)
		return;
	bool counted = !p->related;
	p = file_response(call, h);
	if (!p)
		return;
	bool refused = h->status != SMB_STATUS_SUCCESS;
	struct smb_file *f = counted ? smb_file_find(call->s, p->file) : refused ? NULL : file_of(call, p);
	if (f && !counted)
		f->bytes[1] += p->bytes;
	else if (f && refused)
		f->bytes[1] -= f->bytes[1] < p->bytes ? f->bytes[1] : p->bytes;
	smb_pending_drop(call->s, p);
}

/* Requests and answers agree in where the control code and the file stand, and nearly in the buffers. */
void smb2_ioctl(struct smb_call *call, const struct smb2_header *h)
{
	struct cursor c = cursor_of(call->p, call->n);
	uint64_t id[2];
	cursor_skip(&c, SMB2_HEADER + 4);
	uint32_t code = cursor_le32(&c);
	if (code != FSCTL_PIPE_TRANSCEIVE || !file_id_read(call, SMB2_HEADER + 8, id))
		return;
	if (h->response && h->status != SMB_STATUS_SUCCESS && h->status != SMB_STATUS_BUFFER_OVERFLOW)
		return;
	cursor_skip(&c, 16);
	if (h->response)
		cursor_skip(&c, 8); /* the input's place; the output's follows */
	uint32_t at = cursor_le32(&c), length = cursor_le32(&c);
	if (!cursor_ok(&c))
		return;
	struct smb_file *f = smb_file_find(call->s, id);
	if (f)
		f->pipe = true;
	smb_inner(call, id, at, length);
}

void smb2_set_info_request(struct smb_call *call, const struct smb2_header *h)
{
	char name[SMB_NAME_MAX];
	struct smb_pending *p = file_request(call, h, SMB2_HEADER + 16);
	struct cursor c = cursor_of(call->p, call->n);
	cursor_skip(&c, SMB2_HEADER + 2);
	uint8_t type = cursor_u8(&c), class = cursor_u8(&c);
	cursor_skip(&c, 4);
	size_t at = cursor_le16(&c);
	cursor_seek(&c, at);
	p->sub = SMB_SET_INFO_OTHER;
	if (!cursor_ok(&c) || type != SMB2_INFO_FILE)
		return;
	if (class == FILE_DISPOSITION_INFORMATION || class == FILE_DISPOSITION_INFORMATION_EX) {
		if (cursor_u8(&c) & 1)
			p->sub = SMB_SET_INFO_DELETE;
	} else if (class == FILE_RENAME_INFORMATION || class == FILE_RENAME_INFORMATION_EX) {
		cursor_skip(&c, 16);
		uint32_t length = cursor_le32(&c);
		struct cursor to = cursor_sub(&c, length);
		if (!cursor_ok(&to))
			return;
		p->sub = SMB_SET_INFO_RENAME;
		smb_string_set(call->s, &p->name, utf16le_text(to.base, to.size, name, sizeof(name)));
	}
}

void smb2_set_info_response(struct smb_call *call, const struct smb2_header *h)
{
	struct smb_pending *p = file_response(call, h);
	if (!p)
		return;
	if (p->sub != SMB_SET_INFO_OTHER) {
		bool rename = p->sub == SMB_SET_INFO_RENAME;
		const struct smb_file *f = smb_file_find(call->s, p->file);
		proto_field_str(call->c, FIELD_SMB_COMMAND,
		    rename ? "SMB2_COMMAND_SET_INFO_RENAME" : "SMB2_COMMAND_SET_INFO_DELETE");
		if (f)
			proto_field(call->c, FIELD_SMB_FILE, smb_string_text(&f->name));
		proto_field(call->c, FIELD_FILE_NAME, smb_string_text(&p->name));
		smb_field_tree(call->c, call->s, p->session, p->tree);
		smb_field_status(call->c, h->status);
		proto_emit(call->c);
	}
	smb_pending_drop(call->s, p);
}
