/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/timefmt.h"
#include "base/vec.h"
#include "enforce/netfilter_elements.h"
#include "enforce/netfilter_read_parts.h"

/* A lease is set in milliseconds, rounded to the kernel's ticks, and read back a little later. */
#define LEASE_SLACK_NS NS_PER_S

static int add_element(void *context, const struct netfilter_element *e)
{
	struct netfilter_reader *r = context;
	const struct netfilter_shape *s = &r->m->shapes[r->expected.marks[r->at]];
	struct backend_element *element;
	struct cut cut;
	/* a key that no packet's masked addresses are: somebody else's, and of no effect */
	if (netfilter_shape_cut(s, e->key, e->key_size, &cut) < 0)
		return 0;
	int error = VEC_RESERVE(r->elements, &r->elements_cap, r->n_elements,
	    (size_t)NETFILTER_ELEMENTS_MAX * NETFILTER_TABLES_MAX);
	if (error < 0)
		return error == -ERR_LIMIT ? -E2BIG : error;
	element = &r->elements[r->n_elements++];
	*element = (struct backend_element){
	    .cut = cut, .fail_closed = s->closed, .packets = e->packets, .bytes = e->bytes};
	element->until = e->expires_ms > (uint64_t)((INT64_MAX - r->now) / NS_PER_MS)
	                     ? INT64_MAX
	                     : r->now + (int64_t)e->expires_ms * NS_PER_MS;
	r->shape_elements[r->expected.marks[r->at]]++;
	return 0;
}

static int check_lease(void *context, const struct netfilter_element *e)
{
	struct netfilter_reader *r = context;
	uint8_t key[4];
	for (size_t v6 = 0; v6 < 2; v6++) {
		size_t n = netfilter_lease_key(netfilter_reader_family(r), v6, key);
		if (n != e->key_size || memcmp(key, e->key, n) != 0)
			continue;
		r->set_elements++;
		/* one that outlives us would never let go of the cuts */
		if (e->expires_ms == UINT64_MAX ||
		    (r->lease_until && (int64_t)(e->expires_ms / 1000) * NS_PER_S >
		                           r->lease_until - r->now + LEASE_SLACK_NS))
			r->intact = false;
		return 0;
	}
	r->intact = false;
	return 0;
}

static int check_pass(void *context, const struct netfilter_element *e)
{
	struct netfilter_reader *r = context;
	struct netfilter_pass p = r->m->passes[r->expected.marks[r->at] - NETFILTER_SHAPES_MAX];
	if (e->key_size != p.size) {
		r->intact = false;
		return 0;
	}
	memcpy(p.key, e->key, p.size);
	if (bsearch(&p, r->m->passes, r->m->n_passes, sizeof(p), netfilter_pass_compare))
		r->set_elements++;
	else
		r->intact = false;
	return 0;
}

int netfilter_reader_take(struct netfilter_reader *r, const struct nlmsghdr *h)
{
	size_t mark = r->expected.marks[r->at];
	return netfilter_elements_read(h,
	    mark == NETFILTER_NO_MARK     ? check_lease
	    : mark < NETFILTER_SHAPES_MAX ? add_element
	                                  : check_pass,
	    r);
}

void netfilter_reader_end_set(struct netfilter_reader *r)
{
	size_t mark = r->expected.marks[r->at], wanted = 0, n = r->set_elements;
	r->set_elements = 0;
	if (mark == NETFILTER_NO_MARK) {
		wanted = r->lease_until > r->now + LEASE_SLACK_NS ? 2 : n;
	} else if (mark >= NETFILTER_SHAPES_MAX) {
		const struct netfilter_pass *first = &r->m->passes[mark - NETFILTER_SHAPES_MAX];
		const struct netfilter_pass *end = r->m->passes + r->m->n_passes;
		for (const struct netfilter_pass *p = first; p < end && netfilter_pass_same_set(p, first);
		     p++)
			wanted++;
	}
	if (n != wanted)
		r->intact = false;
}

static int compare_elements(const void *a, const void *b)
{
	const struct backend_element *x = a, *y = b;
	int order = cut_compare(&x->cut, &y->cut);
	return order ? order : x->fail_closed - y->fail_closed;
}

/* In how many tables a cut should stand. */
static size_t tables_of(const struct netfilter_model *m, const struct cut *c)
{
	struct netfilter_shape s;
	size_t n = 0;
	if (netfilter_shape_of(c, false, &s))
		return 0;
	for (size_t i = 0; i < m->n_families; i++)
		n += netfilter_model_holds(m, m->families[i], &s);
	return n;
}

bool netfilter_reader_torn(struct netfilter_reader *r)
{
	if (r->n_elements)
		qsort(r->elements, r->n_elements, sizeof(*r->elements), compare_elements);
	for (size_t i = 0, end; i < r->n_elements; i = end) {
		for (end = i + 1;
		     end < r->n_elements && compare_elements(&r->elements[i], &r->elements[end]) == 0;)
			end++;
		if (end - i > tables_of(r->m, &r->elements[i].cut))
			return true;
	}
	return false;
}

void netfilter_reader_elements(
    struct netfilter_reader *r, struct backend_element **ret_elements, size_t *ret_n)
{
	size_t n = 0;
	for (size_t i = 0, end; i < r->n_elements; i = end) {
		struct backend_element one = r->elements[i];
		bool mixed = false;
		for (end = i + 1; end < r->n_elements && cut_compare(&one.cut, &r->elements[end].cut) == 0;
		     end++) {
			const struct backend_element *e = &r->elements[end];
			mixed |= e->fail_closed != one.fail_closed;
			one.fail_closed |= e->fail_closed;
			one.until = e->until < one.until ? e->until : one.until;
			one.packets += e->packets;
			one.bytes += e->bytes;
		}
		/* what isn't in force everywhere, or twice, is as good as over: to be put anew or removed */
		if (mixed || end - i != tables_of(r->m, &one.cut))
			one.until = 0;
		r->elements[n++] = one;
	}
	*ret_elements = r->elements;
	*ret_n = n;
	r->elements = NULL;
	r->n_elements = r->elements_cap = 0;
}
