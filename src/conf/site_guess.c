/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/site_reader.h"

#include <errno.h>
#include <stdlib.h>

/* What sits inside an organization (RFC 1918, RFC 6598, RFC 4193) or on one link (RFC 3927, RFC 4291). */
static const char *const internal[] = {
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "fc00::/7",
    "169.254.0.0/16",
    "fe80::/10",
};

static const char *const external[] = {"0.0.0.0/0", "::/0"};

static int add_zone(struct site *s, const char *name, enum net_zone_class class, const char *const *prefixes,
    size_t n, uint16_t *ret_zone)
{
	int r = net_zone_map_add(s->zones, name, class, ret_zone);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct net_prefix p;
		r = net_prefix_parse(text_of(prefixes[i]), &p);
		if (r == 0)
			r = net_zone_map_add_prefix(s->zones, *ret_zone, p);
	}
	return r;
}

static int fill(struct site *s)
{
	int r = net_zone_map_new(&s->zones);
	s->enforcement = arena_array(&s->arena, 1, sizeof(*s->enforcement));
	uint16_t *zones = arena_array(&s->arena, 2, sizeof(*zones));
	if (r == 0 && (!s->enforcement || !zones))
		r = -ENOMEM;
	if (r == 0)
		r = add_zone(s, "internal", NET_ZONE_INTERNAL, internal,
		    sizeof(internal) / sizeof(internal[0]), &zones[0]);
	if (r == 0)
		r = add_zone(s, "external", NET_ZONE_EXTERNAL, external,
		    sizeof(external) / sizeof(external[0]), &zones[1]);
	if (r < 0)
		return r;
	s->enforcement[0] = (struct site_enforcement){
	    .name = "perimeter", .kind = "nftables", .zones = zones, .n_zones = 2};
	s->n_enforcement = 1;
	return 0;
}

int site_guess(struct site **ret_site)
{
	struct site *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->name = "unnamed site";
	s->path = "";
	s->guessed = true;
	s->policy = site_default_policy;
	/* the one zone is as wide as private ranges are: a guardrail against that would forbid every zone cut
	 */
	s->policy.widest_prefix_v4 = 8;
	s->policy.widest_prefix_v6 = 7;
	int r = fill(s);
	if (r < 0) {
		site_free(s);
		return r;
	}
	*ret_site = s;
	return 0;
}
