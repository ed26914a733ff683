/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SANDBOX_IDENTITY_H
#define SANDBOX_IDENTITY_H

/* Who a process is to the kernel: user, groups, capabilities. Private to sandbox/. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Becomes user uid and group gid for good (0: stays who it is), without supplementary groups, with no
 * capability but those of `keep` that it has (1 << CAP_*), and none that a program could bring back:
 * `bounded` leaves `keep` in the bounding set, for a parent whose children begin with it. What was given up
 * is checked by trying. *ret_changed: it is the user that was asked for. 0, -errno, or -EPERM where something
 * could be had back.
 */
int identity_give_up(uid_t uid, gid_t gid, uint64_t keep, bool bounded, bool *ret_changed);

#endif
