/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TEST_PROTO_DRIVE_H
#define TEST_PROTO_DRIVE_H

/*
 * Plays one flow through the framework as the flow table would and keeps what comes out, as text. Bytes are
 * handed over in memory of exactly their size, so that a sanitizer sees a read past their end.
 */

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"
#include "proto/proto.h"

enum { DRIVE_TRANSACTIONS_MAX = 128 };

struct drive_field {
	enum field field;
	char *value; /* HEX fields as hexadecimal digits, ADDR as an address */
};

struct drive_transaction {
	enum app app;
	int64_t time_ns;
	size_t n;
	struct drive_field fields[PROTO_FIELDS_MAX];
};

struct drive {
	struct proto *proto;
	struct flow flow;
	int64_t time_ns; /* goes on by a millisecond a send */
	size_t n;        /* transactions, those over the bound counted, too */
	struct drive_transaction t[DRIVE_TRANSACTIONS_MAX];
};

static inline char *drive_value(enum field field, struct text value)
{
	char *out = malloc(2 * value.n + NET_ADDR_TEXT_SIZE);
	assert(out);
	switch (field_kind_of(field)) {
	case FIELD_KIND_HEX: return num_hex((const uint8_t *)value.p, value.n, out);
	case FIELD_KIND_ADDR: {
		struct net_addr a;
		assert(value.n == sizeof(a));
		memcpy(&a, value.p, sizeof(a));
		return net_addr_text(a, out);
	}
	case FIELD_KIND_TEXT:
	case FIELD_KIND_NUM: break;
	}
	memcpy(out, value.p, value.n);
	out[value.n] = '\0';
	return out;
}

static inline void drive_keep(void *context, const struct proto_transaction *t)
{
	struct drive *d = context;
	if (d->n < DRIVE_TRANSACTIONS_MAX) {
		struct drive_transaction *to = &d->t[d->n];
		*to = (struct drive_transaction){.app = t->app, .time_ns = t->time_ns, .n = t->n};
		for (size_t i = 0; i < t->n; i++) {
			to->fields[i].field = t->fields[i].field;
			to->fields[i].value = drive_value(t->fields[i].field, t->fields[i].value);
		}
	}
	d->n++;
}

/* A new flow from 10.0.0.1 to 10.0.0.2. app: APP_UNKNOWN to have it found, else it is known beforehand. */
static inline struct drive *drive_new(uint8_t protocol, uint16_t port, enum app app)
{
	struct drive *d = calloc(1, sizeof(*d));
	assert(d);
	assert_int_equal(proto_new(&d->proto, &(struct proto_config){.emit = drive_keep, .context = d}), 0);
	d->flow = (struct flow){
	    .id = 1,
	    .initiator = net_addr_v4((uint8_t[4]){10, 0, 0, 1}),
	    .responder = net_addr_v4((uint8_t[4]){10, 0, 0, 2}),
	    .initiator_port = 40000,
	    .responder_port = port,
	    .protocol = protocol,
	    .app = (uint16_t)app,
	};
	d->time_ns = INT64_C(1700000000000000000);
	proto_flow_start(d->proto, &d->flow);
	return d;
}

static inline bool drive_send_after(struct drive *d, enum flow_dir dir, uint64_t gap, const void *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	assert(copy);
	if (n)
		memcpy(copy, p, n);
	d->time_ns += 1000000;
	d->flow.side[dir].packets++;
	d->flow.side[dir].payload += n + gap;
	bool wanted = proto_flow_data(d->proto, &d->flow, dir, copy, n, gap, d->time_ns);
	free(copy);
	return wanted;
}

static inline bool drive_send(struct drive *d, enum flow_dir dir, const void *p, size_t n)
{
	return drive_send_after(d, dir, 0, p, n);
}

static inline bool drive_send_str(struct drive *d, enum flow_dir dir, const char *s)
{
	return drive_send(d, dir, s, strlen(s));
}

/* The bytes in segments of `size`. */
static inline bool drive_send_cut(struct drive *d, enum flow_dir dir, const void *p, size_t n, size_t size)
{
	bool wanted = true;
	for (size_t at = 0; at < n; at += size)
		wanted = drive_send(d, dir, (const uint8_t *)p + at, n - at < size ? n - at : size);
	return wanted;
}

static inline void drive_end(struct drive *d)
{
	proto_flow_end(d->proto, &d->flow, d->time_ns);
}

/* The `nth` value of a field of transaction i, NULL where it isn't there. */
static inline const char *drive_nth(const struct drive *d, size_t i, enum field field, size_t nth)
{
	for (size_t k = 0; i < d->n && k < d->t[i].n; k++)
		if (d->t[i].fields[k].field == field && nth-- == 0)
			return d->t[i].fields[k].value;
	return NULL;
}

static inline const char *drive_get(const struct drive *d, size_t i, enum field field)
{
	return drive_nth(d, i, field, 0);
}

/* Fails the test unless the field stands there with that value; NULL: unless it doesn't stand there. */
static inline void drive_expect(const struct drive *d, size_t i, enum field field, const char *value)
{
	const char *is = drive_get(d, i, field);
	if ((is == NULL) != (value == NULL) || (is && value && strcmp(is, value) != 0))
		fail_msg("transaction %zu of %zu: %s is \"%s\", not \"%s\"", i, d->n, field_name(field),
		    is ? is : "(absent)", value ? value : "(absent)");
}

/* Frees it; the framework must have no memory left. */
static inline void drive_free(struct drive *d)
{
	if (d->flow.app_state)
		drive_end(d);
	assert_int_equal(proto_stats(d->proto)->memory, 0);
	proto_free(d->proto);
	for (size_t i = 0; i < d->n && i < DRIVE_TRANSACTIONS_MAX; i++)
		for (size_t k = 0; k < d->t[i].n; k++)
			free(d->t[i].fields[k].value);
	free(d);
}

#endif
