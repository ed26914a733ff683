/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which parts of records can be indicators, and as what they are asked. */

#include "base/num.h"
#include "detect/indicator.h"

struct place_row {
	enum field field;
	enum indicator_place place;
	enum indicator_kind kind;
};

static const struct place_row rows[] = {
    {FIELD_DNS_QUERY, INDICATOR_AT_DNS_QUERY, INDICATOR_DOMAIN},
    {FIELD_DNS_ANSWER, INDICATOR_AT_DNS_ANSWER, INDICATOR_DOMAIN},
    {FIELD_DNS_ANSWER_ADDR, INDICATOR_AT_DNS_ANSWER, INDICATOR_ADDRESS},
    {FIELD_TLS_SNI, INDICATOR_AT_TLS_SNI, INDICATOR_DOMAIN},
    {FIELD_HTTP_HOST, INDICATOR_AT_HTTP_HOST, INDICATOR_DOMAIN},
    {FIELD_TLS_JA3, INDICATOR_AT_TLS_JA3, INDICATOR_JA3},
    {FIELD_TLS_JA3S, INDICATOR_AT_TLS_JA3S, INDICATOR_JA3S},
    {FIELD_TLS_JA4, INDICATOR_AT_TLS_JA4, INDICATOR_JA4},
    {FIELD_TLS_CERT_SHA256, INDICATOR_AT_TLS_CERTIFICATE, INDICATOR_CERT_SHA256},
    {FIELD_SSH_HASSH, INDICATOR_AT_SSH_HASSH, INDICATOR_HASSH},
    {FIELD_SSH_HASSH_SERVER, INDICATOR_AT_SSH_HASSH_SERVER, INDICATOR_HASSH_SERVER},
    {FIELD_FILE_SHA256, INDICATOR_AT_FILE, INDICATOR_FILE_SHA256},
};

static const struct place_row *row_of(enum field field)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].field == field)
			return &rows[i];
	return NULL;
}

/* A host may carry its port. */
static struct text name_part(struct text host)
{
	return text_sub(host, 0, text_find(host, ':'));
}

/* The port that a URL is asked at: a request to a proxy says it itself. */
static uint16_t url_port(struct text target, uint16_t port)
{
	size_t scheme = text_starts_nocase(target, TEXT("http://"))    ? 7
	                : text_starts_nocase(target, TEXT("https://")) ? 8
	                                                               : 0;
	if (scheme == 0)
		return port;
	uint64_t named;
	struct text host = text_sub(target, scheme, target.n);
	host.n = text_find(host, '/');
	size_t after = host.n && host.p[0] == '[' ? text_find(host, ']') + 1 : text_find(host, ':');
	struct text digits = text_sub(host, after + 1, host.n);
	if (digits.n && num_parse_u64(digits, UINT16_MAX, &named) == 0)
		return (uint16_t)named;
	return scheme == 7 ? 80 : 443;
}

size_t indicator_queries_of(
    const struct msg_transaction *t, uint16_t port, struct indicator_query out[INDICATOR_QUERIES_MAX])
{
	size_t n = 0;
	for (uint32_t i = 0; i < t->fields.n && n < MSG_FIELDS_MAX; i++) {
		const struct field_value *v = &t->fields.v[i];
		const struct place_row *row = row_of(v->field);
		if (!row)
			continue;
		bool connects = row->place == INDICATOR_AT_TLS_SNI || row->place == INDICATOR_AT_HTTP_HOST;
		out[n++] = (struct indicator_query){.place = row->place,
		    .kind = row->kind,
		    .port = connects ? port : 0,
		    .value = connects ? name_part(v->value) : v->value};
	}
	struct text target = field_get(t->fields.v, t->fields.n, FIELD_HTTP_URI);
	if (target.n)
		out[n++] = (struct indicator_query){.place = INDICATOR_AT_HTTP_URL,
		    .kind = INDICATOR_URL,
		    .port = url_port(target, port),
		    .value = field_get(t->fields.v, t->fields.n, FIELD_HTTP_HOST),
		    .target = target};
	return n;
}

size_t indicator_queries_of_flow(const struct msg_flow *f, struct indicator_query out[3])
{
	out[0] = (struct indicator_query){.place = INDICATOR_AT_RESPONDER,
	    .kind = INDICATOR_ADDRESS,
	    .port = f->responder_port,
	    .value = text_bytes(f->responder.b, sizeof(f->responder.b))};
	/* the initiator's port is drawn by chance: it isn't the one that an indicator names */
	out[1] = (struct indicator_query){.place = INDICATOR_AT_INITIATOR,
	    .kind = INDICATOR_ADDRESS,
	    .value = text_bytes(f->initiator.b, sizeof(f->initiator.b))};
	if (f->name.n == 0)
		return 2;
	out[2] = (struct indicator_query){.place = INDICATOR_AT_FLOW_NAME,
	    .kind = INDICATOR_DOMAIN,
	    .port = f->responder_port,
	    .value = name_part(f->name)};
	return 3;
}
