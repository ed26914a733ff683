/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "net/addr.h"

/* Addresses and prefixes from text, and any sixteen bytes as text: what was printed reads as the same. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_addr(struct net_addr a)
{
	char buf[NET_ADDR_TEXT_SIZE];
	struct net_addr back;
	assert(net_addr_parse(text_of(net_addr_text(a, buf)), &back) == 0 && net_addr_equal(a, back));
	assert(strlen(buf) < sizeof(buf));
}

static void check_prefix(struct net_prefix p)
{
	char buf[NET_PREFIX_TEXT_SIZE];
	struct net_prefix back;
	assert(net_prefix_contains(p, p.addr) && net_prefix_covers(p, p));
	assert(net_prefix_parse(text_of(net_prefix_text(p, buf)), &back) == 0);
	assert(back.bits == p.bits && net_addr_equal(back.addr, p.addr));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text t = text_bytes(data, size);
	struct net_addr a;
	struct net_prefix p;
	if (net_addr_parse(t, &a) == 0)
		check_addr(a);
	if (net_prefix_parse(t, &p) == 0)
		check_prefix(p);
	if (size < 17)
		return 0;
	memcpy(a.b, data, 16);
	check_addr(a);
	p = net_prefix_of(a, data[16] % 129);
	assert(net_prefix_contains(p, a));
	/* a prefix that only partly lies in the IPv4 range has no dotted form and need not read back */
	if (!net_addr_is_v4(p.addr) || p.bits >= 96)
		check_prefix(p);
	return 0;
}
