/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_ASK_H
#define CMD_ASK_H

/*
 * What the verbs that ask a CASE folder again have in common: arguments, opening, answering. No new pass over
 * the captures is made; the archive is read.
 */

#include "cmd/cmd.h"
#include "daemon/case.h"

struct ask {
	struct case_options options;
	bool json;
	struct site *site;
	struct archive *archive;
	struct case_answers *answers;
};

/* Renders the answers to standard output; 0 or -errno. */
typedef int (*ask_render_fn)(const struct ask *a, FILE *out);

/*
 * Parses the verb's arguments (CASE/, --json, --incident ID, --zone NAME, --backflow), answers, renders.
 * Returns an exit code: FOUND where there is an incident.
 */
int ask_run(const struct cmd_verb *v, int argc, char **argv, ask_render_fn render);
/* The most severe incident that was asked for, or NULL. */
const struct report_incident *ask_incident(const struct ask *a);

#define ASK_OPTIONS_HELP                                                                                     \
	"  -j, --json          the JSON of doc/json.md\n"                                                    \
	"  -n, --incident ID   this incident; without it the most severe one\n"

#define ASK_EXIT_HELP                                                                                        \
	"\nExit code: 0 there is no incident, 1 there is one, 2 usage, 4 the case can't be read.\n"

#endif
