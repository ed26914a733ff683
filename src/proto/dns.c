/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * DNS over UDP and TCP, mDNS and LLMNR: found by their content. A transaction for each response, with the
 * query that it answers; and one for each query that had no answer when the flow ends. Which is which says
 * the QR bit, not the direction. Queries that wait for an answer are kept by name: at most DNS_PENDING_MAX a
 * flow, then the oldest comes out as unanswered.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dynbuf.h"
#include "net/app.h"
#include "proto/dns_message.h"
#include "proto/parsers.h"
#include "proto/spare.h"

enum {
	DNS_PENDING_MAX = 32,
	DNS_QUESTIONS_MAX = 4,  /* told of one message; mDNS asks several at once */
	DNS_ANSWERS_MAX = 48,   /* told of one message */
	DNS_RECORDS_MAX = 1024, /* read of one message */
	DNS_CLASS_TOP = 0x8000, /* mDNS: answer by unicast, flush the cache */
	DNS_NAME_USUAL = 40,    /* bytes; queries of longer names are allocated one by one */
};

/* A query without an answer yet. */
struct dns_pending {
	struct dns_pending *next;
	uint16_t id, type;
	size_t n;
	char name[];
};

/* What all flows share. */
struct dns_shared {
	struct spare pending; /* of usual names */
};

struct dns_state {
	struct dns_pending *oldest, **last;
	uint32_t n_pending;
	size_t memory;
};

static bool class_plausible(uint16_t class)
{
	class &= (uint16_t)~DNS_CLASS_TOP;
	return class == 1 || class == 3 || class == 4 || class == 254 || class == 255;
}

/* A NetBIOS name is 32 letters from A to P (RFC 1001, 14.1): NBNS has the form of DNS, but is named apart. */
static bool is_netbios(const struct dns_name *name, uint16_t type)
{
	if ((type != DNS_TYPE_NB && type != DNS_TYPE_NBSTAT) || name->n < 32)
		return false;
	for (size_t i = 0; i < 32; i++)
		if (name->text[i] < 'A' || name->text[i] > 'P')
			return false;
	return name->n == 32 || name->text[32] == '.';
}

/*
 * At DNS's own ports a message may have what tells it from other bytes elsewhere: the reserved bit, a query's
 * code, an opcode that nobody assigned. Servers answer such queries, so a flag must not hide a name.
 */
static bool at_own_port(const struct flow *f)
{
	return app_of_port(f->protocol, f->responder_port) == APP_DNS ||
	       app_of_port(f->protocol, f->initiator_port) == APP_DNS;
}

static bool flags_plausible(const struct dns_header *h, bool reserved)
{
	return !reserved && h->opcode <= 5 && h->opcode != 3 && (h->response || h->rcode == 0);
}

static bool header_plausible(const struct dns_header *h)
{
	if (h->questions > 64)
		return false;
	if (h->answers > 4096 || h->authorities > 4096 || h->additionals > 4096)
		return false;
	/* a query has neither a result nor, but in mDNS, answers; a response has its question, answers, or a
	 * failure */
	return h->response
	           ? h->questions || h->answers || (h->rcode && h->authorities == 0 && h->additionals <= 1)
	           : h->questions && h->answers <= 64;
}

/* How a message begins: its header, and its first question or, where it asks none, the head of its first
 * record. */
struct dns_beginning {
	struct dns_header h;
	struct dns_name name;
	uint16_t type, class;
};

/*
 * Whether a message begins at the cursor: a header whose counts and flags make sense and a first question or
 * record that does. `cut`: the message goes on behind the cursor's end, so that what isn't there yet may
 * come. The cursor moves behind what was read.
 */
static enum proto_match message_begin(
    struct cursor *c, bool cut, const struct flow *f, struct dns_beginning *ret_beginning)
{
	struct dns_beginning *b = ret_beginning;
	dns_header_read(c, &b->h);
	if (!cursor_ok(c))
		return cut ? PROTO_MAYBE : PROTO_NO;
	if (!header_plausible(&b->h) || (!flags_plausible(&b->h, c->base[3] & 0x40) && !at_own_port(f)))
		return PROTO_NO;
	if (!b->h.questions && !b->h.answers)
		return cursor_left(c) == 0 || b->h.additionals == 1 ? PROTO_YES : PROTO_NO;
	dns_question_read(c, &b->name, &b->type, &b->class);
	if (!cursor_ok(c))
		return cut && c->size < DNS_HEADER_SIZE + 260 ? PROTO_MAYBE : PROTO_NO;
	return b->type && class_plausible(b->class) && !is_netbios(&b->name, b->type) ? PROTO_YES : PROTO_NO;
}

static enum proto_match message_probe(struct cursor c, bool cut, const struct flow *f)
{
	struct dns_beginning beginning;
	return message_begin(&c, cut, f, &beginning);
}

static enum proto_match dns_probe(const uint8_t *p, size_t n, bool to_responder, const struct flow *f)
{
	(void)to_responder;
	if (f->protocol != PACKET_TCP)
		return message_probe(cursor_of(p, n), false, f);
	struct cursor c = cursor_of(p, n);
	size_t length = cursor_be16(&c);
	if (n < 2 || length < DNS_HEADER_SIZE)
		return n < 2 ? PROTO_MAYBE : PROTO_NO;
	bool cut = length > n - 2;
	return message_probe(cursor_of(p + 2, cut ? n - 2 : length), cut, f);
}

static void pending_free(struct proto_context *c, struct dns_state *s, struct dns_pending *q)
{
	s->memory -= sizeof(*q) + q->n;
	s->n_pending--;
	if (q->n > DNS_NAME_USUAL)
		free(q);
	else
		spare_give(&((struct dns_shared *)proto_shared(c))->pending, q);
	proto_account(c, s->memory);
}

static struct dns_pending *pending_pop(struct dns_state *s, struct dns_pending **link)
{
	struct dns_pending *q = *link;
	*link = q->next;
	if (!q->next)
		s->last = link;
	return q;
}

static void pending_emit(struct proto_context *c, struct dns_state *s)
{
	char buf[DNS_CODE_TEXT_SIZE];
	struct dns_pending *q = pending_pop(s, &s->oldest);
	proto_field(c, FIELD_DNS_QUERY, text_bytes(q->name, q->n));
	proto_field_str(c, FIELD_DNS_TYPE, dns_type_text(q->type, buf));
	proto_field_num(c, FIELD_DNS_ID, q->id);
	proto_emit(c);
	pending_free(c, s, q);
}

/* The query of that id, name and type among those that wait, or NULL. The name's case may differ (RFC 4343).
 */
static struct dns_pending **pending_find(struct dns_state *s, uint16_t id, uint16_t type, struct text name)
{
	if (!s->last)
		s->last = &s->oldest;
	for (struct dns_pending **link = &s->oldest; *link; link = &(*link)->next) {
		struct dns_pending *q = *link;
		struct text asked = text_bytes(q->name, q->n);
		/* most servers give the name back as it was asked */
		if (q->id == id && q->type == type &&
		    (text_equal(asked, name) || text_equal_nocase(asked, name)))
			return link;
	}
	return NULL;
}

static void pending_add(
    struct proto_context *c, struct dns_state *s, uint16_t id, uint16_t type, struct text name)
{
	if (pending_find(s, id, type, name))
		return; /* sent again */
	if (s->oldest && s->n_pending >= DNS_PENDING_MAX)
		pending_emit(c, s);
	struct dns_shared *shared = proto_shared(c);
	struct dns_pending *q = name.n > DNS_NAME_USUAL ? malloc(sizeof(*q) + name.n)
	                                                : spare_take(&shared->pending);
	if (!q)
		return;
	*q = (struct dns_pending){.id = id, .type = type, .n = name.n};
	memcpy(q->name, name.p, name.n);
	*s->last = q;
	s->last = &q->next;
	s->n_pending++;
	s->memory += sizeof(*q) + q->n;
	proto_account(c, s->memory);
}

static struct text name_text(const struct dns_name *name)
{
	return text_bytes(name->text, name->n);
}

/* The character strings of a TXT record, joined (RFC 7208, 3.3, does so for SPF). */
static void answer_txt(struct proto_context *c, struct cursor data)
{
	struct dynbuf joined = {.max = PROTO_VALUE_MAX};
	while (cursor_left(&data)) {
		struct text part = cursor_text(&data, cursor_u8(&data));
		dynbuf_text(&joined, part);
	}
	proto_field(c, FIELD_DNS_ANSWER, dynbuf_view(&joined));
	dynbuf_free(&joined);
}

/* Numbers, then a name: MX, SRV. */
static void answer_numbers(struct proto_context *c, struct cursor *data, size_t n_numbers)
{
	char text[DNS_NAME_TEXT_MAX + 24];
	struct dns_name name;
	size_t n = 0;
	for (size_t i = 0; i < n_numbers; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%u ", cursor_be16(data));
	dns_name_read(data, &name);
	if (!cursor_ok(data))
		return;
	memcpy(text + n, name.text, name.n);
	proto_field(c, FIELD_DNS_ANSWER, text_bytes(text, n + name.n));
}

static void answer_field(struct proto_context *c, const struct cursor *message, const struct dns_record *r)
{
	struct cursor data = cursor_of(message->base, r->data_at + r->data_n);
	struct dns_name name;
	cursor_seek(&data, r->data_at);
	switch (r->type) {
	case DNS_TYPE_A:
	case DNS_TYPE_AAAA: {
		bool v4 = r->type == DNS_TYPE_A;
		const uint8_t *p = cursor_take(&data, v4 ? 4 : 16);
		if (p && r->data_n == (v4 ? 4 : 16)) {
			struct net_addr a = v4 ? net_addr_v4(p) : net_addr_v6(p);
			proto_field_bytes(c, FIELD_DNS_ANSWER_ADDR, &a, sizeof(a));
		}
		break;
	}
	case DNS_TYPE_NS:
	case DNS_TYPE_CNAME:
	case DNS_TYPE_PTR:
	case DNS_TYPE_DNAME:
	case DNS_TYPE_SOA:
		dns_name_read(&data, &name);
		if (cursor_ok(&data))
			proto_field(c, FIELD_DNS_ANSWER, name_text(&name));
		break;
	case DNS_TYPE_TXT: answer_txt(c, cursor_sub(&data, r->data_n)); break;
	case DNS_TYPE_MX: answer_numbers(c, &data, 1); break;
	case DNS_TYPE_SRV: answer_numbers(c, &data, 3); break;
	default:
		/* bytes without a form of their own, which tunnels like (RFC 6895, 3.1: private use) */
		if (r->type == DNS_TYPE_NULL || r->type >= DNS_TYPE_PRIVATE)
			proto_field(c, FIELD_DNS_ANSWER, cursor_text(&data, r->data_n));
		break;
	}
}

/* The records of a response. Adds the answers' fields; gives the full code (RFC 6891, 6.1.3). */
static unsigned response_records(struct proto_context *c, struct cursor *message, const struct dns_header *h)
{
	unsigned rcode = h->rcode;
	size_t total = (size_t)h->answers + h->authorities + h->additionals;
	struct dns_record r;
	for (size_t i = 0; i < total && i < DNS_RECORDS_MAX; i++) {
		dns_record_read(message, &r);
		if (!cursor_ok(message))
			break;
		if (i < h->answers && i < DNS_ANSWERS_MAX)
			answer_field(c, message, &r);
		else if (i >= (size_t)h->answers + h->authorities && r.type == DNS_TYPE_OPT)
			rcode |= r.ttl >> 24 << 4;
	}
	return rcode;
}

static void question_fields(struct proto_context *c, const struct dns_name *name, uint16_t type)
{
	char buf[DNS_CODE_TEXT_SIZE];
	proto_field(c, FIELD_DNS_QUERY, name_text(name));
	proto_field_str(c, FIELD_DNS_TYPE, dns_type_text(type, buf));
}

/* One question, number i of its message: it waits for its answer, or ends the wait of another. */
static void question_take(
    struct proto_context *c, struct dns_state *s, const struct dns_beginning *q, size_t i)
{
	struct text name = name_text(&q->name);
	if (!q->h.response) {
		if (i < DNS_QUESTIONS_MAX)
			pending_add(c, s, q->h.id, q->type, name);
		return;
	}
	struct dns_pending **query = pending_find(s, q->h.id, q->type, name);
	if (query)
		pending_free(c, s, pending_pop(s, query));
	if (i < DNS_QUESTIONS_MAX)
		question_fields(c, &q->name, q->type);
}

/* A response without a question, as mDNS sends: it is named after its first record. */
static void response_name(struct proto_context *c, struct cursor message)
{
	struct cursor at = message;
	struct dns_record r;
	struct dns_name name;
	dns_record_read(&message, &r);
	if (!cursor_ok(&message))
		return;
	dns_name_read(&at, &name);
	question_fields(c, &name, r.type);
}

/* One message. False where it isn't one. */
static bool message_read(struct proto_context *c, struct dns_state *s, const uint8_t *p, size_t n)
{
	char buf[DNS_CODE_TEXT_SIZE];
	struct cursor message = cursor_of(p, n);
	struct dns_beginning q; /* the question at hand */
	if (message_begin(&message, false, proto_flow(c), &q) != PROTO_YES)
		return false;
	for (size_t i = 0; i < q.h.questions; i++) {
		if (i > 0)
			dns_question_read(&message, &q.name, &q.type, &q.class);
		if (!cursor_ok(&message))
			break;
		question_take(c, s, &q, i);
	}
	if (!q.h.response)
		return cursor_ok(&message);
	if (!q.h.questions) {
		cursor_seek(&message, DNS_HEADER_SIZE);
		response_name(c, message);
	}
	unsigned rcode = response_records(c, &message, &q.h);
	proto_field_str(c, FIELD_DNS_RCODE, dns_rcode_text(rcode, buf));
	proto_field_num(c, FIELD_DNS_ID, q.h.id);
	proto_emit(c);
	return true;
}

static struct proto_progress dns_parse(
    struct proto_context *c, void *state, enum flow_dir dir, const uint8_t *p, size_t n, bool end)
{
	(void)dir;
	(void)end;
	if (proto_flow(c)->protocol != PACKET_TCP) {
		bool read = message_read(c, state, p, n);
		return (struct proto_progress){.used = n, .verdict = read ? PROTO_MORE : PROTO_BROKEN};
	}
	struct cursor in = cursor_of(p, n);
	size_t used = 0;
	for (;;) {
		size_t length = cursor_be16(&in);
		const uint8_t *message = cursor_take(&in, length);
		if (!message)
			break;
		if (!message_read(c, state, message, length))
			return (struct proto_progress){.used = used, .verdict = PROTO_BROKEN};
		used = in.pos;
	}
	return (struct proto_progress){.used = used, .verdict = PROTO_MORE};
}

static void dns_close(struct proto_context *c, void *state)
{
	struct dns_state *s = state;
	while (s->oldest)
		pending_emit(c, s);
}

static void *dns_shared_new(void)
{
	struct dns_shared *shared = calloc(1, sizeof(*shared));
	if (shared)
		shared->pending.size = sizeof(struct dns_pending) + DNS_NAME_USUAL;
	return shared;
}

static void dns_shared_free(void *state)
{
	struct dns_shared *shared = state;
	spare_empty(&shared->pending);
	free(shared);
}

static bool dns_idle(const void *state)
{
	const struct dns_state *s = state;
	return !s->oldest;
}

const struct proto_parser proto_dns = {
    .app = APP_DNS,
    .tcp = true,
    .udp = true,
    .state_size = sizeof(struct dns_state),
    .buffer_max = 2 + 65535,
    .probe = dns_probe,
    .parse = dns_parse,
    .close = dns_close,
    .idle = dns_idle,
    .shared_new = dns_shared_new,
    .shared_free = dns_shared_free,
};
