/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/xdp_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"

enum { SWEEP_STEP = 4096 };

int64_t xdp_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void xdp_say(char *why, const char *format, ...)
{
	size_t n = strlen(why);
	va_list args;
	va_start(args, format);
	vsnprintf(why + n, XDP_WHY_SIZE - n, format, args);
	va_end(args);
}

static int xdp_lease(struct backend *b, int64_t until)
{
	const struct xdp *x = (struct xdp *)b;
	__atomic_store_n(&x->state->lease_until, until > 0 ? (uint64_t)until : 0, __ATOMIC_RELEASE);
	return 0;
}

static int xdp_repair(struct backend *b)
{
	struct xdp *x = (struct xdp *)b;
	char why[XDP_WHY_SIZE] = "";
	int r = xdp_resync(x);
	x->state->layout = XDP_LAYOUT;
	if (r == 0)
		r = xdp_repin(x);
	/* one interface that can't be helped doesn't keep the others without */
	for (size_t i = 0; i < x->n_interfaces; i++) {
		int one = xdp_is_attached(x, &x->interfaces[i]) ? 0 : xdp_attach(x, &x->interfaces[i], why);
		r = r == 0 ? one : r;
	}
	return r;
}

static int xdp_fd(const struct backend *b)
{
	(void)b;
	return -1;
}

static int xdp_events(struct backend *b, bool *ret_foreign)
{
	(void)b;
	*ret_foreign = false;
	return 0;
}

static int64_t xdp_deadline(const struct backend *b)
{
	return ((const struct xdp *)b)->due;
}

/*
 * Takes away elements whose time is over, some thousand a step and no more than one round a second: they cut
 * nothing any more, so nothing hurries.
 */
static int xdp_tick(struct backend *b, int64_t now)
{
	struct xdp *x = (struct xdp *)b;
	const struct xdp_model *m = &x->model;
	uint32_t over[SWEEP_STEP];
	size_t n = 0;
	if (now < x->due)
		return 0;
	if (x->sweep_at == 0)
		x->sweep_least = INT64_MAX;
	size_t end = x->sweep_at + SWEEP_STEP < m->n ? x->sweep_at + SWEEP_STEP : m->n;
	for (size_t i = x->sweep_at; i < end; i++) {
		int64_t until = xdp_until(&x->elements[m->order[i]]);
		if (until <= now)
			over[n++] = m->order[i];
		else if (until < x->sweep_least)
			x->sweep_least = until;
	}
	x->sweep_at = end - n;
	bool whole = end == m->n;
	int r = n ? xdp_take_away(x, over, n) : 0;
	if (!whole) {
		x->due = now;
		return r;
	}
	x->sweep_at = 0;
	x->swept = now;
	x->due = x->sweep_least > now + XDP_QUIET_NS ? x->sweep_least : now + XDP_QUIET_NS;
	if (!m->n)
		x->due = INT64_MAX;
	return r;
}

static int xdp_clear(struct backend *b)
{
	struct xdp *x = (struct xdp *)b;
	for (size_t i = 0; i < x->n_interfaces; i++)
		xdp_detach(x, &x->interfaces[i]);
	xdp_unpin(x);
	size_t n = x->model.n;
	uint32_t *slots = malloc((n ? n : 1) * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	memcpy(slots, x->model.order, n * sizeof(*slots));
	int r = xdp_take_away(x, slots, n);
	free(slots);
	return r;
}

static void xdp_close(struct backend *b)
{
	struct xdp *x = (struct xdp *)b;
	if (!x)
		return;
	for (size_t i = 0; i < x->n_interfaces; i++)
		if (x->interfaces[i].link >= 0)
			close(x->interfaces[i].link);
	if (x->elements)
		munmap(x->elements, XDP_ELEMENTS_MAX * sizeof(*x->elements));
	if (x->state)
		munmap(x->state, sizeof(*x->state));
	bpf_object__close(x->object);
	if (x->sockets >= 0)
		close(x->sockets);
	if (x->folder >= 0)
		close(x->folder);
	xdp_model_free(&x->model);
	free(x->freed);
	free(x->todo);
	free(x->slots);
	free(x->read.seen);
	free(x->read.v);
	free(x);
}

static const struct backend_ops xdp_ops = {
    .name = "xdp",
    .cannot = xdp_cannot,
    .change = xdp_change,
    .lease = xdp_lease,
    .read_begin = xdp_read_begin,
    .read_more = xdp_read_more,
    .repair = xdp_repair,
    .fd = xdp_fd,
    .events = xdp_events,
    .deadline = xdp_deadline,
    .tick = xdp_tick,
    .clear = xdp_clear,
    .close = xdp_close,
};

/* The pins' folder, made, looked at and locked: two that hold it would undo each other's work. */
static int open_folder(struct xdp *x, char *why)
{
	struct statfs system;
	if (mkdir(x->pins, 0700) < 0 && errno != EEXIST) {
		int r = -errno;
		xdp_say(why, "%s: %s", x->pins, err_text(r));
		return r;
	}
	x->folder = open(x->pins, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (x->folder < 0 || fstatfs(x->folder, &system) < 0) {
		int r = -errno;
		xdp_say(why, "%s: %s", x->pins, err_text(r));
		return r;
	}
	if (system.f_type != BPF_FS_MAGIC) {
		xdp_say(why, "%s isn't on a BPF file system: mount -t bpf bpf /sys/fs/bpf", x->pins);
		return -EINVAL;
	}
	if (flock(x->folder, LOCK_EX | LOCK_NB) < 0) {
		int r = errno == EWOULDBLOCK ? -EBUSY : -errno;
		xdp_say(why, "%s: another process holds it", x->pins);
		return r;
	}
	return 0;
}

static int check(const struct xdp_config *c, char *why)
{
	if (!c->pins || strlen(c->pins) >= XDP_PATH_SIZE || c->n_interfaces == 0) {
		xdp_say(why, "XDP wants a folder for its pins and an interface at least");
		return -EINVAL;
	}
	if (c->n_interfaces > XDP_INTERFACES_MAX || c->n_passes > XDP_PASS_LIMIT) {
		xdp_say(why, "XDP takes %d interfaces and %d prefixes that pass at most", XDP_INTERFACES_MAX,
		    XDP_PASS_LIMIT);
		return -ERR_LIMIT;
	}
	for (size_t i = 0; i < c->n_interfaces; i++)
		if (strlen(c->interfaces[i]) >= XDP_NAME_SIZE) {
			xdp_say(why, "%s: no interface has so long a name", c->interfaces[i]);
			return -EINVAL;
		}
	return 0;
}

static int set_up(struct xdp *x, const struct xdp_config *c, char *why)
{
	int r = open_folder(x, why);
	if (r < 0)
		return r;
	x->sockets = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	x->freed = calloc(XDP_ELEMENTS_MAX, sizeof(*x->freed));
	if (x->sockets < 0)
		return -errno;
	if (!x->freed)
		return -ENOMEM;
	r = xdp_model_init(&x->model);
	if (r == 0)
		r = xdp_load(x, c->passes, c->n_passes, why);
	for (size_t i = 0; i < c->n_interfaces && r == 0; i++) {
		struct xdp_interface *to = &x->interfaces[x->n_interfaces++];
		*to = (struct xdp_interface){.link = -1};
		snprintf(to->name, sizeof(to->name), "%s", c->interfaces[i]);
		r = xdp_attach(x, to, why);
	}
	if (r == 0)
		xdp_drop_others(x);
	return r;
}

int xdp_open(const struct xdp_config *config, struct backend **ret_backend, char *why)
{
	why[0] = 0;
	int r = check(config, why);
	if (r < 0)
		return r;
	struct xdp *x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	*x = (struct xdp){.backend.ops = &xdp_ops,
	    .folder = -1,
	    .sockets = -1,
	    .generic = config->generic,
	    .due = INT64_MAX,
	    .sweep_least = INT64_MAX};
	snprintf(x->pins, sizeof(x->pins), "%s", config->pins);
	libbpf_set_print(NULL); /* libraries don't write: what went wrong is in `why` */
	r = set_up(x, config, why);
	size_t n = strlen(why);
	if (n > 2 && strcmp(why + n - 2, "; ") == 0)
		why[n - 2] = 0;
	if (r < 0) {
		if (!*why)
			xdp_say(why, "XDP: %s", err_text(r));
		xdp_close(&x->backend);
		return r;
	}
	*ret_backend = &x->backend;
	return 0;
}

enum xdp_mode xdp_mode(const struct backend *b, size_t interface)
{
	const struct xdp *x = (const struct xdp *)b;
	return interface < x->n_interfaces ? x->interfaces[interface].mode : XDP_MODE_NONE;
}
