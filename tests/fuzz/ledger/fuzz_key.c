/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <string.h>

#include "ledger/base64.h"
#include "ledger/key.h"

/* Keys and base 64 as text. Property: what is read, printed again, is the same text. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text t = text_bytes(data, size);
	struct ledger_verifier v;
	struct ledger_key *k;
	char text[LEDGER_KEY_TEXT_SIZE];
	struct dynbuf bytes = {0}, again = {0};
	if (ledger_verifier_parse(t, &v) == 0)
		assert(text_equal(text_of(ledger_verifier_print(&v, text)), t));
	if (ledger_key_parse(t, &k) == 0) {
		assert(ledger_key_print(k, text) == 0 && text_equal(text_of(text), t));
		ledger_key_free(k);
	}
	if (base64_parse_append(t, &bytes) == 0) {
		base64_append(&again, bytes.p, bytes.n);
		assert(text_equal(dynbuf_view(&again), t));
	}
	dynbuf_free(&bytes);
	dynbuf_free(&again);
	return 0;
}
