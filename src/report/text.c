/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "base/timefmt.h"
#include "net/app.h"
#include "report/render.h"

/* Terminal colours, empty strings where none are wanted. */
struct paint {
	const char *bold, *dim, *red, *yellow, *green, *off;
};

static struct paint paint_of(bool colour)
{
	static const struct paint none = {"", "", "", "", "", ""};
	static const struct paint ansi = {
	    "\033[1m", "\033[2m", "\033[31m", "\033[33m", "\033[32m", "\033[0m"};
	return colour ? ansi : none;
}

static int done(FILE *out)
{
	return ferror(out) ? -EIO : 0;
}

/* UTC's date once, then times of day: a case is read along its hours. */
static const char *clock_of(int64_t ns, char *buf)
{
	time_human(ns, buf);
	buf[19] = '\0';
	return ns ? buf + 11 : "-";
}

static void print_assets(
    const struct report_case *c, const struct incident *i, const struct paint *p, FILE *out)
{
	char name[RENDER_TEXT_SIZE], time[TIME_TEXT_SIZE];
	for (size_t k = 0; k < i->n_assets; k++) {
		const struct incident_asset *a = &i->assets[k];
		if (a->state == INCIDENT_ASSET_TARGET)
			continue;
		fprintf(out, "    %s%-11s%s %-34s %-16s since %s  confidence %.2f\n",
		    a->state == INCIDENT_ASSET_COMPROMISED ? p->red : p->yellow,
		    incident_asset_state_name(a->state), p->off, render_asset(c, a->asset, name),
		    net_zone_at(c->zones, asset_at(c->assets, a->asset)->zone)->name,
		    clock_of(a->since, time), a->confidence);
	}
}

static void print_peers(const struct report_case *c, const struct incident *i, size_t most, FILE *out)
{
	char name[RENDER_TEXT_SIZE], sent[24], taken[24];
	for (size_t k = 0; k < i->n_peers && k < most; k++) {
		const struct incident_peer *p = &i->peers[k];
		fprintf(out, "    %-13s %-44s %s to it, %s from it\n", msg_role_name(p->role),
		    render_addr(c, p->addr, p->name, name), num_bytes_human(p->bytes_out, sent, sizeof(sent)),
		    num_bytes_human(p->bytes_in, taken, sizeof(taken)));
	}
	if (i->n_peers > most)
		fprintf(out, "    and %zu more\n", i->n_peers - most);
}

static void print_incident_head(
    const struct report_case *c, const struct incident *i, const struct paint *p, FILE *out)
{
	char name[RENDER_TEXT_SIZE], peer[RENDER_TEXT_SIZE], first[TIME_TEXT_SIZE], last[TIME_TEXT_SIZE];
	fprintf(out, "%s%s%s  %s%s%s, confidence %.2f, %s to %s UTC\n", p->bold, i->id, p->off,
	    i->severity >= INCIDENT_HIGH ? p->red : p->yellow, incident_severity_name(i->severity), p->off,
	    i->confidence, time_human(i->first, first), clock_of(i->last, last));
	if (!i->has_entry) {
		fputs("  entry: not seen in these captures\n", out);
		return;
	}
	fprintf(
	    out, "  entry: %s at %s", render_asset(c, i->entry_asset, name), clock_of(i->entry_time, first));
	if (!net_addr_is_none(i->entry_peer))
		fprintf(out, ", from %s", render_addr(c, i->entry_peer, NULL, peer));
	fprintf(out, "\n    %s%s%s\n", p->dim, i->entry_why ? i->entry_why : "", p->off);
}

static void print_detections(const struct report_case *c, const struct incident *i, FILE *out)
{
	char why[512], name[RENDER_TEXT_SIZE], time[TIME_TEXT_SIZE], what[64], technique[32];
	for (size_t k = 0; k < i->n_detections; k++) {
		const struct msg_detection *d = i->detections[k];
		fprintf(out, "    %s  %-24s %-10s %.2f  %s: %s  [record %llu", clock_of(d->time, time),
		    text_printable(d->name, what, sizeof(what)),
		    text_printable(d->technique, technique, sizeof(technique)), d->confidence,
		    render_addr(c, d->asset, NULL, name), text_printable(d->why, why, sizeof(why)),
		    d->flows.n ? (unsigned long long)d->flows.v[0] : 0ull);
		if (d->flows.n > 1)
			fprintf(out, " and %u more", d->flows.n - 1);
		fputs("]\n", out);
	}
}

int report_text_incidents(const struct report_case *c, FILE *out, bool colour)
{
	struct paint p = paint_of(colour);
	if (c->n_incidents == 0)
		fprintf(out, "No incident. %zu detections stand alone and are too weak to make one.\n",
		    c->n_detections);
	for (size_t k = 0; k < c->n_incidents; k++) {
		const struct incident *i = c->incidents[k].incident;
		print_incident_head(c, i, &p, out);
		fputs("  machines:\n", out);
		print_assets(c, i, &p, out);
		if (i->n_peers)
			fputs("  outside:\n", out);
		print_peers(c, i, SIZE_MAX, out);
		fputs("  detections:\n", out);
		print_detections(c, i, out);
		fputc('\n', out);
	}
	return done(out);
}

static void print_grades(const struct spread *s, const struct paint *p, FILE *out)
{
	const char *colours[] = {p->red, p->red, p->yellow, p->dim, p->green};
	for (int g = SPREAD_CONFIRMED; g <= SPREAD_CLEARED; g++)
		fprintf(out, "%s%s%zu %s%s", g ? ", " : "", colours[g], s->by_grade[g],
		    spread_grade_name((enum spread_grade)g), p->off);
	fputc('\n', out);
}

int report_text_spread(const struct report_case *c, const struct report_incident *i, FILE *out, bool colour)
{
	struct paint p = paint_of(colour);
	char name[RENDER_TEXT_SIZE], from[RENDER_TEXT_SIZE], time[TIME_TEXT_SIZE];
	if (!i || !i->spread) {
		fputs("No incident, so there is nothing to spread from.\n", out);
		return done(out);
	}
	fprintf(out, "%sSpread of %s:%s ", p.bold, i->incident->id, p.off);
	print_grades(i->spread, &p, out);
	for (size_t k = 0; k < i->spread->n_assets; k++) {
		const struct spread_asset *a = &i->spread->assets[k];
		fprintf(out, "  %-10s %-34s %-16s", spread_grade_name(a->grade),
		    render_asset(c, a->asset, name),
		    net_zone_at(c->zones, asset_at(c->assets, a->asset)->zone)->name);
		if (a->arrival)
			fprintf(out, " from %s", clock_of(a->arrival, time));
		if (a->n_path) {
			const struct spread_hop *h = &a->path[a->n_path - 1];
			fprintf(out, "  by %s from %s [record %llu]", app_name(h->app),
			    render_asset(c, h->from, from), (unsigned long long)h->flow);
		}
		fputc('\n', out);
	}
	return done(out);
}

static void print_plan(
    const struct report_case *c, const struct plan *p, const struct paint *paint, FILE *out)
{
	char from[RENDER_TEXT_SIZE], to[RENDER_TEXT_SIZE], rate[RENDER_TEXT_SIZE], lease[32];
	fprintf(out,
	    "%s%s%s: %zu cuts; attack paths %zu, left %zu; loses %s legitimate flows a day (%.1f %%)\n",
	    paint->bold, plan_name_text(p->name), paint->off, p->n_cuts, p->attack_paths_before,
	    p->attack_paths_left, render_rate(p->legitimate_flows_lost_per_day, rate),
	    render_share(p->legitimate_flows_lost_per_day, p->legitimate_flows_per_day));
	for (size_t k = 0; k < p->n_cuts; k++) {
		const struct plan_cut *cut = &p->cuts[k];
		fprintf(out, "  cut   %s from %s, %s, for %s, at %s\n", render_cut_from(c, cut, from),
		    render_cut_to(c, cut, to), render_direction(cut),
		    time_span_human(cut->lease_ns, lease, sizeof(lease)), cut->enforcement);
	}
	for (size_t k = 0; k < p->n_services_lost && k < 12; k++) {
		const struct plan_lost_service *s = &p->services_lost[k];
		fprintf(out, "  loses %s: %u clients, %s flows a day\n", s->name, s->clients,
		    render_rate(s->flows_per_day, rate));
	}
	if (p->n_services_lost > 12)
		fprintf(out, "  loses %zu more services\n", p->n_services_lost - 12);
	for (size_t k = 0; k < p->n_manual_steps; k++)
		fprintf(out, "  by hand: %s\n", p->manual_steps[k]);
	for (size_t k = 0; k < p->n_guardrails; k++)
		fprintf(out, "  guardrail: %s\n", p->guardrails[k]);
}

int report_text_plans(const struct report_case *c, const struct report_incident *i, FILE *out, bool colour)
{
	struct paint p = paint_of(colour);
	if (!i || !i->plans)
		fputs("No incident, so there is nothing to cut.\n", out);
	for (int k = 0; i && i->plans && k < PLAN_COUNT; k++) {
		print_plan(c, &i->plans[k], &p, out);
		fputc('\n', out);
	}
	return done(out);
}

static void print_coverage(const struct exposure_coverage *v, FILE *out)
{
	for (size_t k = 0; k < v->n_links; k++) {
		const struct msg_coverage *l = &v->links[k];
		char name[128], from[TIME_TEXT_SIZE], to[TIME_TEXT_SIZE];
		fprintf(out, "    link %s: %s to %s, %llu packets",
		    text_printable(l->name, name, sizeof(name)), time_human(l->from, from),
		    clock_of(l->to, to), (unsigned long long)l->packets);
		if (l->dropped == UINT64_MAX)
			fputs(", losses not reported", out);
		else
			fprintf(out, ", %llu lost", (unsigned long long)l->dropped);
		if (l->missing)
			fprintf(
			    out, ", %llu bytes acknowledged but never seen", (unsigned long long)l->missing);
		fputc('\n', out);
	}
	for (size_t k = 0; k < v->n_not_seen; k++)
		fprintf(out, "    not seen: %s\n", v->not_seen[k]);
}

int report_text_exposures(
    const struct report_case *c, const struct exposure *e, size_t n, FILE *out, bool colour)
{
	struct paint p = paint_of(colour);
	char name[RENDER_TEXT_SIZE], bytes[24], more[24], any[24];
	for (size_t k = 0; k < n; k++) {
		const struct exposure *x = &e[k];
		fprintf(out, "%s%s%s: at most %s%s%s can have left the organization via the observed links\n",
		    p.bold, net_zone_at(c->zones, x->zone)->name, p.off, p.bold,
		    num_bytes_human(x->chained_bytes, bytes, sizeof(bytes)), p.off);
		fprintf(out, "  %s left the zone for anywhere; %s if every machine is mistrusted\n",
		    num_bytes_human(x->direct_bytes, more, sizeof(more)),
		    num_bytes_human(x->chained_any_bytes, any, sizeof(any)));
		for (size_t d = 0; d < x->n_destinations && d < 20; d++) {
			const struct exposure_destination *to = &x->destinations[d];
			fprintf(out, "    %-11s %-44s %10s  %llu flows [record %llu]\n",
			    exposure_class_name(to->class), render_addr(c, to->addr, to->name, name),
			    num_bytes_human(to->payload_bytes, bytes, sizeof(bytes)),
			    (unsigned long long)to->flows_total,
			    to->n_flows ? (unsigned long long)to->flows[0] : 0ull);
		}
		if (x->n_destinations > 20)
			fprintf(out, "    and %zu more destinations\n", x->n_destinations - 20);
		fputs("  coverage:\n", out);
		print_coverage(&x->coverage, out);
	}
	return done(out);
}

static void summary_incident(
    const struct report_case *c, const struct report_incident *i, const struct paint *p, FILE *out)
{
	char rate[RENDER_TEXT_SIZE], bytes[24];
	print_incident_head(c, i->incident, p, out);
	fputs("  machines\n", out);
	print_assets(c, i->incident, p, out);
	if (i->incident->n_peers)
		fputs("  outside\n", out);
	print_peers(c, i->incident, 6, out);
	if (!i->spread)
		return;
	fputs("  spread      ", out);
	print_grades(i->spread, p, out);
	for (int k = 0; k < PLAN_COUNT; k++) {
		const struct plan *plan = &i->plans[k];
		fprintf(out,
		    "  %-11s %zu cuts, attack paths %zu -> %zu, loses %s of legitimate flows (%.1f %%)%s\n",
		    plan_name_text(plan->name), plan->n_cuts, plan->attack_paths_before,
		    plan->attack_paths_left, render_rate(plan->legitimate_flows_lost_per_day, rate),
		    render_share(plan->legitimate_flows_lost_per_day, plan->legitimate_flows_per_day),
		    plan->n_manual_steps ? ", steps by hand" : "");
	}
	for (size_t k = 0; k < i->n_exposures; k++)
		fprintf(out, "  exposure    at most %s%s%s left %s via the observed links\n", p->bold,
		    num_bytes_human(i->exposures[k].chained_bytes, bytes, sizeof(bytes)), p->off,
		    net_zone_at(c->zones, i->exposures[k].zone)->name);
}

static void summary_coverage(const struct report_case *c, FILE *out)
{
	char path[512];
	uint64_t packets = 0, lost = 0, unknown = 0;
	for (size_t k = 0; k < c->n_coverage; k++) {
		packets += c->coverage[k].packets;
		if (c->coverage[k].dropped == UINT64_MAX)
			unknown++;
		else
			lost += c->coverage[k].dropped;
	}
	fprintf(out, "  coverage    %zu links, %llu packets, %llu known lost", c->n_coverage,
	    (unsigned long long)packets, (unsigned long long)lost);
	if (unknown)
		fprintf(out, "; %llu links don't report losses", (unsigned long long)unknown);
	fputc('\n', out);
	for (size_t k = 0; k < c->n_sources; k++)
		if (c->sources[k].why && c->sources[k].why[0])
			fprintf(out, "  partial     %s: %s\n",
			    text_printable(text_of(c->sources[k].path), path, sizeof(path)),
			    c->sources[k].why);
}

int report_summary(const struct report_case *c, FILE *out, bool colour)
{
	struct paint p = paint_of(colour);
	char first[TIME_TEXT_SIZE], last[TIME_TEXT_SIZE], bytes[24];
	fprintf(out, "%s%s%s: %llu flows, %zu machines, %s to %s UTC\n", p.bold, c->site_name, p.off,
	    (unsigned long long)c->flows, asset_count(c->assets), time_human(c->first, first),
	    clock_of(c->last, last));
	if (c->site_guessed)
		fprintf(out,
		    "%sno site file: zones were guessed (private addresses inside, the rest outside)%s\n",
		    p.yellow, p.off);
	if (c->n_incidents == 0) {
		fprintf(out, "%sNo incident.%s %zu detections stand alone and are too weak to make one.\n",
		    p.green, p.off, c->n_detections);
		for (size_t k = 0; k < c->n_exposures; k++)
			fprintf(out,
			    "  exposure    at most %s left %s via the observed links, whoever asked for it\n",
			    num_bytes_human(c->exposures[k].chained_bytes, bytes, sizeof(bytes)),
			    net_zone_at(c->zones, c->exposures[k].zone)->name);
	}
	for (size_t k = 0; k < c->n_incidents && k < 3; k++)
		summary_incident(c, &c->incidents[k], &p, out);
	if (c->n_incidents > 3)
		fprintf(out, "%zu more incidents: bulkhead incidents CASE/\n", c->n_incidents - 3);
	summary_coverage(c, out);
	return done(out);
}
