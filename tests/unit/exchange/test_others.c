/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What other systems write, and we don't: zones, exponents, padding, marks for nothing, other names. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "exchange/records_csv.h"
#include "net/app.h"

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

/* Reads the first record of a text; what it returned is the result. */
static int read_one(const char *text, struct exchange_csv_options o, struct msg_flow *ret_flow,
    struct exchange_csv_records *r, struct exchange_problem *problem)
{
	struct source s = {.t = text_of(text)};
	union archive_record m;
	o.record = MSG_FLOW;
	int got = exchange_csv_records_begin(r, &o, read_source, &s, problem);
	if (got == 0)
		got = exchange_csv_records_next(r, &m, problem);
	if (got == 1)
		*ret_flow = m.flow;
	return got;
}

enum { S = 1000000000 };

static void times_are_read_as_others_write_them(void **state)
{
	static const struct {
		const char *text;
		enum exchange_time_unit unit;
		bool zoned;
		int32_t zone_s;
		bool good;
		int64_t wanted;
	} cases[] = {
	    /* 1795413600 is 2026-11-23T06:00:00Z */
	    {"2026-11-23T06:00:00Z", 0, false, 0, true, INT64_C(1795413600) * S},
	    {"2026-11-23T07:00:00+01:00", 0, false, 0, true, INT64_C(1795413600) * S},
	    {"2026-11-23T07:00:00.5+0100", 0, false, 0, true, INT64_C(1795413600) * S + S / 2},
	    {"2026-11-22T22:30:00-0730", 0, false, 0, true, INT64_C(1795413600) * S},
	    {"2026-11-23T07:00:00+01", 0, false, 0, false, 0},
	    {"2026-11-23T07:00:00+0160", 0, false, 0, false, 0},
	    {"2026-11-23 06:00:00", 0, false, 0, false, 0},
	    {"2026-11-23 06:00:00", 0, true, 0, true, INT64_C(1795413600) * S},
	    {"2026-11-23 06:00:00.123", 0, true, 0, true, INT64_C(1795413600) * S + 123000000},
	    {"2026-11-23 08:00:00", 0, true, 7200, true, INT64_C(1795413600) * S},
	    {"2026-11-22 22:30:00", 0, true, -27000, true, INT64_C(1795413600) * S},
	    /* a zone that is there counts more */
	    {"2026-11-23T06:00:00Z", 0, true, 7200, true, INT64_C(1795413600) * S},
	    {"2026-11-23T07:00:00+0100", 0, true, 7200, true, INT64_C(1795413600) * S},
	    {"2026-11-23 06:00", 0, true, 0, false, 0},
	    {"23.11.2026 06:00:00", 0, true, 0, false, 0},
	    /* counts */
	    {"1.1920928955078125e-05", EXCHANGE_TIME_S, false, 0, true, 11920},
	    {"1.5E3", EXCHANGE_TIME_S, false, 0, true, INT64_C(1500) * S},
	    {"1.5e+1", EXCHANGE_TIME_MS, false, 0, true, 15000000},
	    {"-0.25", EXCHANGE_TIME_S, false, 0, true, -S / 4},
	    {"0.0000000019", EXCHANGE_TIME_S, false, 0, true, 1},
	    {"9e-20", EXCHANGE_TIME_S, false, 0, true, 0},
	    {"9223372036.854775807", EXCHANGE_TIME_S, false, 0, true, INT64_MAX},
	    {"9223372036.854775808", EXCHANGE_TIME_S, false, 0, false, 0},
	    {"-9223372036.854775808", EXCHANGE_TIME_S, false, 0, true, INT64_MIN},
	    {"1e10", EXCHANGE_TIME_S, false, 0, false, 0},
	    {"1e99", EXCHANGE_TIME_NS, false, 0, false, 0},
	    {"0e99", EXCHANGE_TIME_NS, false, 0, true, 0},
	    {"1e100", EXCHANGE_TIME_NS, false, 0, false, 0},
	    {"1e", EXCHANGE_TIME_S, false, 0, false, 0},
	    {"e1", EXCHANGE_TIME_S, false, 0, false, 0},
	    {".5", EXCHANGE_TIME_S, false, 0, false, 0},
	    {"5.", EXCHANGE_TIME_S, false, 0, false, 0},
	    {"1.2.3", EXCHANGE_TIME_S, false, 0, false, 0},
	    {"--1", EXCHANGE_TIME_S, false, 0, false, 0},
	    {"0x10", EXCHANGE_TIME_S, false, 0, false, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct exchange_csv_records r;
		struct exchange_problem problem = {0};
		struct msg_flow f = {0};
		char text[128];
		snprintf(text, sizeof(text), "src_ip,dst_ip,first\n::1,::2,%s\n", cases[i].text);
		int got = read_one(text,
		    (struct exchange_csv_options){
		        .time_unit = cases[i].unit, .zoned = cases[i].zoned, .zone_s = cases[i].zone_s},
		    &f, &r, &problem);
		if ((got == 1) != cases[i].good || f.first != cases[i].wanted)
			fail_msg("%s: %d, %lld: %s", cases[i].text, got, (long long)f.first, problem.what);
		exchange_csv_records_end(&r);
	}
}

#define HEAD "src_ip,dst_ip,ts,sport,proto,service,sni\n"
#define ENDS "10.0.0.1,10.0.0.2,2026-11-23"

static void cells_are_read_as_others_write_them(void **state)
{
	static const struct {
		const char *text, *empty;
		bool good;
		uint16_t port;
		uint8_t protocol;
		uint16_t app;
		uint64_t unknown;
		const char *name;
	} cases[] = {
	    {HEAD ENDS ",7,tcp,http,a.example\n", "", true, 7, 6, APP_HTTP, 0, "a.example"},
	    {HEAD "  10.0.0.1,10.0.0.2  , 2026-11-23 ,\t7, TCP , http ,a.example\n", "", true, 7, 6, APP_HTTP,
	        0, "a.example"},
	    /* a text's blanks are its own */
	    {HEAD ENDS ",7,tcp,http, a.example \n", "", true, 7, 6, APP_HTTP, 0, " a.example "},
	    {HEAD ENDS ",-,-,-,-\n", "-", true, 0, 0, APP_UNKNOWN, 0, ""},
	    {HEAD ENDS ",\"-\",17,(empty),-\n", "-", true, 0, 17, APP_UNKNOWN, 1, ""},
	    {HEAD ENDS ",-,17,dns,a.example\n", "", false, 0, 0, 0, 0, ""},
	    {HEAD "-,10.0.0.2,2026-11-23,1,17,dns,a.example\n", "-", false, 0, 0, 0, 0, ""},
	    {HEAD ENDS ",7,6,ssl,\n", "", true, 7, 6, APP_TLS, 0, ""},
	    {HEAD ENDS ",7,6,\"gssapi,smb,ntlm\",\n", "", true, 7, 6, APP_SMB, 0, ""},
	    {HEAD ENDS ",7,6,\",dce_rpc\",\n", "", true, 7, 6, APP_DCERPC, 0, ""},
	    {HEAD ENDS ",7,6,irc-over-carrier-pigeon,\n", "", true, 7, 6, APP_UNKNOWN, 1, ""},
	    /* our own column is as we write it */
	    {"initiator,responder,first,app\n" ENDS ",carrier\n", "", false, 0, 0, 0, 0, ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct exchange_csv_records r;
		struct exchange_problem problem = {0};
		struct msg_flow f = {0};
		int got = read_one(cases[i].text,
		    (struct exchange_csv_options){.empty = text_of(cases[i].empty)}, &f, &r, &problem);
		if ((got == 1) != cases[i].good)
			fail_msg("case %zu: %d: %s", i, got, problem.what);
		if (got == 1) {
			assert_int_equal(f.initiator_port, cases[i].port);
			assert_int_equal(f.protocol, cases[i].protocol);
			assert_int_equal(f.app, cases[i].app);
			assert_int_equal(r.unknown_apps, cases[i].unknown);
			assert_true(text_equal(f.name, text_of(cases[i].name)));
		}
		exchange_csv_records_end(&r);
	}
}

static void a_column_can_be_left_out_by_its_name(void **state)
{
	static const struct exchange_csv_map map[] = {
	    {TEXT("-"), TEXT("service")}, {TEXT("-"), TEXT("sport")}, {TEXT("responder_port"), TEXT("x")}};
	struct exchange_csv_records r;
	struct exchange_problem problem = {0};
	struct msg_flow f;
	(void)state;
	int got = read_one("src_ip,dst_ip,ts,sport,service,x\n" ENDS ",what,ever,9\n",
	    (struct exchange_csv_options){.map = map, .n_map = 3}, &f, &r, &problem);
	if (got != 1)
		fail_msg("%s", problem.what);
	assert_int_equal(f.initiator_port, 0);
	assert_int_equal(f.responder_port, 9);
	exchange_csv_records_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(times_are_read_as_others_write_them),
	    cmocka_unit_test(cells_are_read_as_others_write_them),
	    cmocka_unit_test(a_column_can_be_left_out_by_its_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
