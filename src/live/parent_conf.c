/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/parent_private.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <net/if.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "live/files.h"

void parent_conf_free(struct parent_conf *c)
{
	daemon_conf_free(c->daemon);
	site_free(c->site);
	if (c->daemon_fd >= 0)
		close(c->daemon_fd);
	if (c->site_fd >= 0)
		close(c->site_fd);
	*c = (struct parent_conf){.daemon_fd = -1, .site_fd = -1};
}

static void tell(site_diagnostic_fn line, void *context, const char *path, int error)
{
	struct dynbuf b = {0};
	dynbuf_printf(&b, "%s: %s", path, err_text(error));
	dynbuf_u8(&b, 0);
	if (b.error == 0)
		line(context, (const char *)b.p);
	dynbuf_free(&b);
}

/* A sealed copy: what was checked here is what every child reads, whatever happens to the file meanwhile. */
static int copy_file(const char *path, int *ret_fd, site_diagnostic_fn line, void *context)
{
	struct dynbuf text = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r = fd < 0 ? -errno : live_read_file(fd, &text);
	if (fd >= 0)
		close(fd);
	if (r == 0) {
		fd = live_make_file("bulkhead-conf", dynbuf_view(&text));
		r = fd < 0 ? fd : 0;
	}
	dynbuf_free(&text);
	if (r < 0)
		tell(line, context, path, r);
	else
		*ret_fd = fd;
	return r;
}

static int find_users(struct parent_conf *c, site_diagnostic_fn line, void *context)
{
	struct daemon_conf *d = c->daemon;
	int r = 0;
	c->uid = 0;
	c->gid = 0;
	if (geteuid() == 0) {
		const struct passwd *u = getpwnam(d->run_as);
		if (!u) {
			tell(line, context, d->run_as, -ENOENT);
			return -ERR_INVALID;
		}
		c->uid = u->pw_uid;
		c->gid = u->pw_gid;
	}
	for (size_t role = 0; role < DAEMON_ROLES; role++)
		for (size_t i = 0; i < d->control.n_members[role]; i++) {
			struct daemon_member *m = &d->control.members[role][i];
			const struct group *g = m->group ? getgrnam(m->name) : NULL;
			const struct passwd *u = m->group ? NULL : getpwnam(m->name);
			m->id = g ? g->gr_gid : u ? u->pw_uid : UINT32_MAX;
			if (m->id == UINT32_MAX)
				log_warning("%s: there is no %s '%s'; nobody gets its role by it", d->path,
				    m->group ? "group" : "user", m->name);
		}
	return r;
}

/* Each of the two files is for one verb; a configuration that is swapped is of the same kind. */
static int check_kind(const struct daemon_conf *d, bool far, site_diagnostic_fn line, void *context)
{
	struct dynbuf b = {0};
	if ((d->near.port != 0) == far)
		return 0;
	dynbuf_printf(&b,
	    far ? "%s: has no section \"near\": it is for bulkhead run"
	        : "%s: has a section \"near\": it is for bulkhead enforce",
	    d->path);
	dynbuf_u8(&b, 0);
	if (b.error == 0)
		line(context, (const char *)b.p);
	dynbuf_free(&b);
	return -ERR_INVALID;
}

static int look_for_file(const char *beside, const char *name, site_diagnostic_fn line, void *context)
{
	char full[PATH_MAX];
	int r = live_path(beside, name, full, sizeof(full));
	int fd = r < 0 ? -1 : open(full, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (r == 0 && fd < 0)
		r = -errno;
	if (fd >= 0)
		close(fd);
	if (r < 0)
		tell(line, context, name, r);
	return r;
}

static int look_for_interfaces(const char *const *names, size_t n, site_diagnostic_fn line, void *context)
{
	for (size_t i = 0; i < n; i++)
		if (if_nametoindex(names[i]) == 0) {
			tell(line, context, names[i], -ENODEV);
			return -ERR_INVALID;
		}
	return 0;
}

/* What processes are given, or open, when they begin: where it isn't there they couldn't, and the
 * configuration isn't taken. */
static int look_for_all(const struct parent_conf *c, site_diagnostic_fn line, void *context)
{
	const struct daemon_conf *d = c->daemon;
	int r = 0;
	for (size_t i = 0; i < d->n_links && r == 0; i++) {
		const struct daemon_link *l = &d->links[i];
		r = look_for_interfaces(l->interfaces, l->n_interfaces, line, context);
		if (r == 0 && l->capture)
			r = look_for_file(d->path, l->capture, line, context);
	}
	for (size_t i = 0; i < d->n_enforcers && r == 0; i++)
		if (!d->enforcers[i].is_remote)
			r = look_for_interfaces(
			    d->enforcers[i].interfaces, d->enforcers[i].n_interfaces, line, context);
	for (size_t i = 0; i < c->site->n_indicators && r == 0; i++)
		r = look_for_file(c->site->path, c->site->indicators[i], line, context);
	if (r == 0 && c->site->ledger.key)
		r = look_for_file(c->site->path, c->site->ledger.key, line, context);
	return r;
}

int parent_conf_read(
    struct parent_conf *c, const char *path, bool far, site_diagnostic_fn line, void *context)
{
	struct parent_conf n = {.daemon_fd = -1, .site_fd = -1};
	char site[PATH_MAX];
	int r = copy_file(path, &n.daemon_fd, line, context);
	/* the daemon's file names the site file, and is then held against it */
	if (r == 0)
		r = live_read_daemon(&n.daemon, n.daemon_fd, path, NULL, line, context);
	if (r == 0 && n.daemon->site) {
		r = live_path(path, n.daemon->site, site, sizeof(site));
		if (r == 0)
			r = copy_file(site, &n.site_fd, line, context);
		if (r == 0)
			r = live_read_site(&n.site, n.site_fd, site, line, context);
	} else if (r == 0) {
		r = site_guess(&n.site);
	}
	if (r == 0) {
		daemon_conf_free(n.daemon);
		n.daemon = NULL;
		r = live_read_daemon(&n.daemon, n.daemon_fd, path, n.site, line, context);
	}
	if (r == 0)
		r = check_kind(n.daemon, far, line, context);
	if (r == 0)
		r = find_users(&n, line, context);
	if (r == 0)
		r = look_for_all(&n, line, context);
	if (r < 0) {
		parent_conf_free(&n);
		return r;
	}
	*c = n;
	return 0;
}

static bool same(const char *a, const char *b)
{
	return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

static bool same_link(const struct daemon_link *a, const struct daemon_link *b)
{
	bool is = same(a->name, b->name) && same(a->capture, b->capture) && a->place == b->place &&
	          a->deliver == b->deliver && a->n_interfaces == b->n_interfaces && !(a->speed < b->speed) &&
	          !(a->speed > b->speed);
	for (size_t i = 0; is && i < a->n_interfaces; i++)
		is = same(a->interfaces[i], b->interfaces[i]);
	return is;
}

static bool same_links(const struct daemon_conf *a, const struct daemon_conf *b)
{
	bool is = a->n_links == b->n_links && a->sensor.processes == b->sensor.processes &&
	          a->sensor.ring_mib == b->sensor.ring_mib && a->sensor.flows_max == b->sensor.flows_max &&
	          a->sensor.snapshot_ns == b->sensor.snapshot_ns;
	for (size_t i = 0; is && i < a->n_links; i++)
		is = same_link(&a->links[i], &b->links[i]);
	return is;
}

static bool same_bgp(const struct daemon_bgp *a, const struct daemon_bgp *b)
{
	return net_addr_equal(a->peer, b->peer) && a->port == b->port && net_addr_equal(a->local, b->local) &&
	       a->local_as == b->local_as && a->peer_as == b->peer_as &&
	       net_addr_equal(a->router_id, b->router_id) && a->hold_ns == b->hold_ns &&
	       a->announce == b->announce && net_addr_equal(a->next_hop_v4, b->next_hop_v4) &&
	       net_addr_equal(a->next_hop_v6, b->next_hop_v6);
}

static bool same_remote(const struct daemon_remote *a, const struct daemon_remote *b)
{
	return net_addr_equal(a->address, b->address) && a->port == b->port && same(a->name, b->name) &&
	       same(a->certificate, b->certificate) && same(a->key, b->key) && same(a->ca, b->ca);
}

static bool same_enforcer(const struct daemon_enforcer *a, const struct daemon_enforcer *b)
{
	bool is = same(a->name, b->name) && a->is_remote == b->is_remote && a->backend == b->backend &&
	          a->hooks == b->hooks && same(a->table, b->table) && a->reset == b->reset &&
	          a->lease_ns == b->lease_ns && a->n_interfaces == b->n_interfaces;
	for (size_t i = 0; is && i < a->n_interfaces; i++)
		is = same(a->interfaces[i], b->interfaces[i]);
	return is && same_bgp(&a->bgp, &b->bgp) && same_remote(&a->remote, &b->remote);
}

static bool same_passes(const struct daemon_guardrails *a, const struct daemon_guardrails *b)
{
	bool is = a->n_pass == b->n_pass;
	for (size_t i = 0; is && i < a->n_pass; i++)
		is = memcmp(&a->pass[i].prefix, &b->pass[i].prefix, sizeof(a->pass[i].prefix)) == 0 &&
		     a->pass[i].protocol == b->pass[i].protocol && a->pass[i].port == b->pass[i].port;
	return is;
}

static bool same_prefixes(const struct net_prefix *a, size_t n_a, const struct net_prefix *b, size_t n_b)
{
	return n_a == n_b && (n_a == 0 || memcmp(a, b, n_a * sizeof(*a)) == 0);
}

/* What is never cut, and from where it is steered, passes in the backends too. */
static bool same_spared(const struct parent_conf *a, const struct parent_conf *b)
{
	const struct daemon_guardrails *x = &a->daemon->guardrails, *y = &b->daemon->guardrails;
	return same_passes(x, y) &&
	       same_prefixes(x->never_cut, x->n_never_cut, y->never_cut, y->n_never_cut) &&
	       same_prefixes(x->control, x->n_control, y->control, y->n_control) &&
	       same_prefixes(
	           a->site->never_cut, a->site->n_never_cut, b->site->never_cut, b->site->n_never_cut);
}

static bool same_enforcers(const struct daemon_conf *a, const struct daemon_conf *b)
{
	bool is = a->n_enforcers == b->n_enforcers;
	for (size_t i = 0; is && i < a->n_enforcers; i++)
		is = same_enforcer(&a->enforcers[i], &b->enforcers[i]);
	return is;
}

bool parent_conf_restarts(const struct parent_conf *a, const struct parent_conf *b, enum msg_process kind)
{
	const struct daemon_conf *x = a->daemon, *y = b->daemon;
	if (a->uid != b->uid || a->gid != b->gid)
		return true;
	switch (kind) {
	case MSG_PROCESS_SENSOR: return !same_links(x, y);
	case MSG_PROCESS_ENGINE:
		return !same(x->state, y->state) || !same_links(x, y) || !same_enforcers(x, y);
	case MSG_PROCESS_ARCHIVIST:
		return !same(x->archive, y->archive) || !same(x->eve_file, y->eve_file) ||
		       !same(x->eve_socket, y->eve_socket) || !same(a->site->ledger.key, b->site->ledger.key);
	case MSG_PROCESS_PLANNER: return !same(x->archive, y->archive);
	case MSG_PROCESS_ENFORCER: return !same_enforcers(x, y) || !same_spared(a, b);
	case MSG_PROCESS_LINK:
		return !same_enforcers(x, y) || x->near.port != y->near.port ||
		       !net_addr_equal(x->near.address, y->near.address);
	case MSG_PROCESS_GATEWAY:
		return !same(x->control.socket, y->control.socket) || x->metrics_port != y->metrics_port ||
		       !net_addr_equal(x->metrics_addr, y->metrics_addr);
	case MSG_PROCESS_PARENT:
	case MSG_PROCESS_COURIER:
	case MSG_PROCESS_COUNT: return false;
	}
	return false;
}

static int make_folder(const struct parent_conf *c, const char *path)
{
	char full[PATH_MAX];
	struct stat s;
	int r = live_path(c->daemon->path, path, full, sizeof(full));
	for (char *slash = full; r == 0 && (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		mkdir(full, 0755);
		*slash = '/';
	}
	if (r == 0 && mkdir(full, 0700) < 0 && errno != EEXIST)
		r = -errno;
	/* what an earlier run left belongs to whom that ran as; more than the folder itself isn't touched */
	if (r == 0 && stat(full, &s) < 0)
		r = -errno;
	if (r == 0 && c->uid && s.st_uid != c->uid && chown(full, c->uid, c->gid) < 0)
		r = -errno;
	if (r < 0)
		log_error("%s can't be made ready: %s", full, err_text(r));
	return r;
}

/* The folder of a socket or file is made where it isn't there: /run is empty after each boot. */
static void make_folder_of(const struct parent_conf *c, const char *path)
{
	char full[PATH_MAX];
	char *slash = path && live_path(c->daemon->path, path, full, sizeof(full)) == 0 ? strrchr(full, '/')
	                                                                                : NULL;
	if (!slash || slash == full)
		return;
	*slash = '\0';
	mkdir(full, 0755);
}

int parent_conf_folders(const struct parent_conf *c)
{
	make_folder_of(c, c->daemon->control.socket);
	make_folder_of(c, c->daemon->eve_file);
	/* who carries out what others decide keeps nothing */
	if (c->daemon->near.port)
		return 0;
	int r = make_folder(c, c->daemon->archive);
	return r == 0 ? make_folder(c, c->daemon->state) : r;
}
