/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "ledger/act.h"
#include "live/archivist.h"

#define RETRY_NS  NS_PER_S
#define ACT_NS    (20 * NS_PER_MS)  /* a person waits until his act is durable */
#define SIGN_NS   (300 * NS_PER_S)  /* a checkpoint at least this often, while there is something new */
#define EXPIRE_NS (3600 * NS_PER_S) /* retention is looked at */
/* Whether small files are to be merged is looked at this often. */
#define MERGE_NS (600 * NS_PER_S)
/* Runs that ended further apart than this are not merged, as `bulkhead archive compact` has it. */
#define WITHIN_NS (INT64_C(7) * 24 * 3600 * NS_PER_S)
/* An archive that fails for so long, and not for want of room, is opened anew by a new process. */
#define PATIENCE_NS (30 * NS_PER_S)

/* Records that one merge may write: about a second's work. */
enum { MERGE_RECORDS = 1 << 20, MERGE_FILES = 4 };

static int64_t wall_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int append_act(struct archivist *a, struct text bytes)
{
	struct msg_act m;
	struct ledger_entry e;
	char line[LEDGER_LINE_MAX];
	int r = msg_act_decode(bytes.p, bytes.n, &a->arena, &m);
	if (r < 0)
		return r;
	a->urgent = m.order && !text_equal(m.who, TEXT("bulkhead"));
	struct ledger_act act = {
	    .time = m.time, .order = m.order, .what = m.what, .who = m.who, .why = m.why};
	r = ledger_act_print(&act, line, &e);
	return r == 0 ? ledger_append(archive_ledger(a->archive), &e) : r;
}

static int append_flow(struct archivist *a, struct text bytes)
{
	struct msg_flow m;
	int r = msg_flow_decode(bytes.p, bytes.n, &a->arena, &m);
	if (r == 0)
		r = archive_append_flow(a->archive, &m);
	if (r == 0 && a->eve)
		archivist_eve_flow(a->eve, &m);
	return r;
}

static int append_transaction(struct archivist *a, struct text bytes)
{
	struct msg_transaction m;
	int r = msg_transaction_decode(bytes.p, bytes.n, &a->arena, &m);
	if (r == 0)
		r = archive_append_transaction(a->archive, &m);
	if (r == 0 && a->eve)
		archivist_eve_transaction(a->eve, &m, bytes, loop_now());
	return r;
}

static int append_detection(struct archivist *a, struct text bytes)
{
	struct msg_detection m;
	int r = msg_detection_decode(bytes.p, bytes.n, &a->arena, &m);
	if (r == 0)
		r = archive_append_detection(a->archive, &m);
	if (r == 0 && a->eve)
		archivist_eve_detection(a->eve, &m, bytes, loop_now());
	return r;
}

static int append_binding(struct archivist *a, struct text bytes)
{
	struct msg_binding m;
	int r = msg_binding_decode(bytes.p, bytes.n, &a->arena, &m);
	return r == 0 ? archive_append_binding(a->archive, &m) : r;
}

static int append_coverage(struct archivist *a, struct text bytes)
{
	struct msg_coverage m;
	int r = msg_coverage_decode(bytes.p, bytes.n, &a->arena, &m);
	return r == 0 ? archive_append_coverage(a->archive, &m) : r;
}

static int append(struct archivist *a, uint16_t number, struct text bytes)
{
	arena_reset(&a->arena);
	a->urgent = false;
	switch (number) {
	case MSG_FLOW: return append_flow(a, bytes);
	case MSG_TRANSACTION: return append_transaction(a, bytes);
	case MSG_DETECTION: return append_detection(a, bytes);
	case MSG_BINDING: return append_binding(a, bytes);
	case MSG_COVERAGE: return append_coverage(a, bytes);
	case MSG_ACT: return append_act(a, bytes);
	default: return -EPROTO;
	}
}

static void say_receipt(struct archivist *a, int error)
{
	struct dynbuf *out = peer_out(&a->engine);
	struct msg_receipt m = {
	    .sequence = a->told, .failed = error < 0, .why = text_of(error < 0 ? err_text(error) : "")};
	if (a->eve)
		archivist_eve_count(a->eve, &m.eve_lines, &m.eve_lost);
	if (out)
		msg_receipt_encode(out, &m);
}

/* What more room, or a repaired disk, would change: the archive goes on by itself then. */
static bool is_room(int error)
{
	return error == -ENOSPC || error == -EDQUOT || error == -EFBIG;
}

/* The archive failed at `now`. One that stays broken, or that took all back which it can't be sure of, is
 * opened anew: by the process that takes this one's place. */
static void fail(struct archivist *a, int error, int64_t now)
{
	if (!a->failing) {
		log_error(
		    "the archive takes no record (%s); what comes waits until it does", err_text(error));
		a->failing_since = now;
	}
	a->failing = true;
	if (!is_room(error) && now - a->failing_since >= PATIENCE_NS) {
		log_error("the archive stays broken (%s); it is opened anew", err_text(error));
		process_fail(a->process, error);
	}
	peer_pause(&a->engine, true);
	say_receipt(a, error);
}

static void recover(struct archivist *a)
{
	if (!a->failing)
		return;
	log_info("the archive takes records again");
	a->failing = false;
	peer_pause(&a->engine, false);
}

/* What will not get better: the record itself is at fault. */
static bool is_unfit(int error)
{
	return error == -ERR_LIMIT || error == -ERR_MALFORMED || error == -EINVAL || error == -ERR_TRUNCATED;
}

static void taken(struct archivist *a, int error)
{
	if (error < 0)
		log_warning("a record can't be kept: %s", err_text(error));
	int64_t sync_at = loop_now() + (a->urgent ? ACT_NS : a->process->conf->sync_ns);
	if (!a->dirty || sync_at < a->sync_at)
		a->sync_at = sync_at;
	a->dirty = a->unsigned_news = true;
}

int archivist_keep(struct archivist *a, uint16_t number, struct text bytes)
{
	int r = a->held.n ? -EAGAIN : append(a, number, bytes);
	if (r == -EPROTO)
		return r;
	if (r == 0 || is_unfit(r)) {
		a->sequence++;
		taken(a, r);
		return 0;
	}
	if (a->held.n == 0)
		a->retry_at = loop_now() + RETRY_NS;
	dynbuf_text(&a->held, bytes);
	if (a->held.error) {
		/* as if it had not been read: the engine counts it when the channel is over */
		r = a->held.error;
		a->held.error = 0;
		return r;
	}
	if (r != -EAGAIN)
		fail(a, r, loop_now());
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
		taken(a, r);
		/* what an engine sent that is gone is no part of what this one counts */
		a->sequence += at >= a->foreign;
		at += length;
	}
	dynbuf_drop_front(&a->held, at);
	a->foreign -= at < a->foreign ? at : a->foreign;
	if (a->held.n) {
		a->retry_at = now + RETRY_NS;
		fail(a, r, now);
		return;
	}
	a->retry_at = INT64_MAX;
	a->sync_at = now;
	recover(a);
}

void archivist_keep_forget(struct archivist *a)
{
	a->sequence = a->told = 0;
	a->foreign = a->held.n;
}

static void sync_archive(struct archivist *a, int64_t now)
{
	int r = archive_sync(a->archive);
	if (r < 0) {
		a->sync_at = now + RETRY_NS;
		fail(a, r, now);
		return;
	}
	a->sync_at = INT64_MAX;
	a->dirty = false;
	a->told = a->sequence;
	if (a->held.n == 0)
		recover(a);
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

/* One merge at a time: meanwhile records wait in the channel, for about a second. */
static void merge(struct archivist *a, int64_t now)
{
	a->merge_at = now + MERGE_NS;
	if (a->failing)
		return;
	struct archive_merging m = {
	    .within = WITHIN_NS, .records_max = MERGE_RECORDS, .files_min = MERGE_FILES};
	int r = archive_merge_some(a->archive, &m);
	if (r < 0)
		log_error("the archive's files can't be merged: %s", err_text(r));
	else if (r > 0)
		a->merge_at = now + (loop_now() - now) * 4 + NS_PER_S;
}

int64_t archivist_keep_deadline(const struct archivist *a)
{
	const int64_t all[] = {a->sync_at, a->sign_at, a->expire_at, a->retry_at, a->merge_at};
	int64_t at = INT64_MAX;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		at = all[i] < at ? all[i] : at;
	return at;
}

void archivist_keep_tick(struct archivist *a, int64_t now)
{
	if (a->held.n && now >= a->retry_at)
		retry(a, now);
	if (now >= a->sync_at)
		sync_archive(a, now);
	if (now >= a->sign_at)
		sign(a, now);
	/* dropping files makes room, so it is done while there is none, too */
	if (now >= a->expire_at)
		expire(a, now);
	if (now >= a->merge_at)
		merge(a, now);
}

int archivist_keep_open(struct archivist *a, const char *path, struct dynbuf *why)
{
	int r = archive_create(&a->archive, path);
	/* the one before may still be writing what its engine had sent */
	for (int i = 0; i < 100 && (r == -EEXIST || r == -EBUSY); i++) {
		r = archive_open(&a->archive, path, true);
		if (r != -EBUSY)
			break;
		nanosleep(&(struct timespec){.tv_nsec = 100 * 1000 * 1000}, NULL);
	}
	if (r < 0)
		dynbuf_printf(why, "the archive %s can't be written to: %s\n", path,
		    r == -EBUSY ? "another process writes to it" : err_text(r));
	else if (a->key)
		archive_use_keys(a->archive, (const struct ledger_key *const *)&a->key, 1);
	return r;
}

void archivist_keep_begin(struct archivist *a, int64_t now)
{
	a->sync_at = a->retry_at = INT64_MAX;
	a->sign_at = now + SIGN_NS;
	a->expire_at = now + EXPIRE_NS / 60;
	a->merge_at = now + MERGE_NS;
}

void archivist_keep_close(struct archivist *a)
{
	if (!a->archive)
		return;
	if (a->held.n)
		retry(a, loop_now());
	int r = archive_close(a->archive);
	a->archive = NULL;
	if (r < 0)
		log_error("the archive can't be closed: %s; what was acknowledged is there", err_text(r));
	if (a->held.n)
		log_error("%zu bytes of records found no room and are lost; none of them was acknowledged",
		    a->held.n);
}
