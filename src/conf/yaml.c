/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/yaml.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/err.h"
#include "base/vec.h"

/* A sequence or mapping that isn't closed yet. */
struct level {
	struct conf_node *node;
	struct conf_node **items;
	size_t n, cap;
	const char *anchor;
};

struct anchor {
	const char *name;
	struct conf_node *node;
};

struct builder {
	struct text yaml;
	struct arena *arena;
	struct conf_yaml_error *error;
	struct level levels[CONF_YAML_DEPTH_MAX];
	size_t depth, nodes;
	struct anchor anchors[CONF_YAML_ANCHORS_MAX];
	size_t n_anchors;
	struct conf_node *root;
	unsigned documents;
};

static int invalid(struct builder *b, size_t line, size_t column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static int invalid(struct builder *b, size_t line, size_t column, const char *format, ...)
{
	va_list args;
	b->error->line = (uint32_t)line + 1;
	b->error->column = (uint32_t)column + 1;
	va_start(args, format);
	vsnprintf(b->error->what, sizeof(b->error->what), format, args);
	va_end(args);
	return -ERR_INVALID;
}

static int invalid_at(struct builder *b, yaml_mark_t mark, const char *what)
{
	return invalid(b, mark.line, mark.column, "%s", what);
}

static struct conf_node *new_node(struct builder *b, enum conf_node_kind kind, yaml_mark_t mark)
{
	struct conf_node *node = arena_alloc(b->arena, sizeof(*node));
	if (node)
		*node = (struct conf_node){.kind = kind,
		    .line = (uint32_t)mark.line + 1,
		    .column = (uint32_t)mark.column + 1,
		    .weight = 1};
	return node;
}

/* An anchor names its node from the node's end on, so no alias can stand for something that holds it. */
static int add_anchor(struct builder *b, const char *name, struct conf_node *node)
{
	if (b->n_anchors == CONF_YAML_ANCHORS_MAX)
		return invalid(b, node->line - 1, node->column - 1,
		    "more than %d anchors; write the values out", CONF_YAML_ANCHORS_MAX);
	b->anchors[b->n_anchors++] = (struct anchor){.name = name, .node = node};
	return 0;
}

static int count(struct builder *b, size_t nodes, yaml_mark_t mark)
{
	b->nodes += nodes;
	if (b->nodes > CONF_YAML_NODES_MAX)
		return invalid(b, mark.line, mark.column,
		    "more than %d values, aliases counted where they are used", CONF_YAML_NODES_MAX);
	return 0;
}

/* A whole node goes into the level that is open, or becomes the root. */
static int place(struct builder *b, struct conf_node *node)
{
	if (b->depth == 0) {
		b->root = node;
		return 0;
	}
	struct level *l = &b->levels[b->depth - 1];
	int r = VEC_RESERVE(l->items, &l->cap, l->n, CONF_YAML_NODES_MAX);
	if (r < 0)
		return r;
	l->items[l->n++] = node;
	l->node->weight += node->weight;
	return 0;
}

static int on_scalar(struct builder *b, const yaml_event_t *event)
{
	struct conf_node *node = new_node(b, CONF_SCALAR, event->start_mark);
	const char *anchor = (const char *)event->data.scalar.anchor;
	if (!node)
		return -ENOMEM;
	node->text = arena_text(b->arena, text_bytes(event->data.scalar.value, event->data.scalar.length));
	if (!node->text.p)
		return -ENOMEM;
	if (anchor) {
		anchor = arena_strndup(b->arena, anchor, strlen(anchor));
		int error = anchor ? add_anchor(b, anchor, node) : -ENOMEM;
		if (error < 0)
			return error;
	}
	int r = count(b, 1, event->start_mark);
	return r < 0 ? r : place(b, node);
}

static int on_alias(struct builder *b, const yaml_event_t *event)
{
	const char *name = (const char *)event->data.alias.anchor;
	char shown[64];
	for (size_t i = b->n_anchors; i-- > 0;)
		if (strcmp(b->anchors[i].name, name) == 0) {
			int r = count(b, b->anchors[i].node->weight, event->start_mark);
			return r < 0 ? r : place(b, b->anchors[i].node);
		}
	return invalid(b, event->start_mark.line, event->start_mark.column,
	    "alias *%s names nothing that stands before it; define it with &%s first",
	    text_printable(text_of(name), shown, sizeof(shown)), shown);
}

static int on_start(
    struct builder *b, const yaml_event_t *event, enum conf_node_kind kind, const yaml_char_t *anchor)
{
	if (b->depth == CONF_YAML_DEPTH_MAX)
		return invalid(b, event->start_mark.line, event->start_mark.column,
		    "nested more than %d deep", CONF_YAML_DEPTH_MAX);
	struct level l = {.node = new_node(b, kind, event->start_mark)};
	if (!l.node)
		return -ENOMEM;
	if (anchor) {
		l.anchor = arena_strndup(b->arena, (const char *)anchor, strlen((const char *)anchor));
		if (!l.anchor)
			return -ENOMEM;
	}
	b->levels[b->depth++] = l;
	return count(b, 1, event->start_mark);
}

static int on_end(struct builder *b)
{
	struct level *l = &b->levels[b->depth - 1];
	struct conf_node *node = l->node;
	int r = 0;
	assert(node);
	node->items = arena_array(b->arena, l->n, sizeof(*node->items));
	if (!node->items)
		return -ENOMEM;
	node->n = l->n;
	if (l->n)
		memcpy(node->items, l->items, l->n * sizeof(*node->items));
	free(l->items);
	b->depth--;
	if (l->anchor)
		r = add_anchor(b, l->anchor, node);
	return r < 0 ? r : place(b, node);
}

static int on_event(struct builder *b, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT: return 0;
	case YAML_DOCUMENT_START_EVENT:
		if (b->documents++)
			return invalid_at(b, event->start_mark, "a second document; one file holds one");
		return 0;
	case YAML_ALIAS_EVENT: return on_alias(b, event);
	case YAML_SCALAR_EVENT: return on_scalar(b, event);
	case YAML_SEQUENCE_START_EVENT:
		return on_start(b, event, CONF_SEQUENCE, event->data.sequence_start.anchor);
	case YAML_MAPPING_START_EVENT:
		return on_start(b, event, CONF_MAPPING, event->data.mapping_start.anchor);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT: return on_end(b);
	}
	return 0;
}

/* Where the malformed sequence begins whose trailing byte at `at` is wrong. */
static size_t sequence_start(struct text t, size_t at)
{
	for (size_t back = 1; back <= 3 && back <= at; back++) {
		unsigned char c = (unsigned char)t.p[at - back];
		if (c >= 0xc0)
			return at - back;
		if (c < 0x80)
			break;
	}
	return at;
}

/* The reader's errors (bytes that are no text) give an offset, not a line. */
static int reader_error(struct builder *b, const yaml_parser_t *parser)
{
	size_t line = 0, column = 0, end = parser->problem_offset;
	const char *problem = parser->problem ? parser->problem : "unreadable";
	if (end >= b->yaml.n)
		end = b->yaml.n ? b->yaml.n - 1 : 0;
	if (strstr(problem, "trailing"))
		end = sequence_start(b->yaml, end);
	for (size_t i = 0; i < end; i++) {
		unsigned char c = (unsigned char)b->yaml.p[i];
		if (c == '\n') {
			line++;
			column = 0;
		} else if ((c & 0xc0) != 0x80) {
			column++;
		}
	}
	return invalid(b, line, column,
	    strstr(problem, "control") ? "character 0x%02x is not allowed in YAML; take it out"
	                               : "byte 0x%02x is not UTF-8; save the file as UTF-8",
	    end < b->yaml.n ? (unsigned)(unsigned char)b->yaml.p[end] : 0);
}

/* What usually lies behind libyaml's words. */
static const char *hint_for(const char *problem)
{
	static const struct {
		const char *problem;
		const char *hint;
	} hints[] = {
	    {"found character that cannot start any token",
	        "indent with blanks, not tabs, and quote what begins with @ or `"},
	    {"mapping values are not allowed in this context",
	        "mind the indentation, and quote a text that holds \": \""},
	    {"did not find expected node content", "quote what begins with \":\" or \",\""},
	    {"did not find expected ',' or ']'", "close the \"[\""},
	    {"did not find expected ',' or '}'", "close the \"{\""},
	    {"could not find expected ':'", "a key needs \":\" and a blank behind it"},
	    {"did not find expected key", "mind the indentation"},
	    {"did not find expected '-' indicator", "mind the indentation"},
	    {"found unexpected end of stream", "close the quotes"},
	};
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if (strcmp(problem, hints[i].problem) == 0)
			return hints[i].hint;
	return NULL;
}

static int parser_error(struct builder *b, const yaml_parser_t *parser)
{
	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->error == YAML_READER_ERROR)
		return reader_error(b, parser);
	const char *problem = parser->problem ? parser->problem : "can't be read", *hint = hint_for(problem);
	char since[96] = "";
	if (parser->context)
		snprintf(since, sizeof(since), " (%s that began in line %zu)", parser->context,
		    parser->context_mark.line + 1);
	return invalid(b, parser->problem_mark.line, parser->problem_mark.column, "YAML syntax: %s%s%s%s",
	    problem, since, hint ? "; " : "", hint ? hint : "");
}

static int build(struct builder *b)
{
	yaml_parser_t parser;
	bool more = true;
	int r = 0;
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)b->yaml.p, b->yaml.n);
	while (r == 0 && more) {
		yaml_event_t event;
		if (!yaml_parser_parse(&parser, &event)) {
			r = parser_error(b, &parser);
			break;
		}
		r = on_event(b, &event);
		more = event.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return r;
}

int conf_yaml_parse(
    struct text yaml, struct arena *arena, struct conf_node **ret_root, struct conf_yaml_error *ret_error)
{
	struct builder *b = calloc(1, sizeof(*b));
	int r;
	if (!b)
		return -ENOMEM;
	*b = (struct builder){.yaml = yaml, .arena = arena, .error = ret_error};
	if (yaml.n > CONF_YAML_BYTES_MAX)
		r = invalid(
		    b, 0, 0, "%zu bytes are more than a file may have (%d)", yaml.n, CONF_YAML_BYTES_MAX);
	else
		r = build(b);
	if (r == 0 && !b->root)
		r = invalid(b, 0, 0, "the file is empty; it begins with \"version: 1\"");
	if (r == 0)
		*ret_root = b->root;
	for (size_t i = 0; i < b->depth; i++)
		free(b->levels[i].items);
	free(b);
	return r;
}
