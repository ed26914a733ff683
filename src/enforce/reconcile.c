/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/reconcile.h"

#include <errno.h>
#include <stdlib.h>

/* Timeouts are set in milliseconds and read back a little later. */
enum { SLACK_NS = 50 * 1000000 };

static int64_t lease_until(const struct wanted_cut *w, int64_t now, int64_t lease_ns)
{
	int64_t lease = now > INT64_MAX - lease_ns ? INT64_MAX : now + lease_ns;
	return w->fail_closed || w->until < lease ? w->until : lease;
}

/* Whether the element's timeout is to be set anew. */
static bool is_due(const struct wanted_cut *w, const struct kernel_cut *k, int64_t now, int64_t lease_ns)
{
	int64_t half = lease_until(w, now, lease_ns / 2);
	return k->until - SLACK_NS > w->until || k->until < half - SLACK_NS;
}

int reconcile(const struct wanted_cut *wanted, size_t n_wanted, const struct kernel_cut *kernel,
    size_t n_kernel, int64_t now, int64_t lease_ns, struct reconcile_step **ret_steps, size_t *ret_n)
{
	struct reconcile_step *steps = calloc(n_wanted + n_kernel + 1, sizeof(*steps));
	size_t n = 0, w = 0, k = 0;
	if (!steps)
		return -ENOMEM;
	while (w < n_wanted || k < n_kernel) {
		int order = w == n_wanted   ? 1
		            : k == n_kernel ? -1
		                            : cut_compare(&wanted[w].cut, &kernel[k].cut);
		bool wants = order <= 0 && wanted[w].until > now;
		if (order >= 0 && !wants)
			steps[n++] = (struct reconcile_step){.act = RECONCILE_REMOVE, .cut = kernel[k].cut};
		else if (order < 0 && wants)
			steps[n++] = (struct reconcile_step){.act = RECONCILE_ADD,
			    .cut = wanted[w].cut,
			    .until = lease_until(&wanted[w], now, lease_ns)};
		else if (order == 0 && is_due(&wanted[w], &kernel[k], now, lease_ns))
			steps[n++] = (struct reconcile_step){.act = RECONCILE_RENEW,
			    .cut = wanted[w].cut,
			    .until = lease_until(&wanted[w], now, lease_ns)};
		w += order <= 0;
		k += order >= 0;
	}
	*ret_steps = steps;
	*ret_n = n;
	return 0;
}

int64_t reconcile_deadline(const struct wanted_cut *wanted, size_t n_wanted, const struct kernel_cut *kernel,
    size_t n_kernel, int64_t now, int64_t lease_ns)
{
	int64_t first = now + lease_ns / 2;
	for (size_t i = 0; i < n_wanted; i++)
		if (wanted[i].until > now && wanted[i].until < first)
			first = wanted[i].until;
	for (size_t i = 0; i < n_kernel; i++)
		if (kernel[i].until - lease_ns / 2 < first)
			first = kernel[i].until - lease_ns / 2;
	return first > now ? first : now;
}
