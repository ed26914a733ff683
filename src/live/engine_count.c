/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/engine.h"

#include <string.h>

#include "base/table.h"

struct counter_key {
	struct cut cut;
	uint8_t enforcer;
};

_Static_assert(sizeof(struct counter_key) == sizeof(struct cut) + 1, "no padding");

int engine_counted(struct engine *e, uint16_t enforcer, struct text bytes)
{
	struct msg_counted m;
	int r = msg_counted_decode(bytes.p, bytes.n, NULL, &m);
	if (r < 0)
		return r;
	struct counter_key key = {
	    .cut = {.from = m.from, .to = m.to, .direction = m.direction}, .enforcer = (uint8_t)enforcer};
	/* of a cut that nobody wants any more the last words may still be on their way */
	struct engine_stopped *s = orders_wanting(e->orders, &key.cut) ? table_put(e->counters, &key, NULL)
	                                                               : NULL;
	if (s)
		*s = (struct engine_stopped){.packets = m.packets, .bytes = m.bytes};
	return 0;
}

struct engine_stopped engine_stopped(const struct engine *e, const struct order *o)
{
	struct engine_stopped sum = {0};
	for (size_t i = 0; i < o->n_cuts; i++)
		for (uint8_t f = 0; f < e->process->conf->n_enforcers; f++) {
			struct counter_key key = {.cut = o->cuts[i], .enforcer = f};
			const struct engine_stopped *s = table_get(e->counters, &key);
			sum.packets += s ? s->packets : 0;
			sum.bytes += s ? s->bytes : 0;
		}
	return sum;
}

void engine_forget_counts(struct engine *e, const struct order *o)
{
	for (size_t i = 0; i < o->n_cuts; i++) {
		const struct order *other = orders_wanting(e->orders, &o->cuts[i]);
		for (uint8_t f = 0; f < DAEMON_ENFORCERS_MAX && (!other || other->id == o->id); f++) {
			struct counter_key key = {.cut = o->cuts[i], .enforcer = f};
			table_remove(e->counters, &key);
		}
	}
}
