/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Frames through the decoder to the table: each is a link type, a time step, a length and its bytes. Whatever
 * the decoder makes of them, the table must keep its bounds and end what it began.
 */

#include <assert.h>

#include "base/cursor.h"
#include "base/timefmt.h"
#include "decode/decode.h"
#include "flow/flow.h"

enum { FLOWS_MAX = 32, MEMORY = 64 << 10, RECENT = 8 << 10 };

struct watch {
	uint64_t ids, ended;
	uint8_t sum;
};

static uint64_t next_id(void *context)
{
	struct watch *w = context;
	return ++w->ids;
}

static void start(void *context, struct flow *f)
{
	(void)context;
	assert(f->id && f->side[0].packets == 0 && f->side[1].packets == 0);
}

static bool data(void *context, struct flow *f, enum flow_dir dir, const uint8_t *p, size_t n, uint64_t gap,
    int64_t time_ns)
{
	struct watch *w = context;
	(void)dir;
	assert((n || gap) && time_ns >= f->first_ns);
	for (size_t i = 0; i < n; i++)
		w->sum ^= p[i];
	return true;
}

static void end(void *context, struct flow *f, enum flow_end how)
{
	struct watch *w = context;
	char id[FLOW_COMMUNITY_ID_SIZE];
	flow_community_id(f->initiator, f->responder, f->protocol, f->initiator_port, f->responder_port, id);
	w->ended += how != FLOW_END_NONE;
}

static void play(struct decoder *d, struct flow_table *t, struct cursor *c)
{
	static const uint16_t links[] = {1, 101, 113, 276, 105, 127, 0, 9};
	struct packet packet;
	int64_t time = 0;
	while (cursor_left(c) >= 4) {
		uint8_t shape = cursor_u8(c), step = cursor_u8(c);
		uint8_t low = cursor_u8(c), high = cursor_u8(c);
		size_t n = low + 256u * (high & 7u);
		if (n > cursor_left(c))
			n = cursor_left(c);
		const uint8_t *frame = cursor_take(c, n);
		time += (step & 0x80 ? NS_PER_S : NS_PER_MS) * (step & 0x7f);
		uint32_t wire = (uint32_t)n + (shape & 0x80 ? 500 : 0);
		if (decoder_frame(
		        d, links[shape & 7], frame, (uint32_t)n, wire, time, shape >> 3 & 1, &packet) < 0)
			continue;
		int more = 1;
		for (; more > 0; more = decoder_more(d, &packet)) {
			flow_table_packet(t, &packet, NULL);
			assert(flow_table_stats(t)->live <= FLOWS_MAX);
			assert(flow_table_stats(t)->reassembly_bytes <= MEMORY);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct watch w = {0};
	struct flow_table_config config = {.flows_max = FLOWS_MAX,
	    .reassembly_memory = MEMORY,
	    .recent_memory = RECENT,
	    .next_id = next_id,
	    .start = start,
	    .data = data,
	    .end = end,
	    .context = &w};
	struct decode_config decode = {.fragments_max = 8, .fragment_memory = 64 << 10};
	struct flow_table *t = NULL;
	struct decoder *d = NULL;
	struct cursor c = cursor_of(input, size);
	if (flow_table_new(&t, &config) == 0 && decoder_new(&d, &decode) == 0) {
		play(d, t, &c);
		flow_table_flush(t);
		assert(flow_table_stats(t)->live == 0 && flow_table_stats(t)->reassembly_bytes == 0);
		assert(w.ended == w.ids);
	}
	decoder_free(d);
	flow_table_free(t);
	return 0;
}
