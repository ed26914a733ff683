/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Every file below BULKHEAD_DATA that is a capture, through reader and decoder: what comes out must hold what
 * the headers promise. Skipped where the variable is not set.
 */

#include <ftw.h>

#include "capture/capture.h"
#include "frame.h"

enum { DESCRIPTORS = 16 };

static struct {
	size_t files, packets, with_ip;
} seen;

static int read_file(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)where;
	struct capture_set *set = NULL;
	struct capture_frame f;
	struct packet p;
	char why[160] = "";
	if (kind != FTW_F)
		return 0;
	assert_int_equal(capture_set_new(&set), 0);
	if (capture_set_add(set, -1, path, why) < 0) {
		assert_true(why[0]);
		capture_set_free(set);
		return 0;
	}
	struct decoder *d = decoder_plain();
	seen.files++;
	while (capture_set_next(set, &f) == 1) {
		assert_true(f.vantage < capture_set_vantages(set));
		assert_int_equal(
		    decoder_frame(d, f.linktype, f.data, f.caplen, f.wirelen, f.time_ns, f.vantage, &p), 0);
		do {
			packet_check(&p);
			seen.packets++;
			seen.with_ip += p.n_layers > 0;
		} while (decoder_more(d, &p) == 1);
	}
	const struct decode_stats *s = decoder_stats(d);
	assert_int_equal(s->frames, capture_set_file(set, 0)->packets);
	assert_int_equal(s->unfetched, 0);
	decoder_free(d);
	capture_set_free(set);
	return 0;
}

static void real_captures_are_read_to_their_end(void **state)
{
	(void)state;
	const char *folder = getenv("BULKHEAD_DATA");
	if (!folder || !folder[0]) {
		print_message("BULKHEAD_DATA is not set: no captures to read\n");
		skip();
	}
	assert_int_equal(nftw(folder, read_file, DESCRIPTORS, FTW_PHYS), 0);
	print_message("%zu captures, %zu packets, %zu of them IP\n", seen.files, seen.packets, seen.with_ip);
	assert_true(seen.files > 0 && seen.with_ip > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(real_captures_are_read_to_their_end)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
