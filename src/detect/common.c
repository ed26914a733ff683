/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Small questions that most behaviours ask. */

#include "detect/behaviour.h"

#include <assert.h>

#include "base/cursor.h"
#include "flow/flow.h"

int64_t detect_learned_at(const struct detector *d)
{
	int64_t quarter = (d->last - d->first) / 4;
	int64_t learning = d->config.tuning.learning_ns;
	return d->first + (quarter < learning && !d->live ? quarter : learning);
}

bool detect_has_learned(const struct detector *d)
{
	return d->last > detect_learned_at(d);
}

bool detect_inside(const struct detector *d, struct net_addr a)
{
	/* who chooses addresses that meet in one place makes it as slow as without, no more */
	uint64_t low = load_le64(a.b + 8), high = load_le64(a.b);
	uint64_t place = (low ^ high * 31) * UINT64_C(0x9e3779b97f4a7c15) >> 54;
	static_assert(DETECT_SIDES == 1 << (64 - 54), "the place is ten bits");
	if (!d->sides->side[place].known || !net_addr_equal(d->sides->side[place].addr, a)) {
		d->sides->side[place].addr = a;
		d->sides->side[place].inside = net_zone_is_inside(d->config.zones, a);
		d->sides->side[place].known = true;
	}
	return d->sides->side[place].inside;
}

bool detect_is_host(struct net_addr a)
{
	return !net_addr_is_multicast(a) && !net_addr_is_unspecified(a) && !net_addr_is_none(a) &&
	       !net_addr_is_loopback(a) && !(net_addr_is_v4(a) && a.b[15] == 255);
}

double detect_saturate(double n, double half, double most)
{
	return n <= 0 ? 0 : most * n / (n + half);
}

const char *detect_addr(struct net_addr a, char *buf)
{
	return net_addr_text(a, buf);
}

const char *detect_text(struct text t, char *buf, size_t size)
{
	return text_printable(t, buf, size);
}

bool detect_answered(const struct msg_flow *f)
{
	return f->payload_out > 0 && f->payload_in > 0;
}
