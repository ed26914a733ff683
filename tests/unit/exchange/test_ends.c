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

static void test_an_archive_without_flows_knows_none(void **state)
{
	(void)state;
	static const uint64_t ids[] = {1, 2};
	struct exchange_ends *e;
	struct msg_flow f;
	assert_int_equal(exchange_ends_new(&e, archive, ids, 2), 0);
	assert_int_equal(exchange_ends_turn(e), 1);
	assert_false(exchange_ends_get(e, 1, &f));
	assert_int_equal(exchange_ends_turn(e), 0);
	assert_int_equal(exchange_ends_turn(e), 0);
	exchange_ends_free(e);
	exchange_ends_free(NULL);
}

static void test_who_asks_for_none_has_no_turn(void **state)
{
	(void)state;
	struct exchange_ends *e;
	assert_int_equal(exchange_ends_new(&e, archive, NULL, 0), 0);
	assert_int_equal(exchange_ends_turn(e), 0);
	exchange_ends_free(e);
}

/* Ids that are asked for, in order; every third is there twice. Those beyond the first EXCHANGE_ENDS_MAX are
 * of the second turn. */
static void test_each_flow_asked_for_is_of_exactly_one_turn(void **state)
{
	(void)state;
	enum { ASKED = EXCHANGE_ENDS_MAX + 1 };
	static const struct {
		uint64_t id;
		unsigned turn; /* 0: nobody asks */
	} flows[] = {{2, 1}, {4, 1}, {3, 0}, {2 * (EXCHANGE_ENDS_MAX - 1), 1}, {2 * EXCHANGE_ENDS_MAX, 1},
	    {2 * (EXCHANGE_ENDS_MAX + 1), 2}, {UINT64_MAX, 0}};
	enum { FLOWS = sizeof(flows) / sizeof(*flows) };
	uint64_t *ids = calloc(2 * ASKED, sizeof(*ids));
	size_t n = 0;
	assert_non_null(ids);
	for (uint64_t i = 1; i <= ASKED; i++) {
		ids[n++] = 2 * i;
		if (i % 3 == 0 || i == EXCHANGE_ENDS_MAX)
			ids[n++] = 2 * i;
	}
	for (uint16_t i = 0; i < FLOWS; i++)
		append(flows[i].id, i);
	append(2, 1000); /* of two records of a flow the later stands */
	struct exchange_ends *e;
	struct msg_flow f;
	assert_int_equal(exchange_ends_new(&e, archive, ids, n), 0);
	for (unsigned turn = 1; turn <= 2; turn++) {
		assert_int_equal(exchange_ends_turn(e), 1);
		for (uint16_t i = 0; i < FLOWS; i++) {
			bool had = exchange_ends_get(e, flows[i].id, &f);
			assert_int_equal(had, flows[i].turn == turn);
			if (!had)
				continue;
			assert_true(f.id == flows[i].id);
			assert_int_equal(f.responder_port, f.id == 2 ? 1000 : i);
			assert_int_equal(f.protocol, 17);
			assert_int_equal(f.vlan, 7);
			assert_int_equal(f.app, 3);
		}
		assert_false(exchange_ends_get(e, 6, &f)); /* asked for, but not there */
	}
	assert_int_equal(exchange_ends_turn(e), 0);
	assert_false(exchange_ends_get(e, 2, &f));
	exchange_ends_free(e);
	free(ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_an_archive_without_flows_knows_none),
	    cmocka_unit_test(test_who_asks_for_none_has_no_turn),
	    cmocka_unit_test(test_each_flow_asked_for_is_of_exactly_one_turn)};
	return cmocka_run_group_tests(tests, setup, teardown);
}
