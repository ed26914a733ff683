/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/vec.h"
#include "bench/hunts.h"

enum { LIST_MAX = 10000000, THREADS_MAX = 16, LINE_SIZE = 512 };

#define COLUMN(name) (UINT64_C(1) << MSG_FLOW_FIELD_##name)

/* Indicator numbers by their hash, open addressing, at most half full. */
struct places {
	uint32_t *slots; /* number + 1 */
	size_t mask;
};

struct worker {
	const struct hunts_list *list;
	const struct places *places;
	struct hunts_sum *sums;
	FILE *ids;
};

static int compare_addrs(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct net_addr));
}

static int compare_texts(const void *a, const void *b)
{
	return text_compare(*(const struct text *)a, *(const struct text *)b);
}

void hunts_list_free(struct hunts_list *l)
{
	arena_free(&l->arena);
	free(l->texts);
	free(l->addrs);
}

static int add_line(struct hunts_list *l, size_t *cap, struct text line)
{
	struct net_addr addr;
	bool is_addr = net_addr_parse(line, &addr) == 0;
	if (l->n == 0)
		l->domains = !is_addr;
	else if (l->domains == is_addr)
		return -EINVAL;
	int r = l->domains ? VEC_RESERVE(l->texts, cap, l->n, LIST_MAX)
	                   : VEC_RESERVE(l->addrs, cap, l->n, LIST_MAX);
	if (r < 0)
		return r;
	if (!l->domains)
		l->addrs[l->n] = addr;
	else if (!(l->texts[l->n] = arena_text(&l->arena, line)).p)
		return -ENOMEM;
	l->n++;
	return 0;
}

static void sort_and_join(struct hunts_list *l)
{
	size_t kept = 0;
	if (l->domains)
		qsort(l->texts, l->n, sizeof(*l->texts), compare_texts);
	else
		qsort(l->addrs, l->n, sizeof(*l->addrs), compare_addrs);
	for (size_t i = 0; i < l->n; i++) {
		if (l->domains && (!kept || !text_equal(l->texts[kept - 1], l->texts[i])))
			l->texts[kept++] = l->texts[i];
		if (!l->domains && (!kept || !net_addr_equal(l->addrs[kept - 1], l->addrs[i])))
			l->addrs[kept++] = l->addrs[i];
	}
	l->n = kept;
}

int hunts_list_read(struct hunts_list *ret_list, const char *path)
{
	struct hunts_list l = {0};
	char line[LINE_SIZE];
	size_t cap = 0;
	int r = 0;
	FILE *in = fopen(path, "re");
	if (!in)
		return -errno;
	while (r == 0 && fgets(line, sizeof(line), in)) {
		struct text t = text_trim(text_of(line));
		r = t.n ? add_line(&l, &cap, t) : 0;
	}
	fclose(in);
	if (r < 0) {
		hunts_list_free(&l);
		return r;
	}
	sort_and_join(&l);
	*ret_list = l;
	return 0;
}

static struct text key_at(const struct hunts_list *l, size_t i)
{
	return l->domains ? l->texts[i] : text_bytes(l->addrs[i].b, sizeof(l->addrs[i].b));
}

static int make_places(struct places *p, const struct hunts_list *l)
{
	size_t size = 64;
	while (size < l->n * 2)
		size *= 2;
	if (!(p->slots = calloc(size, sizeof(*p->slots))))
		return -ENOMEM;
	p->mask = size - 1;
	for (size_t i = 0; i < l->n; i++) {
		struct text key = key_at(l, i);
		size_t at = hash_bytes(key.p, key.n, 1) & p->mask;
		while (p->slots[at])
			at = (at + 1) & p->mask;
		p->slots[at] = (uint32_t)i + 1;
	}
	return 0;
}

static void count(struct worker *w, struct text key, const struct msg_flow *f)
{
	const struct places *p = w->places;
	size_t at = hash_bytes(key.p, key.n, 1) & p->mask;
	while (p->slots[at] && !text_equal(key_at(w->list, p->slots[at] - 1), key))
		at = (at + 1) & p->mask;
	if (!p->slots[at])
		return;
	struct hunts_sum *s = &w->sums[p->slots[at] - 1];
	s->first = s->flows && s->first < f->first ? s->first : f->first;
	s->last = s->flows && s->last > f->last ? s->last : f->last;
	s->flows++;
	s->wire_out += f->wire_out;
	s->wire_in += f->wire_in;
}

static int each_flow(void *context, const struct msg_flow *f)
{
	struct worker *w = context;
	if (w->list->domains) {
		for (size_t from = 0; from < f->name.n; from++) {
			count(w, text_sub(f->name, from, f->name.n), f);
			from += text_find(text_sub(f->name, from, f->name.n), '.');
		}
	} else {
		count(w, text_bytes(f->initiator.b, sizeof(f->initiator.b)), f);
		if (!net_addr_equal(f->initiator, f->responder))
			count(w, text_bytes(f->responder.b, sizeof(f->responder.b)), f);
	}
	if (w->ids)
		fprintf(w->ids, "%llu\n", (unsigned long long)f->id);
	return 0;
}

static void add(struct hunts_sum *to, const struct hunts_sum *of)
{
	if (!of->flows)
		return;
	to->first = to->flows && to->first < of->first ? to->first : of->first;
	to->last = to->flows && to->last > of->last ? to->last : of->last;
	to->flows += of->flows;
	to->wire_out += of->wire_out;
	to->wire_in += of->wire_in;
}

int hunts_run(struct archive *a, const struct hunts_list *l, struct archive_filter *filter, unsigned threads,
    FILE *const *ids, struct hunts_answer *answer, struct archive_hunt_stat *ret_stat)
{
	struct worker workers[THREADS_MAX];
	void *contexts[THREADS_MAX];
	struct places places = {0};
	if (!threads || threads > THREADS_MAX)
		return -EINVAL;
	hunts_answer_free(answer);
	filter->addrs = l->domains ? NULL : l->addrs;
	filter->n_addrs = l->domains ? 0 : l->n;
	filter->domains = l->domains ? l->texts : NULL;
	filter->n_domains = l->domains ? l->n : 0;
	filter->columns = COLUMN(INITIATOR) | COLUMN(RESPONDER) | COLUMN(FIRST) | COLUMN(LAST) |
	                  COLUMN(WIRE_OUT) | COLUMN(WIRE_IN) | (l->domains ? COLUMN(NAME) : 0) |
	                  (ids ? COLUMN(ID) : 0);
	struct hunts_sum *sums = calloc(l->n * threads + 1, sizeof(*sums));
	int r = sums ? make_places(&places, l) : -ENOMEM;
	for (unsigned i = 0; r == 0 && i < threads; i++) {
		workers[i] = (struct worker){l, &places, sums + i * l->n, ids ? ids[i] : NULL};
		contexts[i] = &workers[i];
	}
	if (r == 0)
		r = archive_hunt_flows(a, filter, threads, each_flow, contexts, ret_stat);
	for (size_t i = l->n; r == 0 && i < l->n * threads; i++)
		add(&sums[i % l->n], &sums[i]);
	free(places.slots);
	if (r < 0) {
		free(sums);
		return r;
	}
	answer->of = sums;
	return 0;
}

void hunts_answer_free(struct hunts_answer *answer)
{
	free(answer->of);
	answer->of = NULL;
}

struct hunts_sum hunts_total(const struct hunts_list *l, const struct hunts_answer *answer)
{
	struct hunts_sum sum = {0};
	for (size_t i = 0; i < l->n; i++) {
		sum.found += answer->of[i].flows > 0;
		add(&sum, &answer->of[i]);
	}
	return sum;
}

void hunts_print(FILE *out, const struct hunts_list *l, const struct hunts_answer *answer)
{
	char buf[NET_ADDR_TEXT_SIZE];
	for (size_t i = 0; i < l->n; i++) {
		const struct hunts_sum *s = &answer->of[i];
		if (!s->flows)
			continue;
		if (l->domains)
			fprintf(out, "%.*s", (int)l->texts[i].n, l->texts[i].p);
		else
			fprintf(out, "%s", net_addr_text(l->addrs[i], buf));
		fprintf(out, ",%llu,%llu,%llu,%lld,%lld\n", (unsigned long long)s->flows,
		    (unsigned long long)s->wire_out, (unsigned long long)s->wire_in, (long long)s->first,
		    (long long)s->last);
	}
}
