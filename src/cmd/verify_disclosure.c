/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "base/dynbuf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "cmd/files.h"
#include "cmd/verify.h"
#include "daemon/prove.h"
#include "daemon/words.h"

static json_t *json_time(int64_t ns)
{
	char text[TIME_TEXT_SIZE];
	return ns ? json_string(time_rfc3339(ns, text)) : json_null();
}

static json_t *json_cosigners(const struct prove_verdict *v, const struct ledger_trust *trust)
{
	json_t *list = json_array();
	for (size_t i = 0; i < trust->n_witnesses; i++)
		if (v->verdict.seal.cosigners >> i & 1)
			json_array_append_new(
			    list, json_pack("{s:s, s:o}", "name", trust->witnesses[i].name, "time",
			              json_time((int64_t)v->verdict.seal.cosigned_s[i] * NS_PER_S)));
	return list;
}

static json_t *json_records(const struct disclosure *d, int *error)
{
	json_t *list = json_array();
	for (size_t i = 0; i < d->n_runs; i++)
		for (size_t k = 0; k < d->runs[i].n && *error == 0; k++) {
			const struct disclosure_record *r = &d->runs[i].records[k];
			json_t *record = NULL;
			*error = words_json(r->encoded, &record);
			json_array_append_new(list,
			    json_pack("{s:I, s:I, s:o}", "run", (json_int_t)d->runs[i].entry.first, "index",
			        (json_int_t)r->index, "record", record ? record : json_null()));
		}
	return list;
}

static int print_json(const struct prove_verdict *v, const struct verify_options *o)
{
	char id[2 * LEDGER_KEY_ID_SIZE + 1];
	const struct checkpoint *c = &v->verdict.checkpoint;
	int error = 0;
	json_t *j = json_pack("{s:s, s:b, s:{s:s%, s:I}, s:{s:s, s:s}, s:o, s:b, s:o, s:o}", "disclosure",
	    o->path, "fits", 1, "checkpoint", "origin", c->origin.p, c->origin.n, "entries",
	    (json_int_t)c->size, "key", "name", v->verdict.signer.name, "id",
	    num_hex(v->verdict.signer.id, sizeof(v->verdict.signer.id), id), "cosigners",
	    json_cosigners(v, o->trust), "has_stamp", v->stamped, "stamped", json_time(v->stamped_at),
	    "records", json_records(&v->disclosure, &error));
	if (!j || json_dumpf(j, stdout, JSON_INDENT(2)) < 0 || puts("") < 0)
		error = error ? error : -EIO;
	json_decref(j);
	return error;
}

static int print_fault_json(const struct verify_options *o, const struct disclosure_fault *f)
{
	json_t *j = json_pack(
	    "{s:s, s:b, s:s, s:s}", "disclosure", o->path, "fits", 0, "where", f->where, "why", f->why);
	int e = j ? json_dumpf(j, stdout, JSON_INDENT(2)) : -1;
	json_decref(j);
	return e < 0 || puts("") < 0 ? -EIO : 0;
}

static void print_seal(const struct prove_verdict *v, const struct verify_options *o)
{
	char id[2 * LEDGER_KEY_ID_SIZE + 1], when[TIME_TEXT_SIZE];
	const struct disclosure_verdict *d = &v->verdict;
	printf("  checkpoint %" PRIu64 " entries of %.*s, signed by %s (%s)\n", d->checkpoint.size,
	    (int)d->checkpoint.origin.n, d->checkpoint.origin.p, d->signer.name,
	    num_hex(d->signer.id, sizeof(d->signer.id), id));
	for (size_t i = 0; i < o->trust->n_witnesses; i++)
		if (d->seal.cosigners >> i & 1)
			printf("  cosigned   by %s, %s\n", o->trust->witnesses[i].name,
			    time_human((int64_t)d->seal.cosigned_s[i] * NS_PER_S, when));
	if (v->stamped_at)
		printf("  stamped    %s\n", time_human(v->stamped_at, when));
	else if (v->stamped)
		printf("  stamped    not checked: no --ca was given\n");
	else if (!d->seal.n_cosigners)
		printf("  time       nobody but the box itself says when this was held\n");
}

static int print_text(const struct prove_verdict *v, const struct verify_options *o)
{
	const struct disclosure *d = &v->disclosure;
	struct dynbuf words = {0};
	int r = 0;
	printf("%s: %zu %s proven\n", o->path, v->verdict.n_records,
	    v->verdict.n_records == 1 ? "record is" : "records are");
	print_seal(v, o);
	for (size_t i = 0; r == 0 && i < d->n_runs; i++) {
		printf("\n%.*s run %" PRIu64 " of %" PRIu64 " records:\n", (int)d->runs[i].entry.kind.n,
		    d->runs[i].entry.kind.p, d->runs[i].entry.first, d->runs[i].entry.records);
		for (size_t k = 0; r == 0 && k < d->runs[i].n; k++) {
			dynbuf_reset(&words);
			r = words_record(d->runs[i].records[k].encoded, &words);
			if (r == 0)
				fwrite(words.p, 1, words.n, stdout);
		}
	}
	dynbuf_free(&words);
	if (r == 0)
		printf("\nNot proven: that these records are true, or that others don't say otherwise. "
		       "doc/evidence.md says more.\n");
	return r;
}

static int tell_fault(const struct verify_options *o, const struct disclosure_fault *f, int r)
{
	bool judged = r == -ERR_MALFORMED || r == -ERR_CHECKSUM || r == -EACCES || r == -ERR_LIMIT ||
	              r == -ERR_TRUNCATED;
	if (!judged)
		log_error(
		    "%s: %s%s%s", o->path, f->where, *f->where ? " " : "", *f->why ? f->why : err_text(r));
	else if (o->json)
		return print_fault_json(o, f) < 0 ? CMD_EXIT_FAILED : CMD_EXIT_FOUND;
	else
		printf("%s: nothing is proven\n  %s%s%s\n", o->path, f->where, *f->where ? " " : "", f->why);
	return judged ? CMD_EXIT_FOUND : CMD_EXIT_FAILED;
}

int verify_disclosure(const struct verify_options *o)
{
	struct dynbuf bytes = {.max = DISCLOSURE_SIZE_MAX + (1 << 17)};
	struct arena arena = {0};
	struct disclosure_fault fault = {.why = ""};
	struct prove_verdict v;
	int r = file_read(o->path, DISCLOSURE_SIZE_MAX, &bytes);
	if (r == -ERR_LIMIT)
		fault.why = "is larger than any disclosure";
	if (r == 0)
		r = prove_check(dynbuf_view(&bytes), o->trust, o->ca, &arena, &v, &fault);
	int code = r < 0 ? tell_fault(o, &fault, r) : CMD_EXIT_FINE;
	if (r == 0)
		r = o->json ? print_json(&v, o) : print_text(&v, o);
	if (r < 0 && code == CMD_EXIT_FINE) {
		log_error("%s: %s", o->path, err_text(r));
		code = CMD_EXIT_FAILED;
	}
	arena_free(&arena);
	dynbuf_free(&bytes);
	return code;
}
