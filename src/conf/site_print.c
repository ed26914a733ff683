/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/printer.h"

#include <netinet/in.h>

#include "conf/site.h"

static void print_zones(struct conf_printer *p, const struct site *s)
{
	char text[NET_PREFIX_TEXT_SIZE];
	size_t n = net_zone_count(s->zones);
	conf_print_list(p, "zones", false);
	for (size_t i = 0; i < n; i++) {
		const struct net_zone *z = net_zone_at(s->zones, (uint16_t)i);
		conf_print_mapping(p, NULL);
		conf_print_pair(p, "name", z->name);
		conf_print_pair(p, "class", net_zone_class_name(z->class));
		if (z->overlap != NET_OVERLAP_AUTO)
			conf_print_pair(p, "overlaps", net_overlap_name(z->overlap));
		conf_print_list(p, "prefixes", true);
		for (size_t k = 0; k < net_zone_prefixes(s->zones, (uint16_t)i); k++)
			conf_print_scalar(
			    p, net_prefix_text(net_zone_prefix(s->zones, (uint16_t)i, k), text));
		conf_print_list_end(p);
		conf_print_mapping_end(p);
	}
	conf_print_list_end(p);
}

static void print_assets(struct conf_printer *p, const struct site *s)
{
	char text[NET_ADDR_TEXT_SIZE];
	if (s->n_assets == 0)
		return;
	conf_print_list(p, "assets", false);
	for (size_t i = 0; i < s->n_assets; i++) {
		const struct site_asset *a = &s->assets[i];
		conf_print_mapping(p, NULL);
		conf_print_pair(p, "name", a->name);
		conf_print_list(p, "addresses", true);
		for (size_t k = 0; k < a->n_addrs; k++)
			conf_print_scalar(p, net_addr_text(a->addrs[k], text));
		conf_print_list_end(p);
		if (a->roles) {
			conf_print_list(p, "roles", true);
			for (unsigned bit = 0; bit < 32; bit++)
				if (a->roles & 1u << bit)
					conf_print_scalar(p, site_role_name((enum site_role_bit)bit));
			conf_print_list_end(p);
		}
		conf_print_mapping_end(p);
	}
	conf_print_list_end(p);
}

static void print_port(struct conf_printer *p, const struct site_service *v)
{
	char text[24];
	const char *protocol = v->protocol == IPPROTO_TCP    ? "/tcp"
	                       : v->protocol == IPPROTO_UDP  ? "/udp"
	                       : v->protocol == IPPROTO_SCTP ? "/sctp"
	                                                     : "";
	snprintf(text, sizeof(text), "%u%s", v->port, protocol);
	conf_print_pair(p, "port", text);
}

static void print_services(struct conf_printer *p, const struct site *s)
{
	char text[NET_PREFIX_TEXT_SIZE];
	if (s->n_services == 0)
		return;
	conf_print_list(p, "services", false);
	for (size_t i = 0; i < s->n_services; i++) {
		const struct site_service *v = &s->services[i];
		conf_print_mapping(p, NULL);
		conf_print_pair(p, "name", v->name);
		conf_print_pair(p, "to",
		    v->to_zone ? net_zone_at(s->zones, v->zone)->name : net_prefix_text(v->prefix, text));
		if (v->port)
			print_port(p, v);
		conf_print_number(p, "criticality", v->criticality);
		conf_print_mapping_end(p);
	}
	conf_print_list_end(p);
}

static void print_zone_names(
    struct conf_printer *p, const struct site *s, const char *key, const uint16_t *zones, size_t n)
{
	conf_print_list(p, key, true);
	for (size_t i = 0; i < n; i++)
		conf_print_scalar(p, net_zone_at(s->zones, zones[i])->name);
	conf_print_list_end(p);
}

static void print_rest(struct conf_printer *p, const struct site *s)
{
	if (s->n_never_cut)
		conf_print_prefixes(p, "never_cut", s->never_cut, s->n_never_cut);
	if (s->n_enforcement)
		conf_print_list(p, "enforcement", false);
	for (size_t i = 0; i < s->n_enforcement; i++) {
		conf_print_mapping(p, NULL);
		conf_print_pair(p, "name", s->enforcement[i].name);
		conf_print_pair(p, "kind", s->enforcement[i].kind);
		print_zone_names(p, s, "between", s->enforcement[i].zones, s->enforcement[i].n_zones);
		conf_print_mapping_end(p);
	}
	if (s->n_enforcement)
		conf_print_list_end(p);
	if (s->n_links)
		conf_print_list(p, "links", false);
	for (size_t i = 0; i < s->n_links; i++) {
		conf_print_mapping(p, NULL);
		conf_print_pair(p, "name", s->links[i].name);
		print_zone_names(p, s, "zones", s->links[i].zones, s->links[i].n_zones);
		conf_print_mapping_end(p);
	}
	if (s->n_links)
		conf_print_list_end(p);
	if (s->n_indicators)
		conf_print_list(p, "indicators", false);
	for (size_t i = 0; i < s->n_indicators; i++) {
		conf_print_mapping(p, NULL);
		conf_print_pair(p, "file", s->indicators[i]);
		conf_print_mapping_end(p);
	}
	if (s->n_indicators)
		conf_print_list_end(p);
}

static void print_policy(struct conf_printer *p, const struct site *s)
{
	conf_print_mapping(p, "policy");
	conf_print_span(p, "lease", s->policy.lease_ns);
	conf_print_number(p, "max_cuts", s->policy.max_cuts);
	conf_print_number(p, "widest_prefix_v4", s->policy.widest_prefix_v4);
	conf_print_number(p, "widest_prefix_v6", s->policy.widest_prefix_v6);
	conf_print_mapping_end(p);
}

static void print_ledger(struct conf_printer *p, const struct site_ledger *l)
{
	if (!l->key)
		return;
	conf_print_mapping(p, "ledger");
	conf_print_pair(p, "key", l->key);
	if (l->origin)
		conf_print_pair(p, "origin", l->origin);
	if (l->n_witnesses) {
		conf_print_list(p, "witnesses", false);
		for (size_t i = 0; i < l->n_witnesses; i++)
			conf_print_scalar(p, l->witnesses[i]);
		conf_print_list_end(p);
		conf_print_number(p, "quorum", l->quorum);
	}
	if (l->stamp_url) {
		conf_print_mapping(p, "timestamps");
		conf_print_pair(p, "url", l->stamp_url);
		conf_print_pair(p, "ca", l->stamp_ca);
		conf_print_mapping_end(p);
	}
	conf_print_mapping_end(p);
}

int site_print(const struct site *s, FILE *out)
{
	struct conf_printer p;
	int r = conf_print_begin(&p, out);
	if (r < 0)
		return r;
	conf_print_pair(&p, "version", "1");
	conf_print_pair(&p, "name", s->name);
	print_zones(&p, s);
	print_assets(&p, s);
	print_services(&p, s);
	print_rest(&p, s);
	print_policy(&p, s);
	print_ledger(&p, &s->ledger);
	return conf_print_end(&p);
}
