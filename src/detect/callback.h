/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DETECT_CALLBACK_H
#define DETECT_CALLBACK_H

/* What detect/exploit.c tells detect/callback.c, which keeps the requests that a server got. Private to
 * detect/. */

#include "detect/behaviour.h"

/* The flow whose transactions are being told carried the marks of an exploit, which named that address to
 * call (none: it named none). `state`: of behaviour_callback. */
void callback_mark_exploit(void *state, uint64_t flow, struct net_addr named);

#endif
