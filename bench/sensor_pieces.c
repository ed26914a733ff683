/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sensor_pieces.h"

#include <err.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/vec.h"
#include "capture/capture.h"
#include "decode/decode.h"
#include "sensor_out.h"

enum {
	LINK_ETHERNET = 1,
	LINK_RAW = 101,
	LINK_RAW_BSD = 12,
	LINK_COOKED = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	ETHERNET = 14,
	COOKED = 16,
	FRAME_MAX = 65535 + 22,
};

/* A longer silence within a piece is made this long. */
#define SILENCE_NS (INT64_C(30) * 1000000000)

/* The frame as Ethernet, at the end of the piece's bytes; false where its link isn't one that becomes it. */
static bool copy_frame(struct piece *p, const struct capture_frame *f, struct piece_frame *ret_frame)
{
	uint8_t head[ETHERNET] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
	size_t skip = 0, add = ETHERNET;
	if (f->linktype == LINK_ETHERNET) {
		add = 0;
	} else if (f->linktype == LINK_COOKED && f->caplen > COOKED) {
		skip = COOKED;
		memcpy(head + 12, f->data + 14, 2);
	} else if ((f->linktype == LINK_RAW || f->linktype == LINK_RAW_BSD || f->linktype == LINK_IPV4 ||
	               f->linktype == LINK_IPV6) &&
	           f->caplen) {
		store_be16(head + 12, f->data[0] / 16 == 6 ? 0x86dd : 0x0800);
	} else {
		return false;
	}
	if (f->wirelen > FRAME_MAX || f->caplen + add < ETHERNET + skip)
		return false;
	uint32_t n = (uint32_t)(f->caplen - skip + add);
	while (p->n_bytes + n > p->cap_bytes) {
		p->cap_bytes = p->cap_bytes ? 2 * p->cap_bytes : 1 << 16;
		if (!(p->bytes = realloc(p->bytes, p->cap_bytes)))
			err(1, "memory");
	}
	memcpy(p->bytes + p->n_bytes, head, add);
	memcpy(p->bytes + p->n_bytes + add, f->data + skip, f->caplen - skip);
	*ret_frame = (struct piece_frame){.at = p->n_bytes,
	    .caplen = n,
	    .wirelen = (uint32_t)(f->wirelen - skip + add),
	    .edit = p->n_edits};
	p->n_bytes += n;
	return true;
}

static void add_edit(struct piece *p, struct edit e)
{
	if (VEC_RESERVE(p->edits, &p->cap_edits, p->n_edits, SIZE_MAX) < 0)
		err(1, "memory");
	p->edits[p->n_edits++] = e;
}

/* Where the checksum of that transport stands that begins at l4; 0: it has none that covers addresses. */
static uint32_t transport_sum(const uint8_t *frame, uint32_t caplen, uint32_t l4, uint8_t protocol)
{
	uint32_t at = protocol == PACKET_TCP      ? 16
	              : protocol == PACKET_UDP    ? 6
	              : protocol == PACKET_ICMPV6 ? 2
	                                          : 0;
	if (!at || l4 + at + 2 > caplen)
		return 0;
	return protocol == PACKET_UDP && load_be16(frame + l4 + at) == 0 ? 0 : l4 + at;
}

/* The two addresses of an IPv4 header at `ip`. */
static void edit_v4(struct piece *p, const uint8_t *frame, uint32_t caplen, uint32_t ip)
{
	const uint8_t *h = frame + ip;
	bool first = (load_be16(h + 6) & 0x1fff) == 0;
	uint32_t l4 = ip + (uint32_t)(h[0] & 15) * 4;
	struct edit e = {.kind = EDIT_V4, .at = ip + 12, .sums = {ip + 10}};
	e.sums[1] = first && h[9] != PACKET_ICMPV6 ? transport_sum(frame, caplen, l4, h[9]) : 0;
	add_edit(p, e);
	e.at += 4;
	add_edit(p, e);
	/* an error tells of a packet: its header's sum doesn't change, so neither does the message's */
	bool error = h[9] == PACKET_ICMP && first && l4 + 28 <= caplen &&
	             (frame[l4] == 3 || frame[l4] == 4 || frame[l4] == 11 || frame[l4] == 12);
	if (error && frame[l4 + 8] / 16 == 4) {
		e = (struct edit){.kind = EDIT_V4, .at = l4 + 8 + 12, .sums = {l4 + 8 + 10}};
		add_edit(p, e);
		e.at += 4;
		add_edit(p, e);
	}
}

static void edit_v6(struct piece *p, const uint8_t *frame, uint32_t caplen, uint32_t ip)
{
	uint8_t next = frame[ip + 6];
	uint32_t l4 = ip + 40;
	for (int i = 0; i < 8 && l4 + 8 <= caplen && (next == 0 || next == 43 || next == 60); i++) {
		next = frame[l4];
		l4 += 8 + 8 * (uint32_t)frame[l4 + 1];
	}
	struct edit e = {.kind = EDIT_V6, .at = ip + 8, .sums = {0, transport_sum(frame, caplen, l4, next)}};
	add_edit(p, e);
	e.at += 16;
	add_edit(p, e);
	/* neighbours asked for and told of */
	if (next == PACKET_ICMPV6 && l4 + 24 <= caplen && (frame[l4] == 135 || frame[l4] == 136)) {
		e.at = l4 + 8;
		add_edit(p, e);
	}
}

/* A header with a right sum that covers its addresses, where the frame is whole and simple: cards fill them
 * in after the capture. */
static void mend_sums(uint8_t *frame, uint32_t caplen, const struct packet *k, uint32_t ip)
{
	const struct packet_layer *l = &k->layers[0];
	uint8_t *h = frame + ip;
	uint32_t header = h[0] / 16 == 4 ? (uint32_t)(h[0] & 15) * 4 : 40, n = l->wire_bytes - header;
	bool fragment = h[0] / 16 == 4 && (load_be16(h + 6) & 0x3fff) != 0;
	if (k->n_layers != 1 || l->fragment || fragment ||
	    (k->events & ~(UINT64_C(1) << DECODE_EVENT_IPV4_CHECKSUM)) || !l->has_ports ||
	    l->wire_bytes < header || ip + l->wire_bytes > caplen || n > 65535 ||
	    (header == 40 && h[6] != l->protocol) || load_be16(h + 2) == 0)
		return;
	if (h[0] / 16 == 4)
		sum_ipv4(h);
	uint32_t at = transport_sum(frame, caplen, ip + header, l->protocol);
	if (at)
		sum_transport(h, h + header, n, l->protocol, at - ip - header);
}

static void note_edits(struct piece *p, struct piece_frame *f, const struct packet *k)
{
	uint8_t *frame = p->bytes + f->at;
	uint32_t at = ETHERNET;
	add_edit(p, (struct edit){.kind = EDIT_MAC, .at = 0});
	add_edit(p, (struct edit){.kind = EDIT_MAC, .at = 6});
	if (load_be16(frame + 12) == 0x0806 && f->caplen >= ETHERNET + 28) {
		add_edit(p, (struct edit){.kind = EDIT_MAC, .at = ETHERNET + 8});
		add_edit(p, (struct edit){.kind = EDIT_V4, .at = ETHERNET + 14});
		add_edit(p, (struct edit){.kind = EDIT_V4, .at = ETHERNET + 24});
	}
	for (int i = 0; i < k->n_layers; i++) {
		const struct packet_layer *l = &k->layers[i];
		bool v4 = net_addr_is_v4(l->src);
		uint8_t both[32];
		uint32_t n = v4 ? 4 : 16, before = v4 ? 12 : 8;
		memcpy(both, l->src.b + 16 - n, n);
		memcpy(both + n, l->dst.b + 16 - n, n);
		uint8_t *found = at < f->caplen ? memmem(frame + at, f->caplen - at, both, 2 * (size_t)n)
		                                : NULL;
		if (!found || (uint32_t)(found - frame) < at + before ||
		    found[-(int)before] / 16 != (v4 ? 4 : 6))
			break;
		uint32_t ip = (uint32_t)(found - frame) - before;
		if (i == 0)
			mend_sums(frame, f->caplen, k, ip);
		if (v4)
			edit_v4(p, frame, f->caplen, ip);
		else
			edit_v6(p, frame, f->caplen, ip);
		at = ip + before + 2 * n;
	}
	f->n_edits = (uint32_t)(p->n_edits - f->edit);
}

struct reading {
	struct piece *of_vantage;
	size_t n;
	int64_t *last_ns;
};

/* The piece of that vantage. */
static struct piece *piece_of(struct reading *r, uint16_t vantage)
{
	if (vantage >= r->n) {
		size_t n = vantage + 1;
		r->of_vantage = reallocarray(r->of_vantage, n, sizeof(*r->of_vantage));
		r->last_ns = reallocarray(r->last_ns, n, sizeof(*r->last_ns));
		if (!r->of_vantage || !r->last_ns)
			err(1, "memory");
		memset(r->of_vantage + r->n, 0, (n - r->n) * sizeof(*r->of_vantage));
		r->n = n;
	}
	return &r->of_vantage[vantage];
}

static void add_frame(struct pieces *all, struct reading *r, struct decoder *d, const struct capture_frame *f)
{
	struct piece *p = piece_of(r, f->vantage);
	struct piece_frame one;
	struct packet packet;
	if (!copy_frame(p, f, &one)) {
		all->left_out++;
		return;
	}
	if (p->n_frames) {
		int64_t silence = f->time_ns - r->last_ns[f->vantage];
		one.time_ns = p->frames[p->n_frames - 1].time_ns + (silence < 0               ? 0
		                                                       : silence > SILENCE_NS ? SILENCE_NS
		                                                                              : silence);
	}
	r->last_ns[f->vantage] = f->time_ns;
	if (decoder_frame(d, LINK_ETHERNET, p->bytes + one.at, one.caplen, one.wirelen, f->time_ns,
	        f->vantage, &packet) < 0)
		err(1, "memory");
	note_edits(p, &one, &packet);
	if (VEC_RESERVE(p->frames, &p->cap_frames, p->n_frames, SIZE_MAX) < 0)
		err(1, "memory");
	p->frames[p->n_frames++] = one;
	all->bytes += one.caplen + 16;
	all->frames++;
}

void pieces_add(struct pieces *all, const char *path)
{
	struct capture_set *set;
	struct decoder *d;
	struct capture_frame f;
	struct reading r = {0};
	struct decode_config config = {.seed = 1};
	char why[160];
	if (capture_set_new(&set) < 0 || decoder_new(&d, &config) < 0)
		err(1, "memory");
	if (capture_set_add(set, -1, path, why) == 0)
		while (capture_set_next(set, &f) == 1)
			add_frame(all, &r, d, &f);
	for (size_t i = 0; i < r.n; i++) {
		if (!r.of_vantage[i].n_frames)
			continue;
		if (VEC_RESERVE(all->items, &all->cap, all->n, SIZE_MAX) < 0)
			err(1, "memory");
		all->items[all->n++] = r.of_vantage[i];
	}
	free(r.of_vantage);
	free(r.last_ns);
	decoder_free(d);
	capture_set_free(set);
}

/* Private networks all become 10.s.t.0/24 with what they were mixed in, so that sites don't meet. */
static void move_v4(uint8_t *a, uint16_t site)
{
	uint8_t high = (uint8_t)(site >> 8), low = (uint8_t)site;
	bool private = a[0] == 10 || (a[0] == 172 && (a[1] & 0xf0) == 16) || (a[0] == 192 && a[1] == 168);
	if (private) {
		a[0] = 10;
		a[1] ^= high;
		a[2] ^= low;
	} else if (a[0] == 100 || a[0] == 169 || a[0] == 172 || a[0] == 192 || a[0] == 198 || a[0] == 203) {
		a[2] ^= low; /* the others of these are special in parts */
	} else if (a[0] != 0 && a[0] != 127 && a[0] < 224) {
		a[1] ^= high;
		a[2] ^= low;
	}
}

static void move_v6(uint8_t *a, uint16_t site)
{
	static const uint8_t none[15];
	size_t at = a[0] == 0xfe ? 10 : 4;
	if (a[0] == 0xff || memcmp(a, none, 15) == 0)
		return;
	a[at] ^= (uint8_t)(site >> 8);
	a[at + 1] ^= (uint8_t)site;
}

void piece_move(const struct piece *p, const struct piece_frame *f, uint8_t *frame, uint16_t site)
{
	for (size_t i = f->edit; i < f->edit + f->n_edits; i++) {
		const struct edit *e = &p->edits[i];
		uint8_t *a = frame + e->at, before[16];
		size_t n = e->kind == EDIT_V4 ? 4 : 16;
		if (e->kind == EDIT_MAC) {
			if (!(a[0] & 1)) {
				a[3] ^= (uint8_t)(site >> 8);
				a[4] ^= (uint8_t)site;
			}
			continue;
		}
		memcpy(before, a, n);
		if (e->kind == EDIT_V4)
			move_v4(a, site);
		else
			move_v6(a, site);
		for (int s = 0; s < 2; s++)
			if (e->sums[s])
				sum_change(frame + e->sums[s], before, a, n);
	}
}
