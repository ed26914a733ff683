/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXCHANGE_EVE_H
#define EXCHANGE_EVE_H

/*
 * A record at a time as a line of Suricata's EVE JSON: `flow` for a flow, an application record for a
 * transaction, `alert` for a detection and a flow that it rests on. Names of fields stand in net/field.h as
 * EVE's paths. What an archive gives (exchange/exchange.h), what a pass over captures
 * writes and what is written live is the same.
 *
 * A writer is one thread's. Lines have no newline at their end, nor within, and are borrowed until the next
 * call. Each returns 0 or -ENOMEM.
 */

#include "msg/msg.h"

struct eve_writer;

int eve_writer_new(struct eve_writer **ret_writer);
void eve_writer_free(struct eve_writer *e);

int eve_writer_flow(struct eve_writer *e, const struct msg_flow *f, struct text *ret_line);
/* f: the transaction's flow, of which the ends, protocol, vlan and id are asked. */
int eve_writer_transaction(
    struct eve_writer *e, const struct msg_flow *f, const struct msg_transaction *t, struct text *ret_line);
/* f: a flow that the detection rests on, of which `app` is asked besides; NULL where none is known: the line
 * then names the asset and its peer as its ends, and no ports. */
int eve_writer_alert(
    struct eve_writer *e, const struct msg_flow *f, const struct msg_detection *d, struct text *ret_line);

#endif
