/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NET_OVERLAP_H
#define NET_OVERLAP_H

/*
 * Whose bytes a machine takes where two fragments or two waiting segments overlap and differ. Systems
 * disagree, which is what Ptacek and Newsham (1998) hide things by; Novak and Sturges (2005, 2007) measured
 * who does what. Pure values.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/*
 * AUTO: by what is known of the machine, else FIRST. FIRST: the bytes that came first. LAST: those that came
 * last. BSD: those that came first, unless the later piece begins before theirs (BSD, macOS). LINUX: as BSD,
 * and the later piece wins too where it begins with the other and is longer; IPv4 datagrams with an overlap
 * are dropped whole, as Linux has done since 4.19. WINDOWS: the first, unless the later piece reaches beyond
 * theirs on both sides.
 */
enum net_overlap {
	NET_OVERLAP_AUTO,
	NET_OVERLAP_FIRST,
	NET_OVERLAP_LAST,
	NET_OVERLAP_BSD,
	NET_OVERLAP_LINUX,
	NET_OVERLAP_WINDOWS,
};

/* Bytes [from, to) of a datagram or stream. */
struct net_extent {
	uint64_t from, to;
};

/* Whether the bytes of the later piece are the ones that count. */
bool net_overlap_later_wins(enum net_overlap how, struct net_extent earlier, struct net_extent later);
/* "auto", "first", "last", "bsd", "linux", "windows"; NULL beyond. */
const char *net_overlap_name(unsigned how);
/* 0 or -EINVAL. */
int net_overlap_parse(struct text t, enum net_overlap *ret_how);

#endif
