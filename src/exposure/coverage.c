/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exposure/coverage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/timefmt.h"
#include "incident/links.h"

enum { SENTENCE_SIZE = 512, NAME_SIZE = 128, IPV4_HEADER = 20 };
enum { ETHERNET_MTU = 1500, JUMBO_MTU = 9000, DATAGRAM_MAX = 65535 };

struct sentences {
	struct arena *arena;
	const char **v;
	size_t n;
	size_t left_out;
	bool failed;
};

static void __attribute__((format(printf, 2, 3))) say(struct sentences *s, const char *format, ...)
{
	char line[SENTENCE_SIZE];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (s->n == COVERAGE_SENTENCES_MAX) {
		s->left_out++;
		return;
	}
	size_t length = n < 0 ? 0 : (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1;
	s->v[s->n] = arena_strndup(s->arena, line, length);
	s->failed |= s->v[s->n] == NULL;
	s->n += s->v[s->n] != NULL;
}

uint64_t coverage_full_packet(uint64_t datagram)
{
	uint64_t mtu = datagram <= ETHERNET_MTU ? ETHERNET_MTU
	               : datagram <= JUMBO_MTU  ? JUMBO_MTU
	                                        : DATAGRAM_MAX;
	return mtu - IPV4_HEADER;
}

static void losses_count(struct exposure_coverage *c, uint64_t full)
{
	for (size_t i = 0; i < c->n_links; i++) {
		const struct msg_coverage *link = &c->links[i];
		if (link->dropped == UINT64_MAX)
			c->losses_unknown = true;
		else
			c->lost_packets = bytes_sum(c->lost_packets, link->dropped);
		c->lost_packets = bytes_sum(c->lost_packets, link->unreadable);
	}
	if (__builtin_mul_overflow(c->lost_packets, full, &c->lost_bytes_bound))
		c->lost_bytes_bound = UINT64_MAX;
}

static void say_gap(void *context, const struct msg_coverage *link, int64_t from, int64_t to)
{
	char name[NAME_SIZE], a[TIME_TEXT_SIZE], b[TIME_TEXT_SIZE];
	if (to > from)
		say(context, "Link %s was not observed from %s to %s.",
		    text_printable(link->name, name, sizeof(name)), time_human(from, a), time_human(to, b));
}

static void say_losses(struct sentences *s, const struct exposure_coverage *c, uint64_t full)
{
	size_t silent = 0;
	for (size_t i = 0; i < c->n_links; i++)
		silent += c->links[i].dropped == UINT64_MAX;
	if (c->lost_packets)
		say(s,
		    "%" PRIu64 " packets were lost or unreadable; each counts as a full one of %" PRIu64
		    " bytes, %" PRIu64 " bytes in all, which the bounds include.",
		    c->lost_packets, full, c->lost_bytes_bound);
	if (silent)
		say(s,
		    "%zu of %zu sources don't say how many packets they lost; what they lost is in no number "
		    "here.",
		    silent, c->n_links);
	for (size_t i = 0; i < c->n_links; i++) {
		char name[NAME_SIZE], why[NAME_SIZE * 2];
		if (c->links[i].why.n)
			say(s, "Link %s: %s.", text_printable(c->links[i].name, name, sizeof(name)),
			    text_printable(c->links[i].why, why, sizeof(why)));
	}
}

/* Files and sensors stamp packets by clocks of their own; the order of transfers is read across them. */
static void say_clocks(struct sentences *s, const struct exposure_coverage *c)
{
	bool several = false;
	for (size_t i = 1; i < c->n_links && !several; i++)
		several = !text_equal(c->links[i].origin, c->links[0].origin);
	if (several)
		say(s, "The links were read from several sources; their clocks are taken to be in step.");
}

static void say_always(struct sentences *s, const struct gather *g)
{
	if (g->multicast_bytes)
		say(s,
		    "%" PRIu64
		    " bytes went from the zone to multicast groups; who received them can't be told.",
		    g->multicast_bytes);
	say(s, "Traffic on links without a sensor, and between machines on one switch, can't be seen from "
	       "here.");
	say(s, "Removable media, print-outs, screens and radio can't be seen from here.");
	say(s, "What lies at outside services can be read there with stolen credentials, without a packet on "
	       "these links.");
	say(s, "Bytes are counted as they were sent: compressed content holds more.");
	say(s, "What had been copied out of the zone before the window began is not counted.");
}

int coverage_make(
    const struct exposure_input *in, const struct gather *g, struct arena *arena, struct exposure *e)
{
	/* one line more is kept back for the one that says how many were left out */
	struct sentences s = {
	    .arena = arena, .v = arena_array(arena, COVERAGE_SENTENCES_MAX + 1, sizeof(*s.v))};
	uint64_t full = coverage_full_packet(g->datagram);
	if (!s.v)
		return -ENOMEM;
	struct msg_coverage *links;
	int error = incident_links_choose(
	    in->coverage, in->n_coverage, in->from, in->to, arena, &links, &e->coverage.n_links);
	if (error < 0)
		return error;
	e->coverage.links = links;
	losses_count(&e->coverage, full);
	say_always(&s, g);
	if (e->coverage.n_links == 0)
		say(&s,
		    "No sensor says what it observed in this window: nothing is known of what was missed.");
	say_losses(&s, &e->coverage, full);
	say_clocks(&s, &e->coverage);
	incident_links_gaps(links, e->coverage.n_links, e->from, e->to, say_gap, &s);
	if (s.left_out) {
		char line[SENTENCE_SIZE];
		int n = snprintf(
		    line, sizeof(line), "%zu more statements of this kind are left out.", s.left_out);
		s.v[s.n] = arena_strndup(arena, line, (size_t)n);
		s.failed |= s.v[s.n] == NULL;
		s.n += s.v[s.n] != NULL;
	}
	e->coverage.not_seen = s.v;
	e->coverage.n_not_seen = s.n;
	return s.failed ? -ENOMEM : 0;
}
