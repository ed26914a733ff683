/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIVE_FENCE_H
#define LIVE_FENCE_H

/* What each process gives up (sandbox/), as its first configuration says: folders, ports, whom to become.
 * What the kernel lacks is logged. */

#include "live/process.h"

/* By the prepared configuration (p->next_conf). 0 or -errno (logged): the process must end. */
int fence_enter(const struct process *p, const struct msg_prepare *m);

/* The parent's, when its folders are made and before it starts anybody. Folders of a later configuration that
 * lie elsewhere want a restart. */
int fence_enter_parent(const struct daemon_conf *d, enum sandbox_level level);
/* Where the XDP backend of that enforcer keeps what it pinned. buf has PATH_MAX bytes. Returns buf. */
char *fence_pins(uint16_t index, char *buf);

#endif
