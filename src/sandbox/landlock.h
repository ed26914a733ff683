/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SANDBOX_LANDLOCK_H
#define SANDBOX_LANDLOCK_H

/* Landlock (landlock(7)): what files a process may still reach. Private to sandbox/. */

#include <stddef.h>

/* The kernel's ABI, 0 where it has no Landlock. */
int landlock_abi(void);
/* From now on only files beneath these folders can be opened, made, renamed or removed. 0 or -errno. */
int landlock_only(const char *const *folders, size_t n, int abi);

#endif
