/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/ldap_filter.h"

#include <string.h>

#include "proto/asn1.h"

enum {
	FILTER_AND = 0xa0,
	FILTER_OR = 0xa1,
	FILTER_NOT = 0xa2,
	FILTER_EQUAL = 0xa3,
	FILTER_SUBSTRINGS = 0xa4,
	FILTER_GREATER = 0xa5,
	FILTER_LESS = 0xa6,
	FILTER_PRESENT = 0x87,
	FILTER_APPROX = 0xa8,
	FILTER_EXTENSIBLE = 0xa9,
};

struct out {
	char *p;
	size_t n, size;
};

static void put(struct out *o, const char *s, size_t n)
{
	if (n > o->size - o->n)
		n = o->size - o->n;
	if (n > 0)
		memcpy(o->p + o->n, s, n);
	o->n += n;
}

static void put_str(struct out *o, const char *s)
{
	put(o, s, strlen(s));
}

/* A value, with what RFC 4515 3 wants escaped: the filter's own signs, NUL and what isn't printable. */
static void put_value(struct out *o, struct text t)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < t.n && o->n < o->size; i++) {
		uint8_t b = (uint8_t)t.p[i];
		char escaped[3] = {'\\', digits[b >> 4], digits[b & 15]};
		if (b < 0x20 || b >= 0x7f || b == '*' || b == '(' || b == ')' || b == '\\')
			put(o, escaped, 3);
		else
			put(o, t.p + i, 1);
	}
}

static void put_octets(struct out *o, struct cursor *c, bool escape)
{
	struct cursor s = asn1_take(c, ASN1_TAG_OCTET_STRING);
	struct text t = asn1_text(&s);
	if (escape)
		put_value(o, t);
	else
		put(o, t.p, t.n);
}

static void comparison(struct out *o, struct cursor body, const char *sign)
{
	put_octets(o, &body, false);
	put_str(o, sign);
	put_octets(o, &body, true);
}

static void substrings(struct out *o, struct cursor body)
{
	enum { INITIAL = 0x80, ANY, FINAL };
	struct asn1_element e;
	put_octets(o, &body, false);
	put_str(o, "=");
	struct cursor parts = asn1_take(&body, ASN1_TAG_SEQUENCE);
	bool star = false;
	while (asn1_next(&parts, &e)) {
		if (e.tag != INITIAL && !star)
			put_str(o, "*");
		put_value(o, asn1_text(&e.body));
		star = e.tag != FINAL;
		if (star)
			put_str(o, "*");
	}
}

/* (attr:dn:rule:=value), each part optional but the value. */
static void extensible(struct out *o, struct cursor body)
{
	enum { RULE = 0x81, TYPE, VALUE, DN_ATTRIBUTES };
	struct text rule = {0}, type = {0}, value = {0};
	struct asn1_element e;
	bool dn = false;
	while (asn1_next(&body, &e)) {
		struct text t = asn1_text(&e.body);
		switch (e.tag) {
		case RULE: rule = t; break;
		case TYPE: type = t; break;
		case VALUE: value = t; break;
		case DN_ATTRIBUTES: dn = t.n > 0 && t.p[0] != 0; break;
		default: break;
		}
	}
	put(o, type.p, type.n);
	if (dn)
		put_str(o, ":dn");
	if (rule.n > 0)
		put_str(o, ":");
	put(o, rule.p, rule.n);
	put_str(o, ":=");
	put_value(o, value);
}

static void leaf(struct out *o, const struct asn1_element *e)
{
	struct text t = asn1_text(&e->body);
	switch (e->tag) {
	case FILTER_EQUAL: comparison(o, e->body, "="); break;
	case FILTER_GREATER: comparison(o, e->body, ">="); break;
	case FILTER_LESS: comparison(o, e->body, "<="); break;
	case FILTER_APPROX: comparison(o, e->body, "~="); break;
	case FILTER_SUBSTRINGS: substrings(o, e->body); break;
	case FILTER_EXTENSIBLE: extensible(o, e->body); break;
	case FILTER_PRESENT:
		put(o, t.p, t.n);
		put_str(o, "=*");
		break;
	default: put_str(o, "?"); break;
	}
}

struct text ldap_filter_text(struct cursor c, char *buf, size_t size)
{
	struct out o = {.p = buf, .size = size};
	struct cursor stack[LDAP_FILTER_DEPTH];
	struct asn1_element e;
	int depth = 0;
	stack[0] = c;
	if (!asn1_next(&stack[0], &e))
		return (struct text){.p = buf, .n = 0};
	stack[0] = (struct cursor){.failed = true}; /* one filter stands at the top */
	for (;;) {
		bool set = e.tag == FILTER_AND || e.tag == FILTER_OR || e.tag == FILTER_NOT;
		put_str(&o, "(");
		if (set && depth + 1 < LDAP_FILTER_DEPTH) {
			put_str(&o, e.tag == FILTER_AND ? "&" : e.tag == FILTER_OR ? "|" : "!");
			stack[++depth] = e.body;
		} else {
			leaf(&o, &e);
			put_str(&o, ")");
		}
		while (!asn1_next(&stack[depth], &e)) {
			if (depth-- == 0)
				return (struct text){.p = buf, .n = o.n};
			put_str(&o, ")");
		}
		if (o.n == o.size)
			return (struct text){.p = buf, .n = o.n};
	}
}
