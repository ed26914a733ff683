/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/drops.h"

static uint64_t add_capped(uint64_t a, uint64_t b)
{
	uint64_t sum;
	return __builtin_add_overflow(a, b, &sum) || sum == UINT64_MAX ? UINT64_MAX - 1 : sum;
}

void drops_counter(struct drops *d, uint64_t counter, uint64_t start)
{
	bool anew = counter < d->counter || (start && d->start && start != d->start);
	if (anew)
		d->before = add_capped(d->before, d->counter);
	d->counter = counter;
	d->start = start;
	d->known = true;
}

void drops_lost(struct drops *d, uint64_t packets)
{
	d->lost = add_capped(d->lost, packets);
	d->known = true;
}

void drops_continue(struct drops *d, const struct drops *earlier)
{
	struct drops sum = *earlier;
	if (d->known) {
		drops_counter(&sum, d->counter, d->start);
		sum.before = add_capped(sum.before, d->before);
		sum.lost = add_capped(sum.lost, d->lost);
	}
	*d = sum;
}

void drops_news(struct drops *d, uint64_t *sum)
{
	if (!d->known)
		return;
	uint64_t total = add_capped(d->before, d->counter);
	if (total < d->lost)
		total = d->lost;
	*sum = add_capped(*sum == UINT64_MAX ? 0 : *sum, total - d->published);
	d->published = total;
}
