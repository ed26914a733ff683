/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The program that drops what is cut, where a packet comes in, before the kernel makes anything of it. It
 * keeps no state but counters. What it needs of the kernel is in 5.15: no helper beyond map lookups and the
 * clock. See doc/enforce-xdp.md for what it lets pass and why.
 *
 * A packet costs two lookups for each end; only where an end is named by a cut is more of it looked at.
 */

#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "enforce/xdp_maps.h"

enum {
	TAGS_MAX = 2,
	EXTENSIONS_MAX = 8,
	IP4_OFFSET = 0x1fff,
	IP6_OFFSET = 0xfff8,
	/* a word of transport6 */
	TRANSPORT_AT = 0x3fff,
	TRANSPORT_SHIFT = 16,
	TRANSPORT_LATER = 1 << 30,
	PROTOCOL_UNKNOWN = 256, /* no number of a protocol */
	TCP_FLAGS_AT = 13,
	TCP_SYN = 0x02,
	TCP_ACK = 0x10,
	/* ICMPv6 types: RFC 2710, 3810, 4861 */
	MLD_QUERY = 130,
	MLD_DONE = 132,
	MLD_REPORT2 = 143,
	ND_FIRST = 133,
	ND_SOLICITATION = 135,
	ND_ADVERTISEMENT = 136,
	ND_LAST = 137,
	ND_BYTES = 32, /* of a solicitation or advertisement with one link-layer address */
};

struct addr4 {
	__u8 b[4];
};

struct addr6 {
	__u8 b[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, XDP_ELEMENTS_MAX);
	struct addr4 *key;
	__u32 *value;
} hosts4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, XDP_ELEMENTS_MAX);
	struct addr6 *key;
	__u32 *value;
} hosts6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, XDP_ELEMENTS_MAX);
	struct xdp_key4 *key;
	__u32 *value;
} prefixes4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, XDP_ELEMENTS_MAX);
	struct xdp_key6 *key;
	__u32 *value;
} prefixes6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, XDP_ELEMENTS_MAX);
	__u32 *key;
	struct xdp_element *value;
} elements SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__u32 *key;
	struct xdp_state *value;
} state SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
	__uint(max_entries, XDP_PASSES_MAX);
	struct xdp_key4 *key;
	__u32 *value;
} passes4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
	__uint(max_entries, XDP_PASSES_MAX);
	struct xdp_key6 *key;
	__u32 *value;
} passes6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__uint(max_entries, XDP_PASSES_MAX);
	__u32 *key;
	struct xdp_pass *value;
} passes SEC(".maps");

char licence[] SEC("license") = "GPL";

/* What passes ask about a packet. */
struct service {
	__u32 protocol;
	__u32 ports[2];    /* source, destination */
	bool has_ports[2]; /* and that end can be a service's */
	bool later;        /* a fragment that isn't the first */
};

static __always_inline __u32 slot_of(void *map, const void *key)
{
	__u32 *slot = bpf_map_lookup_elem(map, key);
	return slot ? *slot : 0;
}

/* Where the chain of an address is entered; that of a single address goes on with the prefixes that hold it.
 */
static __always_inline __u32 chain4(const struct xdp_key4 *key)
{
	__u32 slot = slot_of(&hosts4, key->addr);
	return slot ? slot : slot_of(&prefixes4, key);
}

static __always_inline __u32 chain6(const struct xdp_key6 *key)
{
	__u32 slot = slot_of(&hosts6, key->addr);
	return slot ? slot : slot_of(&prefixes6, key);
}

/*
 * The slot of the first element of a chain that stands, or 0. The backend changes them meanwhile: each word
 * is read once. Not static, as pass_holds: the verifier then looks at its loop once and not on every way that
 * leads there.
 */
__attribute__((noinline)) __u32 standing(__u32 slot, __u64 now)
{
	__u32 zero = 0;
	const struct xdp_state *s = bpf_map_lookup_elem(&state, &zero);
	if (!s)
		return 0;
	__u64 committed = *(volatile const __u64 *)&s->committed;
	bool lease = *(volatile const __u64 *)&s->lease_until > now;
#pragma clang loop unroll(disable)
	for (int i = 0; i < XDP_CHAIN_MAX && slot; i++) {
		struct xdp_element *e = bpf_map_lookup_elem(&elements, &slot);
		if (!e)
			return 0;
		__u64 born = *(volatile __u64 *)&e->born;
		if (born && born <= committed &&
		    (*(volatile __u64 *)&e->closed_until > now ||
		        (lease && *(volatile __u64 *)&e->open_until > now)))
			return slot;
		slot = *(volatile __u32 *)&e->next;
	}
	return 0;
}

/* Ports, where the packet holds them. What comes from a service is an answer and never opens a connection. */
static __always_inline void read_ports(const __u8 *p, const void *end, struct service *s)
{
	if (s->later || (void *)p + 4 > end)
		return;
	bool opening = false;
	if (s->protocol == IPPROTO_TCP) {
		if ((void *)p + TCP_FLAGS_AT + 1 > end)
			return;
		opening = (p[TCP_FLAGS_AT] & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	} else if (s->protocol != IPPROTO_UDP && s->protocol != IPPROTO_UDPLITE &&
	           s->protocol != IPPROTO_SCTP && s->protocol != IPPROTO_DCCP) {
		return;
	}
	s->ports[0] = bpf_ntohs(*(const __be16 *)p);
	s->ports[1] = bpf_ntohs(*(const __be16 *)(p + 2));
	s->has_ports[0] = !opening;
	s->has_ports[1] = true;
}

static __always_inline __u64 word_of(const struct service *s, int end)
{
	return XDP_WORD_PROTOCOL(s->protocol) | (s->later ? XDP_WORD_LATER : 0) |
	       (s->has_ports[end] ? XDP_WORD_PORT | s->ports[end] : 0);
}

/* Whether a pass of that chain holds. */
__attribute__((noinline)) int pass_holds(__u32 slot, __u64 word)
{
#pragma clang loop unroll(disable)
	for (int i = 0; i < XDP_PASSES_MAX && slot; i++) {
		const struct xdp_pass *p = bpf_map_lookup_elem(&passes, &slot);
		if (!p)
			return 0;
		if ((word & p->mask) == p->want)
			return 1;
		slot = p->next;
	}
	return 0;
}

static __always_inline int drop(__u32 slot, struct xdp_md *ctx)
{
	struct xdp_element *e = bpf_map_lookup_elem(&elements, &slot);
	if (e) {
		__sync_fetch_and_add(&e->packets, 1);
		__sync_fetch_and_add(&e->bytes, (__u64)(ctx->data_end - ctx->data));
	}
	return XDP_DROP;
}

static __always_inline int judge4(struct xdp_md *ctx, void *at, const void *end)
{
	const struct iphdr *ip = at;
	if ((void *)(ip + 1) > end || ip->version != 4 || ip->ihl < 5)
		return XDP_PASS;
	struct xdp_key4 source = {.bits = 32}, destination = {.bits = 32};
	__builtin_memcpy(source.addr, &ip->saddr, 4);
	__builtin_memcpy(destination.addr, &ip->daddr, 4);
	__u32 from = chain4(&source), to = chain4(&destination);
	if (!from && !to)
		return XDP_PASS;
	__u64 now = bpf_ktime_get_boot_ns();
	__u32 by = standing(from, now);
	if (!by)
		by = standing(to, now);
	if (!by)
		return XDP_PASS;
	struct service s = {.protocol = ip->protocol, .later = (ip->frag_off & bpf_htons(IP4_OFFSET)) != 0};
	read_ports(at + ip->ihl * 4, end, &s);
	if (pass_holds(slot_of(&passes4, &source), word_of(&s, 0)) ||
	    pass_holds(slot_of(&passes4, &destination), word_of(&s, 1)))
		return XDP_PASS;
	return drop(by, ctx);
}

/*
 * Walks extension headers (RFC 8200) from `at`, where the header `next` begins, to the protocol: its number,
 * where it begins, and whether this is a later fragment, as one word. What has too many of them, or is cut
 * short, has no protocol. Not static, as `standing`.
 */
__attribute__((noinline)) __u32 transport6(struct xdp_md *ctx, __u32 at, __u32 next)
{
	const void *end = (void *)(long)ctx->data_end;
	__u32 later = 0;
#pragma clang loop unroll(disable)
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		at &= TRANSPORT_AT;
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS &&
		    next != IPPROTO_FRAGMENT && next != IPPROTO_AH)
			return at | next << TRANSPORT_SHIFT | later;
		const __u8 *p = (const __u8 *)(long)ctx->data + at;
		if (later || (void *)p + 8 > end)
			break;
		if (next == IPPROTO_FRAGMENT) {
			later = *(const __be16 *)(p + 2) & bpf_htons(IP6_OFFSET) ? TRANSPORT_LATER : 0;
			at += 8;
		} else {
			at += next == IPPROTO_AH ? (p[1] + 2) * 4 : (p[1] + 1) * 8;
		}
		next = p[0];
	}
	return PROTOCOL_UNKNOWN << TRANSPORT_SHIFT | later;
}

/*
 * Neighbour and multicast listener discovery stays on its link: by its destination's scope, or as unicast
 * with the hop limit that no router leaves whole, and then no larger than it must be, so that it carries
 * nothing.
 */
static __always_inline bool is_discovery(const struct ipv6hdr *ip, const __u8 *p, const void *end)
{
	const __u8 *to = ip->daddr.s6_addr;
	if ((void *)p + 4 > end || p[1] != 0)
		return false;
	bool on_link = (to[0] == 0xff && to[1] == 0x02) || (to[0] == 0xfe && (to[1] & 0xc0) == 0x80);
	if ((p[0] >= MLD_QUERY && p[0] <= MLD_DONE) || p[0] == MLD_REPORT2)
		return on_link;
	if (p[0] < ND_FIRST || p[0] > ND_LAST || ip->hop_limit != 255)
		return false;
	return on_link || ((p[0] == ND_SOLICITATION || p[0] == ND_ADVERTISEMENT) &&
	                      ip->nexthdr == IPPROTO_ICMPV6 && bpf_ntohs(ip->payload_len) <= ND_BYTES);
}

static __always_inline int judge6(struct xdp_md *ctx, void *at, const void *end)
{
	const struct ipv6hdr *ip = at;
	if ((void *)(ip + 1) > end || ip->version != 6)
		return XDP_PASS;
	struct xdp_key6 source = {.bits = 128}, destination = {.bits = 128};
	__builtin_memcpy(source.addr, &ip->saddr, 16);
	__builtin_memcpy(destination.addr, &ip->daddr, 16);
	__u32 from = chain6(&source), to = chain6(&destination);
	if (!from && !to)
		return XDP_PASS;
	__u64 now = bpf_ktime_get_boot_ns();
	__u32 by = standing(from, now);
	if (!by)
		by = standing(to, now);
	if (!by)
		return XDP_PASS;
	struct service s = {.protocol = 0};
	__u32 transport = transport6(ctx, (__u32)((long)(ip + 1) - (long)ctx->data), ip->nexthdr);

	s.protocol = (transport & ~TRANSPORT_LATER) >> TRANSPORT_SHIFT;
	s.later = (transport & TRANSPORT_LATER) != 0;
	const __u8 *payload = (const __u8 *)(long)ctx->data + (transport & TRANSPORT_AT);
	if (s.protocol == IPPROTO_ICMPV6 && !s.later && is_discovery(ip, payload, end))
		return XDP_PASS;
	read_ports(payload, end, &s);
	if (pass_holds(slot_of(&passes6, &source), word_of(&s, 0)) ||
	    pass_holds(slot_of(&passes6, &destination), word_of(&s, 1)))
		return XDP_PASS;
	return drop(by, ctx);
}

SEC("xdp")
int xdp_cut(struct xdp_md *ctx)
{
	void *at = (void *)(long)ctx->data;
	const void *end = (void *)(long)ctx->data_end;
	const struct ethhdr *ether = at;
	if ((void *)(ether + 1) > end)
		return XDP_PASS;
	__be16 type = ether->h_proto;
	at = (void *)(ether + 1);
#pragma clang loop unroll(full)
	for (int i = 0; i < TAGS_MAX; i++) {
		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		if (at + 4 > end)
			return XDP_PASS;
		type = *(__be16 *)(at + 2);
		at += 4;
	}
	if (type == bpf_htons(ETH_P_IP))
		return judge4(ctx, at, end);
	if (type == bpf_htons(ETH_P_IPV6))
		return judge6(ctx, at, end);
	return XDP_PASS;
}
