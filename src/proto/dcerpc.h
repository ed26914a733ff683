/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_DCERPC_H
#define PROTO_DCERPC_H

/*
 * DCE/RPC (C706; MS-RPCE) for those who carry it, and names of interfaces and operations, as the
 * specifications and published detections call them. Pure, static tables.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DCERPC_UUID_SIZE = 16, DCERPC_UUID_TEXT = 37 };

/* Whether the bytes begin with a connection-oriented PDU. */
bool dcerpc_begins(const uint8_t *p, size_t n);
/* The text form of a UUID in the byte order of its PDU; buf has DCERPC_UUID_TEXT bytes. */
char *dcerpc_uuid_text(const uint8_t uuid[DCERPC_UUID_SIZE], bool little_endian, char *buf);
/* A number for the interface, or -1 where it has no name here. */
int dcerpc_interface_find(const char *uuid_text);
const char *dcerpc_interface_name(int interface);
/* NULL where the operation has no name here. */
const char *dcerpc_operation_name(int interface, uint16_t opnum);
/* Whether the operation makes an object of a class that its stub names (MS-DCOM 3.1.2.5.2). */
bool dcerpc_operation_activates(int interface, uint16_t opnum);
/* The first class in the stub that is known to run what it is told, by name; NULL where none is. */
const char *dcerpc_class_find(const uint8_t *stub, size_t n);

#endif
