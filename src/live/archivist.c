/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The archivist's process: records and acts into the archive, whose one writer it is, and receipts for what
 * is durable. Where the disk takes no more it stops reading and tries again: what was received is kept, in
 * order, and nothing is acknowledged that isn't there.
 */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "archive/archive.h"
#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "ledger/act.h"
#include "ledger/key.h"
#include "live/files.h"
#include "live/process.h"

#define RETRY_NS  NS_PER_S
#define SIGN_NS   (60 * NS_PER_S)   /* a checkpoint at least this often, while there is something new */
#define EXPIRE_NS (3600 * NS_PER_S) /* retention is looked at */

struct archivist {
	struct process *process;
	struct peer engine;
	struct archive *archive;
	struct ledger_key *key;
	struct arena arena;
	struct dynbuf held; /* messages that the disk had no room for, in order */
	uint64_t sequence;  /* of what the engine sent, taken */
	uint64_t told;      /* acknowledged */
	bool dirty;         /* something was appended since the last sync */
	bool unsigned_news; /* ... and since the last checkpoint */
	bool failing;
	int64_t sync_at, sign_at, expire_at, retry_at;
};

static int64_t wall_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int handed(void *self, const struct msg_handed *h, int fd)
{
	struct archivist *a = self;
	char why[160];
	struct dynbuf text = {0};
	if (h->what != MSG_HANDED_KEY || a->key) {
		close(fd);
		return 0;
	}
	int r = live_read_file(fd, &text);
	close(fd);
	if (r == 0)
		r = ledger_key_parse(dynbuf_view(&text), &a->key);
	explicit_bzero(text.p, text.n);
	dynbuf_free(&text);
	if (r < 0)
		log_error("the ledger's key %s is none: %s", text_printable(h->name, why, sizeof(why)),
		    err_text(r));
	return r;
}

static int append_act(struct archivist *a, struct text bytes)
{
	struct msg_act m;
	struct ledger_entry e;
	char line[LEDGER_LINE_MAX];
	int r = msg_act_decode(bytes.p, bytes.n, &a->arena, &m);
	if (r < 0)
		return r;
	struct ledger_act act = {
	    .time = m.time, .order = m.order, .what = m.what, .who = m.who, .why = m.why};
	r = ledger_act_print(&act, line, &e);
	return r == 0 ? ledger_append(archive_ledger(a->archive), &e) : r;
}

#define APPEND(name)                                                                                         \
	{                                                                                                    \
		struct msg_##name m;                                                                         \
		int r = msg_##name##_decode(bytes.p, bytes.n, &a->arena, &m);                                \
		return r == 0 ? archive_append_##name(a->archive, &m) : r;                                   \
	}

static int append(struct archivist *a, uint16_t number, struct text bytes)
{
	arena_reset(&a->arena);
	switch (number) {
	case MSG_FLOW: APPEND(flow)
	case MSG_TRANSACTION: APPEND(transaction)
	case MSG_DETECTION: APPEND(detection)
	case MSG_BINDING: APPEND(binding)
	case MSG_COVERAGE: APPEND(coverage)
	case MSG_ACT: return append_act(a, bytes);
	default: return -EPROTO;
	}
}

static void say_receipt(struct archivist *a, int error)
{
	struct dynbuf *out = peer_out(&a->engine);
	struct msg_receipt m = {
	    .sequence = a->told, .failed = error < 0, .why = text_of(error < 0 ? err_text(error) : "")};
	if (out)
		msg_receipt_encode(out, &m);
}

static void hold(struct archivist *a, struct text bytes, int error)
{
	if (!a->failing)
		log_error(
		    "the archive takes no record (%s); what comes waits until it does", err_text(error));
	a->failing = true;
	a->retry_at = loop_now() + RETRY_NS;
	dynbuf_text(&a->held, bytes);
	peer_pause(&a->engine, true);
	say_receipt(a, error);
}

/* What will not get better: the record itself is at fault. */
static bool is_unfit(int error)
{
	return error == -ERR_LIMIT || error == -ERR_MALFORMED || error == -EINVAL || error == -ERR_TRUNCATED;
}

static int on_message(void *context, uint16_t number, struct text bytes)
{
	struct archivist *a = context;
	if (a->held.n) {
		dynbuf_text(&a->held, bytes);
		return a->held.error;
	}
	int r = append(a, number, bytes);
	if (r == -EPROTO)
		return r;
	if (r < 0 && !is_unfit(r)) {
		hold(a, bytes, r);
		return 0;
	}
	if (r < 0)
		log_warning("a record can't be kept: %s", err_text(r));
	a->sequence++;
	if (!a->dirty)
		a->sync_at = loop_now() + a->process->conf->sync_ns;
	a->dirty = a->unsigned_news = true;
	return 0;
}

/* Works off what was held, as far as the disk takes it. */
static void retry(struct archivist *a, int64_t now)
{
	size_t at = 0;
	int r = 0;
	while (at < a->held.n) {
		uint16_t number;
		size_t length;
		if (msg_peek(a->held.p + at, a->held.n - at, &number, &length) < 0)
			break;
		r = append(a, number, text_bytes((const char *)a->held.p + at, length));
		if (r < 0 && !is_unfit(r))
			break;
		a->sequence++;
		at += length;
	}
	a->dirty |= at > 0;
	dynbuf_drop_front(&a->held, at);
	if (a->held.n) {
		a->retry_at = now + RETRY_NS;
		return;
	}
	log_info("the archive takes records again");
	a->failing = false;
	a->retry_at = INT64_MAX;
	a->sync_at = now;
	peer_pause(&a->engine, false);
}

static void sync_archive(struct archivist *a, int64_t now)
{
	uint64_t sequence = a->sequence;
	int r = archive_sync(a->archive);
	a->sync_at = INT64_MAX;
	if (r < 0) {
		if (!a->failing)
			log_error("the archive can't be made durable: %s", err_text(r));
		a->sync_at = now + RETRY_NS;
		say_receipt(a, r);
		return;
	}
	a->dirty = false;
	a->told = sequence;
	say_receipt(a, a->failing ? -ENOSPC : 0);
}

static void sign(struct archivist *a, int64_t now)
{
	a->sign_at = now + SIGN_NS;
	if (!a->key || !a->unsigned_news || a->failing)
		return;
	int r = archive_sign(a->archive);
	if (r < 0)
		log_error("the ledger can't be signed: %s", err_text(r));
	a->unsigned_news = r < 0;
}

static void expire(struct archivist *a, int64_t now)
{
	uint64_t records = 0;
	int64_t keep = a->process->conf->keep_ns;
	a->expire_at = now + EXPIRE_NS;
	if (keep == 0)
		return;
	int r = archive_expire(a->archive, wall_now() - keep, UINT64_MAX, wall_now(), &records);
	if (r < 0)
		log_error("records beyond their time can't be dropped: %s", err_text(r));
	else if (records)
		log_info("%llu records were dropped, as their time is over", (unsigned long long)records);
}

static int64_t deadline(void *self)
{
	struct archivist *a = self;
	int64_t at = a->sync_at < a->sign_at ? a->sync_at : a->sign_at;
	at = a->expire_at < at ? a->expire_at : at;
	return a->retry_at < at ? a->retry_at : at;
}

static void tick(void *self, int64_t now)
{
	struct archivist *a = self;
	if (a->held.n && now >= a->retry_at)
		retry(a, now);
	if (now >= a->sync_at)
		sync_archive(a, now);
	if (now >= a->sign_at)
		sign(a, now);
	if (now >= a->expire_at)
		expire(a, now);
}

static void on_gone(void *context, int error)
{
	struct archivist *a = context;
	(void)error;
	/* the next engine counts from the beginning */
	a->sequence = a->told = 0;
}

static int met(void *self, unsigned peer, uint16_t index, struct channel *c)
{
	struct archivist *a = self;
	(void)index;
	if (peer != MSG_PROCESS_ENGINE) {
		channel_free(c);
		return -EPROTO;
	}
	on_gone(a, 0);
	a->engine.message = on_message;
	a->engine.gone = on_gone;
	a->engine.context = a;
	int r = peer_open(&a->engine, &a->process->peers, c);
	if (r == 0 && (a->held.n || !a->archive))
		peer_pause(&a->engine, true);
	return r;
}

static int prepare(void *self, const struct process_configuration *c, struct dynbuf *why)
{
	struct archivist *a = self;
	char path[PATH_MAX];
	if (a->archive)
		return 0;
	int r = live_path(c->conf->path, c->conf->archive, path, sizeof(path));
	if (r == 0)
		r = archive_create(&a->archive, path);
	if (r == -EEXIST)
		r = archive_open(&a->archive, path, true);
	if (r < 0) {
		dynbuf_printf(why, "the archive %s can't be written to: %s\n", path,
		    r == -EBUSY ? "another process writes to it" : err_text(r));
		return r;
	}
	if (a->key)
		archive_use_keys(a->archive, (const struct ledger_key *const *)&a->key, 1);
	return 0;
}

static void swap(void *self)
{
	struct archivist *a = self;
	int64_t now = loop_now();
	if (a->expire_at)
		return;
	a->sync_at = a->retry_at = INT64_MAX;
	a->sign_at = now + SIGN_NS;
	a->expire_at = now + EXPIRE_NS / 60;
	if (a->engine.channel)
		peer_pause(&a->engine, false);
}

/* Everything that the engine sent is read first: its channel is over when the engine is. */
static bool stop(void *self)
{
	struct archivist *a = self;
	return !a->engine.channel || a->held.n > 0;
}

static void free_archivist(void *self)
{
	struct archivist *a = self;
	int r = a->archive ? archive_close(a->archive) : 0;
	if (r < 0)
		log_error("the archive can't be closed: %s; what was acknowledged is there", err_text(r));
	if (a->held.n)
		log_error("%zu bytes of records found no room and are lost; none of them was acknowledged",
		    a->held.n);
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
	p->engine = &a->engine;
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
	    .deadline = deadline,
	    .tick = tick,
	    .stop = stop,
	    .free = free_archivist};
	return process_run(&ops, index, start);
}
