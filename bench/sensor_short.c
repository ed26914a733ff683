/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Makes a capture of short flows: sensor_short FLOWS SECONDS ended|held FILE. Look-ups, scans, TLS handshakes
 * with a small exchange, short HTTP and time queries of 20,000 clients, begun evenly over that time and gone
 * on with beside each other. held: no flow is closed by those who hold it, and nothing refused, so that all
 * are there at the end. Deterministic.
 *
 * Of 1,000 flows 600 look up a name (a third of them a name that nobody else asks for), 300 are scans' (of
 * ten probes seven unanswered), 25 TLS (of ten six of version 1.3, three of 1.2 with certificates, one
 * resumed), 25 HTTP, 50 time. One in eight is IPv6. Nearly all packets are small, and every flow costs a
 * table its beginning and its end.
 */

#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/num.h"
#include "base/vec.h"
#include "draw.h"
#include "sensor_out.h"
#include "sensor_words.h"

enum {
	CLIENTS = 20000,
	RESOLVERS = 24,
	SCANNERS = 40,
	MSS = 1448,
	STEPS_MAX = 48,
	ETHERNET = 14,
	TCP = 6,
	UDP = 17,
	FIN = 1,
	SYN = 2,
	RST = 4,
	PSH = 8,
	ACK = 16,
	TCP_HEADER = 32,
	SYN_HEADER = 40,
};

#define START_NS (INT64_C(1767225600) * 1000000000) /* 2026-01-01 */

struct end {
	uint8_t address[16]; /* of IPv4 the last four */
	uint16_t port;
	uint32_t seq;
};

/* One packet that is to come. */
struct step {
	uint32_t after_us; /* the one before */
	uint16_t at, n;    /* its payload in the flow's words */
	uint8_t flags;
	bool up;
};

struct flow {
	struct end client, server;
	struct step steps[STEPS_MAX];
	uint32_t n_steps, next, rtt_us, clock[2];
	uint8_t protocol;
	bool v6;
	struct words words;
	uint8_t bytes[WORDS_MAX];
};

static struct {
	struct out out;
	struct turns turns;
	bool held;
	uint64_t number, flows;
	int64_t within_ns;
	struct flow *
	    *slots; /* those that go on; by slot, so that of two packets of one time the same is first */
	size_t n_slots, cap_slots, *unused, n_unused, cap_unused;
} run;

static void set_end(struct end *e, bool v6, bool inside, uint64_t who, uint16_t port, uint64_t *state)
{
	uint64_t h = draw_hash(who, 77);
	*e = (struct end){.port = port, .seq = (uint32_t)draw_next(state)};
	if (v6) {
		memcpy(e->address, inside ? "\xfd\x12\x34\x56" : "\x20\x01\x0d\xb8", 4);
		store_le64(e->address + 8, h);
		e->address[7] = (uint8_t)who & 15;
	} else if (inside) {
		store_be32(e->address + 12, 0x0a000000 + (uint32_t)who);
	} else {
		store_be32(e->address + 12, (uint32_t)h);
		e->address[12] = (uint8_t)(20 + e->address[12] % 70); /* 20 to 89: nothing special there */
	}
}

static void send_packet(struct flow *f, const struct step *s, int64_t time_ns)
{
	uint8_t p[ETHERNET + 40 + SYN_HEADER + MSS + 600] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	struct end *from = s->up ? &f->client : &f->server, *to = s->up ? &f->server : &f->client;
	size_t ip_n = f->v6 ? 40 : 20;
	size_t head = f->protocol == UDP ? 8 : s->flags & SYN ? SYN_HEADER : s->flags & RST ? 20 : TCP_HEADER;
	size_t n = head + s->n;
	uint8_t *ip = p + ETHERNET, *l4 = ip + ip_n;
	store_be16(p + 12, f->v6 ? 0x86dd : 0x0800);
	if (f->v6) {
		ip[0] = 0x60;
		store_be16(ip + 4, (uint16_t)n);
		ip[6] = f->protocol;
		ip[7] = s->up ? 64 : 54;
		memcpy(ip + 8, from->address, 16);
		memcpy(ip + 24, to->address, 16);
	} else {
		ip[0] = 0x45;
		store_be16(ip + 2, (uint16_t)(ip_n + n));
		store_be16(ip + 4, (uint16_t)(from->seq + f->next));
		store_be16(ip + 6, f->protocol == TCP ? 0x4000 : 0);
		ip[8] = s->up ? 64 : 54;
		ip[9] = f->protocol;
		memcpy(ip + 12, from->address + 12, 4);
		memcpy(ip + 16, to->address + 12, 4);
		sum_ipv4(ip);
	}
	store_be16(l4, from->port);
	store_be16(l4 + 2, to->port);
	if (f->protocol == UDP) {
		store_be16(l4 + 4, (uint16_t)n);
	} else {
		store_be32(l4 + 4, from->seq);
		store_be32(l4 + 8, s->flags & ACK ? to->seq : 0);
		l4[12] = (uint8_t)(head * 4);
		l4[13] = s->flags;
		store_be16(l4 + 14, s->flags & RST ? 0 : s->flags & SYN ? 64240 : 501);
		uint8_t *o = l4 + 20;
		if (s->flags & SYN)
			memcpy(o, "\x02\x04\x05\xb4\x04\x02\x08\x0a\0\0\0\0\0\0\0\0\x01\x03\x03\x07", 20);
		else if (!(s->flags & RST))
			memcpy(o, "\x01\x01\x08\x0a", 4);
		if (!(s->flags & RST)) { /* timestamps: milliseconds of a clock that each end has */
			uint32_t now = (uint32_t)(time_ns / 1000000);
			store_be32(o + 4 + (s->flags & SYN ? 4 : 0), now + f->clock[!s->up]);
			store_be32(
			    o + 8 + (s->flags & SYN ? 4 : 0), s->flags & ACK ? now + f->clock[s->up] : 0);
		}
	}
	memcpy(l4 + head, f->bytes + s->at, s->n);
	sum_transport(ip, l4, n, f->protocol, f->protocol == UDP ? 6 : 16);
	from->seq += s->n + ((s->flags & (SYN | FIN)) != 0);
	out_frame(&run.out, time_ns, p, ETHERNET + ip_n + n, 0);
}

static void add_step(struct flow *f, uint32_t after_us, bool up, uint8_t flags, size_t at, size_t n)
{
	if (f->n_steps == STEPS_MAX)
		errx(1, "a flow of more than %d packets", STEPS_MAX);
	f->steps[f->n_steps++] = (struct step){after_us, (uint16_t)at, (uint16_t)n, flags, up};
}

static void open_connection(struct flow *f)
{
	add_step(f, 0, true, SYN, 0, 0);
	add_step(f, f->rtt_us, false, SYN | ACK, 0, 0);
	add_step(f, 60, true, ACK, 0, 0);
}

/* What stands in the words from `from` on, in segments; every second one and the last is acknowledged. */
static void send_words(struct flow *f, bool up, size_t from, uint32_t wait_us)
{
	for (size_t at = from, i = 0; at < f->words.n; i++) {
		size_t n = f->words.n - at < MSS ? f->words.n - at : MSS;
		at += n;
		add_step(
		    f, i ? 12 : f->rtt_us / 2 + wait_us, up, at == f->words.n ? ACK | PSH : ACK, at - n, n);
		if (i % 2 || at == f->words.n)
			add_step(f, 40, !up, ACK, 0, 0);
	}
}

static void close_connection(struct flow *f, uint32_t wait_us)
{
	if (run.held)
		return;
	add_step(f, wait_us, true, ACK | FIN, 0, 0);
	add_step(f, f->rtt_us, false, ACK | FIN, 0, 0);
	add_step(f, 50, true, ACK, 0, 0);
}

/* A name that somebody asks for, or one of its own for this flow. */
static uint32_t draw_name(char *name, size_t size, uint64_t *state)
{
	uint32_t domain = draw_zipf80(draw_unit(draw_next(state)), 12.46) % NAMES;
	bool own = draw_below(draw_next(state), 3) == 0;
	words_name(name, size, domain, own ? draw_next(state) | 1 : 0);
	return domain;
}

static void make_lookup(struct flow *f, uint64_t *state)
{
	char name[80];
	struct words question = {.p = f->bytes}, answer = {.p = f->bytes + 2048};
	uint32_t who = draw_below(draw_next(state), RESOLVERS);
	draw_name(name, sizeof(name), state);
	words_dns(&question, &answer, name, state);
	set_end(&f->server, f->v6, who < 4, who < 4 ? 0x35 + who : who, 53, state);
	f->protocol = UDP;
	add_step(f, 0, true, 0, 0, question.n);
	if (draw_below(draw_next(state), 100)) /* one in a hundred is lost */
		add_step(f, who < 4 ? 400 : f->rtt_us, false, 0, 2048, answer.n);
}

static void make_time(struct flow *f, uint64_t *state)
{
	f->protocol = UDP;
	f->words = (struct words){.p = f->bytes};
	words_ntp(&f->words, 3, state);
	words_ntp(&f->words, 4, state);
	set_end(&f->server, f->v6, false, draw_below(draw_next(state), 50) + 1000, 123, state);
	add_step(f, 0, true, 0, 0, 48);
	add_step(f, f->rtt_us, false, 0, 48, 48);
}

/* Most from outside, some from inside; each goes through the machines of its own with a few ports. */
static void make_scan(struct flow *f, uint64_t *state)
{
	static const uint16_t ports[] = {22, 23, 80, 443, 445, 3389, 5900, 8080, 1433, 3306, 6379, 8443};
	static uint32_t reached[SCANNERS];
	uint32_t who = draw_below(draw_next(state), SCANNERS), n = reached[who]++;
	set_end(&f->client, f->v6, who < 4, who < 4 ? 70000 + who : 5000000 + who,
	    (uint16_t)(32768 + draw_below(draw_next(state), 28000)), state);
	set_end(&f->server, f->v6, true, 256 + (n * 7919u + who * 131) % 1000000,
	    ports[(who + n / 1000000) % 12], state);
	add_step(f, 0, true, SYN, 0, 0);
	uint32_t fate = draw_below(draw_next(state), 20);
	if (fate < 14 || run.held)
		return;
	if (fate == 19) {
		add_step(f, f->rtt_us, false, SYN | ACK, 0, 0);
		add_step(f, 50, true, RST, 0, 0);
	} else {
		add_step(f, f->rtt_us, false, RST | ACK, 0, 0);
	}
}

static void make_tls(struct flow *f, uint64_t *state)
{
	char name[80];
	uint32_t domain = draw_name(name, sizeof(name), state), kind = draw_below(draw_next(state), 10);
	enum tls version = kind < 6 ? TLS_13 : kind < 9 ? TLS_12 : TLS_12_RESUMED;
	struct words *w = &f->words;
	*w = (struct words){.p = f->bytes};
	set_end(&f->server, f->v6, false, domain, 443, state);
	open_connection(f);
	size_t from = w->n;
	words_tls_hello(w, name, version, state);
	send_words(f, true, from, 100);
	from = w->n;
	words_tls_server(w, version, domain, state);
	send_words(f, false, from, 900);
	from = w->n;
	words_tls_client_finish(w, version, state);
	send_words(f, true, from, 800);
	from = w->n;
	words_tls_server_finish(w, version, state);
	send_words(f, false, from, 300);
	from = w->n;
	words_tls_data(w, 60 + draw_below(draw_next(state), 400), state);
	send_words(f, true, from, 500);
	from = w->n;
	words_tls_data(w, 100 + draw_below(draw_next(state), 1800), state);
	send_words(f, false, from, 4000);
	close_connection(f, 2000);
}

static void make_http(struct flow *f, uint64_t *state)
{
	char name[80];
	uint32_t domain = draw_name(name, sizeof(name), state);
	f->words = (struct words){.p = f->bytes};
	set_end(&f->server, f->v6, false, domain, 80, state);
	open_connection(f);
	words_http_request(&f->words, name, state);
	send_words(f, true, 0, 200);
	size_t from = f->words.n;
	words_http_answer(&f->words, state);
	send_words(f, false, from, 3000);
	close_connection(f, 500);
}

static struct flow *make_flow(uint64_t number)
{
	struct flow *f = room(sizeof(*f));
	uint64_t state = draw_hash(number, 5);
	uint32_t kind = draw_below(draw_next(&state), 1000);
	f->v6 = draw_below(draw_next(&state), 8) == 0;
	f->protocol = TCP;
	f->rtt_us = 900 + draw_below(draw_next(&state), 80000);
	f->clock[0] = (uint32_t)draw_next(&state);
	f->clock[1] = (uint32_t)draw_next(&state);
	set_end(&f->client, f->v6, true, 0x10000 + draw_below(draw_next(&state), CLIENTS),
	    (uint16_t)(1024 + draw_below(draw_next(&state), 64000)), &state);
	if (kind < 600)
		make_lookup(f, &state);
	else if (kind < 900)
		make_scan(f, &state);
	else if (kind < 925)
		make_tls(f, &state);
	else if (kind < 950)
		make_http(f, &state);
	else
		make_time(f, &state);
	return f;
}

/* When that flow begins. */
static int64_t begin_of(uint64_t number)
{
	double at = ((double)number + draw_unit(draw_hash(number, 3))) / (double)run.flows;
	return START_NS + (int64_t)(at * (double)run.within_ns);
}

/* Where that flow is kept. */
static uint64_t keep_flow(struct flow *f)
{
	if (!run.n_unused) {
		if (VEC_RESERVE(run.slots, &run.cap_slots, run.n_slots, SIZE_MAX) < 0 ||
		    VEC_RESERVE(run.unused, &run.cap_unused, run.n_slots, SIZE_MAX) < 0)
			err(1, "memory");
		run.unused[run.n_unused++] = run.n_slots++;
	}
	size_t slot = run.unused[--run.n_unused];
	run.slots[slot] = f;
	return slot;
}

static void write_flows(void)
{
	static const uint64_t NEXT = UINT64_MAX; /* the turn of the next flow to begin */
	turns_add(&run.turns, begin_of(0), NEXT);
	while (run.turns.n) {
		struct turn t = turns_take(&run.turns);
		if (t.who == NEXT) {
			t.who = keep_flow(make_flow(run.number++));
			if (run.number < run.flows)
				turns_add(&run.turns, begin_of(run.number), NEXT);
		}
		struct flow *f = run.slots[t.who];
		send_packet(f, &f->steps[f->next], t.time_ns);
		if (++f->next < f->n_steps) {
			turns_add(&run.turns, t.time_ns + INT64_C(1000) * f->steps[f->next].after_us, t.who);
		} else {
			free(f);
			run.unused[run.n_unused++] = t.who;
		}
	}
	free(run.turns.items);
	free(run.slots);
	free(run.unused);
}

int main(int argc, char **argv)
{
	uint64_t seconds;
	if (argc != 5 || num_parse_u64(text_of(argv[1]), 100000000, &run.flows) < 0 || !run.flows ||
	    num_parse_u64(text_of(argv[2]), 1000000, &seconds) < 0) {
		fprintf(stderr, "usage: sensor_short FLOWS SECONDS ended|held FILE\n");
		return 2;
	}
	run.held = strcmp(argv[3], "held") == 0;
	run.within_ns = (int64_t)seconds * 1000000000;
	words_certificates_make();
	out_open(&run.out, argv[4]);
	write_flows();
	out_close(&run.out);
	return 0;
}
