/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_LIVE_H
#define CMD_LIVE_H

/* Answers of a running `bulkhead run` as people read them, from their JSON (doc/json.md). */

#include <stdio.h>

#include "base/dynbuf.h"

void live_print_status(const struct dynbuf *answer, FILE *out, bool colour);
void live_print_orders(const struct dynbuf *answer, FILE *out, bool colour);

#endif
