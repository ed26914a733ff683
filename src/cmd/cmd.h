/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_CMD_H
#define CMD_CMD_H

/*
 * The verbs of the program: one file each, one row each in main.c. A verb parses its arguments, does its work
 * by calling the modules, prints, and returns an exit code.
 */

#include <stdbool.h>
#include <stddef.h>

/* Exit codes, the same for all verbs; doc/bulkhead.1 tells them to users. */
enum cmd_exit {
	CMD_EXIT_FINE = 0,    /* done, nothing found */
	CMD_EXIT_FOUND = 1,   /* done, and something was found: an incident, a mistake in a checked file */
	CMD_EXIT_USAGE = 2,   /* wrong arguments, or a configuration with mistakes */
	CMD_EXIT_PARTIAL = 3, /* done, but some input could not be read to its end: the result says which */
	CMD_EXIT_FAILED = 4,  /* not done */
};

struct cmd_verb {
	const char *name;
	const char *arguments;             /* for the usage line */
	const char *summary;               /* one line for the list */
	const char *help;                  /* what it does, options, an example */
	int (*run)(int argc, char **argv); /* argv[0] is the verb */
};

extern const struct cmd_verb cmd_analyze, cmd_archive, cmd_check, cmd_incidents, cmd_spread, cmd_plan,
    cmd_exposure, cmd_hunt, cmd_verify, cmd_prove, cmd_ledger, cmd_run, cmd_enforce, cmd_status, cmd_orders,
    cmd_approve, cmd_reject, cmd_confirm, cmd_release, cmd_reload, cmd_process;

/* Prints the verb's help to standard output. Returns CMD_EXIT_FINE. */
int cmd_help(const struct cmd_verb *v);
/* Prints "what", how the verb is called, and where more is told, to standard error. Returns CMD_EXIT_USAGE.
 */
int cmd_usage(const struct cmd_verb *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Whether standard output is a terminal that wants colour (NO_COLOR isn't set). */
bool cmd_colour(void);
/* A seed for hash tables from the system's random numbers. */
unsigned long cmd_seed(void);

#endif
