/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The optional sections: services, enforcement, links, indicators. */

#include "conf/site_reader.h"

#include <netinet/in.h>
#include <string.h>

#include "base/num.h"

static void read_to(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct site_service *s = into;
	struct text t;
	struct net_prefix p;
	if (!conf_scalar(&r->report, value, "a zone, address or prefix", "mission-control", &t))
		return;
	/* whatever holds a "/" or ":" or begins with a digit was meant as an address, unless a zone is called
	 * so */
	int zone = net_zone_find(r->site->zones, t);
	bool address = memchr(t.p, '/', t.n) || memchr(t.p, ':', t.n) || (t.p[0] >= '0' && t.p[0] <= '9');
	if (zone < 0 && address) {
		if (conf_prefix(&r->report, value, &p))
			s->prefix = p;
		return;
	}
	s->to_zone = site_read_zone(r, value, &s->zone);
}

static const struct {
	const char *name;
	uint8_t protocol;
} protocols[] = {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"sctp", IPPROTO_SCTP}};

static void read_port(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct site_service *s = into;
	struct text t;
	char shown[CONF_SHOWN_SIZE];
	uint64_t port;
	uint8_t protocol = 0;
	if (!conf_scalar(&r->report, value, "a port", "5432/tcp", &t))
		return;
	size_t slash = text_find(t, '/');
	bool good = num_parse_u64(text_sub(t, 0, slash), 65535, &port) == 0 && port > 0;
	for (size_t i = 0; slash < t.n && i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (text_equal(text_sub(t, slash + 1, t.n), text_of(protocols[i].name)))
			protocol = protocols[i].protocol;
	if (!good || (slash < t.n && protocol == 0)) {
		conf_mistake(&r->report, value,
		    "\"%s\" is no port; write 1 to 65535 with /tcp, /udp or /sctp, such as 5432/tcp",
		    conf_shown(value, shown));
		return;
	}
	s->port = (uint16_t)port;
	s->protocol = protocol;
}

static void read_criticality(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct site_service *s = into;
	uint64_t number;
	if (conf_number(&r->report, value, "criticality", 1, 10, &number))
		s->criticality = (uint8_t)number;
}

static const struct conf_row service_rows[] = {
    {"name", true, conf_name_row},
    {"to", true, read_to},
    {"port", false, read_port},
    {"criticality", false, read_criticality},
};

void site_read_services(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct site *s = r->site;
	(void)into;
	if (!conf_list(&r->report, value, "services", 0, SITE_SERVICES_MAX))
		return;
	s->services = conf_array(&r->report, value->n, sizeof(*s->services));
	for (size_t i = 0; s->services && i < value->n && !r->report.error; i++) {
		struct site_service *service = &s->services[s->n_services++];
		service->criticality = 1;
		conf_read_mapping(&r->report, value->items[i], "a service", service_rows, 4, r, service);
	}
	conf_check_names(&r->report, value, "service", s->services, s->n_services, sizeof(*s->services));
}

static void read_kind(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct site_enforcement *e = into;
	struct text t;
	char shown[CONF_SHOWN_SIZE];
	if (!conf_scalar(&r->report, value, "a kind", "nftables", &t))
		return;
	if (text_equal(t, TEXT("nftables")))
		e->kind = "nftables";
	else
		conf_mistake(&r->report, value, "enforcement kind \"%s\" is not known; write nftables",
		    conf_shown(value, shown));
}

static void read_between(void *reader, const struct conf_node *value, void *into)
{
	struct site_enforcement *e = into;
	site_read_zone_list(reader, value, 2, &e->zones, &e->n_zones);
}

static const struct conf_row enforcement_rows[] = {
    {"name", true, conf_name_row},
    {"kind", true, read_kind},
    {"between", true, read_between},
};

void site_read_enforcement(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct site *s = r->site;
	(void)into;
	if (!conf_list(&r->report, value, "enforcement points", 0, SITE_ENFORCEMENT_MAX))
		return;
	s->enforcement = conf_array(&r->report, value->n, sizeof(*s->enforcement));
	for (size_t i = 0; s->enforcement && i < value->n && !r->report.error; i++)
		conf_read_mapping(&r->report, value->items[i], "an enforcement point", enforcement_rows, 3, r,
		    &s->enforcement[s->n_enforcement++]);
	conf_check_names(&r->report, value, "enforcement point", s->enforcement, s->n_enforcement,
	    sizeof(*s->enforcement));
}

static void read_link_zones(void *reader, const struct conf_node *value, void *into)
{
	struct site_link *l = into;
	site_read_zone_list(reader, value, 1, &l->zones, &l->n_zones);
}

static const struct conf_row link_rows[] = {
    {"name", true, conf_name_row},
    {"zones", true, read_link_zones},
};

void site_read_links(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct site *s = r->site;
	(void)into;
	if (!conf_list(&r->report, value, "links", 0, SITE_LINKS_MAX))
		return;
	s->links = conf_array(&r->report, value->n, sizeof(*s->links));
	for (size_t i = 0; s->links && i < value->n && !r->report.error; i++)
		conf_read_mapping(
		    &r->report, value->items[i], "a link", link_rows, 2, r, &s->links[s->n_links++]);
	conf_check_names(&r->report, value, "link", s->links, s->n_links, sizeof(*s->links));
}

static const struct conf_row indicator_rows[] = {{"file", true, conf_file_row}};

void site_read_indicators(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct site *s = r->site;
	(void)into;
	if (!conf_list(&r->report, value, "indicator files", 0, SITE_INDICATORS_MAX))
		return;
	s->indicators = conf_array(&r->report, value->n, sizeof(*s->indicators));
	for (size_t i = 0; s->indicators && i < value->n && !r->report.error; i++)
		conf_read_mapping(&r->report, value->items[i], "an indicator file", indicator_rows, 1, r,
		    &s->indicators[s->n_indicators++]);
	conf_check_names(
	    &r->report, value, "indicator file", s->indicators, s->n_indicators, sizeof(*s->indicators));
}

_Static_assert(offsetof(struct site_service, name) == 0 && offsetof(struct site_enforcement, name) == 0 &&
                   offsetof(struct site_link, name) == 0,
    "read by conf_name_row");
