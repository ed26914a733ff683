/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXPOSURE_COVERAGE_H
#define EXPOSURE_COVERAGE_H

/* What the bound rests on: which links were seen when, what was lost, and in sentences what can't be seen
 * from here. Private to exposure/. */

#include "exposure/gather.h"

enum { COVERAGE_SENTENCES_MAX = 64 };

/*
 * Sets e->coverage for the window [e->from, e->to). A lost packet is counted as full_packet(datagram) bytes,
 * where datagram is the largest mean datagram that any flow showed. 0 or -ENOMEM.
 */
int coverage_make(
    const struct exposure_input *in, const struct gather *g, struct arena *arena, struct exposure *e);

/* The most payload that a packet of such a network holds: of Ethernet, of jumbo frames, or of an offloaded
 * segment. */
uint64_t coverage_full_packet(uint64_t datagram);

#endif
