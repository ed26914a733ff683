/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/timefmt.h"
#include "exchange/records_csv.h"
#include "exchange/records_csv_names.h"
#include "net/app.h"

/* Where a cell goes that isn't a column of ours. */
enum exchange_csv_place { PLACE_NONE = -1, PLACE_DURATION = -2 };

enum { NAME_SHOWN = 64 };

static int __attribute__((format(printf, 4, 5)))
wrong(struct exchange_problem *problem, uint64_t line, uint64_t column, const char *format, ...)
{
	va_list args;
	*problem = (struct exchange_problem){.line = line, .column = column};
	va_start(args, format);
	vsnprintf(problem->what, sizeof(problem->what), format, args);
	va_end(args);
	return -ERR_MALFORMED;
}

static bool kind_has_all(const struct csv_reader *csv, const struct exchange_kind *k)
{
	size_t required = 0, found = 0;
	for (size_t i = 0; i < csv->n_cells; i++) {
		int column = exchange_column_find(k, csv->cells[i].text);
		if (column < 0)
			return false;
		found += k->columns[column].required;
	}
	for (size_t i = 0; i < k->n_columns; i++)
		required += k->columns[i].required;
	return found >= required;
}

/* The kind of which every column of the header is, with all that must be there. */
static bool guess_kind(struct exchange_csv_records *r)
{
	for (unsigned record = 0; record < ARCHIVE_KINDS; record++)
		if (exchange_kind_of(record, &r->kind) && kind_has_all(&r->csv, &r->kind))
			return true;
	return false;
}

static const struct exchange_csv_map *mapped(const struct exchange_csv_options *o, struct text theirs)
{
	for (size_t i = 0; i < o->n_map; i++)
		if (text_equal(o->map[i].theirs, theirs))
			return &o->map[i];
	return NULL;
}

/* Where the column of that name goes. */
static int place_of(
    const struct exchange_csv_records *r, const struct exchange_csv_options *o, struct text theirs)
{
	const struct exchange_csv_map *m = mapped(o, theirs);
	const char *common = r->kind.layout->record == MSG_FLOW ? exchange_common_name(theirs) : NULL;
	struct text ours = m ? m->ours : theirs;
	if (m && text_equal(ours, TEXT("-")))
		return PLACE_NONE;
	int place = exchange_column_find(&r->kind, ours);
	if (place < 0 && common && !m)
		ours = text_of(common);
	if (place < 0 && r->kind.layout->record == MSG_FLOW && text_equal(ours, TEXT(EXCHANGE_DURATION)))
		return PLACE_DURATION;
	return place >= 0 ? place : exchange_column_find(&r->kind, ours);
}

static int take_name(struct exchange_csv_records *r, const struct exchange_csv_options *o, size_t i,
    struct text name, uint64_t line, uint64_t column, struct exchange_problem *problem)
{
	char shown[NAME_SHOWN];
	int place = place_of(r, o, name);
	r->columns[i] = (int16_t)place;
	if (place == PLACE_DURATION) {
		if (r->has_duration)
			return wrong(problem, line, column, "a second column for the duration");
		r->has_duration = true;
	} else if (place >= 0) {
		if (r->carried >> place & 1)
			return wrong(problem, line, column, "column '%s': a second one for %s",
			    text_printable(name, shown, sizeof(shown)), r->kind.columns[place].name);
		r->carried |= UINT64_C(1) << place;
		if (r->kind.layout->record == MSG_FLOW && r->kind.columns[place].name_of == app_name &&
		    !text_equal(name, text_of(r->kind.columns[place].name)))
			r->app = (int)i;
	} else if (!text_equal(name, TEXT("-"))) {
		if (r->not_taken.n)
			dynbuf_str(&r->not_taken, ", ");
		dynbuf_str(&r->not_taken, text_printable(name, shown, sizeof(shown)));
	}
	return r->not_taken.error;
}

/* What the caller named must be there, and so must what a record can't do without. */
static int check_columns(const struct exchange_csv_records *r, const struct exchange_csv_options *o,
    struct exchange_problem *problem)
{
	char shown[NAME_SHOWN];
	for (size_t i = 0; i < o->n_map; i++) {
		int place = exchange_column_find(&r->kind, o->map[i].ours);
		bool duration = text_equal(o->map[i].ours, TEXT(EXCHANGE_DURATION));
		if (text_equal(o->map[i].ours, TEXT("-")))
			continue;
		if (place < 0 && !duration)
			return wrong(problem, 1, 1, "--map: '%s' is no column of a %s",
			    text_printable(o->map[i].ours, shown, sizeof(shown)), r->kind.name);
		if (duration ? !r->has_duration : !(r->carried >> place & 1))
			return wrong(problem, 1, 1, "--map: the file has no column '%s'",
			    text_printable(o->map[i].theirs, shown, sizeof(shown)));
	}
	for (size_t i = 0; i < r->kind.n_columns; i++)
		if (r->kind.columns[i].required && !(r->carried >> i & 1))
			return wrong(problem, 1, 1,
			    "no column for '%s', which a %s needs; name it with --map %s=NAME",
			    r->kind.columns[i].name, r->kind.name, r->kind.columns[i].name);
	return 0;
}

static int read_header(
    struct exchange_csv_records *r, const struct exchange_csv_options *o, struct exchange_problem *problem)
{
	int error = csv_reader_next(&r->csv, problem);
	if (error == 0)
		return wrong(problem, 1, 1, "nothing in it; a header row with the columns' names is wanted");
	if (error < 0)
		return error;
	if (!o->record && !guess_kind(r))
		return wrong(problem, r->csv.line, 1,
		    "not the header of an export of ours; say with --kind what the rows are");
	r->n_columns = r->csv.n_cells;
	error = 0;
	for (size_t i = 0; error == 0 && i < r->n_columns; i++) {
		const struct csv_cell *c = &r->csv.cells[i];
		error = take_name(r, o, i, c->text, c->line, c->column, problem);
	}
	return error;
}

static int take_columns(
    struct exchange_csv_records *r, const struct exchange_csv_options *o, struct exchange_problem *problem)
{
	struct text rest = o->columns;
	if (!o->record)
		return wrong(problem, 1, 1, "--columns needs --kind");
	for (bool more = true; more;) {
		size_t comma = text_find(rest, ',');
		if (r->n_columns == CSV_CELLS_MAX)
			return wrong(problem, 1, 1, "--columns: more than %d", CSV_CELLS_MAX);
		int error = take_name(r, o, r->n_columns++, text_sub(rest, 0, comma), 1, 1, problem);
		if (error < 0)
			return error;
		more = comma < rest.n;
		rest = text_sub(rest, comma + 1, rest.n);
	}
	return 0;
}

int exchange_csv_records_begin(struct exchange_csv_records *r, const struct exchange_csv_options *o,
    exchange_read_fn read, void *context, struct exchange_problem *problem)
{
	*r = (struct exchange_csv_records){.reading = {.time_unit = o->time_unit,
	                                       .plain_text = o->plain_text,
	                                       .zoned = o->zoned,
	                                       .zone_s = o->zone_s},
	    .app = -1,
	    .empty = o->empty,
	    .not_taken = {.max = 1 << 16}};
	r->reading.arena = &r->arena;
	if (o->record && !exchange_kind_of(o->record, &r->kind))
		return -EINVAL;
	int error = csv_reader_begin(&r->csv, o->separator ? o->separator : ',', read, context);
	if (error == 0)
		error = o->columns.n ? take_columns(r, o, problem) : read_header(r, o, problem);
	if (error == 0)
		error = check_columns(r, o, problem);
	if (error < 0)
		return error;
	r->has_last = r->carried >> ARCHIVE_FLOW_LAST & 1;
	if (r->has_duration)
		r->carried |= UINT64_C(1) << ARCHIVE_FLOW_LAST;
	return 0;
}

void exchange_csv_records_end(struct exchange_csv_records *r)
{
	csv_reader_free(&r->csv);
	dynbuf_free(&r->not_taken);
	arena_free(&r->arena);
}

static int cell_wrong(
    const struct csv_cell *cell, const char *name, const char *wanted, struct exchange_problem *problem)
{
	char shown[NAME_SHOWN];
	return wrong(problem, cell->line, cell->column, "%s: '%s' isn't right; wanted is %s", name,
	    text_printable(cell->text, shown, sizeof(shown)), wanted);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * Applications as others name them: Zeek gives several, of which the first that we know is taken. What there
 * is no number for must not keep the flow out: it is counted, and told.
 */
static int take_app(struct exchange_csv_records *r, const struct exchange_column *c,
    const struct csv_cell *cell, void *record)
{
	char shown[NAME_SHOWN];
	const char *wanted;
	struct text rest = cell->text;
	while (rest.n) {
		size_t comma = text_find(rest, ',');
		struct text one = text_trim(text_sub(rest, 0, comma));
		if (one.n && exchange_value_parse(c, one, &r->reading, record, &wanted) == 0)
			return 0;
		rest = text_sub(rest, comma + 1, rest.n);
	}
	if (r->unknown_apps++ == 0)
		(void)wrong(&r->unknown_app, cell->line, cell->column, "%s",
		    text_printable(cell->text, shown, sizeof(shown)));
	return 0;
}

/* A cell of one of our columns. */
static int take_cell(struct exchange_csv_records *r, const struct exchange_column *c,
    const struct csv_cell *cell, void *record, struct exchange_problem *problem)
{
	const char *wanted = NULL;
	struct text t = cell->text;
	if (c->required && t.n == 0)
		return wrong(
		    problem, cell->line, cell->column, "%s: empty, but a %s needs it", c->name, r->kind.name);
	/* what the record has already, and what many cells are */
	if (t.n == 0 || (t.n == 1 && t.p[0] == '0' && c->form == EXCHANGE_FORM_NUMBER))
		return 0;
	/* some systems pad their columns */
	if (c->form != EXCHANGE_FORM_TEXT && c->form != EXCHANGE_FORM_FIELDS &&
	    (is_blank(t.p[0]) || is_blank(t.p[t.n - 1])))
		t = text_trim(t);
	int error = exchange_value_parse(c, t, &r->reading, record, &wanted);
	if (error == -EINVAL && r->app >= 0 && cell == &r->csv.cells[r->app])
		return take_app(r, c, cell, record);
	return error == -EINVAL || error == -ERANGE ? cell_wrong(cell, c->name, wanted, problem) : error;
}

/* The last packet's time, where only the first's and the duration are there. */
static int take_duration(struct exchange_csv_records *r, const struct csv_cell *cell, struct msg_flow *f,
    struct exchange_problem *problem)
{
	static const struct exchange_column span = {.form = EXCHANGE_FORM_TIME, .size = 8};
	struct exchange_reading reading = {.time_unit = EXCHANGE_TIME_S};
	const char *wanted;
	int64_t ns = 0;
	if (cell->text.n &&
	    (text_find(cell->text, 'T') < cell->text.n ||
	        exchange_value_parse(&span, cell->text, &reading, &ns, &wanted) < 0 || ns < 0))
		return cell_wrong(cell, EXCHANGE_DURATION, "seconds, with a fraction or without", problem);
	if (r->has_last)
		return 0;
	if (__builtin_add_overflow(f->first, ns, &f->last))
		return cell_wrong(cell, EXCHANGE_DURATION, "one that ends before the year 2262", problem);
	return 0;
}

int exchange_csv_records_next(
    struct exchange_csv_records *r, union archive_record *ret_record, struct exchange_problem *problem)
{
	union archive_record record;
	const struct csv_cell *duration = NULL;
	int error = csv_reader_next(&r->csv, problem);
	if (error <= 0)
		return error;
	arena_reset(&r->arena);
	memset(&record, 0, sizeof(record));
	if (r->csv.n_cells != r->n_columns)
		return wrong(problem, r->csv.line, 1, "%zu cells where there are %zu columns", r->csv.n_cells,
		    r->n_columns);
	for (size_t i = 0; i < r->n_columns; i++) {
		int place = r->columns[i];
		error = 0;
		if (r->empty.n && text_equal(r->csv.cells[i].text, r->empty))
			r->csv.cells[i].text.n = 0;
		if (place >= 0)
			error = take_cell(r, &r->kind.columns[place], &r->csv.cells[i], &record, problem);
		else if (place == PLACE_DURATION)
			duration = &r->csv.cells[i];
		if (error < 0)
			return error;
	}
	if (r->kind.layout->record == MSG_FLOW) {
		error = duration ? take_duration(r, duration, &record.flow, problem) : 0;
		if (error < 0)
			return error;
		if (!duration && !r->has_last)
			record.flow.last = record.flow.first;
	}
	*ret_record = record;
	return 1;
}
