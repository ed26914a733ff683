/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_EXCHANGE_RECORDS_RANDOM_H
#define TESTS_EXCHANGE_RECORDS_RANDOM_H

/* Records of any kind with any values, from a seed: also those that no sensor would write. */

#include <string.h>

#include "base/arena.h"
#include "exchange/kinds.h"

static inline uint64_t random_next(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15u; /* splitmix64 */
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Small, at the bounds, or anything. */
static inline uint64_t random_number(uint64_t *seed)
{
	static const uint64_t edges[] = {0, 1, 255, 65535, UINT32_MAX, (UINT64_C(1) << 53) - 1,
	    UINT64_C(1) << 53, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};
	switch (random_next(seed) % 4) {
	case 0: return random_next(seed) % 10;
	case 1: return edges[random_next(seed) % (sizeof(edges) / sizeof(*edges))];
	case 2: return UINT64_C(1700000000000000000) + random_next(seed) % UINT64_C(10000000000000000);
	default: return random_next(seed);
	}
}

static inline struct text random_text(uint64_t *seed, struct arena *arena)
{
	static const char *const bits[] = {"", "a", "\"", "\\", "\\x", "\\x41", "\\\\x41", ",", ";", "=",
	    "\n", "\r\n", " ", "=1+1", "+", "-", "@", "\xff", "\xc3", "\xc3\xa9", "\xe2\x80\xae",
	    "\xf0\x9f\x98\x80", "null", "\x1b[31m", "\xed\xa0\x80", "x41", "{", "}", "[1]", "\t"};
	char buf[256];
	size_t n = 0, parts = random_next(seed) % 8;
	for (size_t i = 0; i < parts; i++) {
		uint64_t pick = random_next(seed) % (sizeof(bits) / sizeof(*bits) + 2);
		if (pick >= sizeof(bits) / sizeof(*bits)) { /* NUL among them */
			buf[n++] = pick % 2 ? '\0' : (char)random_next(seed);
			continue;
		}
		memcpy(buf + n, bits[pick], strlen(bits[pick]));
		n += strlen(bits[pick]);
	}
	return arena_text(arena, text_bytes(buf, n));
}

static inline struct msg_fields random_fields(uint64_t *seed, struct arena *arena)
{
	uint32_t n = (uint32_t)(random_next(seed) % 6);
	struct field_value *v = arena_array(arena, n + 1, sizeof(*v));
	for (uint32_t i = 0; i < n; i++) {
		uint8_t addr[16] = {[10] = 0xff, [11] = 0xff};
		v[i].field = (enum field)(random_next(seed) % (FIELD_COUNT + 5));
		v[i].value = random_text(seed, arena);
		if (field_kind_of(v[i].field) == FIELD_KIND_ADDR && random_next(seed) % 2)
			v[i].value = arena_text(arena, text_bytes(addr, sizeof(addr)));
	}
	return (struct msg_fields){.v = v, .n = n};
}

static inline void random_record(
    uint64_t *seed, const struct exchange_kind *k, struct arena *arena, union archive_record *ret_m)
{
	memset(ret_m, 0, sizeof(*ret_m));
	for (size_t i = 0; i < k->n_columns; i++) {
		const struct exchange_column *c = &k->columns[i];
		uint8_t *at = (uint8_t *)ret_m + c->offset;
		uint64_t v = random_number(seed);
		struct text text;
		struct msg_u64s ids = {.n = (uint32_t)(random_next(seed) % 4)};
		struct msg_fields fields;
		double real;
		uint64_t *list;
		switch (c->form) {
		case EXCHANGE_FORM_NUMBER:
		case EXCHANGE_FORM_NAMED:
		case EXCHANGE_FORM_TIME:
			if (c->size < 8)
				v &= (UINT64_C(1) << (8 * c->size)) - 1;
			(void)exchange_number_set(c, ret_m, v);
			break;
		case EXCHANGE_FORM_REAL:
			real = v % 3 ? (double)(v % 1000) / 1000 : v % 2 ? -1.0 / 3 : 1e300 * (double)(v % 7);
			memcpy(at, &real, sizeof(real));
			break;
		case EXCHANGE_FORM_ADDR:
		case EXCHANGE_FORM_MAC:
			for (size_t b = 0; b < c->size; b++)
				at[b] = v % 3 ? (uint8_t)random_next(seed) : 0;
			if (c->form == EXCHANGE_FORM_ADDR && v % 2)
				memcpy(at, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
			break;
		case EXCHANGE_FORM_TEXT:
			text = random_text(seed, arena);
			memcpy(at, &text, sizeof(text));
			break;
		case EXCHANGE_FORM_IDS:
			list = arena_array(arena, ids.n + 1, sizeof(*list));
			for (uint32_t j = 0; j < ids.n; j++)
				list[j] = random_number(seed);
			ids.v = list;
			memcpy(at, &ids, sizeof(ids));
			break;
		case EXCHANGE_FORM_FIELDS:
			fields = random_fields(seed, arena);
			memcpy(at, &fields, sizeof(fields));
			break;
		}
	}
}

#endif
