/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_FLOWSPEC_H
#define ENFORCE_FLOWSPEC_H

/*
 * Cuts as flow specification rules: RFC 8955 for IPv4, RFC 8956 for IPv6. A rule names packets by
 * destination, source, protocol and ports; what isn't named matches everything. That is the trap: a rule that
 * lost its only address on the way matches all traffic of a network (it has happened, to a large carrier, in
 * 2020). So there is no way through this module from a rule without an address to bytes, and what is encoded
 * is decoded again and compared before anybody gets it.
 *
 * A rule is of one family. Rules are compared byte by byte: prefixes have no host bits set, what is any is
 * zero, and there is no padding. Pure.
 */

#include "base/cursor.h"
#include "contain/cut.h"
#include "enforce/backend.h"

enum {
	FLOWSPEC_RULES_MAX = 2,    /* of one cut */
	FLOWSPEC_PASSES_MAX = 2,   /* of one rule and one pass */
	FLOWSPEC_NLRI_MAX = 64,    /* of one rule of ours, with its length octet */
	FLOWSPEC_LENGTH_MAX = 4095 /* of any rule (RFC 8955, 4.1) */
};

struct flowspec_rule {
	struct net_prefix dst, src;  /* 0 bits: anywhere */
	uint16_t dst_port, src_port; /* 0: any */
	uint8_t protocol;            /* 0: any, and any port */
	uint8_t v6;                  /* 1: of IPv6, else of IPv4 */
};

_Static_assert(sizeof(struct flowspec_rule) == 40, "no padding");

/* Why there are no rules for this cut, or NULL where there are. */
const char *flowspec_cannot(const struct cut *c);
/* The rules that together stop what cut c stops, for both directions: how many; 0 where flowspec_cannot. */
size_t flowspec_of_cut(const struct cut *c, struct flowspec_rule ret_rules[FLOWSPEC_RULES_MAX]);
/*
 * The rules that let pass p through rule r: how many. They are part of r, and more specific, so that every
 * router applies them first (RFC 8955, 5.1). *ret_all: nothing of r would be left; no rules then.
 */
size_t flowspec_pass(const struct flowspec_rule *r, const struct backend_pass *p,
    struct flowspec_rule ret_rules[FLOWSPEC_PASSES_MAX], bool *ret_all);
/* The rule as NLRI, with its length: its size, or -ERR_INVALID where it names no address at all, or isn't of
 * one family, or has a port without a protocol. */
int flowspec_encode(const struct flowspec_rule *r, uint8_t ret_nlri[FLOWSPEC_NLRI_MAX]);
/* Takes one rule off c. -ERR_TRUNCATED: c ends inside it; else c stands behind it: -ERR_MALFORMED, or
 * -ERR_UNSUPPORTED where it was well-formed as far as it was read, but isn't one that flowspec_encode makes.
 */
int flowspec_decode(struct cursor *c, bool v6, struct flowspec_rule *ret_rule);
/* Takes one rule off c without looking into it. */
int flowspec_skip(struct cursor *c, struct cursor *ret_components);

#endif
