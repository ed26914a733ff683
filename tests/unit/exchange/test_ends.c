/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "exchange/ends.h"

static char folder[] = "/tmp/bulkhead-ends-XXXXXX";
static struct archive *archive;

static int setup(void **state)
{
	(void)state;
	char path[64];
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/archive", folder);
	return archive_create(&archive, path);
}

static int teardown(void **state)
{
	(void)state;
	static const char *const files[] = {
	    "/archive/FORMAT", "/archive/lock", "/archive/flow-0000000001.journal", "/archive", ""};
	archive_close(archive);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		char path[128];
		snprintf(path, sizeof(path), "%s%s", folder, files[i]);
		(void)remove(path);
	}
	return 0;
}

static void append(uint64_t id, uint16_t port)
{
	struct msg_flow f = {
	    .id = id, .protocol = 17, .responder_port = port, .vlan = 7, .app = 3, .first = 1, .last = 1};
	assert_int_equal(archive_append_flow(archive, &f), 0);
}

static void test_an_empty_archive_has_no_turn(void **state)
{
	(void)state;
	struct exchange_ends *e;
	assert_int_equal(exchange_ends_new(&e, archive), 0);
	assert_int_equal(exchange_ends_turn(e), 0);
	assert_int_equal(exchange_ends_turn(e), 0);
	exchange_ends_free(e);
	exchange_ends_free(NULL);
}

/* The first turn has the ids 1 to EXCHANGE_ENDS_MAX, the next begins with the smallest that is left. */
static void test_each_flow_is_of_exactly_one_turn(void **state)
{
	(void)state;
	static const uint64_t ids[] = {EXCHANGE_ENDS_MAX + 1, 1, UINT64_MAX, EXCHANGE_ENDS_MAX,
	    EXCHANGE_ENDS_MAX - 1, UINT64_C(1) << 40, EXCHANGE_ENDS_MAX + 9};
	static const unsigned turns[] = {2, 1, 4, 1, 1, 3, 2};
	enum { IDS = sizeof(ids) / sizeof(*ids) };
	for (uint16_t i = 0; i < IDS; i++)
		append(ids[i], i);
	append(1, 1000); /* of two records of a flow the later stands */
	struct exchange_ends *e;
	struct msg_flow f;
	assert_int_equal(exchange_ends_new(&e, archive), 0);
	for (unsigned turn = 1; turn <= 4; turn++) {
		assert_int_equal(exchange_ends_turn(e), 1);
		for (uint16_t i = 0; i < IDS; i++) {
			bool had = exchange_ends_get(e, ids[i], &f);
			assert_int_equal(had, turns[i] == turn);
			if (!had)
				continue;
			assert_true(f.id == ids[i]);
			assert_int_equal(f.responder_port, ids[i] == 1 ? 1000 : i);
			assert_int_equal(f.protocol, 17);
			assert_int_equal(f.vlan, 7);
			assert_int_equal(f.app, 3);
		}
		assert_false(exchange_ends_get(e, 2, &f));
	}
	assert_int_equal(exchange_ends_turn(e), 0);
	exchange_ends_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_an_empty_archive_has_no_turn),
	    cmocka_unit_test(test_each_flow_is_of_exactly_one_turn)};
	return cmocka_run_group_tests(tests, setup, teardown);
}
