/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/ask.h"

static int render(const struct ask *a, FILE *out)
{
	const struct report_incident *i = ask_incident(a);
	const struct report_case *c = &a->answers->report;
	return a->json ? report_json_plans(c, i, out) : report_text_plans(c, i, out, cmd_colour());
}

static int run(int argc, char **argv)
{
	return ask_run(&cmd_plan, argc, argv, render);
}

const struct cmd_verb cmd_plan = {
    .name = "plan",
    .arguments = "[--json] [--incident ID] CASE/",
    .summary = "The least to cut, in three plans, with what each costs",
    .help = ASK_OPTIONS_HELP ASK_EXIT_HELP
    "\nExample:\n  bulkhead plan CASE/\n  nft -c -f CASE/plan-surgical.nft\n",
    .run = run,
};
