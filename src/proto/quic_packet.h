/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_QUIC_PACKET_H
#define PROTO_QUIC_PACKET_H

/*
 * QUIC's long-header packets (RFC 9000, 17.2) and the opening of Initial packets (RFC 9001, 5), whose keys
 * anybody can derive from the client's first destination connection id. Versions 1 and 2 (RFC 9369) and the
 * last drafts.
 */

#include "base/cursor.h"

enum {
	QUIC_CID_MAX = 20,
	QUIC_PACKET_MAX = 1 << 14, /* of an Initial packet that is opened */
	QUIC_KEY_SIZE = 16,
	QUIC_IV_SIZE = 12,
	QUIC_VERSION_TEXT_SIZE = 16,
};

enum quic_version { QUIC_VERSION_NEGOTIATION = 0, QUIC_VERSION_1 = 1, QUIC_VERSION_2 = 0x6b3343cf };

enum quic_type { QUIC_INITIAL, QUIC_ZERO_RTT, QUIC_HANDSHAKE, QUIC_RETRY };

struct quic_header {
	uint32_t version;
	enum quic_type type;
	struct text dcid, scid;
	/* of an Initial packet: */
	const uint8_t *packet; /* its first byte */
	size_t number_at;      /* where the packet number stands */
	size_t size;           /* of the whole packet; of others 0: up to the datagram's end */
};

struct quic_keys {
	uint8_t key[QUIC_KEY_SIZE], iv[QUIC_IV_SIZE], header[QUIC_KEY_SIZE];
};

/* Whether Initial packets of that version can be opened here. */
bool quic_version_known(uint32_t version);
/* "1", "2", "draft-29", "Q046", "0x0a0b0c0d". buf has QUIC_VERSION_TEXT_SIZE bytes. */
const char *quic_version_text(uint32_t version, char *buf);
/* A variable-length integer (RFC 9000, 16). */
uint64_t quic_varint(struct cursor *c);
/* One long-header packet; the cursor moves behind it. 0, -ERR_MALFORMED (also: a short header),
 * -ERR_UNSUPPORTED (another version: version and connection ids are set). */
int quic_header_read(struct cursor *c, struct quic_header *ret_header);
/* The client's keys. 0 or -ENOMEM. */
int quic_client_keys(uint32_t version, struct text dcid, struct quic_keys *ret_keys);
/* Opens an Initial packet into `frames`, which has room for h->size bytes. 0, -ERR_MALFORMED, -ERR_CHECKSUM
 * (not sealed with these keys), -ENOMEM. */
int quic_initial_open(const struct quic_keys *k, const struct quic_header *h, uint8_t *frames, size_t *ret_n);

#endif
