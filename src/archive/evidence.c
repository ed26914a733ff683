/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the archive tells its ledger: the root of each run, the digest of each file. */

#include <errno.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <unistd.h>

#include "archive/file.h"
#include "archive/store.h"
#include "base/err.h"
#include "ledger/ledger.h"

enum { READ_BYTES = 1 << 18 };

int archive_evidence_open(struct archive *a)
{
	a->ledger_asked = true;
	int r = ledger_open(&a->ledger, a->folder, a->writable, NULL);
	return r == -ENOENT && !a->writable ? 0 : r;
}

void archive_evidence_close(struct archive *a)
{
	ledger_close(a->ledger);
	a->ledger = NULL;
	a->ledger_asked = false;
}

/* A reader's ledger is opened once it is needed; one that can't be read is none, and verifying says why. */
static struct ledger *ledger_of(struct archive *a)
{
	if (!a->ledger_asked && archive_evidence_open(a) < 0)
		a->ledger = NULL;
	return a->ledger;
}

struct ledger *archive_ledger(struct archive *a)
{
	return ledger_of(a);
}

void archive_use_keys(struct archive *a, const struct ledger_key *const *keys, size_t n)
{
	a->keys = keys;
	a->n_keys = n;
}

static bool is_of(const struct ledger_entry *e, enum ledger_entry_type type, const struct archive_kind *k)
{
	return e->type == type && text_equal(e->kind, text_of(k->layout->name));
}

bool archive_evidence_expired(struct archive *a, const struct archive_kind *k, uint64_t first, uint64_t last)
{
	struct ledger *l = ledger_of(a);
	uint64_t next = first;
	bool more = l != NULL;
	/* mostly one pass: what expires first is entered first */
	while (more && next <= last) {
		more = false;
		for (uint64_t i = 0; i < ledger_entries(l); i++) {
			struct ledger_entry e;
			if (ledger_entry_at(l, i, &e) < 0 || !is_of(&e, LEDGER_EXPIRE, k) || e.first > next ||
			    e.last < next)
				continue;
			next = e.last + 1;
			more = true;
		}
	}
	return next > last;
}

uint64_t archive_evidence_next(struct archive *a, const struct archive_kind *k)
{
	struct ledger *l = ledger_of(a);
	uint64_t next = 1;
	for (uint64_t i = 0; l && i < ledger_entries(l); i++) {
		struct ledger_entry e;
		if (ledger_entry_at(l, i, &e) == 0 && is_of(&e, LEDGER_RUN, k) && e.last >= next)
			next = e.last + 1;
	}
	return next;
}

/* How many of a run's records the ledger has. */
static uint64_t entered_records(const struct ledger *l, const struct archive_kind *k, uint64_t run)
{
	struct ledger_entry e;
	uint64_t i;
	if (ledger_find_run(l, text_of(k->layout->name), run, &i) < 0 || ledger_entry_at(l, i, &e) < 0)
		return 0;
	return e.records;
}

static void compare_kind(struct archive *a, struct archive_kind *k)
{
	for (uint64_t i = 0; i < ledger_entries(a->ledger); i++) {
		struct ledger_entry e;
		if (ledger_entry_at(a->ledger, i, &e) < 0 || !is_of(&e, LEDGER_FILE, k))
			continue;
		size_t at = archive_store_find(k, e.first);
		if (at < k->n_segments && k->segments[at].first == e.first && k->segments[at].last == e.last)
			k->segments[at].entered = true;
	}
	/* runs are entered before their file, so one that has its file has its runs */
	for (size_t i = 0; i < k->n_segments; i++)
		a->unentered |= !k->segments[i].entered && k->segments[i].error == 0;
	k->open.entered = entered_records(a->ledger, k, k->open.number);
}

void archive_evidence_compare(struct archive *a)
{
	for (unsigned i = 0; a->ledger && i < ARCHIVE_KINDS; i++)
		if (a->kinds[i].layout)
			compare_kind(a, &a->kinds[i]);
}

static int digest_file(int fd, struct merkle_hash *ret_digest)
{
	struct sha256_ctx sha;
	uint64_t size, at = 0;
	uint8_t *bytes = malloc(READ_BYTES);
	int r = bytes ? archive_file_size(fd, &size) : -ENOMEM;
	sha256_init(&sha);
	while (r == 0 && at < size) {
		size_t n = size - at < READ_BYTES ? (size_t)(size - at) : READ_BYTES;
		r = archive_file_read(fd, bytes, n, at);
		if (r == 0)
			sha256_update(&sha, n, bytes);
		at += n;
	}
	free(bytes);
	if (r == 0)
		sha256_digest(&sha, sizeof(ret_digest->b), ret_digest->b);
	return r;
}

static int find_digest(struct archive *a, const struct archive_kind *k, struct archive_segment_entry *s)
{
	char name[ARCHIVE_NAME_SIZE];
	if (s->digested)
		return 0;
	int fd = archive_file_open(a->folder, archive_entry_name(k, s, name));
	if (fd < 0)
		return fd;
	int r = digest_file(fd, &s->digest);
	close(fd);
	s->digested = r == 0;
	return r;
}

static int add_leaf(void *context, struct text encoded)
{
	struct merkle_hash leaf = merkle_leaf(encoded.p, encoded.n);
	merkle_add(context, &leaf);
	return 0;
}

/* The entry of one run, unless the ledger has it. *ret_n: how many entries that makes. */
static int run_entry(struct archive *a, const struct archive_kind *k, const struct archive_segment_entry *s,
    uint64_t run, struct ledger_entry *ret_entry, size_t *ret_n)
{
	struct merkle_tree tree = {0};
	struct ledger_entry e = {
	    .type = LEDGER_RUN, .kind = text_of(k->layout->name), .first = run, .last = run};
	uint64_t there = entered_records(a->ledger, k, run);
	if (s->rooted) {
		e.hash = s->root;
		e.records = s->segment.trailer.span.records;
	} else {
		int r = archive_read_run(a, (enum msg_record)k->layout->record, run, add_leaf, &tree);
		if (r < 0)
			return r;
		e.hash = merkle_root(&tree);
		e.records = tree.leaves;
	}
	*ret_n = there < e.records;
	*ret_entry = e;
	return 0;
}

static int enter_segment(struct archive *a, const struct archive_kind *k, struct archive_segment_entry *s)
{
	struct ledger_entry entries[2];
	int r = find_digest(a, k, s);
	struct ledger_entry file = {.type = LEDGER_FILE,
	    .kind = text_of(k->layout->name),
	    .first = s->first,
	    .last = s->last,
	    .hash = s->digest};
	size_t n = 0;
	for (uint64_t run = s->first; r == 0 && run <= s->last; run++) {
		r = run_entry(a, k, s, run, entries, &n);
		if (r == 0 && n && run < s->last)
			r = ledger_append(a->ledger, entries);
	}
	if (r < 0)
		return r;
	entries[n++] = file;
	return ledger_append_all(a->ledger, entries, n);
}

int archive_evidence_enter(struct archive *a)
{
	int first = 0;
	if (!a->unentered || !a->ledger)
		return 0;
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++) {
		struct archive_kind *k = &a->kinds[i];
		for (size_t n = 0; k->layout && n < k->n_segments; n++) {
			struct archive_segment_entry *s = &k->segments[n];
			if (s->error || s->entered)
				continue;
			int r = enter_segment(a, k, s);
			/* -EINVAL: the ledger has it otherwise. It keeps what it has, and verifying tells. */
			s->entered = r == 0 || r == -EINVAL;
			first = first || s->entered ? first : r;
		}
	}
	a->unentered = first < 0;
	return first;
}

int archive_evidence_enter_open(struct archive *a)
{
	struct ledger_entry entries[ARCHIVE_KINDS];
	size_t n = 0;
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++) {
		const struct archive_kind *k = &a->kinds[i];
		if (k->layout && k->open.records > k->open.entered)
			entries[n++] = (struct ledger_entry){.type = LEDGER_RUN,
			    .kind = text_of(k->layout->name),
			    .first = k->open.number,
			    .last = k->open.number,
			    .records = k->open.records,
			    .hash = merkle_root(&k->open.tree)};
	}
	int r = n ? ledger_append_all(a->ledger, entries, n) : 0;
	for (unsigned i = 0; r == 0 && i < ARCHIVE_KINDS; i++)
		a->kinds[i].open.entered = a->kinds[i].open.records;
	return r;
}

int archive_evidence_sign(struct archive *a)
{
	return a->n_keys ? ledger_sign(a->ledger, a->keys, a->n_keys) : 0;
}

int archive_sign(struct archive *a)
{
	int r = a->batch ? -EBUSY : archive_sync(a);
	if (r == 0)
		r = archive_evidence_enter(a);
	if (r == 0)
		r = archive_evidence_enter_open(a);
	return r ? r : archive_evidence_sign(a);
}
