/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_LIVE_H
#define CMD_LIVE_H

/*
 * Answers of a running `bulkhead run` as people read them, from their JSON (doc/json.md). live.c: the status,
 * live_orders.c: orders. Sections and columns stay where they are from one call to the next, so that `watch`
 * shows what changes.
 */

#include <stdio.h>

#include "base/dynbuf.h"
#include "cmd/live_text.h"

void live_print_status(const struct dynbuf *answer, FILE *out, bool colour);
/* A table of them. */
void live_print_orders(const struct dynbuf *answer, FILE *out, bool colour);
/* One with all that is known of it; and after an act what became of it. */
void live_print_order(const struct dynbuf *answer, FILE *out, bool colour);
void live_print_act(const struct dynbuf *answer, FILE *out, bool colour);

/* The head of a table of orders, and a row of it. */
void live_print_order_head(const struct live_page *p);
void live_print_order_row(const struct live_page *p, const json_t *order);
/* What a person must do about it, as a line each; whether there was anything. */
bool live_print_order_wants(const struct live_page *p, const json_t *order);

#endif
