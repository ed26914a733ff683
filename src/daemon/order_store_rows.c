/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/vec.h"
#include "contain/orders.h"
#include "daemon/order_store_parts.h"

/* The columns of an order, in the order of the table: numbers, texts, the checksum; then its cuts'. */
enum { NUMBERS = 18, TEXTS = 6, CHECKSUM = NUMBERS + TEXTS, CUTS, WHAT, CUTS_CHECKSUM };

struct row {
	int64_t numbers[NUMBERS];
	const char *texts[TEXTS];
};

int64_t order_store_time_in(const struct order_store *s, int64_t boottime)
{
	int64_t stored;
	if (boottime == 0)
		return 0;
	if (__builtin_add_overflow(boottime, s->offset, &stored))
		return INT64_MAX;
	return stored ? stored : 1;
}

int64_t order_store_time_out(const struct order_store *s, int64_t stored)
{
	int64_t boottime;
	if (stored == 0)
		return 0;
	if (__builtin_sub_overflow(stored, s->offset, &boottime))
		return INT64_MAX;
	return boottime ? boottime : 1;
}

static struct row row_of(const struct order_store *s, const struct order *o)
{
	return (struct row){
	    .numbers = {(int64_t)o->id, o->state, o->check, o->ends, o->approvals, o->fail_closed,
	        o->approve_ns, o->confirm_ns, o->lease_ns, (int64_t)o->generation,
	        order_store_time_in(s, o->proposed.time), order_store_time_in(s, o->approved[0].time),
	        order_store_time_in(s, o->approved[1].time), order_store_time_in(s, o->confirmed.time),
	        order_store_time_in(s, o->ended_by.time), order_store_time_in(s, o->approved_at),
	        order_store_time_in(s, o->applied_at), order_store_time_in(s, o->ended_at)},
	    .texts = {o->proposed.who, o->approved[0].who, o->approved[1].who, o->confirmed.who,
	        o->ended_by.who, o->why}};
}

/* SQLite itself notices when its pages don't fit each other, but not a bit that flips in an address. */
static int row_checksum(struct order_store *s, const struct row *row, int64_t *ret_checksum)
{
	dynbuf_reset(&s->scratch);
	for (size_t i = 0; i < NUMBERS; i++)
		dynbuf_le64(&s->scratch, (uint64_t)row->numbers[i]);
	for (size_t i = 0; i < TEXTS; i++)
		dynbuf_append(&s->scratch, row->texts[i], strlen(row->texts[i]) + 1);
	if (s->scratch.error < 0)
		return s->scratch.error;
	*ret_checksum = (int64_t)hash_bytes(s->scratch.p, s->scratch.n, 0);
	return 0;
}

static int64_t cuts_checksum(uint64_t id, const void *cuts, size_t size, const char *what)
{
	return (int64_t)hash_bytes(cuts, size, hash_bytes(what, strlen(what), id));
}

static void bind_row(sqlite3_stmt *q, const struct row *row, int64_t checksum)
{
	int at = 1;
	for (size_t i = 0; i < NUMBERS; i++)
		(void)sqlite3_bind_int64(q, at++, row->numbers[i]);
	for (size_t i = 0; i < TEXTS; i++)
		(void)sqlite3_bind_text(q, at++, row->texts[i], -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(q, at, checksum);
}

static int write_cuts(struct order_store *s, const struct order *o, const char *what)
{
	sqlite3_stmt *q = s->statements[STORE_CUTS];
	size_t size = o->n_cuts * sizeof(*o->cuts);
	(void)sqlite3_bind_int64(q, 1, (int64_t)o->id);
	(void)sqlite3_bind_blob64(q, 2, o->cuts, size, SQLITE_STATIC);
	(void)sqlite3_bind_text(q, 3, what, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(q, 4, cuts_checksum(o->id, o->cuts, size, what));
	return order_store_run(s, q);
}

int order_store_write(struct order_store *s, const struct order *o, const char *what)
{
	char kept[ORDER_STORE_WHAT_SIZE];
	struct row row = row_of(s, o);
	int64_t checksum = 0;
	int r = row_checksum(s, &row, &checksum);
	if (r < 0)
		return r;
	bind_row(s->statements[STORE_UPDATE], &row, checksum);
	r = order_store_run(s, s->statements[STORE_UPDATE]);
	if (r < 0 || sqlite3_changes(s->db))
		return r;
	bind_row(s->statements[STORE_INSERT], &row, checksum);
	r = order_store_run(s, s->statements[STORE_INSERT]);
	snprintf(kept, sizeof(kept), "%s", what ? what : "");
	if (r == 0)
		r = write_cuts(s, o, kept);
	if (r == 0 && o->id >= s->next_id)
		s->next_id = o->id + 1;
	return r;
}

static bool in_range(const struct row *row)
{
	const int64_t *n = row->numbers;
	return n[0] > 0 && n[1] >= 0 && n[1] <= ORDER_ENDED && n[2] >= 0 && n[2] <= ORDER_LEAKING &&
	       n[3] >= 0 && n[3] <= ORDER_RELEASED && n[4] >= 0 && n[4] <= ORDER_APPROVALS_MAX &&
	       (n[5] == 0 || n[5] == 1) && n[6] >= 0 && n[7] >= 0 && n[8] >= 0;
}

static void take_act(struct order_store *s, struct order_act *a, int64_t time, const char *who)
{
	a->time = order_store_time_out(s, time);
	snprintf(a->who, sizeof(a->who), "%s", who);
}

static void order_of_row(struct order_store *s, const struct row *row, struct order *o)
{
	const int64_t *n = row->numbers;
	*o = (struct order){.id = (uint64_t)n[0],
	    .state = (enum order_state)n[1],
	    .check = (enum order_check)n[2],
	    .ends = (enum order_end)n[3],
	    .approvals = (uint8_t)n[4],
	    .fail_closed = n[5] != 0,
	    .approve_ns = n[6],
	    .confirm_ns = n[7],
	    .lease_ns = n[8],
	    .generation = (uint64_t)n[9],
	    .approved_at = order_store_time_out(s, n[15]),
	    .applied_at = order_store_time_out(s, n[16]),
	    .ended_at = order_store_time_out(s, n[17])};
	take_act(s, &o->proposed, n[10], row->texts[0]);
	take_act(s, &o->approved[0], n[11], row->texts[1]);
	take_act(s, &o->approved[1], n[12], row->texts[2]);
	take_act(s, &o->confirmed, n[13], row->texts[3]);
	take_act(s, &o->ended_by, n[14], row->texts[4]);
	snprintf(o->why, sizeof(o->why), "%s", row->texts[5]);
}

/* Its cuts, from a row that holds them. */
static int read_cuts(struct order_store *s, sqlite3_stmt *q, struct order *o, const char **ret_what)
{
	const void *blob = sqlite3_column_blob(q, CUTS);
	const char *what = (const char *)sqlite3_column_text(q, WHAT);
	size_t size = (size_t)sqlite3_column_bytes(q, CUTS), n = size / sizeof(struct cut);
	if (!blob || !what || size % sizeof(struct cut) || n > ORDERS_CUTS_MAX ||
	    cuts_checksum(o->id, blob, size, what) != sqlite3_column_int64(q, CUTS_CHECKSUM))
		return -ERR_CHECKSUM;
	if (VEC_ROOM(s->cuts, &s->cap_cuts, n) < 0)
		return -ENOMEM;
	memcpy(s->cuts, blob, size);
	for (size_t i = 0; i < n; i++)
		if (!cut_is_sound(&s->cuts[i]) || (i && cut_compare(&s->cuts[i - 1], &s->cuts[i]) >= 0))
			return -ERR_CHECKSUM;
	o->cuts = s->cuts;
	o->n_cuts = n;
	*ret_what = what;
	return 0;
}

static int read_row(struct order_store *s, sqlite3_stmt *q, struct order *o, const char **ret_what)
{
	struct row row;
	int64_t checksum = 0;
	for (int i = 0; i < NUMBERS; i++)
		row.numbers[i] = sqlite3_column_int64(q, i);
	for (int i = 0; i < TEXTS; i++) {
		row.texts[i] = (const char *)sqlite3_column_text(q, NUMBERS + i);
		if (!row.texts[i])
			return -ERR_CHECKSUM;
	}
	int r = row_checksum(s, &row, &checksum);
	if (r == 0 && (checksum != sqlite3_column_int64(q, CHECKSUM) || !in_range(&row)))
		r = -ERR_CHECKSUM;
	if (r < 0)
		return r;
	order_of_row(s, &row, o);
	return read_cuts(s, q, o, ret_what);
}

/* Every row of a query that is bound. *ret_n: how many. */
static int read_all(struct order_store *s, sqlite3_stmt *q, order_store_fn fn, void *context, size_t *ret_n)
{
	struct order o;
	const char *what;
	size_t n = 0;
	int r = 0, result;
	while (r == 0 && (result = sqlite3_step(q)) == SQLITE_ROW) {
		r = read_row(s, q, &o, &what);
		if (r == 0)
			r = fn(context, &o, what);
		n++;
	}
	if (r == 0)
		r = order_store_error(s->db, result);
	(void)sqlite3_reset(q);
	if (ret_n)
		*ret_n = n;
	return r;
}

int order_store_load(struct order_store *s, order_store_fn fn, void *context)
{
	return read_all(s, s->statements[STORE_LOAD], fn, context, NULL);
}

int order_store_find(struct order_store *s, uint64_t id, order_store_fn fn, void *context)
{
	size_t n;
	(void)sqlite3_bind_int64(s->statements[STORE_FIND], 1, (int64_t)id);
	int r = read_all(s, s->statements[STORE_FIND], fn, context, &n);
	return r == 0 && n == 0 ? -ENOENT : r;
}

int order_store_ended(struct order_store *s, uint64_t before, size_t n, order_store_fn fn, void *context)
{
	sqlite3_stmt *q = s->statements[STORE_ENDED];
	(void)sqlite3_bind_int64(q, 1, before > INT64_MAX ? INT64_MAX : (int64_t)before);
	(void)sqlite3_bind_int64(q, 2, n > INT64_MAX ? INT64_MAX : (int64_t)n);
	return read_all(s, q, fn, context, NULL);
}

int order_store_acts(struct order_store *s, uint64_t id, order_store_act_fn fn, void *context)
{
	sqlite3_stmt *q = s->statements[STORE_ACTS];
	int r = 0, result;
	(void)sqlite3_bind_int64(q, 1, (int64_t)id);
	while (r == 0 && (result = sqlite3_step(q)) == SQLITE_ROW) {
		struct order_store_act act = {.what = (const char *)sqlite3_column_text(q, 1),
		    .who = (const char *)sqlite3_column_text(q, 2),
		    .why = (const char *)sqlite3_column_text(q, 3)};
		r = act.what && act.who && act.why ? fn(context, sqlite3_column_int64(q, 0), &act) : -ENOMEM;
	}
	if (r == 0)
		r = order_store_error(s->db, result);
	(void)sqlite3_reset(q);
	return r;
}
