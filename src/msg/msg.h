/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MSG_MSG_H
#define MSG_MSG_H

/*
 * Records: what modules, processes and the archive hand to each other. The structs and their codec are
 * generated from msg/records.schema; this header adds the enumerations that records hold, and the envelope.
 *
 * Encoding: u16 record number, u32 length of the body, body: the fields in order, little-endian; text and
 * lists carry a u32 count. Decoded texts and lists lead into the encoded bytes or into the arena given; a
 * record that breaks the form is -ERR_MALFORMED, never read past its end.
 */

#include "base/arena.h"
#include "base/dynbuf.h"
#include "net/addr.h"
#include "net/field.h"

enum {
	MSG_FLOWS_MAX = 64,   /* flow ids kept in one detection */
	MSG_FIELDS_MAX = 64,  /* fields of one transaction */
	MSG_LIST_MAX = 4096,  /* of any list */
	MSG_TEXT_MAX = 65536, /* bytes of one text */
	MSG_RECORD_MAX = 1 << 20,
	MSG_HEADER_SIZE = 6,
};

/* Numbers are stored: append only. */
enum msg_source {
	MSG_SOURCE_INDICATOR,
	MSG_SOURCE_BEHAVIOUR,
	MSG_SOURCE_RULE,
	MSG_SOURCE_FINGERPRINT,
	MSG_SOURCE_TOOL
};

enum msg_role {
	MSG_ROLE_NONE,
	MSG_ROLE_ACTOR,  /* the asset itself did it: it scans, beacons, moves on */
	MSG_ROLE_VICTIM, /* it was done to the asset, and worked */
	MSG_ROLE_TARGET, /* it was tried on the asset; nothing says that it worked */
	MSG_ROLE_C2,
	MSG_ROLE_EXFILTRATION, /* a place that took what left */
	MSG_ROLE_DELIVERY,     /* a place that the payload came from */
	MSG_ROLE_SCANNER,
	MSG_ROLE_ATTACKER,
};

enum msg_tlp { MSG_TLP_NONE, MSG_TLP_CLEAR, MSG_TLP_GREEN, MSG_TLP_AMBER, MSG_TLP_AMBER_STRICT, MSG_TLP_RED };

struct msg_u64s {
	const uint64_t *v;
	uint32_t n;
};

struct msg_fields {
	const struct field_value *v;
	uint32_t n;
};

#include "msg/records.h"

/* Reads the envelope: the record's number and the length of the whole record, envelope included. 0,
 * -ERR_TRUNCATED where fewer than the whole record stands there, -ERR_MALFORMED where the length is beyond
 * MSG_RECORD_MAX. */
int msg_peek(const void *p, size_t n, uint16_t *ret_record, size_t *ret_length);

/* "indicator", "behaviour" ...; "c2", "exfiltration" ...; "TLP:AMBER" ... */
const char *msg_source_name(unsigned source);
const char *msg_role_name(unsigned role);
const char *msg_tlp_name(unsigned tlp);

#endif
