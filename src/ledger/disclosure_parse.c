/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/disclosure.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "ledger/base64.h"
#include "ledger/entry.h"
#include "ledger/proof.h"

/* Where the parser is, and what it fills. */
struct parser {
	struct arena *arena;
	struct disclosure_fault fault;
};

static int fail(struct parser *p, int error, const char *where, const char *why)
{
	snprintf(p->fault.where, sizeof(p->fault.where), "%s", where);
	p->fault.why = why;
	return error;
}

/* As "runs[3].records[1].path". */
struct place {
	char text[sizeof(((struct disclosure_fault *)NULL)->where)];
};

static struct place in(const struct place *outer, const char *name)
{
	struct place p;
	size_t n = strnlen(outer->text, sizeof(outer->text) - 1);
	memcpy(p.text, outer->text, n + 1);
	snprintf(p.text + n, sizeof(p.text) - n, "%s%s", n ? "." : "", name);
	return p;
}

static struct place at(const struct place *outer, const char *name, size_t i)
{
	char element[48];
	snprintf(element, sizeof(element), "%s[%zu]", name, i);
	return in(outer, element);
}

/* The member, which must be there and of that type. */
static int member(struct parser *p, const json_t *o, const struct place *place, const char *name,
    json_type type, json_t **ret)
{
	static const char *const wants[] = {
	    [JSON_OBJECT] = "should be an object",
	    [JSON_ARRAY] = "should be an array",
	    [JSON_STRING] = "should be a string",
	    [JSON_INTEGER] = "should be a whole number",
	};
	struct place here = in(place, name);
	json_t *j = json_object_get(o, name);
	if (!j)
		return fail(p, -ERR_MALFORMED, here.text, "is missing");
	if (json_typeof(j) != type)
		return fail(p, -ERR_MALFORMED, here.text, wants[type]);
	*ret = j;
	return 0;
}

/* An object with these members and no others. */
static int object(struct parser *p, const json_t *o, const struct place *place, const char *const *names)
{
	const char *name;
	json_t *value;
	if (!json_is_object(o))
		return fail(p, -ERR_MALFORMED, place->text, "should be an object");
	json_object_foreach((json_t *)o, name, value)
	{
		const char *const *known = names;
		while (*known && strcmp(*known, name) != 0)
			known++;
		if (!*known)
			return fail(p, -ERR_MALFORMED, place->text, "has a member that no disclosure has");
	}
	return 0;
}

static int text(
    struct parser *p, const json_t *o, const struct place *place, const char *name, struct text *ret_text)
{
	json_t *j;
	int r = member(p, o, place, name, JSON_STRING, &j);
	if (r < 0)
		return r;
	*ret_text = arena_text(p->arena, text_bytes(json_string_value(j), json_string_length(j)));
	return ret_text->p ? 0 : -ENOMEM;
}

static int number(
    struct parser *p, const json_t *o, const struct place *place, const char *name, uint64_t *ret_number)
{
	json_t *j;
	int r = member(p, o, place, name, JSON_INTEGER, &j);
	struct place here = in(place, name);
	if (r < 0)
		return r;
	if (json_integer_value(j) < 0)
		return fail(p, -ERR_MALFORMED, here.text, "is below 0");
	*ret_number = (uint64_t)json_integer_value(j);
	return 0;
}

static int bytes(struct parser *p, const json_t *o, const struct place *place, const char *name, size_t max,
    struct text *ret_bytes)
{
	json_t *j;
	struct dynbuf b = {.max = max};
	struct place here = in(place, name);
	int r = member(p, o, place, name, JSON_STRING, &j);
	if (r < 0)
		return r;
	r = base64_parse_append(text_bytes(json_string_value(j), json_string_length(j)), &b);
	if (r == -EINVAL)
		r = fail(p, -ERR_MALFORMED, here.text, "is not base 64");
	else if (r == -ERR_LIMIT)
		r = fail(p, r, here.text, "is too long");
	if (r == 0) {
		*ret_bytes = arena_text(p->arena, dynbuf_view(&b));
		r = ret_bytes->p ? 0 : -ENOMEM;
	}
	dynbuf_free(&b);
	return r;
}

static int path(
    struct parser *p, const json_t *o, const struct place *place, struct disclosure_path *ret_path)
{
	json_t *array;
	struct place here = in(place, "path");
	int r = member(p, o, place, "path", JSON_ARRAY, &array);
	if (r < 0)
		return r;
	size_t n = json_array_size(array);
	if (n > PROOF_PATH_MAX)
		return fail(p, -ERR_LIMIT, here.text, "is longer than any path");
	struct merkle_hash *hashes = arena_array(p->arena, n ? n : 1, sizeof(*hashes));
	if (!hashes)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const json_t *j = json_array_get(array, i);
		struct text t = json_is_string(j) ? text_bytes(json_string_value(j), json_string_length(j))
		                                  : (struct text){0};
		if (base64_parse(t, hashes[i].b, sizeof(hashes[i].b)) < 0)
			return fail(p, -ERR_MALFORMED, here.text, "should be hashes of 32 bytes in base 64");
	}
	*ret_path = (struct disclosure_path){.hashes = hashes, .n = n};
	return 0;
}

static int record(struct parser *p, const json_t *o, const struct place *place, struct disclosure_record *r)
{
	static const char *const names[] = {"index", "record", "path", NULL};
	int e = object(p, o, place, names);
	if (e == 0)
		e = number(p, o, place, "index", &r->index);
	if (e == 0)
		e = bytes(p, o, place, "record", DISCLOSURE_RECORD_MAX, &r->encoded);
	if (e == 0)
		e = path(p, o, place, &r->path);
	return e;
}

static int records(struct parser *p, const json_t *o, const struct place *place, struct disclosure_run *run)
{
	json_t *array;
	int r = member(p, o, place, "records", JSON_ARRAY, &array);
	if (r < 0)
		return r;
	size_t n = json_array_size(array);
	struct disclosure_record *list = arena_array(p->arena, n ? n : 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++) {
		struct place here = at(place, "records", i);
		r = record(p, json_array_get(array, i), &here, &list[i]);
	}
	run->records = list;
	run->n = n;
	return r;
}

static int run(struct parser *p, const json_t *o, const struct place *place, struct disclosure_run *run)
{
	static const char *const names[] = {"line", "index", "path", "records", NULL};
	struct place here = in(place, "line");
	const char *why;
	int r = object(p, o, place, names);
	if (r == 0)
		r = text(p, o, place, "line", &run->line);
	if (r == 0 && ledger_entry_parse(run->line, &run->entry, &why) < 0)
		r = fail(p, -ERR_MALFORMED, here.text, why);
	if (r == 0 && run->entry.type != LEDGER_RUN)
		r = fail(p, -ERR_MALFORMED, here.text, "should be a `run` line");
	if (r == 0)
		r = number(p, o, place, "index", &run->index);
	if (r == 0)
		r = path(p, o, place, &run->path);
	if (r == 0)
		r = records(p, o, place, run);
	return r;
}

static int runs(struct parser *p, const json_t *root, struct disclosure *d)
{
	const struct place top = {""};
	json_t *array;
	int r = member(p, root, &top, "runs", JSON_ARRAY, &array);
	if (r < 0)
		return r;
	size_t n = json_array_size(array);
	struct disclosure_run *list = arena_array(p->arena, n ? n : 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++) {
		struct place here = at(&top, "runs", i);
		r = run(p, json_array_get(array, i), &here, &list[i]);
	}
	d->runs = list;
	d->n_runs = n;
	return r;
}

static int rotation(
    struct parser *p, const json_t *o, const struct place *place, struct disclosure_rotation *rot)
{
	static const char *const names[] = {"line", "index", "path", "checkpoint", NULL};
	int r = object(p, o, place, names);
	if (r == 0)
		r = text(p, o, place, "line", &rot->line);
	if (r == 0)
		r = number(p, o, place, "index", &rot->index);
	if (r == 0)
		r = path(p, o, place, &rot->path);
	if (r == 0)
		r = text(p, o, place, "checkpoint", &rot->checkpoint);
	return r;
}

static int rotations(struct parser *p, const json_t *root, struct disclosure *d)
{
	const struct place top = {""};
	json_t *array;
	if (!json_object_get(root, "rotations"))
		return 0;
	int r = member(p, root, &top, "rotations", JSON_ARRAY, &array);
	if (r < 0)
		return r;
	size_t n = json_array_size(array);
	if (n > DISCLOSURE_ROTATIONS_MAX)
		return fail(p, -ERR_LIMIT, "rotations", "are more than 64");
	struct disclosure_rotation *list = arena_array(p->arena, n ? n : 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++) {
		struct place here = at(&top, "rotations", i);
		r = rotation(p, json_array_get(array, i), &here, &list[i]);
	}
	d->rotations = list;
	d->n_rotations = n;
	return r;
}

/* The format and version first: what a newer one has, we can't judge. */
static int version(struct parser *p, const json_t *root)
{
	const struct place top = {""};
	json_t *format;
	uint64_t number_of;
	if (!json_is_object(root))
		return fail(p, -ERR_MALFORMED, "", "is no JSON object");
	int r = member(p, root, &top, "format", JSON_STRING, &format);
	if (r == 0 && strcmp(json_string_value(format), "bulkhead-disclosure") != 0)
		r = fail(p, -ERR_MALFORMED, "format", "should be \"bulkhead-disclosure\"");
	if (r == 0)
		r = number(p, root, &top, "version", &number_of);
	if (r == 0 && number_of != DISCLOSURE_VERSION)
		r = fail(p, -ERR_UNSUPPORTED, "version", "is another than 1");
	return r;
}

static int parse(struct parser *p, const json_t *root, struct disclosure *d)
{
	static const char *const names[] = {
	    "format", "version", "checkpoint", "timestamp", "rotations", "runs", NULL};
	const struct place top = {""};
	int r = version(p, root);
	if (r == 0)
		r = object(p, root, &top, names);
	if (r == 0)
		r = text(p, root, &top, "checkpoint", &d->checkpoint);
	if (r == 0 && json_object_get(root, "timestamp"))
		r = bytes(p, root, &top, "timestamp", DISCLOSURE_TIMESTAMP_MAX, &d->timestamp);
	if (r == 0)
		r = rotations(p, root, d);
	if (r == 0)
		r = runs(p, root, d);
	return r;
}

/* Each element of JSON has a bracket, brace or comma before it: so many at most, whose memory is bounded
 * then. */
static bool too_many(struct text t)
{
	size_t n = 0;
	for (size_t i = 0; i < t.n; i++)
		n += t.p[i] == '[' || t.p[i] == '{' || t.p[i] == ',';
	return n > DISCLOSURE_ELEMENTS_MAX;
}

int disclosure_parse(
    struct text t, struct arena *arena, struct disclosure *ret_disclosure, struct disclosure_fault *ret_fault)
{
	struct parser p = {.arena = arena};
	struct disclosure d = {0};
	json_error_t oops;
	json_t *root = NULL;
	int r = 0;
	if (t.n > DISCLOSURE_SIZE_MAX || too_many(t))
		r = fail(&p, -ERR_LIMIT, "", "is larger than any disclosure");
	if (r == 0) {
		root = json_loadb(t.n ? t.p : "", t.n, JSON_REJECT_DUPLICATES, &oops);
		char line[32];
		snprintf(line, sizeof(line), "line %d", root ? 0 : oops.line);
		r = root ? parse(&p, root, &d) : fail(&p, -ERR_MALFORMED, line, "is not JSON");
	}
	json_decref(root);
	if (r == 0)
		*ret_disclosure = d;
	else if (ret_fault)
		*ret_fault = p.fault;
	return r;
}
