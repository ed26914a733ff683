/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Writes a capture for speed and memory measurements: make_capture bulk|mixed|scan MEGABYTES-OR-FLOWS FILE.
 * Deterministic.
 *
 * bulk: 64 connections at a time, HTTP downloads of 2 MB and TLS-like opaque uploads of 1 MB in full
 * segments, acknowledged every second one. mixed: short HTTP exchanges (300 B up, 1 to 6 segments down), DNS
 * look-ups, one bulk connection beside. scan: that many SYNs of one machine to different addresses and ports,
 * every 50th answered by a RST.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

enum { MSS = 1448, LINKTYPE_ETHERNET = 1, PARALLEL = 64 };

static FILE *out;
static uint64_t written, now_us = UINT64_C(1767225600000000);
static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);

static uint32_t draw(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % below;
}

struct end {
	uint32_t addr;
	uint16_t port;
	uint32_t seq;
};

static void frame(const struct end *from, const struct end *to, uint8_t protocol, uint8_t flags,
    const uint8_t *data, size_t n)
{
	uint8_t p[16 + 14 + 20 + 32 + MSS + 600] = {0};
	uint8_t *eth = p + 16, *ip = eth + 14, *l4 = ip + 20;
	size_t header = protocol == 6 ? 32 : 8, total = 20 + header + n, length = 14 + total;
	now_us += 3 + length / 120;
	store_le32(p, (uint32_t)(now_us / 1000000));
	store_le32(p + 4, (uint32_t)(now_us % 1000000));
	store_le32(p + 8, (uint32_t)length);
	store_le32(p + 12, (uint32_t)length);
	memcpy(eth, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0", 14);
	ip[0] = 0x45;
	store_be16(ip + 2, (uint16_t)total);
	ip[8] = 64;
	ip[9] = protocol;
	store_be32(ip + 12, from->addr);
	store_be32(ip + 16, to->addr);
	uint32_t sum = 0;
	for (int i = 0; i < 20; i += 2)
		sum += load_be16(ip + i);
	sum = (sum & 0xffff) + (sum >> 16);
	store_be16(ip + 10, (uint16_t) ~((sum & 0xffff) + (sum >> 16)));
	store_be16(l4, from->port);
	store_be16(l4 + 2, to->port);
	if (protocol == 6) {
		store_be32(l4 + 4, from->seq);
		store_be32(l4 + 8, flags & 0x10 ? to->seq : 0);
		l4[12] = 0x80;
		l4[13] = flags;
		store_be16(l4 + 14, 65000);
		memcpy(l4 + 20, "\x01\x01\x08\x0a", 4);
	} else {
		store_be16(l4 + 4, (uint16_t)(8 + n));
	}
	if (n)
		memcpy(l4 + header, data, n);
	fwrite(p, 1, 16 + length, out);
	written += 16 + length;
}

static void send_tcp(struct end *from, const struct end *to, uint8_t flags, const void *data, size_t n)
{
	frame(from, to, 6, flags, data, n);
	from->seq += (uint32_t)n + ((flags & 0x03) != 0);
}

struct transfer {
	struct end client, server;
	uint32_t left;
	bool up, live;
	int step;
};

static uint8_t noise[65536];

static void begin(struct transfer *t, uint32_t number, bool up)
{
	static const uint8_t tls[] = {0x17, 3, 3, 0x40, 0};
	char request[300];
	*t = (struct transfer){
	    .client = {0x0a000000 + 256 + number % 4000, (uint16_t)(20000 + number % 40000), draw(1u << 31)},
	    .server = {0xc6336400 + number % 200, up ? 443 : 80, draw(1u << 31)},
	    .left = up ? 1 << 20 : 2 << 20,
	    .up = up,
	    .live = true};
	send_tcp(&t->client, &t->server, 0x02, NULL, 0);
	send_tcp(&t->server, &t->client, 0x12, NULL, 0);
	send_tcp(&t->client, &t->server, 0x10, NULL, 0);
	if (up) {
		send_tcp(&t->client, &t->server, 0x18, tls, sizeof(tls));
		return;
	}
	int n = snprintf(request, sizeof(request),
	    "GET /file/%u HTTP/1.1\r\nHost: www%u.example\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n\r\n",
	    number, number % 50);
	send_tcp(&t->client, &t->server, 0x18, request, (size_t)n);
	n = snprintf(request, sizeof(request),
	    "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %u\r\n\r\n",
	    t->left);
	send_tcp(&t->server, &t->client, 0x18, request, (size_t)n);
}

static void step(struct transfer *t)
{
	struct end *from = t->up ? &t->client : &t->server, *to = t->up ? &t->server : &t->client;
	uint32_t n = t->left < MSS ? t->left : MSS;
	send_tcp(from, to, 0x10, noise + draw(sizeof(noise) - MSS), n);
	t->left -= n;
	if (++t->step % 2 == 0 || !t->left)
		send_tcp(to, from, 0x10, NULL, 0);
	if (t->left)
		return;
	send_tcp(from, to, 0x11, NULL, 0);
	send_tcp(to, from, 0x11, NULL, 0);
	send_tcp(from, to, 0x10, NULL, 0);
	t->live = false;
}

static void make_bulk(uint64_t bytes)
{
	static struct transfer t[PARALLEL];
	uint32_t number = 0;
	while (written < bytes) {
		struct transfer *one = &t[draw(PARALLEL)];
		if (!one->live) {
			begin(one, number, number % 3 == 2);
			number++;
		}
		for (uint32_t burst = 1 + draw(8); burst && one->live; burst--)
			step(one);
	}
}

static void look_up(uint32_t number)
{
	struct end client = {0x0a000000 + 256 + number % 4000, (uint16_t)(1024 + draw(60000)), 0},
	           server = {0x0a000035, 53, 0};
	uint8_t q[64] = {0};
	store_be16(q, (uint16_t)number);
	q[2] = 1;
	q[5] = 1;
	char name[16];
	int n = snprintf(name, sizeof(name), "www%u", number % 5000);
	q[12] = (uint8_t)n;
	memcpy(q + 13, name, (size_t)n);
	size_t at = 13 + (size_t)n;
	memcpy(q + at,
	    "\x07"
	    "example"
	    "\0\0\x01\0\x01",
	    13);
	at += 13;
	frame(&client, &server, 17, 0, q, at);
	q[2] = 0x81;
	q[3] = 0x80;
	frame(&server, &client, 17, 0, q, at);
}

static void make_mixed(uint64_t bytes)
{
	static struct transfer bulk;
	for (uint32_t number = 0; written < bytes; number++) {
		struct transfer t;
		look_up(number);
		begin(&t, number, false);
		t.left = 1 + draw(6 * MSS);
		while (t.live)
			step(&t);
		if (!bulk.live)
			begin(&bulk, number, true);
		for (int i = 0; i < 4 && bulk.live; i++)
			step(&bulk);
	}
}

static void make_scan(uint64_t flows)
{
	for (uint64_t i = 0; i < flows; i++) {
		struct end from = {0x0a000105, (uint16_t)(30000 + i % 30000), (uint32_t)(i * 2654435761u)};
		struct end to = {0x0a100000 + (uint32_t)(i / 4), (uint16_t[]){22, 445, 3389, 80}[i % 4], 0};
		send_tcp(&from, &to, 0x02, NULL, 0);
		if (i % 50 == 0) {
			frame(&to, &from, 6, 0x14, NULL, 0);
		}
	}
}

int main(int argc, char **argv)
{
	uint8_t head[24] = {0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0};
	unsigned long long size = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;
	if (!size || !(out = fopen(argv[3], "wbe"))) {
		fprintf(stderr, "usage: make_capture bulk|mixed MEGABYTES FILE, or scan FLOWS FILE\n");
		return 2;
	}
	store_le32(head + 16, 1 << 18);
	store_le32(head + 20, LINKTYPE_ETHERNET);
	fwrite(head, 1, sizeof(head), out);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)draw(256);
	if (strcmp(argv[1], "scan") == 0)
		make_scan(size);
	else if (strcmp(argv[1], "mixed") == 0)
		make_mixed(size * 1000000);
	else
		make_bulk(size * 1000000);
	return fclose(out) == 0 ? 0 : 1;
}
