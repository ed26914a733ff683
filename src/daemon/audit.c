/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/timefmt.h"
#include "base/vec.h"
#include "daemon/audit_parts.h"

static const char *const names[] = {
    [AUDIT_LOG] = "log",
    [AUDIT_CHECKPOINT] = "checkpoint",
    [AUDIT_SIGNATURE] = "signature",
    [AUDIT_STAMP] = "stamp",
    [AUDIT_HELD] = "held",
    [AUDIT_RECORDS] = "records",
    [AUDIT_MISSING] = "missing",
    [AUDIT_UNREADABLE] = "unreadable",
    [AUDIT_FILE] = "file",
};

const char *audit_what_name(enum audit_what what)
{
	return names[what];
}

void audit_find(struct audit *a, const struct audit_finding *f, const char *sentence)
{
	struct audit_result *r = a->result;
	pthread_mutex_lock(&a->lock);
	r->found++;
	if (r->n_findings < AUDIT_FINDINGS_MAX) {
		char *copy = arena_strndup(&r->arena, sentence, strlen(sentence));
		if (copy) {
			struct audit_finding *to = &r->findings[r->n_findings++];
			*to = *f;
			to->sentence = copy;
		} else {
			a->error = -ENOMEM;
		}
	}
	pthread_mutex_unlock(&a->lock);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* The ledger's first; then by kind, run and record: the first that doesn't fit stands first. */
static int compare_findings(const void *a, const void *b)
{
	const struct audit_finding *x = a, *y = b;
	int order = compare_numbers(x->record, y->record);
	if (order == 0 && x->record == 0)
		order = compare_numbers(x->what, y->what);
	if (order == 0)
		order = compare_numbers(x->run, y->run);
	if (order == 0)
		order = compare_numbers(x->what, y->what);
	return order ? order : compare_numbers(x->first, y->first);
}

static int64_t clock_now(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* The log before the records: beside a writer what it says is then there, and not the other way round. */
static int work(struct audit *a, const char *path)
{
	struct archive_stat stat;
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	int r = audit_log(a, folder);
	close(folder);
	if (r == 0)
		r = archive_open(&a->archive, path, false);
	if (r < 0)
		return r;
	archive_get_stat(a->archive, &stat);
	a->result->archive_torn = stat.torn_bytes;
	a->result->archive_damaged = stat.damaged_bytes;
	r = audit_runs(a);
	archive_close(a->archive);
	return r;
}

int audit_archive(struct audit_result **ret_result, const char *path, const struct audit_options *options)
{
	struct audit_result *result = calloc(1, sizeof(*result));
	struct audit a = {.options = options, .result = result, .lock = PTHREAD_MUTEX_INITIALIZER};
	int64_t began = clock_now(CLOCK_MONOTONIC), used = clock_now(CLOCK_PROCESS_CPUTIME_ID);
	if (!result)
		return -ENOMEM;
	result->findings = calloc(AUDIT_FINDINGS_MAX, sizeof(*result->findings));
	result->drops = calloc(AUDIT_DROPS_MAX, sizeof(*result->drops));
	int r = result->findings && result->drops ? book_init(&a.book) : -ENOMEM;
	if (r == 0)
		r = work(&a, path);
	if (r == 0)
		r = a.error;
	book_free(&a.book);
	free(a.runs.v);
	free(a.files.v);
	free(a.expired.v);
	free(a.expiring.v);
	if (r < 0) {
		audit_free(result);
		return r;
	}
	qsort(result->findings, result->n_findings, sizeof(*result->findings), compare_findings);
	result->elapsed_ns = clock_now(CLOCK_MONOTONIC) - began;
	result->processor_ns = clock_now(CLOCK_PROCESS_CPUTIME_ID) - used;
	*ret_result = result;
	return 0;
}

void audit_free(struct audit_result *r)
{
	if (!r)
		return;
	arena_free(&r->arena);
	free(r->findings);
	free(r->drops);
	free(r);
}
