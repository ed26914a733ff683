/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_XDP_H
#define ENFORCE_XDP_H

/*
 * Cuts carried out by an XDP program on the interfaces where packets come in: machines and destinations, cut
 * from everything (one end of the cut is anywhere), in both directions. See doc/enforce-xdp.md.
 *
 * Owns maps, a program and a link per interface, all pinned in a folder of a BPF file system, so that they
 * stay when nobody holds them open; a backend that is opened anew takes the elements over and puts its
 * program in the old one's place, in one step per interface: nothing lapses meanwhile.
 *
 * Bounds: XDP_INTERFACES_MAX, XDP_PASS_LIMIT passes, XDP_ELEMENT_LIMIT elements, those taken away within the
 * last second included (the program may still look at them). At a bound: -ERR_LIMIT.
 *
 * A RENEW of what isn't there puts it there: its time may have been over in the kernel a moment before.
 */

#include "enforce/backend.h"

enum {
	XDP_INTERFACES_MAX = 16,
	XDP_PASS_LIMIT = 511,
	XDP_ELEMENT_LIMIT = (1 << 18) - 1,
	XDP_WHY_SIZE = 512,
};

enum xdp_mode { XDP_MODE_NONE, XDP_MODE_NATIVE, XDP_MODE_GENERIC };

struct xdp_config {
	const char *const *interfaces;
	size_t n_interfaces;
	const struct backend_pass *passes;
	size_t n_passes;
	/* A folder of this backend's own, on a mounted BPF file system: "/sys/fs/bpf/bulkhead". Made where it
	 * isn't there; its parent must be. */
	const char *pins;
	bool generic; /* the driver isn't asked for native XDP */
};

/*
 * Loads the program and attaches it: native where the driver can, else generic. `why` (XDP_WHY_SIZE bytes)
 * says after a failure what it was and what would help; after success what is to be said all the same (an
 * interface that has the generic mode only, elements that couldn't be taken over), or is empty.
 *
 * All that needs more than CAP_NET_ADMIN happens here (loading needs CAP_BPF and CAP_PERFMON as well), so a
 * process can give the rest up afterwards. -ENOTSUP: built without XDP.
 */
int xdp_open(const struct xdp_config *config, struct backend **ret_backend, char *why);
/* How the interface of that number has it. */
enum xdp_mode xdp_mode(const struct backend *b, size_t interface);

#endif
