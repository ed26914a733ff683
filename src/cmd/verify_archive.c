/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "archive/layout.h"
#include "base/dynbuf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "cmd/files.h"
#include "cmd/folder.h"
#include "cmd/progress.h"
#include "cmd/verify.h"
#include "daemon/audit.h"

/* Findings that a person is shown; the JSON has more of them. */
enum { SHOWN = 20 };

static void on_progress(void *context, uint64_t done, uint64_t total)
{
	progress_draw_share(context, done, total);
}

static json_t *json_known(uint64_t n)
{
	return n == AUDIT_UNKNOWN ? json_null() : json_integer((json_int_t)n);
}

static json_t *json_time(int64_t ns)
{
	char text[TIME_TEXT_SIZE];
	return ns ? json_string(time_rfc3339(ns, text)) : json_null();
}

static json_t *json_finding(const struct audit_finding *f)
{
	const struct archive_layout *l = archive_layout_of(f->record);
	bool ids = f->first_id || f->last_id;
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "what",
	    audit_what_name(f->what), "kind", l ? json_string(l->name) : json_null(), "run",
	    json_known(l ? f->run : AUDIT_UNKNOWN), "run_last", json_known(l ? f->run_last : AUDIT_UNKNOWN),
	    "first", json_known(f->first), "last", json_known(f->last), "first_id",
	    json_known(ids ? f->first_id : AUDIT_UNKNOWN), "last_id",
	    json_known(ids ? f->last_id : AUDIT_UNKNOWN), "ledger_line",
	    json_known(f->entry == AUDIT_UNKNOWN ? AUDIT_UNKNOWN : f->entry + 1), "why", f->sentence);
}

static json_t *json_ledger(const struct audit_result *r)
{
	char root[2 * MERKLE_HASH_SIZE + 1];
	if (!r->has_log)
		return json_null();
	return json_pack("{s:o, s:I, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:o, s:I}", "origin",
	    json_stringn(r->origin.n ? r->origin.p : "", r->origin.n), "entries", (json_int_t)r->entries,
	    "checkpoints", (json_int_t)r->checkpoints, "entries_under_checkpoint",
	    (json_int_t)r->sealed_entries, "root",
	    r->sealed_entries ? num_hex(r->root.b, sizeof(r->root.b), root) : "", "entries_held_elsewhere",
	    (json_int_t)r->held_entries, "entries_cosigned", (json_int_t)r->cosigned_entries, "stamps",
	    (json_int_t)r->stamps, "entries_stamped", (json_int_t)r->stamped_entries, "stamped",
	    json_time(r->stamped_at), "torn_bytes", (json_int_t)r->torn_bytes);
}

static json_t *json_key(const struct audit_result *r)
{
	char id[2 * LEDGER_KEY_ID_SIZE + 1];
	if (!r->key.type)
		return json_null();
	return json_pack("{s:s, s:s, s:b}", "name", r->key.name, "id",
	    num_hex(r->key.id, sizeof(r->key.id), id), "by_rotation", r->key_rotated);
}

static json_t *json_drop(const struct audit_drop *d)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "kind", archive_layout_of(d->record)->name,
	    "run", (json_int_t)d->run, "run_last", (json_int_t)d->run_last, "records", (json_int_t)d->records,
	    "ledger_line", (json_int_t)d->entry + 1, "ledger_line_last", (json_int_t)d->entry_last + 1,
	    "dropped", json_time(d->time));
}

static int print_json(const struct audit_result *r, const char *path)
{
	json_t *drops = json_array();
	for (size_t i = 0; i < r->n_drops; i++)
		json_array_append_new(drops, json_drop(&r->drops[i]));
	json_t *findings = json_array();
	for (size_t i = 0; i < r->n_findings; i++)
		json_array_append_new(findings, json_finding(&r->findings[i]));
	json_t *checked = json_pack("{s:I, s:I, s:I, s:I, s:I, s:f, s:f}", "runs", (json_int_t)r->counts.runs,
	    "records", (json_int_t)r->counts.records, "bytes", (json_int_t)r->counts.bytes, "files",
	    (json_int_t)r->counts.files, "file_bytes", (json_int_t)r->counts.file_bytes, "seconds",
	    (double)r->elapsed_ns / (double)NS_PER_S, "processor_seconds",
	    (double)r->processor_ns / (double)NS_PER_S);
	json_t *j = json_pack(
	    "{s:s, s:b, s:o, s:I, s:o, s:b, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:I}", "archive",
	    path, "fits", r->found == 0, "findings", findings, "found", (json_int_t)r->found, "ledger",
	    json_ledger(r), "key_given", r->key_given, "key", json_key(r), "checked", checked, "records",
	    (json_int_t)r->there, "records_not_under_checkpoint", (json_int_t)r->unsealed,
	    "records_not_in_ledger", (json_int_t)r->unentered, "files_not_in_ledger",
	    (json_int_t)r->unlisted_files, "runs_dropped", (json_int_t)r->expired, "dropped", drops,
	    "torn_bytes", (json_int_t)r->archive_torn, "damaged_bytes", (json_int_t)r->archive_damaged);
	int e = j ? json_dumpf(j, stdout, JSON_INDENT(2)) : -1;
	json_decref(j);
	return e < 0 || puts("") < 0 ? -EIO : 0;
}

static void print_checked(const struct audit_result *r, bool files_only)
{
	char bytes[24], file_bytes[24], took[32];
	const struct audit_counts *c = &r->counts;
	num_bytes_human(c->bytes, bytes, sizeof(bytes));
	num_bytes_human(c->file_bytes, file_bytes, sizeof(file_bytes));
	printf("  checked   %" PRIu64 " records in %" PRIu64 " runs (%s), %" PRIu64
	       " segment files (%s), in %s%s\n",
	    c->records, c->runs, bytes, c->files, file_bytes,
	    time_span_human(r->elapsed_ns, took, sizeof(took)),
	    files_only ? "; records in segments by their files' digests alone" : "");
}

static void print_key(const struct audit_result *r)
{
	char id[2 * LEDGER_KEY_ID_SIZE + 1];
	printf("  ledger    %.*s: %" PRIu64 " entries, %" PRIu64 " of them under a checkpoint",
	    (int)r->origin.n, r->origin.p, r->entries, r->sealed_entries);
	if (r->key.type)
		printf(" signed by %s (%s)%s", r->key.name, num_hex(r->key.id, sizeof(r->key.id), id),
		    r->key_rotated ? ", to which the given key handed over" : "");
	printf("\n");
	if (!r->checkpoints)
		printf("            It was never signed: that shows damage, not forgery\n");
	else if (!r->key_given)
		printf("            No --key was given, so no signature was checked: that shows damage, not "
		       "forgery\n");
	if (r->older_keys)
		printf("            %" PRIu64 " earlier checkpoints are by other keys\n", r->older_keys);
}

static void print_others(const struct audit_result *r)
{
	char when[TIME_TEXT_SIZE];
	if (r->cosigned_entries)
		printf("  witnessed %" PRIu64 " entries, by the quorum\n", r->cosigned_entries);
	if (r->stamped_at)
		printf("  stamped   %" PRIu64 " entries, %s\n", r->stamped_entries,
		    time_human(r->stamped_at, when));
	else if (r->stamps)
		printf("  stamped   not checked: no --ca was given\n");
	if (r->held_entries)
		printf("  held      the checkpoint of %" PRIu64
		       " entries fits: nothing that it covers was changed, put in or dropped since,\n"
		       "            whoever has the key by now\n",
		    r->held_entries);
	else
		printf("  held      no checkpoint from elsewhere fits or was given (--checkpoint): whoever "
		       "has the "
		       "key could have\n"
		       "            rewritten everything\n");
}

/* Line, or lines from one to another. */
static void print_range(const char *one, const char *several, uint64_t first, uint64_t last)
{
	if (first == last)
		printf("%s %" PRIu64, one, first);
	else
		printf("%s %" PRIu64 " to %" PRIu64, several, first, last);
}

static void print_drops(const struct audit_result *r)
{
	char when[TIME_TEXT_SIZE];
	if (!r->expired)
		return;
	printf("  dropped   %" PRIu64 " runs of %" PRIu64
	       " records, on purpose, as the ledger says; their roots still stand there:\n",
	    r->expired, r->expired_records);
	for (size_t i = 0; i < r->n_drops && i < SHOWN; i++) {
		const struct audit_drop *d = &r->drops[i];
		printf("            %s ", archive_layout_of(d->record)->name);
		print_range("run", "runs", d->run, d->run_last);
		printf(" (%" PRIu64 " records), ", d->records);
		print_range("line", "lines", d->entry + 1, d->entry_last + 1);
		printf(", %s\n", time_human(d->time, when));
	}
	if (r->n_drops > SHOWN)
		printf("            and more; --json lists them\n");
}

static void print_open_ends(const struct audit_result *r)
{
	if (r->unsealed)
		printf("  open      %" PRIu64 " of %" PRIu64 " records are under no checkpoint yet, %" PRIu64
		       " of them in no entry\n",
		    r->unsealed, r->there, r->unentered);
	if (r->unlisted_files)
		printf("  open      %" PRIu64 " segment files are in no entry yet\n", r->unlisted_files);
	print_drops(r);
	if (r->archive_torn || r->torn_bytes)
		printf("  torn      %" PRIu64
		       " bytes behind the last whole record or line: never acknowledged, or put "
		       "there by somebody\n",
		    r->archive_torn + r->torn_bytes);
	if (r->archive_damaged)
		printf("  damaged   %" PRIu64 " bytes of journals can't be read\n", r->archive_damaged);
}

static void print_findings(const struct audit_result *r)
{
	for (size_t i = 0; i < r->n_findings && i < SHOWN; i++)
		printf("  %s %s\n", i ? "also     " : "first    ", r->findings[i].sentence);
	if (r->found > SHOWN)
		printf("  and       %" PRIu64 " more%s\n", r->found - SHOWN,
		    r->n_findings > SHOWN ? "; --json lists them" : "");
}

static void print_text(const struct audit_result *r, const struct verify_options *o, const char *path)
{
	if (r->found)
		printf("%s: %" PRIu64 " %s fit\n", path, r->found,
		    r->found == 1 ? "thing doesn't" : "things don't");
	else
		printf("%s: everything fits\n", path);
	print_findings(r);
	print_checked(r, o->files_only);
	if (r->has_log) {
		print_key(r);
		print_others(r);
	}
	print_open_ends(r);
	printf(
	    "Not proven: that the records are true, or all there was to see. doc/evidence.md says more.\n");
}

/* A checkpoint that can't be read is a mistake of the call, not of the archive. */
static int read_held(const char *path, struct dynbuf *out)
{
	int r = path ? file_read(path, NOTE_SIZE_MAX, out) : 0;
	if (r == 0 && path && !out->n)
		r = -ERR_TRUNCATED;
	if (r < 0)
		log_error("%s: %s", path, err_text(r));
	return r;
}

int verify_archive(const struct verify_options *o)
{
	struct dynbuf held = {0};
	struct audit_result *result = NULL;
	struct progress progress;
	char path[PATH_MAX];
	int r = folder_archive(o->path, path, sizeof(path));
	if (r == 0 && read_held(o->checkpoint, &held) < 0) {
		dynbuf_free(&held);
		return CMD_EXIT_USAGE;
	}
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct audit_options options = {.trust = o->trust,
	    .held = dynbuf_view(&held),
	    .ca = o->ca,
	    .files_only = o->files_only,
	    .threads = cpus > 0 ? (unsigned)cpus : 1,
	    .progress = on_progress,
	    .context = &progress};
	progress_begin(&progress);
	if (r == 0)
		r = audit_archive(&result, path, &options);
	progress_end(&progress);
	dynbuf_free(&held);
	if (r != 0) {
		log_error("%s: %s", o->path, err_text(r));
		return CMD_EXIT_FAILED;
	}
	int code = result->found ? CMD_EXIT_FOUND : CMD_EXIT_FINE;
	if (!o->json)
		print_text(result, o, path);
	else if (print_json(result, path) < 0)
		code = CMD_EXIT_FAILED;
	audit_free(result);
	return code;
}
