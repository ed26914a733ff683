/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "decode/defrag.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/table.h"

enum {
	UNIT = 8, /* offsets count in these */
	UNITS = (DEFRAG_DATAGRAM_MAX + UNIT) / UNIT,
	WORD_BITS = 64,
	ROOM_LEAST = 2048,
	END_UNKNOWN = UINT16_MAX + 1,
	FULL = 1480, /* what Ethernet carries of a datagram */
};

/* The bytes of a datagram: one allocation, which is handed out whole when it is joined. */
struct room {
	uint64_t have[(UNITS + WORD_BITS - 1) / WORD_BITS];   /* a bit a unit */
	uint64_t begins[(UNITS + WORD_BITS - 1) / WORD_BITS]; /* ... at which a piece began */
	uint8_t bytes[];
};

struct datagram {
	struct defrag_key key;
	struct room *room; /* NULL where it was dropped: its later fragments are refused */
	uint32_t size;     /* of room->bytes */
	uint32_t end;      /* the datagram's length, END_UNKNOWN before its last fragment */
	uint32_t highest;  /* the highest byte of any piece, plus one */
	uint32_t units;    /* set in room->have */
	uint32_t pieces;   /* that it was made of */
	uint32_t cut_at;   /* the first byte that was not captured */
	uint8_t protocol;  /* of the piece with offset 0 */
	bool overlapped;
	int64_t first_ns;
	struct datagram *older, *newer;
};

struct defrag {
	struct table *datagrams;
	struct datagram *oldest, *newest;
	size_t memory, memory_max;
	int64_t timeout_ns;
	struct defrag_counters counters;
	struct defrag_conflict conflict;
	defrag_lost_fn lost;
	void *context;
};

int defrag_new(
    struct defrag **ret_defrag, size_t datagrams_max, size_t memory_max, int64_t timeout_ns, uint64_t seed)
{
	struct defrag *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	int r = table_new(
	    &d->datagrams, sizeof(struct defrag_key), sizeof(struct datagram), datagrams_max, seed);
	if (r < 0) {
		free(d);
		return r;
	}
	d->memory_max = memory_max;
	d->timeout_ns = timeout_ns;
	*ret_defrag = d;
	return 0;
}

void defrag_on_lost(struct defrag *d, defrag_lost_fn lost, void *context)
{
	d->lost = lost;
	d->context = context;
}

static void lose(struct defrag *d, const struct defrag_key *key, uint64_t packets)
{
	if (d->lost && packets)
		d->lost(d->context, key->vantage, packets);
}

/* A receiver may have had all of it: what came, what is missing between, and what ends it. */
static void lose_datagram(struct defrag *d, const struct datagram *g, bool over)
{
	bool ends = g->end != END_UNKNOWN;
	uint32_t length = ends ? g->end : g->highest, seen = g->units * UNIT;
	uint32_t between = length > seen ? (length - seen + FULL - 1) / FULL : 0;
	if (g->room)
		lose(d, &g->key, (uint64_t)g->pieces + between + (over && !ends));
}

static void room_drop(struct defrag *d, struct datagram *g)
{
	if (!g->room)
		return;
	d->memory -= sizeof(*g->room) + g->size;
	free(g->room);
	g->room = NULL;
	g->size = 0;
}

static void datagram_remove(struct defrag *d, struct datagram *g)
{
	struct defrag_key key = g->key;
	room_drop(d, g);
	if (g->older)
		g->older->newer = g->newer;
	else
		d->oldest = g->newer;
	if (g->newer)
		g->newer->older = g->older;
	else
		d->newest = g->older;
	table_remove(d->datagrams, &key);
}

void defrag_flush(struct defrag *d)
{
	while (d->oldest) {
		lose_datagram(d, d->oldest, true);
		datagram_remove(d, d->oldest);
	}
}

void defrag_free(struct defrag *d)
{
	if (!d)
		return;
	d->lost = NULL;
	defrag_flush(d);
	table_free(d->datagrams);
	free(d);
}

static void expire(struct defrag *d, int64_t now_ns)
{
	while (d->oldest && now_ns - d->oldest->first_ns > d->timeout_ns) {
		d->counters.timeout += d->oldest->room != NULL;
		lose_datagram(d, d->oldest, true);
		datagram_remove(d, d->oldest);
	}
}

/* Gives up the oldest datagram but `keep`. False where there is none. */
static bool give_up_oldest(struct defrag *d, const struct datagram *keep)
{
	struct datagram *g = d->oldest == keep && keep ? keep->newer : d->oldest;
	if (!g)
		return false;
	d->counters.limit += g->room != NULL;
	lose_datagram(d, g, true);
	datagram_remove(d, g);
	return true;
}

static struct datagram *datagram_get(struct defrag *d, const struct defrag_key *key, int64_t time_ns)
{
	int fresh = 0;
	struct datagram *g = table_put(d->datagrams, key, &fresh);
	if (!g && give_up_oldest(d, NULL))
		g = table_put(d->datagrams, key, &fresh);
	if (!g || !fresh)
		return g;
	g->key = *key;
	g->end = END_UNKNOWN;
	g->cut_at = END_UNKNOWN;
	g->first_ns = time_ns;
	g->older = d->newest;
	if (d->newest)
		d->newest->newer = g;
	else
		d->oldest = g;
	d->newest = g;
	return g;
}

/* Room for `need` bytes, in powers of two; the oldest others go where memory is short. */
static int room_for(struct defrag *d, struct datagram *g, uint32_t need)
{
	if (g->room && need <= g->size)
		return 0;
	uint32_t size = ROOM_LEAST;
	while (size < need)
		size *= 2;
	size_t more = g->room ? size - g->size : sizeof(*g->room) + size;
	while (d->memory + more > d->memory_max)
		if (!give_up_oldest(d, g))
			return -ERR_LIMIT;
	struct room *room = realloc(g->room, sizeof(*room) + size);
	if (!room)
		return -ENOMEM;
	if (!g->room) {
		memset(room->have, 0, sizeof(room->have));
		memset(room->begins, 0, sizeof(room->begins));
	}
	g->room = room;
	g->size = size;
	d->memory += more;
	return 0;
}

static bool bit_is_set(const uint64_t *bits, uint32_t unit)
{
	return bits[unit / WORD_BITS] >> (unit % WORD_BITS) & 1;
}

static void bit_set(uint64_t *bits, uint32_t unit)
{
	bits[unit / WORD_BITS] |= UINT64_C(1) << (unit % WORD_BITS);
}

/* Of the word that `unit` is in, the bits of [unit, end). */
static uint64_t word_mask(uint32_t unit, uint32_t end)
{
	uint32_t from = unit % WORD_BITS, n = end - unit;
	uint64_t mask = ~UINT64_C(0) << from;
	return n < WORD_BITS - from ? mask & ~(~UINT64_C(0) << (from + n)) : mask;
}

static bool bits_are_clear(const uint64_t *bits, uint32_t unit, uint32_t end)
{
	for (; unit < end; unit = (unit / WORD_BITS + 1) * WORD_BITS)
		if (bits[unit / WORD_BITS] & word_mask(unit, end))
			return false;
	return true;
}

static void bits_set(uint64_t *bits, uint32_t unit, uint32_t end)
{
	for (; unit < end; unit = (unit / WORD_BITS + 1) * WORD_BITS)
		bits[unit / WORD_BITS] |= word_mask(unit, end);
}

static uint32_t piece_end_unit(const struct defrag_piece *piece)
{
	return (piece->offset + piece->length + UNIT - 1) / UNIT;
}

static bool unit_is_set(const struct datagram *g, uint32_t unit)
{
	return bit_is_set(g->room->have, unit);
}

/* What a piece finds where it goes. */
struct survey {
	bool touches;     /* some of its units are there already */
	bool copy;        /* all are, with the same bytes as far as they were captured */
	uint32_t differs; /* the offset in it of the first unit that has other bytes; its length: none */
};

static struct survey survey_piece(const struct datagram *g, const struct defrag_piece *piece)
{
	struct survey s = {.copy = true, .differs = piece->length};
	/* nearly all pieces meet none */
	if (bits_are_clear(g->room->have, piece->offset / UNIT, piece_end_unit(piece)))
		return (struct survey){.differs = piece->length};
	for (uint32_t at = 0; at < piece->length; at += UNIT) {
		uint32_t n = piece->length - at < UNIT ? piece->length - at : UNIT;
		uint32_t known = at + n <= piece->captured ? n
		                 : at < piece->captured    ? piece->captured - at
		                                           : 0;
		if (!unit_is_set(g, (piece->offset + at) / UNIT)) {
			s.copy = false;
			continue;
		}
		s.touches = true;
		if (memcmp(g->room->bytes + piece->offset + at, piece->p + at, known) != 0) {
			s.copy = false;
			s.differs = s.differs < at ? s.differs : at;
		}
	}
	return s;
}

/* The piece that unit lies in, as far as others have left it. Only where that decides: a piece is as long as
 * one that came, but may be met by many short ones. */
static struct net_extent piece_at(const struct datagram *g, uint32_t unit)
{
	uint32_t from = unit, to = unit + 1;
	while (from > 0 && !bit_is_set(g->room->begins, from) && unit_is_set(g, from - 1))
		from--;
	while (to * UNIT < g->highest && unit_is_set(g, to) && !bit_is_set(g->room->begins, to))
		to++;
	return (struct net_extent){(uint64_t)from * UNIT, (uint64_t)to * UNIT};
}

/* One unit of the piece into its place. */
static void put_unit(struct datagram *g, const struct defrag_piece *piece, uint32_t at)
{
	uint32_t n = piece->length - at < UNIT ? piece->length - at : UNIT;
	uint8_t *to = g->room->bytes + piece->offset + at;
	if (at + n <= piece->captured) {
		memcpy(to, piece->p + at, n);
		return;
	}
	uint32_t known = at < piece->captured ? piece->captured - at : 0;
	memset(to, 0, n);
	memcpy(to, piece->p + at, known);
	if (piece->offset + at + known < g->cut_at)
		g->cut_at = piece->offset + at + known;
}

/* A piece that was captured whole and meets no other. */
static void fill_clear(struct datagram *g, const struct defrag_piece *piece)
{
	uint32_t unit = piece->offset / UNIT, end = piece_end_unit(piece);
	if (unit == end)
		return;
	memcpy(g->room->bytes + piece->offset, piece->p, piece->length);
	bit_set(g->room->begins, unit);
	bits_set(g->room->have, unit, end);
	g->units += end - unit;
}

/* Takes the units that aren't there yet, and of the others those that the receiver takes. */
static void fill_piece(struct datagram *g, const struct defrag_piece *piece)
{
	const struct net_extent fresh = {piece->offset, (uint64_t)piece->offset + piece->length};
	uint64_t judged = 0; /* up to there the piece in the way was looked at */
	bool wins = false, began = false;
	for (uint32_t at = 0; at < piece->length; at += UNIT) {
		uint32_t unit = (piece->offset + at) / UNIT;
		bool there = unit_is_set(g, unit);
		if (there && (uint64_t)unit * UNIT >= judged) {
			bool by_extent = piece->how == NET_OVERLAP_BSD || piece->how == NET_OVERLAP_WINDOWS;
			struct net_extent old = by_extent ? piece_at(g, unit) : fresh;
			wins = net_overlap_later_wins(piece->how, old, fresh);
			judged = old.to;
			if (wins && fresh.to < old.to)
				bit_set(g->room->begins, (uint32_t)((fresh.to + UNIT - 1) / UNIT));
		}
		if (there && (!wins || at + UNIT > piece->captured)) {
			began = false;
			continue;
		}
		put_unit(g, piece, at);
		if (!began)
			bit_set(g->room->begins, unit);
		began = true;
		bit_set(g->room->have, unit);
		g->units += !there;
	}
}

/* Both versions of what differs, before one of them is gone. */
static void conflict_begin(
    struct defrag *d, const struct datagram *g, const struct defrag_piece *piece, uint32_t at)
{
	struct defrag_conflict *c = &d->conflict;
	const uint8_t *there = g->room->bytes + piece->offset + at;
	while (at < piece->captured && *there == piece->p[at]) {
		at++;
		there++;
	}
	uint32_t n = 0;
	while (n < DEFRAG_CONFLICT_BYTES && at + n < piece->captured &&
	       unit_is_set(g, (piece->offset + at + n) / UNIT))
		n++;
	c->offset = piece->offset + at;
	c->n = n;
	memcpy(c->kept, there, n);
	memcpy(c->other, piece->p + at, n);
}

/* Which of them stayed. */
static void conflict_end(struct defrag *d, const struct datagram *g)
{
	struct defrag_conflict *c = &d->conflict;
	if (!c->n || !g->room || g->room->bytes[c->offset] == c->kept[0])
		return;
	struct defrag_conflict turned = *c;
	memcpy(c->kept, turned.other, sizeof(c->kept));
	memcpy(c->other, turned.kept, sizeof(c->other));
}

static void hand_out(struct defrag *d, struct datagram *g, struct defrag_joined *ret_joined)
{
	*ret_joined = (struct defrag_joined){
	    .memory = g->room,
	    .p = g->room->bytes,
	    .captured = g->cut_at < g->end ? g->cut_at : g->end,
	    .length = g->end,
	    .protocol = g->protocol,
	};
	d->memory -= sizeof(*g->room) + g->size;
	g->room = NULL;
	datagram_remove(d, g);
}

enum defrag_result defrag_add(struct defrag *d, const struct defrag_key *key,
    const struct defrag_piece *piece, int64_t time_ns, struct defrag_joined *ret_joined)
{
	uint32_t top = piece->offset + piece->length;
	assert(top <= DEFRAG_DATAGRAM_MAX && piece->offset % UNIT == 0 && piece->captured <= piece->length);
	expire(d, time_ns);
	d->conflict.n = 0;
	struct datagram *g = datagram_get(d, key, time_ns);
	if (!g) {
		lose(d, key, 1);
		return DEFRAG_NO_MEMORY;
	}
	if (g->highest && !g->room) {
		lose(d, key, 1);
		return DEFRAG_REFUSED;
	}
	int r = room_for(d, g, top);
	if (r < 0) {
		d->counters.limit += r == -ERR_LIMIT;
		lose_datagram(d, g, true);
		lose(d, key, 1);
		datagram_remove(d, g);
		return r == -ERR_LIMIT ? DEFRAG_NO_ROOM : DEFRAG_NO_MEMORY;
	}
	/* two ends, or bytes beyond the end: whoever joins it otherwise gets another datagram */
	bool contradicts = (g->end != END_UNKNOWN && (top > g->end || (!piece->more && top != g->end))) ||
	                   (!piece->more && top < g->highest);
	struct survey s = survey_piece(g, piece);
	if (s.copy && s.touches && !contradicts)
		return DEFRAG_KEPT;
	bool overlap = s.touches || contradicts;
	g->overlapped |= overlap;
	if (s.differs < piece->length)
		conflict_begin(d, g, piece, s.differs);
	if (overlap && (key->version == 6 || piece->how == NET_OVERLAP_LINUX)) {
		lose_datagram(d, g, false); /* what comes later is lost by itself */
		lose(d, key, 1);
		g->highest = DEFRAG_DATAGRAM_MAX;
		room_drop(d, g);
		return DEFRAG_OVERLAP;
	}
	if (contradicts) {
		lose(d, key, 1);
		return DEFRAG_OVERLAP;
	}
	g->pieces++;
	if (!s.touches && piece->captured == piece->length)
		fill_clear(g, piece);
	else
		fill_piece(g, piece);
	conflict_end(d, g);
	if (top > g->highest)
		g->highest = top;
	if (piece->offset == 0)
		g->protocol = piece->protocol;
	if (!piece->more)
		g->end = top;
	if (g->end == END_UNKNOWN || g->units < (g->end + UNIT - 1) / UNIT)
		return overlap ? DEFRAG_OVERLAP : DEFRAG_KEPT;
	overlap = g->overlapped;
	hand_out(d, g, ret_joined);
	return overlap ? DEFRAG_JOINED_OVERLAP : DEFRAG_JOINED;
}

const struct defrag_conflict *defrag_conflict(const struct defrag *d)
{
	return &d->conflict;
}

const struct defrag_counters *defrag_counters(const struct defrag *d)
{
	return &d->counters;
}

size_t defrag_count(const struct defrag *d)
{
	return table_count(d->datagrams);
}

size_t defrag_memory(const struct defrag *d)
{
	return d->memory;
}
