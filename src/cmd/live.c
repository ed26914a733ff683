/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/live.h"

#include <string.h>

#include "base/text.h"

enum { ROWS = 12 };

static bool is_in_force(const json_t *o)
{
	return !live_is(o, "state", "proposed");
}

/* What is wrong, each in a line; whether anything is. */
static bool print_losses(const struct live_page *p, const json_t *j)
{
	const json_t *archive = json_object_get(j, "archive"), *s;
	char n[LIVE_CELL], why[LIVE_CELL];
	bool any = false;
	size_t i;
	json_array_foreach(json_object_get(j, "sensors"), i, s)
	{
		if (live_number(s, "lost_packets")) {
			fprintf(p->out,
			    "  sensor %" JSON_INTEGER_FORMAT " lost %s: what they held is not known\n",
			    live_number(s, "index"),
			    live_many(live_number(s, "lost_packets"), "packet", "packets", n));
			any = true;
		}
		if (!live_yes(s, "connected")) {
			fprintf(p->out,
			    "  sensor %" JSON_INTEGER_FORMAT " isn't there: nothing is seen by it\n",
			    live_number(s, "index"));
			any = true;
		}
	}
	if (live_number(archive, "records_lost")) {
		fprintf(p->out, "  %s found no way to the archive\n",
		    live_many(live_number(archive, "records_lost"), "record", "records", n));
		any = true;
	}
	if (*live_text(archive, "failing", why)) {
		fprintf(p->out, "  the archive takes nothing just now: %s\n", why);
		any = true;
	}
	if (!live_yes(archive, "connected")) {
		fputs("  the archivist isn't there: nothing is archived\n", p->out);
		any = true;
	}
	if (*live_text(j, "store_failing", why)) {
		fprintf(
		    p->out, "  orders can't be stored: %s; they count, but a restart may forget them\n", why);
		any = true;
	}
	return any;
}

static bool print_broken(const struct live_page *p, const json_t *j)
{
	char name[LIVE_CELL], why[LIVE_CELL];
	const json_t *e;
	bool any = false;
	size_t i;
	json_array_foreach(json_object_get(j, "processes"), i, e)
	{
		if (live_yes(e, "runs"))
			continue;
		fprintf(p->out, "  process %s %" JSON_INTEGER_FORMAT " doesn't run\n",
		    live_text(e, "name", name), live_number(e, "index"));
		any = true;
	}
	json_array_foreach(json_object_get(j, "enforcers"), i, e)
	{
		live_text(e, "lacks", why);
		if (*why) {
			fprintf(p->out, "  enforcer %s wouldn't let %s pass: name it in never_cut there\n",
			    live_text(e, "name", name), why);
			any = true;
		}
		if (live_yes(e, "ready"))
			continue;
		live_text(e, "why_not", why);
		fprintf(p->out, "  enforcer %s can cut nothing: %s\n", live_text(e, "name", name),
		    *why ? why : "it hasn't said yet that it can");
		any = true;
	}
	return any;
}

static void print_attention(const struct live_page *p, const json_t *j)
{
	const json_t *o;
	bool any = false;
	size_t i;
	live_title(p, "Attention");
	json_array_foreach(json_object_get(j, "standing"), i, o)
	    any = i < ROWS && live_print_order_wants(p, o) ? true : any;
	any = print_broken(p, j) || any;
	any = print_losses(p, j) || any;
	if (!any)
		live_paint(
		    p, LIVE_GOOD, "  nothing: no order waits for anybody, nothing leaks, nothing is lost\n");
}

static void print_orders(const struct live_page *p, const json_t *j)
{
	const json_t *counts = json_object_get(j, "orders"), *count, *o;
	json_int_t all = 0;
	size_t i, shown = 0;
	const char *name;
	char buf[LIVE_CELL];
	live_title(p, "Orders");
	json_object_foreach((json_t *)(uintptr_t)counts, name, count) all += json_integer_value(count);
	if (all == 0) {
		fputs("  none: nothing is cut\n", p->out);
		return;
	}
	live_print_order_head(p);
	for (int waiting = 0; waiting < 2; waiting++)
		json_array_foreach(json_object_get(j, "standing"), i, o)
		{
			if (is_in_force(o) == (waiting == 1) || shown == ROWS)
				continue;
			live_print_order_row(p, o);
			shown++;
		}
	if (all > (json_int_t)shown)
		fprintf(p->out, "         and %s more: bulkhead orders\n",
		    live_thousands(all - (json_int_t)shown, buf));
}

static void print_incidents(const struct live_page *p, const json_t *j)
{
	const json_t *list = json_object_get(j, "incidents"), *n;
	char id[LIVE_CELL], severity[LIVE_CELL], machines[LIVE_CELL];
	size_t i;
	live_title(p, "Incidents");
	if (json_array_size(list) == 0)
		fputs("  none\n", p->out);
	json_array_foreach(list, i, n)
	{
		if (i == ROWS) {
			fprintf(p->out, "  and %zu more: bulkhead incidents\n", json_array_size(list) - ROWS);
			break;
		}
		fprintf(p->out, "  %-26s  %-8s  confidence %.2f  %-12s  bulkhead plan %s\n",
		    live_text(n, "id", id), live_text(n, "severity_name", severity),
		    json_number_value(json_object_get(n, "confidence")),
		    live_many(live_number(n, "assets"), "machine", "machines", machines), id);
	}
}

static void print_sensors(const struct live_page *p, const json_t *j)
{
	const json_t *s;
	char cell[LIVE_CELL], flows[LIVE_CELL], line[LIVE_CELL];
	size_t i;
	live_title(p, "Sensors");
	json_array_foreach(json_object_get(j, "sensors"), i, s)
	{
		json_int_t lost = live_number(s, "lost_packets"), packets = live_number(s, "packets");
		double all = (double)packets + (double)lost;
		fprintf(p->out, "  %-16" JSON_INTEGER_FORMAT " %15s packets  %11s flows open  ",
		    live_number(s, "index"), live_thousands(packets, cell),
		    live_thousands(live_number(s, "flows"), flows));
		snprintf(line, sizeof(line), "%" JSON_INTEGER_FORMAT " lost (%.3f %%)", lost,
		    all > 0 ? 100.0 * (double)lost / all : 0.0);
		live_paint(p, lost ? LIVE_WARN : LIVE_PLAIN, line);
		if (!live_yes(s, "connected"))
			live_paint(p, LIVE_BAD, ", not connected");
		fputs(live_yes(s, "capture_ended") ? ", its capture has ended\n" : "\n", p->out);
	}
}

static void print_drift(const struct live_page *p, const json_t *drift)
{
	static const char *const kinds[] = {"missing", "foreign", "wrong"};
	char line[LIVE_CELL], times[LIVE_CELL];
	if (live_number(drift, "times") == 0) {
		fputs(", no drift", p->out);
		return;
	}
	snprintf(line, sizeof(line), ", drifted %.60s",
	    live_many(live_number(drift, "times"), "time", "times", times));
	live_paint(p, LIVE_WARN, line);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (live_number(drift, kinds[i]))
			fprintf(
			    p->out, ", %s %s", live_thousands(live_number(drift, kinds[i]), times), kinds[i]);
}

static void print_enforcers(const struct live_page *p, const json_t *j)
{
	const json_t *e;
	char name[LIVE_CELL], backend[LIVE_CELL], cuts[LIVE_CELL];
	size_t i;
	live_title(p, "Enforcers");
	if (json_array_size(json_object_get(j, "enforcers")) == 0)
		fputs("  none: nothing can be cut\n", p->out);
	json_array_foreach(json_object_get(j, "enforcers"), i, e)
	{
		const json_t *drift = json_object_get(e, "drift"), *lease = json_object_get(e, "lease_s");
		fprintf(
		    p->out, "  %-16s %-10s ", live_text(e, "name", name), live_text(e, "backend", backend));
		live_paint(p, live_yes(e, "ready") ? LIVE_GOOD : LIVE_BAD,
		    live_yes(e, "ready") ? "ready    " : "not ready");
		fprintf(p->out, "  %s, generation %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT,
		    live_many(live_number(e, "cuts"), "cut", "cuts", cuts), live_number(e, "generation"),
		    live_number(j, "generation"));
		if (json_is_number(lease) && json_number_value(lease) > 0)
			fprintf(p->out, ", lease %.0f s", json_number_value(lease));
		print_drift(p, drift);
		fputc('\n', p->out);
	}
}

static void print_archive(const struct live_page *p, const json_t *j)
{
	const json_t *archive = json_object_get(j, "archive");
	char sent[LIVE_CELL], durable[LIVE_CELL], lost[LIVE_CELL];
	live_title(p, "Archive");
	fprintf(p->out, "  %s, %s of them on disk, ",
	    live_many(live_number(archive, "sent"), "record", "records", sent),
	    live_thousands(live_number(archive, "durable"), durable));
	snprintf(lost, sizeof(lost), "%" JSON_INTEGER_FORMAT " lost\n", live_number(archive, "records_lost"));
	live_paint(p, live_number(archive, "records_lost") ? LIVE_BAD : LIVE_PLAIN, lost);
}

static void print_processes(const struct live_page *p, const json_t *j)
{
	const json_t *e;
	char name[LIVE_CELL], line[LIVE_CELL];
	size_t i;
	live_title(p, "Processes");
	fputc(' ', p->out);
	json_array_foreach(json_object_get(j, "processes"), i, e)
	{
		json_int_t restarts = live_number(e, "restarts");
		snprintf(line, sizeof(line), " %.40s %" JSON_INTEGER_FORMAT "%s", live_text(e, "name", name),
		    live_number(e, "index"), live_yes(e, "runs") ? "" : " (not running)");
		live_paint(p, live_yes(e, "runs") ? LIVE_PLAIN : LIVE_BAD, line);
		if (restarts)
			fprintf(p->out, " (%s)", live_many(restarts, "restart", "restarts", line));
		fputs(i + 1 < json_array_size(json_object_get(j, "processes")) ? "," : "\n", p->out);
	}
}

void live_print_status(const struct dynbuf *answer, FILE *out, bool colour)
{
	const struct live_page p = live_page(out, colour);
	json_t *j = json_loadb((const char *)answer->p, answer->n, 0, NULL);
	char version[LIVE_CELL], began[LIVE_CELL], file[LIVE_CELL];
	if (!j)
		return;
	fprintf(out, "bulkhead %s runs since %s, by %s\n", live_text(j, "program", version),
	    live_moment(&p, j, "began", began), live_text(j, "configuration", file));
	print_attention(&p, j);
	print_orders(&p, j);
	print_incidents(&p, j);
	print_enforcers(&p, j);
	print_sensors(&p, j);
	print_archive(&p, j);
	print_processes(&p, j);
	json_decref(j);
}
