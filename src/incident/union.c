/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "incident/union.h"

#include <errno.h>
#include <stdlib.h>

int union_new(struct union_sets *u, size_t n)
{
	uint32_t *parent = calloc(n ? n : 1, sizeof(*parent));
	if (!parent)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		parent[i] = (uint32_t)i;
	*u = (struct union_sets){.parent = parent, .n = n};
	return 0;
}

void union_free(struct union_sets *u)
{
	free(u->parent);
	*u = (struct union_sets){0};
}

uint32_t union_root(const struct union_sets *u, uint32_t i)
{
	while (u->parent[i] != i) {
		u->parent[i] = u->parent[u->parent[i]];
		i = u->parent[i];
	}
	return i;
}

void union_join(struct union_sets *u, uint32_t a, uint32_t b)
{
	a = union_root(u, a);
	b = union_root(u, b);
	if (a < b)
		u->parent[b] = a;
	else
		u->parent[a] = b;
}
