/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bytes.h"

#include "flow/flow.h"

static struct drive *greeted(void)
{
	struct drive *d = drive_new(PACKET_TCP, 2121, APP_UNKNOWN);
	drive_send_str(d, FLOW_REVERSE, "220-welcome\r\n220 to this server\r\n");
	return d;
}

static void ask(struct drive *d, const char *command, const char *reply)
{
	drive_send_str(d, FLOW_FORWARD, command);
	drive_send_str(d, FLOW_REVERSE, reply);
}

static void commands_are_told_with_their_final_reply(void **state)
{
	(void)state;
	struct drive *d = greeted();
	ask(d, "USER eve\r\n", "331 password?\r\n");
	assert_int_equal(d->flow.app, APP_FTP);
	ask(d, "PASS secret\r\n", "230-hello\r\n 230 not the end\r\n230 done\r\n");
	ask(d, "retr plans.pdf\r\n", "150 opening\r\n226 sent\r\n");
	assert_int_equal(d->n, 3);
	drive_expect(d, 0, FIELD_FTP_COMMAND, "USER");
	drive_expect(d, 0, FIELD_FTP_REPLY, "331");
	drive_expect(d, 0, FIELD_AUTH_RESULT, NULL);
	drive_expect(d, 1, FIELD_FTP_COMMAND, "PASS");
	drive_expect(d, 1, FIELD_FTP_ARGUMENT, NULL); /* never kept */
	drive_expect(d, 1, FIELD_AUTH_USER, "eve");
	drive_expect(d, 1, FIELD_AUTH_RESULT, "success");
	drive_expect(d, 2, FIELD_FTP_COMMAND, "RETR");
	drive_expect(d, 2, FIELD_FILE_NAME, "plans.pdf");
	drive_expect(d, 2, FIELD_FTP_REPLY, "226");
	drive_free(d);
}

static void wrong_password_is_a_failure(void **state)
{
	(void)state;
	struct drive *d = greeted();
	ask(d, "USER eve\r\n", "331 password?\r\n");
	ask(d, "PASS a\r\n", "530 no\r\n");
	ask(d, "PASS b\r\n", "421 too many\r\n");
	drive_expect(d, 1, FIELD_AUTH_RESULT, "failure");
	drive_expect(d, 2, FIELD_AUTH_RESULT, NULL);
	drive_free(d);
}

static void data_connection_to_a_third_address_is_an_anomaly(void **state)
{
	(void)state;
	static const struct {
		const char *command;
		bool anomaly;
	} rows[] = {
	    {"PORT 10,0,0,1,4,1\r\n", false},
	    {"PORT 10,0,0,9,4,1\r\n", true},
	    {"EPRT |1|10.0.0.9|1025|\r\n", true},
	    {"EPRT |1|10.0.0.1|1025|\r\n", false},
	    {"PORT 10,0,0,9,4\r\n", false},
	    {"PORT 10,0,0,9,4,256\r\n", false},
	    {"EPRT |1|10.0.0.9\r\n", false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct drive *d = greeted();
		ask(d, rows[i].command, "200 ok\r\n");
		assert_int_equal(d->n, 1);
		drive_expect(
		    d, 0, FIELD_ANOMALY, rows[i].anomaly ? "ftp data connection to a third address" : NULL);
		drive_free(d);
	}
}

static void commands_without_a_reply_are_bounded_and_told(void **state)
{
	(void)state;
	enum { PENDING = 8 };
	for (size_t n = PENDING - 1; n <= PENDING + 1; n++) {
		struct drive *d = greeted();
		for (size_t i = 0; i < n; i++)
			drive_send_str(d, FLOW_FORWARD, "CWD x\r\n");
		assert_int_equal(d->n, n > PENDING ? 1 : 0);
		drive_end(d);
		assert_int_equal(d->n, n);
		drive_expect(d, 0, FIELD_FTP_REPLY, NULL);
		drive_free(d);
	}
}

static void auth_tls_ends_what_is_read_as_ftp(void **state)
{
	(void)state;
	struct drive *d = greeted();
	ask(d, "AUTH TLS\r\n", "530 not now\r\n");
	ask(d, "PWD\r\n", "257 /\r\n");
	ask(d, "AUTH TLS\r\n", "234 go\r\n");
	assert_int_equal(d->n, 3);
	drive_send(d, FLOW_FORWARD, "\x16\x03\x01\x00\x05", 5);
	assert_int_equal(d->n, 3);
	assert_int_equal(proto_stats(d->proto)->broken, 0);
	drive_free(d);
}

static void client_of_irc_is_not_one_of_ftp(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_TCP, 6667, APP_UNKNOWN);
	drive_send_str(d, FLOW_FORWARD, "USER eve 0 * :Eve\r\n");
	drive_send_str(d, FLOW_FORWARD, "NICK eve\r\n");
	drive_end(d);
	assert_int_not_equal(d->flow.app, APP_FTP);
	drive_free(d);
}

struct ends {
	struct proto *proto;
	struct flow_table *table;
	uint64_t ids;
};

static uint64_t next_id(void *context)
{
	struct ends *e = context;
	return 100 + e->ids++;
}

static void flow_started(void *context, struct flow *f)
{
	(void)context;
	(void)f;
}

static bool flow_data(void *context, struct flow *f, enum flow_dir dir, const uint8_t *p, size_t n,
    uint64_t gap, int64_t time_ns)
{
	(void)context;
	(void)f;
	(void)dir;
	(void)p;
	(void)n;
	(void)gap;
	(void)time_ns;
	return false;
}

static void flow_ended(void *context, struct flow *f, enum flow_end how)
{
	(void)context;
	(void)f;
	(void)how;
}

static void ignore(void *context, const struct proto_transaction *t)
{
	(void)context;
	(void)t;
}

static struct flow_table *table_of(void *context)
{
	return ((struct ends *)context)->table;
}

static void say(struct ends *e, struct flow *f, enum flow_dir dir, const char *text)
{
	proto_flow_data(
	    e->proto, f, dir, (const uint8_t *)text, strlen(text), 0, INT64_C(1700000000000000000));
}

/* Whether a first packet between these ends is taken for the announced data connection. */
static bool is_expected(struct ends *e, const uint8_t from[4], const uint8_t to[4], uint16_t port)
{
	struct flow *f = NULL;
	struct packet p = {.time_ns = INT64_C(1700000001000000000), .n_layers = 1, .frame_bytes = 60};
	p.layers[0] = (struct packet_layer){.src = net_addr_v4(from),
	    .dst = net_addr_v4(to),
	    .protocol = PACKET_TCP,
	    .has_ports = true,
	    .src_port = e->ids ? 1020 : 1021, /* a flow of its own each time */
	    .dst_port = port,
	    .wire_bytes = 40};
	p.tcp.flags = PACKET_TCP_SYN;
	assert_int_equal(flow_table_packet(e->table, &p, &f), 0);
	assert_non_null(f);
	if (!(f->flags & FLOW_EXPECTED))
		return false;
	assert_int_equal(f->app, APP_FTP_DATA);
	assert_int_equal(f->related, 7);
	return true;
}

static void announced_data_connections_are_expected(void **state)
{
	static const uint8_t client[4] = {10, 0, 0, 1}, server[4] = {10, 0, 0, 2};
	static const struct {
		const char *command, *reply;
		bool from_server;
		uint16_t port; /* 0: none is announced */
	} rows[] = {
	    {"PASV\r\n", "227 Entering Passive Mode (10,0,0,2,200,13).\r\n", false, 51213},
	    {"PASV\r\n", "227 =192,168,1,1,200,13\r\n", false, 51213}, /* NAT: the peer's address counts */
	    {"EPSV\r\n", "229 Entering Extended Passive Mode (|||6446|)\r\n", false, 6446},
	    {"PORT 10,0,0,1,4,1\r\n", "200 ok\r\n", true, 1025},
	    {"EPRT |1|10.0.0.1|5282|\r\n", "200 ok\r\n", true, 5282},
	    {"PASV\r\n", "227 (10,0,0,2,200)\r\n", false, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ends e = {0};
		struct flow f = {.id = 7,
		    .initiator = net_addr_v4(client),
		    .responder = net_addr_v4(server),
		    .initiator_port = 40000,
		    .responder_port = 21,
		    .protocol = PACKET_TCP};
		assert_int_equal(flow_table_new(&e.table, &(struct flow_table_config){.seed = 1,
		                                              .next_id = next_id,
		                                              .start = flow_started,
		                                              .data = flow_data,
		                                              .end = flow_ended,
		                                              .context = &e}),
		    0);
		assert_int_equal(
		    proto_new(
		        &e.proto, &(struct proto_config){.emit = ignore, .context = &e, .table = table_of}),
		    0);
		proto_flow_start(e.proto, &f);
		const uint8_t *from = rows[i].from_server ? server : client,
		              *to = rows[i].from_server ? client : server;
		/* before it is announced; this also tells the table the time */
		assert_false(is_expected(&e, from, to, rows[i].port ? rows[i].port : 51213));
		say(&e, &f, FLOW_REVERSE, "220 hello\r\n");
		say(&e, &f, FLOW_FORWARD, rows[i].command);
		say(&e, &f, FLOW_REVERSE, rows[i].reply);
		assert_int_equal(
		    is_expected(&e, from, to, rows[i].port ? rows[i].port : 51213), rows[i].port != 0);
		proto_flow_end(e.proto, &f, 0);
		proto_free(e.proto);
		flow_table_flush(e.table);
		flow_table_free(e.table);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(announced_data_connections_are_expected),
	    cmocka_unit_test(commands_are_told_with_their_final_reply),
	    cmocka_unit_test(wrong_password_is_a_failure),
	    cmocka_unit_test(data_connection_to_a_third_address_is_an_anomaly),
	    cmocka_unit_test(commands_without_a_reply_are_bounded_and_told),
	    cmocka_unit_test(auth_tls_ends_what_is_read_as_ftp),
	    cmocka_unit_test(client_of_irc_is_not_one_of_ftp),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
