/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Records on the wire: the bytes themselves, round trips, bounds, older and newer writers, every truncation.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/err.h"
#include "msg/msg.h"

static const struct net_addr host = {.b = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 7}};
static const uint64_t ids[] = {3, UINT64_MAX, 0};
static struct field_value fields[MSG_FIELDS_MAX + 1];

static struct msg_flow full_flow(void)
{
	return (struct msg_flow){.id = 1,
	    .duplicate_of = 2,
	    .also = {.v = ids, .n = 3},
	    .parent = 4,
	    .related = 5,
	    .vantage = 6,
	    .protocol = 7,
	    .initiator = host,
	    .responder = {.b = {0x20, 1}},
	    .initiator_port = 10,
	    .responder_port = 65535,
	    .initiator_mac = {{1, 2, 3, 4, 5, 6}},
	    .responder_mac = {{0xff}},
	    .vlan = 14,
	    .first = INT64_MIN,
	    .last = INT64_MAX,
	    .established = -1,
	    .packets_out = 18,
	    .packets_in = 19,
	    .wire_out = 20,
	    .wire_in = 21,
	    .payload_out = 22,
	    .payload_in = UINT64_MAX,
	    .retransmitted_out = 24,
	    .retransmitted_in = 25,
	    .missing_out = 26,
	    .missing_in = 27,
	    .tcp_flags_out = 28,
	    .tcp_flags_in = 29,
	    .tcp_state = 30,
	    .end = 31,
	    .flags = UINT32_MAX,
	    .events = 33,
	    .app = 34,
	    .name = TEXT("a\0b")};
}

/* The bytes of one record, worked out by hand from the words at the top of msg.h. */
static void a_binding_is_these_bytes(void **state)
{
	static const uint8_t expected[] = {4, 0, 64, 0, 0, 0, /* record 4, 64 bytes */
	    8, 7, 6, 5, 4, 3, 2, 1,                           /* id */
	    0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,   /* first: -2 */
	    1, 0, 0, 0, 0, 0, 0, 0,                           /* last */
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 7, 0xa, 0xb, 0xc, 0xd, 0xe,
	    0xf,                                                                /* addr, mac */
	    11, 0, 0, 0, 'h', 'o', 's', 't', '.', 'e', 'x', 'a', 'm', 'p', 'l', /* name */
	    5, 2, 1};                                                           /* source, vantage */
	struct msg_binding b = {.id = UINT64_C(0x0102030405060708),
	    .first = -2,
	    .last = 1,
	    .addr = host,
	    .mac = {{0xa, 0xb, 0xc, 0xd, 0xe, 0xf}},
	    .name = TEXT("host.exampl"),
	    .source = 5,
	    .vantage = 0x0102};
	struct dynbuf out = {0};
	uint16_t record;
	size_t length;
	(void)state;
	assert_int_equal(sizeof(expected), 6 + 64);
	assert_int_equal(msg_binding_encode(&out, &b), 0);
	assert_int_equal(out.n, sizeof(expected));
	assert_memory_equal(out.p, expected, sizeof(expected));
	assert_int_equal(msg_peek(out.p, out.n, &record, &length), 0);
	assert_int_equal(record, MSG_BINDING);
	assert_int_equal(length, sizeof(expected));
	dynbuf_free(&out);
}

/* Every member of a flow comes back; the others share the codec and are fuzzed (tests/fuzz/msg). */
static void a_flow_comes_back_member_by_member(void **state)
{
	struct msg_flow f = full_flow(), g;
	struct dynbuf out = {0};
	struct arena arena = {0};
	(void)state;
	assert_int_equal(msg_flow_encode(&out, &f), 0);
	assert_int_equal(msg_flow_decode(out.p, out.n, &arena, &g), 0);
	assert_int_equal(g.also.n, 3);
	assert_memory_equal(g.also.v, ids, sizeof(ids));
	assert_true(text_equal(g.name, f.name));
	/* with the borrowed parts made the same, the rest is compared at once */
	assert_int_equal(g.first, INT64_MIN);
	assert_int_equal(g.last, INT64_MAX);
	assert_int_equal(g.flags, UINT32_MAX);
	assert_true(g.payload_in == UINT64_MAX);
	assert_int_equal(g.responder_port, 65535);
	assert_memory_equal(&g.initiator_mac, &f.initiator_mac, 6);
	assert_memory_equal(&g.responder, &f.responder, 16);
	struct dynbuf again = {0};
	assert_int_equal(msg_flow_encode(&again, &g), 0);
	assert_true(text_equal(dynbuf_view(&out), dynbuf_view(&again)));
	dynbuf_free(&out);
	dynbuf_free(&again);
	arena_free(&arena);
}

/* Cut in the file: TRUNCATED. Cut in the record, with a length that says so: an older writer's at a field's
 * end, else MALFORMED. */
static void every_truncation_is_told(void **state)
{
	struct msg_flow f = full_flow(), g = {.id = 99};
	struct dynbuf out = {0};
	struct arena arena = {0};
	size_t older = 0;
	(void)state;
	assert_int_equal(msg_flow_encode(&out, &f), 0);
	for (size_t cut = 0; cut < out.n; cut++) {
		uint8_t *exact = malloc(cut + 1);
		memcpy(exact, out.p, cut);
		assert_int_equal(msg_flow_decode(exact, cut, &arena, &g), -ERR_TRUNCATED);
		if (cut >= MSG_HEADER_SIZE) {
			store_le32(exact + 2, (uint32_t)(cut - MSG_HEADER_SIZE));
			struct msg_flow h = {.id = 98};
			int r = msg_flow_decode(exact, cut, &arena, &h);
			assert_true(r == 0 || r == -ERR_MALFORMED);
			if (r < 0)
				assert_int_equal(h.id, 98); /* untouched */
			else
				assert_int_equal(h.id, cut == MSG_HEADER_SIZE ? 0 : 1);
			older += r == 0;
		}
		free(exact);
	}
	assert_int_equal(g.id, 99);
	assert_int_equal(older,
	    35); /* as many field ends as there are fields, the last of which is no cut, and the start */
	dynbuf_free(&out);
	arena_free(&arena);
}

static void an_older_record_leaves_new_fields_zero(void **state)
{
	/* a transaction of a writer that knew only id and flow */
	static const uint8_t bytes[] = {2, 0, 16, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0};
	struct msg_transaction t = {.app = 5, .fields.n = 5};
	struct arena arena = {0};
	(void)state;
	assert_int_equal(msg_transaction_decode(bytes, sizeof(bytes), &arena, &t), 0);
	assert_int_equal(t.id, 7);
	assert_int_equal(t.flow, 9);
	assert_int_equal(t.app, 0);
	assert_int_equal(t.time, 0);
	assert_int_equal(t.fields.n, 0);
	arena_free(&arena);
}

static void a_newer_record_is_read_as_far_as_it_is_known(void **state)
{
	struct msg_binding b = {.id = 5, .name = TEXT("x"), .vantage = 7}, c;
	struct dynbuf out = {0};
	struct arena arena = {0};
	(void)state;
	assert_int_equal(msg_binding_encode(&out, &b), 0);
	dynbuf_str(&out, "what a later schema adds");
	store_le32(out.p + 2, (uint32_t)(out.n - MSG_HEADER_SIZE));
	assert_int_equal(msg_binding_decode(out.p, out.n, &arena, &c), 0);
	assert_int_equal(c.vantage, 7);
	/* bytes of the next record aren't part of it */
	assert_int_equal(msg_binding_encode(&out, &b), 0);
	assert_int_equal(msg_binding_decode(out.p, out.n, &arena, &c), 0);
	dynbuf_free(&out);
	arena_free(&arena);
}

static void lists_and_texts_end_at_their_bounds(void **state)
{
	static uint64_t many[MSG_LIST_MAX + 1];
	static char text[MSG_TEXT_MAX + 1];
	struct dynbuf out = {0};
	struct arena arena = {0};
	struct msg_flow f;
	struct msg_transaction t;
	(void)state;
	for (uint32_t n = MSG_LIST_MAX - 1; n <= MSG_LIST_MAX + 1; n++) {
		size_t before = out.n;
		f = (struct msg_flow){.also = {.v = many, .n = n}};
		assert_int_equal(msg_flow_encode(&out, &f), n <= MSG_LIST_MAX ? 0 : -ERR_LIMIT);
		if (n > MSG_LIST_MAX)
			assert_int_equal(out.n, before); /* taken back whole */
		else
			assert_int_equal(msg_flow_decode(out.p + before, out.n - before, &arena, &f), 0);
		assert_int_equal(out.error, 0);
	}
	for (size_t n = MSG_TEXT_MAX - 1; n <= MSG_TEXT_MAX + 1; n++) {
		f = (struct msg_flow){.name = text_bytes(text, n)};
		assert_int_equal(msg_flow_encode(&out, &f), n <= MSG_TEXT_MAX ? 0 : -ERR_LIMIT);
		fields[0].value = text_bytes(text, n);
		t = (struct msg_transaction){.fields = {.v = fields, .n = 1}};
		assert_int_equal(msg_transaction_encode(&out, &t), n <= MSG_TEXT_MAX ? 0 : -ERR_LIMIT);
	}
	fields[0].value = TEXT("");
	for (uint32_t n = MSG_FIELDS_MAX - 1; n <= MSG_FIELDS_MAX + 1; n++) {
		t = (struct msg_transaction){.fields = {.v = fields, .n = n}};
		assert_int_equal(msg_transaction_encode(&out, &t), n <= MSG_FIELDS_MAX ? 0 : -ERR_LIMIT);
	}
	dynbuf_free(&out);
	arena_free(&arena);
}

/* What a hostile writer may say: counts beyond bounds and beyond the record, also in the fields of a
 * transaction. */
static void claimed_counts_are_held_to_the_bounds(void **state)
{
	static uint8_t bytes[200000] = {2};
	struct msg_transaction t;
	struct arena arena = {0};
	(void)state;
	/* envelope 6, id 8, flow 8, app 2, time 8: the count of fields stands at 32, the first field at 36 */
	static const struct {
		uint32_t count, length;
		int result;
	} rows[] = {
	    {1, 0, 0},
	    {1, MSG_TEXT_MAX, 0},
	    {1, MSG_TEXT_MAX + 1, -ERR_MALFORMED},
	    {1, UINT32_MAX, -ERR_MALFORMED},
	    {MSG_FIELDS_MAX, 0, 0},
	    {MSG_FIELDS_MAX + 1, 0, -ERR_MALFORMED},
	    {UINT32_MAX, 0, -ERR_MALFORMED},
	};
	store_le32(bytes + 2, sizeof(bytes) - MSG_HEADER_SIZE);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		store_le32(bytes + 32, rows[i].count);
		store_le32(bytes + 38, rows[i].length);
		assert_int_equal(msg_transaction_decode(bytes, sizeof(bytes), &arena, &t), rows[i].result);
		assert_in_range(arena.used, 0, 64 * sizeof(struct field_value) * 8);
	}
	arena_free(&arena);
}

static void envelopes_are_checked(void **state)
{
	uint8_t bytes[MSG_HEADER_SIZE] = {1};
	uint16_t record;
	size_t length;
	struct msg_flow f;
	struct arena arena = {0};
	(void)state;
	for (size_t n = 0; n < MSG_HEADER_SIZE; n++)
		assert_int_equal(msg_peek(bytes, n, &record, &length), -ERR_TRUNCATED);
	assert_int_equal(msg_peek(bytes, sizeof(bytes), &record, &length), 0);
	assert_int_equal(length, MSG_HEADER_SIZE);
	store_le32(bytes + 2, MSG_RECORD_MAX - MSG_HEADER_SIZE);
	assert_int_equal(msg_peek(bytes, sizeof(bytes), &record, &length), -ERR_TRUNCATED);
	store_le32(bytes + 2, MSG_RECORD_MAX - MSG_HEADER_SIZE + 1);
	assert_int_equal(msg_peek(bytes, sizeof(bytes), &record, &length), -ERR_MALFORMED);
	/* another kind of record */
	memset(bytes, 0, sizeof(bytes));
	bytes[0] = MSG_BINDING;
	assert_int_equal(msg_flow_decode(bytes, sizeof(bytes), &arena, &f), -ERR_MALFORMED);
}

static void a_nan_is_read_as_zero(void **state)
{
	struct msg_detection d = {.confidence = NAN}, e;
	struct dynbuf out = {0};
	struct arena arena = {0};
	(void)state;
	assert_int_equal(msg_detection_encode(&out, &d), 0);
	assert_int_equal(msg_detection_decode(out.p, out.n, &arena, &e), 0);
	assert_true(e.confidence == 0);
	dynbuf_free(&out);
	arena_free(&arena);
}

static void a_buffer_that_had_failed_stays_failed(void **state)
{
	struct dynbuf out = {.max = 100};
	static const char much[200];
	(void)state;
	dynbuf_str(&out, "kept");
	dynbuf_append(&out, much, sizeof(much));
	assert_int_equal(msg_binding_encode(&out, &(struct msg_binding){.id = 1}), -ERR_LIMIT);
	assert_int_equal(out.error, -ERR_LIMIT); /* the caller's own loss isn't hidden */
	/* one that fails in the record itself is as it was before */
	dynbuf_reset(&out);
	dynbuf_str(&out, "kept");
	assert_int_equal(msg_flow_encode(&out, &(struct msg_flow){.id = 1}), -ERR_LIMIT);
	assert_int_equal(out.error, 0);
	assert_int_equal(out.n, 4);
	dynbuf_free(&out);
}

static void names_of_unknown_numbers_are_not_null(void **state)
{
	(void)state;
	assert_string_equal(msg_source_name(MSG_SOURCE_INDICATOR), "indicator");
	assert_string_equal(msg_role_name(MSG_ROLE_C2), "c2");
	assert_string_equal(msg_tlp_name(MSG_TLP_AMBER_STRICT), "TLP:AMBER+STRICT");
	for (unsigned i = 0; i < 300; i++) {
		assert_non_null(msg_source_name(i));
		assert_non_null(msg_role_name(i));
		assert_non_null(msg_tlp_name(i));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_binding_is_these_bytes),
	    cmocka_unit_test(a_flow_comes_back_member_by_member),
	    cmocka_unit_test(every_truncation_is_told),
	    cmocka_unit_test(an_older_record_leaves_new_fields_zero),
	    cmocka_unit_test(a_newer_record_is_read_as_far_as_it_is_known),
	    cmocka_unit_test(lists_and_texts_end_at_their_bounds),
	    cmocka_unit_test(claimed_counts_are_held_to_the_bounds),
	    cmocka_unit_test(envelopes_are_checked),
	    cmocka_unit_test(a_nan_is_read_as_zero),
	    cmocka_unit_test(a_buffer_that_had_failed_stays_failed),
	    cmocka_unit_test(names_of_unknown_numbers_are_not_null),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
