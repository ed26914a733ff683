/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIVE_PARENT_H
#define LIVE_PARENT_H

/*
 * The parent of `bulkhead run`: reads the configuration, opens what needs a right to be opened, starts the
 * other processes and hands everything down to them, starts again what dies, and swaps configurations. It
 * never reads a byte that came from the network. That of `bulkhead enforce` is the same, with two children:
 * an enforcer, and a link whom another machine steers it by (doc/remote.md).
 */

#include "sandbox/sandbox.h"

struct parent_options {
	const char *conf; /* bulkhead.yaml */
	bool far;         /* it is the one of `bulkhead enforce` */
	enum sandbox_level sandbox;
};

/* Runs until SIGTERM or SIGINT. Returns an exit code (enum cmd_exit): 2 where the configuration has mistakes,
 * 4 where it can't begin. */
int parent_run(const struct parent_options *options);

#endif
