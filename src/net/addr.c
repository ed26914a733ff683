/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "base/num.h"

static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

struct net_addr net_addr_v4(const uint8_t b[4])
{
	struct net_addr a;
	memcpy(a.b, v4_mapped, 12);
	memcpy(a.b + 12, b, 4);
	return a;
}

struct net_addr net_addr_v6(const uint8_t b[16])
{
	struct net_addr a;
	memcpy(a.b, b, 16);
	return a;
}

bool net_addr_is_v4(struct net_addr a)
{
	return memcmp(a.b, v4_mapped, 12) == 0;
}

bool net_addr_equal(struct net_addr a, struct net_addr b)
{
	return memcmp(a.b, b.b, 16) == 0;
}

int net_addr_compare(struct net_addr a, struct net_addr b)
{
	return memcmp(a.b, b.b, 16);
}

bool net_addr_is_none(struct net_addr a)
{
	static const struct net_addr none;
	return net_addr_equal(a, none);
}

bool net_addr_is_unspecified(struct net_addr a)
{
	static const uint8_t zero[4];
	return net_addr_is_none(a) || (net_addr_is_v4(a) && memcmp(a.b + 12, zero, 4) == 0);
}

bool net_addr_is_multicast(struct net_addr a)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};
	if (net_addr_is_v4(a))
		return (a.b[12] & 0xf0) == 0xe0 || memcmp(a.b + 12, broadcast, 4) == 0;
	return a.b[0] == 0xff;
}

bool net_addr_is_loopback(struct net_addr a)
{
	static const struct net_addr v6 = {.b = {[15] = 1}};
	return net_addr_is_v4(a) ? a.b[12] == 127 : net_addr_equal(a, v6);
}

bool net_addr_is_link_local(struct net_addr a)
{
	if (net_addr_is_v4(a))
		return a.b[12] == 169 && a.b[13] == 254;
	return a.b[0] == 0xfe && (a.b[1] & 0xc0) == 0x80;
}

bool net_addr_is_private(struct net_addr a)
{
	const uint8_t *v4 = a.b + 12;
	if (net_addr_is_v4(a))
		return v4[0] == 10 || (v4[0] == 172 && (v4[1] & 0xf0) == 16) ||
		       (v4[0] == 192 && v4[1] == 168) || (v4[0] == 100 && (v4[1] & 0xc0) == 64);
	return (a.b[0] & 0xfe) == 0xfc;
}

/* inet_ntop goes through printf, which shows where every record names two addresses. */
static void v4_text(const uint8_t b[4], char *at)
{
	for (int i = 0; i < 4; i++) {
		if (b[i] >= 100)
			*at++ = (char)('0' + b[i] / 100);
		if (b[i] >= 10)
			*at++ = (char)('0' + b[i] / 10 % 10);
		*at++ = (char)('0' + b[i] % 10);
		*at++ = i < 3 ? '.' : '\0';
	}
}

static char *hex_word(unsigned word, char *at)
{
	static const char digits[] = "0123456789abcdef";
	for (int shift = word > 0xfff ? 12 : word > 0xff ? 8 : word > 0xf ? 4 : 0; shift >= 0; shift -= 4)
		*at++ = digits[word >> shift & 15];
	return at;
}

/* The longest run of at least two zero words, the first of several: RFC 5952, section 4.2. */
static unsigned zero_run(const uint16_t word[8], unsigned *ret_first)
{
	unsigned longest = 1;
	for (unsigned i = 0; i < 8; i++) {
		unsigned n = 0;
		while (i + n < 8 && word[i + n] == 0)
			n++;
		if (n > longest) {
			longest = n;
			*ret_first = i;
		}
		i += n;
	}
	return longest > 1 ? longest : 0;
}

static void v6_text(const uint8_t b[16], char *at)
{
	uint16_t word[8];
	unsigned first = 8;
	for (unsigned i = 0; i < 8; i++)
		word[i] = load_be16(b + 2 * i);
	unsigned zeros = zero_run(word, &first);
	/* an address of IPv4 in its last words, as everybody writes it */
	unsigned words = first == 0 && zeros == 6 ? 6 : 8;
	for (unsigned i = 0; i < words; i++) {
		if (i == first) {
			*at++ = ':';
			i += zeros - 1;
			if (i + 1 == words)
				*at++ = ':';
			continue;
		}
		if (i)
			*at++ = ':';
		at = hex_word(word[i], at);
	}
	if (words == 6)
		v4_text(b + 12, at);
	else
		*at = '\0';
}

char *net_addr_text(struct net_addr a, char *buf)
{
	if (net_addr_is_v4(a))
		v4_text(a.b + 12, buf);
	else
		v6_text(a.b, buf);
	return buf;
}

char *net_prefix_text(struct net_prefix p, char *buf)
{
	char addr[NET_ADDR_TEXT_SIZE];
	bool v4 = net_addr_is_v4(p.addr) && p.bits >= 96;
	snprintf(buf, NET_PREFIX_TEXT_SIZE, "%s/%d", net_addr_text(p.addr, addr), v4 ? p.bits - 96 : p.bits);
	return buf;
}

char *net_mac_text(struct net_mac m, char *buf)
{
	snprintf(buf, NET_MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", m.b[0], m.b[1], m.b[2], m.b[3],
	    m.b[4], m.b[5]);
	return buf;
}

int net_addr_parse(struct text t, struct net_addr *ret_addr)
{
	char s[INET6_ADDRSTRLEN];
	uint8_t b[16];
	if (t.n == 0 || t.n >= sizeof(s) || memchr(t.p, 0, t.n))
		return -EINVAL;
	memcpy(s, t.p, t.n);
	s[t.n] = '\0';
	if (inet_pton(AF_INET, s, b) == 1)
		*ret_addr = net_addr_v4(b);
	else if (inet_pton(AF_INET6, s, b) == 1)
		*ret_addr = net_addr_v6(b);
	else
		return -EINVAL;
	return 0;
}

struct net_prefix net_prefix_of(struct net_addr a, uint8_t bits)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = bits > i * 8 ? bits - i * 8 : 0;
		if (keep < 8)
			a.b[i] &= (uint8_t)(0xff00u >> keep);
	}
	return (struct net_prefix){.addr = a, .bits = bits};
}

int net_prefix_parse(struct text t, struct net_prefix *ret_prefix)
{
	struct net_addr addr;
	size_t slash = text_find(t, '/');
	if (net_addr_parse(text_sub(t, 0, slash), &addr) < 0)
		return -EINVAL;
	unsigned base = memchr(t.p, ':', slash) ? 0 : 96;
	uint64_t bits = 128 - base;
	if (slash < t.n && num_parse_u64(text_sub(t, slash + 1, t.n), 128 - base, &bits) < 0)
		return -EINVAL;
	struct net_prefix p = net_prefix_of(addr, (uint8_t)(bits + base));
	if (!net_addr_equal(p.addr, addr))
		return -ERANGE;
	*ret_prefix = p;
	return 0;
}

bool net_prefix_contains(struct net_prefix p, struct net_addr a)
{
	return net_addr_equal(net_prefix_of(a, p.bits).addr, p.addr);
}

bool net_prefix_covers(struct net_prefix outer, struct net_prefix inner)
{
	return inner.bits >= outer.bits && net_prefix_contains(outer, inner.addr);
}
