/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Hunts give what looking at each record gives. The input is records and keys, drawn from the same small
 * stocks of addresses and texts, so that they meet; the archive is one of segments and a journal.
 *
 * With the first byte's highest bit the input's end also changes bytes of the first segment, whose checksums
 * are made right again. What such a segment's dictionaries, postings and filter say needn't be so then; but
 * what a hunt gives must still be what the segment's rows say: a record that the whole scan gives too, and
 * one that was asked for.
 */

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/archive.h"
#include "archive/layout.h"
#include "base/hash.h"
#include "repair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORDS_MAX = 4200, TEXTS = 16, ADDRS = 24, FIELDS = 4, KEYS = 8, CHANGES_MAX = 32 };

enum mode { MODE_TRANSACTIONS = 1, MODE_REPEATED = 2, MODE_THREADS = 4, MODE_WINDOW = 8, MODE_CHANGED = 128 };

/* --- stocks --- */

/* What records and keys are made of: texts are the input's. */
struct stock {
	struct text texts[TEXTS];
	struct net_addr addrs[ADDRS];
};

static void take_stock(struct cursor *c, struct stock *s)
{
	static const struct text given[] = {TEXT(""), TEXT("com"), TEXT("a.com"), TEXT("B.A.com."),
	    TEXT("a.com\0b"), TEXT("."), TEXT("..com"), TEXT("xa.com")};
	uint8_t seed = cursor_u8(c);
	for (size_t i = 0; i < TEXTS; i++)
		s->texts[i] = i < sizeof(given) / sizeof(given[0])
		                  ? given[i]
		                  : cursor_text(
		                        c, cursor_left(c) ? cursor_u8(c) % 24 % (cursor_left(c) + 1) : 0);
	for (size_t i = 0; i < ADDRS; i++) {
		struct net_addr a = {{0}};
		if (i % 3 == 1)
			a = net_addr_v4((const uint8_t[]){10, seed, (uint8_t)(i / 9), (uint8_t)(i * seed)});
		else if (i % 3 == 2)
			a.b[0] = 0x20, a.b[7] = (uint8_t)i, a.b[15] = seed;
		else if (i)
			memset(a.b, 0xff, sizeof(a.b)), a.b[15] = (uint8_t)(255 - i);
		s->addrs[i] = a;
	}
}

/* --- records --- */

struct records {
	struct stock stock;
	struct msg_flow flows[RECORDS_MAX];
	struct msg_transaction transactions[RECORDS_MAX];
	struct field_value fields[RECORDS_MAX][FIELDS];
	size_t n;
};

static void make_flow(struct cursor *c, const struct stock *s, uint64_t id, struct msg_flow *f)
{
	uint8_t what = cursor_u8(c), ends = cursor_u8(c);
	*f = (struct msg_flow){.id = id,
	    .duplicate_of = what & 1,
	    .initiator = s->addrs[ends % ADDRS],
	    .responder = s->addrs[ends / 11 % ADDRS],
	    .name = s->texts[what >> 1 & 15],
	    .first = cursor_u8(c),
	    .payload_out = what >> 5 & 1,
	    .payload_in = what >> 6,
	    .app = ends & 3};
	f->last = f->first + ends % 5;
}

static void make_transaction(struct cursor *c, const struct stock *s, uint64_t id, struct field_value *fields,
    struct msg_transaction *t)
{
	static const enum field kinds[] = {FIELD_DNS_QUERY, FIELD_DNS_ANSWER_ADDR, FIELD_TLS_JA3,
	    FIELD_AUTH_USER, FIELD_HTTP_URI, FIELD_TLS_SNI, FIELD_DHCP_ASSIGNED, FIELD_FILE_SHA256};
	uint8_t what = cursor_u8(c);
	*t = (struct msg_transaction){.id = id,
	    .flow = what >> 2 & 15,
	    .time = cursor_u8(c),
	    .fields = {.v = fields, .n = what % (FIELDS + 1)}};
	for (uint32_t i = 0; i < t->fields.n; i++) {
		uint8_t field = cursor_u8(c);
		fields[i].field = kinds[field % 8];
		fields[i].value = s->texts[field >> 3 & 15];
		/* an address is one only where it has sixteen bytes */
		if (archive_field_dictionary(fields[i].field) == ARCHIVE_DICTIONARY_ADDRS && field >> 7)
			fields[i].value = text_bytes(s->addrs[field >> 2 & 15].b, sizeof(struct net_addr));
	}
}

static void make_records(struct cursor *c, unsigned mode, struct records *r)
{
	size_t few = 1 + cursor_u8(c) % 64, repeat = mode & MODE_REPEATED ? 1 + cursor_u8(c) % 64 : 1;
	take_stock(c, &r->stock);
	r->n = 0;
	for (size_t i = 0; i < few; i++) {
		struct msg_flow f;
		struct msg_transaction t;
		make_flow(c, &r->stock, 0, &f);
		make_transaction(c, &r->stock, 0, r->fields[i], &t);
		for (size_t k = 0; k < repeat && r->n < RECORDS_MAX; k++, r->n++) {
			r->flows[r->n] = f;
			r->flows[r->n].id = r->n + 1;
			r->transactions[r->n] = t;
			r->transactions[r->n].id = r->n + 1;
		}
	}
}

/* --- keys, and what meets them, the plain way --- */

struct keys {
	struct net_addr addrs[KEYS];
	struct net_prefix prefixes[KEYS];
	struct text domains[KEYS], values[KEYS];
	uint64_t flows[KEYS];
	size_t n_addrs, n_prefixes, n_domains, n_values, n_flows;
	bool any, by_flow;
	int64_t from, to;
};

static int by_addr(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct net_addr));
}

static int by_prefix(const void *a, const void *b)
{
	const struct net_prefix *x = a, *y = b;
	int order = memcmp(&x->addr, &y->addr, sizeof(x->addr));
	return order ? order : x->bits - y->bits;
}

static int by_text(const void *a, const void *b)
{
	return text_compare(*(const struct text *)a, *(const struct text *)b);
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* Domains as they are given to filters: lower case, no final dot. `room` has the texts. */
static struct text as_domain(struct text t, char *room)
{
	size_t n = t.n && t.p[t.n - 1] == '.' ? t.n - 1 : t.n;
	for (size_t i = 0; i < n; i++)
		room[i] = t.p[i] >= 'A' && t.p[i] <= 'Z' ? (char)(t.p[i] | 0x20) : t.p[i];
	return text_bytes(room, n);
}

static void take_keys(
    struct cursor *c, const struct stock *s, unsigned mode, char (*room)[32], struct keys *k)
{
	uint8_t counts = cursor_u8(c), more = cursor_u8(c);
	*k = (struct keys){.n_addrs = counts & 3,
	    .n_prefixes = counts >> 2 & 3,
	    .n_domains = counts >> 4 & 3,
	    .n_values = counts >> 6,
	    .n_flows = more & 3,
	    .by_flow = mode & MODE_TRANSACTIONS && more & 4};
	k->any = k->n_addrs || k->n_prefixes || k->n_domains || (mode & MODE_TRANSACTIONS && k->n_values);
	for (size_t i = 0; i < KEYS / 2; i++) {
		uint8_t one = cursor_u8(c), other = cursor_u8(c);
		k->addrs[i] = s->addrs[one % ADDRS];
		k->prefixes[i] = net_prefix_of(s->addrs[other % ADDRS], 128 - one % 129);
		k->domains[i] = as_domain(s->texts[other >> 4], room[i]);
		k->values[i] = s->texts[one >> 4];
		k->flows[i] = other & 15;
	}
	if (mode & MODE_WINDOW) {
		k->from = cursor_u8(c);
		k->to = k->from + cursor_u8(c);
	}
	qsort(k->addrs, k->n_addrs, sizeof(k->addrs[0]), by_addr);
	qsort(k->prefixes, k->n_prefixes, sizeof(k->prefixes[0]), by_prefix);
	qsort(k->values, k->n_values, sizeof(k->values[0]), by_text);
	qsort(k->flows, k->n_flows, sizeof(k->flows[0]), by_number);
}

static bool has_addr(const struct keys *k, const uint8_t *p)
{
	struct net_addr a;
	memcpy(a.b, p, sizeof(a.b));
	for (size_t i = 0; i < k->n_addrs; i++)
		if (memcmp(&k->addrs[i], &a, sizeof(a)) == 0)
			return true;
	for (size_t i = 0; i < k->n_prefixes; i++) {
		struct net_addr begin = net_prefix_of(a, k->prefixes[i].bits).addr;
		if (memcmp(&begin, &k->prefixes[i].addr, sizeof(a)) == 0)
			return true;
	}
	return false;
}

/* The name ends with the domain, at a dot or whole. */
static bool has_name(const struct keys *k, struct text name)
{
	char room[64];
	if (name.n > sizeof(room) || memchr(name.n ? name.p : "", 0, name.n))
		return false;
	struct text n = as_domain(name, room);
	for (size_t i = 0; i < k->n_domains; i++) {
		struct text d = k->domains[i];
		if (d.n && !memchr(d.p, 0, d.n) && n.n >= d.n && memcmp(n.p + n.n - d.n, d.p, d.n) == 0 &&
		    (n.n == d.n || n.p[n.n - d.n - 1] == '.'))
			return true;
	}
	return false;
}

static bool overlaps(const struct keys *k, int64_t first, int64_t last)
{
	return (k->from == 0 || last >= k->from) && (k->to == 0 || first < k->to);
}

static bool flow_meets(const struct keys *k, const struct msg_flow *f)
{
	return f->duplicate_of == 0 && overlaps(k, f->first, f->last) &&
	       (!k->any || has_addr(k, f->initiator.b) || has_addr(k, f->responder.b) ||
	           has_name(k, f->name));
}

static bool field_meets(const struct keys *k, const struct field_value *f)
{
	switch (archive_field_dictionary(f->field)) {
	case ARCHIVE_DICTIONARY_ADDRS:
		return f->value.n == sizeof(struct net_addr) && has_addr(k, (const uint8_t *)f->value.p);
	case ARCHIVE_DICTIONARY_NAMES: return has_name(k, f->value);
	case ARCHIVE_DICTIONARY_VALUES:
		for (size_t i = 0; f->value.n && i < k->n_values; i++)
			if (text_equal(k->values[i], f->value))
				return true;
		return false;
	case ARCHIVE_DICTIONARY_NONE:
	case ARCHIVE_DICTIONARIES: break;
	}
	return false;
}

static bool transaction_meets(const struct keys *k, const struct msg_transaction *t)
{
	bool meets = !k->any && !k->by_flow;
	for (size_t i = 0; k->by_flow && i < k->n_flows; i++)
		meets |= k->flows[i] == t->flow;
	for (uint32_t i = 0; k->any && i < t->fields.n; i++)
		meets |= field_meets(k, &t->fields.v[i]);
	return meets && overlaps(k, t->time, t->time);
}

/* --- what is given --- */

/* How often each record was given, by a hash of its encoding. */
struct given {
	struct given_record {
		uint64_t hash;
		bool meets;
	} records[2 * RECORDS_MAX];
	size_t n;
	const struct keys *keys;
};

static int give(struct given *g, const struct archive_layout *l, const void *record, bool meets)
{
	struct dynbuf out = {0};
	/* what a changed segment gives may be more than a record may have */
	if (l->encode(&out, record) == 0 && g->n < 2 * RECORDS_MAX)
		g->records[g->n++] = (struct given_record){
		    .hash = hash_bytes(out.p, out.n, 1), .meets = meets};
	dynbuf_free(&out);
	return 0;
}

static int give_flow(void *context, const struct msg_flow *f)
{
	struct given *g = context;
	return give(g, archive_layout_of(MSG_FLOW), f, flow_meets(g->keys, f));
}

static int give_transaction(void *context, const struct msg_transaction *t)
{
	struct given *g = context;
	return give(g, archive_layout_of(MSG_TRANSACTION), t, transaction_meets(g->keys, t));
}

static int by_hash(const void *a, const void *b)
{
	const struct given_record *x = a, *y = b;
	return (x->hash > y->hash) - (x->hash < y->hash);
}

static int hunt_flows(struct archive *a, const struct keys *k, unsigned threads, struct given *given)
{
	static const struct net_addr none[1];
	struct archive_filter f = {.from = k->from,
	    .to = k->to,
	    .addrs = k->any ? k->n_addrs ? k->addrs : none : NULL,
	    .n_addrs = k->n_addrs,
	    .prefixes = k->n_prefixes ? k->prefixes : NULL,
	    .n_prefixes = k->n_prefixes,
	    .domains = k->n_domains ? k->domains : NULL,
	    .n_domains = k->n_domains};
	struct archive_hunt_stat stat;
	if (threads == 0)
		return archive_scan_flows(a, &f, give_flow, given);
	void *contexts[2] = {&given[0], &given[1]};
	int r = archive_hunt_flows(a, &f, threads, give_flow, contexts, &stat);
	return r || stat.n_gaps ? -1 : 0;
}

static int hunt_transactions(struct archive *a, const struct keys *k, unsigned threads, struct given *given)
{
	static const struct net_addr none[1];
	struct archive_transaction_filter f = {.from = k->from,
	    .to = k->to,
	    .flows = k->by_flow ? k->flows : NULL,
	    .n_flows = k->n_flows,
	    .addrs = k->any ? k->n_addrs ? k->addrs : none : NULL,
	    .n_addrs = k->n_addrs,
	    .prefixes = k->n_prefixes ? k->prefixes : NULL,
	    .n_prefixes = k->n_prefixes,
	    .domains = k->n_domains ? k->domains : NULL,
	    .n_domains = k->n_domains,
	    .values = k->n_values ? k->values : NULL,
	    .n_values = k->n_values};
	struct archive_hunt_stat stat;
	void *contexts[2] = {&given[0], &given[1]};
	int r = archive_hunt_transactions(a, &f, threads ? threads : 1, give_transaction, contexts, &stat);
	return r || stat.n_gaps ? -1 : 0;
}

/* --- the archive --- */

static char folder[64];

static void drop_files(void)
{
	DIR *dir = opendir(folder);
	const struct dirent *e;
	while (dir && (e = readdir(dir)))
		unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
}

static void drop_folder(void)
{
	drop_files();
	rmdir(folder);
}

static void make_folder(void)
{
	if (folder[0])
		return drop_files();
	snprintf(folder, sizeof(folder), "%s/bulkhead-fuzz-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	const char *made = mkdtemp(folder);
	assert(made);
	atexit(drop_folder);
}

/* Two segments and a journal. */
static void make_archive(const struct records *r, bool transactions)
{
	struct archive *a;
	make_folder();
	assert(archive_create(&a, folder) == 0);
	for (size_t i = 0; i < r->n; i++) {
		int error = transactions ? archive_append_transaction(a, &r->transactions[i])
		                         : archive_append_flow(a, &r->flows[i]);
		assert(error == 0);
		if (i == r->n / 2 || i == r->n * 7 / 8)
			assert(archive_batch_begin(a) == 0 && archive_batch_commit(a) == 0);
	}
	assert(archive_close(a) == 0);
}

static void change_segment(struct cursor *c, const struct archive_layout *l)
{
	char path[128];
	struct stat st;
	snprintf(path, sizeof(path), "%s/%s-0000000001.seg", folder, l->name);
	int fd = open(path, O_RDWR);
	if (fd < 0 || fstat(fd, &st) < 0)
		abort();
	struct segment_bytes f = {.n = (size_t)st.st_size, .p = malloc((size_t)st.st_size)};
	assert(f.p && pread(fd, f.p, f.n, 0) == st.st_size);
	for (int i = 0; i < CHANGES_MAX && cursor_left(c) >= 3; i++) {
		size_t at = cursor_le16(c);
		/* from the file's end too, where what matters lies closest */
		at = at & 1 ? f.n - 1 - at / 2 % f.n : at / 2 % f.n;
		f.p[at] ^= cursor_u8(c);
	}
	segment_repair(&f, l, 1, 1);
	assert(pwrite(fd, f.p, f.n, 0) == st.st_size);
	free(f.p);
	close(fd);
}

static int hunt(struct archive *a, const struct keys *k, unsigned mode, struct given *given)
{
	unsigned threads = mode & MODE_THREADS ? 2 : 1;
	for (int i = 0; i < 2; i++) {
		given[i].n = 0;
		given[i].keys = k;
	}
	int r = mode & MODE_TRANSACTIONS ? hunt_transactions(a, k, threads, given)
	                                 : hunt_flows(a, k, threads, given);
	for (size_t i = 0; i < given[1].n && given[0].n < 2 * RECORDS_MAX; i++)
		given[0].records[given[0].n++] = given[1].records[i];
	qsort(given[0].records, given[0].n, sizeof(given[0].records[0]), by_hash);
	return r;
}

/* All records that the archive gives, or an error. */
static int scan(struct archive *a, const struct keys *k, bool transactions, struct given *all)
{
	struct archive_filter every = {.duplicates = true};
	all->n = 0;
	all->keys = k;
	int r = transactions ? archive_scan_transactions(a, NULL, 0, give_transaction, all)
	                     : archive_scan_flows(a, &every, give_flow, all);
	qsort(all->records, all->n, sizeof(all->records[0]), by_hash);
	return r;
}

/* Each record that was given is one of all, not more often, and meets the keys; with `whole` none is left
 * that does. */
static void compare(const struct given *all, const struct given *given, bool whole)
{
	size_t at = 0;
	for (size_t i = 0; i < all->n; i++) {
		const struct given_record *r = &all->records[i];
		bool hit = at < given->n && given->records[at].hash == r->hash;
		assert(!hit || r->meets);
		assert(!whole || hit == r->meets);
		at += hit;
	}
	assert(at == given->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct records records;
	static struct given all, given[2];
	static char room[KEYS][32];
	struct cursor c = cursor_of(data, size);
	unsigned mode = cursor_u8(&c);
	bool transactions = mode & MODE_TRANSACTIONS;
	struct keys keys;
	struct archive *a;
	if (size < 4 || size > 4096)
		return 0;
	make_records(&c, mode, &records);
	take_keys(&c, &records.stock, mode, room, &keys);
	make_archive(&records, transactions);
	if (mode & MODE_CHANGED)
		change_segment(&c, archive_layout_of(transactions ? MSG_TRANSACTION : MSG_FLOW));
	if (archive_open(&a, folder, false) < 0) {
		assert(mode & MODE_CHANGED);
		return 0;
	}
	int r = scan(a, &keys, transactions, &all), hunted = hunt(a, &keys, mode, given);
	if (!(mode & MODE_CHANGED)) {
		assert(r == 0 && hunted == 0 && all.n == records.n);
		compare(&all, &given[0], true);
		if (!transactions) {
			given[0].n = 0;
			assert(hunt_flows(a, &keys, 0, given) == 0);
			qsort(given[0].records, given[0].n, sizeof(given[0].records[0]), by_hash);
			compare(&all, &given[0], true);
		}
	} else if (r == 0) {
		compare(&all, &given[0], false);
	}
	archive_close(a);
	return 0;
}
