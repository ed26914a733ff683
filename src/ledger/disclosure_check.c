/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/disclosure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "ledger/entry.h"
#include "ledger/proof.h"

struct checker {
	struct ledger_verifier keys[LEDGER_KEYS_MAX]; /* those trusted, and those that they handed over to */
	size_t n_keys;
	struct disclosure_fault fault;
};

static int fail(struct checker *c, int error, const char *why, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static int fail(struct checker *c, int error, const char *why, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(c->fault.where, sizeof(c->fault.where), format, args);
	va_end(args);
	c->fault.why = why;
	return error;
}

/* That a line of the log is in the tree which a checkpoint is of. */
static int check_line(
    struct text line, uint64_t index, struct disclosure_path path, const struct checkpoint *in)
{
	struct merkle_hash leaf = merkle_leaf(line.p, line.n);
	int r = proof_check_inclusion(&leaf, index, in->size, path.hashes, path.n, &in->root);
	return r < 0 ? -ERR_CHECKSUM : 0;
}

static const char *signature_fault(int error, const struct checkpoint_verdict *v)
{
	if (error == -ERR_CHECKSUM)
		return "has a signature of a known key that doesn't fit its text";
	if (error == -EACCES && v->signers)
		return "has too few cosignatures of the witnesses";
	return error == -EACCES ? "is not signed by a trusted key" : "can't be checked";
}

/* Trusts the key that a rotation hands over to, if one of those trusted by now did so. What others handed
 * over is nothing to this receiver: a disclosure may serve holders of several keys. */
static int check_rotation(
    struct checker *c, const struct disclosure_rotation *rot, size_t i, struct text origin)
{
	const struct ledger_trust trust = {.keys = c->keys, .n_keys = c->n_keys};
	struct note note;
	struct checkpoint in;
	struct checkpoint_verdict v = {0};
	struct ledger_entry e;
	struct ledger_verifier next;
	const char *why = NULL;
	int r = checkpoint_parse_note(rot->checkpoint, &note, &in, &why);
	if (r < 0)
		return fail(c, r, why, "rotations[%zu].checkpoint", i);
	r = checkpoint_verify(&note, &trust, &v);
	if (r == -EACCES)
		return 0;
	if (r < 0)
		return fail(c, r, signature_fault(r, &v), "rotations[%zu].checkpoint", i);
	if (!text_equal(in.origin, origin))
		return fail(c, -ERR_CHECKSUM, "is of another log", "rotations[%zu].checkpoint", i);
	if (ledger_entry_parse(rot->line, &e, &why) < 0 || e.type != LEDGER_KEY)
		return fail(
		    c, -ERR_MALFORMED, why ? why : "should be a `key` line", "rotations[%zu].line", i);
	if (check_line(rot->line, rot->index, rot->path, &in) < 0)
		return fail(c, -ERR_CHECKSUM, "doesn't lead from the line to the log's root",
		    "rotations[%zu].path", i);
	r = ledger_verifier_parse(e.text, &next);
	for (size_t k = 0; k < c->n_keys && r == 0; k++)
		if (ledger_verifier_equal(&next, &c->keys[k]))
			return 0;
	if (c->n_keys == LEDGER_KEYS_MAX)
		return fail(c, -ERR_LIMIT, "is one key too many", "rotations[%zu]", i);
	c->keys[c->n_keys++] = next;
	return r;
}

static int check_run(
    struct checker *c, const struct disclosure_run *run, size_t i, const struct checkpoint *in)
{
	struct ledger_entry e;
	const char *why = NULL;
	if (ledger_entry_parse(run->line, &e, &why) < 0 || e.type != LEDGER_RUN)
		return fail(c, -ERR_MALFORMED, why ? why : "should be a `run` line", "runs[%zu].line", i);
	if (check_line(run->line, run->index, run->path, in) < 0)
		return fail(
		    c, -ERR_CHECKSUM, "doesn't lead from the line to the log's root", "runs[%zu].path", i);
	for (size_t k = 0; k < run->n; k++) {
		const struct disclosure_record *r = &run->records[k];
		struct merkle_hash leaf = merkle_leaf(r->encoded.p, r->encoded.n);
		if (r->index >= e.records)
			return fail(c, -ERR_CHECKSUM, "is not below the run's number of records",
			    "runs[%zu].records[%zu].index", i, k);
		if (proof_check_inclusion(&leaf, r->index, e.records, r->path.hashes, r->path.n, &e.hash) < 0)
			return fail(c, -ERR_CHECKSUM, "doesn't lead from the record to the run's root",
			    "runs[%zu].records[%zu].path", i, k);
	}
	return run->n ? 0 : fail(c, -ERR_MALFORMED, "are none", "runs[%zu].records", i);
}

static int check(struct checker *c, const struct disclosure *d, const struct ledger_trust *trust,
    struct disclosure_verdict *v)
{
	struct ledger_trust all = *trust;
	struct note note;
	const char *why = NULL;
	if (trust->n_keys > LEDGER_KEYS_MAX || trust->n_witnesses > LEDGER_KEYS_MAX)
		return fail(c, -ERR_LIMIT, "more keys than can be asked about at once", "%s", "");
	c->n_keys = trust->n_keys;
	for (size_t i = 0; i < trust->n_keys; i++)
		c->keys[i] = trust->keys[i];
	int r = checkpoint_parse_note(d->checkpoint, &note, &v->checkpoint, &why);
	if (r < 0)
		return fail(c, r, why, "checkpoint");
	for (size_t i = 0; i < d->n_rotations && r == 0; i++)
		r = check_rotation(c, &d->rotations[i], i, v->checkpoint.origin);
	if (r < 0)
		return r;
	all.keys = c->keys;
	all.n_keys = c->n_keys;
	r = checkpoint_verify(&note, &all, &v->seal);
	if (r < 0)
		return fail(c, r, signature_fault(r, &v->seal), "checkpoint");
	v->signer = c->keys[__builtin_ctzll(v->seal.signers)];
	for (size_t i = 0; i < d->n_runs && r == 0; i++) {
		r = check_run(c, &d->runs[i], i, &v->checkpoint);
		v->n_records += d->runs[i].n;
	}
	return r == 0 && !d->n_runs ? fail(c, -ERR_MALFORMED, "are none", "runs") : r;
}

int disclosure_check(const struct disclosure *d, const struct ledger_trust *trust,
    struct disclosure_verdict *ret_verdict, struct disclosure_fault *ret_fault)
{
	struct checker c = {0};
	struct disclosure_verdict v = {0};
	int r = check(&c, d, trust, &v);
	if (r == 0)
		*ret_verdict = v;
	else if (ret_fault)
		*ret_fault = c.fault;
	return r;
}
