/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exchange/kinds.h"

#include <errno.h>
#include <string.h>

#include "flow/flow.h"
#include "net/app.h"

/* What the layout doesn't say about a column. */
struct note {
	uint16_t record;
	const char *column;
	enum exchange_form form;
	enum exchange_reference reference;
	bool required;
	const char *(*name_of)(unsigned value);
	uint16_t n_named;
};

#define REFERS(kind, field, what, to)                                                                        \
	{                                                                                                    \
		.record = MSG_##kind, .column = field, .form = EXCHANGE_FORM_##what,                         \
		.reference = EXCHANGE_REFERENCE_##to                                                         \
	}
#define IS_TIME(kind, field)                                                                                 \
	{                                                                                                    \
		.record = MSG_##kind, .column = field, .form = EXCHANGE_FORM_TIME                            \
	}
#define NEEDS(kind, field, what)                                                                             \
	{                                                                                                    \
		.record = MSG_##kind, .column = field, .form = EXCHANGE_FORM_##what, .required = true        \
	}
#define HAS_NAMES(kind, field, names, count)                                                                 \
	{                                                                                                    \
		.record = MSG_##kind, .column = field, .form = EXCHANGE_FORM_NAMED, .name_of = names,        \
		.n_named = count                                                                             \
	}

static const struct note notes[] = {
    REFERS(FLOW, "duplicate_of", NUMBER, RECORD),
    REFERS(FLOW, "also", IDS, RECORD),
    REFERS(FLOW, "parent", NUMBER, RECORD),
    REFERS(FLOW, "related", NUMBER, RECORD),
    REFERS(FLOW, "vantage", NUMBER, VANTAGE),
    NEEDS(FLOW, "initiator", ADDR),
    NEEDS(FLOW, "responder", ADDR),
    NEEDS(FLOW, "first", TIME),
    IS_TIME(FLOW, "last"),
    IS_TIME(FLOW, "established"),
    HAS_NAMES(FLOW, "tcp_state", flow_tcp_state_name, FLOW_TCP_MIDSTREAM + 1),
    HAS_NAMES(FLOW, "end", flow_end_name, FLOW_END_CAPTURE + 1),
    HAS_NAMES(FLOW, "app", app_name, APP_COUNT),
    REFERS(TRANSACTION, "flow", NUMBER, RECORD),
    HAS_NAMES(TRANSACTION, "app", app_name, APP_COUNT),
    NEEDS(TRANSACTION, "time", TIME),
    NEEDS(DETECTION, "time", TIME),
    IS_TIME(DETECTION, "last"),
    HAS_NAMES(DETECTION, "source", msg_source_name, MSG_SOURCE_TOOL + 1),
    HAS_NAMES(DETECTION, "asset_role", msg_role_name, MSG_ROLE_ATTACKER + 1),
    HAS_NAMES(DETECTION, "peer_role", msg_role_name, MSG_ROLE_ATTACKER + 1),
    HAS_NAMES(DETECTION, "tlp", msg_tlp_name, MSG_TLP_RED + 1),
    REFERS(DETECTION, "flows", IDS, RECORD),
    NEEDS(BINDING, "first", TIME),
    IS_TIME(BINDING, "last"),
    REFERS(BINDING, "vantage", NUMBER, VANTAGE),
    REFERS(COVERAGE, "vantage", NUMBER, VANTAGE),
    NEEDS(COVERAGE, "from", TIME),
    IS_TIME(COVERAGE, "to"),
};

static enum exchange_form form_of(enum archive_column_type type)
{
	switch (type) {
	case ARCHIVE_COLUMN_UINT: return EXCHANGE_FORM_NUMBER;
	case ARCHIVE_COLUMN_REAL: return EXCHANGE_FORM_REAL;
	case ARCHIVE_COLUMN_ADDR: return EXCHANGE_FORM_ADDR;
	case ARCHIVE_COLUMN_MAC: return EXCHANGE_FORM_MAC;
	case ARCHIVE_COLUMN_TEXT: return EXCHANGE_FORM_TEXT;
	case ARCHIVE_COLUMN_U64S: return EXCHANGE_FORM_IDS;
	case ARCHIVE_COLUMN_FIELDS: return EXCHANGE_FORM_FIELDS;
	}
	return EXCHANGE_FORM_NUMBER;
}

bool exchange_kind_of(unsigned record, struct exchange_kind *ret_kind)
{
	const struct archive_layout *l = archive_layout_of(record);
	if (!l)
		return false;
	*ret_kind = (struct exchange_kind){.name = l->name, .layout = l, .n_columns = l->n_columns};
	for (size_t i = 0; i < l->n_columns; i++) {
		const struct archive_column *from = &l->columns[i];
		struct exchange_column *to = &ret_kind->columns[i];
		*to = (struct exchange_column){.name = from->name,
		    .name_size = (uint8_t)strlen(from->name),
		    .form = form_of(from->type),
		    .size = from->size,
		    .offset = from->offset};
		to->protocol = record == MSG_FLOW && strcmp(to->name, "protocol") == 0;
		if (i == ARCHIVE_COLUMN_ID)
			to->reference = EXCHANGE_REFERENCE_SELF;
		for (size_t n = 0; n < sizeof(notes) / sizeof(*notes); n++) {
			if (notes[n].record != record || strcmp(notes[n].column, from->name) != 0)
				continue;
			to->form = notes[n].form;
			to->reference = notes[n].reference;
			to->required = notes[n].required;
			to->name_of = notes[n].name_of;
			to->n_named = notes[n].n_named;
		}
		if (to->reference != EXCHANGE_REFERENCE_NONE)
			ret_kind->references[ret_kind->n_references++] = (uint8_t)i;
	}
	return true;
}

int exchange_kind_find(struct text name)
{
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++) {
		const struct archive_layout *l = archive_layout_of(i);
		if (l && text_equal(name, text_of(l->name)))
			return (int)i;
	}
	return -1;
}

int exchange_column_find_behind(const struct exchange_kind *k, int other, struct text name)
{
	size_t next = other < 0 ? 0 : (size_t)other + 1;
	if (next < k->n_columns &&
	    text_equal(name, text_bytes(k->columns[next].name, k->columns[next].name_size)))
		return (int)next;
	return exchange_column_find(k, name);
}

int exchange_column_find(const struct exchange_kind *k, struct text name)
{
	for (size_t i = 0; i < k->n_columns; i++)
		if (text_equal(name, text_bytes(k->columns[i].name, k->columns[i].name_size)))
			return (int)i;
	return -1;
}
