/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/fence.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "live/files.h"

enum { PATHS_MAX = 8, PORTS_MAX = 4 };

struct fence {
	struct sandbox_request request;
	struct sandbox_path paths[PATHS_MAX];
	char names[PATHS_MAX][PATH_MAX];
	uint16_t ports[PORTS_MAX];
};

static int add_path(
    struct fence *f, const struct daemon_conf *d, const char *path, enum sandbox_access access)
{
	size_t i = f->request.n_paths;
	int r = live_path(d->path, path, f->names[i], sizeof(f->names[i]));
	if (r < 0)
		return r;
	f->paths[i] = (struct sandbox_path){.path = f->names[i], .access = access};
	f->request.n_paths++;
	return 0;
}

static void add_enforcer(struct fence *f, const struct daemon_enforcer *e)
{
	switch (e->backend) {
	case DAEMON_BACKEND_NFTABLES: f->request.options |= SANDBOX_NETFILTER; break;
	case DAEMON_BACKEND_XDP: f->request.options |= SANDBOX_XDP; break;
	case DAEMON_BACKEND_BGP:
		f->request.options |= SANDBOX_BGP;
		f->ports[f->request.n_ports++] = e->bgp.port;
		break;
	}
}

static int add_own(struct fence *f, const struct process *p)
{
	const struct daemon_conf *d = p->next_conf;
	switch (p->ops->kind) {
	case MSG_PROCESS_ENGINE: return add_path(f, d, d->state, SANDBOX_WRITE);
	case MSG_PROCESS_ARCHIVIST: return add_path(f, d, d->archive, SANDBOX_WRITE);
	case MSG_PROCESS_PLANNER: return add_path(f, d, d->archive, SANDBOX_READ);
	case MSG_PROCESS_ENFORCER:
		if (p->index < d->n_enforcers)
			add_enforcer(f, &d->enforcers[p->index]);
		return 0;
	case MSG_PROCESS_LINK:
		/* at the far side it connects to nobody */
		if (!d->near.port && p->index < d->n_enforcers)
			f->ports[f->request.n_ports++] = d->enforcers[p->index].remote.port;
		return 0;
	case MSG_PROCESS_PARENT:
	case MSG_PROCESS_SENSOR:
	case MSG_PROCESS_GATEWAY:
	case MSG_PROCESS_COURIER:
	case MSG_PROCESS_COUNT: return 0;
	}
	return 0;
}

/* Where a person chose to leave something out he need not be told so. */
static void tell_missing(const struct process *p, const struct sandbox_result *result)
{
	for (unsigned i = 0; i < SANDBOX_MISSING_COUNT; i++)
		if (result->missing & 1u << i)
			log_warning("%s: %s", msg_process_name(p->ops->kind),
			    sandbox_missing_text((enum sandbox_missing)i));
}

int fence_enter(const struct process *p, const struct msg_prepare *m)
{
	struct fence f = {.request = {.profile = p->ops->profile,
	                      .level = (enum sandbox_level)m->sandbox,
	                      .keep_fds = true,
	                      .uid = m->uid,
	                      .gid = m->gid,
	                      .parent = getppid()}};
	struct sandbox_result result;
	f.request.paths = f.paths;
	f.request.ports = f.ports;
	int r = m->sandbox < SANDBOX_LEVELS ? add_own(&f, p) : -EINVAL;
	if (r == 0)
		r = sandbox_enter(&f.request, &result);
	if (r < 0)
		log_error(
		    "%s: its sandbox can't be entered: %s", msg_process_name(p->ops->kind), err_text(r));
	else if (m->sandbox == SANDBOX_LEVEL_ALL)
		tell_missing(p, &result);
	return r;
}
