/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Hunts by keys give what looking at each record gives, whatever the keys are: addresses, prefixes, domains,
 * values, flow ids, and windows of time, from segments and from what is in none yet. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>

#include "archive/archive.h"
#include "base/err.h"
#include "records.h"

enum { RECORDS = 9000, HOSTS = 700, KEYS_MAX = 4000, THREADS = 2 };

/* --- what is in the archive --- */

/* Of IPv4, and IPv6 addresses below and above those; the first are where they meet. */
static struct net_addr host(uint64_t i)
{
	static const uint8_t edges[][16] = {{[10] = 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff}, {[10] = 0xff, 0xff},
	    {[10] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {[9] = 1}};
	uint8_t high[16] = {
	    0x20, 0x01, 0x0d, 0xb8, 0, (uint8_t)(i >> 8), 0, 0, 0, 0, 0, 0, 0, 0, 0, (uint8_t)i};
	uint8_t low[16] = {[12] = 1, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i};
	if (i < sizeof(edges) / sizeof(*edges))
		return net_addr_v6(edges[i]);
	i *= 2654435761u;
	const uint8_t v4[] = {10, (uint8_t)(i >> 3 & 7), (uint8_t)(i >> 8), (uint8_t)i};
	return i % 14 == 0 ? net_addr_v6(low) : i % 7 == 0 ? net_addr_v6(high) : net_addr_v4(v4);
}

/* Names of few labels, so that many stand below others; some as hosts write them; some that are no names. */
static struct text name(uint64_t r, char *buf)
{
	static const char *const tops[] = {"com", "example", "co.uk", "a", "local", ""};
	static const char *const shapes[] = {
	    "%.0u%s", "n%u.%s", "N%u.%s", "n%u.%s.", "w.n%u.%s", "x-n%u.%s", "n%un.%s"};
	unsigned number = (unsigned)(r >> 8) % 40;
	int n = snprintf(buf, 48, shapes[r % 7], number, tops[r >> 24 & 7 ? (r >> 20) % 6 : 0]);
	if (r % 61 == 0)
		buf[n / 2] = '\0';
	return r % 5 == 0 ? (struct text){0} : text_bytes(buf, (size_t)n);
}

static struct msg_flow flow(uint64_t i, char *buf)
{
	uint64_t state = i * 77 + 5, r = record_random(&state), s = record_random(&state);
	/* few hosts are in most flows; the last are in hardly any */
	struct msg_flow f = {.id = i,
	    .initiator = host(r % (1 + s % HOSTS)),
	    .responder = host(s >> 32 & 1 ? s % HOSTS : i % HOSTS),
	    .first = (int64_t)i * 10,
	    .last = (int64_t)i * 10 + (int64_t)(r >> 50),
	    .duplicate_of = r % 9 == 0,
	    .payload_out = s % 4,
	    .payload_in = r % 3,
	    .wire_in = s,
	    .initiator_port = (uint16_t)r};
	f.name = name(record_random(&state), buf);
	return f;
}

enum { FIELDS = 4 };

struct transaction_room {
	struct field_value fields[FIELDS];
	struct net_addr addr;
	char name[48], value[16];
};

static struct msg_transaction transaction(uint64_t i, struct transaction_room *room)
{
	uint64_t state = i * 91 + 3, r = record_random(&state), s = record_random(&state);
	struct field_value *f = room->fields;
	room->addr = host(r % HOSTS);
	int n = snprintf(room->value, sizeof(room->value), "hash %u", (unsigned)(s % 300));
	f[0] = (struct field_value){FIELD_DNS_QUERY, name(record_random(&state), room->name)};
	/* an address is one only where it has sixteen bytes */
	f[1] = (struct field_value){
	    FIELD_DNS_ANSWER_ADDR, text_bytes(room->addr.b, r % 11 == 0 ? 4 : sizeof(room->addr.b))};
	f[2] = (struct field_value){
	    s % 3 ? FIELD_TLS_JA3 : FIELD_HTTP_URI, text_bytes(room->value, (size_t)n)};
	f[3] = (struct field_value){FIELD_AUTH_USER, s % 5 ? (struct text){0} : TEXT("root")};
	return (struct msg_transaction){.id = i,
	    .flow = i / 3,
	    .time = (int64_t)i * 10,
	    .fields = {.v = f, .n = (uint32_t)(r >> 20) % (FIELDS + 1)}};
}

/* Segments of different sizes, and some records in journals. */
static char *make_archive(void)
{
	char *path = folder_make(), buf[48];
	struct transaction_room room;
	struct archive *a;
	uint64_t next = 3000;
	assert_int_equal(archive_create(&a, path), 0);
	for (uint64_t i = 1; i <= RECORDS; i++) {
		struct msg_flow f = flow(i, buf);
		struct msg_transaction t = transaction(i, &room);
		assert_int_equal(archive_append_flow(a, &f), 0);
		assert_int_equal(archive_append_transaction(a, &t), 0);
		if (i == next) {
			assert_int_equal(archive_close(a), 0);
			assert_int_equal(archive_open(&a, path, true), 0);
			next += 1100 + i / 4;
		}
	}
	assert_int_equal(archive_close(a), 0);
	return path;
}

/* --- what is wanted of it, the plain way --- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool name_below(struct text n, struct text domain)
{
	if (n.n && n.p[n.n - 1] == '.')
		n.n--;
	if (domain.n == 0 || n.n < domain.n || memchr(n.p, 0, n.n))
		return false;
	for (size_t i = 0; i < domain.n; i++)
		if (lower(n.p[n.n - domain.n + i]) != domain.p[i])
			return false;
	return n.n == domain.n || n.p[n.n - domain.n - 1] == '.';
}

static bool addr_among(const struct archive_transaction_filter *k, struct net_addr a)
{
	for (size_t i = 0; i < k->n_addrs; i++)
		if (net_addr_equal(k->addrs[i], a))
			return true;
	for (size_t i = 0; i < k->n_prefixes; i++)
		if (net_prefix_contains(k->prefixes[i], a))
			return true;
	return false;
}

static bool name_among(const struct archive_transaction_filter *k, struct text n)
{
	for (size_t i = 0; n.n && i < k->n_domains; i++)
		if (name_below(n, k->domains[i]))
			return true;
	return false;
}

static bool in_window(const struct archive_transaction_filter *k, int64_t first, int64_t last)
{
	return (!k->from || last >= k->from) && (!k->to || first < k->to);
}

static bool any_keys(const struct archive_transaction_filter *k)
{
	return k->addrs || k->prefixes || k->domains || k->values;
}

static bool flow_wanted(const struct archive_transaction_filter *k, const struct msg_flow *f)
{
	return !f->duplicate_of && in_window(k, f->first, f->last) &&
	       (!any_keys(k) || addr_among(k, f->initiator) || addr_among(k, f->responder) ||
	           name_among(k, f->name));
}

static bool field_wanted(const struct archive_transaction_filter *k, const struct field_value *f)
{
	struct net_addr a;
	switch ((int)f->field) {
	case FIELD_DNS_QUERY: return name_among(k, f->value);
	case FIELD_DNS_ANSWER_ADDR:
		if (f->value.n != sizeof(a.b))
			return false;
		memcpy(a.b, f->value.p, sizeof(a.b));
		return addr_among(k, a);
	case FIELD_TLS_JA3:
	case FIELD_AUTH_USER:
		for (size_t i = 0; f->value.n && i < k->n_values; i++)
			if (text_equal(k->values[i], f->value))
				return true;
		return false;
	default: return false;
	}
}

static bool transaction_wanted(const struct archive_transaction_filter *k, const struct msg_transaction *t)
{
	bool wanted = !any_keys(k) && !k->flows;
	for (size_t i = 0; i < k->n_flows; i++)
		wanted |= k->flows[i] == t->flow;
	for (uint32_t i = 0; i < t->fields.n; i++)
		wanted |= field_wanted(k, &t->fields.v[i]);
	return wanted && in_window(k, t->time, t->time);
}

/* --- the comparison --- */

struct seen {
	bool ids[RECORDS + 1];
	uint64_t count;
	uint64_t columns;
};

static int see_flow(void *context, const struct msg_flow *f)
{
	struct seen *s = context;
	char buf[48];
	assert_in_range(f->id, 1, RECORDS);
	assert_false(s->ids[f->id]);
	struct msg_flow made = flow(f->id, buf);
	if (s->columns == 0)
		assert_true(record_same(archive_layout_of(MSG_FLOW), f, &made));
	assert_true(net_addr_equal(f->responder, made.responder));
	assert_int_equal(f->last, made.last);
	s->ids[f->id] = true;
	s->count++;
	return 0;
}

static int see_transaction(void *context, const struct msg_transaction *t)
{
	struct seen *s = context;
	struct transaction_room room;
	assert_in_range(t->id, 1, RECORDS);
	assert_false(s->ids[t->id]);
	struct msg_transaction made = transaction(t->id, &room);
	assert_true(record_same(archive_layout_of(MSG_TRANSACTION), t, &made));
	s->ids[t->id] = true;
	s->count++;
	return 0;
}

static void compare_flows(struct archive *a, const struct archive_transaction_filter *k, uint64_t columns)
{
	static struct seen seen[THREADS];
	void *contexts[THREADS] = {&seen[0], &seen[1]};
	char buf[48];
	struct archive_hunt_stat stat;
	struct archive_filter f = {.from = k->from,
	    .to = k->to,
	    .addrs = k->addrs,
	    .n_addrs = k->n_addrs,
	    .prefixes = k->prefixes,
	    .n_prefixes = k->n_prefixes,
	    .domains = k->domains,
	    .n_domains = k->n_domains,
	    .columns = columns};
	for (unsigned threads = 0; threads <= THREADS; threads++) {
		memset(seen, 0, sizeof(seen));
		seen[0].columns = seen[1].columns = columns;
		if (threads == 0)
			assert_int_equal(archive_scan_flows(a, &f, see_flow, &seen[0]), 0);
		else
			assert_int_equal(archive_hunt_flows(a, &f, threads, see_flow, contexts, &stat), 0);
		if (threads) {
			assert_int_equal(stat.n_gaps, 0);
			assert_int_equal(stat.records, RECORDS);
			assert_true(stat.blocks_read <= stat.blocks);
		}
		for (uint64_t i = 1; i <= RECORDS; i++) {
			struct msg_flow m = flow(i, buf);
			assert_int_equal(seen[0].ids[i] + seen[1].ids[i], flow_wanted(k, &m));
		}
	}
}

static void compare_transactions(struct archive *a, const struct archive_transaction_filter *k)
{
	static struct seen seen[THREADS];
	void *contexts[THREADS] = {&seen[0], &seen[1]};
	struct transaction_room room;
	struct archive_hunt_stat stat;
	memset(seen, 0, sizeof(seen));
	assert_int_equal(archive_hunt_transactions(a, k, THREADS, see_transaction, contexts, &stat), 0);
	assert_int_equal(stat.n_gaps, 0);
	for (uint64_t i = 1; i <= RECORDS; i++) {
		struct msg_transaction m = transaction(i, &room);
		assert_int_equal(seen[0].ids[i] + seen[1].ids[i], transaction_wanted(k, &m));
	}
}

static int compare_addrs(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct net_addr));
}

static int compare_prefixes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct net_addr));
}

static int compare_texts(const void *a, const void *b)
{
	return text_compare(*(const struct text *)a, *(const struct text *)b);
}

static size_t make_addrs(struct net_addr *to, size_t n, uint64_t *state)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t r = record_random(state);
		to[i] = host(r % (2 * HOSTS)); /* the upper half is in no record */
		to[i].b[13] ^= (uint8_t)(r >> 40 & 7 ? 0 : r >> 48);
	}
	qsort(to, n, sizeof(*to), compare_addrs);
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !net_addr_equal(to[kept - 1], to[i]))
			to[kept++] = to[i];
	return kept;
}

static void make_prefixes(struct net_prefix *to, size_t n, uint64_t *state)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t r = record_random(state);
		to[i] = net_prefix_of(host(r % (2 * HOSTS)), (uint8_t)(104 + (r >> 32) % 25));
	}
	qsort(to, n, sizeof(*to), compare_prefixes);
}

static void make_domains(struct text *to, char (*room)[48], size_t n, uint64_t *state)
{
	for (size_t i = 0; i < n; i++) {
		to[i] = name(record_random(state) / 5 * 5 + 1, room[i]);
		while (to[i].n && to[i].p[to[i].n - 1] == '.')
			to[i].n--;
		for (size_t k = 0; k < to[i].n; k++)
			room[i][k] = lower(room[i][k]);
	}
}

static size_t make_values(struct text *to, char (*room)[48], size_t n, uint64_t *state)
{
	for (size_t i = 0; i < n; i++) {
		int length = snprintf(room[i], 48, "hash %u", (unsigned)(record_random(state) % 600));
		to[i] = i == 0 ? TEXT("root") : text_bytes(room[i], (size_t)length);
	}
	qsort(to, n, sizeof(*to), compare_texts);
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !text_equal(to[kept - 1], to[i]))
			to[kept++] = to[i];
	return kept;
}

static void hunts_find_what_looking_at_each_record_finds(void **state)
{
	static struct net_addr addrs[KEYS_MAX];
	static struct net_prefix prefixes[KEYS_MAX];
	static struct text domains[KEYS_MAX], values[KEYS_MAX];
	static char domain_room[KEYS_MAX][48], value_room[KEYS_MAX][48];
	static const size_t sizes[] = {0, 1, 5, 60, KEYS_MAX};
	uint64_t random = 4711, flows[] = {0, 7, 8, 900, 2999, 5000};
	char *path = make_archive();
	struct archive *a;
	(void)state;
	assert_int_equal(archive_open(&a, path, false), 0);
	for (unsigned round = 0; round < 60; round++) {
		struct archive_transaction_filter k = {.from = 0};
		size_t n = sizes[round % 5];
		unsigned kinds = round < 20 ? 1u << round / 5 : (unsigned)record_random(&random) & 31;
		if (kinds & 1) {
			k.addrs = addrs;
			k.n_addrs = make_addrs(addrs, n, &random);
		}
		if (kinds & 2) {
			k.prefixes = prefixes;
			k.n_prefixes = n < 60 ? n : 60;
			make_prefixes(prefixes, k.n_prefixes, &random);
		}
		if (kinds & 4) {
			k.domains = domains;
			k.n_domains = n;
			make_domains(domains, domain_room, n, &random);
		}
		if (kinds & 16) {
			k.from = (int64_t)(record_random(&random) % (RECORDS * 10));
			k.to = k.from + 20000;
		}
		compare_flows(a, &k,
		    round % 3 == 2
		        ? UINT64_C(1) << MSG_FLOW_FIELD_ID | UINT64_C(1) << MSG_FLOW_FIELD_RESPONDER |
		              UINT64_C(1) << MSG_FLOW_FIELD_LAST
		        : 0);
		if (kinds & 8) {
			k.values = values;
			k.n_values = make_values(values, value_room, n, &random);
		}
		if (round % 4 == 3) {
			k.flows = flows;
			k.n_flows = 6;
		}
		compare_transactions(a, &k);
	}
	assert_int_equal(archive_close(a), 0);
	folder_drop(path);
}

static void only_the_columns_asked_for_are_filled(void **state)
{
	char *path = make_archive();
	struct archive *a;
	static struct seen seen;
	struct archive_filter f = {.columns = UINT64_C(1) << MSG_FLOW_FIELD_ID |
	                                      UINT64_C(1) << MSG_FLOW_FIELD_RESPONDER |
	                                      UINT64_C(1) << MSG_FLOW_FIELD_LAST};
	(void)state;
	seen.columns = f.columns;
	assert_int_equal(archive_open(&a, path, false), 0);
	assert_int_equal(archive_scan_flows(a, &f, see_flow, &seen), 0);
	assert_true(seen.count > RECORDS / 2);
	assert_int_equal(archive_close(a), 0);
	folder_drop(path);
}

struct stopping {
	int answer;
	uint64_t seen;
};

static int stop(void *context, const struct msg_flow *f)
{
	struct stopping *s = context;
	(void)f;
	s->seen++;
	return s->answer;
}

static void a_callback_ends_the_hunt(void **state)
{
	char *path = make_archive();
	struct archive *a;
	struct archive_hunt_stat stat;
	struct stopping s[2] = {{.answer = 1}, {.answer = 1}};
	void *contexts[] = {&s[0], &s[1]};
	(void)state;
	assert_int_equal(archive_open(&a, path, false), 0);
	assert_int_equal(archive_hunt_flows(a, NULL, 2, stop, contexts, &stat), 1);
	assert_in_range(s[0].seen + s[1].seen, 1, 2);
	s[0].answer = s[1].answer = -EPIPE;
	assert_int_equal(archive_hunt_flows(a, NULL, 2, stop, contexts, &stat), -EPIPE);
	assert_int_equal(archive_close(a), 0);
	folder_drop(path);
}

/* What can't be read is told, and everything else is searched. */
static void a_hunt_goes_on_past_a_bad_segment(void **state)
{
	char *path = make_archive(), file[600];
	struct archive *a;
	struct archive_hunt_stat stat;
	static struct seen seen;
	void *contexts[] = {&seen};
	(void)state;
	/* the first block's first byte: what is read is found out when it is read */
	snprintf(file, sizeof(file), "%s/flow-0000000002.seg", path);
	int fd = open(file, O_RDWR);
	assert_true(fd >= 0);
	uint8_t byte;
	assert_int_equal(pread(fd, &byte, 1, 60), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, 60), 1);
	close(fd);
	snprintf(file, sizeof(file), "%s/flow-0000000003.seg", path);
	assert_int_equal(truncate(file, 1000), 0);
	assert_int_equal(archive_open(&a, path, false), 0);
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(
	    archive_hunt_flows(a, &(struct archive_filter){.duplicates = true}, 1, see_flow, contexts, &stat),
	    0);
	assert_int_equal(stat.n_gaps, 2);
	assert_int_equal(stat.gaps[0].record, MSG_FLOW);
	assert_int_equal(stat.gaps[0].first_run, 2);
	assert_int_equal(stat.gaps[0].last_run, 2);
	assert_int_equal(stat.gaps[0].error, -ERR_CHECKSUM);
	assert_true(stat.gaps[0].records > 1000);
	assert_int_equal(stat.gaps[1].first_run, 3);
	assert_int_equal(stat.gaps[1].error, -ERR_MALFORMED); /* no trailer's end */
	assert_int_equal(stat.gaps[1].records, 0);
	assert_true(seen.ids[1]);
	assert_true(seen.ids[RECORDS]);
	/* a scan ends there */
	assert_int_equal(archive_scan_flows(a, NULL, see_flow, &(struct seen){.columns = 0}), -ERR_CHECKSUM);
	assert_int_equal(archive_close(a), 0);
	folder_drop(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hunts_find_what_looking_at_each_record_finds),
	    cmocka_unit_test(only_the_columns_asked_for_are_filled),
	    cmocka_unit_test(a_callback_ends_the_hunt),
	    cmocka_unit_test(a_hunt_goes_on_past_a_bad_segment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
