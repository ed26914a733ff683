/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/dynbuf.h"
#include "base/num.h"
#include "base/text.h"
#include "base/timefmt.h"

/* The readers of numbers and times, and what makes names printable. Properties: what is printed is printable
 * and stays as it is when printed again; what was read and written again reads as the same. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_printable(struct text t, size_t room)
{
	struct dynbuf whole = {0}, again = {0};
	char *cut = malloc(room ? room : 1);
	if (!cut || text_append_printable(&whole, t) < 0)
		goto out;
	for (size_t i = 0; i < whole.n; i++)
		assert(whole.p[i] >= 0x20 && whole.p[i] != 0x7f);
	text_append_printable(&again, dynbuf_view(&whole));
	assert(again.n == whole.n && (whole.n == 0 || memcmp(again.p, whole.p, whole.n) == 0));
	text_printable(t, cut, room);
	if (room) {
		size_t n = strlen(cut);
		assert(n < room);
		if (whole.n < room)
			assert(n == whole.n && (n == 0 || memcmp(cut, whole.p, n) == 0));
		/* cut between characters, never within one */
		dynbuf_reset(&again);
		text_append_printable(&again, text_of(cut));
		assert(again.n == n);
	}
out:
	free(cut);
	dynbuf_free(&whole);
	dynbuf_free(&again);
}

static void check_numbers(struct text t)
{
	uint64_t u;
	int64_t i, ns;
	double real;
	uint8_t bytes[16];
	char buf[TIME_TEXT_SIZE], span[24], hex[33];
	if (num_parse_u64(t, UINT64_MAX, &u) == 0)
		num_bytes_human(u, buf, sizeof(buf));
	num_parse_i64(t, &i);
	num_parse_size(t, &u);
	if (num_parse_real(t, -1e6, 1e6, &real) == 0)
		assert(real >= -1e6 && real <= 1e6);
	if (num_parse_hex(t, bytes, 16) == 0)
		assert(text_equal_nocase(text_of(num_hex(bytes, 16, hex)), t));
	if (time_parse(t, &ns) == 0) {
		assert(time_parse(text_of(time_rfc3339(ns, buf)), &i) == 0 && i == ns);
		time_human(ns, buf);
	}
	if (time_parse_span(t, &ns) == 0)
		assert(strlen(time_span_human(ns, span, sizeof(span))) < sizeof(span));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct text t = text_bytes(data + 1, size - 1);
	check_printable(t, data[0]);
	check_numbers(t);
	text_trim(t);
	return 0;
}
