/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/fence.h"

#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/num.h"
#include "live/files.h"

enum { PATHS_MAX = 8, PORTS_MAX = DAEMON_WEBHOOKS_MAX + 2 };

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

char *fence_pins(uint16_t index, char *buf)
{
	snprintf(buf, PATH_MAX, "/sys/fs/bpf/bulkhead-%u", index);
	return buf;
}

/* What root pinned while it loaded the program is the process's to keep from then on. */
static int give_pins(const char *folder, const struct msg_prepare *m)
{
	DIR *d = opendir(folder);
	int r = d && (m->uid == 0 || fchown(dirfd(d), m->uid, m->gid) == 0) ? 0 : -errno;
	for (const struct dirent *e; r == 0 && m->uid && (e = readdir(d));)
		if (e->d_name[0] != '.' &&
		    fchownat(dirfd(d), e->d_name, m->uid, m->gid, AT_SYMLINK_NOFOLLOW) < 0)
			r = -errno;
	if (d)
		closedir(d);
	return r;
}

static int add_enforcer(
    struct fence *f, const struct daemon_enforcer *e, uint16_t index, const struct msg_prepare *m)
{
	size_t i = f->request.n_paths;
	int r = 0;
	switch (e->backend) {
	case DAEMON_BACKEND_NFTABLES: f->request.options |= SANDBOX_NETFILTER; break;
	case DAEMON_BACKEND_XDP:
		f->request.options |= SANDBOX_XDP;
		r = give_pins(fence_pins(index, f->names[i]), m);
		f->paths[i] = (struct sandbox_path){.path = f->names[i], .access = SANDBOX_WRITE};
		f->request.n_paths++;
		break;
	case DAEMON_BACKEND_BGP:
		f->request.options |= SANDBOX_BGP;
		f->ports[f->request.n_ports++] = e->bgp.port;
		break;
	}
	return r;
}

/* The ports that webhooks are at, and that of DNS over TCP. */
static void add_webhooks(struct fence *f, const struct daemon_conf *d)
{
	enum { DNS_PORT = 53 };
	f->ports[f->request.n_ports++] = DNS_PORT;
	for (size_t i = 0; i < d->n_webhooks; i++) {
		CURLU *u = curl_url();
		char *port = NULL;
		uint64_t number = 0;
		if (u && curl_url_set(u, CURLUPART_URL, d->webhooks[i].url, 0) == CURLUE_OK &&
		    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		    num_parse_u64(text_of(port), UINT16_MAX, &number) == 0)
			f->ports[f->request.n_ports++] = (uint16_t)number;
		curl_free(port);
		curl_url_cleanup(u);
	}
}

static int add_own(struct fence *f, const struct process *p, const struct msg_prepare *m)
{
	const struct daemon_conf *d = p->next_conf;
	switch (p->ops->kind) {
	case MSG_PROCESS_ENGINE: return add_path(f, d, d->state, SANDBOX_WRITE);
	case MSG_PROCESS_ARCHIVIST: return add_path(f, d, d->archive, SANDBOX_WRITE);
	case MSG_PROCESS_PLANNER: return add_path(f, d, d->archive, SANDBOX_READ);
	case MSG_PROCESS_ENFORCER:
		return p->index < d->n_enforcers ? add_enforcer(f, &d->enforcers[p->index], p->index, m) : 0;
	case MSG_PROCESS_LINK:
		/* at the far side it connects to nobody */
		if (!d->near.port && p->index < d->n_enforcers)
			f->ports[f->request.n_ports++] = d->enforcers[p->index].remote.port;
		return 0;
	case MSG_PROCESS_PARENT:
	case MSG_PROCESS_SENSOR:
	case MSG_PROCESS_GATEWAY:
	case MSG_PROCESS_COUNT: return 0;
	case MSG_PROCESS_COURIER: add_webhooks(f, d); return 0;
	}
	return 0;
}

/* Where a person chose to leave something out he need not be told so. */
static void tell_missing(const char *name, const struct sandbox_result *result)
{
	for (unsigned i = 0; i < SANDBOX_MISSING_COUNT; i++)
		if (result->missing & 1u << i)
			log_warning("%s: %s", name, sandbox_missing_text((enum sandbox_missing)i));
}

/* What a library loads at its first use must be loaded before the doors are shut: the sensor may open
 * nothing, and digests keys and certificates from the first SSH or TLS connection on. */
static void load_libraries(void)
{
	OPENSSL_init_crypto(
	    OPENSSL_INIT_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_ADD_ALL_DIGESTS | OPENSSL_INIT_LOAD_CONFIG, NULL);
	tzset();
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
	int r = m->sandbox < SANDBOX_LEVELS ? add_own(&f, p, m) : -EINVAL;
	load_libraries();
	if (r == 0)
		r = sandbox_enter(&f.request, &result);
	if (r < 0)
		log_error(
		    "%s: its sandbox can't be entered: %s", msg_process_name(p->ops->kind), err_text(r));
	else if (m->sandbox == SANDBOX_LEVEL_ALL)
		tell_missing(msg_process_name(p->ops->kind), &result);
	return r;
}

/* The folder that a file is in. */
static int add_folder_of(struct fence *f, const struct daemon_conf *d, const char *path)
{
	size_t i = f->request.n_paths;
	int r = add_path(f, d, path, SANDBOX_WRITE);
	char *slash = r == 0 ? strrchr(f->names[i], '/') : NULL;
	if (r == 0)
		snprintf(slash ? slash + (slash == f->names[i]) : f->names[i], 2, "%s", slash ? "" : ".");
	return r;
}

/* What the parent of `bulkhead run` makes and writes. */
static int add_kept(struct fence *f, const struct daemon_conf *d)
{
	int r = d->archive ? add_path(f, d, d->archive, SANDBOX_WRITE) : 0;
	if (r == 0 && d->state)
		r = add_path(f, d, d->state, SANDBOX_WRITE);
	if (r == 0 && d->control.socket)
		r = add_folder_of(f, d, d->control.socket);
	if (r == 0 && d->eve_file)
		r = add_folder_of(f, d, d->eve_file);
	return r;
}

/* That of `bulkhead enforce` keeps nothing; where no path is given at all writing wouldn't be fenced off. */
static int add_nothing(struct fence *f)
{
	f->paths[f->request.n_paths++] = (struct sandbox_path){
	    .path = "/dev/null", .access = SANDBOX_WRITE, .optional = true};
	return 0;
}

int fence_enter_parent(const struct daemon_conf *d, enum sandbox_level level)
{
	struct fence f = {.request = {.profile = SANDBOX_PARENT, .level = level, .keep_fds = true}};
	struct sandbox_result result;
	f.request.paths = f.paths;
	int r = d->near.port ? add_nothing(&f) : add_kept(&f, d);
	for (size_t i = 0; i < d->n_enforcers; i++)
		if (!d->enforcers[i].is_remote && d->enforcers[i].backend == DAEMON_BACKEND_XDP)
			f.request.options |= SANDBOX_XDP;
	if (f.request.options & SANDBOX_XDP && r == 0)
		f.paths[f.request.n_paths++] = (struct sandbox_path){
		    .path = "/sys/fs/bpf", .access = SANDBOX_WRITE, .optional = true};
	if (r == 0)
		r = sandbox_enter(&f.request, &result);
	if (r < 0)
		log_error("the parent's sandbox can't be entered: %s", err_text(r));
	else if (level == SANDBOX_LEVEL_ALL)
		tell_missing("parent", &result);
	return r;
}
