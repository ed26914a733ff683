/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drive.h"

#include "proto/ssh_auth.h"
#include "proto/ssh_kex.h"

struct bytes {
	uint8_t p[4096];
	size_t n;
};

static void put(struct bytes *b, const void *p, size_t n)
{
	assert(n <= sizeof(b->p) - b->n);
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

static void put32(struct bytes *b, size_t v)
{
	uint8_t p[4];
	store_be32(p, (uint32_t)v);
	put(b, p, 4);
}

/* A packet in the clear: length, padding, message number and what follows it. */
static void put_packet(struct bytes *b, uint8_t number, const struct bytes *payload)
{
	size_t n = payload ? payload->n : 0;
	put32(b, 1 + 1 + n + 4);
	put(b, (uint8_t[2]){4, number}, 2);
	if (payload)
		put(b, payload->p, n);
	put(b, "\0\0\0\0", 4);
}

/* The lists of a KEXINIT: cipher and MAC the same both ways but for the server's own in `mac_to_client`. */
static struct bytes kexinit(
    const char *kex, const char *cipher, const char *mac_to_server, const char *mac_to_client)
{
	struct bytes b = {.n = 16};
	const char *const lists[] = {
	    kex, "ssh-ed25519", cipher, cipher, mac_to_server, mac_to_client, "none", "none", "", ""};
	for (size_t i = 0; i < 10; i++) {
		put32(&b, strlen(lists[i]));
		put(&b, lists[i], strlen(lists[i]));
	}
	put(&b, "\0\0\0\0\0", 5);
	return b;
}

static struct drive *open_flow(const char *cipher, const char *mac)
{
	struct drive *d = drive_new(PACKET_TCP, 2222, APP_UNKNOWN);
	struct bytes lists = kexinit("curve25519-sha256", cipher, mac, mac), out = {.n = 0};
	put_packet(&out, 20, &lists);
	drive_send_str(d, FLOW_REVERSE, "SSH-2.0-Server_1.0 a comment\r\n");
	drive_send_str(d, FLOW_FORWARD, "SSH-2.0-Client_2.0\r\n");
	drive_send(d, FLOW_FORWARD, out.p, out.n);
	drive_send(d, FLOW_REVERSE, out.p, out.n);
	out.n = 0;
	put_packet(&out, 21, NULL);
	drive_send(d, FLOW_REVERSE, out.p, out.n);
	drive_send(d, FLOW_FORWARD, out.p, out.n);
	return d;
}

/*
 * Sizes of segments after NEWKEYS as they were recorded of OpenSSH 9.2 and hydra 9.4 against OpenSSH 9.2 with
 * passwords known to be right or wrong. Positive: client; negative: server.
 */
struct login {
	const char *what;
	int sizes[24];
	const char *result;
};

static const struct login logins[] = {
    {"chacha20, right password", {44, -44, 68, -52, 148, -28, 112, -116}, "success"},
    {"chacha20, wrong password", {44, -44, 68, -52, 148, -52}, "failure"},
    {"chacha20, right key", {44, -44, 68, -52, 148, -100, 316, -28, 112}, "success"},
    {"chacha20, wrong key", {44, -44, 68, -52, 148, -52}, "failure"},
    {"chacha20, three keys, then the password", {44, -44, 68, -52, 148, -52, 148, -52, 148, -28, 112},
        "success"},
    {"chacha20, banner, right answer", {44, -44, 68, -1752, 92, -60, 84, -44, 84, -28, 112}, "success"},
    {"chacha20, banner, wrong answer", {44, -44, 68, -1752, 92, -60, 84, -68, 92, -60}, "failure"},
    {"chacha20, asks for the methods only", {44, -44, 68, -52}, "none"},
    {"chacha20, hydra, five wrong", {44, -44, 68, -52, 76, -52, 76, -52, 76, -52, 76, -52, 76, -52},
        "failure"},
    {"aes256-ctr, umac-64, right password", {40, -40, 72, -56, 136, -24, 112}, "success"},
    {"aes256-ctr, umac-64, wrong password", {40, -40, 72, -56, 136, -56}, "failure"},
    {"nothing encrypted", {0}, NULL},
};

static void logins_are_told_by_the_sizes_of_packets(void **state)
{
	(void)state;
	static const uint8_t sealed[2048];
	for (size_t i = 0; i < sizeof(logins) / sizeof(logins[0]); i++) {
		struct drive *d = open_flow("chacha20-poly1305@openssh.com", "hmac-sha2-256");
		for (const int *size = logins[i].sizes; *size; size++)
			drive_send(d, *size > 0 ? FLOW_FORWARD : FLOW_REVERSE, sealed,
			    (size_t)(*size > 0 ? *size : -*size));
		drive_end(d);
		assert_int_equal(d->n, 1);
		const char *is = drive_get(d, 0, FIELD_AUTH_RESULT);
		if ((is == NULL) != (logins[i].result == NULL) || (is && strcmp(is, logins[i].result) != 0))
			fail_msg("%s: %s", logins[i].what, is ? is : "no result");
		drive_free(d);
	}
}

/* Encrypt-then-MAC and GCM tell each packet's length: packets that share a segment are told apart. */
static void lengths_in_the_clear_are_used(void **state)
{
	(void)state;
	static const struct {
		const char *cipher, *mac;
		size_t tag;
	} cases[] = {
	    {"aes128-gcm@openssh.com", "hmac-sha2-256", 16},
	    {"aes128-ctr", "hmac-sha2-512-etm@openssh.com", 64},
	    {"aes128-ctr", "hmac-sha2-256-etm@openssh.com", 32},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct drive *d = open_flow(cases[i].cipher, cases[i].mac);
		struct bytes out = {.n = 0};
		uint8_t zero[128] = {0};
		put32(&out, 32);
		put(&out, zero, 32 + cases[i].tag);
		drive_send(d, FLOW_FORWARD, out.p, out.n);
		/* accept (32), failure (48) and success (16) at once */
		put32(&out, 48);
		put(&out, zero, 48 + cases[i].tag);
		put32(&out, 16);
		put(&out, zero, 16 + cases[i].tag);
		assert_false(drive_send_cut(d, FLOW_REVERSE, out.p, out.n, 50));
		assert_int_equal(d->n, 1);
		drive_expect(d, 0, FIELD_AUTH_RESULT, "success");
		drive_free(d);
	}
}

/* The server's list of MACs may differ by direction; with a GCM cipher the MAC lists don't count. */
static void sealing_follows_the_clients_first_common_name(void **state)
{
	(void)state;
	struct bytes c = kexinit("a", "none-such,aes128-ctr", "x,hmac-sha1-etm@openssh.com", "hmac-sha1");
	struct bytes s = kexinit(
	    "a", "aes128-ctr", "hmac-sha1-etm@openssh.com,x2", "hmac-sha1,umac-64-etm@openssh.com");
	struct ssh_kexinit client, server;
	assert_int_equal(ssh_kexinit_parse(c.p, c.n, &client), 0);
	assert_int_equal(ssh_kexinit_parse(s.p, s.n, &server), 0);
	struct ssh_sealing up = ssh_sealing_of(&client, &server, false),
	                   down = ssh_sealing_of(&client, &server, true);
	assert_true(up.length_clear);
	assert_int_equal(up.tag, 20);
	assert_false(down.length_clear);
}

/* MD5 by md5sum(1) of "kex;cipher;mac;compression" in the direction of the one who speaks. */
static void hassh_takes_the_lists_of_its_direction(void **state)
{
	(void)state;
	struct bytes b = kexinit("k1,k2", "c1", "m1", "m2");
	struct ssh_kexinit k;
	uint8_t hassh[SSH_HASSH_SIZE];
	char text[2 * SSH_HASSH_SIZE + 1];
	assert_int_equal(ssh_kexinit_parse(b.p, b.n, &k), 0);
	assert_int_equal(ssh_hassh(&k, false, hassh), 0);
	assert_string_equal(num_hex(hassh, sizeof(hassh), text), "d1ba4f56989ced700fd4ff473ecb3ab2");
	assert_int_equal(ssh_hassh(&k, true, hassh), 0);
	assert_string_equal(num_hex(hassh, sizeof(hassh), text), "f83dd62a9d41aa7b6cc205288fd55e59");
	for (size_t n = 0; n < b.n - 30; n++)
		assert_true(ssh_kexinit_parse(b.p, n, &k) < 0);
}

static void banners_are_told_with_what_the_server_says_before(void **state)
{
	(void)state;
	struct drive *d = drive_new(PACKET_TCP, 2222, APP_UNKNOWN);
	drive_send_str(d, FLOW_REVERSE, "Welcome to the gateway\r\n");
	assert_int_equal(d->flow.app, APP_UNKNOWN);
	drive_send_str(d, FLOW_REVERSE, "say friend\r\nSSH-1.99-Gate_3 x\r\n");
	assert_int_equal(d->flow.app, APP_SSH);
	drive_send_cut(d, FLOW_FORWARD, "SSH-2.0-libssh_0.10\n", 20, 1);
	drive_end(d);
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_SSH_SERVER, "Gate_3 x");
	drive_expect(d, 0, FIELD_SSH_CLIENT, "libssh_0.10");
	drive_expect(d, 0, FIELD_AUTH_RESULT, NULL);
	drive_free(d);
}

static void a_flow_without_an_end_of_login_is_let_go(void **state)
{
	(void)state;
	struct drive *d = open_flow("aes128-ctr", "hmac-sha1");
	bool wanted = true;
	int sent = 0;
	drive_send(d, FLOW_FORWARD, "0123456789012345", 16);
	drive_send(d, FLOW_REVERSE, "01234567890123456789012345678901", 32);
	for (; wanted && sent < 1000; sent++)
		wanted = drive_send(d, FLOW_REVERSE, "0123456789012345678901234567890123456789", 40);
	assert_int_equal(sent, 60);
	drive_expect(d, 0, FIELD_AUTH_RESULT, NULL);
	drive_free(d);
}

static void missing_bytes_leave_no_failure_behind(void **state)
{
	(void)state;
	static const uint8_t sealed[256];
	struct drive *d = open_flow("chacha20-poly1305@openssh.com", "x");
	static const int sizes[] = {44, -44, 68, -52, 148, -52};
	for (size_t i = 0; i < 6; i++)
		drive_send(d, sizes[i] > 0 ? FLOW_FORWARD : FLOW_REVERSE, sealed, (size_t)abs(sizes[i]));
	drive_send_after(d, FLOW_REVERSE, 28, sealed, 100);
	drive_end(d);
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_AUTH_RESULT, NULL);
	drive_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(logins_are_told_by_the_sizes_of_packets),
	    cmocka_unit_test(lengths_in_the_clear_are_used),
	    cmocka_unit_test(sealing_follows_the_clients_first_common_name),
	    cmocka_unit_test(hassh_takes_the_lists_of_its_direction),
	    cmocka_unit_test(banners_are_told_with_what_the_server_says_before),
	    cmocka_unit_test(a_flow_without_an_end_of_login_is_let_go),
	    cmocka_unit_test(missing_bytes_leave_no_failure_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
