/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Frames for bench/xdp.c, made in the kernel: each to another of 65,536 addresses, or all to one. What the
 * destination gains the IP header's id loses, so that its checksum holds. The kernel uses frames again as
 * whoever took them left them, so each gets its headers anew.
 */

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_helpers.h>

enum { HEADS = 34, ID_AT = 18, DESTINATION_LOW_AT = 32 };

/* spread: the bits of the destination's lower half that differ. */
struct heads {
	struct ethhdr ether;
	struct iphdr ip;
	__u16 spread;
} __attribute__((packed));

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__u32 *key;
	struct heads *value;
} frame SEC(".maps");

SEC("xdp")
int generate(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct heads *h = (void *)(long)ctx->data;
	__u32 zero = 0;
	const struct heads *wanted = bpf_map_lookup_elem(&frame, &zero);
	if (!wanted || (void *)h + HEADS > end)
		return XDP_ABORTED;
	__builtin_memcpy(h, wanted, HEADS);
	__u16 low = (__u16)bpf_get_prandom_u32() & wanted->spread;
	__u16 *words = (void *)h;
	words[ID_AT / 2] = ~low;
	words[DESTINATION_LOW_AT / 2] = low;
	return XDP_TX;
}

SEC("xdp")
int sink(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}

char licence[] SEC("license") = "GPL";
