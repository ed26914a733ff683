/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIVE_ENGINE_JSON_H
#define LIVE_ENGINE_JSON_H

/* What the engine's documents are made of; for engine_json.c and engine_json_order.c alone. */

#include <jansson.h>

#include "live/engine.h"

/* To be called before a document is made: how the wall clock stands to ours. The same as before unless it was
 * set, so that a moment reads the same each time that it is told. */
void engine_json_clock(struct engine *e);
/* A deadline or the time of an act, which people read by the wall clock; null where there is none. */
json_t *engine_json_moment(const struct engine *e, int64_t boot);
/* Made printable. */
json_t *engine_json_string(const char *s);
json_t *engine_json_seconds(int64_t ns);
json_t *engine_json_count(uint64_t n);
/* Appends it and a newline; takes j over. 0, -ENOMEM or -ERR_LIMIT. */
int engine_json_print(json_t *j, struct dynbuf *out);

/* An order, of whose cuts at most so many are listed. */
json_t *engine_json_order(struct engine *e, const struct order *o, size_t cuts);
/* Those that want a person's eye first: in force or waiting for approval, the next that ends by itself first
 * among each. */
json_t *engine_json_standing(struct engine *e);

#endif
