/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exchange/renumber.h"

#include <string.h>

#include "base/err.h"

void exchange_renumber_begin(struct exchange_renumber *n)
{
	*n = (struct exchange_renumber){.add = 0};
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++)
		(void)exchange_kind_of(i, &n->kinds[i]);
}

static void count_one(struct exchange_renumber *n, uint64_t id)
{
	if (id == 0)
		return;
	if (!n->any || id < n->min)
		n->min = id;
	if (!n->any || id > n->max)
		n->max = id;
	n->any = true;
}

static void count_self(struct exchange_ids *ids, uint64_t id)
{
	ids->records++;
	if (id == 0) {
		ids->without++;
		return;
	}
	if (ids->records - ids->without == 1 || id < ids->min)
		ids->min = id;
	if (id > ids->max)
		ids->max = id;
}

void exchange_renumber_count(struct exchange_renumber *n, unsigned record, const void *m)
{
	const struct exchange_kind *k = &n->kinds[record];
	for (size_t i = 0; i < k->n_references; i++) {
		const struct exchange_column *c = &k->columns[k->references[i]];
		struct msg_u64s list;
		uint64_t v;
		switch (c->reference) {
		case EXCHANGE_REFERENCE_NONE: break;
		case EXCHANGE_REFERENCE_VANTAGE:
			v = exchange_number_get(c, m);
			if (v > n->vantage_max)
				n->vantage_max = (uint16_t)v;
			break;
		case EXCHANGE_REFERENCE_SELF:
			count_self(&n->ids[record], exchange_number_get(c, m)); /* fall through */
		case EXCHANGE_REFERENCE_RECORD:
			if (c->form != EXCHANGE_FORM_IDS) {
				count_one(n, exchange_number_get(c, m));
				break;
			}
			memcpy(&list, (const uint8_t *)m + c->offset, sizeof(list));
			for (uint32_t j = 0; j < list.n; j++)
				count_one(n, list.v[j]);
			break;
		}
	}
}

struct vantages {
	bool any;
	uint16_t max;
};

static int note_vantage(void *context, const struct msg_coverage *c)
{
	struct vantages *v = context;
	v->any = true;
	if (c->vantage > v->max)
		v->max = c->vantage;
	return 0;
}

/* Whether the archive has records of that kind in the range of those that come. */
static bool overlaps(const struct archive *a, unsigned record, const struct exchange_ids *ids)
{
	size_t runs = archive_runs(a, (enum msg_record)record);
	for (size_t i = 0; i < runs; i++) {
		struct archive_run run;
		archive_run_at(a, (enum msg_record)record, i, &run);
		/* what a run that can't be read holds, nobody knows */
		if (run.error || (run.records && run.id_min <= ids->max && run.id_max >= ids->min))
			return true;
	}
	return false;
}

int exchange_renumber_plan(struct exchange_renumber *n, struct archive *a, uint64_t extra)
{
	struct archive_stat stat;
	struct vantages v = {0};
	uint64_t without = extra, behind = 0;
	bool taken = false;
	archive_get_stat(a, &stat);
	int r = archive_scan_coverage(a, note_vantage, &v);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++) {
		without += n->ids[i].without;
		taken |= n->ids[i].records > n->ids[i].without && overlaps(a, i, &n->ids[i]);
	}
	/* what refers to no record of the import would refer to another of the archive: so references count
	 */
	n->add = taken && n->min < stat.next_id ? stat.next_id - n->min : 0;
	n->add_vantage = v.any ? (uint64_t)v.max + 1 : 0;
	n->next = stat.next_id;
	if (n->any && (__builtin_add_overflow(n->max, n->add, &behind) || behind == UINT64_MAX))
		return -ERR_LIMIT;
	if (n->any && behind + 1 > n->next)
		n->next = behind + 1;
	/* one vantage more is the import's own */
	if (__builtin_add_overflow(n->next, without, &behind) ||
	    n->add_vantage + n->vantage_max + 1 > UINT16_MAX)
		return -ERR_LIMIT;
	return 0;
}

void exchange_renumber_apply(struct exchange_renumber *n, unsigned record, void *m)
{
	const struct exchange_kind *k = &n->kinds[record];
	for (size_t i = 0; i < k->n_references; i++) {
		const struct exchange_column *c = &k->columns[k->references[i]];
		uint64_t v = c->form == EXCHANGE_FORM_NUMBER ? exchange_number_get(c, m) : 0;
		struct msg_u64s list;
		switch (c->reference) {
		case EXCHANGE_REFERENCE_NONE: break;
		case EXCHANGE_REFERENCE_SELF:
			(void)exchange_number_set(c, m, v ? v + n->add : n->next++);
			break;
		case EXCHANGE_REFERENCE_VANTAGE: (void)exchange_number_set(c, m, v + n->add_vantage); break;
		case EXCHANGE_REFERENCE_RECORD:
			if (c->form == EXCHANGE_FORM_NUMBER && v)
				(void)exchange_number_set(c, m, v + n->add);
			if (c->form != EXCHANGE_FORM_IDS)
				break;
			memcpy(&list, (const uint8_t *)m + c->offset, sizeof(list));
			for (uint32_t j = 0; j < list.n; j++)
				if (list.v[j])
					((uint64_t *)(uintptr_t)list.v)[j] += n->add;
			break;
		}
	}
}
