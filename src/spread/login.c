/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Flows whose logins all failed or were never tried: somebody knocked and wasn't let in. Such a flow was
 * answered, so it stays a hop (a fault before the login can be used), but it hands over no control by its
 * protocol: `possible`, not `likely`.
 */

#include <errno.h>
#include <stdlib.h>

#include "archive/archive.h"
#include "base/table.h"
#include "spread/edges.h"

enum { LOGINS_MAX = 1 << 21 };

struct login {
	uint32_t failed, succeeded;
};

struct spread_logins {
	struct table *flows; /* record id -> struct login */
};

static int take(void *context, const struct msg_transaction *t)
{
	struct spread_logins *l = context;
	struct text result = field_get(t->fields.v, t->fields.n, FIELD_AUTH_RESULT);
	if (!result.n)
		return 0;
	struct login *login = table_put(l->flows, &t->flow, NULL);
	/* at the bound the rest keep the grade of their protocol, which is the worse one */
	if (!login)
		return 0;
	if (text_equal(result, TEXT("success")))
		login->succeeded++;
	else
		login->failed++;
	return 0;
}

int spread_logins_read(struct spread_logins **ret_logins, struct archive *archive, const uint64_t *flows,
    size_t n, uint64_t seed)
{
	struct spread_logins *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	int r = table_new(&l->flows, sizeof(uint64_t), sizeof(struct login), LOGINS_MAX, seed);
	if (r == 0)
		r = archive_scan_transactions(archive, flows, n, take, l);
	if (r < 0) {
		spread_logins_free(l);
		return r;
	}
	*ret_logins = l;
	return 0;
}

void spread_logins_free(struct spread_logins *l)
{
	if (!l)
		return;
	table_free(l->flows);
	free(l);
}

void spread_logins_grade(const struct spread_logins *l, struct spread_edge *edge)
{
	const struct login *login = edge->by_login ? table_get(l->flows, &edge->flow) : NULL;
	if (login && login->failed && !login->succeeded)
		edge->grade = SPREAD_POSSIBLE;
	edge->by_login = 0;
}
