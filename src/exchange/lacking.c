/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exchange/lacking.h"

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };

/* The least that headers take of a datagram: IPv4 (RFC 791, 3.1) or IPv6 (RFC 8200, 3), and TCP (RFC
 * 9293, 3.1) or UDP (RFC 768) without options. Of other protocols all behind IP is taken for payload. */
static uint64_t least_headers(const struct msg_flow *f)
{
	uint64_t ip = net_addr_is_v4(f->initiator) ? 20 : 40;
	return ip + (f->protocol == PROTOCOL_TCP ? 20 : f->protocol == PROTOCOL_UDP ? 8 : 0);
}

/* At most so much of `wire` bytes in `packets` datagrams is payload. Without a number of packets all may be.
 */
static uint64_t most_payload(const struct msg_flow *f, uint64_t wire, uint64_t packets)
{
	uint64_t headers;
	if (__builtin_mul_overflow(packets, least_headers(f), &headers) || headers > wire)
		return 0;
	return wire - headers;
}

static bool has(uint64_t carried, unsigned column)
{
	return carried >> column & 1;
}

static bool estimates_out(uint64_t carried)
{
	return has(carried, MSG_FLOW_FIELD_WIRE_OUT) && !has(carried, MSG_FLOW_FIELD_PAYLOAD_OUT);
}

static bool estimates_in(uint64_t carried)
{
	return has(carried, MSG_FLOW_FIELD_WIRE_IN) && !has(carried, MSG_FLOW_FIELD_PAYLOAD_IN);
}

void exchange_lacking_fill(
    const struct exchange_kind *k, uint64_t carried, uint16_t vantage, union archive_record *m)
{
	for (size_t i = 0; i < k->n_references; i++) {
		const struct exchange_column *c = &k->columns[k->references[i]];
		if (c->reference == EXCHANGE_REFERENCE_VANTAGE && !has(carried, k->references[i]))
			(void)exchange_number_set(c, m, vantage);
	}
	if (k->layout->record != MSG_FLOW)
		return;
	struct msg_flow *f = &m->flow;
	if (estimates_out(carried))
		f->payload_out = most_payload(f, f->wire_out, f->packets_out);
	if (estimates_in(carried))
		f->payload_in = most_payload(f, f->wire_in, f->packets_in);
}

/* What weighs most stands first: whoever shows it may cut it. */
void exchange_lacking_say(const struct exchange_kind *k, uint64_t carried, struct dynbuf *out)
{
	bool begun = false;
	if (k->layout->record == MSG_FLOW && (estimates_out(carried) || estimates_in(carried)))
		dynbuf_str(out, "; payload is an upper bound, from bytes and packets");
	for (size_t c = 0; c < k->n_columns; c++) {
		if (has(carried, (unsigned)c) || k->columns[c].reference != EXCHANGE_REFERENCE_NONE)
			continue;
		if (!begun)
			dynbuf_printf(out, "; its %s records carry no ", k->name);
		dynbuf_str(out, begun ? ", " : "");
		dynbuf_str(out, k->columns[c].name);
		begun = true;
	}
}
