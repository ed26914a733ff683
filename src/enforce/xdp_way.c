/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The maps that lead from addresses and prefixes to chains. */

#include "enforce/xdp_parts.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum { BATCH = 256, KEY_MAX = sizeof(struct xdp_key6) };

static enum xdp_way way_of(struct net_prefix p)
{
	if (p.bits == 128)
		return xdp_prefix_is_v4(p) ? XDP_WAY_HOSTS4 : XDP_WAY_HOSTS6;
	return xdp_prefix_is_v4(p) ? XDP_WAY_PREFIXES4 : XDP_WAY_PREFIXES6;
}

static size_t key_size(enum xdp_way way)
{
	switch (way) {
	case XDP_WAY_HOSTS4: return 4;
	case XDP_WAY_HOSTS6: return 16;
	case XDP_WAY_PREFIXES4: return sizeof(struct xdp_key4);
	case XDP_WAY_PREFIXES6: return sizeof(struct xdp_key6);
	case XDP_WAYS: break;
	}
	assert(false);
	return 0;
}

static void key_of(struct net_prefix p, void *key)
{
	enum xdp_way way = way_of(p);
	struct xdp_key4 v4 = {.bits = p.bits - 96u};
	struct xdp_key6 v6 = {.bits = p.bits};
	memcpy(v4.addr, p.addr.b + 12, sizeof(v4.addr));
	memcpy(v6.addr, p.addr.b, sizeof(v6.addr));
	switch (way) {
	case XDP_WAY_HOSTS4: memcpy(key, v4.addr, sizeof(v4.addr)); break;
	case XDP_WAY_HOSTS6: memcpy(key, v6.addr, sizeof(v6.addr)); break;
	case XDP_WAY_PREFIXES4: memcpy(key, &v4, sizeof(v4)); break;
	case XDP_WAY_PREFIXES6: memcpy(key, &v6, sizeof(v6)); break;
	case XDP_WAYS: break;
	}
}

static struct net_prefix prefix_of(const void *key, enum xdp_way way)
{
	struct xdp_key4 v4 = {.bits = 32};
	struct xdp_key6 v6 = {.bits = 128};
	switch (way) {
	case XDP_WAY_HOSTS4: memcpy(v4.addr, key, sizeof(v4.addr)); break;
	case XDP_WAY_HOSTS6: memcpy(v6.addr, key, sizeof(v6.addr)); break;
	case XDP_WAY_PREFIXES4: memcpy(&v4, key, sizeof(v4)); break;
	case XDP_WAY_PREFIXES6: memcpy(&v6, key, sizeof(v6)); break;
	case XDP_WAYS: break;
	}
	if (way == XDP_WAY_HOSTS4 || way == XDP_WAY_PREFIXES4)
		return (struct net_prefix){.addr = net_addr_v4(v4.addr), .bits = (uint8_t)(v4.bits + 96)};
	return (struct net_prefix){.addr = net_addr_v6(v6.addr), .bits = (uint8_t)v6.bits};
}

/* Entries on their way into one map. */
struct batch {
	uint8_t keys[BATCH * KEY_MAX];
	uint32_t values[BATCH], n;
};

static int flush(struct xdp *x, enum xdp_way way, struct batch *b)
{
	uint32_t n = b->n;
	b->n = 0;
	return n && bpf_map_update_batch(x->ways[way], b->keys, b->values, &n, NULL) < 0 ? -errno : 0;
}

int xdp_way_put(struct xdp *x, const uint32_t *heads, size_t n)
{
	struct batch batches[XDP_WAYS];
	int r = 0;
	for (enum xdp_way way = 0; way < XDP_WAYS; way++)
		batches[way].n = 0;
	for (size_t i = 0; i < n && r == 0; i++) {
		struct net_prefix p = x->model.v[heads[i]].prefix;
		enum xdp_way way = way_of(p);
		struct batch *b = &batches[way];
		key_of(p, b->keys + b->n * key_size(way));
		b->values[b->n++] = heads[i];
		if (b->n == BATCH)
			r = flush(x, way, b);
	}
	for (enum xdp_way way = 0; way < XDP_WAYS && r == 0; way++)
		r = flush(x, way, &batches[way]);
	return r;
}

int xdp_way_remove(struct xdp *x, struct net_prefix p)
{
	uint8_t key[KEY_MAX];
	key_of(p, key);
	int r = bpf_map_delete_elem(x->ways[way_of(p)], key);
	return r == 0 || errno == ENOENT ? 0 : -errno;
}

int xdp_way_walk(const struct xdp *x, struct xdp_walk *w)
{
	uint8_t keys[XDP_READ_STEP * KEY_MAX], token[KEY_MAX];
	uint32_t n = XDP_READ_STEP;
	int got = bpf_map_lookup_batch(
	    x->ways[w->way], w->begun ? w->token : NULL, token, keys, w->slots, &n, NULL);
	int error = got < 0 ? errno : 0;
	w->n = 0;
	if (error == EINTR) /* entries went away while it looked */
		return 1;
	if (error && error != ENOENT)
		return -error;
	for (uint32_t i = 0; i < n; i++)
		w->prefixes[i] = prefix_of(keys + i * key_size(w->way), w->way);
	w->n = n;
	memcpy(w->token, token, sizeof(token));
	w->begun = true;
	return error == 0;
}
