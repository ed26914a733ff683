/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The pcap format, draft-ietf-opsawg-pcap, with what older and other writers made of it: nanoseconds, either
 * byte order, Kuznetzov's longer record heads, and versions before 2.4, whose records have their two lengths
 * swapped.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "base/timefmt.h"
#include "capture/file.h"

enum {
	PCAP_HEAD = 24,
	PCAP_RECORD_HEAD = 16,
	PCAP_RECORD_HEAD_KUZNETZOV = 24, /* + interface index, protocol, packet type */
	PCAP_LINKTYPE_MASK = 0x03ffffff, /* above stands the length of the frame check sequence */
};

static const struct {
	uint32_t magic;
	uint32_t tick_ns;
	uint32_t record_head;
} pcap_magics[] = {
    {0xa1b2c3d4, NS_PER_US, PCAP_RECORD_HEAD},
    {0xa1b23c4d, 1, PCAP_RECORD_HEAD},
    {0xa1b2cd34, NS_PER_US, PCAP_RECORD_HEAD_KUZNETZOV},
};

static bool magic_read(const uint8_t *magic, bool *ret_big, uint64_t *ret_tick_ns, size_t *ret_record_head)
{
	for (size_t i = 0; i < sizeof(pcap_magics) / sizeof(pcap_magics[0]); i++) {
		bool big = load_be32(magic) == pcap_magics[i].magic;
		if (!big && load_le32(magic) != pcap_magics[i].magic)
			continue;
		*ret_big = big;
		*ret_tick_ns = pcap_magics[i].tick_ns;
		*ret_record_head = pcap_magics[i].record_head;
		return true;
	}
	return false;
}

static int pcap_next(struct file *f, struct record *ret_record)
{
	struct source *s = f->source;
	size_t head = f->record_head;
	const uint8_t *p = source_peek(s, head);
	if (!p)
		return file_stop_short(f, false, "a record's head");
	uint32_t caplen = file_u32(f, p + 8), wirelen = file_u32(f, p + 12);
	if (f->version_minor < 3 || (f->version_minor == 3 && caplen > wirelen)) {
		uint32_t swap = caplen;
		caplen = wirelen;
		wirelen = swap;
	}
	if (caplen > CAPTURE_RECORD_MAX)
		return file_stop(f, CAPTURE_END_MALFORMED,
		    "the record claims %" PRIu32 " captured bytes, more than %d", caplen, CAPTURE_RECORD_MAX);
	p = source_peek(s, head + caplen);
	if (!p)
		return file_stop_short(f, true, "a record");
	*ret_record = (struct record){
	    .time_ns = (int64_t)(file_u32(f, p) * (uint64_t)NS_PER_S + file_u32(f, p + 4) * f->tick_ns),
	    .data = p + head,
	    .caplen = caplen,
	    .wirelen = wirelen,
	};
	source_take(s, head + caplen);
	return 1;
}

int pcap_start(struct file *f, const uint8_t *magic, char *why)
{
	if (!magic_read(magic, &f->big, &f->tick_ns, &f->record_head)) {
		snprintf(why, CAPTURE_WHY,
		    "it begins with %02x%02x%02x%02x: expected a pcap or pcapng capture", magic[0], magic[1],
		    magic[2], magic[3]);
		return -ERR_UNSUPPORTED;
	}
	const uint8_t *p = source_peek(f->source, PCAP_HEAD);
	if (!p)
		return -ERR_TRUNCATED;
	uint16_t major = file_u16(f, p + 4), minor = file_u16(f, p + 6);
	uint32_t linktype = file_u32(f, p + 20) & PCAP_LINKTYPE_MASK;
	if (major != 2 || minor > 4) {
		snprintf(why, CAPTURE_WHY, "it is pcap version %u.%u: expected 2.4 or older", major, minor);
		return -ERR_UNSUPPORTED;
	}
	if (linktype > UINT16_MAX) {
		snprintf(why, CAPTURE_WHY, "its link type %" PRIu32 " does not exist", linktype);
		return -ERR_UNSUPPORTED;
	}
	uint32_t lane;
	int r = file_lane_add(f, NULL, (uint16_t)linktype, file_u32(f, p + 16), &lane);
	if (r < 0) {
		snprintf(why, CAPTURE_WHY, "out of memory");
		return r;
	}
	f->version_minor = minor;
	f->next = pcap_next;
	source_take(f->source, PCAP_HEAD);
	return 0;
}
