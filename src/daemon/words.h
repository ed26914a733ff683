/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_WORDS_H
#define DAEMON_WORDS_H

/*
 * One encoded record (msg/msg.h), read to a person or a program: what a disclosure shows. All of it comes
 * from outside: text is made printable, numbers that have no name stand as numbers. Nothing is owned or kept.
 */

#include <jansson.h>

#include "base/dynbuf.h"

/* Appends one to four lines, each closed with a newline; the first says what the record is. 0,
 * -ERR_UNSUPPORTED (a kind that we don't know), -ERR_MALFORMED, -ERR_TRUNCATED or -ENOMEM. */
int words_record(struct text encoded, struct dynbuf *out);
/* Every field by its name in msg/records.schema, and `kind`. The same errors. */
int words_json(struct text encoded, json_t **ret_object);

#endif
