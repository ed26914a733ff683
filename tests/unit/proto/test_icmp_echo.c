/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drive.h"

static struct drive *echo_flow(uint8_t protocol, uint16_t type)
{
	struct drive *d = drive_new(protocol, 0, APP_UNKNOWN);
	d->flow.initiator_port = type;
	return d;
}

/* As iputils sends it: the time, then 0x10, 0x11 ... */
static void ping_payload(uint8_t p[56], int second)
{
	for (int i = 0; i < 56; i++)
		p[i] = (uint8_t)i;
	memset(p, 0, 16);
	p[0] = (uint8_t)second;
}

static void an_honest_ping_has_one_payload_and_no_mismatch(void **state)
{
	(void)state;
	uint8_t p[56];
	struct drive *d = echo_flow(PACKET_ICMP, 8);
	for (int i = 0; i < 10; i++) {
		ping_payload(p, i);
		drive_send(d, FLOW_FORWARD, p, sizeof(p));
		drive_send(d, FLOW_REVERSE, p, sizeof(p));
	}
	assert_int_equal(d->flow.app, APP_ICMP);
	drive_end(d);
	assert_int_equal(d->n, 1);
	/* forty different bytes, each as often: log2(40) = 5.3219 */
	drive_expect(d, 0, FIELD_ICMP_ECHO_ENTROPY, "5322");
	drive_expect(d, 0, FIELD_ICMP_ECHO_DISTINCT, "2");
	drive_expect(d, 0, FIELD_ICMP_ECHO_BYTES, "1120");
	drive_expect(d, 0, FIELD_ICMP_ECHO_MISMATCH, "0");
	drive_free(d);
}

static void a_tunnel_differs_each_time_and_answers_otherwise(void **state)
{
	(void)state;
	struct drive *d = echo_flow(PACKET_ICMPV6, 128);
	for (char i = 0; i < 10; i++) {
		char ask[] = "ask ?", reply[] = "reply ?";
		ask[4] = (char)('0' + i);
		reply[6] = (char)('0' + i);
		drive_send_str(d, FLOW_FORWARD, ask);
		drive_send_str(d, FLOW_REVERSE, reply);
	}
	drive_end(d);
	drive_expect(d, 0, FIELD_ICMP_ECHO_DISTINCT, "20");
	drive_expect(d, 0, FIELD_ICMP_ECHO_MISMATCH, "10");
	drive_expect(d, 0, FIELD_ICMP_ECHO_BYTES, "120");
	drive_free(d);
}

static void a_late_reply_may_be_to_one_of_the_last_eight_requests(void **state)
{
	(void)state;
	for (int late = 7; late <= 9; late++) {
		struct drive *d = echo_flow(PACKET_ICMP, 8);
		for (int i = 0; i < late; i++)
			drive_send(d, FLOW_FORWARD, &(char){(char)i}, 1);
		drive_send(d, FLOW_REVERSE, &(char){0}, 1);
		drive_end(d);
		drive_expect(d, 0, FIELD_ICMP_ECHO_MISMATCH, late <= 8 ? "0" : "1");
		drive_free(d);
	}
}

static void replies_to_requests_that_were_missed_are_not_held_against_anybody(void **state)
{
	(void)state;
	struct drive *d = echo_flow(PACKET_ICMP, 0);
	drive_send_str(d, FLOW_FORWARD, "a reply is the first packet");
	drive_send_str(d, FLOW_REVERSE, "request");
	drive_send_str(d, FLOW_FORWARD, "request");
	drive_end(d);
	drive_expect(d, 0, FIELD_ICMP_ECHO_MISMATCH, "0");
	drive_free(d);
}

static void other_messages_are_not_looked_at(void **state)
{
	(void)state;
	struct drive *d = echo_flow(PACKET_ICMP, 3);
	assert_false(drive_send_str(d, FLOW_FORWARD, "the head of a packet"));
	drive_end(d);
	assert_int_equal(d->n, 0);
	drive_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_honest_ping_has_one_payload_and_no_mismatch),
	    cmocka_unit_test(a_tunnel_differs_each_time_and_answers_otherwise),
	    cmocka_unit_test(a_late_reply_may_be_to_one_of_the_last_eight_requests),
	    cmocka_unit_test(replies_to_requests_that_were_missed_are_not_held_against_anybody),
	    cmocka_unit_test(other_messages_are_not_looked_at),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
