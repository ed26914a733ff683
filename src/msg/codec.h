/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MSG_CODEC_H
#define MSG_CODEC_H

/*
 * What the generated codec is made of, private to msg/. Fields of fixed size that follow each other are a
 * run, for which there is room or bytes as a whole: store and load. Others are put and got one by one, and so
 * is a run that a record holds only the beginning of.
 */

#include <string.h>

#include "base/cursor.h"
#include "msg/msg.h"

struct msg_reader {
	struct cursor c;
	struct arena *arena;
	int error;
};

/* The place of an envelope in a buffer that had failed before. */
#define MSG_NOT_BEGUN SIZE_MAX

/* Writes an envelope whose length msg_finish fills in; gives its place. */
size_t msg_begin(struct dynbuf *out, uint16_t record);
/* On an error what was appended since msg_begin is taken back. */
int msg_finish(struct dynbuf *out, size_t at);

int msg_open(struct msg_reader *r, const void *p, size_t n, uint16_t record, struct arena *arena);
/* Bytes beyond the fields that we know belong to a newer writer and are left alone. */
int msg_close(const struct msg_reader *r);

void msg_put_text(struct dynbuf *out, struct text v);
void msg_put_u64s(struct dynbuf *out, struct msg_u64s v);
void msg_put_fields(struct dynbuf *out, struct msg_fields v);

/* A run of n bytes, or NULL where the record ends before; what is left isn't taken then. */
static inline const uint8_t *msg_take(struct msg_reader *r, size_t n)
{
	return cursor_left(&r->c) < n ? NULL : cursor_take(&r->c, n);
}

uint8_t msg_get_u8(struct msg_reader *r);
uint16_t msg_get_u16(struct msg_reader *r);
uint32_t msg_get_u32(struct msg_reader *r);
uint64_t msg_get_u64(struct msg_reader *r);
int64_t msg_get_time(struct msg_reader *r);
double msg_get_real(struct msg_reader *r);
struct net_addr msg_get_addr(struct msg_reader *r);
struct net_mac msg_get_mac(struct msg_reader *r);
struct net_prefix msg_get_prefix(struct msg_reader *r);
struct text msg_get_text(struct msg_reader *r);
struct msg_u64s msg_get_u64s(struct msg_reader *r);
struct msg_fields msg_get_fields(struct msg_reader *r);

static inline void msg_store_u8(uint8_t *p, uint8_t v)
{
	*p = v;
}
static inline void msg_store_u16(uint8_t *p, uint16_t v)
{
	store_le16(p, v);
}
static inline void msg_store_u32(uint8_t *p, uint32_t v)
{
	store_le32(p, v);
}
static inline void msg_store_u64(uint8_t *p, uint64_t v)
{
	store_le64(p, v);
}
static inline void msg_store_time(uint8_t *p, int64_t v)
{
	store_le64(p, (uint64_t)v);
}
static inline void msg_store_real(uint8_t *p, double v)
{
	uint64_t bits;
	memcpy(&bits, &v, sizeof(bits));
	store_le64(p, bits);
}
static inline void msg_store_addr(uint8_t *p, struct net_addr v)
{
	memcpy(p, v.b, sizeof(v.b));
}
static inline void msg_store_mac(uint8_t *p, struct net_mac v)
{
	memcpy(p, v.b, sizeof(v.b));
}

static inline void msg_store_prefix(uint8_t *p, struct net_prefix v)
{
	memcpy(p, v.addr.b, sizeof(v.addr.b));
	p[sizeof(v.addr.b)] = v.bits;
}

static inline uint8_t msg_load_u8(const uint8_t *p)
{
	return *p;
}
static inline uint16_t msg_load_u16(const uint8_t *p)
{
	return load_le16(p);
}
static inline uint32_t msg_load_u32(const uint8_t *p)
{
	return load_le32(p);
}
static inline uint64_t msg_load_u64(const uint8_t *p)
{
	return load_le64(p);
}
static inline int64_t msg_load_time(const uint8_t *p)
{
	return (int64_t)load_le64(p);
}
static inline double msg_load_real(const uint8_t *p)
{
	uint64_t bits = load_le64(p);
	double v;
	memcpy(&v, &bits, sizeof(v));
	return v == v ? v : 0; /* a NaN would break every comparison after it */
}
static inline struct net_addr msg_load_addr(const uint8_t *p)
{
	struct net_addr v;
	memcpy(v.b, p, sizeof(v.b));
	return v;
}
static inline struct net_mac msg_load_mac(const uint8_t *p)
{
	struct net_mac v;
	memcpy(v.b, p, sizeof(v.b));
	return v;
}

/* Comes out well-formed whatever the bytes are: no more bits than there are, no host bits. */
static inline struct net_prefix msg_load_prefix(const uint8_t *p)
{
	struct net_addr addr = msg_load_addr(p);
	return net_prefix_of(addr, p[sizeof(addr.b)] < 128 ? p[sizeof(addr.b)] : 128);
}

#endif
