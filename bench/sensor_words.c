/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sensor_words.h"

#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "draw.h"

static uint32_t below(uint64_t *state, uint32_t n)
{
	return draw_below(draw_next(state), n);
}

static void add(struct words *w, const void *p, size_t n)
{
	memcpy(w->p + w->n, p, n);
	w->n += n;
}

static void add_u8(struct words *w, unsigned v)
{
	w->p[w->n++] = (uint8_t)v;
}

static void add_u16(struct words *w, unsigned v)
{
	store_be16(w->p + w->n, (uint16_t)v);
	w->n += 2;
}

static void add_u32(struct words *w, uint32_t v)
{
	store_be32(w->p + w->n, v);
	w->n += 4;
}

void words_name(char *buf, size_t size, uint32_t domain, uint64_t own)
{
	static const char *const sounds[] = {"ar", "be", "cor", "da", "el", "fin", "go", "hal", "in", "jo",
	    "ka", "lu", "mer", "no", "or", "pa", "qui", "ra", "sol", "ti", "ul", "ve", "wa", "xe", "yo",
	    "zan", "net", "soft", "data", "cloud", "shop", "media"};
	static const char *const ends[] = {"com", "com", "com", "com", "net", "org", "de", "co.uk", "io",
	    "fr", "jp", "info", "ru", "nl", "com.br", "example"};
	static const char *const hosts[] = {"www.", "www.", "", "api.", "mail.", "cdn.", "static.", "login."};
	uint64_t h = draw_hash(domain, 11);
	char label[24] = "";
	if (own)
		snprintf(label, sizeof(label), "%llx.", (unsigned long long)(own & 0xffffffffff));
	snprintf(buf, size, "%s%s%s%s%s%u.%s", label, own ? "" : hosts[h & 7], sounds[h >> 3 & 31],
	    sounds[h >> 8 & 31], h >> 13 & 1 ? sounds[h >> 14 & 31] : "", domain, ends[h >> 20 & 15]);
}

static void add_name(struct words *w, const char *name)
{
	for (const char *dot; *name; name = *dot ? dot + 1 : dot) {
		dot = strchrnul(name, '.');
		add_u8(w, (unsigned)(dot - name));
		add(w, name, (size_t)(dot - name));
	}
	add_u8(w, 0);
}

static void add_question(
    struct words *w, uint16_t id, unsigned flags, unsigned answers, const char *name, unsigned type)
{
	add_u16(w, id);
	add_u16(w, flags);
	add_u16(w, 1);
	add_u16(w, answers);
	add_u16(w, 0);
	add_u16(w, 1); /* EDNS */
	add_name(w, name);
	add_u16(w, type);
	add_u16(w, 1);
}

static void add_edns(struct words *w)
{
	static const uint8_t edns[] = {0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0};
	add(w, edns, sizeof(edns));
}

/* Of a name's addresses: the same each time they are asked for. */
static void add_records(struct words *w, unsigned n, unsigned type, const char *name, uint64_t *state)
{
	size_t size = type == 28 ? 16 : 4;
	uint64_t h = draw_hash(strlen(name), below(state, 1u << 30));
	unsigned owner = 0xc00c;
	if (h % 4 == 0) { /* first another name */
		char other[80];
		words_name(other, sizeof(other), (uint32_t)(h >> 8) % NAMES, h >> 16 | 1);
		add_u16(w, owner);
		add_u16(w, 5);
		add_u16(w, 1);
		add_u32(w, 300);
		add_u16(w, (unsigned)strlen(other) + 2);
		owner = 0xc000 + (unsigned)w->n;
		add_name(w, other);
		n--;
	}
	for (unsigned i = 0; i < n; i++) {
		uint8_t address[16] = {0x20, 0x01, 0x0d, 0xb8};
		for (size_t b = type == 28 ? 4 : 0; b < size; b++)
			address[b] = (uint8_t)draw_next(state);
		if (type == 1)
			address[0] = (uint8_t)(20 + address[0] % 70);
		add_u16(w, owner);
		add_u16(w, type);
		add_u16(w, 1);
		add_u32(w, 30 + below(state, 3600));
		add_u16(w, (unsigned)size);
		add(w, address, size);
	}
}

void words_dns(struct words *question, struct words *answer, const char *name, uint64_t *state)
{
	static const uint8_t types[] = {1, 1, 1, 1, 28, 28, 65, 12};
	unsigned type = types[below(state, 8)];
	uint16_t id = (uint16_t)draw_next(state);
	char pointer[64];
	if (type == 12) {
		snprintf(pointer, sizeof(pointer), "%u.%u.%u.%u.in-addr.arpa", below(state, 256),
		    below(state, 256), below(state, 256), 1 + below(state, 223));
		name = pointer;
	}
	add_question(question, id, 0x0100, 0, name, type);
	add_edns(question);
	bool none = below(state, 100) < 7;
	unsigned n = none || type == 65 || type == 12 ? 0 : 1 + below(state, 4);
	size_t count_at = answer->n + 6;
	add_question(answer, id, none ? 0x8183 : 0x8180, n, name, type);
	if (n)
		add_records(answer, n, type, name, state);
	if (type == 12 && !none) {
		char host[80];
		words_name(host, sizeof(host), below(state, NAMES), 0);
		store_be16(answer->p + count_at, 1);
		add_u16(answer, 0xc00c);
		add_u16(answer, 12);
		add_u16(answer, 1);
		add_u32(answer, 3600);
		add_u16(answer, (unsigned)strlen(host) + 2);
		add_name(answer, host);
	}
	add_edns(answer);
}

void words_ntp(struct words *w, uint8_t mode, uint64_t *state)
{
	add_u8(w, 0x20u | mode);
	add_u8(w, mode == 4 ? 2 : 0);
	add_u16(w, 0x06e9);
	for (int i = 0; i < 11; i++)
		add_u32(w, mode == 3 && i < 9 ? 0 : (uint32_t)draw_next(state));
}

void words_http_request(struct words *w, const char *host, uint64_t *state)
{
	static const char *const agents[] = {("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
	                                      "(KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"),
	    "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0",
	    "Microsoft-CryptoAPI/10.0", "Debian APT-HTTP/1.3 (2.6.1)", "curl/7.88.1",
	    "Microsoft-Delivery-Optimization/10.0",
	    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15", "okhttp/4.12.0"};
	static const char *const paths[] = {"/", "/index.html", "/api/v1/items", "/generate_204",
	    "/pool/main/p", "/MFEwTzBNMEswSTAJBgUrDgMCGgUABBQ", "/img/logo", "/check"};
	int n = snprintf((char *)w->p + w->n, 600,
	    "%s %s?id=%x HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: */*\r\nAccept-Encoding: gzip, "
	    "deflate\r\n"
	    "Connection: close\r\n\r\n",
	    below(state, 20) ? "GET" : "HEAD", paths[below(state, 8)], below(state, 1u << 24), host,
	    agents[below(state, 8)]);
	w->n += (size_t)n;
}

void words_http_answer(struct words *w, uint64_t *state)
{
	static const char *const lines[] = {"200 OK", "200 OK", "200 OK", "304 Not Modified", "404 Not Found",
	    "302 Found", "204 No Content", "200 OK"};
	static const char *const kinds[] = {
	    "text/html; charset=utf-8", "application/json", "text/css", "application/octet-stream"};
	static const char *const servers[] = {
	    "nginx", "Apache/2.4.57 (Debian)", "Microsoft-IIS/10.0", "cloudfront"};
	const char *line = lines[below(state, 8)];
	size_t body = line[0] == '2' && line[2] == '0' ? 20 + below(state, 780) : 0;
	int n = snprintf((char *)w->p + w->n, 400,
	    "HTTP/1.1 %s\r\nServer: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: "
	    "close\r\n\r\n",
	    line, servers[below(state, 4)], kinds[below(state, 4)], body);
	w->n += (size_t)n;
	for (size_t i = 0; i < body; i++)
		add_u8(w, (unsigned)(' ' + (draw_hash(i, body) & 63)));
}
