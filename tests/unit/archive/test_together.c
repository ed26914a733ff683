/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Columns of flows that are stored together come back as they were, whichever of them vary, in whole records
 * and in a few rows of a block. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "archive/archive.h"
#include "base/err.h"
#include "records.h"

enum { FLOWS = 5000, RARE = 97 };

enum shape {
	SHAPE_FEW,        /* kinds of service */
	SHAPE_NO_LEADER,  /* the leading columns are zero */
	SHAPE_MANY_PORTS, /* a scan: no two rows go together */
	SHAPE_ONE,        /* the same in all rows */
	SHAPE_FAR,        /* packets' bytes beyond what differences can tell */
	SHAPES
};

static struct net_addr addr_of(uint64_t i)
{
	const uint8_t b[] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};
	return net_addr_v4(b);
}

static struct msg_flow flow_of(enum shape shape, uint64_t i)
{
	uint64_t state = i * 5 + (uint64_t)shape, r = record_random(&state);
	unsigned kind = shape == SHAPE_ONE ? 3 : (unsigned)(r % 9);
	struct msg_flow f = {.id = i + 1,
	    .initiator = addr_of(i % RARE == 0 ? 60000 : r >> 8 & 1023),
	    .responder = addr_of(2000 + (r >> 20 & 255)),
	    .first = 1000000000 + (int64_t)i * 1000,
	    .last = 1000000000 + (int64_t)i * 1000 + (int64_t)(r >> 30 & 0xffff)};
	f.protocol = kind % 3 ? 6 : 17;
	f.responder_port = (uint16_t)(shape == SHAPE_MANY_PORTS ? r >> 32 : kind * 100);
	f.app = (uint16_t)kind;
	f.tcp_flags_out = (uint8_t)(kind * 3);
	f.tcp_state = (uint8_t)(kind / 2);
	f.end = kind == 2;
	f.flags = UINT32_MAX - kind;
	f.packets_out = shape == SHAPE_ONE ? 2 : 1 + (r >> 40) % 8;
	f.packets_in = (r >> 44) % 5;
	f.payload_out = r >> 50;
	f.payload_in = f.packets_in ? r >> 48 & 1023 : 0;
	f.wire_out = f.payload_out + f.packets_out * 54 + 12;
	f.wire_in = f.packets_in ? f.payload_in + f.packets_in * 42 : 0;
	if (shape == SHAPE_NO_LEADER)
		f.protocol = 0, f.packets_out = 0, f.packets_in = 0;
	if (shape == SHAPE_FAR)
		f.wire_out = i % 2 ? UINT64_MAX / 2 + f.payload_out : f.payload_out - UINT64_MAX / 2 - 1;
	return f;
}

struct expect {
	enum shape shape;
	uint64_t step, next;
	uint64_t columns;
};

static int on_flow(void *context, const struct msg_flow *f)
{
	struct expect *e = context;
	struct msg_flow made = flow_of(e->shape, e->next);
	const struct archive_layout *l = archive_layout_of(MSG_FLOW);
	for (unsigned i = 0; i < l->n_columns; i++) {
		const struct archive_column *c = &l->columns[i];
		if (e->columns >> i & 1 && c->type != ARCHIVE_COLUMN_TEXT && c->type != ARCHIVE_COLUMN_U64S)
			assert_memory_equal(
			    (const uint8_t *)f + c->offset, (const uint8_t *)&made + c->offset, c->size);
	}
	e->next += e->step;
	return 0;
}

static void expect_flows(struct archive *a, enum shape shape, uint64_t columns)
{
	struct net_addr rare = addr_of(60000);
	struct archive_filter all = {.duplicates = true, .columns = columns};
	struct archive_filter few = {.duplicates = true, .columns = columns, .addrs = &rare, .n_addrs = 1};
	struct expect e = {.shape = shape, .step = 1, .columns = columns ? columns : UINT64_MAX};
	assert_int_equal(archive_scan_flows(a, &all, on_flow, &e), 0);
	assert_int_equal(e.next, FLOWS);
	e.step = RARE;
	e.next = 0;
	assert_int_equal(archive_scan_flows(a, &few, on_flow, &e), 0);
	assert_int_equal(e.next, (FLOWS + RARE - 1) / RARE * RARE);
}

static void all_shapes_come_back(void **state)
{
	(void)state;
	for (int shape = 0; shape < SHAPES; shape++) {
		char *path = folder_make();
		struct archive *a;
		assert_int_equal(archive_create(&a, path), 0);
		for (uint64_t i = 0; i < FLOWS; i++) {
			struct msg_flow f = flow_of((enum shape)shape, i);
			assert_int_equal(archive_append_flow(a, &f), 0);
		}
		assert_int_equal(archive_close(a), 0);
		assert_int_equal(archive_open(&a, path, false), 0);
		expect_flows(a, (enum shape)shape, 0);
		/* each by itself: members without their leader, what is near without its base */
		for (unsigned i = 0; i < archive_layout_of(MSG_FLOW)->n_columns; i++)
			expect_flows(a, (enum shape)shape, UINT64_C(1) << i);
		assert_int_equal(archive_close(a), 0);
		folder_drop(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_shapes_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
