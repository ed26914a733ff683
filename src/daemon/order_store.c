/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <errno.h>

#include "base/err.h"
#include "daemon/order_store_parts.h"

/* Pages in the WAL from which on they are moved into the database: 4 MiB. */
enum { WAL_PAGES = 1024 };

int order_store_run(struct order_store *s, sqlite3_stmt *statement)
{
	int result = sqlite3_step(statement);
	int r = order_store_error(s->db, result);
	(void)sqlite3_reset(statement);
	return r;
}

uint64_t order_store_generation(const struct order_store *s)
{
	return s->generation;
}

uint64_t order_store_next_id(const struct order_store *s)
{
	return s->next_id;
}

int order_store_begin(struct order_store *s)
{
	assert(!s->begun);
	s->failed = order_store_run(s, s->statements[STORE_BEGIN]);
	if (s->failed < 0)
		return s->failed;
	s->begun = true;
	s->begun_generation = s->generation;
	s->begun_next_id = s->next_id;
	return 0;
}

static int put_clock(struct order_store *s, const struct order_store_clock *now)
{
	sqlite3_stmt *q = s->statements[STORE_CLOCK];
	(void)sqlite3_bind_text(q, 1, now->boot, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(q, 2, now->boottime);
	(void)sqlite3_bind_int64(q, 3, now->realtime);
	return order_store_run(s, q);
}

int order_store_commit(struct order_store *s, const struct order_store_clock *now)
{
	int r = s->failed;
	if (!s->begun)
		return r < 0 ? r : -EINVAL;
	if (r == 0)
		r = put_clock(s, now);
	if (r == 0)
		r = order_store_run(s, s->statements[STORE_COMMIT]);
	s->begun = false;
	if (r == 0)
		return 0;
	/* SQLite may have rolled back by itself */
	if (!sqlite3_get_autocommit(s->db))
		(void)order_store_run(s, s->statements[STORE_ROLLBACK]);
	s->generation = s->begun_generation;
	s->next_id = s->begun_next_id;
	return r;
}

/* What is no part of something that was begun is a transaction of its own. */
static int begin_here(struct order_store *s, bool *ret_own)
{
	*ret_own = !s->begun;
	return s->begun ? s->failed : order_store_begin(s);
}

static int end_here(struct order_store *s, const struct order_store_clock *now, bool own, int r)
{
	if (r < 0)
		s->failed = r;
	return own ? order_store_commit(s, now) : r;
}

static int put_act(struct order_store *s, int64_t realtime, uint64_t id, const struct order_store_act *act)
{
	sqlite3_stmt *q = s->statements[STORE_ACT];
	(void)sqlite3_bind_int64(q, 1, (int64_t)id);
	(void)sqlite3_bind_int64(q, 2, realtime);
	(void)sqlite3_bind_text(q, 3, act->what, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(q, 4, act->who ? act->who : "", -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(q, 5, act->why ? act->why : "", -1, SQLITE_STATIC);
	return order_store_run(s, q);
}

int order_store_put(struct order_store *s, const struct order_store_clock *now, const struct order *o,
    const char *what, const struct order_store_act *act)
{
	bool own;
	if (o->id == 0 || o->id >= INT64_MAX)
		return -EINVAL;
	int r = begin_here(s, &own);
	if (r < 0)
		return r;
	r = order_store_write(s, o, what);
	if (r == 0 && act)
		r = put_act(s, now->realtime, o->id, act);
	return end_here(s, now, own, r);
}

int order_store_put_generation(
    struct order_store *s, const struct order_store_clock *now, uint64_t generation)
{
	bool own;
	int r = begin_here(s, &own);
	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(s->statements[STORE_GENERATION], 1, (int64_t)generation);
	r = order_store_run(s, s->statements[STORE_GENERATION]);
	if (r == 0)
		s->generation = generation;
	return end_here(s, now, own, r);
}

static int put_clock_alone(struct order_store *s, const struct order_store_clock *now)
{
	int r = order_store_begin(s);
	return r < 0 ? r : order_store_commit(s, now);
}

/* Into the database itself, which waits for the disk. */
static int checkpoint(struct order_store *s)
{
	int pages = 0, moved = 0;
	int r = order_store_error(
	    s->db, sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, &pages, &moved));
	if (r == 0 && moved != pages)
		r = -EBUSY;
	if (r == 0)
		s->wal_pages = 0;
	return r;
}

/*
 * With synchronous = FULL a commit waits until the whole WAL is on the disk, those before it too. Where that
 * fails the kernel may take the pages for written, and say so the next time: then they are read back and
 * written to another place.
 */
int order_store_sync(struct order_store *s, const struct order_store_clock *now)
{
	assert(!s->begun);
	if (s->unsure) {
		int r = checkpoint(s);
		s->unsure = r < 0;
		return r;
	}
	int r = order_store_error(s->db, sqlite3_exec(s->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL));
	if (r == 0)
		r = put_clock_alone(s, now);
	s->unsure = r < 0;
	(void)sqlite3_exec(s->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
	return r;
}

static int count_ended(struct order_store *s, size_t *ret_n)
{
	sqlite3_stmt *q = s->statements[STORE_COUNT_ENDED];
	int result = sqlite3_step(q);
	if (result == SQLITE_ROW)
		*ret_n = (size_t)sqlite3_column_int64(q, 0);
	int r = order_store_error(s->db, result);
	(void)sqlite3_reset(q);
	return r;
}

/* Of those that ended until `until` so many, the earliest first. */
static int forget(struct order_store *s, int64_t until, size_t at_once, size_t *n)
{
	sqlite3_stmt *q = s->statements[STORE_FORGET];
	(void)sqlite3_bind_int64(q, 1, until);
	(void)sqlite3_bind_int64(q, 2, (int64_t)at_once);
	int r = at_once ? order_store_run(s, q) : 0;
	if (r == 0 && at_once)
		*n += (size_t)sqlite3_changes(s->db);
	return r;
}

int order_store_forget(struct order_store *s, const struct order_store_clock *now, int64_t keep_ns,
    size_t most, size_t at_once, size_t *ret_n)
{
	int64_t until;
	size_t ended = 0, n = 0;
	if (__builtin_sub_overflow(order_store_time_in(s, now->boottime), keep_ns, &until))
		until = INT64_MIN;
	int r = order_store_begin(s);
	if (r < 0)
		return r;
	r = forget(s, until, at_once, &n);
	if (r == 0)
		r = count_ended(s, &ended);
	if (r == 0 && ended > most)
		r = forget(s, INT64_MAX, ended - most < at_once - n ? ended - most : at_once - n, &n);
	if (r < 0)
		s->failed = r;
	r = order_store_commit(s, now);
	if (r == 0)
		*ret_n = n;
	return r;
}

int order_store_tick(struct order_store *s, const struct order_store_clock *now)
{
	int r = put_clock_alone(s, now);
	return r == 0 && s->wal_pages >= WAL_PAGES ? checkpoint(s) : r;
}
