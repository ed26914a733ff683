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

static int json_verdict(
    const char *path, const struct prove_verdict *v, const struct ledger_trust *trust, json_t **ret_object)
{
	char id[2 * LEDGER_KEY_ID_SIZE + 1];
	const struct checkpoint *c = &v->verdict.checkpoint;
	int error = 0;
	json_t *j = json_pack("{s:s, s:b, s:b, s:{s:s%, s:I}, s:{s:s, s:s}, s:o, s:b, s:o, s:o}",
	    "disclosure", path, "fits", 1, "judged", 1, "checkpoint", "origin", c->origin.p, c->origin.n,
	    "entries", (json_int_t)c->size, "key", "name", v->verdict.signer.name, "id",
	    num_hex(v->verdict.signer.id, sizeof(v->verdict.signer.id), id), "cosigners",
	    json_cosigners(v, trust), "has_stamp", v->stamped, "stamped", json_time(v->stamped_at), "records",
	    json_records(&v->disclosure, &error));
	if (j && error == 0) {
		*ret_object = j;
		return 0;
	}
	json_decref(j);
	return error ? error : -ENOMEM;
}

static void print_seal(const struct prove_verdict *v, const struct ledger_trust *trust)
{
	char id[2 * LEDGER_KEY_ID_SIZE + 1], when[TIME_TEXT_SIZE];
	const struct disclosure_verdict *d = &v->verdict;
	printf("  checkpoint %" PRIu64 " entries of %.*s, signed by %s (%s)\n", d->checkpoint.size,
	    (int)d->checkpoint.origin.n, d->checkpoint.origin.p, d->signer.name,
	    num_hex(d->signer.id, sizeof(d->signer.id), id));
	for (size_t i = 0; i < trust->n_witnesses; i++)
		if (d->seal.cosigners >> i & 1)
			printf("  cosigned   by %s, %s\n", trust->witnesses[i].name,
			    time_human((int64_t)d->seal.cosigned_s[i] * NS_PER_S, when));
	if (v->stamped_at)
		printf("  stamped    %s\n", time_human(v->stamped_at, when));
	else if (v->stamped)
		printf("  stamped    not checked: no --ca was given\n");
	else if (!d->seal.n_cosigners)
		printf("  time       nobody but the box itself says when this was held\n");
}

static int print_text(const char *path, const struct prove_verdict *v, const struct ledger_trust *trust)
{
	const struct disclosure *d = &v->disclosure;
	struct dynbuf words = {0};
	int r = 0;
	printf("%s: %zu %s proven\n", path, v->verdict.n_records,
	    v->verdict.n_records == 1 ? "record is" : "records are");
	print_seal(v, trust);
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

/* What was wrong, or why it can't be said. */
static int tell_fault(
    const char *path, const struct disclosure_fault *f, int error, bool json, json_t **ret_object)
{
	bool judged = error == -ERR_MALFORMED || error == -ERR_CHECKSUM || error == -EACCES ||
	              error == -ERR_LIMIT || error == -ERR_TRUNCATED;
	const char *why = *f->why ? f->why : err_text(error), *blank = *f->where ? " " : "";
	if (json)
		*ret_object = json_pack("{s:s, s:b, s:b, s:s, s:s}", "disclosure", path, "fits", 0, "judged",
		    judged, "where", f->where, "why", why);
	else if (judged)
		printf("%s: nothing is proven\n  %s%s%s\n", path, f->where, blank, why);
	else
		log_error("%s: %s%s%s", path, f->where, blank, why);
	return judged ? CMD_EXIT_FOUND : CMD_EXIT_FAILED;
}

/* One of them; with --json the object that tells. */
static int verify_one(const struct verify_options *o, const char *path, json_t **ret_object)
{
	struct dynbuf bytes = {.max = DISCLOSURE_SIZE_MAX + (1 << 17)};
	struct arena arena = {0};
	struct disclosure_fault fault = {.why = ""};
	struct prove_verdict v;
	int r = file_read(path, DISCLOSURE_SIZE_MAX, &bytes);
	if (r == -ERR_LIMIT)
		fault.why = "is larger than any disclosure";
	if (r == 0)
		r = prove_check(dynbuf_view(&bytes), o->trust, o->ca, &arena, &v, &fault);
	int code = r < 0 ? tell_fault(path, &fault, r, o->json, ret_object) : CMD_EXIT_FINE;
	if (r == 0) {
		r = o->json ? json_verdict(path, &v, o->trust, ret_object) : print_text(path, &v, o->trust);
		if (r < 0) {
			log_error("%s: %s", path, err_text(r));
			code = CMD_EXIT_FAILED;
		}
	}
	arena_free(&arena);
	dynbuf_free(&bytes);
	return code;
}

static int print_json(json_t *j)
{
	int e = j ? json_dumpf(j, stdout, JSON_INDENT(2)) : -1;
	return e < 0 || puts("") < 0 ? CMD_EXIT_FAILED : CMD_EXIT_FINE;
}

/* Of one the JSON is an object, of several an array. */
int verify_disclosures(const struct verify_options *o)
{
	json_t *all = o->json && o->n_paths > 1 ? json_array() : NULL;
	int code = CMD_EXIT_FINE;
	for (size_t i = 0; i < o->n_paths; i++) {
		json_t *one = NULL;
		if (i && !o->json)
			printf("\n");
		int next = verify_one(o, o->paths[i], &one);
		if (o->json && o->n_paths == 1 && one && print_json(one) != CMD_EXIT_FINE)
			next = CMD_EXIT_FAILED;
		if (all && one)
			json_array_append(all, one);
		json_decref(one);
		code = next > code ? next : code;
	}
	if (all && print_json(all) != CMD_EXIT_FINE)
		code = CMD_EXIT_FAILED;
	json_decref(all);
	return code;
}
