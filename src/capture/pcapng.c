/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The pcapng format, draft-ietf-opsawg-pcapng: a file of blocks, in sections that each have their own byte
 * order and list of interfaces. Blocks that we don't need are skipped, whatever their size. A block that we
 * need must fit in SOURCE_BLOCK_MAX.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/vec.h"
#include "capture/file.h"

enum pcapng_block {
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET_OBSOLETE = 2,
	BLOCK_PACKET_SIMPLE = 3,
	BLOCK_INTERFACE_STATISTICS = 5,
	BLOCK_PACKET_ENHANCED = 6,
	BLOCK_SECTION = 0x0a0d0d0a,
};

enum {
	BLOCK_FRAME = 12, /* type, length, and the length again at the end */
	BLOCK_FRONT = 8,
	SECTION_LEAST = 28,
	BYTE_ORDER_MAGIC = 0x1a2b3c4d,
	TSRESOL_DEFAULT = 6,
	NAME_MAX_BYTES = 255,

	OPTION_END = 0,
	OPTION_IF_NAME = 2,
	OPTION_IF_TSRESOL = 9,
	OPTION_IF_TSOFFSET = 14,
	OPTION_EPB_DROPCOUNT = 4,
	OPTION_ISB_STARTTIME = 2,
	OPTION_ISB_IFDROP = 5,
	OPTION_ISB_OSDROP = 7,
	PACKET_DROPS_UNKNOWN = 0xffff,
};

/* A block's body, and the readers for its byte order. */
struct body {
	const struct file *f;
	struct cursor c;
};

static uint32_t body_u32(struct body *b)
{
	const uint8_t *p = cursor_take(&b->c, 4);
	return p ? file_u32(b->f, p) : 0;
}

static uint16_t body_u16(struct body *b)
{
	const uint8_t *p = cursor_take(&b->c, 2);
	return p ? file_u16(b->f, p) : 0;
}

/* A time or a length of two words, the upper one first. */
static uint64_t body_u32_pair(struct body *b)
{
	uint64_t upper = body_u32(b);
	return upper << 32 | body_u32(b);
}

struct option {
	uint16_t code;
	const uint8_t *p;
	uint16_t n;
};

/* The next option, 0 at their end. Options that run past the block are as good as none: packets matter more.
 */
static int option_next(struct body *b, struct option *ret_option)
{
	struct option o = {.code = body_u16(b)};
	o.n = body_u16(b);
	o.p = cursor_take(&b->c, o.n);
	size_t pad = (4 - o.n % 4) % 4;
	if (!o.p || o.code == OPTION_END)
		return 0;
	if (cursor_left(&b->c) >= pad)
		cursor_skip(&b->c, pad);
	*ret_option = o;
	return 1;
}

static int section_begin(struct file *f)
{
	struct source *s = f->source;
	const uint8_t *p = source_peek(s, BLOCK_FRAME);
	if (!p)
		return file_stop_short(f, true, "a section's head");
	bool big = load_be32(p + 8) == BYTE_ORDER_MAGIC;
	if (!big && load_le32(p + 8) != BYTE_ORDER_MAGIC)
		return file_stop(f, CAPTURE_END_MALFORMED, "the section's byte-order magic is none");
	f->big = big;
	uint32_t length = file_u32(f, p + 4);
	if (length < SECTION_LEAST || length % 4 || length > SOURCE_BLOCK_MAX)
		return file_stop(
		    f, CAPTURE_END_MALFORMED, "the section's head claims %" PRIu32 " bytes", length);
	p = source_peek(s, length);
	if (!p)
		return file_stop_short(f, true, "a section's head");
	uint16_t major = file_u16(f, p + 12);
	if (major != 1)
		return file_stop(f, CAPTURE_END_MALFORMED, "the section is of version %u: expected 1", major);
	if (file_u32(f, p + length - 4) != length)
		return file_stop(f, CAPTURE_END_MALFORMED, "the section's head has two lengths that differ");
	f->n_clocks = 0;
	source_take(s, length);
	return 1;
}

/* The lane of the section's interface number `index`: the one that had its place before, or a new one. Takes
 * name. */
static int interface_lane(
    struct file *f, size_t index, char *name, uint16_t linktype, uint32_t snaplen, uint32_t *ret_lane)
{
	if (index < f->n_lanes && f->lanes[index].linktype == linktype) {
		const char *before = f->lanes[index].name;
		if (before == name || (before && name && strcmp(before, name) == 0)) {
			free(name);
			*ret_lane = (uint32_t)index;
			return 0;
		}
	}
	return file_lane_add(f, name, linktype, snaplen, ret_lane);
}

static int interface_block(struct file *f, struct body b)
{
	struct clock c = {0};
	struct option o;
	char *name = NULL;
	uint16_t linktype = body_u16(&b);
	cursor_skip(&b.c, 2);
	uint32_t snaplen = body_u32(&b);
	if (!cursor_ok(&b.c))
		return file_stop(f, CAPTURE_END_MALFORMED, "the interface's description is too short");
	clock_set_resolution(&c, TSRESOL_DEFAULT);
	while (option_next(&b, &o)) {
		if (o.code == OPTION_IF_NAME && o.n && !name) {
			name = strndup((const char *)o.p, o.n < NAME_MAX_BYTES ? o.n : NAME_MAX_BYTES);
			if (!name)
				return -ENOMEM;
		} else if (o.code == OPTION_IF_TSRESOL && o.n == 1) {
			clock_set_resolution(&c, o.p[0]);
		} else if (o.code == OPTION_IF_TSOFFSET && o.n == 8) {
			c.offset_s = (int64_t)file_u64(f, o.p);
		}
	}
	int r = VEC_RESERVE(f->clocks, &f->cap_clocks, f->n_clocks, CAPTURE_VANTAGES_MAX);
	if (r == 0)
		r = interface_lane(f, f->n_clocks, name, linktype, snaplen, &c.lane);
	else
		free(name);
	if (r == -ERR_LIMIT)
		return file_stop(f, CAPTURE_END_MALFORMED, "more than %d interfaces", CAPTURE_VANTAGES_MAX);
	if (r < 0)
		return r;
	f->clocks[f->n_clocks++] = c;
	return 1;
}

static int statistics_block(struct file *f, struct body b)
{
	uint32_t interface = body_u32(&b);
	struct option o;
	uint64_t drops = 0, start = 0;
	bool told = false;
	cursor_skip(&b.c, 8);
	if (!cursor_ok(&b.c) || interface >= f->n_clocks)
		return file_stop(
		    f, CAPTURE_END_MALFORMED, "statistics of an interface that the section doesn't have");
	while (option_next(&b, &o)) {
		if (o.n != 8)
			continue;
		uint64_t v = file_u64(f, o.p);
		if (o.code == OPTION_ISB_STARTTIME)
			start = v;
		if (o.code != OPTION_ISB_IFDROP && o.code != OPTION_ISB_OSDROP)
			continue;
		told = true;
		if (__builtin_add_overflow(drops, v, &drops))
			drops = UINT64_MAX;
	}
	if (told) {
		uint32_t lane = f->clocks[interface].lane;
		drops_counter(&f->lanes[lane].drops, drops, start);
		file_note_news(f, lane);
	}
	return 1;
}

static void packets_lost(struct file *f, uint32_t lane, uint64_t packets)
{
	drops_lost(&f->lanes[lane].drops, packets);
	file_note_news(f, lane);
}

/* Enhanced and obsolete packet blocks, which differ in the first 4 bytes only. */
static int packet_block(struct file *f, struct body b, bool enhanced, struct record *ret_record)
{
	uint32_t interface = enhanced ? body_u32(&b) : body_u16(&b);
	uint32_t lost = enhanced ? PACKET_DROPS_UNKNOWN : body_u16(&b);
	uint64_t units = body_u32_pair(&b);
	struct record r = {.caplen = body_u32(&b)};
	struct option o;
	r.wirelen = body_u32(&b);
	r.data = cursor_take(&b.c, r.caplen);
	if (interface >= f->n_clocks)
		return file_stop(f, CAPTURE_END_MALFORMED,
		    "a packet of interface %" PRIu32 ", but the section has %zu", interface, f->n_clocks);
	if (!r.data || r.caplen > CAPTURE_RECORD_MAX)
		return file_stop(f, CAPTURE_END_MALFORMED,
		    "the packet claims %" PRIu32 " captured bytes, more than its block has or %d", r.caplen,
		    CAPTURE_RECORD_MAX);
	const struct clock *c = &f->clocks[interface];
	r.lane = c->lane;
	r.time_ns = clock_ns(c, units);
	if (lost != PACKET_DROPS_UNKNOWN)
		packets_lost(f, r.lane, lost);
	if (enhanced && cursor_left(&b.c) > 4) {
		cursor_skip(&b.c, (4 - r.caplen % 4) % 4);
		while (option_next(&b, &o))
			if (o.code == OPTION_EPB_DROPCOUNT && o.n == 8)
				packets_lost(f, r.lane, file_u64(f, o.p));
	}
	f->last_ns = r.time_ns;
	*ret_record = r;
	return 1;
}

/* A simple packet has neither time nor captured length: it is as old as the one before, and cut at the
 * snapshot length. */
static int simple_packet_block(struct file *f, struct body b, struct record *ret_record)
{
	if (f->n_clocks == 0)
		return file_stop(
		    f, CAPTURE_END_MALFORMED, "a simple packet, but the section has no interface");
	struct record r = {.lane = f->clocks[0].lane, .time_ns = f->last_ns, .wirelen = body_u32(&b)};
	uint32_t snaplen = f->lanes[r.lane].snaplen;
	size_t left = cursor_left(&b.c);
	r.caplen = snaplen && r.wirelen > snaplen ? snaplen : r.wirelen;
	if (r.caplen > left)
		r.caplen = (uint32_t)left;
	if (r.caplen > CAPTURE_RECORD_MAX)
		return file_stop(
		    f, CAPTURE_END_MALFORMED, "the simple packet has more than %d bytes", CAPTURE_RECORD_MAX);
	r.data = cursor_take(&b.c, r.caplen);
	if (!r.data || !cursor_ok(&b.c))
		return file_stop(f, CAPTURE_END_MALFORMED, "the simple packet is too short");
	*ret_record = r;
	return 1;
}

/* Steps over a block that isn't ours, but for its closing length, which must agree. */
static int skip_block(struct file *f, uint32_t length)
{
	const uint8_t *p = NULL;
	if (source_skip(f->source, length - 4) == length - 4)
		p = source_peek(f->source, 4);
	if (!p)
		return file_stop_short(f, true, "a block");
	if (file_u32(f, p) != length)
		return file_stop(f, CAPTURE_END_MALFORMED, "a block has two lengths that differ");
	source_take(f->source, 4);
	return 1;
}

/* A block that is ours: 2 with *ret_record where it was a packet, 1 to go on, 0 or -ENOMEM where the file
 * ends. */
static int read_block(struct file *f, uint32_t type, uint32_t length, struct record *ret_record)
{
	struct source *s = f->source;
	if (length > SOURCE_BLOCK_MAX)
		return file_stop(f, CAPTURE_END_MALFORMED, "a block of %" PRIu32 " bytes, more than %d",
		    length, SOURCE_BLOCK_MAX);
	const uint8_t *p = source_peek(s, length);
	if (!p)
		return file_stop_short(f, true, "a block");
	if (file_u32(f, p + length - 4) != length)
		return file_stop(f, CAPTURE_END_MALFORMED, "a block has two lengths that differ");
	struct body b = {.f = f, .c = cursor_of(p + BLOCK_FRONT, length - BLOCK_FRAME)};
	bool packet = false;
	int r;
	if (type == BLOCK_INTERFACE) {
		r = interface_block(f, b);
	} else if (type == BLOCK_INTERFACE_STATISTICS) {
		r = statistics_block(f, b);
	} else {
		packet = true;
		r = type == BLOCK_PACKET_SIMPLE
		        ? simple_packet_block(f, b, ret_record)
		        : packet_block(f, b, type == BLOCK_PACKET_ENHANCED, ret_record);
	}
	if (r <= 0)
		return r;
	source_take(s, length);
	return packet ? 2 : 1;
}

static bool block_is_ours(uint32_t type)
{
	return type == BLOCK_PACKET_ENHANCED || type == BLOCK_PACKET_SIMPLE ||
	       type == BLOCK_PACKET_OBSOLETE || type == BLOCK_INTERFACE || type == BLOCK_INTERFACE_STATISTICS;
}

static int pcapng_next(struct file *f, struct record *ret_record)
{
	int r;
	do {
		const uint8_t *p = source_peek(f->source, BLOCK_FRONT);
		if (!p)
			return file_stop_short(f, false, "a block");
		uint32_t type = file_u32(f, p), length = file_u32(f, p + 4);
		if (type == BLOCK_SECTION) {
			r = section_begin(f);
			continue;
		}
		if (length < BLOCK_FRAME || length % 4)
			return file_stop(
			    f, CAPTURE_END_MALFORMED, "a block claims %" PRIu32 " bytes", length);
		r = block_is_ours(type) ? read_block(f, type, length, ret_record) : skip_block(f, length);
	} while (r == 1);
	return r == 2 ? 1 : r;
}

int pcapng_start(struct file *f, char *why)
{
	int r = section_begin(f);
	if (r == 1) {
		f->next = pcapng_next;
		return 0;
	}
	if (r == 0 && f->status.end == CAPTURE_END_TRUNCATED)
		return -ERR_TRUNCATED;
	snprintf(why, CAPTURE_WHY, "%s", r < 0 ? "out of memory" : f->status.why);
	if (r == 0)
		r = f->status.end == CAPTURE_END_UNREADABLE ? f->source->error : -ERR_UNSUPPORTED;
	return r;
}
