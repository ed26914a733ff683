/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is watched: links and sensors. */

#include "conf/daemon_reader.h"

#include <errno.h>
#include <string.h>

#include "base/num.h"

/* One interface in two links would give every packet twice. */
static bool is_fresh(struct daemon_reader *r, const struct conf_node *value, const char *name)
{
	char key[DAEMON_INTERFACE_MAX + 1] = "";
	int fresh = 0;
	memcpy(key, name, strlen(name));
	uint32_t *line = table_put(r->interfaces, key, &fresh);
	if (!line)
		conf_no_memory(&r->report);
	else if (!fresh)
		conf_mistake(&r->report, value,
		    "interface \"%s\" is watched already, in line %u; its packets would count twice", name,
		    *line);
	else
		*line = value->line;
	return line && fresh;
}

static void read_interfaces(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_reader *r = reader;
	struct daemon_link *l = into;
	if (!conf_list(&r->report, value, "interfaces", 1, DAEMON_INTERFACES_MAX))
		return;
	l->interfaces = conf_array(&r->report, value->n, sizeof(*l->interfaces));
	for (size_t i = 0; l->interfaces && i < value->n; i++) {
		const char *name = daemon_interface(&r->report, value->items[i]);
		if (name && is_fresh(r, value->items[i], name))
			l->interfaces[l->n_interfaces++] = name;
	}
}

static void read_capture(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_link *l = into;
	conf_file_row(reader, value, &l->capture);
}

static void read_speed(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_link *l = into;
	if (value->kind == CONF_SCALAR && text_equal(value->text, TEXT("max")))
		l->speed = 0;
	else
		daemon_real(reader, value, "speed (or max)", 0.001, 1000, &l->speed);
}

static void read_place(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_link *l = into;
	unsigned word;
	if (daemon_word(reader, value, "a place", daemon_places, 2, &word))
		l->place = (enum daemon_place)word;
}

static void read_deliver(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_link *l = into;
	unsigned word;
	if (daemon_word(reader, value, "a way to deliver", daemon_deliveries, 2, &word))
		l->deliver = (enum daemon_deliver)word;
}

static const struct conf_row link_rows[] = {
    {"name", true, conf_name_row},
    {"interfaces", false, read_interfaces},
    {"capture", false, read_capture},
    {"speed", false, read_speed},
    {"place", true, read_place},
    {"deliver", false, read_deliver},
};

_Static_assert(offsetof(struct daemon_link, name) == 0, "read by conf_name_row");

static void read_link(struct daemon_reader *r, const struct conf_node *node, struct daemon_link *l)
{
	size_t mistakes = r->report.mistakes;
	l->speed = 1;
	conf_read_mapping(&r->report, node, "a link", link_rows, 6, r, l);
	if (!conf_find(node, "deliver"))
		l->deliver = l->place == DAEMON_PLACE_TAP && l->n_interfaces == 1 ? DAEMON_DELIVER_BLOCKS
		                                                                  : DAEMON_DELIVER_FRAMES;
	/* what follows from another mistake is none */
	if (r->report.mistakes > mistakes)
		return;
	if (l->n_interfaces && l->capture)
		conf_mistake(&r->report, conf_find(node, "capture"),
		    "link \"%s\" has interfaces and a capture; give the capture a link of its own", l->name);
	else if (!l->n_interfaces && !l->capture)
		conf_mistake(&r->report, node, "link \"%s\" lacks \"interfaces\" (or \"capture\")", l->name);
	else if (!l->capture && conf_find(node, "speed"))
		conf_mistake(&r->report, conf_find(node, "speed"),
		    "speed is a capture's; leave it out where interfaces are watched");
	else if (l->capture && conf_find(node, "deliver"))
		conf_mistake(&r->report, conf_find(node, "deliver"),
		    "deliver is of interfaces; leave it out where a capture is played");
}

void daemon_read_links(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_reader *r = reader;
	struct daemon_conf *c = r->conf;
	(void)into;
	if (!conf_list(&r->report, value, "links", 0, DAEMON_LINKS_MAX))
		return;
	c->links = conf_array(&r->report, value->n, sizeof(*c->links));
	for (size_t i = 0; c->links && i < value->n && !r->report.error; i++)
		read_link(r, value->items[i], &c->links[c->n_links++]);
	conf_check_names(&r->report, value, "link", c->links, c->n_links, sizeof(*c->links));
}

static void read_processes(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_sensor *s = into;
	uint64_t number;
	if (conf_number(reader, value, "processes", 1, DAEMON_SENSORS_MAX, &number))
		s->processes = (uint32_t)number;
}

/* "64MiB": whole ones. */
static void read_ring(void *reader, const struct conf_node *value, void *into)
{
	enum { RING_MAX_MIB = 2048 };
	struct daemon_sensor *s = into;
	char shown[CONF_SHOWN_SIZE];
	struct text t;
	uint64_t bytes;
	if (!conf_scalar(reader, value, "a size", "64MiB", &t))
		return;
	/* "64M" and "64MiB" are the same */
	struct text plain = t;
	if (t.n > 2 && memcmp(t.p + t.n - 2, "iB", 2) == 0)
		plain.n -= 2;
	bool unit = plain.n && memchr("MG", plain.p[plain.n - 1], 2);
	if (!unit || num_parse_size(plain, &bytes) < 0 || bytes == 0 ||
	    bytes > (uint64_t)RING_MAX_MIB << 20) {
		conf_mistake(reader, value, "\"%s\" is no size of a ring; write 1MiB to %dMiB, such as 64MiB",
		    conf_shown(value, shown), RING_MAX_MIB);
		return;
	}
	s->ring_mib = (uint32_t)(bytes >> 20);
}

static void read_flows(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_sensor *s = into;
	uint64_t number;
	if (conf_number(reader, value, "flows", 1024, 1 << 24, &number))
		s->flows_max = (size_t)number;
}

static void read_snapshot(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_sensor *s = into;
	conf_span(reader, value, "a snapshot's interval", "60s", NS_PER_S, 3600 * NS_PER_S, &s->snapshot_ns);
}

static const struct conf_row sensor_rows[] = {
    {"processes", false, read_processes},
    {"ring", false, read_ring},
    {"flows", false, read_flows},
    {"snapshot", false, read_snapshot},
};

void daemon_read_sensor(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_reader *r = reader;
	(void)into;
	conf_read_mapping(&r->report, value, "sensor", sensor_rows, 4, r, &r->conf->sensor);
}
