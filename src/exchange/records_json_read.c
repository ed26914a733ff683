/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "base/err.h"
#include "exchange/records_json.h"

/* Where in a record's object the parser is. */
enum place { PLACE_LINE, PLACE_OBJECT, PLACE_IDS, PLACE_FIELDS, PLACE_FIELD };

enum { COLUMN_NONE = -1, COLUMN_RECORD = -2, COLUMN_PASSED = -3, NAME_SHOWN = 64 };

/* Our own lines have `record` first, but an object has no order: of a line that tells its kind later, what
 * stands before that is passed over, and the line read again with its kind known. */
struct exchange_json_records {
	struct exchange_input in;
	struct exchange_json_options options;
	struct exchange_kind kinds[ARCHIVE_KINDS];
	uint64_t carried[ARCHIVE_KINDS];
	struct exchange_reading reading;
	struct arena arena;
	yajl_handle yajl;
	uint64_t line;
	size_t taken; /* bytes of the line, to be passed over before the next */
	/* the line being read */
	enum place place;
	unsigned record;
	int column;    /* of the value that comes next */
	uint64_t seen; /* columns, as bits */
	bool has_record, passed;
	unsigned depth; /* within a value that is passed over */
	union archive_record m;
	uint64_t *ids;
	struct field_value *fields;
	uint32_t n_ids, n_fields;
	struct text field_name, field_value;
	int field_key; /* 1 name, 2 value */
	int error;
	struct exchange_problem *problem;
};

static int __attribute__((format(printf, 2, 3)))
wrong(struct exchange_json_records *r, const char *format, ...)
{
	va_list args;
	size_t at = yajl_get_bytes_consumed(r->yajl);
	*r->problem = (struct exchange_problem){.line = r->line, .column = at ? at : 1};
	va_start(args, format);
	vsnprintf(r->problem->what, sizeof(r->problem->what), format, args);
	va_end(args);
	r->error = -ERR_MALFORMED;
	return 0;
}

static int failed(struct exchange_json_records *r, int error)
{
	r->error = error;
	return 0;
}

static const struct exchange_column *column_of(const struct exchange_json_records *r)
{
	return r->column >= 0 ? &r->kinds[r->record].columns[r->column] : NULL;
}

static int take_kind(struct exchange_json_records *r, struct text t)
{
	char shown[NAME_SHOWN];
	int record = exchange_kind_find(t);
	if (record < 0)
		return wrong(r,
		    "record: '%s' is no kind of record; wanted is flow, transaction, detection, "
		    "binding or coverage",
		    text_printable(t, shown, sizeof(shown)));
	/* what stands before it was passed over, or read as of another kind */
	bool again = r->passed || (r->seen && (unsigned)record != r->record);
	r->record = (unsigned)record;
	r->has_record = true;
	return again ? failed(r, -EAGAIN) : 1;
}

/* Whether a value is passed over; open and shut are brackets of one that has parts. */
static bool pass(struct exchange_json_records *r, bool open, bool shut)
{
	if (r->place != PLACE_OBJECT || r->column != COLUMN_PASSED)
		return false;
	if (shut && r->depth == 0)
		return false; /* of the line's object */
	r->depth += open;
	r->depth -= shut;
	return true;
}

/* A value that is text, or stands for one: numbers as they were written. */
static int take_value(struct exchange_json_records *r, struct text t, bool is_string)
{
	const struct exchange_column *c = column_of(r);
	const char *wanted = NULL;
	char shown[NAME_SHOWN];
	if (!c)
		return 1;
	if (!is_string &&
	    (c->form == EXCHANGE_FORM_TEXT || c->form == EXCHANGE_FORM_ADDR || c->form == EXCHANGE_FORM_MAC))
		return wrong(r, "%s: a number where a string is wanted", c->name);
	if (c->form == EXCHANGE_FORM_IDS || c->form == EXCHANGE_FORM_FIELDS)
		return wrong(r, "%s: an array is wanted", c->name);
	if (c->required && t.n == 0)
		return wrong(r, "%s: empty, but a %s needs it", c->name, r->kinds[r->record].name);
	int error = exchange_value_parse(c, t, &r->reading, &r->m, &wanted);
	if (error == -EINVAL || error == -ERANGE)
		return wrong(r, "%s: '%s' isn't right; wanted is %s", c->name,
		    text_printable(t, shown, sizeof(shown)), wanted);
	return error < 0 ? failed(r, error) : 1;
}

static int take_id(struct exchange_json_records *r, struct text t)
{
	static const struct exchange_column number = {.form = EXCHANGE_FORM_NUMBER, .size = 8};
	const char *wanted;
	if (r->n_ids == MSG_LIST_MAX)
		return wrong(r, "more than %d record ids", MSG_LIST_MAX);
	if (!r->ids)
		r->ids = arena_array(&r->arena, MSG_LIST_MAX, sizeof(*r->ids));
	if (!r->ids)
		return failed(r, -ENOMEM);
	if (t.n == 0 || exchange_value_parse(&number, t, &r->reading, &r->ids[r->n_ids], &wanted) < 0)
		return wrong(r, "a record id is a number from 0 to 18446744073709551615");
	r->n_ids++;
	return 1;
}

static int on_string(void *context, const unsigned char *p, size_t n)
{
	struct exchange_json_records *r = context;
	if (pass(r, false, false))
		return 1;
	/* yajl's bytes are good for the call alone */
	struct text t = arena_text(&r->arena, text_bytes(p, n));
	if (n && !t.p)
		return failed(r, -ENOMEM);
	switch (r->place) {
	case PLACE_LINE: return wrong(r, "an object is wanted: {\"record\": ...}");
	case PLACE_OBJECT: return r->column == COLUMN_RECORD ? take_kind(r, t) : take_value(r, t, true);
	case PLACE_IDS: return take_id(r, t);
	case PLACE_FIELDS: return wrong(r, "fields: objects are wanted: {\"name\": ..., \"value\": ...}");
	case PLACE_FIELD:
		if (r->field_key == 1)
			r->field_name = t;
		else
			r->field_value = t;
		return 1;
	}
	return 1;
}

static int on_number(void *context, const char *p, size_t n)
{
	struct exchange_json_records *r = context;
	struct text t = text_bytes(p, n);
	if (pass(r, false, false))
		return 1;
	if (r->place == PLACE_IDS)
		return take_id(r, t);
	if (r->place == PLACE_OBJECT && r->column != COLUMN_RECORD)
		return take_value(r, t, false);
	return wrong(r, "a number isn't wanted here");
}

static int on_null(void *context)
{
	struct exchange_json_records *r = context;
	const struct exchange_column *c = r->place == PLACE_OBJECT ? column_of(r) : NULL;
	if (pass(r, false, false))
		return 1;
	if (r->place != PLACE_OBJECT || r->column == COLUMN_RECORD)
		return wrong(r, "null isn't wanted here");
	if (c && c->required)
		return wrong(r, "%s: null, but a %s needs it", c->name, r->kinds[r->record].name);
	return 1;
}

static int on_boolean(void *context, int value)
{
	(void)value;
	if (pass(context, false, false))
		return 1;
	return wrong(context, "no field of a record is true or false");
}

static int on_map(void *context)
{
	struct exchange_json_records *r = context;
	if (r->place == PLACE_LINE) {
		r->place = PLACE_OBJECT;
		return 1;
	}
	if (pass(r, true, false))
		return 1;
	if (r->place != PLACE_FIELDS)
		return wrong(r, "an object isn't wanted here");
	r->place = PLACE_FIELD;
	r->field_name = r->field_value = (struct text){0};
	r->field_key = 0;
	return 1;
}

static int on_key(void *context, const unsigned char *p, size_t n)
{
	struct exchange_json_records *r = context;
	struct text key = text_bytes(p, n);
	char shown[NAME_SHOWN];
	if (r->depth)
		return 1;
	if (r->place == PLACE_FIELD) {
		r->field_key = text_equal(key, TEXT("name")) ? 1 : text_equal(key, TEXT("value")) ? 2 : 0;
		return r->field_key ? 1 : wrong(r, "fields: an object has \"name\" and \"value\"");
	}
	if (text_equal(key, TEXT("record"))) {
		if (r->has_record)
			return wrong(r, "record: a second time");
		r->column = COLUMN_RECORD;
		return 1;
	}
	if (!r->record) {
		r->column = COLUMN_PASSED;
		r->passed = true;
		return 1;
	}
	/* ours come in the order of the schema; what isn't a column stands in front of the first */
	r->column = exchange_column_find_behind(
	    &r->kinds[r->record], r->column < 0 ? COLUMN_NONE : r->column, key);
	if (r->column < 0)
		return wrong(r, "'%s' is no field of a %s", text_printable(key, shown, sizeof(shown)),
		    r->kinds[r->record].name);
	if (r->seen >> r->column & 1)
		return wrong(r, "%s: a second time", r->kinds[r->record].columns[r->column].name);
	r->seen |= UINT64_C(1) << r->column;
	return 1;
}

static int on_map_end(void *context)
{
	struct exchange_json_records *r = context;
	const char *wanted = NULL;
	if (pass(r, false, true))
		return 1;
	if (r->place == PLACE_OBJECT) {
		r->place = PLACE_LINE;
		return 1;
	}
	int error = exchange_field_parse(
	    r->field_name, r->field_value, &r->reading, &r->fields[r->n_fields], &wanted);
	if (error == -EINVAL || error == -ERANGE)
		return wrong(r, "fields: wanted is %s", wanted);
	r->n_fields++;
	r->place = PLACE_FIELDS;
	return error < 0 ? failed(r, error) : r->n_fields <= MSG_FIELDS_MAX;
}

static int on_array(void *context)
{
	struct exchange_json_records *r = context;
	const struct exchange_column *c = r->place == PLACE_OBJECT ? column_of(r) : NULL;
	if (pass(r, true, false))
		return 1;
	if (c && c->form == EXCHANGE_FORM_IDS) {
		r->place = PLACE_IDS;
		r->ids = NULL;
		r->n_ids = 0;
		return 1;
	}
	if (!c || c->form != EXCHANGE_FORM_FIELDS)
		return wrong(r, "an array isn't wanted here");
	r->place = PLACE_FIELDS;
	r->n_fields = 0;
	r->fields = arena_array(&r->arena, MSG_FIELDS_MAX + 1, sizeof(*r->fields));
	return r->fields ? 1 : failed(r, -ENOMEM);
}

static int on_array_end(void *context)
{
	struct exchange_json_records *r = context;
	const struct exchange_column *c = column_of(r);
	struct msg_u64s ids = {.v = r->ids, .n = r->n_ids};
	struct msg_fields fields = {.v = r->fields, .n = r->n_fields};
	if (pass(r, false, true))
		return 1;
	if (!c)
		return wrong(r, "an array isn't wanted here");
	if (r->place == PLACE_FIELDS && r->n_fields > MSG_FIELDS_MAX)
		return wrong(r, "more than %d fields", MSG_FIELDS_MAX);
	if (r->place == PLACE_IDS)
		memcpy((uint8_t *)&r->m + c->offset, &ids, sizeof(ids));
	else
		memcpy((uint8_t *)&r->m + c->offset, &fields, sizeof(fields));
	r->place = PLACE_OBJECT;
	return 1;
}

int exchange_json_records_new(struct exchange_json_records **ret_records,
    const struct exchange_json_options *o, exchange_read_fn read, void *context)
{
	struct exchange_json_records *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->options = *o;
	r->reading = (struct exchange_reading){.time_unit = o->time_unit,
	    .plain_text = o->plain_text,
	    .zoned = o->zoned,
	    .zone_s = o->zone_s,
	    .arena = &r->arena};
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++)
		(void)exchange_kind_of(i, &r->kinds[i]);
	int error = exchange_input_begin(&r->in, read, context);
	if (error == 0 && o->record && (o->record >= ARCHIVE_KINDS || !r->kinds[o->record].name))
		error = -EINVAL;
	if (error < 0) {
		exchange_json_records_free(r);
		return error;
	}
	*ret_records = r;
	return 0;
}

void exchange_json_records_free(struct exchange_json_records *r)
{
	if (!r)
		return;
	exchange_input_free(&r->in);
	arena_free(&r->arena);
	free(r);
}

/* The next line that isn't blank, in the window: 1, 0 at the end, or an error. */
static int next_line(struct exchange_json_records *r, struct text *ret_line)
{
	for (;;) {
		exchange_input_take(&r->in, r->taken);
		r->in.line += r->taken > 0;
		r->taken = 0;
		size_t n = 0;
		int got = 1;
		const char *end = NULL;
		while (!end && got > 0) {
			size_t have = r->in.n - r->in.at;
			end = have > n ? memchr(r->in.p + r->in.at + n, '\n', have - n) : NULL;
			n = end ? (size_t)(end - (r->in.p + r->in.at)) : have;
			got = end ? 1 : exchange_input_more(&r->in);
		}
		if (got < 0 || (!end && n == 0))
			return got;
		r->taken = n + (end != NULL);
		struct text line = text_trim(text_bytes(r->in.p + r->in.at, n));
		if (line.n == 0)
			continue;
		/* leading blanks stay, so that columns are right */
		*ret_line = text_bytes(r->in.p + r->in.at, (size_t)(line.p + line.n - (r->in.p + r->in.at)));
		r->line = r->in.line;
		return 1;
	}
}

static int check_whole(struct exchange_json_records *r)
{
	for (size_t i = 0; i < r->kinds[r->record].n_columns; i++) {
		const struct exchange_column *c = &r->kinds[r->record].columns[i];
		if (c->required && !(r->seen >> i & 1)) {
			wrong(r, "a %s without '%s'", r->kinds[r->record].name, c->name);
			return r->error;
		}
	}
	if (!r->record)
		wrong(r, "an object without a kind: \"record\" is missing, or say it with --kind");
	return r->error;
}

static int parse(struct exchange_json_records *r, struct text line)
{
	static const yajl_callbacks callbacks = {.yajl_null = on_null,
	    .yajl_boolean = on_boolean,
	    .yajl_number = on_number,
	    .yajl_string = on_string,
	    .yajl_start_map = on_map,
	    .yajl_map_key = on_key,
	    .yajl_end_map = on_map_end,
	    .yajl_start_array = on_array,
	    .yajl_end_array = on_array_end};
	r->yajl = yajl_alloc(&callbacks, NULL, r);
	if (!r->yajl)
		return -ENOMEM;
	yajl_status status = yajl_parse(r->yajl, (const unsigned char *)line.p, line.n);
	if (status == yajl_status_ok)
		status = yajl_complete_parse(r->yajl);
	if (status != yajl_status_ok && r->error == 0) {
		unsigned char *why = yajl_get_error(r->yajl, 0, NULL, 0);
		struct text t = text_trim(text_of((const char *)why));
		char shown[160];
		wrong(r, "%s", text_printable(t, shown, sizeof(shown)));
		if (why)
			yajl_free_error(r->yajl, why);
	}
	if (r->error == 0)
		check_whole(r);
	yajl_free(r->yajl);
	r->yajl = NULL;
	return r->error;
}

/* As a record of that kind; 0: as whatever the line says. */
static int parse_as(struct exchange_json_records *r, struct text line, unsigned record)
{
	r->place = PLACE_LINE;
	r->record = record;
	r->column = COLUMN_NONE;
	r->seen = 0;
	r->has_record = r->passed = false;
	r->depth = 0;
	r->ids = NULL;
	r->fields = NULL;
	r->n_ids = r->n_fields = 0;
	r->error = 0;
	memset(&r->m, 0, sizeof(r->m));
	return parse(r, line);
}

static int parse_line(struct exchange_json_records *r, struct text line)
{
	int error = parse_as(r, line, r->options.record);
	if (error == -ERR_MALFORMED && r->options.record && !r->has_record) {
		/* what the caller said of all lines may not be what this one says of itself */
		struct exchange_problem first = *r->problem;
		int second = parse_as(r, line, 0);
		if (second != -EAGAIN || r->record == r->options.record) {
			*r->problem = first;
			return error;
		}
		error = second;
	}
	return error == -EAGAIN ? parse_as(r, line, r->record) : error;
}

int exchange_json_records_next(struct exchange_json_records *r, unsigned *ret_record,
    union archive_record *ret_m, struct exchange_problem *problem)
{
	struct text line;
	arena_reset(&r->arena);
	r->problem = problem;
	int got = next_line(r, &line);
	if (got == -ERR_LIMIT) {
		*problem = (struct exchange_problem){.line = r->in.line, .column = 1};
		snprintf(
		    problem->what, sizeof(problem->what), "a line of more than %d bytes", EXCHANGE_LINE_MAX);
		int skipped = exchange_input_skip_line(&r->in);
		return skipped < 0 ? skipped : got;
	}
	if (got <= 0)
		return got;
	int error = parse_line(r, line);
	if (error < 0)
		return error;
	r->carried[r->record] |= r->seen;
	*ret_record = r->record;
	*ret_m = r->m;
	if (r->record == MSG_FLOW && !(r->seen >> ARCHIVE_FLOW_LAST & 1))
		ret_m->flow.last = ret_m->flow.first;
	return 1;
}

uint64_t exchange_json_records_line(const struct exchange_json_records *r)
{
	return r->line;
}

size_t exchange_json_records_bytes(const struct exchange_json_records *r)
{
	return r->taken;
}

uint64_t exchange_json_records_carried(const struct exchange_json_records *r, unsigned record)
{
	return record < ARCHIVE_KINDS ? r->carried[record] : 0;
}
