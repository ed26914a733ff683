/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_ASN1_H
#define PROTO_ASN1_H

/*
 * A bounded reader of BER as Kerberos, LDAP and SPNEGO use it (X.690): identifiers of one octet, definite
 * lengths of at most four octets, nothing recursive. It stands on base/cursor.h and keeps its manners: read
 * on, test once. Owns nothing; what it gives borrows the input's memory. High tag numbers and indefinite
 * lengths, which none of those protocols may send, fail the cursor.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"

enum asn1_tag {
	ASN1_TAG_BOOLEAN = 0x01,
	ASN1_TAG_INTEGER = 0x02,
	ASN1_TAG_OCTET_STRING = 0x04,
	ASN1_TAG_OID = 0x06,
	ASN1_TAG_ENUMERATED = 0x0a,
	ASN1_TAG_GENERAL_STRING = 0x1b,
	ASN1_TAG_SEQUENCE = 0x30,
	ASN1_TAG_SET = 0x31,
	ASN1_TAG_APPLICATION = 0x60, /* constructed; add the number */
	ASN1_TAG_CONTEXT = 0xa0,     /* constructed; add the number */
	ASN1_TAG_CONTEXT_PRIMITIVE = 0x80,
	ASN1_TAG_APPLICATION_PRIMITIVE = 0x40,
};

enum { ASN1_HEADER_MAX = 6 };

struct asn1_element {
	uint8_t tag;
	struct cursor body;
};

/*
 * The identifier and length at p, without asking that the body be there: for framing. 0, -ERR_TRUNCATED when
 * more of the n bytes are needed, -ERR_MALFORMED.
 */
int asn1_header(const uint8_t *p, size_t n, uint8_t *ret_tag, size_t *ret_header, uint32_t *ret_length);
/* Takes the next element. False at the end; false and c failed where it is malformed or runs past c's end. */
bool asn1_next(struct cursor *c, struct asn1_element *ret_element);
/* Takes the next element, which must have this tag; else c and the result are failed. */
struct cursor asn1_take(struct cursor *c, uint8_t tag);
/* Takes the next element if it has this tag; where it hasn't, c stays and the result is failed, c is not. */
struct cursor asn1_optional(struct cursor *c, uint8_t tag);
/* The value of an INTEGER or ENUMERATED body of at most 8 bytes; others fail the cursor and give 0. */
int64_t asn1_integer(struct cursor *body);
/* All that is left of a body. */
struct text asn1_text(const struct cursor *body);

#endif
