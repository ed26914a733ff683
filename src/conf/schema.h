/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONF_SCHEMA_H
#define CONF_SCHEMA_H

/*
 * Reading a tree by rows: what keys a mapping may have, which it must have, and who reads each value.
 * Mistakes are told with their place and reading goes on; at most CONF_MISTAKES_MAX are told.
 */

#include "conf/yaml.h"

enum { CONF_MISTAKES_MAX = 50, CONF_LINE_MAX = 1024 };

typedef void (*conf_line_fn)(void *context, const char *line);

/* Where mistakes go, and what is kept of the values. A reader begins with it. */
struct conf_report {
	const char *path;
	conf_line_fn line;
	void *context;
	size_t mistakes;
	int error; /* -ENOMEM: reading can't go on */
	struct arena *arena;
};

/* "path:line:column: ..." at a node. */
void conf_mistake(struct conf_report *r, const struct conf_node *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void conf_mistake_at(struct conf_report *r, uint32_t line, uint32_t column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void conf_no_memory(struct conf_report *r);

struct conf_row {
	const char *key;
	bool required;
	/* Reads the value into `into`; tells its own mistakes. */
	void (*read)(void *reader, const struct conf_node *value, void *into);
};

/*
 * Reads a mapping: `what` names it in mistakes ("a zone"). Values are read in the order of the rows, not of
 * the file, so a row may rely on those before it.
 */
void conf_read_mapping(struct conf_report *report, const struct conf_node *node, const char *what,
    const struct conf_row *rows, size_t n_rows, void *reader, void *into);

/* The value under a key of a mapping; NULL where it has none, or is no mapping. */
const struct conf_node *conf_find(const struct conf_node *mapping, const char *key);

/* The scalar's text; false, and a mistake told, where the node is none or is empty. `what` and `example` are
 * for the mistake: "a name", "mission-control". */
bool conf_scalar(struct conf_report *r, const struct conf_node *node, const char *what, const char *example,
    struct text *ret_text);
/* The same for a list of at least `min` and at most `max` items. */
bool conf_list(struct conf_report *r, const struct conf_node *node, const char *what, size_t min, size_t max);
/* A whole number in [min, max]. */
bool conf_number(struct conf_report *r, const struct conf_node *node, const char *what, uint64_t min,
    uint64_t max, uint64_t *ret_value);

/* Collects candidates for "did you mean". Zeroed but for `wrong` = none so far. */
struct conf_nearest {
	struct text wrong;
	const char *name; /* the nearest; NULL where none is near */
	size_t distance;
};

void conf_nearest_add(struct conf_nearest *n, const char *candidate);

/* A node's text for a mistake, printable and cut to fit. Returns buf. */
enum { CONF_SHOWN_SIZE = 80 };
char *conf_shown(const struct conf_node *node, char *buf);

#endif
