/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/live.h"

#include <string.h>

#include "base/num.h"

enum { CUTS_SHOWN = 40, CUTS_BRIEF = 4 };

static enum live_paint paint_of(const json_t *o)
{
	if (live_is(o, "state", "leaking"))
		return LIVE_BAD;
	if (live_is(o, "state", "verified") || live_is(o, "state", "confirmed"))
		return LIVE_GOOD;
	return live_is(o, "state", "proposed") || live_is(o, "state", "applied") ? LIVE_WARN : LIVE_PLAIN;
}

static const char *cut_text(const json_t *cut, char *buf)
{
	char from[LIVE_CELL], to[LIVE_CELL];
	snprintf(buf, LIVE_CELL, "%.100s %s %.100s", live_text(cut, "from", from),
	    live_is(cut, "direction", "both") ? "<->" : "->", live_text(cut, "to", to));
	return buf;
}

/* The time that matters most just now. */
static const char *until_text(const struct live_page *p, const json_t *o, char *buf)
{
	static const char *const keys[] = {"ended", "until", "approve_by"};
	char time[LIVE_CELL];
	buf[0] = '\0';
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys) && !buf[0]; i++)
		if (*live_moment(p, o, keys[i], time))
			snprintf(buf, LIVE_CELL, "%s", time);
	return *buf ? buf : "-";
}

static void stopped_text(const json_t *o, char *buf)
{
	char bytes[24];
	json_int_t n = live_number(o, "stopped_bytes");
	if (!json_is_integer(json_object_get(o, "stopped_packets")))
		snprintf(buf, LIVE_CELL, "-");
	else
		snprintf(buf, LIVE_CELL, "%" JSON_INTEGER_FORMAT " (%s)", live_number(o, "stopped_packets"),
		    num_bytes_human(n > 0 ? (uint64_t)n : 0, bytes, sizeof(bytes)));
}

void live_print_order_head(const struct live_page *p)
{
	fprintf(p->out, "  %5s  %-11s  %-30s  %-16s  %s\n", "ORDER", "STATE", "UNTIL", "STOPPED", "CUTS");
}

void live_print_order_row(const struct live_page *p, const json_t *o)
{
	const json_t *first = json_array_get(json_object_get(o, "cuts"), 0);
	char state[LIVE_CELL], cell[LIVE_CELL], until[LIVE_CELL], stopped[LIVE_CELL];
	snprintf(cell, sizeof(cell), "%-11.60s", live_text(o, "state", state));
	stopped_text(o, stopped);
	fprintf(p->out, "  %5" JSON_INTEGER_FORMAT "  ", live_number(o, "id"));
	live_paint(p, paint_of(o), cell);
	fprintf(p->out, "  %-30s  %-16s  %s", until_text(p, o, until), stopped, cut_text(first, cell));
	if (live_number(o, "n_cuts") > 1)
		fprintf(p->out, " and %s more", live_thousands(live_number(o, "n_cuts") - 1, cell));
	fputc('\n', p->out);
}

bool live_print_order_wants(const struct live_page *p, const json_t *o)
{
	json_int_t id = live_number(o, "id");
	char time[LIVE_CELL], why[LIVE_CELL];
	bool any = false;
	if (live_is(o, "state", "leaking")) {
		snprintf(time, sizeof(time), "  order %" JSON_INTEGER_FORMAT " leaks: ", id);
		live_paint(p, LIVE_BAD, time);
		fprintf(p->out, "%s\n", live_text(o, "why", why));
		any = true;
	}
	if (*live_moment(p, o, "confirm_by", time)) {
		fprintf(
		    p->out, "  order %" JSON_INTEGER_FORMAT " takes itself back at %s unless:  ", id, time);
		snprintf(why, sizeof(why), "bulkhead confirm %" JSON_INTEGER_FORMAT "\n", id);
		live_paint(p, LIVE_WARN, why);
		any = true;
	}
	if (*live_moment(p, o, "approve_by", time)) {
		fprintf(p->out,
		    "  order %" JSON_INTEGER_FORMAT " has %zu of %" JSON_INTEGER_FORMAT
		    " approvals, and is withdrawn at %s:  ",
		    id, json_array_size(json_object_get(o, "approved")), live_number(o, "approvals_wanted"),
		    time);
		snprintf(why, sizeof(why), "bulkhead approve %" JSON_INTEGER_FORMAT "\n", id);
		live_paint(p, LIVE_WARN, why);
		any = true;
	}
	return any;
}

/* "  proposed   ..." where there is something. */
static void row(const struct live_page *p, const char *name, const char *value)
{
	if (*value)
		fprintf(p->out, "  %-10s %s\n", name, value);
}

static void act_row(const struct live_page *p, const char *name, const json_t *act)
{
	char time[LIVE_CELL], who[LIVE_CELL], line[2 * LIVE_CELL];
	if (!*live_moment(p, act, "time", time))
		return;
	live_text(act, "who", who);
	snprintf(line, sizeof(line), "%.200s%s%.200s", time, *who ? " by " : "", who);
	row(p, name, line);
}

static void print_where(const struct live_page *p, const json_t *o)
{
	const json_t *e;
	size_t i;
	char name[LIVE_CELL];
	if (json_array_size(json_object_get(o, "enforcers")) == 0)
		return;
	fputs("  at         ", p->out);
	json_array_foreach(json_object_get(o, "enforcers"), i, e)
	{
		fprintf(p->out, "%s%s", i ? ", " : "", live_text(e, "name", name));
		if (!live_yes(e, "done") && json_is_null(json_object_get(o, "ended")) &&
		    !live_is(o, "state", "proposed"))
			live_paint(p, LIVE_WARN, " (not yet)");
	}
	fputc('\n', p->out);
}

static void print_cuts(const struct live_page *p, const json_t *o, size_t most)
{
	const json_t *c;
	size_t i, shown = 0;
	char cell[LIVE_CELL];
	json_array_foreach(json_object_get(o, "cuts"), i, c)
	{
		if (i == most)
			break;
		fprintf(p->out, "  %-10s %s\n", i ? "" : "cuts", cut_text(c, cell));
		shown++;
	}
	if (live_number(o, "n_cuts") > (json_int_t)shown)
		fprintf(p->out, "  %-10s and %s more\n", "",
		    live_thousands(live_number(o, "n_cuts") - (json_int_t)shown, cell));
}

static void print_acts(const struct live_page *p, const json_t *o)
{
	const json_t *a;
	size_t i;
	char time[LIVE_CELL], what[LIVE_CELL], who[LIVE_CELL], why[LIVE_CELL];
	json_array_foreach(json_object_get(o, "acts"), i, a)
	{
		live_text(a, "why", why);
		fprintf(p->out, "  %-10s %-23s  %-11s  %s%s%s\n", i ? "" : "acts",
		    live_time(p, a, "time", time), live_text(a, "what", what), live_text(a, "who", who),
		    *why ? ": " : "", why);
	}
}

static void print_whole(const struct live_page *p, const json_t *o, bool brief)
{
	char buf[LIVE_CELL];
	const json_t *a;
	size_t i;
	fprintf(p->out, "Order %" JSON_INTEGER_FORMAT "  ", live_number(o, "id"));
	live_paint(p, paint_of(o), live_text(o, "state", buf));
	if (*live_text(o, "ends", buf) && !live_is(o, "state", buf))
		fprintf(p->out, " (%s)", buf);
	fputc('\n', p->out);
	row(p, "for", live_text(o, "what", buf));
	act_row(p, "proposed", json_object_get(o, "proposed"));
	json_array_foreach(json_object_get(o, "approved"), i, a) act_row(p, "approved", a);
	row(p, "in force", live_moment(p, o, "in_force_since", buf));
	act_row(p, "confirmed", json_object_get(o, "confirmed"));
	row(p, "until", live_moment(p, o, "until", buf));
	if (!json_is_null(json_object_get(o, "confirm_by")))
		row(p, "or until", live_moment(p, o, "lease_until", buf));
	act_row(p, "ended", json_object_get(o, "ended_by"));
	row(p, "fail", live_text(o, "fail", buf));
	row(p, "check", live_text(o, "check", buf));
	row(p, "why", live_text(o, "why", buf));
	stopped_text(o, buf);
	row(p, "stopped", *buf == '-' ? "" : buf);
	print_where(p, o);
	print_cuts(p, o, brief ? CUTS_BRIEF : CUTS_SHOWN);
	if (!brief)
		print_acts(p, o);
	live_print_order_wants(p, o);
}

static void print_each(const struct dynbuf *answer, FILE *out, bool colour, bool brief)
{
	const struct live_page p = live_page(out, colour);
	json_t *j = json_loadb((const char *)answer->p, answer->n, 0, NULL), *o;
	size_t i;
	json_array_foreach(j, i, o) print_whole(&p, o, brief);
	json_decref(j);
}

void live_print_order(const struct dynbuf *answer, FILE *out, bool colour)
{
	print_each(answer, out, colour, false);
}

void live_print_act(const struct dynbuf *answer, FILE *out, bool colour)
{
	print_each(answer, out, colour, true);
}

void live_print_orders(const struct dynbuf *answer, FILE *out, bool colour)
{
	const struct live_page p = live_page(out, colour);
	json_t *j = json_loadb((const char *)answer->p, answer->n, 0, NULL), *o;
	size_t i;
	if (json_is_array(j) && json_array_size(j) == 0)
		fputs("No order stands. bulkhead orders --all shows those that ended.\n", out);
	else
		live_print_order_head(&p);
	json_array_foreach(j, i, o) live_print_order_row(&p, o);
	json_decref(j);
}
