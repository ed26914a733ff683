/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SANDBOX_FILTER_H
#define SANDBOX_FILTER_H

/* The seccomp filter of a profile (seccomp(2)), made of the rows of sandbox/calls.h. Private to sandbox/. */

#include "sandbox/profiles.h"

/* From now on it holds, for the process and whatever it executes. 0 or -errno. */
int filter_hold(const struct profile *p);

#endif
