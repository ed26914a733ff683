/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MSG_CODEC_H
#define MSG_CODEC_H

/* What the generated codec is made of: one put and one get for each type of msg/records.schema. Private to
 * msg/. */

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

void msg_put_u8(struct dynbuf *out, uint8_t v);
void msg_put_u16(struct dynbuf *out, uint16_t v);
void msg_put_u32(struct dynbuf *out, uint32_t v);
void msg_put_u64(struct dynbuf *out, uint64_t v);
void msg_put_time(struct dynbuf *out, int64_t v);
void msg_put_real(struct dynbuf *out, double v);
void msg_put_addr(struct dynbuf *out, struct net_addr v);
void msg_put_mac(struct dynbuf *out, struct net_mac v);
void msg_put_text(struct dynbuf *out, struct text v);
void msg_put_u64s(struct dynbuf *out, struct msg_u64s v);
void msg_put_fields(struct dynbuf *out, struct msg_fields v);

uint8_t msg_get_u8(struct msg_reader *r);
uint16_t msg_get_u16(struct msg_reader *r);
uint32_t msg_get_u32(struct msg_reader *r);
uint64_t msg_get_u64(struct msg_reader *r);
int64_t msg_get_time(struct msg_reader *r);
double msg_get_real(struct msg_reader *r);
struct net_addr msg_get_addr(struct msg_reader *r);
struct net_mac msg_get_mac(struct msg_reader *r);
struct text msg_get_text(struct msg_reader *r);
struct msg_u64s msg_get_u64s(struct msg_reader *r);
struct msg_fields msg_get_fields(struct msg_reader *r);

#endif
