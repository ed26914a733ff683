/* SPDX-License-Identifier: GPL-2.0-or-later */

/* SMB 2 and 3 (MS-SMB2): the header, compounds, and the commands about the connection: negotiate, session,
 * share. */

#include "proto/smb.h"
#include "proto/utf16.h"

/* How many bytes of a request and of its answer are read, header included, and by whom. */
struct smb2_command_row {
	size_t want[2]; /* request, response */
	smb2_handler handler[2];
};

static void negotiate_response(struct smb_call *call, const struct smb2_header *h)
{
	struct cursor c = cursor_of(call->p, call->n);
	cursor_skip(&c, SMB2_HEADER + 4);
	uint16_t dialect = cursor_le16(&c);
	char text[8] = {'2', '.', '?', '?'};
	static const char digits[] = "0123456789abcdef";
	if (!cursor_ok(&c))
		return;
	if (dialect != 0x02ff) { /* the wildcard: another round follows */
		text[0] = digits[dialect >> 8 & 15];
		text[2] = digits[dialect >> 4 & 15];
		text[3] = digits[dialect & 15];
	}
	smb_field_command2(call->c, h->command);
	if (h->status == SMB_STATUS_SUCCESS)
		proto_field_str(call->c, FIELD_SMB_DIALECT, text);
	smb_field_status(call->c, h->status);
	proto_emit(call->c);
}

/* The buffer that an (offset, length) pair of 16 bits each at `at` points to; failed where it lies outside.
 */
static struct cursor security_buffer(const struct smb_call *call, size_t at)
{
	struct cursor c = cursor_of(call->p, call->n);
	cursor_seek(&c, at);
	size_t offset = cursor_le16(&c), length = cursor_le16(&c);
	cursor_seek(&c, offset);
	return cursor_sub(&c, length);
}

static void session_setup_request(struct smb_call *call, const struct smb2_header *h)
{
	struct cursor token = security_buffer(call, SMB2_HEADER + 12);
	(void)h;
	if (cursor_left(&token) > 0)
		gss_auth_update(&call->s->auth, token.base, token.size);
}

static void session_setup_response(struct smb_call *call, const struct smb2_header *h)
{
	char name[SMB_NAME_BUF];
	struct cursor c = cursor_of(call->p, call->n);
	cursor_skip(&c, SMB2_HEADER + 2);
	bool guest = cursor_le16(&c) & 1;
	smb_auth_emit(call, smb2_command_name(h->command, name), h->status, guest);
}

static void tree_connect_request(struct smb_call *call, const struct smb2_header *h)
{
	char name[SMB_NAME_MAX];
	struct cursor path = security_buffer(call, SMB2_HEADER + 4);
	struct smb_pending *p = smb_pending_put(call->c, call->s, h->message, h->command);
	p->session = h->session;
	if (cursor_ok(&path))
		smb_string_set(call->s, &p->name, utf16le_text(path.base, path.size, name, sizeof(name)));
}

static void tree_connect_response(struct smb_call *call, const struct smb2_header *h)
{
	enum { SHARE_TYPE_PIPE = 2 };
	struct cursor c = cursor_of(call->p, call->n);
	cursor_skip(&c, SMB2_HEADER + 2);
	bool pipe = cursor_u8(&c) == SHARE_TYPE_PIPE;
	struct smb_pending *p = smb_pending_find(call->s, h->message, h->command);
	struct text name = p ? smb_string_text(&p->name) : (struct text){0};
	smb_field_command2(call->c, h->command);
	proto_field(call->c, FIELD_SMB_TREE, name);
	smb_field_status(call->c, h->status);
	proto_emit(call->c);
	if (h->status == SMB_STATUS_SUCCESS)
		smb_tree_put(call->s, h->session, h->tree, name, pipe);
	if (p)
		smb_pending_drop(call->s, p);
}

enum {
	SECURITY_MOST = SMB_MESSAGE_MAX,
	NAME_MOST = SMB2_HEADER + 56 +
	            4096, /* a path has at most 32,767 characters; who names one of 2,000? */
};

static const struct smb2_command_row rows[SMB2_COMMANDS] = {
    [SMB2_NEGOTIATE] = {{SMB2_HEADER, SMB2_HEADER + 8}, {NULL, negotiate_response}},
    [SMB2_SESSION_SETUP] = {{SECURITY_MOST, SMB2_HEADER + 8},
        {session_setup_request, session_setup_response}},
    [SMB2_TREE_CONNECT] = {{NAME_MOST, SMB2_HEADER + 16}, {tree_connect_request, tree_connect_response}},
    [SMB2_CREATE] = {{NAME_MOST, SMB2_HEADER + 88}, {smb2_create_request, smb2_create_response}},
    [SMB2_CLOSE] = {{SMB2_HEADER + 24, SMB2_HEADER}, {smb2_close_request, smb2_close_response}},
    [SMB2_READ] = {{SMB2_HEADER + 48, SMB2_HEADER + 48}, {smb2_read_request, smb2_read_response}},
    [SMB2_WRITE] = {{SMB2_HEADER + 80, SMB2_HEADER}, {smb2_write_request, smb2_write_response}},
    [SMB2_IOCTL] = {{SMB2_HEADER + 56, SMB2_HEADER + 48}, {smb2_ioctl, smb2_ioctl}},
    [SMB2_SET_INFO] = {{NAME_MOST, SMB2_HEADER}, {smb2_set_info_request, smb2_set_info_response}},
};

size_t smb2_want(const uint8_t *p, size_t size)
{
	uint16_t command = load_le16(p + 12);
	bool response = load_le32(p + 16) & SMB2_FLAG_RESPONSE;
	size_t want = command < SMB2_COMMANDS && rows[command].handler[response]
	                  ? rows[command].want[response]
	                  : 0;
	if (want < SMB2_HEADER)
		want = SMB2_HEADER;
	return want < size ? want : size;
}

size_t smb2_size(const uint8_t *p, size_t left)
{
	uint32_t next = load_le32(p + 20);
	return next >= SMB2_HEADER && next < left ? next : left;
}

static struct smb2_header header_read(const uint8_t *p)
{
	struct smb2_header h = {
	    .status = load_le32(p + 8),
	    .command = load_le16(p + 12),
	    .flags = load_le32(p + 16),
	    .message = load_le64(p + 24),
	    .tree = load_le32(p + 36),
	    .session = load_le64(p + 40),
	};
	h.response = h.flags & SMB2_FLAG_RESPONSE;
	return h;
}

void smb2_message(struct smb_call *call)
{
	struct smb2_header h = header_read(call->p);
	if (h.command >= SMB2_COMMANDS || !rows[h.command].handler[h.response])
		return;
	/* An interim answer (MS-SMB2 3.3.4.2): the real one follows under the same message id. */
	if (h.response && h.flags & SMB2_FLAG_ASYNC && h.status == SMB_STATUS_PENDING)
		return;
	rows[h.command].handler[h.response](call, &h);
}
