/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/words.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "archive/layout.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "net/app.h"

static json_t *json_text(struct text t)
{
	struct dynbuf b = {0};
	json_t *j = text_append_printable(&b, t) == 0 ? json_stringn(b.n ? (const char *)b.p : "", b.n)
	                                              : NULL;
	dynbuf_free(&b);
	return j;
}

static json_t *json_addr(struct net_addr a)
{
	char text[NET_ADDR_TEXT_SIZE];
	return net_addr_is_none(a) ? json_null() : json_string(net_addr_text(a, text));
}

/* Beyond what JSON readers hold as a whole number, the digits as text: evidence isn't rounded. */
static json_t *json_number(uint64_t n)
{
	char digits[24];
	if (n <= INT64_MAX)
		return json_integer((json_int_t)n);
	snprintf(digits, sizeof(digits), "%" PRIu64, n);
	return json_string(digits);
}

static json_t *json_hex(struct text t)
{
	struct dynbuf b = {0};
	char digits[2 * 64 + 1];
	for (size_t i = 0; i < t.n; i += 64) {
		struct text part = text_sub(t, i, 64);
		dynbuf_str(&b, num_hex((const uint8_t *)part.p, part.n, digits));
	}
	json_t *j = b.error ? NULL : json_stringn(b.n ? (const char *)b.p : "", b.n);
	dynbuf_free(&b);
	return j;
}

static json_t *json_field(const struct field_value *v)
{
	const char *name = field_name(v->field);
	struct net_addr a;
	json_t *value;
	if (field_kind_of(v->field) == FIELD_KIND_ADDR && v->value.n == sizeof(a.b))
		value = json_addr(net_addr_v6((const uint8_t *)v->value.p));
	else if (field_kind_of(v->field) == FIELD_KIND_HEX)
		value = json_hex(v->value);
	else
		value = json_text(v->value);
	return json_pack("{s:i, s:s, s:o}", "field", (int)v->field, "name", name, "value", value);
}

static bool is_time(const char *name)
{
	static const char *const times[] = {"time", "first", "last", "established", "from", "to"};
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++)
		if (strcmp(name, times[i]) == 0)
			return true;
	return false;
}

static json_t *json_uint(const struct archive_column *c, const void *p)
{
	uint64_t v = 0;
	char text[TIME_TEXT_SIZE];
	switch (c->size) {
	case 1: v = *(const uint8_t *)p; break;
	case 2: v = *(const uint16_t *)p; break;
	case 4: v = *(const uint32_t *)p; break;
	case 8: memcpy(&v, p, sizeof(v)); break;
	}
	if (c->size == 8 && is_time(c->name))
		return v ? json_string(time_rfc3339((int64_t)v, text)) : json_null();
	if (strcmp(c->name, "app") == 0 && v < APP_COUNT)
		return json_string(app_name((unsigned)v));
	return json_number(v);
}

static json_t *json_ids(const struct msg_u64s *ids)
{
	json_t *list = json_array();
	for (uint32_t i = 0; list && i < ids->n; i++)
		json_array_append_new(list, json_number(ids->v[i]));
	return list;
}

static json_t *json_fields(const struct msg_fields *fields)
{
	json_t *list = json_array();
	for (uint32_t i = 0; list && i < fields->n; i++)
		json_array_append_new(list, json_field(&fields->v[i]));
	return list;
}

static json_t *json_column(const struct archive_column *c, const void *p)
{
	struct net_mac mac;
	char text[NET_MAC_TEXT_SIZE];
	double real;
	switch (c->type) {
	case ARCHIVE_COLUMN_UINT: return json_uint(c, p);
	case ARCHIVE_COLUMN_REAL:
		memcpy(&real, p, sizeof(real));
		return isfinite(real) ? json_real(real) : json_null();
	case ARCHIVE_COLUMN_ADDR: return json_addr(*(const struct net_addr *)p);
	case ARCHIVE_COLUMN_MAC: memcpy(&mac, p, sizeof(mac)); return json_string(net_mac_text(mac, text));
	case ARCHIVE_COLUMN_TEXT: return json_text(*(const struct text *)p);
	case ARCHIVE_COLUMN_U64S: return json_ids(p);
	case ARCHIVE_COLUMN_FIELDS: return json_fields(p);
	}
	return NULL;
}

static json_t *json_columns(const struct archive_layout *layout, const void *record)
{
	json_t *object = json_pack("{s:s}", "kind", layout->name);
	for (unsigned i = 0; object && i < layout->n_columns; i++) {
		const struct archive_column *c = &layout->columns[i];
		json_t *value = json_column(c, (const uint8_t *)record + c->offset);
		if (json_object_set_new(object, c->name, value) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

int words_json(struct text encoded, json_t **ret_object)
{
	union archive_record record;
	struct arena arena = {0};
	uint16_t number = 0;
	size_t length;
	int r = msg_peek(encoded.p, encoded.n, &number, &length);
	const struct archive_layout *layout = r == 0 ? archive_layout_of(number) : NULL;
	if (r == 0 && !layout)
		r = -ERR_UNSUPPORTED;
	if (r == 0)
		r = layout->decode(encoded.p, encoded.n, &arena, &record);
	if (r == 0) {
		json_t *object = json_columns(layout, &record);
		r = object ? 0 : -ENOMEM;
		if (object)
			*ret_object = object;
	}
	arena_free(&arena);
	return r;
}
