/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "keys.h"
#include "ledger/disclosure.h"

/* Disclosures. Properties: what is read and printed reads as the same, and what holds shows records that the
 * checked run lines count. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_print(const struct disclosure *d)
{
	struct dynbuf once = {0}, twice = {0};
	struct arena arena = {0};
	struct disclosure again;
	if (disclosure_print(d, &once) == 0 &&
	    disclosure_parse(dynbuf_view(&once), &arena, &again, NULL) == 0) {
		assert(disclosure_print(&again, &twice) == 0);
		assert(text_equal(dynbuf_view(&once), dynbuf_view(&twice)));
	}
	dynbuf_free(&once);
	dynbuf_free(&twice);
	arena_free(&arena);
}

static void check(const struct disclosure *d)
{
	struct ledger_verifier key, witness;
	struct disclosure_fault fault = {0};
	struct disclosure_verdict v;
	if (ledger_verifier_parse(TEXT(FUZZ_LOG_KEY), &key) < 0 ||
	    ledger_verifier_parse(TEXT(FUZZ_WITNESS_KEY), &witness) < 0)
		return;
	const struct ledger_trust trust = {
	    .keys = &key, .n_keys = 1, .witnesses = &witness, .n_witnesses = 1};
	int r = disclosure_check(d, &trust, &v, &fault);
	if (r < 0) {
		assert(r == -ENOMEM || fault.why);
		return;
	}
	assert(v.seal.signers && v.n_records);
	for (size_t i = 0; i < d->n_runs; i++)
		for (size_t k = 0; k < d->runs[i].n; k++)
			assert(d->runs[i].records[k].index < d->runs[i].entry.records);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {0};
	struct disclosure d;
	struct disclosure_fault fault = {0};
	int r = disclosure_parse(text_bytes(data, size), &arena, &d, &fault);
	if (r == 0) {
		check(&d);
		check_print(&d);
	} else {
		assert(r == -ENOMEM || fault.why);
	}
	arena_free(&arena);
	return 0;
}
