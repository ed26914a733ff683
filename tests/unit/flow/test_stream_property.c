/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packets.h"

/*
 * A stream that is cut into segments at random, of which some are lost, repeated or swapped, is sent through
 * the table; the receiver acknowledges what it has. Whatever happens: bytes handed on and gaps make up the
 * whole stream, every byte stands where it belongs, and the counts are those of the stream.
 */

enum { STREAM_MAX = 60000, ROUNDS = 400 };

struct dice {
	uint64_t state;
};

static uint32_t roll(struct dice *d, uint32_t n)
{
	d->state = d->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(d->state >> 33) % n;
}

struct stream {
	size_t n;
	uint8_t bytes[STREAM_MAX];
	bool seen[STREAM_MAX]; /* by the table */
	uint64_t sent;
	uint32_t isn;
};

/* Follows the book: every byte that was handed on must be the stream's at that place. */
struct reader {
	struct book *book;
	const struct stream *s;
	size_t at;
	bool wrong;
};

static bool read_on(void *context, struct flow *f, enum flow_dir dir, const uint8_t *p, size_t n,
    uint64_t gap, int64_t time_ns)
{
	struct reader *r = context;
	(void)f;
	(void)time_ns;
	if (dir != FLOW_FORWARD)
		return true;
	r->at += gap;
	if (r->at + n > r->s->n || memcmp(p ? p : r->s->bytes, r->s->bytes + r->at, n) != 0)
		r->wrong = true;
	r->at += n;
	r->book->gaps[0] += gap;
	return !r->wrong;
}

static uint64_t reader_id(void *context)
{
	struct reader *r = context;
	return ++r->book->ids;
}

static void reader_start(void *context, struct flow *f)
{
	(void)context;
	(void)f;
}

static void reader_end(void *context, struct flow *f, enum flow_end how)
{
	struct reader *r = context;
	book_end(r->book, f, how);
}

static void send_piece(struct book *b, struct stream *s, size_t at, size_t n)
{
	for (size_t i = at; i < at + n; i++)
		s->seen[i] = true;
	s->sent += n;
	tcp(b, (struct segment){.flags = A,
	           .seq = s->isn + 1 + (uint32_t)at,
	           .ack = 501,
	           .n = (uint32_t)n,
	           .bytes = s->bytes + at});
}

/* Sends it all: loss (the capture's, not the receiver's) in hundredths; swaps within a few segments. */
static void play(struct book *b, struct stream *s, struct dice *d, uint32_t loss, bool acks)
{
	size_t at = 0, held_at = 0, held_n = 0;
	while (at < s->n) {
		size_t n = 1 + roll(d, 1460);
		if (n > s->n - at)
			n = s->n - at;
		if (roll(d, 100) < 15 && !held_n) {
			held_at = at; /* comes later */
			held_n = n;
		} else if (roll(d, 100) >= loss) {
			send_piece(b, s, at, n);
		}
		at += n;
		if (roll(d, 100) < 20) { /* sent again, cut otherwise */
			size_t back = roll(d, (uint32_t)(at < 3000 ? at : 3000));
			size_t again = 1 + roll(d, 2000);
			send_piece(b, s, at - back - 1, again < back + 1 ? again : back + 1);
		}
		if (held_n && roll(d, 100) < 40) {
			send_piece(b, s, held_at, held_n);
			held_n = 0;
		}
		size_t acked = held_n && held_at < at ? held_at : at;
		if (acks && roll(d, 100) < 30)
			tcp(b,
			    (struct segment){
			        .flags = A, .back = true, .seq = 501, .ack = s->isn + 1 + (uint32_t)acked});
	}
	if (held_n)
		send_piece(b, s, held_at, held_n);
}

static void one_round(uint64_t number, uint32_t loss, bool acks)
{
	struct dice d = {number + 1};
	struct stream *s = calloc(1, sizeof(*s));
	struct book *b = calloc(1, sizeof(*b));
	assert_true(s && b);
	struct reader r = {.book = b, .s = s};
	struct flow_table_config c = {.next_id = reader_id,
	    .start = reader_start,
	    .data = read_on,
	    .end = reader_end,
	    .context = &r,
	    .seed = number,
	    .reassembly_window = 2000 + roll(&d, 100000)};
	assert_int_equal(flow_table_new(&b->t, &c), 0);
	s->n = 1 + roll(&d, STREAM_MAX);
	s->isn = roll(&d, 3) ? roll(&d, UINT32_MAX) : UINT32_MAX - roll(&d, STREAM_MAX);
	for (size_t i = 0; i < s->n; i++)
		s->bytes[i] = (uint8_t)roll(&d, 256);
	handshake(b, s->isn, 500);
	play(b, s, &d, loss, acks);
	if (acks)
		tcp(b, (struct segment){
		           .flags = A, .back = true, .seq = 501, .ack = s->isn + 1 + (uint32_t)s->n});
	flow_table_flush(b->t);
	uint64_t unseen = 0, tail = 0;
	for (size_t i = 0; i < s->n; i++)
		unseen += !s->seen[i];
	for (size_t i = s->n; i-- > 0 && !s->seen[i];)
		tail++;
	const struct flow_side *side = &b->ended[0].f.side[0];
	assert_int_equal(b->n_ended, 1);
	assert_false(r.wrong);
	assert_int_equal(r.at, s->n - tail);
	assert_int_equal(side->missing, acks ? unseen : 0);
	assert_int_equal(side->payload, acks ? s->n : s->n - unseen);
	assert_int_equal(side->retransmitted, s->sent - (s->n - unseen));
	if (loss == 0 && c.reassembly_window > 64000 && b->gaps[0] != 0)
		fail_msg("round %llu: gaps where nothing was lost", (unsigned long long)number);
	assert_int_equal(flow_table_stats(b->t)->reassembly_bytes, 0);
	flow_table_free(b->t);
	free(b);
	free(s);
}

static void nothing_lost(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < ROUNDS; i++)
		one_round(i, 0, true);
}

static void some_lost_by_the_capture(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < ROUNDS; i++)
		one_round(i, 10, true);
}

static void nobody_acknowledges(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < ROUNDS; i++)
		one_round(i, 10, false);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_lost),
	    cmocka_unit_test(some_lost_by_the_capture),
	    cmocka_unit_test(nobody_acknowledges),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
