/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SANDBOX_LIMITS_H
#define SANDBOX_LIMITS_H

/* Descriptors and the kernel's limits (setrlimit(2)). Private to sandbox/. */

#include "sandbox/profiles.h"

/* Closes all descriptors but 0, 1, 2 and these. 0 or -errno. */
int limits_close_others(const int *fds, size_t n);
/* -EINVAL where a packet socket stands among the first SANDBOX_RINGS_FROM descriptors. */
int limits_check_rings(void);
int limits_set(const struct profile *p, unsigned options);

#endif
