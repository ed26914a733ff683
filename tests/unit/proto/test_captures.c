/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Public captures through decoding, flows and parsers, against counts that tshark 4.0 gives for them. Runs
 * where BULKHEAD_DATA names the folder that holds them.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"
#include "capture/capture.h"
#include "decode/decode.h"
#include "proto/proto.h"

/* How often that field has that value in transactions of that application. */
struct expected {
	const char *file;
	enum app app;
	enum field field;
	const char *value; /* NULL: any */
	unsigned count;
};

#define ASYNCRAT "corelight/asyncrat/9596cf60-0da6-47a7-a375-1f25ae32d843.pcap"
#define WINRM    "otrf-lateral/covenant_psremoting_command/covenant_psremoting_command_2020-08-06115603.cap"
#define JA4      "suricata-verify/tests/ja4-rules/input.pcap"

static const struct expected expected[] = {
    {ASYNCRAT, APP_TLS, FIELD_TLS_JA3, "28a2c9bd18a11de089ef85a160da29e4", 19},
    {ASYNCRAT, APP_TLS, FIELD_TLS_JA3, "c12f54a3f91dc7bafd92cb59fe009a35", 2},
    {ASYNCRAT, APP_TLS, FIELD_TLS_JA3S, "7d8fd34fdb13a7fff30d5a52846b6c4c", 6},
    {ASYNCRAT, APP_TLS, FIELD_TLS_JA3S, "87b9bed0515be16c82bdc44d88a4a0ec", 4},
    {ASYNCRAT, APP_DNS, FIELD_DNS_ANSWER_ADDR, "4.231.128.59", 1},
    {WINRM, APP_WINRM, FIELD_HTTP_URI, "/wsman?PSVersion=5.1.18362.752", 18},
    /* frames that hold "HTTP/1.1 200": tshark's reassembly leaves two of them out */
    {WINRM, APP_WINRM, FIELD_HTTP_STATUS, "200", 15},
    {WINRM, APP_WINRM, FIELD_HTTP_STATUS, "204", 2},
    {WINRM, APP_WINRM, FIELD_HTTP_STATUS, "500", 1},
    {JA4, APP_TLS, FIELD_TLS_JA3, "cd08e31494f9531f560d64c695473da9", 1},
    {JA4, APP_QUIC, FIELD_TLS_JA3, "3cbc33c648fe331404456f48a5a27170", 1},
    {JA4, APP_QUIC, FIELD_TLS_SNI, "cloudflare-quic.com", 1},
    /* suricata-verify's own expectation */
    {"suricata-verify/tests/ssh-hassh/input.pcap", APP_SSH, FIELD_SSH_HASSH,
        "2dd6531c7e89d3c925db9214711be76a", 1},
    {"suricata-verify/tests/ssh-hassh/input.pcap", APP_SSH, FIELD_SSH_HASSH_SERVER,
        "6832f1ce43d4397c2c0a3e2f8c94334e", 1},
};

enum { EXPECTED = sizeof(expected) / sizeof(expected[0]) };

struct run {
	struct proto *proto;
	struct flow_table *table;
	const char *file;
	unsigned counts[EXPECTED];
};

static bool value_is(const struct field_value *v, const char *value)
{
	char text[2 * 64 + 1];
	struct net_addr a;
	switch (field_kind_of(v->field)) {
	case FIELD_KIND_HEX:
		return v->value.n <= 64 &&
		       strcmp(num_hex((const uint8_t *)v->value.p, v->value.n, text), value) == 0;
	case FIELD_KIND_ADDR:
		memcpy(&a, v->value.p, sizeof(a));
		return strcmp(net_addr_text(a, text), value) == 0;
	case FIELD_KIND_TEXT:
	case FIELD_KIND_NUM: break;
	}
	return text_equal(v->value, text_of(value));
}

static void count(void *context, const struct proto_transaction *t)
{
	struct run *run = context;
	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < EXPECTED; k++)
			if (strcmp(expected[k].file, run->file) == 0 && expected[k].app == t->app &&
			    expected[k].field == t->fields[i].field &&
			    (!expected[k].value || value_is(&t->fields[i], expected[k].value)))
				run->counts[k]++;
}

static uint64_t next_id(void *context)
{
	static uint64_t id;
	(void)context;
	return ++id;
}

static void on_start(void *context, struct flow *f)
{
	proto_flow_start(((struct run *)context)->proto, f);
}

static bool on_data(void *context, struct flow *f, enum flow_dir dir, const uint8_t *p, size_t n,
    uint64_t gap, int64_t time_ns)
{
	return proto_flow_data(((struct run *)context)->proto, f, dir, p, n, gap, time_ns);
}

static void on_end(void *context, struct flow *f, enum flow_end how)
{
	if (how != FLOW_END_NONE)
		proto_flow_end(((struct run *)context)->proto, f, f->last_ns);
}

static struct flow_table *table_of(void *context)
{
	return ((struct run *)context)->table;
}

static void run_file(struct run *run, const char *folder, const char *file)
{
	char path[1024], why[160];
	struct capture_set *set = NULL;
	struct decoder *decoder = NULL;
	struct capture_frame frame;
	struct packet packet;
	run->file = file;
	snprintf(path, sizeof(path), "%s/%s", folder, file);
	struct flow_table_config flows = {
	    .next_id = next_id, .start = on_start, .data = on_data, .end = on_end, .context = run};
	struct proto_config protocols = {.emit = count, .context = run, .table = table_of};
	assert_int_equal(capture_set_new(&set), 0);
	assert_int_equal(capture_set_add(set, -1, path, why), 0);
	assert_int_equal(decoder_new(&decoder, &(struct decode_config){0}), 0);
	assert_int_equal(proto_new(&run->proto, &protocols), 0);
	assert_int_equal(flow_table_new(&run->table, &flows), 0);
	while (capture_set_next(set, &frame) == 1) {
		decoder_frame(decoder, frame.linktype, frame.data, frame.caplen, frame.wirelen, frame.time_ns,
		    frame.vantage, &packet);
		flow_table_packet(run->table, &packet, NULL);
	}
	flow_table_flush(run->table);
	flow_table_free(run->table);
	assert_int_equal(proto_stats(run->proto)->memory, 0);
	proto_free(run->proto);
	decoder_free(decoder);
	capture_set_free(set);
}

static void captures_give_what_tshark_gives(void **state)
{
	(void)state;
	const char *folder = getenv("BULKHEAD_DATA");
	static struct run run;
	unsigned wrong = 0;
	if (!folder) {
		print_message("BULKHEAD_DATA isn't set: skipped\n");
		skip();
	}
	for (size_t i = 0; i < EXPECTED; i++)
		if (i == 0 || strcmp(expected[i].file, expected[i - 1].file) != 0)
			run_file(&run, folder, expected[i].file);
	for (size_t i = 0; i < EXPECTED; i++) {
		if (run.counts[i] == expected[i].count)
			continue;
		print_error("%s: %s %s: %u, not %u\n", expected[i].file, field_name(expected[i].field),
		    expected[i].value ? expected[i].value : "", run.counts[i], expected[i].count);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(captures_give_what_tshark_gives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
