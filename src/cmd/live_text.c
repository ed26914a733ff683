/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/live_text.h"

#include <string.h>
#include <time.h>

#include "base/text.h"
#include "base/timefmt.h"

enum { DATE = sizeof("2026-11-23 ") - 1 };

struct live_page live_page(FILE *out, bool colour)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (struct live_page){
	    .out = out, .colour = colour, .now = (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec};
}

const char *live_text(const json_t *j, const char *key, char *buf)
{
	const char *s = json_string_value(json_object_get(j, key));
	return text_printable(text_of(s ? s : ""), buf, LIVE_CELL);
}

json_int_t live_number(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

bool live_yes(const json_t *j, const char *key)
{
	return json_is_true(json_object_get(j, key));
}

bool live_is(const json_t *j, const char *key, const char *value)
{
	const char *s = json_string_value(json_object_get(j, key));
	return s && strcmp(s, value) == 0;
}

static bool time_of(const json_t *j, const char *key, int64_t *ret_time)
{
	const char *s = json_string_value(json_object_get(j, key));
	return s && time_parse(text_of(s), ret_time) == 0;
}

static void short_time(int64_t now, int64_t time, char *buf)
{
	char today[TIME_TEXT_SIZE], whole[TIME_TEXT_SIZE];
	time_human(now, today);
	time_human(time, whole);
	snprintf(buf, LIVE_CELL, "%s", strncmp(today, whole, DATE) == 0 ? whole + DATE : whole);
}

const char *live_time(const struct live_page *p, const json_t *j, const char *key, char *buf)
{
	int64_t time;
	buf[0] = '\0';
	if (time_of(j, key, &time))
		short_time(p->now, time, buf);
	return buf;
}

const char *live_moment(const struct live_page *p, const json_t *j, const char *key, char *buf)
{
	char span[24];
	int64_t time;
	buf[0] = '\0';
	if (!time_of(j, key, &time))
		return buf;
	short_time(p->now, time, buf);
	int64_t away = time > p->now ? time - p->now : p->now - time;
	/* whole seconds: tenths only flicker */
	time_span_human(away / NS_PER_S * NS_PER_S, span, sizeof(span));
	char *tenth = strstr(span, ".0 s");
	if (tenth)
		snprintf(tenth, sizeof(" s"), " s");
	size_t n = strlen(buf);
	snprintf(
	    buf + n, LIVE_CELL - n, time > p->now ? " (in %s)" : " (%s ago)", away < NS_PER_S ? "1 s" : span);
	return buf;
}

const char *live_thousands(json_int_t n, char *buf)
{
	char digits[32];
	int length = snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, n < 0 ? 0 : n);
	size_t at = 0;
	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			buf[at++] = ',';
		buf[at++] = digits[i];
	}
	buf[at] = '\0';
	return buf;
}

const char *live_many(json_int_t n, const char *one, const char *many, char *buf)
{
	char number[LIVE_CELL];
	snprintf(buf, LIVE_CELL, "%.60s %.60s", live_thousands(n, number), n == 1 ? one : many);
	return buf;
}

void live_paint(const struct live_page *p, enum live_paint how, const char *s)
{
	static const char *const codes[] = {
	    [LIVE_PLAIN] = "", [LIVE_BOLD] = "1", [LIVE_GOOD] = "32", [LIVE_WARN] = "33", [LIVE_BAD] = "31"};
	if (p->colour && how != LIVE_PLAIN)
		fprintf(p->out, "\033[%sm%s\033[0m", codes[how], s);
	else
		fputs(s, p->out);
}

void live_title(const struct live_page *p, const char *s)
{
	fputc('\n', p->out);
	live_paint(p, LIVE_BOLD, s);
	fputc('\n', p->out);
}
