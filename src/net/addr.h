/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NET_ADDR_H
#define NET_ADDR_H

/*
 * Addresses: 16 bytes in network order, IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), so that one type serves
 * every table and record. Value types; nothing is owned.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct net_addr {
	uint8_t b[16];
};

struct net_mac {
	uint8_t b[6];
};

/* bits counts from the front of the 16 bytes: an IPv4 /24 has bits == 120. */
struct net_prefix {
	struct net_addr addr;
	uint8_t bits;
};

enum { NET_ADDR_TEXT_SIZE = 48, NET_PREFIX_TEXT_SIZE = 52, NET_MAC_TEXT_SIZE = 18 };

struct net_addr net_addr_v4(const uint8_t b[4]);
struct net_addr net_addr_v6(const uint8_t b[16]);
bool net_addr_is_v4(struct net_addr a);
bool net_addr_equal(struct net_addr a, struct net_addr b);
int net_addr_compare(struct net_addr a, struct net_addr b);
/* All zero: no address. Note that 0.0.0.0 is ::ffff:0.0.0.0, which net_addr_is_unspecified also takes. */
bool net_addr_is_none(struct net_addr a);
bool net_addr_is_unspecified(struct net_addr a);
bool net_addr_is_multicast(struct net_addr a); /* 255.255.255.255 too */
bool net_addr_is_loopback(struct net_addr a);
bool net_addr_is_link_local(struct net_addr a);
/* RFC 1918, RFC 6598 and RFC 4193: what sits inside an organization where no site file says more. */
bool net_addr_is_private(struct net_addr a);

/* Dotted or RFC 5952 form. buf has NET_ADDR_TEXT_SIZE bytes. Returns buf. */
char *net_addr_text(struct net_addr a, char *buf);
char *net_prefix_text(struct net_prefix p, char *buf);
char *net_mac_text(struct net_mac m, char *buf);

/* One address, no prefix length, no zone id. 0 or -EINVAL. */
int net_addr_parse(struct text t, struct net_addr *ret_addr);
/* "10.0.0.0/8", "2001:db8::/32" or a single address. -EINVAL; -ERANGE where host bits are set. */
int net_prefix_parse(struct text t, struct net_prefix *ret_prefix);
bool net_prefix_contains(struct net_prefix p, struct net_addr a);
bool net_prefix_covers(struct net_prefix outer, struct net_prefix inner);
/* The prefix of that many bits (out of 128) that holds a, host bits cleared. */
struct net_prefix net_prefix_of(struct net_addr a, uint8_t bits);

#endif
