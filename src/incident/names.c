/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "incident/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/app.h"

enum { NAME_SIZE = 256 };

struct dns_scan {
	const struct net_addr *addrs;
	const char **names;
	size_t n, unnamed;
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

static int dns_answer(struct dns_scan *s, struct text query, const struct field_value *v)
{
	struct net_addr addr;
	if (v->field != FIELD_DNS_ANSWER_ADDR || v->value.n != sizeof(addr.b))
		return 0;
	memcpy(addr.b, v->value.p, sizeof(addr.b));
	const struct net_addr *found = bsearch(&addr, s->addrs, s->n, sizeof(addr), addr_compare);
	if (!found || s->names[found - s->addrs])
		return 0;
	int error = incident_name_keep(s->arena, query, &s->names[found - s->addrs]);
	s->unnamed -= s->names[found - s->addrs] != NULL;
	return error;
}

static int dns_transaction(void *context, const struct msg_transaction *t)
{
	struct dns_scan *s = context;
	struct text query = field_get(t->fields.v, t->fields.n, FIELD_DNS_QUERY);
	if (t->app != APP_DNS || query.n == 0)
		return 0;
	for (uint32_t i = 0; i < t->fields.n; i++) {
		int error = dns_answer(s, query, &t->fields.v[i]);
		if (error < 0)
			return error;
	}
	return s->unnamed == 0;
}

int incident_names_dns(
    struct archive *archive, const struct net_addr *addrs, const char **names, size_t n, struct arena *arena)
{
	struct dns_scan s = {.addrs = addrs, .names = names, .n = n, .arena = arena};
	for (size_t i = 0; i < n; i++)
		s.unnamed += names[i] == NULL;
	int error = s.unnamed ? archive_scan_transactions(archive, NULL, 0, dns_transaction, &s) : 0;
	return error < 0 ? error : 0;
}
