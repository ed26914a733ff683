/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SANDBOX_LANDLOCK_H
#define SANDBOX_LANDLOCK_H

/*
 * Landlock (landlock(7)): what files, TCP ports and processes outside a process may still reach. In two
 * steps, since the rules name paths that only the user who starts may reach. Private to sandbox/.
 */

#include "sandbox/profiles.h"

/* The kernel's ABI, 0 where it has no Landlock. */
int landlock_abi(void);
/* The rules of a profile and of what is asked for. *ret_rules is a descriptor, or -1 where
 * nothing is to be held (a parent without folders on an old kernel). 0 or -errno. */
int landlock_make(const struct profile *p, const struct sandbox_request *request, int abi, int *ret_rules);
/* From now on they hold. Wants no_new_privs. 0 or -errno. */
int landlock_hold(int rules);

#endif
