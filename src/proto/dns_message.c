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

/* One label; `total` counts the name's bytes on the wire, at most 255 (RFC 1035, 2.3.4), so the text fits. */
static void label_append(struct dns_name *name, const uint8_t *p, size_t n)
{
	if (name->n)
		name->text[name->n++] = '.';
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '.' || p[i] == '\\')
			name->text[name->n++] = '\\';
		name->text[name->n++] = (char)p[i];
	}
}

void dns_name_read(struct cursor *c, struct dns_name *ret_name)
{
	struct cursor at = *c;
	size_t total = 1, behind = 0, lowest = c->pos;
	ret_name->n = 0;
	for (;;) {
		size_t length = cursor_u8(&at);
		if (length == 0)
			break;
		if ((length & 0xc0) == 0xc0) {
			cursor_seek(&at, at.pos - 1);
			size_t to = cursor_be16(&at) & 0x3fff;
			if (!behind)
				behind = at.pos;
			if (to >= lowest)
				at.failed = true;
			lowest = to;
			cursor_seek(&at, to);
			continue;
		}
		const uint8_t *label = cursor_take(&at, length);
		total += length + 1;
		if (length > 63 || total > 255 || !label) {
			at.failed = true;
			break;
		}
		label_append(ret_name, label, length);
	}
	if (!cursor_ok(&at)) {
		c->failed = true;
		ret_name->n = 0;
		return;
	}
	if (ret_name->n == 0)
		ret_name->text[ret_name->n++] = '.';
	cursor_seek(c, behind ? behind : at.pos);
}

void dns_question_read(struct cursor *c, struct dns_name *ret_name, uint16_t *ret_type, uint16_t *ret_class)
{
	dns_name_read(c, ret_name);
	*ret_type = cursor_be16(c);
	*ret_class = cursor_be16(c);
}

void dns_record_read(struct cursor *c, struct dns_record *ret_record)
{
	dns_name_read(c, &ret_record->name);
	ret_record->type = cursor_be16(c);
	ret_record->class = cursor_be16(c);
	ret_record->ttl = cursor_be32(c);
	ret_record->data_n = cursor_be16(c);
	ret_record->data_at = c->pos;
	cursor_skip(c, ret_record->data_n);
}

const char *dns_type_text(uint16_t type, char *buf)
{
	static const struct {
		uint16_t type;
		const char *name;
	} names[] = {
	    {1, "A"},
	    {2, "NS"},
	    {5, "CNAME"},
	    {6, "SOA"},
	    {10, "NULL"},
	    {11, "WKS"},
	    {12, "PTR"},
	    {13, "HINFO"},
	    {15, "MX"},
	    {16, "TXT"},
	    {17, "RP"},
	    {18, "AFSDB"},
	    {24, "SIG"},
	    {25, "KEY"},
	    {28, "AAAA"},
	    {29, "LOC"},
	    {33, "SRV"},
	    {35, "NAPTR"},
	    {36, "KX"},
	    {37, "CERT"},
	    {39, "DNAME"},
	    {41, "OPT"},
	    {43, "DS"},
	    {44, "SSHFP"},
	    {46, "RRSIG"},
	    {47, "NSEC"},
	    {48, "DNSKEY"},
	    {50, "NSEC3"},
	    {51, "NSEC3PARAM"},
	    {52, "TLSA"},
	    {99, "SPF"},
	    {249, "TKEY"},
	    {250, "TSIG"},
	    {251, "IXFR"},
	    {252, "AXFR"},
	    {255, "ANY"},
	    {256, "URI"},
	    {257, "CAA"},
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == type)
			return names[i].name;
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
