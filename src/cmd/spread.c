/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/ask.h"

static int render(const struct ask *a, FILE *out)
{
	const struct report_incident *i = ask_incident(a);
	const struct report_case *c = &a->answers->report;
	return a->json ? report_json_spread(c, i, out) : report_text_spread(c, i, out, cmd_colour());
}

static int run(int argc, char **argv)
{
	return ask_run(&cmd_spread, argc, argv, MSG_ASK_SPREAD, render);
}

const struct cmd_verb cmd_spread = {
    .name = "spread",
    .arguments = "[--json] [--incident ID] [--backflow] [CASE/ | INCIDENT]",
    .summary = "How far an intruder can have got, asset by asset, with the way there",
    .help = ASK_OPTIONS_HELP
    "  -b, --backflow      a compromised server also reaches the clients that it served\n" ASK_EXIT_HELP
    "\nExample:\n  bulkhead spread incident-0f3a5c1b2d4e6978\n  bulkhead spread CASE/ --backflow\n",
    .run = run,
};
