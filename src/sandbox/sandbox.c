/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <nss.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/filter.h"
#include "sandbox/identity.h"
#include "sandbox/landlock.h"
#include "sandbox/limits.h"
#include "sandbox/profiles.h"

static const char *const level_names[SANDBOX_LEVELS] = {
    [SANDBOX_LEVEL_ALL] = "all",
    [SANDBOX_LEVEL_NO_LANDLOCK] = "no-landlock",
    [SANDBOX_LEVEL_NO_SECCOMP] = "no-seccomp",
    [SANDBOX_LEVEL_NONE] = "none",
};

const char *sandbox_profile_name(enum sandbox_profile profile)
{
	return profile_of(profile, 0).name;
}

const char *sandbox_level_name(enum sandbox_level level)
{
	return level_names[level];
}

int sandbox_level_parse(const char *name, enum sandbox_level *ret_level)
{
	for (unsigned i = 0; i < SANDBOX_LEVELS; i++)
		if (strcmp(name, level_names[i]) == 0) {
			*ret_level = (enum sandbox_level)i;
			return 0;
		}
	return -EINVAL;
}

const char *sandbox_missing_text(enum sandbox_missing missing)
{
	switch (missing) {
	case SANDBOX_MISSING_USER: return "it goes on as the user it was started by";
	case SANDBOX_MISSING_LANDLOCK: return "files aren't fenced off, system calls are";
	case SANDBOX_MISSING_TRUNCATE: return "this kernel can't forbid to cut files short (Linux 6.2 can)";
	case SANDBOX_MISSING_TCP: return "this kernel can't fence off TCP ports (Linux 6.7 can)";
	case SANDBOX_MISSING_DEVICES: return "this kernel can't fence off devices' controls (Linux 6.10 can)";
	case SANDBOX_MISSING_SCOPES: return "this kernel can't fence off signals to others (Linux 6.12 can)";
	case SANDBOX_MISSING_SECCOMP: return "system calls aren't fenced off";
	case SANDBOX_MISSING_COUNT: break;
	}
	return "";
}

/* What libc reads at first use, when that may be forbidden: the time zone, and the modules that look up
 * names. Those of libc itself need no library to load and no local daemon to ask. */
static int prepare_libc(const struct profile *p)
{
	tzset();
	return p->resolves && __nss_configure_lookup("hosts", "files dns") < 0 ? -errno : 0;
}

/* To be set once the process is who it will be: becoming another takes it back. The parent may be gone by
 * then, and nobody would tell. */
static int end_with_parent(const struct profile *p, pid_t parent)
{
	if (!parent || !p->end)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, p->end, 0, 0, 0) < 0)
		return -errno;
	return getppid() == parent ? 0 : -ESRCH;
}

static uint32_t bit(enum sandbox_missing missing)
{
	return UINT32_C(1) << missing;
}

static uint32_t missing_before(int abi)
{
	return (abi < 3 ? bit(SANDBOX_MISSING_TRUNCATE) : 0) | (abi < 4 ? bit(SANDBOX_MISSING_TCP) : 0) |
	       (abi < 5 ? bit(SANDBOX_MISSING_DEVICES) : 0) | (abi < 6 ? bit(SANDBOX_MISSING_SCOPES) : 0);
}

static int become(const struct profile *p, const struct sandbox_request *request, bool *ret_changed)
{
	if (p->keeps_capabilities) {
		*ret_changed = true;
		return 0;
	}
	return identity_give_up(
	    p->keeps_user ? 0 : request->uid, request->gid, p->capabilities, p->keeps_user, ret_changed);
}

/* All that isn't Landlock or seccomp. */
static int trim(const struct profile *p, const struct sandbox_request *request, uint32_t *missing)
{
	bool changed = false;
	int error = become(p, request, &changed);
	if (error < 0)
		return error;
	if (!changed || (!p->keeps_user && geteuid() == 0))
		*missing |= bit(SANDBOX_MISSING_USER);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	return limits_set(p, request->options);
}

static int fence(
    const struct profile *p, const struct sandbox_request *request, struct sandbox_result *result)
{
	bool files = request->level == SANDBOX_LEVEL_ALL || request->level == SANDBOX_LEVEL_NO_SECCOMP;
	bool calls = request->level == SANDBOX_LEVEL_ALL || request->level == SANDBOX_LEVEL_NO_LANDLOCK;
	int rules = -1, error = 0;
	result->landlock_abi = landlock_abi();
	files = files && result->landlock_abi > 0;
	if (files)
		error = landlock_make(p, request, result->landlock_abi, &rules);
	if (error == 0)
		error = trim(p, request, &result->missing);
	if (error == 0)
		error = end_with_parent(p, request->parent);
	if (error == 0 && files)
		error = landlock_hold(rules);
	if (rules >= 0)
		close(rules);
	if (error == 0 && calls)
		error = filter_hold(p);
	if (error < 0)
		return error;
	result->landlock = files;
	result->seccomp = calls;
	result->missing |= files ? missing_before(result->landlock_abi) : bit(SANDBOX_MISSING_LANDLOCK);
	result->missing |= calls ? 0 : bit(SANDBOX_MISSING_SECCOMP);
	return 0;
}

int sandbox_enter(const struct sandbox_request *request, struct sandbox_result *ret_result)
{
	struct profile p = profile_of(request->profile, request->options);
	struct sandbox_result result = {0};
	int error = request->keep_fds ? 0 : limits_close_others(request->fds, request->n_fds);
	if (error == 0 && request->profile == SANDBOX_SENSOR)
		error = limits_check_rings();
	if (error == 0)
		error = prepare_libc(&p);
	if (error < 0)
		return error;
	if (request->level == SANDBOX_LEVEL_NONE) {
		error = end_with_parent(&p, request->parent);
		result.missing = bit(SANDBOX_MISSING_USER) | bit(SANDBOX_MISSING_LANDLOCK) |
		                 bit(SANDBOX_MISSING_SECCOMP);
	} else {
		error = fence(&p, request, &result);
	}
	if (error < 0)
		return error;
	*ret_result = result;
	return 0;
}
