/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TEST_PROTO_SMB_BYTES_H
#define TEST_PROTO_SMB_BYTES_H

/* SMB messages made by hand from MS-SMB2 2.2 and MS-CIFS 2.2.4, for the tests of SMB and of DCE/RPC on pipes.
 */

#include "bytes.h"

static inline size_t nbss_open(struct bytes *b)
{
	put_be32(b, 0);
	return b->n;
}

static inline void nbss_close(struct bytes *b, size_t open)
{
	store_be32(b->p + open - 4, (uint32_t)(b->n - open));
}

struct smb2 {
	unsigned command;
	uint32_t status;
	bool response;
	uint64_t message;
	uint32_t flags, next;
};

enum { SMB2_TEST_TREE = 5, SMB2_TEST_SESSION = 0x44 };

static inline void put_smb2(struct bytes *b, struct smb2 h)
{
	put_hex(b, "fe 53 4d 42 40 00 01 00");
	put_le32(b, h.status);
	put_le16(b, h.command);
	put_le16(b, 1);
	put_le32(b, h.flags | (h.response ? 1 : 0));
	put_le32(b, h.next);
	put_le64(b, h.message);
	put_le32(b, 0xfeff);
	put_le32(b, SMB2_TEST_TREE);
	put_le64(b, SMB2_TEST_SESSION);
	put_zero(b, 16);
}

static inline void send_closed(struct drive *d, enum flow_dir dir, struct bytes *b, size_t open)
{
	nbss_close(b, open);
	drive_send(d, dir, b->p, b->n);
	b->n = 0;
}

static inline void smb2_tree(struct drive *d, uint64_t message, const char *path, unsigned type)
{
	struct bytes b = {0};
	size_t o = nbss_open(&b);
	put_smb2(&b, (struct smb2){.command = 3, .message = message});
	put_le16(&b, 9);
	put_le16(&b, 0);
	put_le16(&b, 72);
	put_le16(&b, (unsigned)(2 * strlen(path)));
	put_utf16(&b, path);
	send_closed(d, FLOW_FORWARD, &b, o);
	o = nbss_open(&b);
	put_smb2(&b, (struct smb2){.command = 3, .message = message, .response = true});
	put_le16(&b, 16);
	put_u8(&b, type);
	put_zero(&b, 13);
	send_closed(d, FLOW_REVERSE, &b, o);
}

static inline void put_smb2_create_request(struct bytes *b, struct smb2 h, const char *name)
{
	put_smb2(b, h);
	put_le16(b, 57);
	put_zero(b, 42);
	put_le16(b, 120);
	put_le16(b, (unsigned)(2 * strlen(name)));
	put_zero(b, 8);
	put_utf16(b, name);
}

static inline void put_smb2_create_response(struct bytes *b, struct smb2 h, uint64_t file)
{
	h.response = true;
	put_smb2(b, h);
	put_le16(b, 89);
	put_zero(b, 62);
	put_le64(b, file);
	put_le64(b, file);
	put_zero(b, 8);
}

static inline void smb2_create(struct drive *d, uint64_t message, const char *name, uint64_t file)
{
	struct bytes b = {0};
	size_t o = nbss_open(&b);
	put_smb2_create_request(&b, (struct smb2){.command = 5, .message = message}, name);
	send_closed(d, FLOW_FORWARD, &b, o);
	o = nbss_open(&b);
	put_smb2_create_response(&b, (struct smb2){.command = 5, .message = message}, file);
	send_closed(d, FLOW_REVERSE, &b, o);
}

static inline void put_smb2_write(struct bytes *b, uint64_t message, uint64_t file, const void *p, size_t n)
{
	put_smb2(b, (struct smb2){.command = 9, .message = message});
	put_le16(b, 49);
	put_le16(b, 112);
	put_le32(b, (uint32_t)n);
	put_le64(b, 0);
	put_le64(b, file);
	put_le64(b, file);
	put_zero(b, 16);
	put(b, p, n);
}

static inline void smb2_write(
    struct drive *d, uint64_t message, uint64_t file, const void *p, size_t n, uint32_t status)
{
	struct bytes b = {0};
	size_t o = nbss_open(&b);
	put_smb2_write(&b, message, file, p, n);
	send_closed(d, FLOW_FORWARD, &b, o);
	o = nbss_open(&b);
	put_smb2(&b, (struct smb2){.command = 9, .message = message, .response = true, .status = status});
	put_le16(&b, 17);
	put_le16(&b, 0);
	put_le32(&b, status ? 0 : (uint32_t)n);
	put_zero(&b, 8);
	send_closed(d, FLOW_REVERSE, &b, o);
}

static inline void put_smb2_read_request(struct bytes *b, uint64_t message, uint64_t file, uint32_t n)
{
	put_smb2(b, (struct smb2){.command = 8, .message = message});
	put_le16(b, 49);
	put_le16(b, 0x50);
	put_le32(b, n);
	put_le64(b, 0);
	put_le64(b, file);
	put_le64(b, file);
	put_zero(b, 17);
}

static inline void put_smb2_read_response(struct bytes *b, uint64_t message, const void *p, size_t n)
{
	put_smb2(b, (struct smb2){.command = 8, .message = message, .response = true});
	put_le16(b, 17);
	put_u8(b, 80);
	put_u8(b, 0);
	put_le32(b, (uint32_t)n);
	put_zero(b, 8);
	put(b, p, n);
}

static inline void smb2_read(struct drive *d, uint64_t message, uint64_t file, const void *p, size_t n)
{
	struct bytes b = {0};
	size_t o = nbss_open(&b);
	put_smb2_read_request(&b, message, file, (uint32_t)n);
	send_closed(d, FLOW_FORWARD, &b, o);
	o = nbss_open(&b);
	put_smb2_read_response(&b, message, p, n);
	send_closed(d, FLOW_REVERSE, &b, o);
}

static inline void smb2_close(struct drive *d, uint64_t message, uint64_t file)
{
	struct bytes b = {0};
	size_t o = nbss_open(&b);
	put_smb2(&b, (struct smb2){.command = 6, .message = message});
	put_le16(&b, 24);
	put_zero(&b, 6);
	put_le64(&b, file);
	put_le64(&b, file);
	send_closed(d, FLOW_FORWARD, &b, o);
	o = nbss_open(&b);
	put_smb2(&b, (struct smb2){.command = 6, .message = message, .response = true});
	put_le16(&b, 60);
	put_zero(&b, 58);
	send_closed(d, FLOW_REVERSE, &b, o);
}

#endif
