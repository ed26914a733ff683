/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "enforce/conntrack_match.h"
#include "enforce/netfilter_elements.h"
#include "enforce/netfilter_same.h"
#include "enforce/netfilter_socket.h"

/*
 * A netlink message as a kernel could give it, with what others put into our tables in it. What is read as a
 * cut of a set has to be written as the same key again, and a message is the same as itself.
 */

static int take(void *context, const struct netfilter_element *e)
{
	const struct netfilter_shape *s = context;
	uint8_t key[NETFILTER_KEY_SIZE];
	struct cut cut;
	if (netfilter_shape_cut(s, e->key, e->key_size, &cut) < 0)
		return 0;
	assert(netfilter_shape_key(s, &cut, key) == e->key_size);
	assert(memcmp(key, e->key, e->key_size) == 0);
	return 0;
}

static void read_names(const struct nlmsghdr *h)
{
	struct netfilter_shape s;
	char name[NETFILTER_NAME_SIZE];
	for (uint16_t type = 1; type < 8; type++) {
		struct text t = netfilter_message_name(h, type);
		if (netfilter_shape_parse(t, &s) == 0) {
			assert(text_equal(t, text_of(netfilter_shape_name(&s, name))));
			(void)netfilter_elements_read(h, take, &s);
		}
	}
}

static void read_connection(const struct nlmsghdr *h)
{
	static const struct cut cuts[] = {
	    {.from = {.addr = {.b = {[10] = 0xff, [11] = 0xff, [12] = 10}}, .bits = 104}},
	    {.from = {.addr = {.b = {0x20, 0x01, 0x0d, 0xb8}}, .bits = 32}, .direction = CUT_FROM_ONLY},
	};
	struct conntrack_ends ends;
	struct conntrack_cuts all;
	if (conntrack_ends_read(h, &ends) < 0 || conntrack_cuts_init(&all, cuts, 2, NULL, 0) < 0)
		return;
	bool stops = conntrack_cuts_stop(&all, &ends);
	bool should = net_prefix_contains(cuts[0].from, ends.initiator) ||
	              net_prefix_contains(cuts[0].from, ends.responder) ||
	              net_prefix_contains(cuts[1].from, ends.initiator);
	assert(stops == should);
	conntrack_cuts_free(&all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < sizeof(struct nlmsghdr) || size > NETFILTER_ANSWER_SIZE)
		return 0;
	/* as receiving gives it: in memory of its own, as long as it says or as what has come */
	struct nlmsghdr *h = malloc(size);
	if (!h)
		abort();
	memcpy(h, data, size);
	uint32_t offset = 0;
	/* the kernel's framing is its own; what stands in a message is others' too */
	if (mnl_nlmsg_ok(h, (int)size) && h->nlmsg_len <= size) {
		struct netfilter_shape any = {.from_bits = 128};
		(void)netfilter_elements_read(h, take, &any);
		(void)netfilter_elements_place(h, 64);
		(void)netfilter_socket_error(h, &offset);
		(void)netfilter_same(h, h);
		read_names(h);
		read_connection(h);
	}
	free(h);
	return 0;
}
