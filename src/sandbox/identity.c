/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sandbox/identity.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <unistd.h>

static bool has(unsigned capability)
{
	return capng_have_capability(CAPNG_EFFECTIVE, capability) != 0;
}

/* Of the capabilities that it keeps those that it has. */
static uint64_t held_of(uint64_t keep)
{
	uint64_t held = 0;
	for (unsigned i = 0; i <= CAP_LAST_CAP; i++)
		if (keep >> i & 1 && has(i))
			held |= UINT64_C(1) << i;
	return held;
}

static void want(uint64_t keep, bool bounded)
{
	capng_type_t sets = CAPNG_EFFECTIVE | CAPNG_PERMITTED | (bounded ? CAPNG_BOUNDING_SET : 0);
	capng_clear(CAPNG_SELECT_ALL);
	for (unsigned i = 0; i <= CAP_LAST_CAP; i++)
		if (keep >> i & 1)
			capng_update(CAPNG_ADD, sets, i);
}

/* The capabilities are those of `keep` and nobody can be become again. */
static int check(uid_t uid, gid_t gid, uint64_t keep)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;
	if (uid && (getresuid(&ruid, &euid, &suid) < 0 || ruid != uid || euid != uid || suid != uid ||
	               getresgid(&rgid, &egid, &sgid) < 0 || rgid != gid || egid != gid || sgid != gid ||
	               getgroups(0, NULL) != 0))
		return -EPERM;
	if (uid && (setresuid(0, 0, 0) == 0 || setresgid(0, 0, 0) == 0 || setgroups(0, NULL) == 0))
		return -EPERM;
	if (capng_get_caps_process() < 0)
		return -EPERM;
	for (unsigned i = 0; i <= CAP_LAST_CAP; i++) {
		int kept = keep >> i & 1;
		if (capng_have_capability(CAPNG_EFFECTIVE, i) != kept ||
		    capng_have_capability(CAPNG_PERMITTED, i) != kept ||
		    capng_have_capability(CAPNG_INHERITABLE, i) != 0)
			return -EPERM;
	}
	return 0;
}

int identity_give_up(uid_t uid, gid_t gid, uint64_t keep, bool bounded, bool *ret_changed)
{
	if (capng_get_caps_process() < 0)
		return -EPERM;
	/* a bounding set can be cut by who has CAP_SETPCAP; no_new_privs bars the others' way back */
	bool cuts = has(CAP_SETPCAP), becomes = uid && has(CAP_SETUID) && has(CAP_SETGID) && cuts;
	bool changed = uid == 0 || becomes || (getuid() == uid && geteuid() == uid);
	keep = held_of(keep);
	want(keep, bounded);
	errno = 0;
	int r = becomes ? capng_change_id((int)uid, (int)gid,
	                      CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT)
	                : capng_apply(cuts ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS);
	if (r < 0)
		return errno ? -errno : -EPERM;
	r = check(becomes ? uid : 0, gid, keep);
	if (r < 0)
		return r;
	*ret_changed = changed;
	return 0;
}
