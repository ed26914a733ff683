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

/* A count and room for `size` bytes behind it; NULL on failure. A count that is beyond its bound fails the
 * whole record: nothing is cut without a word. */
static uint8_t *put_count(struct dynbuf *out, size_t n, size_t max, size_t size)
{
	if (n > max && out->error == 0)
		out->error = -ERR_LIMIT;
	uint8_t *to = dynbuf_grow(out, 4 + size);
	if (!to)
		return NULL;
	store_le32(to, (uint32_t)n);
	return to + 4;
}

void msg_put_text(struct dynbuf *out, struct text v)
{
	uint8_t *to = put_count(out, v.n, MSG_TEXT_MAX, v.n);
	if (to && v.n)
		memcpy(to, v.p, v.n);
}

void msg_put_u64s(struct dynbuf *out, struct msg_u64s v)
{
	uint8_t *to = put_count(out, v.n, MSG_LIST_MAX, (size_t)v.n * 8);
	for (uint32_t i = 0; to && i < v.n; i++)
		store_le64(to + 8 * (size_t)i, v.v[i]);
}

enum { FIELD_HEADER_SIZE = 6 }; /* its number, its value's length */

void msg_put_fields(struct dynbuf *out, struct msg_fields v)
{
	size_t size = 0;
	for (uint32_t i = 0; i < v.n && i < MSG_FIELDS_MAX; i++) {
		if (v.v[i].value.n > MSG_TEXT_MAX && out->error == 0)
			out->error = -ERR_LIMIT;
		size += FIELD_HEADER_SIZE + v.v[i].value.n;
	}
	uint8_t *to = put_count(out, v.n, MSG_FIELDS_MAX, size);
	for (uint32_t i = 0; to && i < v.n; i++) {
		struct text value = v.v[i].value;
		store_le16(to, (uint16_t)v.v[i].field);
		store_le32(to + 2, (uint32_t)value.n);
		to += FIELD_HEADER_SIZE;
		if (value.n)
			memcpy(to, value.p, value.n);
		to += value.n;
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
		const uint8_t *p = cursor_take(&r->c, FIELD_HEADER_SIZE);
		uint32_t length = p ? load_le32(p + 2) : 0;
		if (length > MSG_TEXT_MAX)
			r->c.failed = true;
		v[i].field = p ? (enum field)load_le16(p) : FIELD_NONE;
		v[i].value = cursor_text(&r->c, length);
	}
	return (struct msg_fields){.v = v, .n = n};
}
