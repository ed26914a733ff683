/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "cmd/ask.h"
#include "daemon/case_plan.h"
#include "report/report_simulation.h"

enum { OPTION_SIMULATE = 256, OPTION_PLAN };

/* What `--simulate` asks for. */
struct wish {
	bool simulate, one_plan;
	int64_t span_ns;
	enum plan_name plan; /* where it is one alone */
	struct simulation simulations[PLAN_COUNT];
	size_t n;
};

static int take_simulate(struct wish *w, const char *argument)
{
	if (time_parse_span(text_of(argument), &w->span_ns) < 0 || w->span_ns <= 0 ||
	    w->span_ns > SIMULATE_DAYS_MAX * 86400 * NS_PER_S)
		return cmd_usage(&cmd_plan,
		    "--simulate wants a time such as 7d, 36h or 90m, up to %dd, not '%s'", SIMULATE_DAYS_MAX,
		    argument);
	w->simulate = true;
	return 0;
}

static int take(void *context, int option, const char *argument)
{
	struct wish *w = context;
	if (option == OPTION_SIMULATE)
		return take_simulate(w, argument);
	if (plan_name_parse(text_of(argument), &w->plan) < 0)
		return cmd_usage(&cmd_plan, "--plan is surgical, guarded or shutdown, not '%s'", argument);
	w->one_plan = true;
	return 0;
}

static int check(void *context)
{
	const struct wish *w = context;
	return w->one_plan && !w->simulate ? cmd_usage(&cmd_plan, "--plan goes with --simulate") : 0;
}

static int simulate_plan(struct ask *a, struct wish *w, enum plan_name name)
{
	struct case_plan plan;
	int r = case_plan_cuts(
	    a->answers, a->site, a->options.incident, text_of(plan_name_text(name)), NULL, &plan);
	if (r == 0)
		r = case_plan_simulate(a->answers, a->site, a->archive, &a->options, &plan, w->span_ns, 0,
		    &w->simulations[w->n]);
	if (r < 0)
		log_error("plan %s: %s", plan_name_text(name), err_text(r));
	else
		w->n++;
	return r;
}

static int work(struct ask *a)
{
	struct wish *w = a->context;
	int r = 0;
	for (int i = 0; w->simulate && ask_incident(a) && i < PLAN_COUNT && r == 0; i++)
		if (!w->one_plan || w->plan == (enum plan_name)i)
			r = simulate_plan(a, w, (enum plan_name)i);
	return r;
}

/* Asked of a running daemon, plans become orders that wait for approval; what they would have cut does not.
 */
static void fill(void *context, struct msg_ask *m)
{
	const struct wish *w = context;
	if (!w->simulate)
		return;
	m->what = MSG_ASK_SIMULATE;
	m->span = w->span_ns;
	m->option = text_of(w->one_plan ? plan_name_text(w->plan) : NULL);
}

static int render(const struct ask *a, FILE *out)
{
	const struct wish *w = a->context;
	const struct report_incident *i = ask_incident(a);
	const struct report_case *c = &a->answers->report;
	if (w->simulate)
		return a->json ? report_json_simulations(c, i, w->simulations, w->n, out)
		               : report_text_simulations(c, i, w->simulations, w->n, out, cmd_colour());
	return a->json ? report_json_plans(c, i, out) : report_text_plans(c, i, out, cmd_colour());
}

static int run(int argc, char **argv)
{
	static const struct option longs[] = {{"simulate", required_argument, NULL, OPTION_SIMULATE},
	    {"plan", required_argument, NULL, OPTION_PLAN}, {NULL, 0, NULL, 0}};
	struct wish w = {.simulate = false};
	const struct ask_more more = {
	    .longs = longs, .take = take, .check = check, .work = work, .fill = fill, .context = &w};
	return ask_run_more(&cmd_plan, argc, argv, MSG_ASK_PLAN, &more, render);
}

const struct cmd_verb cmd_plan = {
    .name = "plan",
    .arguments = "[--json] [--incident ID] [--simulate SPAN [--plan NAME]] [CASE/ | INCIDENT]",
    .summary = "The least to cut, in three plans, with what each costs",
    .help =
        "Asked of a running daemon each plan becomes an order that waits for approval; the last lines tell "
        "its number,\nor why it can be none.\n\n" ASK_OPTIONS_HELP
        "      --simulate SPAN what the plans would have cut in that time before the last flow:\n"
        "                      7d, 36h, 90m; by service, machine, hour and cut\n"
        "      --plan NAME     of this plan alone: surgical, guarded or shutdown\n" ASK_EXIT_HELP
        "\nExample:\n  bulkhead plan incident-0f3a5c1b2d4e6978\n  bulkhead plan CASE/\n  bulkhead plan "
        "--simulate 7d --plan surgical CASE/\n"
        "  nft -c -f CASE/plan-surgical.nft\n",
    .run = run,
};
