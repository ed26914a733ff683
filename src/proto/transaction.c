/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>

#include "base/num.h"
#include "proto/private.h"

const struct flow *proto_flow(const struct proto_context *c)
{
	return c->flow;
}

int64_t proto_time(const struct proto_context *c)
{
	return c->time_ns;
}

void *proto_shared(const struct proto_context *c)
{
	return c->proto->shared[c->layer->parser->app];
}

void proto_field(struct proto_context *c, enum field field, struct text value)
{
	struct proto *p = c->proto;
	if (value.n == 0)
		return;
	if (p->n_fields - c->first_field >= PROTO_FIELDS_MAX) {
		p->stats.fields_dropped++;
		return;
	}
	size_t n = value.n < PROTO_VALUE_MAX ? value.n : PROTO_VALUE_MAX;
	size_t at = p->values.n;
	dynbuf_append(&p->values, value.p, n);
	if (p->values.error) {
		p->stats.fields_dropped++;
		p->values.error = 0;
		return;
	}
	assert(p->n_fields < sizeof(p->fields) / sizeof(p->fields[0]));
	p->fields[p->n_fields].field = field;
	p->fields[p->n_fields].at = (uint32_t)at;
	p->fields[p->n_fields].n = (uint32_t)n;
	p->n_fields++;
}

void proto_field_str(struct proto_context *c, enum field field, const char *value)
{
	proto_field(c, field, text_of(value));
}

void proto_field_num(struct proto_context *c, enum field field, uint64_t value)
{
	char digits[NUM_DECIMAL_MAX];
	proto_field(c, field, text_bytes(digits, num_decimal(value, digits)));
}

void proto_field_bytes(struct proto_context *c, enum field field, const void *p, size_t n)
{
	proto_field(c, field, text_bytes(p, n));
}

void proto_discard(struct proto_context *c)
{
	c->proto->n_fields = c->first_field;
	c->proto->values.n = c->first_value;
}

void proto_emit_as(struct proto_context *c, enum app app)
{
	struct proto *p = c->proto;
	struct field_value out[PROTO_FIELDS_MAX];
	size_t n = p->n_fields - c->first_field;
	if (n == 0)
		return;
	if (c->pf->transactions >= PROTO_TRANSACTIONS_MAX) {
		p->stats.transactions_dropped++;
		proto_discard(c);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		out[i].field = p->fields[c->first_field + i].field;
		out[i].value = text_bytes(
		    p->values.p + p->fields[c->first_field + i].at, p->fields[c->first_field + i].n);
	}
	struct proto_transaction t = {
	    .flow = c->flow, .app = app, .time_ns = c->time_ns, .fields = out, .n = n};
	c->pf->transactions++;
	p->stats.transactions++;
	p->config.emit(p->config.context, &t);
	proto_discard(c);
}

void proto_emit(struct proto_context *c)
{
	proto_emit_as(c, c->layer->app);
}

void proto_rename(struct proto_context *c, enum app app)
{
	c->layer->app = app;
	if (c->depth == 0)
		c->flow->app = (uint16_t)app;
}

void proto_expect(
    struct proto_context *c, struct net_addr from, struct net_addr to, uint16_t port, enum app app)
{
	const struct proto_config *config = &c->proto->config;
	struct flow_table *table = config->table ? config->table(config->context) : NULL;
	if (table)
		flow_table_expect(table, c->flow, from, to, port, (uint16_t)app);
}
