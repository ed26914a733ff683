/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/netfilter.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "enforce/netfilter_backend.h"
#include "enforce/netfilter_same.h"

/* So many pieces of news are taken at a time. */
enum { EVENTS_AT_ONCE = 64 };

static struct netfilter *of_backend(struct backend *b)
{
	return (struct netfilter *)b;
}

static const char *cannot(const struct backend *b, const struct cut *c, bool fail_closed)
{
	const struct netfilter *n = (const struct netfilter *)b;
	struct netfilter_shape s;
	const char *why = netfilter_shape_of(c, fail_closed, &s);
	if (!why)
		why = netfilter_model_cannot(&n->m, &s);
	if (why)
		return why;
	if (netfilter_model_find(&n->m, &s) == SIZE_MAX && n->m.n_shapes - n->n_empty == NETFILTER_SHAPES_MAX)
		return "cuts of 64 different prefix lengths and kinds are in force already";
	return NULL;
}

static int change(struct backend *b, const struct backend_step *steps, size_t n_steps, size_t *ret_at)
{
	return netfilter_change(of_backend(b), steps, n_steps, ret_at);
}

static int lease(struct backend *b, int64_t until)
{
	struct netfilter *n = of_backend(b);
	int64_t before = n->lease_until;
	n->lease_until = until > 0 ? until : 1;
	int r = netfilter_begin(n);
	if (r < 0)
		goto fail;
	netfilter_put_lease(n, netfilter_now());
	r = netfilter_commit(n, NULL);
	if (r == -ENOENT)
		r = netfilter_build(n, true);
	if (r == 0)
		return 0;
fail:
	n->lease_until = before;
	return r;
}

static int end_connections(struct backend *b, const struct cut *cuts, size_t n_cuts, size_t *ret_ended)
{
	struct netfilter *n = of_backend(b);
	return conntrack_end(n->conntrack, cuts, n_cuts, n->passes, n->n_passes, ret_ended);
}

static int read_begin(struct backend *b)
{
	struct netfilter *n = of_backend(b);
	n->read_at = n->changes;
	netfilter_reader_begin(&n->reader, false, n->lease_until);
	return 0;
}

static int read_more(
    struct backend *b, struct backend_element **ret_elements, size_t *ret_n, bool *ret_intact)
{
	struct netfilter *n = of_backend(b);
	/* what the reader holds things against has changed with the kernel: it begins anew */
	if (n->reader.reading && n->read_at != n->changes)
		read_begin(b);
	n->reader.lease_until = n->lease_until;
	int r = netfilter_reader_step(&n->reader);
	if (r != 0)
		return r;
	n->n_empty = 0;
	for (size_t i = 0; i < n->m.n_shapes; i++)
		if (n->reader.shape_elements[i] == 0)
			n->empty[n->n_empty++] = n->m.shapes[i];
	*ret_intact = n->reader.intact;
	netfilter_reader_elements(&n->reader, ret_elements, ret_n);
	return 0;
}

static int repair(struct backend *b)
{
	return netfilter_build(of_backend(b), true);
}

static int fd(const struct backend *b)
{
	return ((const struct netfilter *)b)->poll_fd;
}

static bool is_ours(const struct netfilter *n, const struct nlmsghdr *h)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	int kind = netfilter_message_kind(h);
	if (kind < 0 || kind == NFT_MSG_NEWGEN || h->nlmsg_pid == mnl_socket_get_portid(n->change))
		return false;
	for (size_t i = 0; i < n->m.n_families; i++)
		if (n->m.families[i]->family == g->nfgen_family)
			/* the first attribute of each is its table's name */
			return text_equal(netfilter_message_name(h, NFTA_TABLE_NAME), text_of(n->m.table));
	return false;
}

static int events(struct backend *b, bool *ret_foreign)
{
	struct netfilter *n = of_backend(b);
	bool foreign = false;
	for (size_t i = 0; i < EVENTS_AT_ONCE; i++) {
		ssize_t size = netfilter_socket_receive(n->events, n->reader.answer);
		if (size == -EAGAIN)
			break;
		if (size < 0 && size != -ENOBUFS)
			return (int)size;
		/* what was lost may have been about ours */
		foreign |= size == -ENOBUFS;
		int left = (int)size;
		const struct nlmsghdr *h = (const struct nlmsghdr *)n->reader.answer;
		for (; size > 0 && !foreign && mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left))
			foreign |= is_ours(n, h);
	}
	*ret_foreign = foreign;
	return 0;
}

static int64_t deadline(const struct backend *b)
{
	return ((const struct netfilter *)b)->n_empty ? 0 : INT64_MAX;
}

static int tick(struct backend *b, int64_t now)
{
	(void)now;
	return netfilter_sweep(of_backend(b));
}

static int clear(struct backend *b)
{
	return netfilter_clear(of_backend(b));
}

static void close_backend(struct backend *b)
{
	struct netfilter *n = of_backend(b);
	if (!n)
		return;
	if (n->poll_fd >= 0)
		close(n->poll_fd);
	netfilter_socket_close(n->change);
	netfilter_socket_close(n->read);
	netfilter_socket_close(n->events);
	conntrack_close(n->conntrack);
	netfilter_reader_free(&n->reader);
	netfilter_reader_free(&n->surveyor);
	netfilter_batch_free(&n->batch);
	netfilter_model_free(&n->m);
	free(n->passes);
	free(n);
}

static const struct backend_ops ops = {
    .name = "nftables",
    .cannot = cannot,
    .change = change,
    .lease = lease,
    .end_connections = end_connections,
    .read_begin = read_begin,
    .read_more = read_more,
    .repair = repair,
    .fd = fd,
    .events = events,
    .deadline = deadline,
    .tick = tick,
    .clear = clear,
    .close = close_backend,
};

/* One descriptor for both that the caller may wait for: news, and the rest of a dump. */
static int open_poll(struct netfilter *n)
{
	const struct mnl_socket *const both[] = {n->events, n->read};
	n->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (n->poll_fd < 0)
		return -errno;
	for (size_t i = 0; i < 2; i++) {
		struct epoll_event e = {.events = EPOLLIN};
		if (epoll_ctl(n->poll_fd, EPOLL_CTL_ADD, mnl_socket_get_fd(both[i]), &e) < 0)
			return -errno;
	}
	return 0;
}

static int open_sockets(struct netfilter *n)
{
	int r = netfilter_socket_open(&n->change);
	if (r == 0)
		r = netfilter_socket_open(&n->read);
	if (r == 0)
		r = netfilter_socket_listen(&n->events, mnl_socket_get_portid(n->change));
	if (r == 0)
		r = conntrack_open(&n->conntrack);
	return r == 0 ? open_poll(n) : r;
}

static int keep_passes(struct netfilter *n, const struct netfilter_config *config)
{
	n->passes = calloc(config->n_passes + 1, sizeof(*n->passes));
	if (!n->passes)
		return -ENOMEM;
	if (config->n_passes)
		memcpy(n->passes, config->passes, config->n_passes * sizeof(*n->passes));
	n->n_passes = config->n_passes;
	return 0;
}

/* Later kernels take a hook at an interface that may come; here a name is more likely mistaken. */
static int find_interfaces(const struct netfilter *n)
{
	for (size_t i = 0; i < n->m.n_interfaces; i++)
		if (if_nametoindex(n->m.interfaces[i]) == 0)
			return -ENODEV;
	return 0;
}

int netfilter_open(const struct netfilter_config *config, struct backend **ret_backend)
{
	struct netfilter *n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->backend.ops = &ops;
	n->poll_fd = -1;
	int r = netfilter_model_init(&n->m, config);
	if (r == 0)
		r = find_interfaces(n);
	if (r == 0)
		r = keep_passes(n, config);
	if (r == 0)
		r = open_sockets(n);
	if (r == 0)
		r = netfilter_reader_init(&n->reader, &n->m, n->read);
	if (r == 0)
		r = netfilter_reader_init(&n->surveyor, &n->m, n->change);
	if (r == 0)
		r = netfilter_build(n, false);
	if (r == 0)
		r = netfilter_probe_timeouts(n);
	if (r == 0)
		r = netfilter_probe_tracking(n);
	if (r < 0) {
		close_backend(&n->backend);
		return r;
	}
	*ret_backend = &n->backend;
	return 0;
}
