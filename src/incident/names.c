/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "incident/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/app.h"

enum { NAME_SIZE = 256 };

/* Of an address the name that the first answer gave, by record id: a hunt gives them in no order. */
struct dns_scan {
	const struct net_addr *addrs;
	const char **names;
	uint64_t
	    *ids; /* of the transactions that gave names[i]; UINT64_MAX: none; 0: it had its name before */
	size_t n;
	struct arena *arena;
};

int incident_name_keep(struct arena *arena, struct text name, const char **ret_name)
{
	char clean[NAME_SIZE];
	text_printable(text_trim(name), clean, sizeof(clean));
	const char *kept = clean[0] ? arena_strndup(arena, clean, strlen(clean)) : NULL;
	if (clean[0] && !kept)
		return -ENOMEM;
	*ret_name = kept;
	return 0;
}

static int addr_compare(const void *a, const void *b)
{
	const struct net_addr *x = a, *y = b;
	return net_addr_compare(*x, *y);
}

static int dns_answer(struct dns_scan *s, uint64_t id, struct text query, const struct field_value *v)
{
	struct net_addr addr;
	if (v->field != FIELD_DNS_ANSWER_ADDR || v->value.n != sizeof(addr.b))
		return 0;
	memcpy(addr.b, v->value.p, sizeof(addr.b));
	const struct net_addr *found = bsearch(&addr, s->addrs, s->n, sizeof(addr), addr_compare);
	size_t i = found ? (size_t)(found - s->addrs) : 0;
	if (!found || s->ids[i] <= id)
		return 0;
	const char *name;
	int error = incident_name_keep(s->arena, query, &name);
	if (error < 0 || !name)
		return error;
	s->names[i] = name;
	s->ids[i] = id;
	return 0;
}

static int dns_transaction(void *context, const struct msg_transaction *t)
{
	struct dns_scan *s = context;
	struct text query = field_get(t->fields.v, t->fields.n, FIELD_DNS_QUERY);
	if (t->app != APP_DNS || query.n == 0)
		return 0;
	for (uint32_t i = 0; i < t->fields.n; i++) {
		int error = dns_answer(s, t->id, query, &t->fields.v[i]);
		if (error < 0)
			return error;
	}
	return 0;
}

int incident_names_dns(
    struct archive *archive, const struct net_addr *addrs, const char **names, size_t n, struct arena *arena)
{
	struct dns_scan s = {.addrs = addrs, .names = names, .n = n, .arena = arena};
	struct net_addr *unnamed = calloc(n + 1, sizeof(*unnamed));
	size_t n_unnamed = 0;
	s.ids = calloc(n + 1, sizeof(*s.ids));
	int error = unnamed && s.ids ? 0 : -ENOMEM;
	for (size_t i = 0; i < n && error == 0; i++) {
		s.ids[i] = names[i] ? 0 : UINT64_MAX;
		if (!names[i])
			unnamed[n_unnamed++] = addrs[i];
	}
	const struct archive_transaction_filter filter = {.addrs = unnamed, .n_addrs = n_unnamed};
	struct archive_hunt_stat stat = {.n_gaps = 0};
	void *contexts[1] = {&s};
	if (error == 0 && n_unnamed)
		error = archive_hunt_transactions(archive, &filter, 1, dns_transaction, contexts, &stat);
	if (error == 0 && n_unnamed && stat.n_gaps)
		error = stat.gaps[0].error;
	free(unnamed);
	free(s.ids);
	return error < 0 ? error : 0;
}
