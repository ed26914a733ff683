/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Links: the difference of two clocks, what passes, and connections over a socket pair. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/err.h"
#include "base/timefmt.h"
#include "live/link_wire.h"
#include "live/link_message.h"
#include "msg/process.h"

#define MS (NS_PER_S / 1000)

/* The far clock is 100 s ahead; the way there takes `there`, the way back `back`. */
#define AHEAD (100 * NS_PER_S)

static int trip(struct link_clock *c, int64_t at, int64_t there, int64_t back)
{
	link_clock_ask(c, at);
	return link_clock_answer(c, at, at + there + AHEAD, at + there + back);
}

static void an_end_is_never_told_earlier_and_later_by_the_way_there_at_most(void **state)
{
	struct link_clock c = {0};
	(void)state;
	assert_false(link_clock_known(&c));
	assert_int_equal(trip(&c, NS_PER_S, 30 * MS, 10 * MS), 0);
	assert_true(link_clock_known(&c));
	assert_int_equal(link_clock_width(&c), 40 * MS);
	assert_int_equal(link_clock_to_far(&c, 7 * NS_PER_S), 7 * NS_PER_S + AHEAD + 30 * MS);
	/* the other way it is the earliest */
	assert_int_equal(link_clock_to_near(&c, 7 * NS_PER_S + AHEAD), 7 * NS_PER_S - 30 * MS);
	/* a quicker way there makes it better, a slower one no worse */
	assert_int_equal(trip(&c, 2 * NS_PER_S, 2 * MS, 500 * MS), 0);
	assert_int_equal(trip(&c, 3 * NS_PER_S, 900 * MS, 1 * MS), 0);
	assert_int_equal(link_clock_to_far(&c, 7 * NS_PER_S), 7 * NS_PER_S + AHEAD + 2 * MS);
	assert_int_equal(link_clock_width(&c), 3 * MS);
}

static void samples_are_forgotten_after_their_number(void **state)
{
	struct link_clock c = {0};
	int64_t at = NS_PER_S;
	(void)state;
	assert_int_equal(trip(&c, at, 1 * MS, 1 * MS), 0);
	for (int i = 1; i < LINK_CLOCK_SAMPLES; i++)
		assert_int_equal(trip(&c, at += NS_PER_S, 50 * MS, 50 * MS), 0);
	assert_int_equal(link_clock_width(&c), 2 * MS);
	assert_int_equal(trip(&c, at += NS_PER_S, 50 * MS, 50 * MS), 0);
	assert_int_equal(link_clock_width(&c), 100 * MS);
}

static void a_clock_that_jumped_is_believed_anew(void **state)
{
	struct link_clock c = {0};
	(void)state;
	assert_int_equal(trip(&c, NS_PER_S, MS, MS), 0);
	link_clock_ask(&c, 2 * NS_PER_S);
	assert_int_equal(link_clock_answer(&c, 2 * NS_PER_S, 5000 * NS_PER_S, 2 * NS_PER_S + 4 * MS), 0);
	assert_int_equal(link_clock_width(&c), 4 * MS);
	assert_int_equal(link_clock_to_far(&c, 3 * NS_PER_S), 5001 * NS_PER_S);
}

static void answers_to_nothing_and_late_ones_say_nothing(void **state)
{
	struct link_clock c = {0};
	(void)state;
	assert_int_equal(link_clock_answer(&c, 1, 1, 2), -EPROTO);
	link_clock_ask(&c, 100);
	assert_int_equal(link_clock_answer(&c, 101, 1, 200), -EPROTO);
	assert_int_equal(link_clock_answer(&c, 0, 1, 200), -EPROTO);
	assert_int_equal(link_clock_answer(&c, 100, 0, 200), -EPROTO);
	assert_int_equal(link_clock_answer(&c, 100, -1, 200), -EPROTO);
	assert_int_equal(link_clock_answer(&c, 100, INT64_MAX, 100 + LINK_CLOCK_TRIP_MAX + 1), -ETIME);
	assert_false(link_clock_known(&c));
	/* answered once */
	assert_int_equal(link_clock_answer(&c, 100, 5, 200), -EPROTO);
	link_clock_ask(&c, 300);
	assert_int_equal(link_clock_answer(&c, 300, INT64_MAX, 300 + LINK_CLOCK_TRIP_MAX), 0);
	assert_int_equal(link_clock_to_far(&c, INT64_MAX - 1), INT64_MAX);
	assert_int_equal(link_clock_to_far(&c, INT64_MIN), INT64_MIN + INT64_MAX - 300);
	assert_int_equal(link_clock_to_near(&c, 0), 0);
	assert_int_equal(link_clock_to_near(&c, INT64_MAX), INT64_MAX);
}

static struct net_prefix prefix(const char *text)
{
	struct net_prefix p;
	assert_int_equal(net_prefix_parse(text_of(text), &p), 0);
	return p;
}

static struct text put_of(struct dynbuf *b, uint8_t direction, uint8_t fail_closed, int64_t until)
{
	struct msg_desired_put m = {.from = prefix("203.0.113.66/32"),
	    .to = prefix("2001:db8::/32"),
	    .direction = direction,
	    .fail_closed = fail_closed,
	    .until = until};
	dynbuf_reset(b);
	assert_int_equal(msg_desired_put_encode(b, &m), 0);
	return dynbuf_view(b);
}

static int pass(struct dynbuf *out, enum channel_way way, uint16_t number, struct text bytes,
    const struct link_clock *clock)
{
	struct arena arena = {0};
	dynbuf_reset(out);
	int r = link_message_pass(out, way, number, bytes, clock, &arena);
	arena_free(&arena);
	return r;
}

static void what_passes_is_encoded_anew_with_its_times_on_the_other_clock(void **state)
{
	struct dynbuf in = {0}, out = {0};
	struct link_clock c = {0};
	struct msg_desired_put m;
	(void)state;
	trip(&c, NS_PER_S, 0, MS);
	struct text bytes = put_of(&in, 1, 1, 9 * NS_PER_S);
	assert_int_equal(pass(&out, CHANNEL_ENGINE_TO_ENFORCER, MSG_DESIRED_PUT, bytes, &c), 0);
	assert_int_equal(msg_desired_put_decode(out.p, out.n, NULL, &m), 0);
	assert_int_equal(m.until, 9 * NS_PER_S + AHEAD);
	assert_int_equal(m.direction, 1);
	assert_int_equal(m.fail_closed, 1);
	struct net_prefix from = prefix("203.0.113.66/32");
	assert_memory_equal(&m.from, &from, sizeof(from));
	/* the far side converts nothing: byte for byte the same */
	assert_int_equal(pass(&out, CHANNEL_ENGINE_TO_ENFORCER, MSG_DESIRED_PUT, bytes, NULL), 0);
	assert_int_equal(out.n, bytes.n);
	assert_memory_equal(out.p, bytes.p, bytes.n);
	/* bytes behind the fields aren't carried on */
	dynbuf_le64(&in, 0x4141414141414141);
	store_le32(in.p + 2, (uint32_t)(in.n - MSG_HEADER_SIZE));
	assert_int_equal(pass(&out, CHANNEL_ENGINE_TO_ENFORCER, MSG_DESIRED_PUT, dynbuf_view(&in), NULL), 0);
	assert_int_equal(out.n, in.n - 8);
	dynbuf_free(&in);
	dynbuf_free(&out);
}

static void values_that_are_none_are_refused(void **state)
{
	struct dynbuf in = {0}, out = {0};
	(void)state;
	for (int direction = 0; direction < 4; direction++)
		for (int closed = 0; closed < 3; closed++) {
			struct text bytes = put_of(&in, (uint8_t)direction, (uint8_t)closed, 1);
			int wanted = direction <= 1 && closed <= 1 ? 0 : -EPROTO;
			assert_int_equal(
			    pass(&out, CHANNEL_ENGINE_TO_ENFORCER, MSG_DESIRED_PUT, bytes, NULL), wanted);
		}
	/* rules are 0 to 7 (contain/guardrail.h) */
	for (unsigned rule = 6; rule < 10; rule++) {
		struct msg_refused m = {.rule = (uint8_t)rule, .why = TEXT("no")};
		dynbuf_reset(&in);
		assert_int_equal(msg_refused_encode(&in, &m), 0);
		assert_int_equal(pass(&out, CHANNEL_ENFORCER_TO_ENGINE, MSG_REFUSED, dynbuf_view(&in), NULL),
		    rule <= 7 ? 0 : -EPROTO);
	}
	dynbuf_free(&in);
	dynbuf_free(&out);
}

static void each_way_has_its_own_messages_and_no_others(void **state)
{
	static const uint16_t down[] = {MSG_DESIRED_BEGIN, MSG_DESIRED_SPARE, MSG_DESIRED_PUT,
	    MSG_DESIRED_DROP, MSG_DESIRED_COMMIT, MSG_LIVE},
	                      up[] = {MSG_ENFORCED, MSG_REFUSED, MSG_RESYNC, MSG_DRIFT, MSG_COUNTED,
	                          MSG_ENFORCER_STATE};
	struct dynbuf in = {0}, out = {0};
	(void)state;
	for (uint16_t number = 0; number < 256; number++) {
		bool goes_down = false, goes_up = false;
		for (size_t i = 0; i < sizeof(down) / sizeof(*down); i++)
			goes_down = goes_down || down[i] == number;
		for (size_t i = 0; i < sizeof(up) / sizeof(*up); i++)
			goes_up = goes_up || up[i] == number;
		/* a body of zeroes is a good one of any of them */
		dynbuf_reset(&in);
		dynbuf_le16(&in, number);
		dynbuf_le32(&in, 128);
		memset(dynbuf_grow(&in, 128), 0, 128);
		assert_int_equal(pass(&out, CHANNEL_ENGINE_TO_ENFORCER, number, dynbuf_view(&in), NULL),
		    goes_down ? 0 : -EPROTO);
		assert_int_equal(pass(&out, CHANNEL_ENFORCER_TO_ENGINE, number, dynbuf_view(&in), NULL),
		    goes_up ? 0 : -EPROTO);
		/* and one that ends early is of none */
		store_le32(in.p + 2, 3);
		assert_int_equal(pass(&out, CHANNEL_ENGINE_TO_ENFORCER, number,
		                     text_bytes(in.p, MSG_HEADER_SIZE + 3), NULL),
		    -EPROTO);
	}
	dynbuf_free(&in);
	dynbuf_free(&out);
}

static void long_texts_are_cut_off(void **state)
{
	static char long_text[LINK_TEXT_MAX + 1];
	struct dynbuf in = {0}, out = {0};
	struct arena arena = {0};
	(void)state;
	memset(long_text, 'x', sizeof(long_text));
	for (size_t n = LINK_TEXT_MAX - 1; n <= LINK_TEXT_MAX + 1; n++) {
		struct msg_drift m = {.why = text_bytes(long_text, n)}, got;
		dynbuf_reset(&in);
		assert_int_equal(msg_drift_encode(&in, &m), 0);
		assert_int_equal(
		    pass(&out, CHANNEL_ENFORCER_TO_ENGINE, MSG_DRIFT, dynbuf_view(&in), NULL), 0);
		assert_int_equal(msg_drift_decode(out.p, out.n, &arena, &got), 0);
		assert_int_equal(got.why.n, n < LINK_TEXT_MAX ? n : LINK_TEXT_MAX);
	}
	arena_free(&arena);
	dynbuf_free(&in);
	dynbuf_free(&out);
}

static void cuts_and_commits_come_after_a_begin(void **state)
{
	struct link_telling t = {0};
	(void)state;
	assert_false(link_telling_takes(&t, MSG_DESIRED_PUT));
	assert_false(link_telling_takes(&t, MSG_DESIRED_DROP));
	assert_false(link_telling_takes(&t, MSG_DESIRED_COMMIT));
	assert_true(link_telling_takes(&t, MSG_LIVE));
	assert_true(link_telling_takes(&t, MSG_DESIRED_BEGIN));
	assert_true(link_telling_takes(&t, MSG_DESIRED_PUT));
	assert_true(link_telling_takes(&t, MSG_DESIRED_BEGIN));
	assert_true(link_telling_takes(&t, MSG_DESIRED_DROP));
	assert_true(link_telling_takes(&t, MSG_DESIRED_COMMIT));
	assert_false(link_telling_takes(&t, MSG_DESIRED_COMMIT));
	assert_false(link_telling_takes(&t, MSG_DESIRED_PUT));
}

/* Connections: one key, one authority, and certificates by it. */

static EVP_PKEY *key;
static X509 *authority;

static X509 *certificate(const char *name, X509 *by)
{
	X509 *c = X509_new();
	X509_NAME *subject = X509_get_subject_name(c);
	char san[128];
	static long serial;
	assert_int_equal(X509_set_version(c, 2), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(c), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(c), -60);
	X509_gmtime_adj(X509_getm_notAfter(c), 3600);
	X509_NAME_add_entry_by_txt(
	    subject, "CN", MBSTRING_ASC, (const uint8_t *)(by ? "near.example.org" : "ca"), -1, -1, 0);
	X509_set_issuer_name(c, by ? X509_get_subject_name(by) : subject);
	X509_set_pubkey(c, key);
	snprintf(san, sizeof(san), "DNS:%s", name);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(
	    NULL, NULL, by ? NID_subject_alt_name : NID_basic_constraints, by ? san : "critical,CA:TRUE");
	assert_int_equal(X509_add_ext(c, e, -1), 1);
	X509_EXTENSION_free(e);
	assert_true(X509_sign(c, key, EVP_sha256()) > 0);
	return c;
}

static void pem_of(struct dynbuf *b, X509 *c, EVP_PKEY *k)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *p;
	assert_int_equal(
	    c ? PEM_write_bio_X509(out, c) : PEM_write_bio_PrivateKey(out, k, NULL, NULL, 0, NULL, NULL), 1);
	long n = BIO_get_mem_data(out, &p);
	dynbuf_append(b, p, (size_t)n);
	BIO_free(out);
}

static int make_authority(void **state)
{
	(void)state;
	/* as in every process of the program */
	signal(SIGPIPE, SIG_IGN);
	key = EVP_EC_gen("P-256");
	authority = key ? certificate("", NULL) : NULL;
	return authority ? 0 : -1;
}

static int drop_authority(void **state)
{
	(void)state;
	X509_free(authority);
	EVP_PKEY_free(key);
	return 0;
}

static SSL_CTX *context_of(const char *name)
{
	struct dynbuf own = {0}, secret = {0}, ca = {0}, why = {0};
	X509 *c = certificate(name, authority);
	SSL_CTX *context = NULL;
	pem_of(&own, c, NULL);
	pem_of(&secret, NULL, key);
	pem_of(&ca, authority, NULL);
	struct link_pem pem = {dynbuf_view(&own), dynbuf_view(&secret), dynbuf_view(&ca)};
	assert_int_equal(link_tls_context(&context, &pem, &why), 0);
	X509_free(c);
	dynbuf_free(&own);
	dynbuf_free(&secret);
	dynbuf_free(&ca);
	return context;
}

struct end {
	struct link_wire wire;
	bool ready;
	size_t messages, last;
	char why[LINK_WHY_SIZE];
	int answer; /* of its message function */
};

static void end_ready(void *context)
{
	((struct end *)context)->ready = true;
}

static int end_message(void *context, uint16_t number, struct text bytes)
{
	struct end *e = context;
	(void)number;
	e->messages++;
	e->last = bytes.n;
	return e->answer;
}

static void end_gone(void *context, const char *why)
{
	snprintf(((struct end *)context)->why, LINK_WHY_SIZE, "%s", why);
}

struct both {
	struct loop *loop;
	SSL_CTX *contexts[2];
	struct end ends[2]; /* the near one dials */
};

static void connect_both(struct both *b, const char *near, const char *far)
{
	static const char *near_name = "near.example.org", *far_name = "far.example.org";
	int fds[2];
	*b = (struct both){.contexts = {context_of(near), context_of(far)}};
	assert_int_equal(loop_new(&b->loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	for (int i = 0; i < 2; i++) {
		struct link_wire *w = &b->ends[i].wire;
		w->ready = end_ready;
		w->message = end_message;
		w->gone = end_gone;
		w->context = &b->ends[i];
		assert_int_equal(link_wire_open(w, b->loop, fds[i], b->contexts[i], i == 0,
		                     i == 0 ? &far_name : &near_name, 1),
		    0);
	}
}

static void turns(struct both *b, int n)
{
	for (int i = 0; i < n; i++) {
		for (int k = 0; k < 2; k++)
			link_wire_flush(&b->ends[k].wire);
		assert_int_equal(loop_wait(b->loop, loop_now() + 2 * MS), 0);
	}
}

static void end_both(struct both *b)
{
	for (int i = 0; i < 2; i++) {
		link_wire_free(&b->ends[i].wire);
		SSL_CTX_free(b->contexts[i]);
	}
	loop_free(b->loop);
}

/* Encodes a message of so many bytes in all. */
static void say(struct link_wire *w, size_t n)
{
	struct dynbuf *out = link_wire_out(w);
	assert_non_null(out);
	dynbuf_le16(out, MSG_LIVE);
	dynbuf_le32(out, (uint32_t)(n - MSG_HEADER_SIZE));
	memset(dynbuf_grow(out, n - MSG_HEADER_SIZE), 0, n - MSG_HEADER_SIZE);
}

static void messages_pass_whole_up_to_their_bound(void **state)
{
	(void)state;
	for (size_t n = LINK_MESSAGE_MAX - 1; n <= LINK_MESSAGE_MAX + 1; n++) {
		struct both b;
		connect_both(&b, "near.example.org", "far.example.org");
		turns(&b, 20);
		assert_true(b.ends[0].ready && b.ends[1].ready);
		say(&b.ends[0].wire, 14);
		say(&b.ends[0].wire, n);
		turns(&b, 10);
		assert_int_equal(b.ends[1].messages, n <= LINK_MESSAGE_MAX ? 2 : 1);
		assert_int_equal(b.ends[1].last, n <= LINK_MESSAGE_MAX ? n : 14);
		assert_string_equal(b.ends[1].why, n <= LINK_MESSAGE_MAX ? "" : "it said what it may not");
		assert_int_equal(b.ends[0].wire.state == LINK_WIRE_OPEN, n <= LINK_MESSAGE_MAX);
		end_both(&b);
	}
}

static void a_name_that_isn_t_the_one_ends_the_handshake_at_either_end(void **state)
{
	static const struct {
		const char *near, *far;
		int who; /* doesn't take the other */
	} rows[] = {{"near.example.org", "near.example.org", 0}, {"other.example.org", "far.example.org", 1},
	    {"near.example.org", "*.example.org", 0}, {"example.org", "far.example.org", 1},
	    {"x.near.example.org", "far.example.org", 1}};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct both b;
		connect_both(&b, rows[i].near, rows[i].far);
		turns(&b, 20);
		assert_false(b.ends[rows[i].who].ready);
		assert_string_equal(
		    b.ends[rows[i].who].why, "its certificate isn't taken: hostname mismatch");
		assert_int_not_equal(b.ends[!rows[i].who].wire.state, LINK_WIRE_OPEN);
		end_both(&b);
	}
}

static void an_end_that_isn_t_read_is_held_back_at_its_bound(void **state)
{
	struct both b;
	(void)state;
	connect_both(&b, "near.example.org", "far.example.org");
	turns(&b, 20);
	link_wire_pause(&b.ends[1].wire, true);
	for (int i = 0; i < 4000 && link_wire_waiting(&b.ends[0].wire) <= LINK_WIRE_HIGH; i++) {
		say(&b.ends[0].wire, 4096);
		turns(&b, i % 64 == 0);
	}
	assert_true(link_wire_waiting(&b.ends[0].wire) > LINK_WIRE_HIGH);
	assert_int_equal(b.ends[1].messages, 0);
	while (!link_wire_out(&b.ends[0].wire)->error)
		dynbuf_le64(link_wire_out(&b.ends[0].wire), 0);
	assert_true(link_wire_waiting(&b.ends[0].wire) <= LINK_WIRE_OUT_MAX);
	/* what was whole before the bound arrives when it is read again */
	link_wire_pause(&b.ends[1].wire, false);
	turns(&b, 200);
	assert_true(b.ends[1].messages > LINK_WIRE_HIGH / 4096);
	end_both(&b);
}

static void a_message_that_is_refused_ends_the_connection(void **state)
{
	struct both b;
	(void)state;
	connect_both(&b, "near.example.org", "far.example.org");
	turns(&b, 20);
	b.ends[1].answer = -EPROTO;
	say(&b.ends[0].wire, 14);
	say(&b.ends[0].wire, 14);
	turns(&b, 10);
	assert_int_equal(b.ends[1].messages, 1);
	assert_int_equal(b.ends[1].wire.state, LINK_WIRE_CLOSED);
	assert_string_equal(b.ends[0].why, "the other end closed the connection");
	end_both(&b);
}

static void files_that_don_t_fit_are_told(void **state)
{
	struct dynbuf own = {0}, secret = {0}, ca = {0}, why = {0};
	EVP_PKEY *other = EVP_EC_gen("P-256");
	X509 *c = certificate("near.example.org", authority);
	SSL_CTX *context = NULL;
	(void)state;
	pem_of(&own, c, NULL);
	pem_of(&secret, NULL, other);
	pem_of(&ca, authority, NULL);
	const struct link_pem rows[] = {{TEXT("x"), dynbuf_view(&secret), dynbuf_view(&ca)},
	    {dynbuf_view(&own), dynbuf_view(&secret), dynbuf_view(&ca)},
	    {dynbuf_view(&own), dynbuf_view(&own), dynbuf_view(&ca)},
	    {dynbuf_view(&own), TEXT(""), TEXT("")}};
	static const char *const whats[] = {"certificate", "key", "key", "key"};
	for (size_t i = 0; i < 4; i++) {
		dynbuf_reset(&why);
		assert_int_equal(link_tls_context(&context, &rows[i], &why), -EINVAL);
		dynbuf_u8(&why, 0);
		assert_non_null(strstr((char *)why.p, whats[i]));
	}
	dynbuf_reset(&secret);
	pem_of(&secret, NULL, key);
	struct link_pem none = {dynbuf_view(&own), dynbuf_view(&secret), TEXT("")};
	assert_int_equal(link_tls_context(&context, &none, &why), -EINVAL);
	assert_null(context);
	EVP_PKEY_free(other);
	X509_free(c);
	dynbuf_free(&own);
	dynbuf_free(&secret);
	dynbuf_free(&ca);
	dynbuf_free(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_end_is_never_told_earlier_and_later_by_the_way_there_at_most),
	    cmocka_unit_test(samples_are_forgotten_after_their_number),
	    cmocka_unit_test(a_clock_that_jumped_is_believed_anew),
	    cmocka_unit_test(answers_to_nothing_and_late_ones_say_nothing),
	    cmocka_unit_test(what_passes_is_encoded_anew_with_its_times_on_the_other_clock),
	    cmocka_unit_test(values_that_are_none_are_refused),
	    cmocka_unit_test(each_way_has_its_own_messages_and_no_others),
	    cmocka_unit_test(long_texts_are_cut_off),
	    cmocka_unit_test(cuts_and_commits_come_after_a_begin),
	    cmocka_unit_test(messages_pass_whole_up_to_their_bound),
	    cmocka_unit_test(a_name_that_isn_t_the_one_ends_the_handshake_at_either_end),
	    cmocka_unit_test(an_end_that_isn_t_read_is_held_back_at_its_bound),
	    cmocka_unit_test(a_message_that_is_refused_ends_the_connection),
	    cmocka_unit_test(files_that_don_t_fit_are_told),
	};
	return cmocka_run_group_tests(tests, make_authority, drop_authority);
}
