/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_ASK_H
#define CMD_ASK_H

/*
 * What the verbs incidents, spread, plan and exposure have in common: arguments, whom they ask, answering. A
 * CASE folder is opened and its archive read; without one a running `bulkhead run` is asked by its control
 * socket, whose planner reads the archive as it is. No new pass over packets is made.
 */

#include <getopt.h>

#include "cmd/cmd.h"
#include "daemon/case.h"
#include "msg/process.h"

struct ask {
	struct case_options options;
	bool json;
	const char *folder; /* NULL: a running daemon is asked */
	const char *socket; /* of that; NULL: the default */
	void *context;      /* of whoever added options */
	struct site *site;
	struct archive *archive;
	struct case_answers *answers;
};

/* Renders the answers to standard output; 0 or -errno. */
typedef int (*ask_render_fn)(const struct ask *a, FILE *out);

/*
 * Parses the verb's arguments (CASE/ or an incident, --json, --incident ID, --zone NAME, --backflow, --socket
 * PATH), answers, renders. `what`: the same question to a running daemon. Returns an exit code: FOUND where
 * there is an incident.
 */
int ask_run(const struct cmd_verb *v, int argc, char **argv, enum msg_ask_what what, ask_render_fn render);

/* Options that one verb has besides. */
struct ask_more {
	const struct option *longs; /* with values of `val` that are no letters, closed with zeroes */
	/* Takes one of them. 0 or what cmd_usage gave. */
	int (*take)(void *context, int option, const char *argument);
	/* Whether they go together, once all are taken. The same. NULL: they do. */
	int (*check)(void *context);
	/* What is left to work out once there are answers; tells its own errors. 0 or -errno. */
	int (*work)(struct ask *a);
	/* What a running daemon is told of them. NULL: nothing. */
	void (*fill)(void *context, struct msg_ask *m);
	void *context;
};

/* ask_run with those. */
int ask_run_more(const struct cmd_verb *v, int argc, char **argv, enum msg_ask_what what,
    const struct ask_more *more, ask_render_fn render);
/* The most severe incident that was asked for, or NULL. */
const struct report_incident *ask_incident(const struct ask *a);

#define ASK_SOCKET_HELP "      --socket PATH   of the daemon that is asked where no CASE/ is named\n"
#define ASK_OPTIONS_HELP                                                                                     \
	"  -j, --json          the JSON of doc/json.md\n"                                                    \
	"  -n, --incident ID   this incident; without it the most severe one\n" ASK_SOCKET_HELP

#define ASK_EXIT_HELP                                                                                        \
	"\nExit code: 0 there is no incident, 1 there is one, 2 usage or no such incident, 4 the case "      \
	"can't be "                                                                                          \
	"read, or\nthe daemon doesn't answer, or not this user.\n"

#endif
