/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/ask.h"

static int render(const struct ask *a, FILE *out)
{
	const struct report_case *c = &a->answers->report;
	const struct report_incident *i = ask_incident(a);
	const struct exposure *e = i ? i->exposures : c->exposures;
	size_t n = i ? i->n_exposures : c->n_exposures;
	return a->json ? report_json_exposures(c, e, n, out)
	               : report_text_exposures(c, e, n, out, cmd_colour());
}

static int run(int argc, char **argv)
{
	return ask_run(&cmd_exposure, argc, argv, MSG_ASK_EXPOSURE, render);
}

const struct cmd_verb cmd_exposure = {
    .name = "exposure",
    .arguments = "[--json] [--incident ID] [--zone NAME] [CASE/ | INCIDENT]",
    .summary = "What can have left a zone, at the most, and how sure that is",
    .help = ASK_OPTIONS_HELP "  -z, --zone NAME     this zone; without it every protected one (every "
                             "internal one where none is)\n" ASK_EXIT_HELP
                             "\nExample:\n  bulkhead exposure --zone mission-control\n  bulkhead exposure "
                             "CASE/ --zone mission-control\n",
    .run = run,
};
