/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "exchange/records_csv.h"
#include "exchange/records_json.h"
#include "records_random.h"

enum { RANDOM_RECORDS = 3000 };

struct source {
	struct text t;
	size_t at;
};

static int64_t read_source(void *context, void *p, size_t n)
{
	struct source *s = context;
	size_t left = s->t.n - s->at;
	if (n > left)
		n = left;
	memcpy(p, s->t.p + s->at, n);
	s->at += n;
	return (int64_t)n;
}

static struct exchange_kind kind_of(unsigned record)
{
	struct exchange_kind k;
	assert_true(exchange_kind_of(record, &k));
	return k;
}

/* Records are the same where their encodings are. */
static void assert_same(
    const struct exchange_kind *k, const void *a, const void *b, const struct dynbuf *text)
{
	struct dynbuf x = {0}, y = {0};
	assert_int_equal(k->layout->encode(&x, a), 0);
	assert_int_equal(k->layout->encode(&y, b), 0);
	if (!text_equal(dynbuf_view(&x), dynbuf_view(&y)))
		fail_msg("%s: not what was written: %.*s", k->name, (int)text->n, (const char *)text->p);
	dynbuf_free(&x);
	dynbuf_free(&y);
}

static void test_any_record_comes_back_from_csv_as_it_was(void **state)
{
	(void)state;
	for (unsigned record = MSG_FLOW; record <= MSG_COVERAGE; record++) {
		struct exchange_kind k = kind_of(record);
		for (uint64_t n = 1; n <= RANDOM_RECORDS; n++) {
			struct arena arena = {0};
			struct dynbuf out = {0};
			struct exchange_csv_writer w;
			struct exchange_csv_records r;
			struct exchange_csv_options o = {0};
			struct exchange_problem problem = {0};
			union archive_record m, back;
			uint64_t seed = n;
			random_record(&seed, &k, &arena, &m);
			assert_int_equal(exchange_csv_begin(&w, record, &out), 0);
			assert_int_equal(exchange_csv_put(&w, &m, &out), 0);
			struct source s = {.t = dynbuf_view(&out)};
			assert_int_equal(exchange_csv_records_begin(&r, &o, read_source, &s, &problem), 0);
			if (exchange_csv_records_next(&r, &back, &problem) != 1)
				fail_msg("%s: %s: %.*s", k.name, problem.what, (int)out.n, (char *)out.p);
			assert_same(&k, &m, &back, &out);
			assert_int_equal(exchange_csv_records_next(&r, &back, &problem), 0);
			exchange_csv_records_end(&r);
			exchange_csv_end(&w);
			dynbuf_free(&out);
			arena_free(&arena);
		}
	}
}

static void test_any_record_comes_back_from_json_as_it_was(void **state)
{
	(void)state;
	struct exchange_json_writer w;
	assert_int_equal(exchange_json_begin(&w), 0);
	for (unsigned record = MSG_FLOW; record <= MSG_COVERAGE; record++) {
		struct exchange_kind k = kind_of(record);
		for (uint64_t n = 1; n <= RANDOM_RECORDS; n++) {
			struct arena arena = {0};
			struct dynbuf out = {0};
			struct exchange_json_records *r;
			struct exchange_json_options o = {0};
			struct exchange_problem problem = {0};
			union archive_record m, back;
			unsigned found;
			uint64_t seed = n;
			random_record(&seed, &k, &arena, &m);
			assert_int_equal(exchange_json_put(&w, record, &m, &out), 0);
			struct source s = {.t = dynbuf_view(&out)};
			assert_int_equal(exchange_json_records_new(&r, &o, read_source, &s), 0);
			if (exchange_json_records_next(r, &found, &back, &problem) != 1)
				fail_msg("%s: %d: %s: %.*s", k.name, (int)problem.column, problem.what,
				    (int)out.n, (char *)out.p);
			assert_int_equal(found, record);
			assert_same(&k, &m, &back, &out);
			assert_int_equal(exchange_json_records_next(r, &found, &back, &problem), 0);
			exchange_json_records_free(r);
			dynbuf_free(&out);
			arena_free(&arena);
		}
	}
	exchange_json_end(&w);
}

/* What terminals and spreadsheets are given: one line a record, clean UTF-8, no formula. */
static void test_exports_have_nothing_that_acts_on_a_reader(void **state)
{
	(void)state;
	static const struct {
		struct text text;
		const char *cell;
	} cases[] = {
	    {TEXT("plain.example"), "plain.example"},
	    {TEXT("a,b"), "\"a,b\""},
	    {TEXT("a\"b"), "\"a\"\"b\""},
	    {TEXT("a\nb"), "a\\x0ab"},
	    {TEXT("\x1b[2J"), "\\x1b[2J"},
	    {TEXT("=cmd()"), "\\x3dcmd()"},
	    {TEXT("+1"), "\\x2b1"},
	    {TEXT("-1"), "\\x2d1"},
	    {TEXT("@a"), "\\x40a"},
	    {TEXT("C:\\Windows"), "C:\\Windows"},
	    {TEXT("C:\\x41"), "C:\\x5cx41"},
	    {TEXT("\xff"), "\\xff"},
	    {TEXT("caf\xc3\xa9"), "caf\xc3\xa9"},
	    {{.p = "a\0b", .n = 3}, "a\\x00b"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct exchange_csv_writer w;
		struct dynbuf out = {0};
		struct msg_flow f = {.name = cases[i].text};
		assert_int_equal(exchange_csv_begin(&w, MSG_FLOW, &out), 0);
		dynbuf_reset(&out);
		assert_int_equal(exchange_csv_put(&w, &f, &out), 0);
		char wanted[128];
		int n = snprintf(wanted, sizeof(wanted), ",%s\n", cases[i].cell);
		assert_true(out.n > (size_t)n);
		if (memcmp(out.p + out.n - n, wanted, (size_t)n) != 0)
			fail_msg("case %zu: %.*s", i, (int)out.n, (char *)out.p);
		exchange_csv_end(&w);
		dynbuf_free(&out);
	}
}

/* The times are those that msg/records.schema says. */
static void test_every_time_of_the_schema_is_one(void **state)
{
	(void)state;
	const char *source = getenv("BULKHEAD_SOURCE");
	char path[512], line[256], type[16], name[64], kind[64] = "";
	size_t times = 0;
	if (!source) {
		print_message("BULKHEAD_SOURCE isn't set\n");
		skip();
	}
	snprintf(path, sizeof(path), "%s/src/msg/records.schema", source);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "record %63s", kind) == 1)
			continue;
		if (line[0] == '#' || sscanf(line, "%15s %63s", type, name) != 2 || !kind[0])
			continue;
		struct exchange_kind k = kind_of((unsigned)exchange_kind_find(text_of(kind)));
		int column = exchange_column_find(&k, text_of(name));
		assert_true(column >= 0);
		bool is_time = k.columns[column].form == EXCHANGE_FORM_TIME;
		if (is_time != (strcmp(type, "time") == 0))
			fail_msg("%s of a %s", name, kind);
		times += is_time;
	}
	fclose(f);
	assert_int_equal(times, 10);
}

struct csv_case {
	const char *name;
	unsigned record;
	enum exchange_time_unit unit;
	const char *columns, *in;
	uint64_t line, column;  /* of the mistake; 0: none */
	const char *what;       /* a part of what is said */
	struct msg_flow wanted; /* of flows: ends' last byte, ports, protocol, times */
};

#define HEAD "initiator,responder,first\n"

static const struct csv_case csv_cases[] = {
    {"our names", 0, 0, "", HEAD "10.0.0.1,10.0.0.2,2026-11-23T06:00:00Z\n", 0, 0, "",
        {.first = 1795413600 * INT64_C(1000000000), .last = 1795413600 * INT64_C(1000000000)}},
    {"common names", MSG_FLOW, EXCHANGE_TIME_S, "",
        "SRC_IP,dest_ip,sport,id.resp_p,proto,ts,duration\n10.0.0.1,10.0.0.2,1,53,UDP,1.5,0.25\n", 0, 0, "",
        {.initiator_port = 1, .responder_port = 53, .protocol = 17, .first = 1500000000, .last = 1750000000}},
    {"no header", MSG_FLOW, EXCHANGE_TIME_MS, "src_ip,-,dst_ip,first,protocol",
        "10.0.0.1,what,10.0.0.2,1500,6\n", 0, 0, "",
        {.protocol = 6, .first = 1500000000, .last = 1500000000}},
    {"nanoseconds", MSG_FLOW, EXCHANGE_TIME_NS, "", HEAD "10.0.0.1,10.0.0.2,-7\n", 0, 0, "",
        {.first = -7, .last = -7}},
    {"microseconds", MSG_FLOW, EXCHANGE_TIME_US, "", HEAD "10.0.0.1,10.0.0.2,7.0009\n", 0, 0, "",
        {.first = 7000, .last = 7000}},
    {"a time's unit isn't guessed", MSG_FLOW, 0, "", HEAD "10.0.0.1,10.0.0.2,1700000000\n", 2, 19, "--time",
        {0}},
    {"no address", MSG_FLOW, 0, "", HEAD "10.0.0.256,10.0.0.2,2026-11-23\n", 2, 1, "wanted is an address",
        {0}},
    {"a port beyond its bound", MSG_FLOW, 0, "",
        "initiator,responder,first,responder_port\n10.0.0.1,10.0.0.2,2026-11-23,65536\n", 2, 30, "0 to 65535",
        {0}},
    {"a negative count", MSG_FLOW, 0, "",
        "initiator,responder,first,packets_in\n10.0.0.1,10.0.0.2,2026-11-23,-1\n", 2, 30, "packets_in", {0}},
    {"an unknown protocol", MSG_FLOW, 0, "",
        "initiator,responder,first,protocol\n10.0.0.1,10.0.0.2,2026-11-23,icq\n", 2, 30, "an IP protocol",
        {0}},
    {"an unknown name", MSG_FLOW, 0, "", "initiator,responder,first,app\n10.0.0.1,10.0.0.2,2026-11-23,icq\n",
        2, 30, "one of the names", {0}},
    {"a cell too few", MSG_FLOW, 0, "", HEAD "10.0.0.1,10.0.0.2\n", 2, 1, "2 cells where there are 3", {0}},
    {"a cell too many", MSG_FLOW, 0, "", HEAD "10.0.0.1,10.0.0.2,2026-11-23,\n", 2, 1, "4 cells", {0}},
    {"empty where it is needed", MSG_FLOW, 0, "", HEAD ",10.0.0.2,2026-11-23\n", 2, 1, "needs it", {0}},
    {"a column twice", MSG_FLOW, 0, "", "initiator,responder,src_ip,first\n", 1, 21, "a second one", {0}},
    {"a column missing", MSG_FLOW, 0, "", "initiator,first\n", 1, 1, "no column for 'responder'", {0}},
    {"not ours, and nobody says what", 0, 0, "", "a,b\n", 1, 1, "--kind", {0}},
    {"nothing", 0, 0, "", "", 1, 1, "header", {0}},
};

static void check_flow(const struct csv_case *c, const struct msg_flow *f)
{
	assert_int_equal(f->initiator.b[15], 1);
	assert_int_equal(f->responder.b[15], 2);
	assert_int_equal(f->initiator_port, c->wanted.initiator_port);
	assert_int_equal(f->responder_port, c->wanted.responder_port);
	assert_int_equal(f->protocol, c->wanted.protocol);
	assert_int_equal(f->first, c->wanted.first);
	assert_int_equal(f->last, c->wanted.last);
}

static void test_a_mistake_in_csv_is_told_with_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(csv_cases) / sizeof(*csv_cases); i++) {
		const struct csv_case *c = &csv_cases[i];
		struct exchange_csv_options o = {
		    .record = c->record, .time_unit = c->unit, .columns = text_of(c->columns)};
		struct exchange_csv_records r;
		struct exchange_problem problem = {0};
		struct source s = {.t = text_of(c->in)};
		union archive_record m;
		int got = exchange_csv_records_begin(&r, &o, read_source, &s, &problem);
		if (got == 0)
			got = exchange_csv_records_next(&r, &m, &problem);
		if ((got == 1) != (c->line == 0) || problem.line != c->line || problem.column != c->column ||
		    !strstr(problem.what, c->what))
			fail_msg("%s: %d, %d:%d: %s", c->name, got, (int)problem.line, (int)problem.column,
			    problem.what);
		if (got == 1)
			check_flow(c, &m.flow);
		exchange_csv_records_end(&r);
	}
}

#define FLOW "\"initiator\":\"10.0.0.1\",\"responder\":\"10.0.0.2\",\"first\":\"2026-11-23\""

static const struct {
	const char *name, *in;
	int got;
	const char *what;
} json_cases[] = {
    {"a flow", "{\"record\":\"flow\"," FLOW "}\n", 1, ""},
    {"without a newline", "{\"record\":\"flow\"," FLOW "}", 1, ""},
    {"blank lines and blanks", "\n \r\n  {\"record\":\"flow\"," FLOW "}  \r\n", 1, ""},
    {"a large number in a string", "{\"record\":\"flow\"," FLOW ",\"events\":\"18446744073709551615\"}", 1,
        ""},
    {"a large number as it is", "{\"record\":\"flow\"," FLOW ",\"events\":18446744073709551615}", 1, ""},
    {"a number beyond 64 bits", "{\"record\":\"flow\"," FLOW ",\"events\":18446744073709551616}", 0,
        "events"},
    {"a fraction", "{\"record\":\"flow\"," FLOW ",\"vlan\":1.5}", 0, "vlan"},
    {"a number for a name", "{\"record\":\"flow\"," FLOW ",\"app\":200}", 1, ""},
    {"no object", "[]", 0, "array isn't wanted"},
    {"a string", "\"a\"", 0, "an object is wanted"},
    {"two objects in a line", "{\"record\":\"flow\"," FLOW "}{}", 0, "trailing"},
    {"half an object", "{\"record\":\"flow\"," FLOW, 0, "premature"},
    {"no kind", "{" FLOW "}", 0, "\"record\""},
    {"an empty object", "{}", 0, "\"record\""},
    {"no such kind", "{\"record\":\"order\"}", 0, "no kind"},
    {"a kind twice", "{\"record\":\"flow\",\"record\":\"flow\"}", 0, "second time"},
    {"a field twice", "{\"record\":\"flow\"," FLOW ",\"id\":1,\"id\":2}", 0, "id: a second time"},
    {"no such field", "{\"record\":\"flow\"," FLOW ",\"colour\":1}", 0, "'colour' is no field"},
    {"a needed one missing", "{\"record\":\"flow\",\"initiator\":\"10.0.0.1\"}", 0, "without 'responder'"},
    {"a needed one null", "{\"record\":\"flow\",\"initiator\":null}", 0, "null"},
    {"true", "{\"record\":\"flow\"," FLOW ",\"id\":true}", 0, "true or false"},
    {"an array for a number", "{\"record\":\"flow\"," FLOW ",\"id\":[1]}", 0, "array isn't wanted"},
    {"an object for a number", "{\"record\":\"flow\"," FLOW ",\"id\":{\"a\":1}}", 0, "object isn't wanted"},
    {"a number for an array", "{\"record\":\"flow\"," FLOW ",\"also\":1}", 0, "an array is wanted"},
    {"arrays in arrays", "{\"record\":\"flow\"," FLOW ",\"also\":[[1]]}", 0, "array isn't wanted"},
    {"a fraction among ids", "{\"record\":\"flow\"," FLOW ",\"also\":[1.5]}", 0, "record id"},
    {"a number for a text", "{\"record\":\"flow\"," FLOW ",\"name\":5}", 0, "a string is wanted"},
    {"fields",
        "{\"record\":\"transaction\",\"time\":\"2026-11-23\",\"fields\":[{\"name\":\"dns.rrname\",\"value\":"
        "\"a\"}]}",
        1, ""},
    {"fields that are none",
        "{\"record\":\"transaction\",\"time\":\"2026-11-23\",\"fields\":[{\"name\":\"dns\",\"value\":\"a\"}]"
        "}",
        0, "metadata field"},
    {"fields without a name",
        "{\"record\":\"transaction\",\"time\":\"2026-11-23\",\"fields\":[{\"value\":\"a\"}]}", 0, "fields"},
    {"fields with more", "{\"record\":\"transaction\",\"time\":\"2026-11-23\",\"fields\":[{\"a\":\"a\"}]}", 0,
        "fields"},
    {"no UTF-8", "{\"record\":\"flow\"," FLOW ",\"name\":\"\xff\"}", 0, "UTF8"},
    {"the kind last", "{" FLOW ",\"also\":[1],\"vlan\":7,\"record\":\"flow\"}", 1, ""},
    {"the kind between", "{\"vlan\":7,\"record\":\"flow\"," FLOW "}", 1, ""},
    {"the kind last, and a mistake before it", "{" FLOW ",\"vlan\":-7,\"record\":\"flow\"}", 0, "vlan"},
    {"the kind last, and a foreign field before it",
        "{\"a\":{\"b\":[{\"record\":1},null,true,2]}," FLOW ",\"record\":\"flow\"}", 0, "'a' is no field"},
    {"the kind last, and a second time", "{" FLOW ",\"record\":\"flow\",\"record\":\"flow\"}", 0,
        "second time"},
    {"the kind only further in", "{" FLOW ",\"also\":[{\"record\":\"flow\"}]}", 0, "\"record\""},
    {"the kind last, and it is none", "{" FLOW ",\"record\":\"order\"}", 0, "no kind"},
    {"the kind last, and half an object", "{" FLOW ",\"record\":\"flow\"", 0, "premature"},
};

/* What a line says of itself counts more than what the caller said of all. */
static void test_the_kind_may_stand_anywhere(void **state)
{
	static const struct {
		const char *in;
		unsigned all, wanted;
	} cases[] = {
	    {"{" FLOW "}", MSG_FLOW, MSG_FLOW},
	    {"{" FLOW ",\"record\":\"flow\"}", MSG_FLOW, MSG_FLOW},
	    {"{" FLOW ",\"record\":\"flow\"}", MSG_COVERAGE, MSG_FLOW},
	    {"{" FLOW ",\"record\":\"flow\"}", 0, MSG_FLOW},
	    /* id and time stand at the same places of both */
	    {"{\"id\":4,\"time\":\"2026-11-23\",\"name\":\"scan\",\"record\":\"detection\"}", MSG_TRANSACTION,
	        MSG_DETECTION},
	    {"{\"id\":4,\"time\":\"2026-11-23\",\"record\":\"detection\",\"name\":\"scan\"}", MSG_TRANSACTION,
	        MSG_DETECTION},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct exchange_json_options o = {.record = cases[i].all};
		struct exchange_json_records *r;
		struct exchange_problem problem = {0};
		struct source s = {.t = text_of(cases[i].in)};
		union archive_record m;
		unsigned record = 0;
		assert_int_equal(exchange_json_records_new(&r, &o, read_source, &s), 0);
		if (exchange_json_records_next(r, &record, &m, &problem) != 1 || record != cases[i].wanted)
			fail_msg("%s as %u: %u, %s", cases[i].in, cases[i].all, record, problem.what);
		if (record == MSG_FLOW)
			assert_int_equal(m.flow.responder.b[15], 2);
		else
			assert_int_equal(m.detection.id, 4);
		exchange_json_records_free(r);
	}
}

static void test_a_mistake_in_json_is_told_and_the_next_line_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(json_cases) / sizeof(*json_cases); i++) {
		struct dynbuf in = {0};
		struct exchange_json_options o = {0};
		struct exchange_json_records *r;
		struct exchange_problem problem = {0};
		union archive_record m;
		unsigned record;
		dynbuf_str(&in, json_cases[i].in);
		if (json_cases[i].got == 0)
			dynbuf_str(&in, "\n{\"record\":\"flow\"," FLOW ",\"vlan\":9}\n");
		struct source s = {.t = dynbuf_view(&in)};
		assert_int_equal(exchange_json_records_new(&r, &o, read_source, &s), 0);
		int got = exchange_json_records_next(r, &record, &m, &problem);
		if ((got == 1) != json_cases[i].got || !strstr(problem.what, json_cases[i].what) ||
		    (got != 1 && (got != -ERR_MALFORMED || problem.line != 1)))
			fail_msg("%s: %d, %d:%d: %s", json_cases[i].name, got, (int)problem.line,
			    (int)problem.column, problem.what);
		if (got != 1) {
			assert_int_equal(exchange_json_records_next(r, &record, &m, &problem), 1);
			assert_int_equal(m.flow.vlan, 9);
			assert_int_equal(exchange_json_records_line(r), 2);
		}
		exchange_json_records_free(r);
		dynbuf_free(&in);
	}
}

static void test_lists_have_the_bounds_of_records(void **state)
{
	(void)state;
	for (size_t n = MSG_LIST_MAX - 1; n <= MSG_LIST_MAX + 1; n++) {
		struct dynbuf csv = {0}, json = {0};
		struct exchange_csv_options co = {0};
		struct exchange_json_options jo = {0};
		struct exchange_csv_records c;
		struct exchange_json_records *j;
		struct exchange_problem problem;
		union archive_record m;
		unsigned record;
		dynbuf_str(&csv, "initiator,responder,first,also\n::1,::2,2026-11-23,1");
		dynbuf_str(&json, "{\"record\":\"flow\"," FLOW ",\"also\":[1");
		for (size_t i = 1; i < n; i++) {
			dynbuf_str(&csv, " 1");
			dynbuf_str(&json, ",1");
		}
		dynbuf_str(&json, "]}");
		struct source s = {.t = dynbuf_view(&csv)}, t = {.t = dynbuf_view(&json)};
		int wanted = n <= MSG_LIST_MAX ? 1 : -ERR_MALFORMED;
		assert_int_equal(exchange_csv_records_begin(&c, &co, read_source, &s, &problem), 0);
		assert_int_equal(exchange_csv_records_next(&c, &m, &problem), wanted);
		assert_int_equal(exchange_json_records_new(&j, &jo, read_source, &t), 0);
		assert_int_equal(exchange_json_records_next(j, &record, &m, &problem), wanted);
		exchange_csv_records_end(&c);
		exchange_json_records_free(j);
		dynbuf_free(&csv);
		dynbuf_free(&json);
	}
}

static void test_plain_text_is_taken_byte_by_byte(void **state)
{
	(void)state;
	struct exchange_csv_options o = {.plain_text = true};
	struct exchange_csv_records r;
	struct exchange_problem problem;
	struct source s = {.t = TEXT("initiator,responder,first,name\n::1,::2,2026-11-23,C:\\x41\n")};
	union archive_record m;
	assert_int_equal(exchange_csv_records_begin(&r, &o, read_source, &s, &problem), 0);
	assert_int_equal(exchange_csv_records_next(&r, &m, &problem), 1);
	assert_true(text_equal(m.flow.name, TEXT("C:\\x41")));
	exchange_csv_records_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_any_record_comes_back_from_csv_as_it_was),
	    cmocka_unit_test(test_any_record_comes_back_from_json_as_it_was),
	    cmocka_unit_test(test_exports_have_nothing_that_acts_on_a_reader),
	    cmocka_unit_test(test_every_time_of_the_schema_is_one),
	    cmocka_unit_test(test_a_mistake_in_csv_is_told_with_its_place),
	    cmocka_unit_test(test_a_mistake_in_json_is_told_and_the_next_line_read),
	    cmocka_unit_test(test_the_kind_may_stand_anywhere),
	    cmocka_unit_test(test_lists_have_the_bounds_of_records),
	    cmocka_unit_test(test_plain_text_is_taken_byte_by_byte),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
