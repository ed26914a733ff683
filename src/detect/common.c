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

/* Where an address belongs, as the zones say. Who chooses addresses that meet in one place makes it as slow
 * as it would be without, no more. */
const struct detect_side *detect_side(const struct detector *d, struct net_addr a)
{
	uint64_t low = load_le64(a.b + 8), high = load_le64(a.b);
	static_assert(DETECT_SIDES == 1 << (64 - 54), "the place is ten bits");
	struct detect_side *side = &d->sides[(low ^ high * 31) * UINT64_C(0x9e3779b97f4a7c15) >> 54];
	if (side->known && net_addr_equal(side->addr, a))
		return side;
	*side = (struct detect_side){.addr = a,
	    .known = true,
	    .host = detect_is_host(a),
	    .class = net_zone_class_of(d->config.zones, a)};
	/* of an ordinary address the class says it all */
	side->inside = side->host && !net_addr_is_link_local(a) ? side->class != NET_ZONE_EXTERNAL
	                                                        : net_zone_is_inside(d->config.zones, a);
	return side;
}

bool detect_inside(const struct detector *d, struct net_addr a)
{
	return detect_side(d, a)->inside;
}

enum net_zone_class detect_zone_class(const struct detector *d, struct net_addr a)
{
	return detect_side(d, a)->class;
}

void observe_ends(const struct detector *d, struct observation *o)
{
	const struct detect_side *from = detect_side(d, o->f->initiator);
	o->from_inside = from->inside;
	o->from_host = from->host;
	o->from_class = from->class;
	const struct detect_side *to = detect_side(d, o->f->responder);
	o->to_inside = to->inside;
	o->to_host = to->host;
	o->to_class = to->class;
}

bool detect_is_host(struct net_addr a)
{
	if (!net_addr_is_v4(a))
		return !net_addr_is_multicast(a) && !net_addr_is_none(a) && !net_addr_is_loopback(a);
	uint32_t v4 = load_be32(a.b + 12);
	bool multicast = v4 >> 28 == 14, loopback = v4 >> 24 == 127, broadcast = (v4 & 255) == 255;
	return v4 != 0 && !multicast && !loopback && !broadcast;
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
