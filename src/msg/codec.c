/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "msg/codec.h"

#include <errno.h>

#include "base/err.h"

size_t msg_begin(struct dynbuf *out, uint16_t record)
{
	size_t at = out->error ? MSG_NOT_BEGUN : out->n;
	dynbuf_le16(out, record);
	dynbuf_le32(out, 0);
	return at;
}

int msg_finish(struct dynbuf *out, size_t at)
{
	int error = out->error;
	if (at == MSG_NOT_BEGUN) /* an earlier failure, which isn't ours to take back */
		return error;
	if (error == 0 && out->n - at > MSG_RECORD_MAX)
		error = -ERR_LIMIT;
	if (error < 0) {
		out->n = at;
		out->error = 0;
		return error;
	}
	store_le32(out->p + at + 2, (uint32_t)(out->n - at - MSG_HEADER_SIZE));
	return 0;
}

int msg_peek(const void *p, size_t n, uint16_t *ret_record, size_t *ret_length)
{
	struct cursor c = cursor_of(p, n);
	uint16_t record = cursor_le16(&c);
	uint32_t length = cursor_le32(&c);
	if (!cursor_ok(&c))
		return -ERR_TRUNCATED;
	if (length > MSG_RECORD_MAX - MSG_HEADER_SIZE)
		return -ERR_MALFORMED;
	if (cursor_left(&c) < length)
		return -ERR_TRUNCATED;
	*ret_record = record;
	*ret_length = (size_t)length + MSG_HEADER_SIZE;
	return 0;
}

int msg_open(struct msg_reader *r, const void *p, size_t n, uint16_t record, struct arena *arena)
{
	uint16_t found;
	size_t length;
	int error = msg_peek(p, n, &found, &length);
	if (error < 0)
		return error;
	if (found != record)
		return -ERR_MALFORMED;
	*r = (struct msg_reader){
	    .c = cursor_of((const uint8_t *)p + MSG_HEADER_SIZE, length - MSG_HEADER_SIZE), .arena = arena};
	return 0;
}

int msg_close(const struct msg_reader *r)
{
	if (r->error < 0)
		return r->error;
	return cursor_ok(&r->c) ? 0 : -ERR_MALFORMED;
}

/* A count that is beyond its bound fails the whole record: nothing is cut without a word. */
static void put_count(struct dynbuf *out, size_t n, size_t max)
{
	if (n > max && out->error == 0)
		out->error = -ERR_LIMIT;
	dynbuf_le32(out, (uint32_t)n);
}

void msg_put_text(struct dynbuf *out, struct text v)
{
	put_count(out, v.n, MSG_TEXT_MAX);
	dynbuf_text(out, v);
}

void msg_put_u64s(struct dynbuf *out, struct msg_u64s v)
{
	put_count(out, v.n, MSG_LIST_MAX);
	for (uint32_t i = 0; i < v.n && out->error == 0; i++)
		dynbuf_le64(out, v.v[i]);
}

void msg_put_fields(struct dynbuf *out, struct msg_fields v)
{
	put_count(out, v.n, MSG_FIELDS_MAX);
	for (uint32_t i = 0; i < v.n && out->error == 0; i++) {
		dynbuf_le16(out, (uint16_t)v.v[i].field);
		msg_put_text(out, v.v[i].value);
	}
}

/* An older writer's record ends before a field that it didn't know: such fields are zero, and nothing has
 * failed. */
static bool at_older_end(const struct msg_reader *r)
{
	return cursor_ok(&r->c) && cursor_left(&r->c) == 0;
}

uint8_t msg_get_u8(struct msg_reader *r)
{
	return at_older_end(r) ? 0 : cursor_u8(&r->c);
}

uint16_t msg_get_u16(struct msg_reader *r)
{
	return at_older_end(r) ? 0 : cursor_le16(&r->c);
}

uint32_t msg_get_u32(struct msg_reader *r)
{
	return at_older_end(r) ? 0 : cursor_le32(&r->c);
}

uint64_t msg_get_u64(struct msg_reader *r)
{
	return at_older_end(r) ? 0 : cursor_le64(&r->c);
}

int64_t msg_get_time(struct msg_reader *r)
{
	return at_older_end(r) ? 0 : (int64_t)cursor_le64(&r->c);
}

double msg_get_real(struct msg_reader *r)
{
	uint8_t bytes[8];
	store_le64(bytes, msg_get_u64(r));
	return msg_load_real(bytes);
}

struct net_addr msg_get_addr(struct msg_reader *r)
{
	const uint8_t *p = at_older_end(r) ? NULL : cursor_take(&r->c, sizeof(struct net_addr));
	return p ? msg_load_addr(p) : (struct net_addr){0};
}

struct net_mac msg_get_mac(struct msg_reader *r)
{
	const uint8_t *p = at_older_end(r) ? NULL : cursor_take(&r->c, sizeof(struct net_mac));
	return p ? msg_load_mac(p) : (struct net_mac){0};
}

struct net_prefix msg_get_prefix(struct msg_reader *r)
{
	enum { SIZE = sizeof(struct net_addr) + 1 };
	const uint8_t *p = at_older_end(r) ? NULL : cursor_take(&r->c, SIZE);
	return p ? msg_load_prefix(p) : (struct net_prefix){0};
}

static uint32_t get_count(struct msg_reader *r, size_t max)
{
	if (at_older_end(r))
		return 0;
	uint32_t n = cursor_le32(&r->c);
	if (n > max)
		r->c.failed = true;
	return cursor_ok(&r->c) ? n : 0;
}

struct text msg_get_text(struct msg_reader *r)
{
	return cursor_text(&r->c, get_count(r, MSG_TEXT_MAX));
}

struct msg_u64s msg_get_u64s(struct msg_reader *r)
{
	uint32_t n = get_count(r, MSG_LIST_MAX);
	struct cursor items = cursor_sub(&r->c, (size_t)n * 8);
	if (n == 0 || !cursor_ok(&items))
		return (struct msg_u64s){0};
	uint64_t *v = arena_array(r->arena, n, sizeof(*v));
	if (!v) {
		r->error = -ENOMEM;
		return (struct msg_u64s){0};
	}
	for (uint32_t i = 0; i < n; i++)
		v[i] = cursor_le64(&items);
	return (struct msg_u64s){.v = v, .n = n};
}

struct msg_fields msg_get_fields(struct msg_reader *r)
{
	uint32_t n = get_count(r, MSG_FIELDS_MAX);
	if (n == 0)
		return (struct msg_fields){0};
	struct field_value *v = arena_array(r->arena, n, sizeof(*v));
	if (!v) {
		r->error = -ENOMEM;
		return (struct msg_fields){0};
	}
	for (uint32_t i = 0; i < n; i++) {
		v[i].field = (enum field)cursor_le16(&r->c);
		uint32_t length = cursor_le32(&r->c);
		if (length > MSG_TEXT_MAX)
			r->c.failed = true;
		v[i].value = cursor_text(&r->c, length);
	}
	return (struct msg_fields){.v = v, .n = n};
}
