/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>

#include "archive/layout.h"
#include "base/err.h"
#include "daemon/prove.h"
#include "ledger/timestamp.h"

static int fail(struct disclosure_fault *f, int error, const char *why)
{
	f->why = why;
	return error;
}

static const struct archive_layout *layout_of(struct text kind)
{
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++)
		if (archive_layout_of(i) && text_equal(kind, text_of(archive_layout_of(i)->name)))
			return archive_layout_of(i);
	return NULL;
}

/* That the bytes are one record of the kind that the run's line names, to their last one. */
static int check_form(const struct archive_layout *layout, struct text encoded)
{
	union archive_record record;
	struct arena arena = {0};
	uint16_t number;
	size_t length;
	int r = msg_peek(encoded.p, encoded.n, &number, &length);
	if (r == 0 && (number != layout->record || length != encoded.n))
		r = -ERR_MALFORMED;
	if (r == 0)
		r = layout->decode(encoded.p, encoded.n, &arena, &record);
	arena_free(&arena);
	return r;
}

static int check_records(const struct disclosure *d, struct disclosure_fault *f)
{
	for (size_t i = 0; i < d->n_runs; i++) {
		const struct disclosure_run *run = &d->runs[i];
		const struct archive_layout *layout = layout_of(run->entry.kind);
		snprintf(f->where, sizeof(f->where), "runs[%zu].line", i);
		if (!layout)
			return fail(
			    f, -ERR_UNSUPPORTED, "is about a kind of record that this program doesn't know");
		for (size_t k = 0; k < run->n; k++) {
			int r = check_form(layout, run->records[k].encoded);
			snprintf(f->where, sizeof(f->where), "runs[%zu].records[%zu].record", i, k);
			if (r == -ENOMEM)
				return r;
			if (r < 0)
				return fail(
				    f, -ERR_MALFORMED, "is no record of the kind that the run's line says");
		}
	}
	return 0;
}

static int check_stamp(
    const struct disclosure *d, const char *ca, struct disclosure_fault *f, int64_t *ret_time)
{
	struct note note;
	snprintf(f->where, sizeof(f->where), "timestamp");
	if (!d->timestamp.n)
		return fail(f, -EACCES, "is missing");
	int r = note_parse(d->checkpoint, &note, &f->why);
	if (r == 0)
		r = timestamp_verify(d->timestamp, (struct text){0}, note.text, ca, ret_time, &f->why);
	return r;
}

int prove_check(struct text t, const struct ledger_trust *trust, const char *ca, struct arena *arena,
    struct prove_verdict *ret_verdict, struct disclosure_fault *ret_fault)
{
	struct prove_verdict v = {0};
	*ret_fault = (struct disclosure_fault){.why = ""};
	int r = disclosure_parse(t, arena, &v.disclosure, ret_fault);
	if (r == 0)
		r = disclosure_check(&v.disclosure, trust, &v.verdict, ret_fault);
	if (r == 0)
		r = check_records(&v.disclosure, ret_fault);
	v.stamped = v.disclosure.timestamp.n > 0;
	if (r == 0 && ca)
		r = check_stamp(&v.disclosure, ca, ret_fault, &v.stamped_at);
	if (r == 0)
		*ret_verdict = v;
	return r;
}
