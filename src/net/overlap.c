/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/overlap.h"

#include <errno.h>
#include <stddef.h>

static const char *const names[] = {
    [NET_OVERLAP_AUTO] = "auto",
    [NET_OVERLAP_FIRST] = "first",
    [NET_OVERLAP_LAST] = "last",
    [NET_OVERLAP_BSD] = "bsd",
    [NET_OVERLAP_LINUX] = "linux",
    [NET_OVERLAP_WINDOWS] = "windows",
};

bool net_overlap_later_wins(enum net_overlap how, struct net_extent earlier, struct net_extent later)
{
	switch (how) {
	case NET_OVERLAP_AUTO:
	case NET_OVERLAP_FIRST: return false;
	case NET_OVERLAP_LAST: return true;
	case NET_OVERLAP_BSD: return later.from < earlier.from;
	case NET_OVERLAP_LINUX:
		return later.from < earlier.from || (later.from == earlier.from && later.to > earlier.to);
	case NET_OVERLAP_WINDOWS: return later.from < earlier.from && later.to > earlier.to;
	}
	return false;
}

const char *net_overlap_name(unsigned how)
{
	return how < sizeof(names) / sizeof(*names) ? names[how] : NULL;
}

int net_overlap_parse(struct text t, enum net_overlap *ret_how)
{
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (text_equal(t, text_of(names[i]))) {
			*ret_how = (enum net_overlap)i;
			return 0;
		}
	return -EINVAL;
}
