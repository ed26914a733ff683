/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Frames of one link type through one decoder, so that fragments may meet. Input: the link type (2 bytes,
 * big-endian), then frames: length and what is missing of it on the wire (2 bytes each), and bytes.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "decode/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned packet_read(const struct packet *p)
{
	unsigned sum = p->binding.name.n ? (unsigned char)p->binding.name.p[p->binding.name.n - 1] : 0;
	assert(p->n_layers <= PACKET_LAYERS_MAX && p->n_vlans <= PACKET_VLANS_MAX);
	for (size_t i = 0; i < p->n_layers; i++) {
		const struct packet_layer *l = &p->layers[i];
		assert(l->payload_captured <= l->payload_length);
		/* nobody gets more than the wire, or a fragment's datagram, can have held */
		assert(l->payload_length <= 1 << 18);
		assert(!l->fragment || (!l->has_ports && l->payload_length == 0));
		for (uint32_t k = 0; k < l->payload_captured; k++)
			sum += l->payload[k];
	}
	return sum;
}

static unsigned frame_decode(
    struct decoder *d, uint16_t linktype, const uint8_t *bytes, uint16_t n, uint16_t missing, int64_t time_ns)
{
	struct packet p;
	unsigned sum;
	/* memory of exactly its size, so that a read past the end is seen */
	uint8_t *frame = malloc(n ? n : 1);
	if (!frame)
		return 0;
	memcpy(frame, bytes, n);
	uint32_t wire = missing == UINT16_MAX ? UINT32_MAX : (uint32_t)n + missing;
	decoder_frame(d, linktype, frame, n, wire, time_ns, 0, &p);
	sum = packet_read(&p);
	while (decoder_more(d, &p) == 1)
		sum += packet_read(&p);
	free(frame);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor c = cursor_of(data, size);
	struct decoder *d;
	static const struct decode_config config = {.fragments_max = 16, .fragment_memory = 1 << 17};
	uint16_t linktype = cursor_be16(&c);
	unsigned sum = 0;
	if (!cursor_ok(&c) || decoder_new(&d, &config) < 0)
		return 0;
	for (int64_t i = 0; cursor_left(&c) >= 4; i++) {
		uint16_t n = cursor_be16(&c), missing = cursor_be16(&c);
		if (n > cursor_left(&c))
			n = (uint16_t)cursor_left(&c);
		const uint8_t *p = cursor_take(&c, n);
		sum += frame_decode(d, linktype, p, n, missing, i * 1000000000);
	}
	decoder_free(d);
	return sum == UINT32_MAX; /* so that the bytes are read */
}
