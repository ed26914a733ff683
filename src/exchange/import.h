/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXCHANGE_IMPORT_H
#define EXCHANGE_IMPORT_H

/*
 * Records from files into an archive. Every file is read twice: first to check all of it, and only where
 * nothing is wrong with any of them are records appended, as one batch (archive/archive.h). So all of the
 * files are taken or nothing, be it for a mistake in the last line, a full disk or a kill -9 on the way.
 *
 * Record ids are kept where the archive has no record of the same kind in the range of those that come; else
 * all ids of the import are raised by the same number, and what refers to records with them. Records without
 * an id get one behind all others. Vantages are raised likewise where the archive has coverage already; of a
 * file without vantages the import is one. Files that refer to each other belong into one import.
 *
 * Each import leaves a coverage record: that it was imported, from which files, what it spans and what it
 * lacks.
 *
 * Memory: one record and one line (EXCHANGE_LINE_MAX).
 */

#include "archive/archive.h"
#include "exchange/records_csv.h"
#include "exchange/records_json.h"

enum exchange_format { EXCHANGE_FORMAT_CSV, EXCHANGE_FORMAT_JSON };

/* A file that can be read twice. */
struct exchange_source {
	const char *name;
	int fd;
};

struct exchange_import_options {
	enum exchange_format format;
	struct exchange_csv_options csv; /* record, times and plain_text count for JSON too */
	bool skip_bad;
	void (*step)(void *context); /* of each record, in both readings; NULL: none */
};

struct exchange_import_result {
	uint64_t records[ARCHIVE_KINDS]; /* that are good or were taken; our coverage record apart */
	uint64_t bad;                    /* rows that were refused */
	uint64_t raised;                 /* what was added to ids; 0: kept */
	uint64_t raised_vantages;
	const char *changed; /* the file that did, of -EAGAIN */
};

struct exchange_import;

/* Of each bad row, and (line 0) of columns and applications that aren't taken. */
typedef void (*exchange_told_fn)(void *context, const char *name, const struct exchange_problem *problem);

/* Options and sources are borrowed. 0 or -ENOMEM. */
int exchange_import_new(struct exchange_import **ret_import, const struct exchange_import_options *o,
    const struct exchange_source *sources, size_t n, exchange_told_fn told, void *context);
/* The first reading, once. 0; -ERR_INVALID (bad rows, all of them told); errors of reading. What it found is
 * in the result in any case. */
int exchange_import_check(struct exchange_import *im, struct exchange_import_result *result);
/* The second, once that was good. 0; -EAGAIN (a file changed while it was read); -ERR_LIMIT (ids or vantages
 * would pass their bound); errors of reading and of the archive. After an error the archive has nothing of
 * it, unless it can't be written any more. */
int exchange_import_take(
    struct exchange_import *im, struct archive *a, struct exchange_import_result *result);
void exchange_import_free(struct exchange_import *im);

#endif
