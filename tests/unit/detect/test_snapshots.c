/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Flows that are told of while they go on: what is said at once, what isn't said too early, and that in the
 * end it is the same as of their final records alone. */

#include "timeline.h"

enum { EVENTS_MAX = 60000, ROUNDS = 40 };
#define LEARNING (300 * NS_PER_S)

/* A record of the flow as it was `after` seconds after its first packet, which nobody had answered. */
static struct msg_flow snapshot_silent(const struct msg_flow *f, double after)
{
	struct msg_flow s = *f;
	s.last = f->first + (int64_t)(after * 1e9);
	s.end = FLOW_END_NONE;
	s.established = 0;
	s.packets_out = 1;
	s.packets_in = s.payload_in = s.payload_out = 0;
	s.tcp_flags_out = 2;
	s.tcp_flags_in = 0;
	s.tcp_state = f->protocol == 6 ? FLOW_TCP_SYN_SENT : FLOW_TCP_NONE;
	s.flags &= ~(uint32_t)FLOW_ANSWERED;
	s.app = APP_UNKNOWN;
	return s;
}

/* The same when it has done a part of what it will do. */
static struct msg_flow snapshot_part(const struct msg_flow *f, double part)
{
	struct msg_flow s = *f;
	s.last = f->first + (int64_t)(part * (double)(f->last - f->first));
	s.end = FLOW_END_NONE;
	s.packets_out = 1 + (uint64_t)(part * (double)(f->packets_out - 1));
	s.packets_in = 1 + (uint64_t)(part * (double)(f->packets_in - 1));
	s.payload_out = 1 + (uint64_t)(part * (double)(f->payload_out - 1));
	s.payload_in = 1 + (uint64_t)(part * (double)(f->payload_in - 1));
	s.tcp_state = f->protocol == 6 ? FLOW_TCP_ESTABLISHED : FLOW_TCP_NONE;
	return s;
}

static struct msg_flow snapshot_refused(const struct msg_flow *f)
{
	struct msg_flow s = *f;
	s.end = FLOW_END_NONE;
	return s;
}

static void test_a_scan_is_said_at_the_fifth_refusal(void **unused)
{
	(void)unused;
	struct timeline *t = timeline_new();
	for (int i = 0; i < 5; i++) {
		char to[32];
		snprintf(to, sizeof(to), "10.1.9.%d", i + 1);
		struct msg_flow f = flow_failed("10.1.0.5", to, 445, i * 0.01, true);
		struct msg_flow first = snapshot_silent(&f, 0), refused = snapshot_refused(&f);
		timeline_flow(t, &first);
		assert_null(timeline_find(t, "scan.horizontal", "10.1.0.5"));
		timeline_flow(t, &refused);
	}
	const struct seen *s = timeline_find(t, "scan.horizontal", "10.1.0.5");
	assert_non_null(s);
	assert_int_equal(s->count, 5);
	timeline_free(t);
}

static void test_silence_fails_when_the_flow_has_settled_and_only_once(void **unused)
{
	(void)unused;
	struct timeline *t = timeline_new();
	struct msg_flow f[6];
	for (int i = 0; i < 6; i++) {
		char to[32];
		snprintf(to, sizeof(to), "10.1.9.%d", i + 1);
		f[i] = flow_failed("10.1.0.5", to, 445, i, false);
		struct msg_flow first = snapshot_silent(&f[i], 0);
		timeline_flow(t, &first);
	}
	/* the fifth one's first packet was at 4 s */
	struct msg_flow other = flow_between("10.1.0.8", "10.1.0.9", 80, APP_HTTP, 0);
	other.last = AT(8.99);
	timeline_flow(t, &other);
	assert_null(timeline_find(t, "scan.horizontal", NULL));
	(void)detector_look(t->detector, AT(9));
	assert_non_null(timeline_find(t, "scan.horizontal", "10.1.0.5"));
	for (int i = 0; i < 6; i++)
		timeline_flow(t, &f[i]);
	timeline_finish(t, 100);
	assert_int_equal(timeline_find(t, "scan.horizontal", "10.1.0.5")->count, 6);
	timeline_free(t);
}

static void test_who_is_answered_late_but_in_time_scans_nothing(void **unused)
{
	(void)unused;
	struct timeline *t = timeline_new();
	for (int i = 0; i < 40; i++) {
		char to[32];
		snprintf(to, sizeof(to), "10.1.9.%d", i + 1);
		struct msg_flow f = flow_between("10.1.0.5", to, 9100, APP_HTTP, i * 0.1);
		f.last = f.first + 20 * NS_PER_S;
		struct msg_flow first = snapshot_silent(&f, 0);
		timeline_flow(t, &first);
	}
	(void)detector_look(t->detector, AT(4.9));
	assert_int_equal(t->n, 0);
	timeline_free(t);
}

static void test_where_snapshots_were_left_out_silence_tells_nothing(void **unused)
{
	(void)unused;
	struct timeline *t = timeline_new();
	for (int i = 0; i < 40; i++) {
		char to[32];
		snprintf(to, sizeof(to), "10.1.9.%d", i + 1);
		struct msg_flow f = flow_between("10.1.0.5", to, 9100, APP_HTTP, i * 0.1);
		struct msg_flow first = snapshot_silent(&f, 0);
		timeline_flow(t, &first);
	}
	detector_missed(t->detector);
	timeline_finish(t, 100);
	assert_int_equal(t->n, 0);
	timeline_free(t);
}

/* A server that answered three, is asked by somebody outside, and calls out. */
static void serve(struct timeline *t)
{
	for (int i = 0; i < 4; i++) {
		struct msg_flow f = flow_between("198.51.100.7", "10.3.0.9", 443, APP_TLS, i);
		timeline_flow(t, &f);
	}
}

static void test_a_call_is_judged_when_it_is_answered_not_at_its_first_packet(void **unused)
{
	(void)unused;
	struct timeline *t = timeline_new();
	serve(t);
	struct msg_flow request = flow_between("203.0.113.9", "10.3.0.9", 443, APP_TLS, 100);
	struct msg_flow call = flow_between("10.3.0.9", "203.0.113.9", 4444, APP_UNKNOWN, 101);
	request.last = call.last = AT(400);
	struct msg_flow s = snapshot_part(&request, 0.001);
	timeline_flow(t, &s);
	s = snapshot_silent(&call, 0);
	timeline_flow(t, &s);
	assert_null(timeline_find(t, "entry.callback", NULL));
	s = snapshot_part(&call, 0.0001);
	timeline_flow(t, &s);
	(void)detector_look(t->detector, AT(106.1)); /* by now it is known to have no name */
	const struct seen *x = timeline_find(t, "entry.callback", "10.3.0.9");
	assert_non_null(x);
	assert_int_equal(x->asset_role, MSG_ROLE_VICTIM);
	double confidence = x->confidence;
	timeline_flow(t, &call);
	timeline_flow(t, &request);
	timeline_finish(t, 500);
	x = timeline_find(t, "entry.callback", "10.3.0.9");
	assert_int_equal(x->count, 1);
	assert_float_equal(x->confidence, confidence, 1e-9);
	timeline_free(t);
}

static void test_nothing_is_new_before_the_learning_time_is_over(void **unused)
{
	(void)unused;
	struct timeline *t = timeline_new_learning(NULL, 16 << 20, 7, LEARNING);
	struct msg_flow early = flow_between("10.1.0.5", "10.1.0.6", 22, APP_SSH, 100);
	struct msg_flow late = flow_between("10.1.0.5", "10.1.0.7", 22, APP_SSH, 400);
	early.last = late.last = AT(2000);
	struct msg_flow first = flow_between("10.1.0.8", "10.1.0.9", 80, APP_HTTP, 0);
	struct msg_flow s = snapshot_silent(&first, 0);
	timeline_flow(t, &s);
	s = snapshot_part(&early, 0.0001);
	timeline_flow(t, &s);
	timeline_finish(t, 399);
	assert_int_equal(t->n, 0);
	s = snapshot_part(&late, 0.0001);
	timeline_flow(t, &s); /* said without a look */
	assert_non_null(timeline_find(t, "lateral.first-edge", "10.1.0.5"));
	assert_int_equal(t->n, 1);
	assert_int_equal(t->seen[0].count, 1);
	timeline_flow(t, &late);
	timeline_finish(t, 2000);
	assert_int_equal(t->seen[0].count, 1);
	timeline_free(t);
}

static void test_bulk_is_said_while_it_flows(void **unused)
{
	(void)unused;
	struct timeline *t = timeline_new_learning(NULL, 16 << 20, 7, LEARNING);
	struct msg_flow begun = flow_between("10.1.0.8", "10.1.0.9", 80, APP_HTTP, 0);
	struct msg_flow s = snapshot_silent(&begun, 0);
	timeline_flow(t, &s);
	for (int i = 0; i < 40; i++) {
		struct msg_flow f = flow_between("10.1.0.5", "198.51.100.7", 443, APP_TLS, 10 + i * 60);
		timeline_flow(t, &f);
	}
	struct msg_flow bulk = flow_between("10.1.0.5", "203.0.113.50", 443, APP_TLS, 3000);
	bulk.last = AT(5000);
	bulk.payload_out = 100 << 20;
	s = snapshot_part(&bulk, 0.02);
	timeline_flow(t, &s);
	const struct seen *x = timeline_find(t, "outflow.bulk", "10.1.0.5");
	assert_non_null(x);
	assert_true(net_addr_equal(x->peer, addr_of("203.0.113.50")));
	timeline_free(t);
}

static void test_what_did_not_change_is_not_said_again(void **unused)
{
	(void)unused;
	struct timeline *t = timeline_new();
	for (int i = 0; i < 30; i++) {
		char to[32];
		snprintf(to, sizeof(to), "10.1.9.%d", i + 1);
		struct msg_flow f = flow_failed("10.1.0.5", to, 445, i, true);
		timeline_flow(t, &f);
		f = flow_between("10.1.0.6", "203.0.113.4", 443, APP_TLS, i * 10);
		timeline_flow(t, &f);
	}
	timeline_finish(t, 400);
	assert_true(t->n >= 2);
	uint64_t said = detector_stats(t->detector)->detections;
	uint64_t ids = t->next_id;
	for (int i = 0; i < 5; i++)
		timeline_finish(t, 400);
	for (int i = 0; i < 100; i++)
		(void)detector_look(t->detector, AT(400));
	assert_int_equal(detector_stats(t->detector)->detections, said);
	assert_int_equal(t->next_id, ids);
	timeline_free(t);
}

static void look_round(struct timeline *t, double at)
{
	for (int i = 0; i < 1000 && !detector_look(t->detector, AT(at)); i++)
		;
}

static void test_what_is_a_month_old_is_forgotten_and_not_said_again(void **unused)
{
	(void)unused;
	static const double day = 86400;
	struct timeline *t = timeline_new_learning(NULL, 16 << 20, 7, LEARNING);
	struct msg_flow begun = flow_between("10.1.0.8", "10.1.0.9", 80, APP_HTTP, 0);
	struct msg_flow s = snapshot_silent(&begun, 0);
	timeline_flow(t, &s);
	struct msg_flow bulk = flow_between("10.1.0.5", "203.0.113.50", 443, APP_TLS, 3000);
	bulk.payload_out = 100 << 20;
	timeline_flow(t, &bulk);
	look_round(t, 3600);
	const struct seen *x = timeline_find(t, "outflow.bulk", "10.1.0.5");
	assert_non_null(x);
	uint64_t id = x->id, said = detector_stats(t->detector)->detections;
	for (int i = 1; i < 60; i++)
		look_round(t, i * day);
	assert_int_equal(detector_stats(t->detector)->detections, said);
	bulk = flow_between("10.1.0.5", "203.0.113.50", 443, APP_TLS, 61 * day);
	bulk.payload_out = 200 << 20;
	timeline_flow(t, &bulk);
	look_round(t, 61 * day);
	assert_int_equal(t->n, 2);
	assert_true(t->seen[1].id != id);
	timeline_free(t);
}

static void test_a_busy_client_that_begins_to_guess_is_seen_days_later(void **unused)
{
	(void)unused;
	static const double day = 86400;
	struct timeline *t = timeline_new();
	for (int i = 0; i < 1000; i++) {
		struct msg_flow f = flow_between("10.1.0.5", "10.1.0.6", 21, APP_FTP, i);
		timeline_transaction(
		    t, &f, i, FIELD_AUTH_USER, "backup", FIELD_AUTH_RESULT, "success", FIELD_NONE);
		timeline_flow(t, &f);
	}
	for (int i = 0; i < 20; i++) {
		struct msg_flow f = flow_between("10.1.0.5", "10.1.0.6", 21, APP_FTP, 20 * day + i);
		timeline_transaction(
		    t, &f, 20 * day + i, FIELD_AUTH_USER, "root", FIELD_AUTH_RESULT, "failure", FIELD_NONE);
		timeline_flow(t, &f);
	}
	assert_non_null(timeline_find(t, "bruteforce", "10.1.0.5"));
	timeline_free(t);
}

/* What is drawn: flows with their records, as they come when they end and when they go on. */
struct event {
	int64_t time;
	size_t order;
	struct msg_flow f;
	bool failed, succeeded; /* a login, told right before it */
	bool final;
};

static struct event *events;
static size_t n_events;
static uint64_t state;

static uint64_t draw(uint64_t n)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (state >> 33) % n;
}

static struct event *event_add(const struct msg_flow *f, int64_t time, bool final)
{
	assert_true(n_events < EVENTS_MAX);
	events[n_events] = (struct event){.time = time, .order = n_events, .f = *f, .final = final};
	return &events[n_events++];
}

static int event_compare(const void *a, const void *b)
{
	const struct event *x = a, *y = b;
	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* Cuts the flow into some of the records that a sensor may give: that it was answered always is. `login`: 1
 * failed, 2 succeeded. */
static void flow_cut(const struct msg_flow *f, int login)
{
	struct msg_flow s = snapshot_silent(f, 0);
	bool answered = f->payload_in > 0;
	if (draw(10))
		event_add(&s, s.last, false);
	if (answered) {
		s = snapshot_part(f, draw(4) ? 0.001 : 0.005);
		event_add(&s, s.last, false);
	}
	for (double part = 0.02; answered && part < 1 && draw(8); part += (1 + (double)draw(100)) / 300) {
		s = snapshot_part(f, part);
		event_add(&s, s.last, false);
	}
	if (f->tcp_state == FLOW_TCP_REFUSED && draw(4)) {
		s = snapshot_refused(f);
		event_add(&s, f->last, false);
	}
	struct event *e = event_add(f, f->last + (f->packets_in ? 10 : 60) * NS_PER_S, true);
	e->failed = login == 1;
	e->succeeded = login == 2;
}

static void text_host(char *buf, size_t size, const char *net, uint64_t host)
{
	snprintf(buf, size, "%s.%u", net, (unsigned)host);
}

static void flows_draw(void)
{
	char from[32], to[32];
	for (int i = 0; i < 300; i++) { /* what everybody does */
		text_host(from, sizeof(from), "10.1.0", 10 + draw(20));
		text_host(to, sizeof(to), draw(3) ? "10.3.0" : "198.51.100", 10 + draw(6));
		struct msg_flow f = flow_between(from, to, 80, APP_HTTP, (double)draw(36000) / 10);
		f.last = f.first + (int64_t)(1 + draw(200)) * NS_PER_S;
		f.payload_out = 100 + draw(2000);
		flow_cut(&f, 0);
	}
	for (int i = 0; i < 60; i++) { /* scans */
		text_host(to, sizeof(to), "10.1.7", 1 + (uint64_t)i);
		struct msg_flow f = flow_failed("10.1.0.40", to, 445, 900 + i, draw(2));
		flow_cut(&f, 0);
	}
	for (int i = 0; i < 40; i++) { /* a beacon, and administration */
		struct msg_flow f = flow_between("10.1.0.41", "203.0.113.41", 443, APP_TLS, 600 + 60.0 * i);
		flow_cut(&f, 0);
		text_host(from, sizeof(from), "10.4.0", 10 + draw(3));
		text_host(to, sizeof(to), "10.1.0", 10 + draw(20));
		f = flow_between(from, to, 22, APP_SSH, (double)draw(3600));
		f.last = f.first + (int64_t)(1 + draw(900)) * NS_PER_S;
		f.payload_in = f.payload_out = 20000;
		flow_cut(&f, 2);
	}
	for (int i = 0; i < 8; i++) { /* guessing, and contacts with the vault */
		struct msg_flow f = flow_between("10.1.0.42", "10.1.0.60", 22, APP_SSH, 1500 + i * 0.5);
		flow_cut(&f, 1);
		f = flow_between("10.1.0.42", "10.1.0.61", 22, APP_SSH, 1600 + i * 0.5);
		flow_cut(&f, 1);
		text_host(from, sizeof(from), "10.1.0", 50 + draw(5));
		f = flow_between(from, "10.2.0.9", 445, APP_SMB, 1000 + (double)draw(2000));
		f.last = f.first + (int64_t)(1 + draw(500)) * NS_PER_S;
		f.payload_in = draw(8) << 20 | 1;
		flow_cut(&f, 0);
	}
	for (int i = 0; i < 3; i++) { /* thefts, consoles, odd ports */
		text_host(from, sizeof(from), "10.1.0", 70 + (uint64_t)i);
		text_host(to, sizeof(to), "203.0.113", 70 + (uint64_t)i);
		struct msg_flow f = flow_between(from, to, 443, APP_TLS, 2000 + (double)draw(500));
		f.last = f.first + (int64_t)(300 + draw(500)) * NS_PER_S;
		f.payload_out = (uint64_t)(1 + draw(60)) << 20;
		flow_cut(&f, 0);
		f = flow_between(from, to, 443, APP_SSH, 2600 + (double)draw(100));
		flow_cut(&f, 0);
		f = flow_between(from, to, 4444, APP_UNKNOWN, 2700 + (double)draw(100));
		f.last = f.first + (int64_t)(60 + draw(500)) * NS_PER_S;
		f.packets_out = f.packets_in = 200;
		f.payload_out = 20000;
		f.payload_in = 3000;
		flow_cut(&f, 0);
	}
}

static void event_give(struct timeline *t, const struct event *e)
{
	if (e->failed || e->succeeded)
		timeline_transaction(t, &e->f, (double)(e->f.first - AT(0)) / 1e9 + 0.5, FIELD_AUTH_USER,
		    "root", FIELD_AUTH_RESULT, e->failed ? "failure" : "success", FIELD_NONE);
	timeline_flow(t, &e->f);
}

static const struct seen *same_in(const struct timeline *t, const struct seen *s)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct seen *o = &t->seen[i];
		if (strcmp(o->name, s->name) == 0 && strcmp(o->technique, s->technique) == 0 &&
		    net_addr_equal(o->asset, s->asset) && net_addr_equal(o->peer, s->peer))
			return o;
	}
	return NULL;
}

static void timelines_equal(const struct timeline *a, const struct timeline *b)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct seen *s = &a->seen[i], *o = same_in(b, s);
		if (s->confidence <= DETECT_TAKEN_BACK)
			continue;
		if (!o || o->count != s->count || o->confidence - s->confidence > 0.02 ||
		    s->confidence - o->confidence > 0.02) {
			print_message("of seed-made flows:\n");
			print_message("%s %s %.3f x%llu %s\n", s->name, s->technique, s->confidence,
			    (unsigned long long)s->count, s->why);
			if (o)
				print_message("%s %s %.3f x%llu %s\n", o->name, o->technique, o->confidence,
				    (unsigned long long)o->count, o->why);
			fail_msg("cut into snapshots, flows say something else");
		}
	}
}

static void cut_and_compare(uint64_t seed)
{
	state = seed;
	n_events = 0;
	flows_draw();
	qsort(events, n_events, sizeof(*events), event_compare);
	struct timeline *ended = timeline_new_learning(NULL, 64 << 20, 7, LEARNING);
	struct timeline *live = timeline_new_learning(NULL, 64 << 20, 7, LEARNING);
	int64_t look = 0;
	for (size_t i = 0; i < n_events; i++) {
		const struct event *e = &events[i];
		if (e->final)
			event_give(ended, e);
		if (e->time >= look) {
			(void)detector_look(live->detector, e->time);
			if (draw(50) == 0)
				detector_finish(live->detector, e->time);
			look = e->time + NS_PER_S;
		}
		event_give(live, e);
	}
	timeline_finish(ended, 4000);
	timeline_finish(live, 4000);
	assert_true(ended->n >= 8);
	timelines_equal(ended, live);
	timelines_equal(live, ended);
	timeline_free(ended);
	timeline_free(live);
}

static void test_flows_cut_into_snapshots_say_the_same_in_the_end(void **unused)
{
	(void)unused;
	events = calloc(EVENTS_MAX, sizeof(*events));
	assert_non_null(events);
	for (uint64_t seed = 1; seed <= ROUNDS; seed++)
		cut_and_compare(seed);
	free(events);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_scan_is_said_at_the_fifth_refusal),
	    cmocka_unit_test(test_silence_fails_when_the_flow_has_settled_and_only_once),
	    cmocka_unit_test(test_who_is_answered_late_but_in_time_scans_nothing),
	    cmocka_unit_test(test_where_snapshots_were_left_out_silence_tells_nothing),
	    cmocka_unit_test(test_a_call_is_judged_when_it_is_answered_not_at_its_first_packet),
	    cmocka_unit_test(test_nothing_is_new_before_the_learning_time_is_over),
	    cmocka_unit_test(test_bulk_is_said_while_it_flows),
	    cmocka_unit_test(test_what_did_not_change_is_not_said_again),
	    cmocka_unit_test(test_what_is_a_month_old_is_forgotten_and_not_said_again),
	    cmocka_unit_test(test_a_busy_client_that_begins_to_guess_is_seen_days_later),
	    cmocka_unit_test(test_flows_cut_into_snapshots_say_the_same_in_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
