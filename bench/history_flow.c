/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cursor.h"
#include "base/timefmt.h"
#include "bench/draw.h"
#include "bench/history_flow.h"
#include "bench/history_model.h"
#include "flow/flow.h"

enum { TCP = 6, UDP = 17, MSS = 1448, DATAGRAM = 1350 };

static const int64_t longest = 7 * 86400 * NS_PER_S;

static const uint8_t router[2][6] = {
    {0x00, 0x1a, 0xa1, 0x10, 0x20, 0x01}, {0x00, 0x1a, 0xa1, 0x10, 0x20, 0x02}};

void history_sizes_init(struct history_sizes *ret_sizes, const struct service *s)
{
	*ret_sizes = (struct history_sizes){.out_log = s->out > 0 ? log(s->out) : 0,
	    .in_log = s->in > 0 ? log(s->in) : 0,
	    .seconds_log = s->seconds > 0 ? log(s->seconds) : 0};
}

void history_set_links(struct msg_flow *f, const struct history_pair *pair)
{
	static const struct net_mac zero;
	struct net_mac gateway = zero;
	for (size_t i = 0; i < 6; i++)
		gateway.b[i] = router[f->vantage == HISTORY_VANTAGE_EDGE][i];
	f->initiator_mac = f->responder_mac = gateway;
	f->vlan = 0;
	if (f->vantage == HISTORY_VANTAGE_EDGE) {
		f->responder_mac.b[5]++;
		return;
	}
	const struct world_asset *near = pair->from ? pair->from : pair->to;
	*(pair->from ? &f->initiator_mac : &f->responder_mac) = near->mac;
	f->vlan = near->vlan;
	if (pair->from && pair->to && pair->from->vlan == pair->to->vlan)
		f->responder_mac = pair->to->mac;
}

static uint64_t packets_of(uint64_t bytes, unsigned most)
{
	return (bytes + most - 1) / most;
}

/* One in so many times: what breaks on the way. */
static void lose(struct msg_flow *f, uint64_t r, bool outside)
{
	uint64_t segments = f->packets_in + f->packets_out;
	if (r % 1000 >= (outside ? 70 : 12) || segments < 6)
		return;
	uint64_t again = 1 + (r >> 32) % (1 + segments / 50);
	if (f->payload_in > f->payload_out) {
		f->retransmitted_in = again * MSS < f->payload_in ? again * MSS : f->payload_in;
		f->packets_in += again;
	} else {
		f->retransmitted_out = again * MSS < f->payload_out ? again * MSS : f->payload_out;
		f->packets_out += again;
	}
	if (r % 1000 == 0) /* and the sensor itself lost one */
		f->missing_in = f->payload_in < MSS ? f->payload_in : MSS;
}

static void fill_tcp(struct msg_flow *f, int64_t rtt, bool timestamps, uint64_t r, bool outside)
{
	uint64_t out = packets_of(f->payload_out, MSS), in = packets_of(f->payload_in, MSS);
	unsigned header = timestamps ? 52 : 40, how = (unsigned)(r % 100);
	f->packets_out = 3 + out + (in + 1) / 2 + (r >> 8) % 3;
	f->packets_in = 2 + in + (out + 1) / 2 + (r >> 10) % 2;
	lose(f, draw_mix(r), outside);
	f->wire_out = f->payload_out + f->retransmitted_out + f->packets_out * header + 12;
	f->wire_in = f->payload_in + f->retransmitted_in + f->packets_in * header + 12;
	f->established = f->first + rtt;
	f->tcp_flags_out = f->tcp_flags_in = 0x1b;
	f->tcp_state = FLOW_TCP_CLOSED;
	f->end = FLOW_END_FIN;
	if (how < 14) {
		*(how < 9 ? &f->tcp_flags_out : &f->tcp_flags_in) = 0x1f;
		f->tcp_state = FLOW_TCP_RESET;
		f->end = FLOW_END_RST;
	} else if (how < 21) {
		f->tcp_flags_out = f->tcp_flags_in = 0x1a;
		f->tcp_state = FLOW_TCP_ESTABLISHED;
		f->end = FLOW_END_TIMEOUT;
	}
}

static void fill_datagrams(struct msg_flow *f, int64_t rtt, uint64_t r)
{
	f->packets_out = packets_of(f->payload_out, DATAGRAM);
	f->packets_in = packets_of(f->payload_in, DATAGRAM);
	if (f->payload_out > 2 * DATAGRAM || f->payload_in > 2 * DATAGRAM) {
		/* an exchange: acknowledgements are datagrams too */
		uint64_t out = f->packets_out, in = f->packets_in;
		f->packets_out += in / 8 + (r & 3);
		f->packets_in += out / 8 + (r >> 2 & 3);
	}
	f->wire_out = f->payload_out + f->packets_out * 28;
	f->wire_in = f->payload_in + f->packets_in * 28;
	f->established = f->first + rtt;
	f->end = FLOW_END_TIMEOUT;
}

/* A call that nobody takes: silence, three times of four, or a refusal. Datagrams go out all the same. */
static void fill_failed(struct msg_flow *f, uint64_t r)
{
	bool refused = r % 4 == 0;
	f->established = 0;
	f->payload_in = 0;
	f->end = FLOW_END_TIMEOUT;
	if (f->protocol != TCP) {
		f->packets_out = packets_of(f->payload_out, DATAGRAM);
		f->wire_out = f->payload_out + f->packets_out * 28;
		return;
	}
	f->payload_out = 0;
	f->packets_out = refused ? 1 : 1 + (r >> 8) % 3;
	f->wire_out = f->packets_out * 60;
	f->tcp_flags_out = 0x02;
	f->tcp_state = refused ? FLOW_TCP_REFUSED : FLOW_TCP_SYN_SENT;
	f->first = f->last - (refused ? (int64_t)(200 + (r >> 16) % 800) * NS_PER_US
	                              : (int64_t)((1u << f->packets_out) - 2) * NS_PER_S / 2);
	if (refused) {
		f->packets_in = 1;
		f->wire_in = 40;
		f->tcp_flags_in = 0x14;
		f->end = FLOW_END_RST;
		f->flags |= FLOW_ANSWERED;
	}
}

/* The ports that the internet's noise is for: Durumeric, Bailey, Halderman, 2014; the rest at random. */
static uint16_t scanned_port(uint64_t r)
{
	static const uint16_t ports[] = {
	    23, 22, 445, 3389, 80, 8080, 443, 5900, 1433, 2323, 6379, 81, 5555, 8443};
	return r % 3 ? ports[(r >> 8) % (sizeof(ports) / sizeof(ports[0]))]
	             : (uint16_t)(1 + (r >> 16) % 65535);
}

static void set_ports(
    struct msg_flow *f, const struct service *s, unsigned number, const struct history_pair *pair, uint64_t r)
{
	uint16_t low = pair->from ? pair->from->port_low : 32768;
	uint16_t range = pair->from ? pair->from->port_range : 28232;
	if (f->protocol != TCP && f->protocol != UDP) {
		f->initiator_port = 8; /* an echo request */
		return;
	}
	f->initiator_port = (uint16_t)(low + draw_below(r, range));
	f->responder_port = s->port;
	if (s->app == APP_NTP)
		f->initiator_port = s->target == SERVICE_INSIDE ? 123 : f->initiator_port;
	else if (s->app == APP_DHCP)
		f->initiator_port = 68;
	else if (number == SERVICE_SCAN_IN)
		f->responder_port = scanned_port(draw_mix(r));
	else if (s->app == APP_RTP)
		f->responder_port = (uint16_t)(16384 + (draw_mix(r) % 8192) * 2);
}

static uint64_t bytes_of(uint64_t r, double log_median, double sigma)
{
	double bytes = draw_lognormal(r, log_median, sigma);
	return bytes < 1 ? 1 : bytes > 1e12 ? UINT64_C(1000000000000) : (uint64_t)bytes;
}

/*
 * Bodies are log-normal (Downey, "Evidence for long-tailed distributions in the internet", 2001), a few have
 * Pareto's tail with 1.1 (Crovella and Bestavros, 1997).
 */
static void draw_bytes(
    struct msg_flow *f, const struct service *s, const struct history_sizes *sizes, uint64_t *state)
{
	if (s->out > 0)
		f->payload_out = bytes_of(draw_next(state), sizes->out_log, s->out_sigma);
	if (s->in > 0)
		f->payload_in = bytes_of(draw_next(state), sizes->in_log, s->in_sigma);
	uint64_t r = draw_next(state);
	if (s->tail > 0 && draw_unit(r) < s->tail) {
		double times = pow(1 - draw_unit(draw_mix(r)), -1 / 1.1);
		uint64_t *larger = s->in > s->out ? &f->payload_in : &f->payload_out;
		double bytes = (double)*larger * 10 * times;
		*larger = bytes > 1e12 ? UINT64_C(1000000000000) : (uint64_t)bytes;
	}
}

void history_draw_flow(struct msg_flow *f, const struct service *s, const struct history_sizes *sizes,
    unsigned number, const struct history_pair *pair, uint64_t *state)
{
	bool outside = !pair->from || !pair->to;
	uint64_t r = draw_next(state);
	f->protocol = s->protocol;
	f->vantage = outside ? HISTORY_VANTAGE_EDGE : HISTORY_VANTAGE_CORE;
	f->initiator = world_addr(pair->initiator);
	f->responder = world_addr(pair->responder);
	f->app = s->app;
	set_ports(f, s, number, pair, r);
	history_set_links(f, pair);
	f->first = f->last;
	draw_bytes(f, s, sizes, state);
	r = draw_next(state);
	if (draw_unit(r) < (double)s->fail) {
		f->app = s->protocol == TCP ? APP_UNKNOWN : s->app;
		fill_failed(f, draw_mix(r));
		if (number != SERVICE_SCAN_IN && s->protocol == UDP)
			f->first = f->last - (int64_t)(draw_lognormal(r, sizes->seconds_log, 1) * 1e9);
		return;
	}
	r = draw_next(state);
	double rtt = draw_lognormal(r, outside ? -3.9 : -8.0, 0.7); /* medians 20 ms and 0.3 ms */
	double took = draw_lognormal(draw_next(state), sizes->seconds_log, s->seconds_sigma) + rtt +
	              (double)(f->payload_out + f->payload_in) / (outside ? 2.5e6 : 4e7);
	if (s->protocol == TCP && draw_mix(r) % 300 == 0)
		took *= 200; /* some are kept open for hours and days */
	int64_t span = took * 1e9 < (double)longest ? (int64_t)(took * 1e9) : longest;
	f->first = f->last - span;
	f->flags = FLOW_ANSWERED;
	f->name = pair->name;
	if (s->protocol == TCP)
		fill_tcp(f, (int64_t)(rtt * 1e9), !pair->from || pair->from->port_low == 32768, draw_mix(r),
		    outside);
	else
		fill_datagrams(f, (int64_t)(rtt * 1e9) < span ? (int64_t)(rtt * 1e9) : span, draw_mix(r));
}
