/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/archivist.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "live/files.h"

static int take_key(struct archivist *a, const struct msg_handed *h, int fd)
{
	char why[160];
	struct dynbuf text = {0};
	int r = live_read_file(fd, &text);
	if (r == 0)
		r = ledger_key_parse(dynbuf_view(&text), &a->key);
	if (text.p)
		explicit_bzero(text.p, text.n);
	dynbuf_free(&text);
	if (r < 0)
		log_error("the ledger's key %s is none: %s", text_printable(h->name, why, sizeof(why)),
		    err_text(r));
	return r;
}

/* For the configuration that comes, or (of no generation) at once. */
static void take_outlet(struct archivist *a, const struct msg_handed *h, int fd)
{
	if (h->index < EVE_OUTLETS && h->generation == 0 && a->eve) {
		archivist_eve_open(a->eve, h->index, fd, loop_now());
	} else if (h->index < EVE_OUTLETS && h->generation) {
		if (a->next_eve[h->index] >= 0)
			close(a->next_eve[h->index]);
		a->next_eve[h->index] = fd;
	} else {
		close(fd);
	}
}

static int handed(void *self, const struct msg_handed *h, int fd)
{
	struct archivist *a = self;
	int r = 0;
	if (h->what == MSG_HANDED_EVE) {
		take_outlet(a, h, fd);
		return 0;
	}
	if (h->what == MSG_HANDED_KEY && !a->key)
		r = take_key(a, h, fd);
	close(fd);
	return r;
}

static int on_message(void *context, uint16_t number, struct text bytes)
{
	return archivist_keep(context, number, bytes);
}

static void on_gone(void *context, int error)
{
	struct archivist *a = context;
	if (error != -EPIPE)
		log_error("the engine said what makes no sense (%s); its channel is closed", err_text(error));
	archivist_keep_forget(a);
}

static int met(void *self, unsigned peer, uint16_t index, struct channel *c)
{
	struct archivist *a = self;
	(void)index;
	if (peer != MSG_PROCESS_ENGINE) {
		channel_free(c);
		return -EPROTO;
	}
	archivist_keep_forget(a);
	a->engine.message = on_message;
	a->engine.gone = on_gone;
	a->engine.context = a;
	int r = peer_open(&a->engine, &a->process->peers, c);
	if (r == 0 && (a->failing || !a->process->running))
		peer_pause(&a->engine, true);
	return r;
}

static int prepare(void *self, const struct process_configuration *c, struct dynbuf *why)
{
	struct archivist *a = self;
	char path[PATH_MAX];
	bool eve = c->conf->eve_file || c->conf->eve_socket;
	int r = 0;
	if (!a->archive) {
		r = live_path(c->conf->path, c->conf->archive, path, sizeof(path));
		if (r == 0)
			r = archivist_keep_open(a, path, why);
	}
	if (r == 0 && eve && !a->eve)
		r = archivist_eve_new(&a->eve, a->process->loop, a->process->seed);
	return r;
}

static void discard(void *self)
{
	struct archivist *a = self;
	for (int i = 0; i < EVE_OUTLETS; i++) {
		if (a->next_eve[i] >= 0)
			close(a->next_eve[i]);
		a->next_eve[i] = -1;
	}
}

static void swap(void *self)
{
	struct archivist *a = self;
	int64_t now = loop_now();
	for (int i = 0; a->eve && i < EVE_OUTLETS; i++) {
		int fd = a->next_eve[i];
		a->next_eve[i] = -1;
		if (i == 0)
			archivist_eve_want(a->eve, a->process->conf, now);
		if (fd >= 0)
			archivist_eve_open(a->eve, (unsigned)i, fd, now);
	}
	discard(a);
	if (a->process->running)
		return;
	archivist_keep_begin(a, now);
	if (a->engine.channel)
		peer_pause(&a->engine, false);
}

static int64_t deadline(void *self)
{
	struct archivist *a = self;
	int64_t at = archivist_keep_deadline(a), eve = a->eve ? archivist_eve_deadline(a->eve) : INT64_MAX;
	return eve < at ? eve : at;
}

static void tick(void *self, int64_t now)
{
	struct archivist *a = self;
	struct dynbuf *out = peer_out(&a->process->parent);
	archivist_keep_tick(a, now);
	if (!a->eve)
		return;
	archivist_eve_tick(a->eve, now);
	for (int i; out && (i = archivist_eve_asks(a->eve, now)) >= 0;)
		msg_outlet_encode(out, &(struct msg_outlet){.index = (uint16_t)i});
}

/* Everything that the engine sent is read first: its channel is over when the engine is. */
static bool stop(void *self)
{
	struct archivist *a = self;
	return !a->engine.channel || a->failing;
}

static void free_archivist(void *self)
{
	struct archivist *a = self;
	archivist_keep_close(a);
	if (a->eve)
		archivist_eve_finish(a->eve, loop_now());
	archivist_eve_free(a->eve);
	discard(a);
	peer_close(&a->engine);
	ledger_key_free(a->key);
	arena_free(&a->arena);
	dynbuf_free(&a->held);
	free(a);
}

static int start(struct process *p, void **ret_self)
{
	struct archivist *a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->process = p;
	a->next_eve[EVE_FILE] = a->next_eve[EVE_SOCKET] = -1;
	p->engine = &a->engine;
	a->held.max = ARCHIVIST_HELD_MAX;
	/* It is told to end by its parent, and where that is dead it writes out what the engine had sent: the
	 * signal of the parent's end says nothing new. A limit on files is as a full disk, and a pipe whose
	 * reader is gone no reason to end. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	*ret_self = a;
	return 0;
}

int archivist_process(uint16_t index)
{
	static const struct process_ops ops = {.kind = MSG_PROCESS_ARCHIVIST,
	    .profile = SANDBOX_ARCHIVIST,
	    .handed = handed,
	    .met = met,
	    .prepare = prepare,
	    .swap = swap,
	    .discard = discard,
	    .deadline = deadline,
	    .tick = tick,
	    .stop = stop,
	    .free = free_archivist};
	return process_run(&ops, index, start);
}
