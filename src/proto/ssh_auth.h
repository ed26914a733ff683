/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_SSH_AUTH_H
#define PROTO_SSH_AUTH_H

/*
 * Whether somebody got in over SSH, by the sizes of encrypted packets: the method of Zeek's SSH analyzer. The
 * server's first answer to encrypted bytes is SERVICE_ACCEPT, whose content is 17 bytes (RFC 4253, 10);
 * USERAUTH_SUCCESS is one byte (RFC 4252, 5.1). Whatever the cipher pads to (8 or 16, length counted or not)
 * and appends, the one is exactly 16 bytes longer than the other, and no other message of the exchange is as
 * short. A USERAUTH_FAILURE lists the methods that can go on, so that one failure is as long as the next.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NONE: the client asked which methods there are (RFC 4252, 5.2) and left without trying one. */
enum ssh_auth_result { SSH_AUTH_UNKNOWN, SSH_AUTH_NONE, SSH_AUTH_FAILURE, SSH_AUTH_SUCCESS };

struct ssh_auth {
	bool client_spoke; /* encrypted */
	bool success;
	uint32_t accept;        /* size of SERVICE_ACCEPT; 0: not seen yet */
	uint32_t failure;       /* size of the first answer to a request */
	uint32_t request;       /* size of the client's last packet */
	uint32_t first_request; /* ... that the first answer was to */
	uint16_t failures;      /* answers of that size */
	uint16_t answers;       /* packets of the server since SERVICE_ACCEPT */
};

/* An encrypted packet (or, where lengths are encrypted, too, a segment) of `size` bytes, all told. */
void ssh_auth_client(struct ssh_auth *a, size_t size);
void ssh_auth_server(struct ssh_auth *a, size_t size);
/* SUCCESS as soon as it is seen; FAILURE only once nothing more will come. */
enum ssh_auth_result ssh_auth_result(const struct ssh_auth *a);

#endif
