/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/netfilter_model.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_bridge.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cursor.h"

/* nft's numbers of the types that tell a packet's family */
enum { TYPE_NFPROTO = 2, TYPE_ETHERTYPE = 10 };

/*
 * Before the filters of others, which use the hook's priority 0 (bridge: -200), so that nobody's counters or
 * connection limits see what is cut; after defragmentation and conntrack, which are done before the hook of
 * routed packets.
 */
const struct netfilter_family netfilter_families[NETFILTER_TABLES_MAX] = {
    {NETFILTER_ROUTED, NFPROTO_INET, NF_INET_FORWARD, -180, NFT_META_NFPROTO, TYPE_NFPROTO, 1,
        {NFPROTO_IPV4, NFPROTO_IPV6}, true, true},
    {NETFILTER_BRIDGED, NFPROTO_BRIDGE, NF_BR_FORWARD, -250, NFT_META_PROTOCOL, TYPE_ETHERTYPE, 2,
        {ETH_P_IP, ETH_P_IPV6}, true, false},
    {NETFILTER_INGRESS, NFPROTO_NETDEV, NF_NETDEV_INGRESS, -180, NFT_META_PROTOCOL, TYPE_ETHERTYPE, 2,
        {ETH_P_IP, ETH_P_IPV6}, false, false},
};

size_t netfilter_lease_key(const struct netfilter_family *f, size_t v6, uint8_t key[4])
{
	uint16_t value = f->meta_value[v6];
	if (f->meta_size == 1)
		key[0] = (uint8_t)value;
	else
		store_be16(key, value);
	return f->meta_size;
}

int netfilter_pass_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct netfilter_pass));
}

/* Fields are padded to four bytes, as the registers are that they are looked up from. */
static struct netfilter_pass pass_of(const struct backend_pass *from, bool v6)
{
	unsigned base = v6 ? 0 : 96, size = v6 ? 16 : 4;
	struct netfilter_pass p = {.v6 = v6};
	p.bits = (uint8_t)(from->prefix.bits > base ? from->prefix.bits - base : 0);
	if (p.bits) {
		memcpy(p.key, from->prefix.addr.b + 16 - size, size);
		p.size = (uint8_t)size;
	}
	if (from->protocol) {
		p.fields = 1;
		p.key[p.size] = from->protocol;
		p.size += 4;
	}
	if (from->protocol && from->port) {
		p.fields = 2;
		store_be16(p.key + p.size, from->port);
		p.size += 4;
	}
	return p;
}

static int add_pass(struct netfilter_model *m, const struct backend_pass *from)
{
	struct net_prefix clean = net_prefix_of(from->prefix.addr, from->prefix.bits);
	bool v4 = net_addr_is_v4(from->prefix.addr) && from->prefix.bits >= 96;
	if (from->prefix.bits > 128 || !net_addr_equal(clean.addr, from->prefix.addr) ||
	    (from->port && !from->protocol))
		return -EINVAL;
	for (size_t v6 = 0; v6 < 2; v6++) {
		if (from->prefix.bits && v4 == (v6 == 1))
			continue;
		struct netfilter_pass p = pass_of(from, v6 == 1);
		if (p.size == 0)
			return -EINVAL;
		m->passes[m->n_passes++] = p;
	}
	return 0;
}

static int set_passes(struct netfilter_model *m, const struct netfilter_config *config)
{
	size_t n = 0, sets = 0;
	if (config->n_passes > NETFILTER_PASSES_MAX)
		return -EINVAL;
	m->passes = calloc(2 * config->n_passes + 1, sizeof(*m->passes));
	if (!m->passes)
		return -ENOMEM;
	for (size_t i = 0; i < config->n_passes; i++)
		if (add_pass(m, &config->passes[i]) < 0)
			return -EINVAL;
	qsort(m->passes, m->n_passes, sizeof(*m->passes), netfilter_pass_compare);
	for (size_t i = 0; i < m->n_passes; i++) {
		if (n && netfilter_pass_compare(&m->passes[n - 1], &m->passes[i]) == 0)
			continue;
		sets += n == 0 || !netfilter_pass_same_set(&m->passes[n - 1], &m->passes[i]);
		m->passes[n++] = m->passes[i];
	}
	m->n_passes = n;
	return sets > NETFILTER_PASS_SHAPES_MAX ? -EINVAL : 0;
}

/* A name that the nft command takes without quotes. */
static bool is_name(const char *s)
{
	size_t n = strlen(s);
	if (n == 0 || n >= NETFILTER_TABLE_NAME_SIZE || (*s >= '0' && *s <= '9'))
		return false;
	return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == n;
}

static int set_interfaces(struct netfilter_model *m, const struct netfilter_config *config)
{
	if (!(config->hooks & NETFILTER_INGRESS))
		return 0;
	if (config->n_interfaces == 0 || config->n_interfaces > NETFILTER_INTERFACES_MAX)
		return -EINVAL;
	for (size_t i = 0; i < config->n_interfaces; i++) {
		size_t n = strlen(config->interfaces[i]);
		if (n == 0 || n >= IFNAMSIZ)
			return -EINVAL;
		memcpy(m->interfaces[i], config->interfaces[i], n);
	}
	m->n_interfaces = config->n_interfaces;
	return 0;
}

int netfilter_model_init(struct netfilter_model *m, const struct netfilter_config *config)
{
	const char *table = config->table ? config->table : "bulkhead";
	unsigned known = NETFILTER_ROUTED | NETFILTER_BRIDGED | NETFILTER_INGRESS;
	*m = (struct netfilter_model){.reset = config->reset};
	if (!is_name(table) || config->hooks == 0 || (config->hooks & ~known))
		return -EINVAL;
	memcpy(m->table, table, strlen(table));
	for (size_t i = 0; i < NETFILTER_TABLES_MAX; i++)
		if (config->hooks & netfilter_families[i].hook)
			m->families[m->n_families++] = &netfilter_families[i];
	for (size_t i = 0; i < NETFILTER_TABLES_MAX; i++)
		m->tracks[i] = netfilter_families[i].tracks;
	int r = set_interfaces(m, config);
	return r < 0 ? r : set_passes(m, config);
}

void netfilter_model_free(struct netfilter_model *m)
{
	free(m->passes);
	m->passes = NULL;
	m->n_passes = 0;
}

size_t netfilter_model_find(const struct netfilter_model *m, const struct netfilter_shape *s)
{
	for (size_t i = 0; i < m->n_shapes; i++)
		if (netfilter_shape_compare(&m->shapes[i], s) == 0)
			return i;
	return SIZE_MAX;
}

int netfilter_model_add(struct netfilter_model *m, const struct netfilter_shape *s)
{
	size_t i = m->n_shapes;
	if (netfilter_model_find(m, s) != SIZE_MAX)
		return 0;
	if (m->n_shapes == NETFILTER_SHAPES_MAX)
		return -E2BIG;
	for (; i > 0 && netfilter_shape_compare(s, &m->shapes[i - 1]) < 0; i--)
		m->shapes[i] = m->shapes[i - 1];
	m->shapes[i] = *s;
	m->n_shapes++;
	return 0;
}

void netfilter_model_remove(struct netfilter_model *m, const struct netfilter_shape *s)
{
	size_t i = netfilter_model_find(m, s);
	if (i == SIZE_MAX)
		return;
	memmove(&m->shapes[i], &m->shapes[i + 1], (m->n_shapes - i - 1) * sizeof(*s));
	m->n_shapes--;
}

bool netfilter_model_holds(
    const struct netfilter_model *m, const struct netfilter_family *f, const struct netfilter_shape *s)
{
	return s->direction == CUT_BOTH || m->tracks[f - netfilter_families];
}

const char *netfilter_model_cannot(const struct netfilter_model *m, const struct netfilter_shape *s)
{
	bool held = false;
	for (size_t i = 0; i < m->n_families; i++) {
		bool holds = netfilter_model_holds(m, m->families[i], s);
		held |= holds;
		/* at a bridge no other table would stop it; what arrives at an interface goes on to be routed
		 */
		if (!holds && m->families[i]->tracks)
			return "this kernel doesn't track connections there, and so not which side began one";
	}
	return held ? NULL : "which side began a connection isn't known where packets arrive";
}

bool netfilter_pass_same_set(const struct netfilter_pass *a, const struct netfilter_pass *b)
{
	return memcmp(a, b, offsetof(struct netfilter_pass, key)) == 0;
}

char *netfilter_pass_set_name(const struct netfilter_pass *p, char buf[NETFILTER_NAME_SIZE])
{
	static const char *const fields[] = {"", "_protocol", "_port"};
	snprintf(buf, NETFILTER_NAME_SIZE, "pass_%s_%u%s", p->v6 ? "ip6" : "ip", p->bits, fields[p->fields]);
	return buf;
}
