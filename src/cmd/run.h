/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_RUN_H
#define CMD_RUN_H

/* What `bulkhead run` and `bulkhead enforce` have in common: their options, and a parent with children. */

#include "cmd/cmd.h"
#include "live/parent.h"

/* Reads the verb's arguments into `o`, which has the defaults, and runs the parent. Returns an exit code. */
int run_parent(const struct cmd_verb *v, struct parent_options *o, int argc, char **argv);

#endif
