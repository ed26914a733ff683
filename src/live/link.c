/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "live/files.h"

int link_socket(int fd)
{
	int on = 1, patience_ms = (int)(LINK_STUCK_NS / 1000000);
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof(patience_ms)) < 0)
		return -errno;
	return 0;
}

void link_say_state(struct dynbuf *out, const char *name, const char *why)
{
	struct msg_enforcer_state m = {.name = text_of(name), .backend = TEXT("remote"), .why = text_of(why)};
	if (out)
		msg_enforcer_state_encode(out, &m);
}

void link_hold_back(struct link *l, struct link_wire *w)
{
	size_t here = l->local.channel ? channel_waiting(l->local.channel) : 0;
	size_t there = link_wire_waiting(w);
	if (here > LINK_WIRE_HIGH)
		link_wire_pause(w, true);
	else if (here < LINK_WIRE_LOW)
		link_wire_pause(w, false);
	if (there > LINK_WIRE_HIGH && !l->local.paused)
		peer_pause(&l->local, true);
	else if (there < LINK_WIRE_LOW && l->local.paused)
		peer_pause(&l->local, false);
}

const char *link_over(const struct link_wire *w, int64_t now)
{
	if (!w->paused && now - w->heard > LINK_SILENCE_NS)
		return "nothing was heard of it any more";
	if (link_wire_waiting(w) && now - w->moved > LINK_STUCK_NS)
		return "it takes nothing any more";
	return NULL;
}

/* The peer fits the configuration: the parent reads that before it gives peers. */
static int met(void *self, unsigned peer, uint16_t index, struct channel *c)
{
	struct link *l = self;
	(void)index;
	if (peer != MSG_PROCESS_ENGINE && peer != MSG_PROCESS_ENFORCER) {
		channel_free(c);
		return -EPROTO;
	}
	l->is_far = peer == MSG_PROCESS_ENFORCER;
	l->local.message = l->is_far ? link_far_local : link_near_local;
	l->local.gone = l->is_far ? link_far_local_gone : link_near_local_gone;
	l->local.context = l;
	if (!l->is_far) {
		l->process->engine = &l->local;
		link_near_met(l);
	}
	return peer_open(&l->local, &l->process->peers, c);
}

static void keep(int *fd, int new_fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = new_fd;
}

static int handed(void *self, const struct msg_handed *h, int fd)
{
	struct link *l = self;
	switch (h->what) {
	case MSG_HANDED_CERTIFICATE: keep(&l->files[0], fd); return 0;
	case MSG_HANDED_CERTIFICATE_KEY: keep(&l->files[1], fd); return 0;
	case MSG_HANDED_CA: keep(&l->files[2], fd); return 0;
	case MSG_HANDED_REMOTE: keep(&l->far.listener.fd, fd); return 0;
	default: close(fd); return -EPROTO;
	}
}

static int open_tls(void *self, const struct process_configuration *c, struct dynbuf *why)
{
	struct link *l = self;
	(void)why;
	l->is_far = c->conf->near.port != 0;
	return link_tls_begin();
}

/* Each with its length, so that no two sets of files have one digest. */
static bool digest_of(const struct dynbuf *files, uint8_t digest[32])
{
	EVP_MD_CTX *m = EVP_MD_CTX_new();
	bool good = m && EVP_DigestInit_ex(m, EVP_sha256(), NULL) == 1;
	for (int i = 0; i < 3; i++) {
		uint64_t n = files[i].n;
		good = good && EVP_DigestUpdate(m, &n, sizeof(n)) == 1 &&
		       EVP_DigestUpdate(m, files[i].p, files[i].n) == 1;
	}
	good = good && EVP_DigestFinal_ex(m, digest, NULL) == 1;
	EVP_MD_CTX_free(m);
	return good;
}

static void discard(void *self)
{
	struct link *l = self;
	SSL_CTX_free(l->next_context);
	l->next_context = NULL;
}

static int prepare(void *self, const struct process_configuration *c, struct dynbuf *why)
{
	struct link *l = self;
	struct dynbuf files[3] = {0};
	int r = 0;
	discard(l);
	if (l->is_far != (c->conf->near.port != 0) ||
	    (!l->is_far && l->process->index >= c->conf->n_enforcers))
		return -EINVAL;
	for (int i = 0; i < 3; i++) {
		if (r == 0)
			r = l->files[i] < 0 ? -ENOENT : live_read_file(l->files[i], &files[i]);
		keep(&l->files[i], -1);
	}
	struct link_pem pem = {.certificate = dynbuf_view(&files[0]),
	    .key = dynbuf_view(&files[1]),
	    .ca = dynbuf_view(&files[2])};
	if (r == 0 && !digest_of(files, l->next_digest))
		r = -ENOMEM;
	if (r == 0)
		r = link_tls_context(&l->next_context, &pem, why);
	for (int i = 0; i < 3; i++) {
		if (files[i].p)
			OPENSSL_cleanse(files[i].p, files[i].cap);
		dynbuf_free(&files[i]);
	}
	return r;
}

static void swap(void *self)
{
	struct link *l = self;
	bool changed = memcmp(l->digest, l->next_digest, sizeof(l->digest)) != 0;
	memcpy(l->digest, l->next_digest, sizeof(l->digest));
	SSL_CTX_free(l->context);
	l->context = l->next_context;
	l->next_context = NULL;
	if (l->is_far)
		link_far_swap(l, changed);
	else
		link_near_swap(l, changed);
}

static int64_t deadline(void *self)
{
	struct link *l = self;
	return l->is_far ? link_far_deadline(l) : link_near_deadline(l);
}

static void tick(void *self, int64_t now)
{
	struct link *l = self;
	if (l->is_far)
		link_far_tick(l, now);
	else
		link_near_tick(l, now);
}

/* What is in force stays so, under its leases. */
static bool stop(void *self)
{
	(void)self;
	return true;
}

static void free_link(void *self)
{
	struct link *l = self;
	peer_close(&l->local);
	link_near_free(l);
	link_far_free(l);
	for (int i = 0; i < 3; i++)
		keep(&l->files[i], -1);
	SSL_CTX_free(l->context);
	SSL_CTX_free(l->next_context);
	arena_free(&l->arena);
	free(l);
}

static int start(struct process *p, void **ret_self)
{
	struct link *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->process = p;
	for (int i = 0; i < 3; i++)
		l->files[i] = -1;
	l->far.listener.fd = -1;
	*ret_self = l;
	return 0;
}

int link_process(uint16_t index)
{
	static const struct process_ops ops = {.kind = MSG_PROCESS_LINK,
	    .profile = SANDBOX_LINK,
	    .handed = handed,
	    .met = met,
	    .open = open_tls,
	    .prepare = prepare,
	    .swap = swap,
	    .discard = discard,
	    .deadline = deadline,
	    .tick = tick,
	    .stop = stop,
	    .free = free_link};
	return process_run(&ops, index, start);
}
