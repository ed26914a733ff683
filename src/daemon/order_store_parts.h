/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_ORDER_STORE_PARTS_H
#define DAEMON_ORDER_STORE_PARTS_H

/*
 * What order_store.c (transactions, durability, clocks), order_store_open.c (files, schema, damage) and
 * order_store_rows.c (orders as rows) share. Private to these.
 */

#include <sqlite3.h>

#include "base/dynbuf.h"
#include "daemon/order_store.h"

enum order_store_statement {
	STORE_BEGIN,
	STORE_COMMIT,
	STORE_ROLLBACK,
	STORE_CLOCK,
	STORE_GENERATION,
	STORE_ACT,
	STORE_UPDATE,
	STORE_INSERT,
	STORE_CUTS,
	STORE_LOAD,
	STORE_FIND,
	STORE_ENDED,
	STORE_FORGET,
	STORE_COUNT_ENDED,
	STORE_ACTS,
	STORE_STATEMENTS
};

struct order_store {
	sqlite3 *db;
	sqlite3_stmt *statements[STORE_STATEMENTS];
	int64_t offset; /* the store's clock is CLOCK_BOOTTIME and this */
	uint64_t generation, next_id;
	uint64_t begun_generation, begun_next_id; /* as they were at order_store_begin */
	bool begun;
	int failed;    /* the error that spoilt what was begun */
	bool unsure;   /* waiting for the disk failed: the WAL may not be there */
	int wal_pages; /* since the last checkpoint */
	struct dynbuf scratch;
	struct cut *cuts;
	size_t cap_cuts;
};

/* The negative error that SQLite's last failure on this handle means. */
int order_store_error(sqlite3 *db, int result);
/* Runs one that gives no rows. 0 or a negative error. */
int order_store_run(struct order_store *s, sqlite3_stmt *statement);
/* Times between the two clocks; 0 stays 0: not done. */
int64_t order_store_time_in(const struct order_store *s, int64_t boottime);
int64_t order_store_time_out(const struct order_store *s, int64_t stored);
/* The row of an order, and its act; within a transaction. */
int order_store_write(struct order_store *s, const struct order *o, const char *what);

#endif
