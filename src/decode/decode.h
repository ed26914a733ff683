/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DECODE_DECODE_H
#define DECODE_DECODE_H

/*
 * From a frame to struct packet, and the joining of IP fragments. Pure but for the fragment table, which the
 * decoder owns: at most `fragments_max` datagrams in the making and `fragment_memory` bytes; at a bound the
 * oldest goes, as an event. Overlapping fragments: the receiver's way decides (net/overlap.h), and the
 * overlap is an event (RFC 5722 forbids them in IPv6: such a datagram is dropped whole, as an event).
 */

#include "decode/packet.h"

struct decode_config {
	size_t fragments_max;        /* datagrams in the making; 0: 4096 */
	size_t fragment_memory;      /* bytes; 0: 16 MiB */
	int64_t fragment_timeout_ns; /* 0: 60 s (RFC 8200, 4.5) */
	uint64_t seed;
	/* What a machine makes of overlapping fragments. NULL: the first bytes win. */
	enum net_overlap (*overlap)(void *context, struct net_addr receiver);
	/* So many packets of fragments came to nothing. May be NULL. */
	void (*lost)(void *context, uint16_t vantage, uint64_t packets);
	void *context;
};

struct decode_stats {
	uint64_t frames;
	uint64_t events[DECODE_EVENT_COUNT];
	uint64_t unsupported_links; /* frames of a link type that we don't read */
	uint64_t not_ip;            /* frames without an IP layer: ARP, LLDP, STP ... */
	uint64_t fragments, reassembled;
	uint64_t further;   /* packets beyond the first of their frame */
	uint64_t unfetched; /* frames of which the caller left such packets */
};

struct decoder;

int decoder_new(struct decoder **ret_decoder, const struct decode_config *config);
void decoder_free(struct decoder *d);
/* There are no more frames: datagrams in the making are given up. */
void decoder_flush(struct decoder *d);
/*
 * Decodes one frame of `linktype`. Always fills *ret_packet (n_layers == 0 where there is no IP). Where the
 * frame completes a fragmented datagram, the packet holds the joined one, whose bytes stay until the next
 * call. Returns 0, or -ENOMEM.
 */
int decoder_frame(struct decoder *d, uint16_t linktype, const uint8_t *data, uint32_t caplen,
    uint32_t wirelen, int64_t time_ns, uint16_t vantage, struct packet *ret_packet);
/*
 * A frame may hold more than one packet (802.11 A-MSDU): after decoder_frame, this gives each further one,
 * until it returns 0. 1 with *ret_packet filled as by decoder_frame, 0, or -ENOMEM. Further packets come
 * without the layers of a tunnel around the aggregate, and with frame_bytes 0: the first packet has them.
 * What is not fetched before the next decoder_frame is counted in decode_stats.unfetched.
 */
int decoder_more(struct decoder *d, struct packet *ret_packet);
const struct decode_stats *decoder_stats(const struct decoder *d);

#endif
