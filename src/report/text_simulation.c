/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "base/timefmt.h"
#include "report/pen.h"
#include "report/render.h"
#include "report/report_simulation.h"

enum { NAME_WIDTH = 42, FLOWS_WIDTH = 9, BYTES_WIDTH = 10, USES_SHOWN = 3, CUTS_SHOWN = 24 };

static const int64_t day_ns = 86400 * NS_PER_S;

static void print_sum(const struct pen *p, const struct simulated_sum *s)
{
	char flows[PEN_COUNT_SIZE], bytes[24];
	fprintf(p->out, "%*s%*s", FLOWS_WIDTH, pen_count(s->flows, flows), BYTES_WIDTH,
	    num_bytes_human(s->payload_bytes, bytes, sizeof(bytes)));
}

static void print_columns(const struct pen *p, const char *what, const char *last)
{
	fprintf(p->out, "  %s", p->dim);
	pen_cell(p, what, NAME_WIDTH + 2);
	fprintf(p->out, "%*s%*s%s%s\n", FLOWS_WIDTH, "flows", BYTES_WIDTH, "payload", last, p->off);
}

static void print_row(const struct pen *p, const char *name, const struct simulated_sum *s)
{
	fputs("    ", p->out);
	pen_cell(p, name, NAME_WIDTH);
	print_sum(p, s);
}

static void print_service(const struct pen *p, const struct simulation *s, const struct simulated_service *x)
{
	char last[TIME_TEXT_SIZE];
	unsigned window = (unsigned)((s->to - s->from + day_ns - 1) / day_ns);
	print_row(p, x->name, &x->loss.sum);
	fprintf(p->out, "%10u  %.19s  %srecord %llu%s", x->machines, time_human(x->loss.last, last), p->dim,
	    (unsigned long long)x->loss.last_flow, p->off);
	if (x->rare)
		fprintf(p->out, "  %son %u of %u days%s", p->yellow, x->days, window, p->off);
	fputc('\n', p->out);
}

static void print_services(const struct pen *p, const struct simulation *s)
{
	size_t hidden = 0;
	if (s->n_services == 0)
		return;
	print_columns(p, "services that it takes away", "  machines  last used (UTC)");
	for (size_t i = 0, rare = 0; i < s->n_services; i++) {
		/* what is rare stands far down, and is what people forget */
		bool shown = i < REPORT_SIMULATION_SERVICES ||
		             (s->services[i].rare && rare++ < REPORT_SIMULATION_SERVICES);
		if (shown)
			print_service(p, s, &s->services[i]);
		hidden += !shown;
	}
	if (hidden)
		fprintf(p->out, "    and %zu more: --json\n", hidden);
}

static void print_machine(const struct pen *p, const struct report_case *c, const struct simulation *s,
    const struct simulated_machine *m)
{
	char name[RENDER_TEXT_SIZE], flows[PEN_COUNT_SIZE];
	print_row(p, render_addr(c, m->addr, NULL, name), &m->loss.sum);
	for (size_t k = 0; k < m->n_uses && k < USES_SHOWN; k++) {
		const struct simulated_use *use = &m->uses[k];
		fprintf(p->out, "%s%s %s", k ? ", " : "  ", s->services[use->service].name,
		    pen_count(use->loss.sum.flows, flows));
	}
	if (m->n_uses > USES_SHOWN)
		fprintf(p->out, ", %zu more", m->n_uses - USES_SHOWN);
	fputc('\n', p->out);
}

static void print_machines(const struct pen *p, const struct report_case *c, const struct simulation *s,
    const char *what, const struct simulated_machine *v, size_t n)
{
	if (n == 0)
		return;
	print_columns(p, what, v->n_uses ? "  of" : "");
	for (size_t i = 0; i < n && i < REPORT_SIMULATION_MACHINES; i++)
		print_machine(p, c, s, &v[i]);
	if (n > REPORT_SIMULATION_MACHINES)
		fprintf(p->out, "    and %zu more: --json\n", n - REPORT_SIMULATION_MACHINES);
}

static void print_cuts(
    const struct pen *p, const struct report_case *c, const struct simulation *s, const struct plan *plan)
{
	char from[RENDER_TEXT_SIZE], to[RENDER_TEXT_SIZE], line[3 * RENDER_TEXT_SIZE], attack[PEN_COUNT_SIZE];
	size_t idle = 0, shown = 0;
	if (plan->n_cuts == 0)
		return;
	print_columns(p, "cuts", "  besides of the intrusion");
	for (size_t i = 0; i < plan->n_cuts; i++) {
		const struct plan_cut *cut = &plan->cuts[i];
		const struct simulated_cut *of = &s->by_cut[i];
		if (of->legitimate.flows + of->attack.flows + of->doubtful.flows == 0) {
			idle++;
		} else if (shown < CUTS_SHOWN) {
			snprintf(line, sizeof(line), "%s from %s", render_cut_from(c, cut, from),
			    render_cut_to(c, cut, to));
			print_row(p, line, &of->legitimate);
			fprintf(p->out, "  %s\n", pen_count(of->attack.flows + of->doubtful.flows, attack));
			shown++;
		}
	}
	if (plan->n_cuts - idle > shown)
		fprintf(p->out, "    and %zu more: --json\n", plan->n_cuts - idle - shown);
	if (idle)
		fprintf(p->out, "    and %zu with nothing to stop\n", idle);
}

static void print_coverage(const struct pen *p, const struct simulation *s)
{
	char covered[24], window[24], name[128], lost[PEN_COUNT_SIZE];
	const struct simulated_coverage *v = &s->coverage;
	fprintf(p->out, "  covered: %s of %s\n", time_span_human(v->covered_ns, covered, sizeof(covered)),
	    time_span_human(s->to - s->from, window, sizeof(window)));
	for (size_t i = 0; i < v->n_links; i++) {
		const struct simulated_link *l = &v->links[i];
		fprintf(p->out, "    link %s: %s", text_printable(l->name, name, sizeof(name)),
		    time_span_human(l->covered_ns, covered, sizeof(covered)));
		if (l->dropped == UINT64_MAX)
			fputs(", losses not reported\n", p->out);
		else
			fprintf(p->out, ", %s packets lost\n", pen_count(l->dropped, lost));
	}
	for (size_t i = 0; i < v->n_lines; i++)
		fprintf(p->out, "    %s%s%s\n", p->yellow, v->lines[i], p->off);
}

static void print_line(
    const struct pen *p, const char *name, const struct simulated_sum *s, const char *colour)
{
	fputs(colour, p->out);
	print_row(p, name, s);
	fprintf(p->out, "%s\n", p->off);
}

static void print_sums(const struct pen *p, const struct simulation *s, const struct plan *plan)
{
	char of_others[RENDER_TEXT_SIZE];
	char rate[RENDER_TEXT_SIZE], weighted[RENDER_TEXT_SIZE], estimate[RENDER_TEXT_SIZE],
	    n[PEN_COUNT_SIZE];
	const struct simulated_sum others = {.flows = s->legitimate.flows - s->of_held.flows,
	    .payload_bytes = s->legitimate.payload_bytes - s->of_held.payload_bytes};
	print_columns(p, "it would have stopped", "");
	print_line(p, "of the intrusion", &s->attack, "");
	if (s->doubtful.flows)
		print_line(p, "with its places, of machines not held", &s->doubtful, p->yellow);
	print_line(p, "that nobody answered", &s->unanswered, "");
	print_line(p, "of legitimate use, of held machines", &s->of_held, "");
	print_line(p, "of legitimate use, of others", &others, others.flows ? p->red : p->green);
	fprintf(p->out, "  lost a day: %s legitimate flows, of others %s; weighed by criticality %s",
	    render_rate(s->legitimate_flows_per_day, rate), render_rate(s->others_flows_per_day, of_others),
	    render_rate(s->weighted_flows_per_day, weighted));
	fprintf(p->out, "; the plan's estimate is %s\n",
	    render_rate(plan->legitimate_flows_lost_per_day, estimate));
	if (s->legitimate.flows)
		fprintf(p->out, "  busiest hour: %02u:00 to %02u:00 UTC, with %s of them\n", s->busiest_hour,
		    (s->busiest_hour + 1) % SIMULATE_HOURS, pen_count(s->by_hour[s->busiest_hour], n));
	if (s->within_zones.flows)
		fprintf(p->out, "  not stopped: %s flows within a zone, where no enforcement point stands\n",
		    pen_count(s->within_zones.flows, n));
	if (s->coarse)
		fprintf(p->out,
		    "  %smore than can be listed: the sums hold, the lists are the first of it%s\n",
		    p->yellow, p->off);
}

static bool same_prefixes(const struct net_prefix *a, size_t n_a, const struct net_prefix *b, size_t n_b)
{
	return n_a == n_b && memcmp(a, b, n_a * sizeof(*a)) == 0;
}

static bool same_cuts(const struct plan *a, const struct plan *b)
{
	bool same = a->n_cuts == b->n_cuts;
	for (size_t i = 0; same && i < a->n_cuts; i++) {
		const struct plan_cut *x = &a->cuts[i], *y = &b->cuts[i];
		same = x->kind == y->kind && same_prefixes(x->from, x->n_from, y->from, y->n_from) &&
		       same_prefixes(x->to, x->n_to, y->to, y->n_to) && x->from_zone == y->from_zone &&
		       x->to_zone == y->to_zone && x->to_external == y->to_external &&
		       x->direction == y->direction;
	}
	return same;
}

static void print_simulation(const struct pen *p, const struct report_case *c,
    const struct report_incident *i, const struct simulation *s, const struct simulation *before)
{
	const struct plan *plan = &i->plans[s->plan];
	char from[TIME_TEXT_SIZE], to[TIME_TEXT_SIZE];
	fprintf(p->out, "%s%s%s, had it stood from %s to %s: %zu cuts\n", p->bold, plan_name_text(s->plan),
	    p->off, time_human(s->from, from), time_human(s->to, to), plan->n_cuts);
	if (s->problem) {
		fprintf(p->out, "  %sit can't be ordered: %s%s\n", p->red, s->problem, p->off);
		return;
	}
	if (before && same_cuts(plan, &i->plans[before->plan])) {
		fprintf(p->out, "  the same cuts as %s\n", plan_name_text(before->plan));
		return;
	}
	print_sums(p, s, plan);
	print_services(p, s);
	/* bystanders come first; what held machines lose is the purpose of it */
	print_machines(p, c, s, "machines that lose by it, not held", s->machines, s->n_bystanders);
	print_machines(p, c, s, "machines that are held", s->machines + s->n_bystanders,
	    s->n_machines - s->n_bystanders);
	print_machines(p, c, s, "not held, but with the intruder's places", s->doubtful_machines,
	    s->n_doubtful_machines);
	print_cuts(p, c, s, plan);
	print_coverage(p, s);
}

int report_text_simulations(const struct report_case *c, const struct report_incident *i,
    const struct simulation *v, size_t n, FILE *out, bool colour)
{
	const struct pen p = pen_of(out, colour);
	if (!i)
		fputs("No incident, so there is nothing to cut.\n", out);
	for (size_t k = 0; i && k < n; k++) {
		if (k)
			fputc('\n', out);
		print_simulation(&p, c, i, &v[k], k ? &v[k - 1] : NULL);
	}
	return ferror(out) ? -EIO : 0;
}
