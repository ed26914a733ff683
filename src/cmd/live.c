/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/live.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/text.h"

enum { CUTS_SHOWN = 8, CELL = 160 };

/* What came from elsewhere is shown printable. */
static const char *text(const json_t *j, const char *key, char *buf)
{
	const char *s = json_string_value(json_object_get(j, key));
	return text_printable(text_of(s ? s : ""), buf, CELL);
}

static json_int_t number(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

static bool yes(const json_t *j, const char *key)
{
	return json_is_true(json_object_get(j, key));
}

static void paint(FILE *out, bool colour, const char *code, const char *s)
{
	if (colour)
		fprintf(out, "\033[%sm%s\033[0m", code, s);
	else
		fputs(s, out);
}

static void print_sensors(const json_t *j, FILE *out, bool colour)
{
	size_t i;
	const json_t *s;
	fputs("\nSensors\n", out);
	json_array_foreach(json_object_get(j, "sensors"), i, s)
	{
		char line[CELL];
		json_int_t lost = number(s, "lost_packets"), packets = number(s, "packets");
		fprintf(out,
		    "  %-3" JSON_INTEGER_FORMAT " %14" JSON_INTEGER_FORMAT " packets  %9" JSON_INTEGER_FORMAT
		    " flows open  ",
		    number(s, "index"), packets, number(s, "flows"));
		snprintf(line, sizeof(line), "%" JSON_INTEGER_FORMAT " lost (%.3f %%)", lost,
		    packets + lost ? 100.0 * (double)lost / (double)(packets + lost) : 0.0);
		paint(out, colour && lost, "33", line);
		if (!yes(s, "connected"))
			paint(out, colour, "31", "  not connected");
		if (yes(s, "capture_ended"))
			fputs("  its capture has ended", out);
		fputc('\n', out);
	}
}

static void print_enforcers(const json_t *j, FILE *out, bool colour)
{
	size_t i;
	const json_t *e;
	char name[CELL], backend[CELL], why[CELL];
	if (json_array_size(json_object_get(j, "enforcers")) == 0) {
		fputs("\nEnforcers\n  none: nothing can be cut\n", out);
		return;
	}
	fputs("\nEnforcers\n", out);
	json_array_foreach(json_object_get(j, "enforcers"), i, e)
	{
		const json_t *drift = json_object_get(e, "drift"), *lease = json_object_get(e, "lease_s");
		fprintf(out, "  %-16s %-10s ", text(e, "name", name), text(e, "backend", backend));
		paint(out, colour, yes(e, "ready") ? "32" : "31", yes(e, "ready") ? "ready" : "not ready");
		fprintf(out, "  %" JSON_INTEGER_FORMAT " cuts, generation %" JSON_INTEGER_FORMAT,
		    number(e, "cuts"), number(e, "generation"));
		if (json_is_number(lease) && json_number_value(lease) > 0)
			fprintf(out, ", lease %.0f s", json_number_value(lease));
		if (number(drift, "times"))
			fprintf(out, ", drifted %" JSON_INTEGER_FORMAT " times", number(drift, "times"));
		if (!yes(e, "ready"))
			fprintf(out, "\n                   %s", text(e, "why_not", why));
		fputc('\n', out);
	}
}

static void print_counts(const json_t *j, FILE *out, bool colour)
{
	static const char *const states[] = {
	    "proposed", "approved", "applied", "verified", "leaking", "confirmed", "ending"};
	const json_t *orders = json_object_get(j, "orders");
	bool any = false;
	fputs("\nOrders\n ", out);
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
		char line[64];
		if (number(orders, states[i]) == 0)
			continue;
		any = true;
		snprintf(
		    line, sizeof(line), " %" JSON_INTEGER_FORMAT " %s", number(orders, states[i]), states[i]);
		paint(out, colour && strcmp(states[i], "leaking") == 0, "31", line);
	}
	fputs(any ? "\n" : " none\n", out);
}

static void print_incidents(const json_t *j, FILE *out)
{
	static const char *const severities[] = {"low", "medium", "high", "critical"};
	const json_t *list = json_object_get(j, "incidents"), *n;
	size_t i;
	char id[CELL];
	fputs("\nIncidents\n", out);
	if (json_array_size(list) == 0)
		fputs("  none\n", out);
	json_array_foreach(list, i, n)
	{
		json_int_t s = number(n, "severity");
		fprintf(out, "  %s  %s, confidence %.2f, %" JSON_INTEGER_FORMAT " machines\n",
		    text(n, "id", id), s >= 0 && s < 4 ? severities[s] : "?",
		    json_number_value(json_object_get(n, "confidence")), number(n, "assets"));
	}
}

static void print_processes(const json_t *j, FILE *out, bool colour)
{
	size_t i;
	const json_t *p;
	char name[CELL];
	fputs("\nProcesses\n ", out);
	json_array_foreach(json_object_get(j, "processes"), i, p)
	{
		char line[CELL];
		json_int_t restarts = number(p, "restarts");
		snprintf(line, sizeof(line), " %.40s %" JSON_INTEGER_FORMAT "%s", text(p, "name", name),
		    number(p, "index"), yes(p, "runs") ? "" : " (not running)");
		paint(out, colour && !yes(p, "runs"), "31", line);
		if (restarts)
			fprintf(out, " (%" JSON_INTEGER_FORMAT " restarts)", restarts);
	}
	fputc('\n', out);
}

void live_print_status(const struct dynbuf *answer, FILE *out, bool colour)
{
	json_t *j = json_loadb((const char *)answer->p, answer->n, 0, NULL);
	const json_t *archive = json_object_get(j, "archive");
	char buf[CELL];
	if (!j)
		return;
	fprintf(out, "%s, running for %.0f s\n", text(j, "configuration", buf),
	    json_number_value(json_object_get(j, "running_s")));
	print_processes(j, out, colour);
	print_sensors(j, out, colour);
	print_enforcers(j, out, colour);
	print_counts(j, out, colour);
	print_incidents(j, out);
	fprintf(out,
	    "\nArchive\n  %" JSON_INTEGER_FORMAT " records, %" JSON_INTEGER_FORMAT " of them durable, ",
	    number(archive, "sent"), number(archive, "durable"));
	snprintf(buf, sizeof(buf), "%" JSON_INTEGER_FORMAT " lost", number(archive, "records_lost"));
	paint(out, colour && number(archive, "records_lost"), "31", buf);
	if (json_is_string(json_object_get(archive, "failing")))
		fprintf(out, "\n  it takes nothing just now: %s", text(archive, "failing", buf));
	if (json_is_string(json_object_get(j, "store_failing")))
		fprintf(out, "\n  orders can't be stored: %s", text(j, "store_failing", buf));
	fputc('\n', out);
	json_decref(j);
}

static void print_order(const json_t *o, FILE *out, bool colour)
{
	const json_t *cuts = json_object_get(o, "cuts"), *c;
	char a[CELL], b[CELL], state[CELL];
	size_t i;
	bool leaks = strcmp(text(o, "state", state), "leaking") == 0;
	fprintf(out, "Order %" JSON_INTEGER_FORMAT "  ", number(o, "id"));
	paint(out, colour, leaks ? "31" : "1", state);
	if (*text(o, "ends", a) && strcmp(a, state) != 0)
		fprintf(out, " (%s)", a);
	if (*text(o, "until", a))
		fprintf(out, ", until %s", a);
	fprintf(out, ", fail %s\n", text(o, "fail", a));
	if (*text(o, "what", a))
		fprintf(out, "  for   %s\n", a);
	if (*text(o, "why", a))
		fprintf(out, "  since %s\n", a);
	json_array_foreach(cuts, i, c)
	{
		if (i == CUTS_SHOWN)
			break;
		fprintf(out, "  cut   %s %s %s\n", text(c, "from", a),
		    strcmp(text(c, "direction", state), "both") == 0 ? "<->" : "->", text(c, "to", b));
	}
	if (number(o, "n_cuts") > CUTS_SHOWN)
		fprintf(out, "        and %" JSON_INTEGER_FORMAT " more\n", number(o, "n_cuts") - CUTS_SHOWN);
	json_array_foreach(json_object_get(o, "approved"), i, c)
	    fprintf(out, "  approved by %s at %s\n", text(c, "who", a), text(c, "time", b));
	if (number(o, "stopped_packets"))
		fprintf(out, "  stopped %" JSON_INTEGER_FORMAT " packets, %" JSON_INTEGER_FORMAT " bytes\n",
		    number(o, "stopped_packets"), number(o, "stopped_bytes"));
}

void live_print_orders(const struct dynbuf *answer, FILE *out, bool colour)
{
	json_t *j = json_loadb((const char *)answer->p, answer->n, 0, NULL), *o;
	size_t i;
	if (json_is_array(j) && json_array_size(j) == 0)
		fputs("There are no orders.\n", out);
	json_array_foreach(j, i, o)
	{
		if (i)
			fputc('\n', out);
		print_order(o, out, colour);
	}
	json_decref(j);
}
