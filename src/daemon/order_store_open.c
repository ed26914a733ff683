/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/order_store_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

enum { APPLICATION_ID = 0x426b6f73, VERSION = 2, PATH_SIZE = 4096, ASIDE_MAX = 100 };

/* Acts are never changed: what was written stays, whoever has the file open. */
static const char schema[] =
    "CREATE TABLE orders ("
    " id INTEGER PRIMARY KEY, state INTEGER NOT NULL, seen INTEGER NOT NULL, ends INTEGER NOT NULL,"
    " approvals INTEGER NOT NULL, fail_closed INTEGER NOT NULL, approve_ns INTEGER NOT NULL,"
    " confirm_ns INTEGER NOT NULL, lease_ns INTEGER NOT NULL, generation INTEGER NOT NULL,"
    " proposed INTEGER NOT NULL, approved_1 INTEGER NOT NULL, approved_2 INTEGER NOT NULL,"
    " confirmed INTEGER NOT NULL, ended_by INTEGER NOT NULL, approved_at INTEGER NOT NULL,"
    " applied_at INTEGER NOT NULL, ended_at INTEGER NOT NULL, proposed_who TEXT NOT NULL,"
    " approved_1_who TEXT NOT NULL, approved_2_who TEXT NOT NULL, confirmed_who TEXT NOT NULL,"
    " ended_by_who TEXT NOT NULL, why TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT;"
    "CREATE INDEX standing ON orders (id) WHERE state != 4;"
    "CREATE TABLE cuts (id INTEGER PRIMARY KEY, cuts BLOB NOT NULL, what TEXT NOT NULL,"
    " checksum INTEGER NOT NULL) STRICT;"
    "CREATE TABLE acts (number INTEGER PRIMARY KEY AUTOINCREMENT, id INTEGER NOT NULL,"
    " realtime INTEGER NOT NULL, what TEXT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL) STRICT;"
    "CREATE INDEX acts_of ON acts (id);"
    "CREATE TRIGGER acts_stay BEFORE UPDATE ON acts BEGIN SELECT RAISE(ABORT, 'acts stay'); END;"
    "CREATE TRIGGER acts_remain BEFORE DELETE ON acts BEGIN SELECT RAISE(ABORT, 'acts stay'); END;"
    "CREATE TABLE clock (one INTEGER PRIMARY KEY CHECK (one = 1), boot TEXT NOT NULL,"
    " boottime INTEGER NOT NULL, realtime INTEGER NOT NULL, offset INTEGER NOT NULL,"
    " generation INTEGER NOT NULL, writes INTEGER NOT NULL) STRICT;";

/* An order that has ended may be forgotten after a while, and its acts with it: they stay in the ledger. */
#define WHEN_ENDED "max(ended_at, ended_by, proposed)"
static const char forgetting[] =
    "BEGIN IMMEDIATE; DROP TRIGGER acts_remain;"
    "CREATE TRIGGER acts_remain BEFORE DELETE ON acts WHEN EXISTS (SELECT 1 FROM orders WHERE orders.id = "
    "old.id)"
    " BEGIN SELECT RAISE(ABORT, 'acts stay'); END;"
    "CREATE TRIGGER orders_remain BEFORE DELETE ON orders WHEN old.state != 4"
    " BEGIN SELECT RAISE(ABORT, 'it stands'); END;"
    "CREATE TRIGGER orders_forgotten AFTER DELETE ON orders"
    " BEGIN DELETE FROM cuts WHERE id = old.id; DELETE FROM acts WHERE id = old.id; END;"
    "CREATE INDEX ended ON orders (" WHEN_ENDED ") WHERE state = 4;"
    "PRAGMA user_version = 2; COMMIT;";

/* What brings a database from each version to the next; slot 0 from version 1 to 2. A new one is made as the
 * first was. */
static const char *const migrations[VERSION] = {forgetting};

#define ORDER_COLUMNS                                                                                        \
	"state, seen, ends, approvals, fail_closed, approve_ns, confirm_ns, lease_ns, generation, "          \
	"proposed, "                                                                                         \
	"approved_1, approved_2, confirmed, ended_by, approved_at, applied_at, ended_at, proposed_who, "     \
	"approved_1_who, approved_2_who, confirmed_who, ended_by_who, why, orders.checksum"
#define SELECT_ORDER                                                                                         \
	"SELECT orders.id, " ORDER_COLUMNS                                                                   \
	", cuts, what, cuts.checksum FROM orders LEFT JOIN cuts USING (id) "

static const char *const texts[STORE_STATEMENTS] = {
    [STORE_BEGIN] = "BEGIN IMMEDIATE",
    [STORE_COMMIT] = "COMMIT",
    [STORE_ROLLBACK] = "ROLLBACK",
    /* a row that stays as it is would not be written, and then nothing waits for the disk */
    [STORE_CLOCK] = "UPDATE clock SET boot = ?1, boottime = ?2, realtime = ?3, writes = writes + 1",
    [STORE_GENERATION] = "UPDATE clock SET generation = ?1",
    [STORE_ACT] = "INSERT INTO acts (id, realtime, what, who, why) VALUES (?1, ?2, ?3, ?4, ?5)",
    [STORE_UPDATE] = "UPDATE orders SET state = ?2, seen = ?3, ends = ?4, approvals = ?5, fail_closed = ?6, "
                     "approve_ns = ?7, "
                     "confirm_ns = ?8, lease_ns = ?9, generation = ?10, proposed = ?11, approved_1 = ?12, "
                     "approved_2 = ?13, "
                     "confirmed = ?14, ended_by = ?15, approved_at = ?16, applied_at = ?17, ended_at = ?18, "
                     "proposed_who = ?19, approved_1_who = ?20, approved_2_who = ?21, confirmed_who = ?22, "
                     "ended_by_who = ?23, why = ?24, checksum = ?25 WHERE id = ?1",
    [STORE_INSERT] =
        "INSERT INTO orders VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, "
        "?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25)",
    [STORE_CUTS] = "INSERT INTO cuts VALUES (?1, ?2, ?3, ?4)",
    [STORE_LOAD] = SELECT_ORDER "WHERE state != 4 ORDER BY orders.id",
    [STORE_FIND] = SELECT_ORDER "WHERE orders.id = ?1",
    [STORE_ENDED] = SELECT_ORDER "WHERE orders.id < ?1 AND state = 4 ORDER BY orders.id DESC LIMIT ?2",
    /* the latest one stays: no other order may get its number */
    [STORE_FORGET] =
        "DELETE FROM orders WHERE id IN (SELECT id FROM orders WHERE state = 4 AND id < (SELECT max(id) FROM "
        "orders) AND " WHEN_ENDED " <= ?1 ORDER BY " WHEN_ENDED " LIMIT ?2)",
    [STORE_COUNT_ENDED] = "SELECT count(*) FROM orders WHERE state = 4",
    [STORE_ACTS] = "SELECT realtime, what, who, why FROM acts WHERE id = ?1 ORDER BY number",
};

__attribute__((format(printf, 3, 4))) static int explain(
    char ret_why[ORDER_STORE_WHY_SIZE], int error, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (ret_why)
		vsnprintf(ret_why, ORDER_STORE_WHY_SIZE, format, args);
	va_end(args);
	return error;
}

int order_store_error(sqlite3 *db, int result)
{
	int system = sqlite3_system_errno(db);
	switch (result & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE: return 0;
	case SQLITE_FULL: return -ENOSPC;
	case SQLITE_NOMEM: return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return -ERR_CHECKSUM;
	case SQLITE_READONLY: return -EROFS;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH: return -ERR_MALFORMED;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN: return system > 0 ? -system : -EIO;
	default: return -EIO;
	}
}

static int execute(sqlite3 *db, const char *sql)
{
	return order_store_error(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

/* The number that a query gives. */
static int number_of(sqlite3 *db, const char *sql, int64_t *ret_number)
{
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
	if (result != SQLITE_OK)
		return order_store_error(db, result);
	result = sqlite3_step(statement);
	if (result == SQLITE_ROW)
		*ret_number = sqlite3_column_int64(statement, 0);
	int error = result == SQLITE_DONE ? -ERR_MALFORMED : order_store_error(db, result);
	sqlite3_finalize(statement);
	return error;
}

static int sync_folder(const char *path)
{
	char folder[PATH_SIZE];
	const char *slash = strrchr(path, '/');
	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static int connect_to(sqlite3 **ret_db, const char *path)
{
	int result = sqlite3_open_v2(path, ret_db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (result == SQLITE_OK)
		(void)sqlite3_extended_result_codes(*ret_db, 1);
	return *ret_db ? order_store_error(*ret_db, result) : -ENOMEM;
}

static int fill_new(sqlite3 *db, const struct order_store_clock *now)
{
	char sql[sizeof(schema) + 512];
	char *boot = sqlite3_mprintf("%Q", now->boot);
	if (!boot)
		return -ENOMEM;
	snprintf(sql, sizeof(sql),
	    "PRAGMA synchronous = FULL; PRAGMA application_id = %d; BEGIN; %s"
	    "INSERT INTO clock VALUES (1, %s, %lld, %lld, 0, 0, 0); PRAGMA user_version = %d; COMMIT;",
	    APPLICATION_ID, schema, boot, (long long)now->boottime, (long long)now->realtime, 1);
	sqlite3_free(boot);
	return execute(db, sql);
}

/* Made beside and moved in place, so that a file that is empty or in part there is damage and nothing else.
 */
static int make_new(const char *path, const struct order_store_clock *now)
{
	char beside[PATH_SIZE];
	sqlite3 *db = NULL;
	if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
		return -ENAMETOOLONG;
	if (unlink(beside) < 0 && errno != ENOENT)
		return -errno;
	int fd = open(beside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	int r = connect_to(&db, beside);
	if (r == 0)
		r = fill_new(db, now);
	sqlite3_close(db);
	if (r == 0 && rename(beside, path) < 0)
		r = -errno;
	return r == 0 ? sync_folder(path) : r;
}

/* Moves the database and its WAL to PATH.damaged, or PATH.damaged.2 and so on. */
static int set_aside(const char *path, const char *what, char ret_why[ORDER_STORE_WHY_SIZE])
{
	char aside[PATH_SIZE], wal[PATH_SIZE + 8], wal_aside[PATH_SIZE + 8];
	int number = 1;
	do {
		char suffix[16] = "";
		if (number > 1)
			snprintf(suffix, sizeof(suffix), ".%d", number);
		snprintf(aside, sizeof(aside), "%s.damaged%s", path, suffix);
	} while (access(aside, F_OK) == 0 && ++number < ASIDE_MAX);
	snprintf(wal, sizeof(wal), "%s-wal", path);
	snprintf(wal_aside, sizeof(wal_aside), "%s-wal", aside);
	if (access(wal, F_OK) == 0 && rename(wal, wal_aside) < 0)
		return explain(ret_why, -ERR_CHECKSUM, "%s is damaged (%s), and can't be set aside: %s", path,
		    what, strerror(errno));
	if (rename(path, aside) < 0)
		return explain(ret_why, -ERR_CHECKSUM, "%s is damaged (%s), and can't be set aside: %s", path,
		    what, strerror(errno));
	(void)sync_folder(path);
	return explain(ret_why, -ERR_CHECKSUM,
	    "%s is damaged (%s) and was set aside as %s; restore a copy, or move that away to begin without "
	    "any order",
	    path, what, aside);
}

/* There before, or made now. */
static int see_to_file(
    const char *path, const struct order_store_clock *now, char ret_why[ORDER_STORE_WHY_SIZE])
{
	char aside[PATH_SIZE];
	struct stat st;
	if (snprintf(aside, sizeof(aside), "%s.damaged", path) >= PATH_SIZE - 16)
		return explain(ret_why, -ENAMETOOLONG, "the path of the orders' database is too long");
	if (stat(path, &st) == 0)
		return st.st_size ? 0 : set_aside(path, "it is empty", ret_why);
	if (errno != ENOENT)
		return explain(ret_why, -errno, "%s: %s", path, strerror(errno));
	if (access(aside, F_OK) == 0)
		return explain(ret_why, -ERR_CHECKSUM,
		    "%s holds the orders and is damaged; restore a copy as %s, or move it away to begin "
		    "without "
		    "any order",
		    aside, path);
	int r = make_new(path, now);
	return r < 0 ? explain(ret_why, r, "%s can't be made: %s", path, err_text(r)) : 0;
}

/* EXCLUSIVE: no other process may have it, and the WAL's index stays in our memory. */
static int set_up(sqlite3 *db)
{
	int result = sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	/* what turns out to be damaged is not written to */
	if (result == SQLITE_OK)
		result = sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (result != SQLITE_OK)
		return order_store_error(db, result);
	return execute(db,
	    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
	    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0;"
	    "PRAGMA temp_store = MEMORY; BEGIN IMMEDIATE; COMMIT;");
}

/* Whether it is a sound database of ours; older ones are brought to our version. */
static int look_it_over(sqlite3 *db, char ret_what[ORDER_STORE_WHY_SIZE])
{
	int64_t application = 0, version = 0, faults = 0;
	int r = number_of(db, "PRAGMA application_id", &application);
	if (r == 0)
		r = number_of(db, "PRAGMA user_version", &version);
	if (r == 0 && application != APPLICATION_ID)
		return explain(ret_what, -ERR_MALFORMED, "it is a database of something else");
	if (r == 0 && (version > VERSION || version < 1))
		return explain(ret_what, -ERR_UNSUPPORTED, "it is of version %lld, this is %d",
		    (long long)version, VERSION);
	if (r == 0)
		r = number_of(db,
		    "SELECT count(*) FROM pragma_integrity_check(1) WHERE integrity_check != 'ok'", &faults);
	if (r == 0 && faults)
		return explain(ret_what, -ERR_CHECKSUM, "its parts don't fit each other");
	for (; r == 0 && version < VERSION; version++)
		r = execute(db, migrations[version - 1]);
	return r < 0 ? explain(ret_what, r, "%s", sqlite3_errmsg(db)) : 0;
}

/*
 * The store's clock goes on where it was. In the same boot the two differ as before; after a reboot, what the
 * wall clock says has passed, but never less than nothing, is added to the time that was stored last.
 */
static int take_clock(struct order_store *s, const struct order_store_clock *now)
{
	sqlite3_stmt *q;
	int result = sqlite3_prepare_v2(
	    s->db, "SELECT boot, boottime, realtime, offset, generation FROM clock", -1, &q, NULL);
	if (result != SQLITE_OK)
		return order_store_error(s->db, result);
	result = sqlite3_step(q);
	int r = result == SQLITE_DONE ? -ERR_CHECKSUM : order_store_error(s->db, result);
	if (r == 0) {
		const char *boot = (const char *)sqlite3_column_text(q, 0);
		int64_t offset = sqlite3_column_int64(q, 3), past = 0, last;
		bool same = boot && strcmp(boot, now->boot) == 0;
		if (__builtin_sub_overflow(now->realtime, sqlite3_column_int64(q, 2), &past) || past < 0)
			past = 0;
		if (__builtin_add_overflow(sqlite3_column_int64(q, 1), offset, &last) ||
		    __builtin_add_overflow(last, past, &last) ||
		    __builtin_sub_overflow(last, now->boottime, &last))
			r = -ERR_CHECKSUM;
		s->offset = same ? offset : last;
		s->generation = (uint64_t)sqlite3_column_int64(q, 4);
	}
	sqlite3_finalize(q);
	return r;
}

static int begin_boot(struct order_store *s, const struct order_store_clock *now)
{
	int64_t last = 0;
	char *sql = sqlite3_mprintf(
	    "UPDATE clock SET boot = %Q, boottime = %lld, realtime = %lld, offset = %lld", now->boot,
	    (long long)now->boottime, (long long)now->realtime, (long long)s->offset);
	if (!sql)
		return -ENOMEM;
	int r = execute(s->db, sql);
	sqlite3_free(sql);
	if (r == 0)
		r = number_of(s->db, "SELECT coalesce(max(id), 0) FROM orders", &last);
	s->next_id = (uint64_t)last + 1;
	for (size_t i = 0; i < STORE_STATEMENTS && r == 0; i++)
		r = order_store_error(s->db, sqlite3_prepare_v3(s->db, texts[i], -1,
		                                 SQLITE_PREPARE_PERSISTENT, &s->statements[i], NULL));
	return r;
}

static int note_wal(void *context, sqlite3 *db, const char *name, int pages)
{
	struct order_store *s = context;
	(void)db;
	(void)name;
	s->wal_pages = pages;
	return SQLITE_OK;
}

void order_store_close(struct order_store *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < STORE_STATEMENTS; i++)
		sqlite3_finalize(s->statements[i]);
	(void)sqlite3_close(s->db);
	dynbuf_free(&s->scratch);
	free(s->cuts);
	free(s);
}

int order_store_open(struct order_store **ret_store, const char *path, const struct order_store_clock *now,
    char ret_why[ORDER_STORE_WHY_SIZE])
{
	char what[ORDER_STORE_WHY_SIZE] = "";
	int r = see_to_file(path, now, ret_why);
	if (r < 0)
		return r;
	struct order_store *s = calloc(1, sizeof(*s));
	if (!s)
		return explain(ret_why, -ENOMEM, "%s", err_text(-ENOMEM));
	r = connect_to(&s->db, path);
	if (r == 0)
		r = set_up(s->db);
	if (r == 0)
		r = look_it_over(s->db, what);
	if (r == 0)
		r = take_clock(s, now);
	if (r == 0)
		r = begin_boot(s, now);
	if (r < 0) {
		if (!what[0])
			snprintf(what, sizeof(what), "%s", s->db ? sqlite3_errmsg(s->db) : err_text(r));
		order_store_close(s);
		return r == -ERR_CHECKSUM ? set_aside(path, what, ret_why)
		                          : explain(ret_why, r, "%s: %s", path, what);
	}
	(void)sqlite3_wal_hook(s->db, note_wal, s);
	*ret_store = s;
	return 0;
}
