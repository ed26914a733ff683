/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "exchange/records_csv_names.h"
#include "exchange/value.h"
#include "exchange/value_time.h"
#include "net/app.h"

static int refuse(const char **ret_wanted, const char *wanted)
{
	*ret_wanted = wanted;
	return -EINVAL;
}

static const char *number_wanted(uint8_t size)
{
	switch (size) {
	case 1: return "a number from 0 to 255";
	case 2: return "a number from 0 to 65535";
	case 4: return "a number from 0 to 4294967295";
	default: return "a number from 0 to 18446744073709551615";
	}
}

/* Digits that can't overflow: nearly all numbers. */
static int parse_digits(struct text t, uint64_t *ret_value)
{
	uint64_t v = 0;
	if (t.n > 18 || t.n == 0)
		return num_parse_u64(t, UINT64_MAX, ret_value);
	for (size_t i = 0; i < t.n; i++) {
		unsigned digit = (unsigned char)t.p[i] - (unsigned)'0';
		if (digit > 9)
			return -EINVAL;
		v = v * 10 + digit;
	}
	*ret_value = v;
	return 0;
}

static int parse_protocol(
    const struct exchange_column *c, struct text t, void *record, const char **ret_wanted)
{
	int number = exchange_protocol_number(t);
	if (number < 0)
		return refuse(ret_wanted,
		    "an IP protocol: a number from 0 to 255, or tcp, udp, icmp, icmp6, gre, esp, sctp");
	return exchange_number_set(c, record, (uint64_t)number);
}

static int parse_number(const struct exchange_column *c, struct text t, void *record, const char **ret_wanted)
{
	uint64_t v = 0;
	if (t.n && parse_digits(t, &v) < 0)
		return c->protocol ? parse_protocol(c, t, record, ret_wanted)
		                   : refuse(ret_wanted, number_wanted(c->size));
	return exchange_number_set(c, record, v) < 0 ? refuse(ret_wanted, number_wanted(c->size)) : 0;
}

/* Names are lower case; no length is counted where the first letter already tells them apart. */
static bool is_name(struct text t, const char *name)
{
	return t.n && (t.p[0] | 0x20) == (name[0] | 0x20) && text_equal_nocase(t, text_of(name));
}

static int parse_named(const struct exchange_column *c, struct text t, void *record, const char **ret_wanted)
{
	if (t.n && t.p[0] >= '0' && t.p[0] <= '9')
		return parse_number(c, t, record, ret_wanted);
	for (unsigned i = 0; i < c->n_named; i++)
		if (is_name(t, c->name_of(i)))
			return exchange_number_set(c, record, i);
	if (t.n == 0)
		return exchange_number_set(c, record, 0);
	int app = c->name_of == app_name ? exchange_app_number(t) : -1;
	if (app >= 0)
		return exchange_number_set(c, record, (uint64_t)app);
	return refuse(ret_wanted, "one of the names in doc/archive.md, or a number");
}

static int parse_real(struct text t, double *ret_value)
{
	char s[EXCHANGE_VALUE_SIZE], *end;
	if (t.n == 0 || t.n >= sizeof(s))
		return -EINVAL;
	for (size_t i = 0; i < t.n; i++) /* strtod also takes blanks and hexadecimal forms */
		if (!strchr("0123456789+-.eE", t.p[i]) || t.p[i] == '\0')
			break;
		else if (i + 1 == t.n) {
			memcpy(s, t.p, t.n);
			s[t.n] = '\0';
			*ret_value = strtod(s, &end);
			return end == s + t.n ? 0 : -EINVAL;
		}
	if (text_equal(t, TEXT("inf")) || text_equal(t, TEXT("-inf"))) {
		*ret_value = t.p[0] == '-' ? -__builtin_inf() : __builtin_inf();
		return 0;
	}
	return -EINVAL;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_mac(struct text t, struct net_mac *ret_mac)
{
	struct net_mac mac;
	if (t.n != 17)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(mac.b); i++) {
		int high = hex_digit(t.p[3 * i]), low = hex_digit(t.p[3 * i + 1]);
		if (high < 0 || low < 0 || (i && t.p[3 * i - 1] != ':' && t.p[3 * i - 1] != '-'))
			return -EINVAL;
		mac.b[i] = (uint8_t)(high * 16 + low);
	}
	*ret_mac = mac;
	return 0;
}

/* Where the first \xNN from `at` on begins, and its byte; t.n where there is none. */
static size_t find_group(struct text t, size_t at, uint8_t *ret_byte)
{
	while (at < t.n) {
		at += text_find(text_sub(t, at, t.n), '\\');
		if (t.n - at >= 4 && t.p[at + 1] == 'x' &&
		    num_parse_hex(text_sub(t, at + 2, 2), ret_byte, 1) == 0)
			return at;
		if (at < t.n)
			at++;
	}
	return t.n;
}

int exchange_unescape(struct text t, struct exchange_reading *r, struct text *ret_text)
{
	uint8_t b = 0;
	size_t n = 0, from = 0, at = r->plain_text ? t.n : find_group(t, 0, &b);
	if (at == t.n) {
		if (t.n > MSG_TEXT_MAX)
			return -ERANGE;
		*ret_text = t;
		return 0;
	}
	char *to = arena_alloc(r->arena, t.n);
	if (!to)
		return -ENOMEM;
	for (; from < t.n; at = find_group(t, from, &b)) {
		memcpy(to + n, t.p + from, at - from);
		n += at - from;
		from = at;
		if (at < t.n) {
			to[n++] = (char)b;
			from = at + 4;
		}
	}
	if (n > MSG_TEXT_MAX)
		return -ERANGE;
	*ret_text = text_bytes(to, n);
	return 0;
}

static int parse_text(
    struct text t, struct exchange_reading *r, struct text *ret_text, const char **ret_wanted)
{
	int error = exchange_unescape(t, r, ret_text);
	return error == -ERANGE ? refuse(ret_wanted, "a text of at most 65536 bytes") : error;
}

/* The number of a list's parts between single separators; the empty text has none. */
static size_t count_parts(struct text t, char separator)
{
	size_t n = t.n > 0;
	for (size_t i = 0; i < t.n; i++)
		n += t.p[i] == separator;
	return n;
}

static struct text next_part(struct text *rest, char separator)
{
	size_t at = text_find(*rest, separator);
	struct text part = text_sub(*rest, 0, at);
	*rest = text_sub(*rest, at + 1, rest->n);
	return part;
}

static int parse_ids(
    struct text t, struct exchange_reading *r, struct msg_u64s *ret_ids, const char **ret_wanted)
{
	size_t n = count_parts(t, ' ');
	if (n > MSG_LIST_MAX)
		return refuse(ret_wanted, "at most 4096 record ids, a blank between two");
	uint64_t *v = n ? arena_array(r->arena, n, sizeof(*v)) : NULL;
	if (n && !v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (num_parse_u64(next_part(&t, ' '), UINT64_MAX, &v[i]) < 0)
			return refuse(ret_wanted, "record ids, a blank between two");
	*ret_ids = (struct msg_u64s){.v = v, .n = (uint32_t)n};
	return 0;
}

static int field_number(struct text name, enum field *ret_field)
{
	uint64_t number;
	if (name.n && name.p[0] >= '0' && name.p[0] <= '9') {
		if (num_parse_u64(name, UINT16_MAX, &number) < 0)
			return -EINVAL;
		*ret_field = (enum field)number;
		return 0;
	}
	for (unsigned i = 1; i < FIELD_COUNT; i++)
		if (text_equal(name, text_of(field_name(i)))) {
			*ret_field = (enum field)i;
			return 0;
		}
	return -EINVAL;
}

static int parse_field_addr(
    struct text t, struct exchange_reading *r, struct text *ret_value, const char **ret_wanted)
{
	struct net_addr addr;
	if (t.n == 0 || t.p[0] == '\\')
		return parse_text(t, r, ret_value, ret_wanted);
	if (net_addr_parse(t, &addr) < 0)
		return refuse(ret_wanted, "an address like 192.0.2.1 or 2001:db8::1");
	*ret_value = arena_text(r->arena, text_bytes(addr.b, sizeof(addr.b)));
	return ret_value->p ? 0 : -ENOMEM;
}

static int parse_field_hex(
    struct text t, struct exchange_reading *r, struct text *ret_value, const char **ret_wanted)
{
	uint8_t *b = arena_alloc(r->arena, t.n / 2 + 1);
	if (!b)
		return -ENOMEM;
	if (t.n / 2 > MSG_TEXT_MAX || num_parse_hex(t, b, t.n / 2) < 0)
		return refuse(ret_wanted, "bytes as hexadecimal digits, two each");
	*ret_value = text_bytes(b, t.n / 2);
	return 0;
}

int exchange_field_parse(struct text name, struct text value, struct exchange_reading *r,
    struct field_value *ret_field, const char **ret_wanted)
{
	int error = 0;
	struct field_value v;
	if (field_number(name, &v.field) < 0)
		return refuse(ret_wanted, "the name of a metadata field (doc/archive.md), or its number");
	switch (field_kind_of(v.field)) {
	case FIELD_KIND_ADDR: error = parse_field_addr(value, r, &v.value, ret_wanted); break;
	case FIELD_KIND_HEX: error = parse_field_hex(value, r, &v.value, ret_wanted); break;
	case FIELD_KIND_TEXT:
	case FIELD_KIND_NUM: error = parse_text(value, r, &v.value, ret_wanted); break;
	}
	if (error == 0)
		*ret_field = v;
	return error;
}

static int parse_fields(
    struct text t, struct exchange_reading *r, struct msg_fields *ret_fields, const char **ret_wanted)
{
	size_t n = count_parts(t, ';');
	if (n > MSG_FIELDS_MAX)
		return refuse(ret_wanted, "at most 64 fields");
	struct field_value *v = n ? arena_array(r->arena, n, sizeof(*v)) : NULL;
	if (n && !v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct text part = next_part(&t, ';'), name = text_sub(part, 0, text_find(part, '='));
		if (name.n == part.n)
			return refuse(ret_wanted, "NAME=VALUE;NAME=VALUE");
		int error = exchange_field_parse(
		    name, text_sub(part, name.n + 1, part.n), r, &v[i], ret_wanted);
		if (error < 0)
			return error;
	}
	*ret_fields = (struct msg_fields){.v = v, .n = (uint32_t)n};
	return 0;
}

int exchange_value_parse(const struct exchange_column *c, struct text t, struct exchange_reading *r,
    void *record, const char **ret_wanted)
{
	void *at = (uint8_t *)record + c->offset;
	struct net_addr addr = {0};
	struct net_mac mac = {0};
	double real = 0;
	switch (c->form) {
	case EXCHANGE_FORM_NUMBER: return parse_number(c, t, record, ret_wanted);
	case EXCHANGE_FORM_NAMED: return parse_named(c, t, record, ret_wanted);
	case EXCHANGE_FORM_TIME: return exchange_time_parse(c, t, r, record, ret_wanted);
	case EXCHANGE_FORM_REAL:
		if (t.n && parse_real(t, &real) < 0)
			return refuse(ret_wanted, "a number like 0.75");
		memcpy(at, &real, sizeof(real));
		return 0;
	case EXCHANGE_FORM_ADDR:
		if (t.n && net_addr_parse(t, &addr) < 0)
			return refuse(ret_wanted, "an address like 192.0.2.1 or 2001:db8::1");
		memcpy(at, addr.b, sizeof(addr.b));
		return 0;
	case EXCHANGE_FORM_MAC:
		if (t.n && parse_mac(t, &mac) < 0)
			return refuse(ret_wanted, "a MAC address like 00:53:00:12:34:56");
		memcpy(at, mac.b, sizeof(mac.b));
		return 0;
	case EXCHANGE_FORM_TEXT: return parse_text(t, r, at, ret_wanted);
	case EXCHANGE_FORM_IDS: return parse_ids(t, r, at, ret_wanted);
	case EXCHANGE_FORM_FIELDS: return parse_fields(t, r, at, ret_wanted);
	}
	return -EINVAL;
}
