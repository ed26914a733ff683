/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NET_CHECKSUM_H
#define NET_CHECKSUM_H

/* The Internet checksum (RFC 1071) of TCP and UDP, to be verified. The sum doesn't depend on byte order.
 * Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/addr.h"

/* Whether the n bytes of transport header and payload at p, with their checksum in place, and the pseudo
 * header (RFC 9293, 3.1; RFC 8200, 8.1) sum up. False where n is more than a datagram holds. */
bool net_checksum_good(
    struct net_addr src, struct net_addr dst, uint8_t protocol, const uint8_t *p, size_t n);

#endif
