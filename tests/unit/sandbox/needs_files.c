/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "needs.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "archive/archive.h"

static bool run(sqlite3 *db, const char *sql)
{
	char *why = NULL;
	bool done = sqlite3_exec(db, sql, NULL, NULL, &why) == SQLITE_OK;
	if (!done)
		fprintf(stderr, "%s: %s\n", sql, why ? why : "?");
	sqlite3_free(why);
	return done;
}

/* As orders are kept: a write-ahead log, synced, read back, checkpointed away; then opened anew. */
int need_database(const struct world *w)
{
	char path[PATH + 16];
	snprintf(path, sizeof(path), "%s/orders-%d.db", w->state, (int)getpid());
	for (int i = 0; i < 2; i++) {
		sqlite3 *db = NULL;
		if (sqlite3_open(path, &db) != SQLITE_OK)
			return 1;
		bool done =
		    run(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY") &&
		    run(db, "CREATE TABLE IF NOT EXISTS t(a INTEGER PRIMARY KEY, b TEXT)") &&
		    run(db, "BEGIN IMMEDIATE; INSERT INTO t(b) VALUES('x'),('y'); COMMIT") &&
		    run(db, "SELECT b, count(*) FROM t GROUP BY b ORDER BY b DESC") &&
		    run(db, "PRAGMA wal_checkpoint(TRUNCATE)");
		if (sqlite3_close(db) != SQLITE_OK || !done)
			return 1;
	}
	return unlink(path) < 0;
}

static int append(const char *path, bool make)
{
	struct msg_binding b = {.name = text_of("host.example"), .first = 1, .last = 2};
	struct archive *a = NULL;
	int r = make ? archive_create(&a, path) : archive_open(&a, path, true);
	/* enough that closing makes a segment of the journal */
	for (int i = 0; r == 0 && i < 2000; i++)
		r = archive_append_binding(a, &b);
	if (r == 0)
		r = archive_sync(a);
	if (a) {
		int closed = archive_close(a);
		r = r < 0 ? r : closed;
	}
	return r;
}

int need_archive_written(const struct world *w)
{
	return append(w->records, false) < 0 || write(w->file, "{}\n", 3) != 3;
}

static int count(void *context, const struct msg_binding *b)
{
	size_t *n = context;
	(void)b;
	++*n;
	return 0;
}

int need_archive_read(const struct world *w)
{
	struct archive *a = NULL;
	size_t n = 0;
	if (archive_open(&a, w->records, false) < 0)
		return 1;
	int r = archive_scan_bindings(a, count, &n);
	return archive_close(a) < 0 || r < 0 || n < 2000;
}

bool needs_make_archive(const struct world *w)
{
	return append(w->records, true) == 0;
}
