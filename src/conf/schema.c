/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/schema.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

enum { NEAR_MAX = 2, NEAR_LENGTH_MAX = 32, ROWS_MAX = 24 };

static void tell(struct conf_report *r, uint32_t line, uint32_t column, const char *format, va_list args)
{
	char text[CONF_LINE_MAX];
	if (++r->mistakes > CONF_MISTAKES_MAX) {
		if (r->mistakes == CONF_MISTAKES_MAX + 1) {
			snprintf(text, sizeof(text), "%s: more than %d mistakes; the rest is not listed",
			    r->path, CONF_MISTAKES_MAX);
			r->line(r->context, text);
		}
		return;
	}
	int n = snprintf(text, sizeof(text), "%s:%u:%u: ", r->path, line, column);
	if (n > 0 && (size_t)n < sizeof(text))
		vsnprintf(text + n, sizeof(text) - (size_t)n, format, args);
	r->line(r->context, text);
}

void conf_mistake_at(struct conf_report *r, uint32_t line, uint32_t column, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	tell(r, line, column, format, args);
	va_end(args);
}

void conf_mistake(struct conf_report *r, const struct conf_node *at, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	tell(r, at->line, at->column, format, args);
	va_end(args);
}

void conf_no_memory(struct conf_report *r)
{
	r->error = -ENOMEM;
}

char *conf_shown(const struct conf_node *node, char *buf)
{
	static const char *const kinds[] = {
	    [CONF_SCALAR] = "", [CONF_SEQUENCE] = "a list", [CONF_MAPPING] = "a mapping"};
	if (node->kind != CONF_SCALAR)
		return text_printable(text_of(kinds[node->kind]), buf, CONF_SHOWN_SIZE);
	return text_printable(node->text, buf, CONF_SHOWN_SIZE);
}

/* Edits (a letter more, less or other, or two exchanged) from a to b; more than NEAR_MAX is as good as any.
 */
static size_t edits(struct text a, struct text b)
{
	size_t rows[3][NEAR_LENGTH_MAX + 1];
	if (a.n > NEAR_LENGTH_MAX || b.n > NEAR_LENGTH_MAX)
		return NEAR_MAX + 1;
	for (size_t j = 0; j <= b.n; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t *now = rows[i % 3], *last = rows[(i + 2) % 3], *older = rows[(i + 1) % 3];
		now[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t least = last[j - 1] + (a.p[i - 1] != b.p[j - 1]);
			if (last[j] + 1 < least)
				least = last[j] + 1;
			if (now[j - 1] + 1 < least)
				least = now[j - 1] + 1;
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1] &&
			    older[j - 2] + 1 < least)
				least = older[j - 2] + 1;
			now[j] = least;
		}
	}
	return rows[a.n % 3][b.n];
}

void conf_nearest_add(struct conf_nearest *n, const char *candidate)
{
	size_t distance = edits(n->wrong, text_of(candidate));
	/* a word of which half would have to change is another word */
	if (distance > NEAR_MAX || distance * 2 >= strlen(candidate))
		return;
	if (!n->name || distance < n->distance) {
		n->name = candidate;
		n->distance = distance;
	}
}

static void unknown_key(struct conf_report *r, const struct conf_node *key, const char *what,
    const struct conf_row *rows, size_t n_rows)
{
	char shown[CONF_SHOWN_SIZE], known[256] = "";
	struct conf_nearest nearest = {.wrong = key->text};
	size_t used = 0;
	for (size_t i = 0; i < n_rows; i++) {
		conf_nearest_add(&nearest, rows[i].key);
		int n = snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "", rows[i].key);
		used += n > 0 && (size_t)n < sizeof(known) - used ? (size_t)n : 0;
	}
	conf_shown(key, shown);
	if (nearest.name)
		conf_mistake(r, key, "%s has no key \"%s\"; did you mean \"%s\"?", what, shown, nearest.name);
	else
		conf_mistake(r, key, "%s has no key \"%s\"; it may have: %s", what, shown, known);
}

/* Finds each key's row; found[i] is the value of row i. */
static void match_keys(struct conf_report *report, const struct conf_node *node, const char *what,
    const struct conf_row *rows, size_t n_rows, const struct conf_node **keys,
    const struct conf_node **values)
{
	for (size_t i = 0; i + 1 < node->n; i += 2) {
		const struct conf_node *key = node->items[i];
		size_t row = 0;
		if (key->kind != CONF_SCALAR) {
			conf_mistake(report, key, "a key of %s must be a word", what);
			continue;
		}
		while (row < n_rows && !text_equal(key->text, text_of(rows[row].key)))
			row++;
		if (row == n_rows) {
			unknown_key(report, key, what, rows, n_rows);
		} else if (keys[row]) {
			conf_mistake(report, key, "\"%s\" is there already, in line %u; merge the two",
			    rows[row].key, keys[row]->line);
		} else {
			keys[row] = key;
			values[row] = node->items[i + 1];
		}
	}
}

void conf_read_mapping(struct conf_report *report, const struct conf_node *node, const char *what,
    const struct conf_row *rows, size_t n_rows, void *reader, void *into)
{
	const struct conf_node *keys[ROWS_MAX] = {0}, *values[ROWS_MAX] = {0};
	char shown[CONF_SHOWN_SIZE];
	assert(n_rows <= ROWS_MAX);
	if (node->kind != CONF_MAPPING) {
		conf_mistake(report, node, "%s must be a mapping (\"%s: ...\"), not %s%s%s", what,
		    rows[0].key, node->kind == CONF_SCALAR ? "\"" : "", conf_shown(node, shown),
		    node->kind == CONF_SCALAR ? "\"" : "");
		return;
	}
	match_keys(report, node, what, rows, n_rows, keys, values);
	for (size_t i = 0; i < n_rows; i++) {
		if (report->error)
			return;
		if (values[i])
			rows[i].read(reader, values[i], into);
		else if (rows[i].required)
			conf_mistake(report, node, "%s lacks \"%s\"", what, rows[i].key);
	}
}

const struct conf_node *conf_find(const struct conf_node *mapping, const char *key)
{
	if (mapping->kind != CONF_MAPPING)
		return NULL;
	for (size_t i = 0; i + 1 < mapping->n; i += 2)
		if (mapping->items[i]->kind == CONF_SCALAR &&
		    text_equal(mapping->items[i]->text, text_of(key)))
			return mapping->items[i + 1];
	return NULL;
}

bool conf_scalar(struct conf_report *r, const struct conf_node *node, const char *what, const char *example,
    struct text *ret_text)
{
	char shown[CONF_SHOWN_SIZE];
	if (node->kind != CONF_SCALAR) {
		conf_mistake(
		    r, node, "expected %s, such as %s, not %s", what, example, conf_shown(node, shown));
		return false;
	}
	if (node->text.n == 0) {
		conf_mistake(r, node, "expected %s, such as %s; nothing stands here", what, example);
		return false;
	}
	*ret_text = node->text;
	return true;
}

bool conf_list(struct conf_report *r, const struct conf_node *node, const char *what, size_t min, size_t max)
{
	char shown[CONF_SHOWN_SIZE];
	if (node->kind == CONF_MAPPING) {
		conf_mistake(r, node, "expected a list of %s, not a mapping; begin each with \"- \"", what);
	} else if (node->kind == CONF_SCALAR && node->text.n == 0) {
		if (min == 0)
			return true;
		conf_mistake(r, node, "expected a list of %s; nothing stands here", what);
	} else if (node->kind == CONF_SCALAR) {
		conf_mistake(r, node, "expected a list of %s; write [%s]", what, conf_shown(node, shown));
	} else if (node->n < min) {
		conf_mistake(r, node, "expected at least %zu of %s, not %zu", min, what, node->n);
	} else if (node->n > max) {
		conf_mistake(r, node, "%zu of %s are more than the %zu allowed", node->n, what, max);
	} else {
		return true;
	}
	return false;
}

bool conf_number(struct conf_report *r, const struct conf_node *node, const char *what, uint64_t min,
    uint64_t max, uint64_t *ret_value)
{
	char shown[CONF_SHOWN_SIZE];
	uint64_t value;
	if (node->kind == CONF_SCALAR && num_parse_u64(node->text, max, &value) == 0 && value >= min) {
		*ret_value = value;
		return true;
	}
	conf_mistake(r, node, "%s is a whole number from %llu to %llu, not \"%s\"", what,
	    (unsigned long long)min, (unsigned long long)max, conf_shown(node, shown));
	return false;
}
