/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hunt/sight.h"

uint64_t hunt_flow_columns(bool names)
{
	static const enum msg_flow_field fields[] = {MSG_FLOW_FIELD_ID, MSG_FLOW_FIELD_DUPLICATE_OF,
	    MSG_FLOW_FIELD_INITIATOR, MSG_FLOW_FIELD_RESPONDER, MSG_FLOW_FIELD_RESPONDER_PORT,
	    MSG_FLOW_FIELD_FIRST, MSG_FLOW_FIELD_LAST, MSG_FLOW_FIELD_PAYLOAD_OUT, MSG_FLOW_FIELD_PAYLOAD_IN,
	    MSG_FLOW_FIELD_END};
	uint64_t columns = names ? UINT64_C(1) << MSG_FLOW_FIELD_NAME : 0;
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		columns |= UINT64_C(1) << fields[i];
	return columns;
}

struct hunt_flow hunt_flow_of(const struct msg_flow *f)
{
	return (struct hunt_flow){.id = f->id,
	    .duplicate_of = f->duplicate_of,
	    .initiator = f->initiator,
	    .responder = f->responder,
	    .responder_port = f->responder_port,
	    .end = f->end,
	    .first = f->first,
	    .last = f->last,
	    .out = f->payload_out,
	    .in = f->payload_in,
	    .name = f->name};
}

bool hunt_flow_is_later(const struct hunt_flow *a, const struct hunt_flow *b)
{
	if (a->last != b->last)
		return b->last > a->last;
	if ((a->end == 0) != (b->end == 0))
		return b->end != 0;
	return b->out > a->out || (b->out == a->out && b->in > a->in);
}

size_t hunt_flow_queries(const struct hunt_flow *f, struct indicator_query out[3])
{
	size_t n;
	const struct msg_flow whole = {.initiator = f->initiator,
	    .responder = f->responder,
	    .responder_port = f->responder_port,
	    .name = f->name};
	n = indicator_queries_of_flow(&whole, out);
	/* the values lead into the copy */
	out[0].value = text_bytes(f->responder.b, sizeof(f->responder.b));
	out[1].value = text_bytes(f->initiator.b, sizeof(f->initiator.b));
	return n;
}

/* The address that stands for a machine of several. */
static struct net_addr machine_of(const struct hunt_scene *scene, struct net_addr a)
{
	const struct net_addr *machine = scene->assets ? table_get(scene->assets, &a) : NULL;
	return machine ? *machine : a;
}

bool hunt_sight(const struct hunt_scene *scene, const struct hunt_flow *f, uint32_t target,
    bool matched_initiator, struct hunt_sighting *ret_sighting)
{
	const struct net_zone_map *zones = scene->in->zones;
	const struct hunt_target *t = &scene->targets->v[target];
	struct net_addr match = matched_initiator ? f->initiator : f->responder;
	struct net_addr other = matched_initiator ? f->responder : f->initiator;
	bool match_inside = net_zone_is_inside(zones, match), other_inside = net_zone_is_inside(zones, other);
	bool ours = match_inside && !other_inside;
	struct net_addr asset = ours ? match : other;
	bool opened = matched_initiator == ours; /* the asset is the initiator */
	if (scene->in->zone != NET_ZONE_NONE && net_zone_of(zones, asset) != scene->in->zone)
		return false;
	*ret_sighting = (struct hunt_sighting){.target = target,
	    .relation = ours           ? HUNT_OURS
	                : match_inside ? HUNT_BETWEEN
	                : other_inside ? HUNT_OUTSIDE
	                               : HUNT_PASSING,
	    .opened = opened,
	    .answered = f->out && f->in,
	    .valid = f->first >= t->valid_from && f->first < t->valid_until,
	    .asset = machine_of(scene, asset),
	    .peer = ours ? other : match,
	    .first = f->first,
	    .last = f->last,
	    .out = opened ? f->out : f->in,
	    .in = opened ? f->in : f->out,
	    .id = f->id};
	return true;
}

enum { MATCHES_MAX = 3 * INDICATOR_FOUND_MAX };

/* The targets of one flow. */
struct flow_matches {
	const struct indicator_query *query;
	size_t n;
	struct {
		uint32_t target, places;
		bool initiator;
	} v[MATCHES_MAX];
};

static void match_keep(void *context, uint32_t target)
{
	struct flow_matches *m = context;
	for (size_t i = 0; i < m->n; i++) {
		if (m->v[i].target == target) {
			m->v[i].places |= 1u << m->query->place;
			return;
		}
	}
	if (m->n < MATCHES_MAX) {
		m->v[m->n].target = target;
		m->v[m->n].places = 1u << m->query->place;
		m->v[m->n++].initiator = m->query->place == INDICATOR_AT_INITIATOR;
	}
}

void hunt_sight_flow(const struct hunt_scene *scene, const struct hunt_flow *f, struct hunt_groups *groups)
{
	struct indicator_query queries[3];
	struct flow_matches m;
	size_t n = hunt_flow_queries(f, queries);
	m.n = 0;
	for (size_t i = 0; i < n; i++) {
		m.query = &queries[i];
		hunt_targets_find(scene->targets, &queries[i], match_keep, &m);
	}
	for (size_t i = 0; i < m.n; i++) {
		struct hunt_sighting s;
		if (!hunt_sight(scene, f, m.v[i].target, m.v[i].initiator, &s))
			continue;
		s.places = m.v[i].places;
		hunt_groups_add(groups, &s);
	}
}
