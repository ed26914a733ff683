/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/dns_message.h"

#include <stdio.h>

void dns_header_read(struct cursor *c, struct dns_header *ret_header)
{
	uint16_t id = cursor_be16(c);
	uint16_t flags = cursor_be16(c);
	*ret_header = (struct dns_header){
	    .id = id,
	    .response = flags & 0x8000,
	    .opcode = flags >> 11 & 0xf,
	    .rcode = flags & 0xf,
	    .questions = cursor_be16(c),
	    .answers = cursor_be16(c),
	    .authorities = cursor_be16(c),
	    .additionals = cursor_be16(c),
	};
}

/* Whether one of the first n bytes of a word (1..8, the first the lowest) needs a backslash. */
static bool needs_escape(uint64_t word, size_t n)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), behind = n < 8 ? ~UINT64_C(0) << 8 * n : 0;
	uint64_t dot = (word ^ ones * '.') | behind, backslash = (word ^ ones * '\\') | behind;
	/* the lowest byte that is zero shows, as a high bit */
	return (((dot - ones) & ~dot) | ((backslash - ones) & ~backslash)) & ones << 7;
}

/*
 * One label, of n of the `left` bytes at p. The name's bytes on the wire are at most 255 (RFC 1035, 2.3.4),
 * so the text fits, with what the last word may leave behind its end.
 */
static void label_append(struct dns_name *name, const uint8_t *p, size_t n, size_t left)
{
	if (name->n)
		name->text[name->n++] = '.';
	for (; n > 0 && left >= 8; left -= 8) {
		uint64_t word = load_le64(p);
		size_t part = n < 8 ? n : 8;
		if (needs_escape(word, part))
			break;
		store_le64((uint8_t *)name->text + name->n, word);
		name->n += part;
		p += part;
		n -= part;
	}
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '.' || p[i] == '\\')
			name->text[name->n++] = '\\';
		name->text[name->n++] = (char)p[i];
	}
}

/* Walks over a name; its labels go to `name` unless that is NULL. False, with the cursor failed: it isn't
 * one. */
static inline bool name_walk(struct cursor *c, struct dns_name *name)
{
	struct cursor at = *c;
	size_t total = 1, behind = 0, lowest = c->pos;
	for (;;) {
		size_t length = cursor_u8(&at);
		if (length == 0)
			break;
		if ((length & 0xc0) == 0xc0) {
			size_t to = (length & 0x3f) << 8 | cursor_u8(&at);
			if (!behind)
				behind = at.pos;
			if (to >= lowest)
				at.failed = true;
			lowest = to;
			cursor_seek(&at, to);
			continue;
		}
		size_t left = cursor_left(&at);
		const uint8_t *label = cursor_take(&at, length);
		total += length + 1;
		if (length > 63 || total > 255 || !label) {
			at.failed = true;
			break;
		}
		if (name)
			label_append(name, label, length, left);
	}
	if (!cursor_ok(&at)) {
		c->failed = true;
		return false;
	}
	cursor_seek(c, behind ? behind : at.pos);
	return true;
}

void dns_name_read(struct cursor *c, struct dns_name *ret_name)
{
	ret_name->n = 0;
	if (!name_walk(c, ret_name))
		ret_name->n = 0;
	else if (ret_name->n == 0)
		ret_name->text[ret_name->n++] = '.';
}

void dns_name_skip(struct cursor *c)
{
	name_walk(c, NULL);
}

void dns_question_read(struct cursor *c, struct dns_name *ret_name, uint16_t *ret_type, uint16_t *ret_class)
{
	dns_name_read(c, ret_name);
	*ret_type = cursor_be16(c);
	*ret_class = cursor_be16(c);
}

void dns_record_read(struct cursor *c, struct dns_record *ret_record)
{
	dns_name_skip(c);
	ret_record->type = cursor_be16(c);
	ret_record->class = cursor_be16(c);
	ret_record->ttl = cursor_be32(c);
	ret_record->data_n = cursor_be16(c);
	ret_record->data_at = c->pos;
	cursor_skip(c, ret_record->data_n);
}

const char *dns_type_text(uint16_t type, char *buf)
{
	static const char *const names[] = {[1] = "A",
	    [2] = "NS",
	    [5] = "CNAME",
	    [6] = "SOA",
	    [10] = "NULL",
	    [11] = "WKS",
	    [12] = "PTR",
	    [13] = "HINFO",
	    [15] = "MX",
	    [16] = "TXT",
	    [17] = "RP",
	    [18] = "AFSDB",
	    [24] = "SIG",
	    [25] = "KEY",
	    [28] = "AAAA",
	    [29] = "LOC",
	    [33] = "SRV",
	    [35] = "NAPTR",
	    [36] = "KX",
	    [37] = "CERT",
	    [39] = "DNAME",
	    [41] = "OPT",
	    [43] = "DS",
	    [44] = "SSHFP",
	    [46] = "RRSIG",
	    [47] = "NSEC",
	    [48] = "DNSKEY",
	    [50] = "NSEC3",
	    [51] = "NSEC3PARAM",
	    [52] = "TLSA",
	    [99] = "SPF",
	    [249] = "TKEY",
	    [250] = "TSIG",
	    [251] = "IXFR",
	    [252] = "AXFR",
	    [255] = "ANY",
	    [256] = "URI",
	    [257] = "CAA"};
	if (type < sizeof(names) / sizeof(names[0]) && names[type])
		return names[type];
	snprintf(buf, DNS_CODE_TEXT_SIZE, "TYPE%u", type);
	return buf;
}

const char *dns_rcode_text(unsigned rcode, char *buf)
{
	/* IANA, DNS RCODEs */
	static const char *const names[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
	    "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE", "DSOTYPENI", NULL, NULL, NULL, NULL,
	    "BADVERS", "BADKEY", "BADTIME", "BADMODE", "BADNAME", "BADALG", "BADTRUNC", "BADCOOKIE"};
	if (rcode < sizeof(names) / sizeof(names[0]) && names[rcode])
		return names[rcode];
	snprintf(buf, DNS_CODE_TEXT_SIZE, "RCODE%u", rcode);
	return buf;
}
