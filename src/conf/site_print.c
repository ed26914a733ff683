/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/site.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <yaml.h>

#include "base/timefmt.h"

/* The emitter, which quotes what needs it. The first failure sticks. */
struct printer {
	yaml_emitter_t emitter;
	int error;
};

static void emit(struct printer *p, yaml_event_t *event, int initialized)
{
	if (!initialized)
		p->error = p->error ? p->error : -ENOMEM;
	else if (p->error)
		yaml_event_delete(event);
	else if (!yaml_emitter_emit(&p->emitter, event))
		p->error = p->emitter.error == YAML_MEMORY_ERROR ? -ENOMEM : -EIO;
}

static void scalar(struct printer *p, const char *text)
{
	yaml_event_t e;
	emit(p, &e,
	    yaml_scalar_event_initialize(
	        &e, NULL, NULL, (const yaml_char_t *)text, (int)strlen(text), 1, 1, YAML_ANY_SCALAR_STYLE));
}

static void mapping(struct printer *p)
{
	yaml_event_t e;
	emit(p, &e, yaml_mapping_start_event_initialize(&e, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE));
}

static void mapping_end(struct printer *p)
{
	yaml_event_t e;
	emit(p, &e, yaml_mapping_end_event_initialize(&e));
}

static void list(struct printer *p, const char *key, yaml_sequence_style_t style)
{
	yaml_event_t e;
	scalar(p, key);
	emit(p, &e, yaml_sequence_start_event_initialize(&e, NULL, NULL, 1, style));
}

static void list_end(struct printer *p)
{
	yaml_event_t e;
	emit(p, &e, yaml_sequence_end_event_initialize(&e));
}

static void pair(struct printer *p, const char *key, const char *value)
{
	scalar(p, key);
	scalar(p, value);
}

static void pair_number(struct printer *p, const char *key, uint64_t value)
{
	char text[24];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	pair(p, key, text);
}

static void prefix_scalar(struct printer *p, struct net_prefix prefix)
{
	char text[NET_PREFIX_TEXT_SIZE];
	scalar(p, net_prefix_text(prefix, text));
}

static void print_zones(struct printer *p, const struct site *s)
{
	size_t n = net_zone_count(s->zones);
	list(p, "zones", YAML_BLOCK_SEQUENCE_STYLE);
	for (size_t i = 0; i < n; i++) {
		const struct net_zone *z = net_zone_at(s->zones, (uint16_t)i);
		mapping(p);
		pair(p, "name", z->name);
		pair(p, "class", net_zone_class_name(z->class));
		list(p, "prefixes", YAML_FLOW_SEQUENCE_STYLE);
		for (size_t k = 0; k < net_zone_prefixes(s->zones, (uint16_t)i); k++)
			prefix_scalar(p, net_zone_prefix(s->zones, (uint16_t)i, k));
		list_end(p);
		mapping_end(p);
	}
	list_end(p);
}

static void print_assets(struct printer *p, const struct site *s)
{
	char text[NET_ADDR_TEXT_SIZE];
	if (s->n_assets == 0)
		return;
	list(p, "assets", YAML_BLOCK_SEQUENCE_STYLE);
	for (size_t i = 0; i < s->n_assets; i++) {
		const struct site_asset *a = &s->assets[i];
		mapping(p);
		pair(p, "name", a->name);
		list(p, "addresses", YAML_FLOW_SEQUENCE_STYLE);
		for (size_t k = 0; k < a->n_addrs; k++)
			scalar(p, net_addr_text(a->addrs[k], text));
		list_end(p);
		if (a->roles) {
			list(p, "roles", YAML_FLOW_SEQUENCE_STYLE);
			for (unsigned bit = 0; bit < 32; bit++)
				if (a->roles & 1u << bit)
					scalar(p, site_role_name((enum site_role_bit)bit));
			list_end(p);
		}
		mapping_end(p);
	}
	list_end(p);
}

static void print_port(struct printer *p, const struct site_service *v)
{
	char text[24];
	const char *protocol = v->protocol == IPPROTO_TCP    ? "/tcp"
	                       : v->protocol == IPPROTO_UDP  ? "/udp"
	                       : v->protocol == IPPROTO_SCTP ? "/sctp"
	                                                     : "";
	snprintf(text, sizeof(text), "%u%s", v->port, protocol);
	pair(p, "port", text);
}

static void print_services(struct printer *p, const struct site *s)
{
	char text[NET_PREFIX_TEXT_SIZE];
	if (s->n_services == 0)
		return;
	list(p, "services", YAML_BLOCK_SEQUENCE_STYLE);
	for (size_t i = 0; i < s->n_services; i++) {
		const struct site_service *v = &s->services[i];
		mapping(p);
		pair(p, "name", v->name);
		pair(p, "to",
		    v->to_zone ? net_zone_at(s->zones, v->zone)->name : net_prefix_text(v->prefix, text));
		if (v->port)
			print_port(p, v);
		pair_number(p, "criticality", v->criticality);
		mapping_end(p);
	}
	list_end(p);
}

static void print_zone_names(
    struct printer *p, const struct site *s, const char *key, const uint16_t *zones, size_t n)
{
	list(p, key, YAML_FLOW_SEQUENCE_STYLE);
	for (size_t i = 0; i < n; i++)
		scalar(p, net_zone_at(s->zones, zones[i])->name);
	list_end(p);
}

static void print_rest(struct printer *p, const struct site *s)
{
	if (s->n_never_cut) {
		list(p, "never_cut", YAML_FLOW_SEQUENCE_STYLE);
		for (size_t i = 0; i < s->n_never_cut; i++)
			prefix_scalar(p, s->never_cut[i]);
		list_end(p);
	}
	if (s->n_enforcement)
		list(p, "enforcement", YAML_BLOCK_SEQUENCE_STYLE);
	for (size_t i = 0; i < s->n_enforcement; i++) {
		mapping(p);
		pair(p, "name", s->enforcement[i].name);
		pair(p, "kind", s->enforcement[i].kind);
		print_zone_names(p, s, "between", s->enforcement[i].zones, s->enforcement[i].n_zones);
		mapping_end(p);
	}
	if (s->n_enforcement)
		list_end(p);
	if (s->n_links)
		list(p, "links", YAML_BLOCK_SEQUENCE_STYLE);
	for (size_t i = 0; i < s->n_links; i++) {
		mapping(p);
		pair(p, "name", s->links[i].name);
		print_zone_names(p, s, "zones", s->links[i].zones, s->links[i].n_zones);
		mapping_end(p);
	}
	if (s->n_links)
		list_end(p);
	if (s->n_indicators)
		list(p, "indicators", YAML_BLOCK_SEQUENCE_STYLE);
	for (size_t i = 0; i < s->n_indicators; i++) {
		mapping(p);
		pair(p, "file", s->indicators[i]);
		mapping_end(p);
	}
	if (s->n_indicators)
		list_end(p);
}

static void print_policy(struct printer *p, const struct site *s)
{
	static const struct {
		int64_t ns;
		char letter;
	} units[] = {{86400 * NS_PER_S, 'd'}, {3600 * NS_PER_S, 'h'}, {60 * NS_PER_S, 'm'}, {NS_PER_S, 's'}};
	char text[32];
	size_t unit = 0;
	while (unit < 3 && s->policy.lease_ns % units[unit].ns)
		unit++;
	snprintf(text, sizeof(text), "%lld%c", (long long)(s->policy.lease_ns / units[unit].ns),
	    units[unit].letter);
	scalar(p, "policy");
	mapping(p);
	pair(p, "lease", text);
	pair_number(p, "max_cuts", s->policy.max_cuts);
	pair_number(p, "widest_prefix_v4", s->policy.widest_prefix_v4);
	pair_number(p, "widest_prefix_v6", s->policy.widest_prefix_v6);
	mapping_end(p);
}

static void print_ledger(struct printer *p, const struct site_ledger *l)
{
	if (!l->key)
		return;
	scalar(p, "ledger");
	mapping(p);
	pair(p, "key", l->key);
	if (l->origin)
		pair(p, "origin", l->origin);
	if (l->n_witnesses) {
		list(p, "witnesses", YAML_BLOCK_SEQUENCE_STYLE);
		for (size_t i = 0; i < l->n_witnesses; i++)
			scalar(p, l->witnesses[i]);
		list_end(p);
		pair_number(p, "quorum", l->quorum);
	}
	if (l->stamp_url) {
		scalar(p, "timestamps");
		mapping(p);
		pair(p, "url", l->stamp_url);
		pair(p, "ca", l->stamp_ca);
		mapping_end(p);
	}
	mapping_end(p);
}

int site_print(const struct site *s, FILE *out)
{
	struct printer p = {0};
	yaml_event_t e;
	if (!yaml_emitter_initialize(&p.emitter))
		return -ENOMEM;
	yaml_emitter_set_output_file(&p.emitter, out);
	yaml_emitter_set_unicode(&p.emitter, 1);
	yaml_emitter_set_width(&p.emitter, -1);
	emit(&p, &e, yaml_stream_start_event_initialize(&e, YAML_UTF8_ENCODING));
	emit(&p, &e, yaml_document_start_event_initialize(&e, NULL, NULL, NULL, 1));
	mapping(&p);
	pair(&p, "version", "1");
	pair(&p, "name", s->name);
	print_zones(&p, s);
	print_assets(&p, s);
	print_services(&p, s);
	print_rest(&p, s);
	print_policy(&p, s);
	print_ledger(&p, &s->ledger);
	mapping_end(&p);
	emit(&p, &e, yaml_document_end_event_initialize(&e, 1));
	emit(&p, &e, yaml_stream_end_event_initialize(&e));
	yaml_emitter_delete(&p.emitter);
	if (p.error == 0 && (fflush(out) != 0 || ferror(out)))
		p.error = -EIO;
	return p.error;
}
