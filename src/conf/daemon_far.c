/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Enforcers elsewhere: routers that are spoken to by BGP, and remote enforcers. */

#include "conf/daemon_reader.h"

static void read_peer(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_bgp *b = into;
	daemon_addr(reader, value, &b->peer);
}

static void read_bgp_port(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_bgp *b = into;
	daemon_port(reader, value, &b->port);
}

static void read_local(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_bgp *b = into;
	daemon_addr(reader, value, &b->local);
}

/* 0 and the last number are reserved (RFC 7607, RFC 7300). */
static void read_as(struct conf_report *r, const struct conf_node *value, const char *what, uint32_t *ret_as)
{
	uint64_t number;
	if (conf_number(r, value, what, 1, UINT32_MAX - 1, &number))
		*ret_as = (uint32_t)number;
}

static void read_local_as(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_bgp *b = into;
	read_as(reader, value, "local_as", &b->local_as);
}

static void read_peer_as(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_bgp *b = into;
	read_as(reader, value, "peer_as", &b->peer_as);
}

static void read_router_id(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_bgp *b = into;
	char shown[CONF_SHOWN_SIZE];
	struct net_addr a;
	if (!daemon_addr(reader, value, &a))
		return;
	if (net_addr_is_v4(a))
		b->router_id = a;
	else
		conf_mistake(reader, value,
		    "a router_id has the form of an IPv4 address, such as 192.0.2.1, not \"%s\"",
		    conf_shown(value, shown));
}

/* RFC 4271, 4.2: three seconds at least; none at all would be a lease without end. 16 bits of seconds. */
static void read_hold(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_bgp *b = into;
	conf_span(reader, value, "a hold time", "9s", 3 * NS_PER_S, 65535 * NS_PER_S, &b->hold_ns);
}

static void read_announce(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_bgp *b = into;
	unsigned word;
	if (daemon_word(reader, value, "what to announce", daemon_announces, 2, &word))
		b->announce = (enum daemon_bgp_announce)word;
}

static void read_next_hop(void *reader, const struct conf_node *value, void *into)
{
	struct conf_report *r = reader;
	struct daemon_bgp *b = into;
	if (!conf_list(r, value, "next hops, one of each family", 1, 2))
		return;
	for (size_t i = 0; i < value->n; i++) {
		struct net_addr a;
		if (!daemon_addr(r, value->items[i], &a))
			continue;
		struct net_addr *hop = net_addr_is_v4(a) ? &b->next_hop_v4 : &b->next_hop_v6;
		if (net_addr_is_none(*hop))
			*hop = a;
		else
			conf_mistake(
			    r, value->items[i], "a second next hop of that family; name one of each");
	}
}

static const struct conf_row bgp_rows[] = {
    {"peer", true, read_peer},
    {"port", false, read_bgp_port},
    {"local", false, read_local},
    {"local_as", true, read_local_as},
    {"peer_as", true, read_peer_as},
    {"router_id", false, read_router_id},
    {"hold", false, read_hold},
    {"announce", false, read_announce},
    {"next_hop", false, read_next_hop},
};

void daemon_read_bgp(void *reader, const struct conf_node *value, void *into)
{
	struct conf_report *r = reader;
	struct daemon_bgp *b = &((struct daemon_enforcer *)into)->bgp;
	size_t mistakes = r->mistakes;
	b->port = 179;
	b->hold_ns = 9 * NS_PER_S;
	conf_read_mapping(r, value, "bgp", bgp_rows, 9, r, b);
	if (r->mistakes > mistakes)
		return;
	if (net_addr_is_none(b->router_id) && net_addr_is_v4(b->local))
		b->router_id = b->local;
	if (net_addr_is_none(b->router_id))
		conf_mistake(r, value, "bgp lacks \"router_id\": an IPv4 address of this machine");
	if (!net_addr_is_none(b->local) && net_addr_is_v4(b->local) != net_addr_is_v4(b->peer))
		conf_mistake(
		    r, conf_find(value, "local"), "local and peer are of two families; write both of one");
	bool hops = conf_find(value, "next_hop");
	if (b->announce == DAEMON_BGP_BLACKHOLE && !hops)
		conf_mistake(r, value,
		    "announcing blackhole routes wants \"next_hop\": what the routers discard, such as "
		    "[192.0.2.1, 100::1]");
	if (b->announce == DAEMON_BGP_FLOWSPEC && hops)
		conf_mistake(r, conf_find(value, "next_hop"),
		    "next_hop is of blackhole routes; leave it out with flowspec");
}

static void read_address(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_remote *m = into;
	daemon_addr(reader, value, &m->address);
}

static void read_remote_port(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_remote *m = into;
	daemon_port(reader, value, &m->port);
}

static void read_remote_name(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_remote *m = into;
	m->name = conf_name(reader, value, "a name in the far side's certificate");
}

static void read_certificate(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_remote *m = into;
	conf_file_row(reader, value, &m->certificate);
}

static void read_key(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_remote *m = into;
	conf_file_row(reader, value, &m->key);
}

static void read_ca(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_remote *m = into;
	conf_file_row(reader, value, &m->ca);
}

static const struct conf_row remote_rows[] = {
    {"address", true, read_address},
    {"port", true, read_remote_port},
    {"name", true, read_remote_name},
    {"certificate", true, read_certificate},
    {"key", true, read_key},
    {"ca", true, read_ca},
};

void daemon_read_remote(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_enforcer *e = into;
	e->is_remote = true;
	conf_read_mapping(reader, value, "remote", remote_rows, 6, reader, &e->remote);
}
