/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_DNS_MESSAGE_H
#define PROTO_DNS_MESSAGE_H

/*
 * DNS messages (RFC 1035, section 4): header, names with compression, and the text of names, types and codes.
 * Also what mDNS (RFC 6762) and LLMNR (RFC 4795) send. Pure readers over a cursor; nothing is allocated.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"

enum {
	DNS_HEADER_SIZE = 12,
	DNS_NAME_TEXT_MAX = 512, /* 255 bytes on the wire, each dot or backslash in a label escaped */
	DNS_NAME_SLACK = 8,      /* labels are copied in words */
	DNS_CODE_TEXT_SIZE = 16,
};

enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_NS = 2,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_SOA = 6,
	DNS_TYPE_NULL = 10,
	DNS_TYPE_PTR = 12,
	DNS_TYPE_MX = 15,
	DNS_TYPE_TXT = 16,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_NB = 32,     /* NetBIOS, RFC 1002 */
	DNS_TYPE_NBSTAT = 33, /* ... which is SRV elsewhere */
	DNS_TYPE_SRV = 33,
	DNS_TYPE_DNAME = 39,
	DNS_TYPE_OPT = 41,
	DNS_TYPE_PRIVATE = 65280, /* ... and above */
};

struct dns_header {
	uint16_t id;
	bool response;
	uint8_t opcode, rcode;
	uint16_t questions, answers, authorities, additionals;
};

/* A name as text: labels with dots between them, "." for the root. Bytes stay as they are but for '.' and '\'
 * within a label, which get a backslash (RFC 4343, 2.1). */
struct dns_name {
	size_t n;
	char text[DNS_NAME_TEXT_MAX + DNS_NAME_SLACK];
};

/* What stands behind the owner's name. */
struct dns_record {
	uint16_t type, class;
	uint32_t ttl;
	size_t data_at, data_n; /* within the message */
};

void dns_header_read(struct cursor *c, struct dns_header *ret_header);
/* At the cursor, whose base is the message; it moves behind the name. Pointers lead strictly backwards, so
 * that none is followed twice. Failure leaves the cursor failed. */
void dns_name_read(struct cursor *c, struct dns_name *ret_name);
/* The same, without the text. */
void dns_name_skip(struct cursor *c);
void dns_question_read(struct cursor *c, struct dns_name *ret_name, uint16_t *ret_type, uint16_t *ret_class);
/* Its owner's name is checked and passed over. */
void dns_record_read(struct cursor *c, struct dns_record *ret_record);
/* "AAAA", or "TYPE65" (RFC 3597, 5) for types without a name here; "NXDOMAIN", "RCODE12". buf has
 * DNS_CODE_TEXT_SIZE bytes. */
const char *dns_type_text(uint16_t type, char *buf);
const char *dns_rcode_text(unsigned rcode, char *buf);

#endif
