/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/field.h"

struct field_row {
	const char *name;
	enum field_kind kind;
};

static const struct field_row rows[FIELD_COUNT] = {
#define X(id, text, what) [FIELD_##id] = {.name = (text), .kind = FIELD_KIND_##what},
    FIELD_LIST(X)
#undef X
};

const char *field_name(unsigned field)
{
	return field < FIELD_COUNT ? rows[field].name : "";
}

enum field_kind field_kind_of(unsigned field)
{
	return field < FIELD_COUNT ? rows[field].kind : FIELD_KIND_HEX;
}

struct text field_get(const struct field_value *fields, size_t n, enum field field)
{
	for (size_t i = 0; i < n; i++)
		if (fields[i].field == field)
			return fields[i].value;
	return (struct text){0};
}
