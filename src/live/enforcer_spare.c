/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What is never cut. A cut may hold such a prefix only where the backend lets it pass (contain/guardrail.h),
 * and what that lets pass is what it was opened with. So two lists are held against that one: that of the
 * guardrails, which a reload can change before the enforcer is begun anew; and that of the engine's rules,
 * which for a remote enforcer are another machine's. The engine's word can only forbid more.
 */

#include "live/enforcer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/vec.h"

/* More than any backend lets pass. */
enum { LACKING_MAX = 65536 };

int enforcer_passes(struct enforcer *f, const struct backend_pass *v, size_t n)
{
	struct net_prefix *list = calloc(n + 1, sizeof(*list));
	size_t kept = 0;
	for (size_t i = 0; list && i < n; i++)
		if (v[i].prefix.bits && !v[i].protocol)
			list[kept++] = v[i].prefix;
	struct guardrails passing = {.never_cut = list, .n_never_cut = kept, .spared_pass = true};
	int r = list ? guardrails_prepare(&passing) : -ENOMEM;
	if (r < 0) {
		free(list);
		return r;
	}
	guardrails_free(&f->passing);
	free(f->passing_list);
	f->passing = passing;
	f->passing_list = list;
	return 0;
}

static bool lets_pass(const struct enforcer *f, struct net_prefix p)
{
	const struct cut alone = {.from = net_prefix_of(p.addr, p.bits)};
	return guardrail_of_cut(&f->passing, &alone) == GUARDRAIL_NEVER_CUT;
}

bool enforcer_lets_pass(const struct enforcer *f, const struct guardrails *g)
{
	bool all = true;
	for (size_t i = 0; i < g->n_never_cut && all; i++)
		all = lets_pass(f, g->never_cut[i]);
	for (size_t i = 0; i < g->n_control && all; i++)
		all = lets_pass(f, g->control[i]);
	return all;
}

void enforcer_spare_begin(struct enforcer *f)
{
	guardrails_free(&f->lacking);
	f->lacking.prepared = false;
	f->n_lacking = 0;
}

int enforcer_spare(struct enforcer *f, struct net_prefix p)
{
	if (lets_pass(f, p))
		return 0;
	int r = VEC_RESERVE(f->lacking_list, &f->lacking_cap, f->n_lacking, LACKING_MAX);
	if (r < 0)
		return r;
	f->lacking_list[f->n_lacking++] = p;
	guardrails_free(&f->lacking);
	f->lacking.prepared = false;
	return 0;
}

bool enforcer_stops_spared(struct enforcer *f, const struct cut *c)
{
	if (f->n_lacking == 0)
		return false;
	if (!f->lacking.prepared) {
		f->lacking.never_cut = f->lacking_list;
		f->lacking.n_never_cut = f->n_lacking;
		/* without memory the lists are walked as they are */
		(void)guardrails_prepare(&f->lacking);
	}
	return guardrail_of_cut(&f->lacking, c) == GUARDRAIL_NEVER_CUT;
}

char *enforcer_lacks(const struct enforcer *f, char *buf, size_t size)
{
	char text[NET_PREFIX_TEXT_SIZE], more[32] = "";
	if (f->n_lacking > 1)
		snprintf(more, sizeof(more), " and %zu more", f->n_lacking - 1);
	snprintf(buf, size, "%s%s", f->n_lacking ? net_prefix_text(f->lacking_list[0], text) : "", more);
	return buf;
}

void enforcer_spare_free(struct enforcer *f)
{
	guardrails_free(&f->passing);
	guardrails_free(&f->lacking);
	free(f->passing_list);
	free(f->lacking_list);
}
