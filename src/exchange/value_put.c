/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/timefmt.h"
#include "exchange/value.h"

/* The years that base/timefmt.h reads, 1678 to 2261, in seconds. */
static const int64_t first_second = -9214560000, end_second = 9214646400;

static char *put_number(char *at, uint64_t v)
{
	char digits[20];
	size_t n = 0;
	do
		digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	while (n)
		*at++ = digits[--n];
	return at;
}

static char *put_str(char *at, const char *s)
{
	size_t n = strlen(s);
	memcpy(at, s, n);
	return at + n;
}

static char *put_two(char *at, unsigned v)
{
	at[0] = (char)('0' + v / 10);
	at[1] = (char)('0' + v % 10);
	return at + 2;
}

static char *put_time(char *at, int64_t ns, struct exchange_clock *clock)
{
	int64_t second = ns / NS_PER_S, fraction = ns % NS_PER_S;
	if (fraction < 0) {
		fraction += NS_PER_S;
		second--;
	}
	if (second < first_second || second >= end_second) {
		at = put_str(at, ns < 0 ? "ns:-" : "ns:");
		return put_number(at, ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns);
	}
	int64_t day = second / 86400, within = second % 86400;
	if (within < 0) {
		within += 86400;
		day--;
	}
	if (!clock->any || clock->day != day) {
		char text[TIME_TEXT_SIZE];
		memcpy(clock->date, time_rfc3339(day * 86400 * NS_PER_S, text), 11);
		clock->day = day;
		clock->any = true;
	}
	memcpy(at, clock->date, 11);
	at = put_two(at + 11, (unsigned)(within / 3600));
	*at++ = ':';
	at = put_two(at, (unsigned)(within / 60 % 60));
	*at++ = ':';
	at = put_two(at, (unsigned)(within % 60));
	*at++ = '.';
	for (int i = 8; i >= 0; i--, fraction /= 10)
		at[i] = (char)('0' + fraction % 10);
	at[9] = 'Z';
	return at + 10;
}

/* Shorter first: 17 digits always do, but "0.3" is what a person expects. */
static char *put_real(char *at, double v)
{
	if (v != v)
		v = 0; /* as the codec has it */
	for (int digits = 15; digits <= 17; digits++) {
		int n = snprintf(at, EXCHANGE_VALUE_SIZE, "%.*g", digits, v);
		struct text t = text_bytes(at, (size_t)n);
		struct exchange_column c = {.form = EXCHANGE_FORM_REAL};
		struct exchange_reading reading = {0};
		double back = 0;
		const char *wanted;
		if (digits == 17 || (exchange_value_parse(&c, t, &reading, &back, &wanted) == 0 && back == v))
			return at + n;
	}
	return at;
}

size_t exchange_value_text(
    const struct exchange_column *c, const void *record, struct exchange_clock *clock, char *at)
{
	const uint8_t *p = (const uint8_t *)record + c->offset;
	char *begin = at;
	struct net_addr addr;
	struct net_mac mac;
	static const struct net_mac no_mac;
	uint64_t v;
	double real;
	switch (c->form) {
	case EXCHANGE_FORM_NUMBER: at = put_number(at, exchange_number_get(c, record)); break;
	case EXCHANGE_FORM_NAMED:
		v = exchange_number_get(c, record);
		at = v < c->n_named ? put_str(at, c->name_of((unsigned)v)) : put_number(at, v);
		break;
	case EXCHANGE_FORM_TIME:
		v = exchange_number_get(c, record);
		if (v || c->required)
			at = put_time(at, (int64_t)v, clock);
		break;
	case EXCHANGE_FORM_REAL:
		memcpy(&real, p, sizeof(real));
		at = put_real(at, real);
		break;
	case EXCHANGE_FORM_ADDR:
		memcpy(addr.b, p, sizeof(addr.b));
		if (c->required || !net_addr_is_none(addr))
			at += strlen(net_addr_text(addr, at));
		break;
	case EXCHANGE_FORM_MAC:
		memcpy(mac.b, p, sizeof(mac.b));
		if (memcmp(mac.b, no_mac.b, sizeof(mac.b)) != 0)
			at += strlen(net_mac_text(mac, at));
		break;
	case EXCHANGE_FORM_TEXT:
	case EXCHANGE_FORM_IDS:
	case EXCHANGE_FORM_FIELDS: break;
	}
	return (size_t)(at - begin);
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Whether \xNN begins at i. */
static bool is_group(struct text t, size_t i)
{
	return t.n - i >= 4 && t.p[i] == '\\' && t.p[i + 1] == 'x' && is_hex(t.p[i + 2]) &&
	       is_hex(t.p[i + 3]);
}

void exchange_escape(struct dynbuf *out, struct text t, char also)
{
	size_t from = 0;
	for (size_t i = 0; i < t.n; i++) {
		if (!(also && t.p[i] == also) && !(t.p[i] == '\\' && is_group(t, i)))
			continue;
		/* both are ASCII, so no character is torn by parting the text here */
		(void)text_append_printable(out, text_sub(t, from, i - from));
		dynbuf_printf(out, "\\x%02x", (unsigned char)t.p[i]);
		from = i + 1;
	}
	(void)text_append_printable(out, text_sub(t, from, t.n));
}

struct text exchange_field_name(unsigned field, char *buf)
{
	struct text name = text_of(field_name(field));
	if (name.n)
		return name;
	return text_bytes(buf, (size_t)(put_number(buf, field) - buf));
}

void exchange_field_put(struct dynbuf *out, const struct field_value *v, char also)
{
	static const char digits[] = "0123456789abcdef";
	char text[NET_ADDR_TEXT_SIZE];
	struct net_addr addr;
	switch (field_kind_of(v->field)) {
	case FIELD_KIND_ADDR:
		if (v->value.n == sizeof(addr.b)) {
			memcpy(addr.b, v->value.p, sizeof(addr.b));
			dynbuf_str(out, net_addr_text(addr, text));
			return;
		}
		/* no address: all bytes as \xNN, which no address begins with */
		for (size_t i = 0; i < v->value.n; i++)
			dynbuf_printf(out, "\\x%02x", (unsigned char)v->value.p[i]);
		return;
	case FIELD_KIND_HEX:
		for (size_t i = 0; i < v->value.n; i++) {
			uint8_t b = (uint8_t)v->value.p[i];
			dynbuf_u8(out, (uint8_t)digits[b >> 4]);
			dynbuf_u8(out, (uint8_t)digits[b & 15]);
		}
		return;
	case FIELD_KIND_TEXT:
	case FIELD_KIND_NUM: break;
	}
	exchange_escape(out, v->value, also);
}
