/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The privileged half of a ring: makes and locks it. */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "capture/ring.h"
#include "capture/ring_block.h"
#include "capture/ring_private.h"

/* Of newer kernels than the headers that we build with. */
#ifndef PACKET_FANOUT_FLAG_IGNORE_OUTGOING
#define PACKET_FANOUT_FLAG_IGNORE_OUTGOING 0x4000
#endif

__attribute__((format(printf, 3, 4))) static int fail(int error, char *why, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(why, RING_WHY, format, args);
	va_end(args);
	if (n >= 0 && n < RING_WHY)
		snprintf(why + n, RING_WHY - (size_t)n, ": %s", err_text(error));
	return error;
}

static int set_option(int fd, int option, const void *value, socklen_t size)
{
	return setsockopt(fd, SOL_PACKET, option, value, size) < 0 ? -errno : 0;
}

static int set_int(int fd, int option, int value)
{
	return set_option(fd, option, &value, sizeof(value));
}

/* A filter of one instruction: how many bytes of each frame are kept, 0 drops it. */
static int filter_set(int fd, uint32_t keep)
{
	struct sock_filter code = {.code = BPF_RET | BPF_K, .k = keep};
	struct sock_fprog program = {.len = 1, .filter = &code};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

static int filter_lock(int fd)
{
	int on = 1;
	return setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)) < 0 ? -errno : 0;
}

/* Frames that don't fit into a cell wait for being fetched, up to so many bytes. */
static int queue_set(int fd)
{
	int size = RING_QUEUE, on = 1;
	/* beyond the system's limit where we may */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0)
		return -errno;
	return set_int(fd, PACKET_COPY_THRESH, on);
}

static int memory_set(int fd, const struct ring_config *config, uint32_t mib, char *why)
{
	uint32_t blocks = ring_blocks_of(mib);
	bool cells = config->delivery == RING_ONE_BY_ONE;
	struct tpacket_req3 req = {.tp_block_size = RING_BLOCK,
	    .tp_block_nr = blocks,
	    .tp_frame_size = RING_CELL, /* has no meaning for V3 but must divide the block */
	    .tp_frame_nr = blocks * (RING_BLOCK / RING_CELL),
	    .tp_retire_blk_tov = RING_RETIRE_MS};
	int r = set_int(fd, PACKET_VERSION, cells ? TPACKET_V2 : TPACKET_V3);
	if (r == 0)
		r = set_int(fd, PACKET_RESERVE, RING_RESERVE);
	if (r == 0 && cells)
		r = queue_set(fd);
	if (r == 0)
		r = set_option(fd, PACKET_RX_RING, &req, cells ? sizeof(struct tpacket_req) : sizeof(req));
	return r < 0 ? fail(r, why, "no ring of %u MiB", mib) : 0;
}

static int bind_to(int fd, int ifindex)
{
	struct sockaddr_ll addr = {
	    .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = ifindex};
	return bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
}

static int join_as(int fd, uint16_t id, unsigned flags)
{
	return set_int(fd, PACKET_FANOUT, (int)(id | (PACKET_FANOUT_HASH | flags) << 16));
}

/*
 * Not with PACKET_FANOUT_FLAG_DEFRAG: the kernel would join IPv4 fragments and never show those that stay
 * alone, yet they carried bytes out, and how they overlap is evidence. Without it all fragments of two hosts
 * go to one ring, which joins them.
 */
static int group_join(int fd, const struct ring_config *config)
{
	struct ring_group *g = config->group;
	unsigned flags = g->exists ? 0 : PACKET_FANOUT_FLAG_UNIQUEID;
	uint16_t id = g->exists ? g->id : 0;
	int r = join_as(fd, id, flags | (config->outgoing ? 0 : PACKET_FANOUT_FLAG_IGNORE_OUTGOING));
	if (r == -EINVAL && !config->outgoing)
		r = join_as(fd, id, flags); /* an older kernel: they are passed over when read */
	if (r < 0 || g->exists)
		return r;
	int value;
	socklen_t size = sizeof(value);
	if (getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &value, &size) < 0)
		return -errno;
	*g = (struct ring_group){.exists = true, .id = (uint16_t)(value & UINT16_MAX)};
	return 0;
}

/* Puts it on the interface with all doors shut, then opens the filter and locks it. */
static int start(int fd, const struct ring_config *config, int ifindex, char *why)
{
	uint32_t keep = config->snaplen && config->snaplen < RING_SNAPLEN ? config->snaplen : RING_SNAPLEN;
	struct packet_mreq all = {.mr_ifindex = ifindex, .mr_type = PACKET_MR_PROMISC};
	struct tpacket_stats_v3 stats;
	socklen_t size = sizeof(stats);
	int r = set_int(fd, PACKET_IGNORE_OUTGOING, 1);
	if (r == 0)
		r = filter_set(fd, 0);
	if (r == 0)
		r = bind_to(fd, ifindex);
	if (r == 0 && config->promiscuous)
		r = set_option(fd, PACKET_ADD_MEMBERSHIP, &all, sizeof(all));
	if (r == 0 && config->group)
		r = group_join(fd, config);
	if (r == 0 && getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) < 0)
		r = -errno;
	if (r == 0)
		r = filter_set(fd, keep);
	if (r == 0)
		r = filter_lock(fd);
	return r < 0 ? fail(r, why, "interface %s can't be watched", config->interface) : 0;
}

/* The interface's number, and by its kind whether frames are taken with their link header. */
static int look_up(const char *interface, int *ret_index, bool *ret_ethernet, char *why)
{
	struct ifreq req = {0};
	size_t n = strlen(interface);
	if (n == 0 || n >= sizeof(req.ifr_name))
		return fail(-ENODEV, why, "interface \"%s\"", interface);
	memcpy(req.ifr_name, interface, n);
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(-errno, why, "a packet socket (CAP_NET_RAW)");
	int r = ioctl(fd, SIOCGIFINDEX, &req) < 0 ? -errno : 0;
	if (r == 0) {
		*ret_index = req.ifr_ifindex;
		r = ioctl(fd, SIOCGIFHWADDR, &req) < 0 ? -errno : 0;
	}
	close(fd);
	if (r < 0)
		return fail(r, why, "interface %s", interface);
	*ret_ethernet = ring_link_of(req.ifr_hwaddr.sa_family) == RING_LINK_ETHERNET;
	return 0;
}

int ring_open(const struct ring_config *config, int *ret_fd, char *why)
{
	int index = 0;
	bool ethernet = false;
	uint32_t mib = config->mib ? config->mib : RING_MIB;
	if (mib > RING_MIB_MAX)
		return fail(-ERR_LIMIT, why, "a ring of %u MiB, at most %d are allowed", mib, RING_MIB_MAX);
	int r = look_up(config->interface, &index, &ethernet, why);
	if (r < 0)
		return r;
	/* of protocol 0 nothing comes in until it is bound */
	int fd = socket(AF_PACKET, (ethernet ? SOCK_RAW : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(-errno, why, "a packet socket");
	r = memory_set(fd, config, mib, why);
	if (r == 0)
		r = start(fd, config, index, why);
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}
