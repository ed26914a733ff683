/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "decode/decode.h"

#include <errno.h>
#include <stdlib.h>

#include "base/timefmt.h"
#include "decode/decoder.h"

enum {
	FRAGMENTS_DEFAULT = 4096,
	FRAGMENT_MEMORY_DEFAULT = 16 << 20,
	FRAGMENT_TIMEOUT_DEFAULT_S = 60,
	WIRE_LENGTH_BELIEVED =
	    1 << 18, /* no link carries longer frames, the largest offloaded ones included */
};

int decoder_new(struct decoder **ret_decoder, const struct decode_config *config)
{
	struct decoder *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	int r = defrag_new(&d->defrag, config->fragments_max ? config->fragments_max : FRAGMENTS_DEFAULT,
	    config->fragment_memory ? config->fragment_memory : FRAGMENT_MEMORY_DEFAULT,
	    config->fragment_timeout_ns ? config->fragment_timeout_ns : FRAGMENT_TIMEOUT_DEFAULT_S * NS_PER_S,
	    config->seed);
	if (r < 0) {
		free(d);
		return r;
	}
	d->overlap = config->overlap;
	d->context = config->context;
	d->lost = config->lost;
	defrag_on_lost(d->defrag, config->lost, config->context);
	*ret_decoder = d;
	return 0;
}

void decoder_flush(struct decoder *d)
{
	defrag_flush(d->defrag);
}

static void joined_free(struct decoder *d)
{
	while (d->n_joined)
		free(d->joined[--d->n_joined]);
}

void decoder_free(struct decoder *d)
{
	if (!d)
		return;
	joined_free(d);
	defrag_free(d->defrag);
	free(d);
}

static enum decode_step walk_step(struct walk *w, enum decode_step step)
{
	switch (step) {
	case DECODE_DONE: return DECODE_DONE;
	case DECODE_LINK: return decode_link(w);
	case DECODE_ETHERNET: return decode_ethernet(w);
	case DECODE_ETHERTYPE: return decode_ethertype(w);
	case DECODE_LLC: return decode_llc(w);
	case DECODE_MPLS: return decode_mpls(w);
	case DECODE_PPP: return decode_ppp(w);
	case DECODE_IP: return decode_ip(w);
	case DECODE_IPV4: return decode_ipv4(w);
	case DECODE_IPV6: return decode_ipv6(w);
	case DECODE_TRANSPORT: return decode_transport(w);
	case DECODE_AMSDU: return decode_amsdu(w);
	}
	return DECODE_DONE;
}

static void walk_run(struct walk *w, enum decode_step step)
{
	for (int depth = 0; step != DECODE_DONE; depth++) {
		if (depth == PACKET_DECODE_DEPTH_MAX) {
			walk_event(w, DECODE_EVENT_TUNNEL_TOO_DEEP);
			return;
		}
		step = walk_step(w, step);
	}
}

/* All but the layers, which are written as they are found. */
static void packet_begin(struct packet *p, int64_t time_ns, uint16_t vantage, uint32_t frame_bytes)
{
	p->time_ns = time_ns;
	p->vantage = vantage;
	p->has_mac = false;
	p->n_vlans = 0;
	p->frame_bytes = frame_bytes;
	p->n_layers = 0;
	p->tcp = (struct packet_tcp){0};
	p->binding = (struct packet_binding){0};
	p->events = 0;
	p->conflict = NULL;
}

static void stats_count(struct decoder *d, const struct packet *p)
{
	struct decode_stats *s = &d->stats;
	if (p->n_layers == 0) {
		if (p->events >> DECODE_EVENT_LINK_UNSUPPORTED & 1)
			s->unsupported_links++;
		else
			s->not_ip++;
	}
	for (uint64_t events = p->events; events; events &= events - 1)
		s->events[__builtin_ctzll(events)]++;
}

static int walk_finish(struct walk *w)
{
	stats_count(w->decoder, w->packet);
	return w->error;
}

int decoder_frame(struct decoder *d, uint16_t linktype, const uint8_t *data, uint32_t caplen,
    uint32_t wirelen, int64_t time_ns, uint16_t vantage, struct packet *ret_packet)
{
	if (wirelen < caplen)
		wirelen = caplen;
	struct walk w = {
	    .decoder = d,
	    .packet = ret_packet,
	    .c = cursor_of(data, caplen),
	    .length = wirelen,
	    .linktype = linktype,
	    .absurd = wirelen > WIRE_LENGTH_BELIEVED && wirelen > caplen,
	};
	if (d->n_joined)
		joined_free(d);
	d->stats.frames++;
	d->stats.unfetched += d->has_rest;
	d->has_rest = false;
	d->time_ns = time_ns;
	d->vantage = vantage;
	d->absurd = w.absurd;
	packet_begin(ret_packet, time_ns, vantage, w.absurd ? caplen : wirelen);
	if (w.absurd)
		walk_event(&w, DECODE_EVENT_WIRE_LENGTH_ABSURD);
	walk_run(&w, DECODE_LINK);
	return walk_finish(&w);
}

void decoder_keep_rest(struct decoder *d, struct cursor rest, uint32_t length)
{
	d->stats.unfetched += d->has_rest; /* an aggregate within one */
	d->has_rest = true;
	d->rest = rest;
	d->rest_length = length;
}

int decoder_more(struct decoder *d, struct packet *ret_packet)
{
	if (!d->has_rest)
		return 0;
	struct walk w = {
	    .decoder = d,
	    .packet = ret_packet,
	    .c = d->rest,
	    .length = d->rest_length,
	    .absurd = d->absurd,
	};
	d->has_rest = false;
	d->stats.further++;
	packet_begin(ret_packet, d->time_ns, d->vantage, 0);
	walk_run(&w, DECODE_AMSDU);
	ret_packet->frame_bytes = 0;
	int r = walk_finish(&w);
	return r < 0 ? r : 1;
}

const struct decode_stats *decoder_stats(const struct decoder *d)
{
	return &d->stats;
}
