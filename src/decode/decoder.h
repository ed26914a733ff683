/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DECODE_DECODER_H
#define DECODE_DECODER_H

/* What a decoder keeps from frame to frame. Private to decode/. */

#include "decode/defrag.h"
#include "decode/walk.h"

enum { DECODER_JOINED_MAX = PACKET_LAYERS_MAX };

struct decoder {
	struct defrag *defrag;
	struct defrag_counters counted; /* what stats has of the fragment table's counters */
	struct decode_stats stats;
	/* Joined datagrams that the present packet points into. */
	void *joined[DECODER_JOINED_MAX];
	size_t n_joined;
	/* The rest of an A-MSDU, and the packet that its subframes begin from. */
	bool has_rest;
	struct cursor rest;
	uint32_t rest_length;
	int64_t time_ns;
	uint16_t vantage;
	bool absurd;
	struct packet_conflict conflict; /* that the present packet points to */
	enum net_overlap (*overlap)(void *context, struct net_addr receiver);
	void (*lost)(void *context, uint16_t vantage, uint64_t packets);
	void *context;
};

#endif
