/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_CONTROL_H
#define CMD_CONTROL_H

/*
 * Asking a running `bulkhead run` by its control socket. Who asks is the kernel's word; what he may the
 * daemon's file says.
 */

#include "base/dynbuf.h"
#include "cmd/cmd.h"
#include "msg/process.h"

#define CONTROL_SOCKET "/run/bulkhead/control"

/* Asks and waits for the whole answer. 0 with the exit code that goes with it, or a negative error that was
 * told. `path` NULL: CONTROL_SOCKET, or what the environment's BULKHEAD_CONTROL says. */
int control_ask(const char *path, const struct msg_ask *ask, struct dynbuf *out, int *ret_code);
/* Prints why, line by line, where the answer is a refusal: {"error": ...}. Whether it is one.
 * `json`: to standard output as it is, too. */
bool control_tell_refusal(const struct dynbuf *answer, bool json);

#endif
