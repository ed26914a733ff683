/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/num.h"
#include "base/timefmt.h"
#include "report/pen.h"
#include "report/render.h"
#include "report/report_hunt.h"

enum { WIDTH = 80, IDS_SHOWN = 3, CLEAN_SIZE = 400 };

/* "1 flow", "2 flows" */
static void add_count(struct dynbuf *b, uint64_t n, const char *one, const char *many)
{
	char count[PEN_COUNT_SIZE];
	dynbuf_printf(b, "%s %s", pen_count(n, count), n == 1 ? one : many);
}

/* Writes the words of b, breaking lines: the first begins at column `at`, the others at `indent`. */
static void print_wrapped(const struct pen *p, const struct dynbuf *b, size_t at, size_t indent)
{
	size_t column = at;
	for (size_t i = 0; i < b->n;) {
		size_t end = i;
		while (end < b->n && b->p[end] != ' ')
			end++;
		size_t columns = pen_columns((const char *)b->p + i, end - i);
		if (i && column + 1 + columns > WIDTH) {
			fprintf(p->out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (i) {
			fputc(' ', p->out);
			column++;
		}
		fwrite(b->p + i, 1, end - i, p->out);
		column += columns;
		i = end + 1;
	}
	fputc('\n', p->out);
}

/* What happened, for the arrow between machine and indicator. */
static const char *arrow_of(const struct hunt_hit *hit)
{
	if (hit->flows == 0)
		return "asked for";
	if (hit->opened == hit->flows)
		return "->";
	return hit->opened ? "<->" : "<-";
}

static bool is_fingerprint(enum indicator_kind kind)
{
	return kind == INDICATOR_JA3 || kind == INDICATOR_JA4 || kind == INDICATOR_JA3S ||
	       kind == INDICATOR_HASSH || kind == INDICATOR_HASSH_SERVER;
}

static void print_head(const struct pen *p, const struct hunt_hit *hit)
{
	char out[PEN_COUNT_SIZE], in[PEN_COUNT_SIZE], addr[NET_ADDR_TEXT_SIZE], value[INDICATOR_TEXT_SIZE];
	struct dynbuf b = {.max = 0};
	int column;
	if (hit->flows)
		column = fprintf(p->out, "%s%10s%s out %10s in  ", hit->answered ? p->red : p->yellow,
		             num_bytes_human(hit->bytes_out, out, sizeof(out)), p->off,
		             num_bytes_human(hit->bytes_in, in, sizeof(in))) -
		         (int)(strlen(hit->answered ? p->red : p->yellow) + strlen(p->off));
	else
		column = fprintf(p->out, "%10s in look-ups only  ",
		    num_bytes_human(hit->lookup_bytes_out, out, sizeof(out)));
	net_addr_text(hit->asset, addr);
	fputs(p->bold, p->out);
	if (net_addr_is_none(hit->asset))
		dynbuf_str(&b, "a machine whose flow record is gone");
	else if (hit->name[0])
		dynbuf_printf(&b, "%s (%s)", hit->name, addr);
	else
		dynbuf_str(&b, addr);
	dynbuf_printf(&b, " %s %s", arrow_of(hit), indicator_text(&hit->indicator, value));
	print_wrapped(p, &b, (size_t)column, 30);
	fputs(p->off, p->out);
	dynbuf_free(&b);
}

static void add_places(struct dynbuf *b, uint32_t places)
{
	bool first = true;
	for (int i = 0; i < INDICATOR_PLACES; i++) {
		if (!(places >> i & 1))
			continue;
		dynbuf_printf(b, "%s%s", first ? "" : ", ", indicator_place_name((enum indicator_place)i));
		first = false;
	}
}

static void add_contacts(struct dynbuf *b, const struct hunt_hit *hit)
{
	add_count(b, hit->flows, "flow", "flows");
	if (hit->answered == hit->flows)
		dynbuf_str(b, ", answered");
	else if (hit->answered == 0)
		dynbuf_str(b, ", never answered");
	else
		dynbuf_printf(b, ", %" PRIu64 " answered", hit->answered);
	if (hit->opened == 0)
		dynbuf_str(b, ", begun by the other side");
	else if (hit->opened < hit->flows)
		dynbuf_printf(b, ", %" PRIu64 " begun by the other side", hit->flows - hit->opened);
}

static void add_relation(struct dynbuf *b, const struct hunt_hit *hit)
{
	if (hit->relations & HUNT_BETWEEN)
		dynbuf_str(b, "; both ends are inside");
	if ((hit->relations & HUNT_OURS) && !is_fingerprint(hit->indicator.kind))
		dynbuf_str(b, "; the indicator is one of our own addresses");
	if (hit->relations & HUNT_PASSING)
		dynbuf_str(b, "; neither end is inside");
}

static void add_validity(struct dynbuf *b, const struct hunt_hit *hit)
{
	char time[TIME_TEXT_SIZE];
	const struct indicator *i = &hit->indicator;
	if (hit->valid == hit->flows + hit->lookups)
		return;
	if (hit->valid)
		dynbuf_str(b, "; in part outside the indicator's validity");
	else
		dynbuf_str(b, "; outside the indicator's validity");
	if (i->valid_from != INT64_MIN)
		dynbuf_printf(b, " from %.10s", time_human(i->valid_from, time));
	if (i->valid_until != INT64_MAX)
		dynbuf_printf(b, " until %.10s", time_human(i->valid_until, time));
}

static void add_peers(struct dynbuf *b, const struct hunt_hit *hit)
{
	char addr[NET_ADDR_TEXT_SIZE];
	if (hit->n_peers == 0 || hit->indicator.kind == INDICATOR_ADDRESS)
		return;
	dynbuf_str(b, "; other end ");
	for (size_t i = 0; i < hit->n_peers; i++)
		dynbuf_printf(b, "%s%s", i ? ", " : "", net_addr_text(hit->peers[i], addr));
	if (hit->more_peers)
		dynbuf_str(b, " and more");
}

static void add_records(struct dynbuf *b, const struct hunt_hit *hit)
{
	char count[PEN_COUNT_SIZE];
	uint64_t all = hit->flows + hit->lookups;
	if (hit->n_ids == 0)
		return;
	size_t shown = hit->n_ids < IDS_SHOWN ? hit->n_ids : IDS_SHOWN;
	dynbuf_printf(b, "; %s ", all == 1 ? "record" : "records");
	for (size_t i = 0; i < shown; i++)
		dynbuf_printf(b, "%s%" PRIu64, i ? ", " : "", hit->ids[i]);
	if (all > shown)
		dynbuf_printf(b, " and %s more", pen_count(all - shown, count));
}

static void add_origin(struct dynbuf *b, const struct hunt_hit *hit)
{
	char origin[INDICATOR_TEXT_SIZE], clean[CLEAN_SIZE];
	const struct indicator *i = &hit->indicator;
	if (text_equal(i->feed, TEXT(INDICATOR_BY_HAND)) && hit->sources == 1)
		return;
	dynbuf_printf(
	    b, "; by %s", text_printable(text_of(indicator_origin(i, origin)), clean, sizeof(clean)));
	if (hit->sources > 1)
		dynbuf_printf(b, " and %u more", hit->sources - 1);
	if (i->tlp)
		dynbuf_printf(b, ", %s", msg_tlp_name(i->tlp));
	if (i->description.n)
		dynbuf_printf(b, ": %s", text_printable(i->description, clean, sizeof(clean)));
}

/* "2026-11-23 08:11:15 to 08:14:02": the second date only where it is another. */
static void add_times(struct dynbuf *b, int64_t from, int64_t to)
{
	enum { DATE = 11, SECONDS = 19 };
	char first[TIME_TEXT_SIZE], last[TIME_TEXT_SIZE];
	time_human(from, first);
	time_human(to, last);
	first[SECONDS] = last[SECONDS] = '\0';
	if (strcmp(first, last) == 0)
		dynbuf_str(b, first);
	else
		dynbuf_printf(b, "%s to %s", first, memcmp(first, last, DATE) == 0 ? last + DATE : last);
}

static void print_hit(const struct pen *p, const struct report_hunt *h, const struct hunt_hit *hit)
{
	char bytes[PEN_COUNT_SIZE];
	struct dynbuf b = {.max = 0};
	print_head(p, hit);
	add_times(&b, hit->first, hit->last);
	dynbuf_str(&b, "; ");
	if (hit->flows)
		add_contacts(&b, hit);
	if (hit->flows && hit->lookups)
		dynbuf_str(&b, "; ");
	if (hit->lookups) {
		add_count(&b, hit->lookups, "look-up", "look-ups");
		dynbuf_printf(&b, " of %s", num_bytes_human(hit->lookup_bytes_out, bytes, sizeof(bytes)));
	}
	add_relation(&b, hit);
	fputs("      ", p->out);
	print_wrapped(p, &b, 6, 6);
	dynbuf_reset(&b);
	dynbuf_printf(&b, "zone %s; ", net_zone_at(h->zones, hit->zone)->name);
	add_places(&b, hit->places);
	add_peers(&b, hit);
	add_validity(&b, hit);
	add_records(&b, hit);
	add_origin(&b, hit);
	fprintf(p->out, "      %s", p->dim);
	print_wrapped(p, &b, 6, 6);
	fputs(p->off, p->out);
	dynbuf_free(&b);
}

static void print_verdict(const struct pen *p, const struct hunt_result *r)
{
	struct dynbuf b = {.max = 0};
	if (r->n_hits == 0) {
		dynbuf_str(&b, "Nothing found: ");
		if (r->indicators_all == 1)
			dynbuf_str(&b, "the indicator isn't in what was searched.");
		else
			dynbuf_str(&b, "none of the indicators is in what was searched.");
		if (r->unsearched)
			dynbuf_str(&b, " Not all that was asked could be searched: see below.");
	} else {
		dynbuf_str(&b, "Found: ");
		add_count(&b, r->assets, "machine", "machines");
		dynbuf_str(&b, " with ");
		add_count(&b, r->indicators_hit, "indicator", "indicators");
		dynbuf_str(&b, " (");
		add_count(&b, r->n_hits, "hit", "hits");
		dynbuf_str(&b, "), most bytes out first; times are UTC.");
	}
	fputs(p->bold, p->out);
	print_wrapped(p, &b, 0, 0);
	fputs(p->off, p->out);
	dynbuf_free(&b);
}

static const char *kind_words(enum indicator_kind kind, bool one)
{
	switch (kind) {
	case INDICATOR_ADDRESS: return one ? "address" : "addresses";
	case INDICATOR_PREFIX: return one ? "prefix" : "prefixes";
	case INDICATOR_DOMAIN: return one ? "domain" : "domains";
	case INDICATOR_URL: return one ? "URL" : "URLs";
	case INDICATOR_JA3: return "JA3";
	case INDICATOR_JA4: return "JA4";
	case INDICATOR_JA3S: return "JA3S";
	case INDICATOR_HASSH: return "HASSH";
	case INDICATOR_HASSH_SERVER: return "HASSH of servers";
	case INDICATOR_CERT_SHA256: return "SHA-256 of certificates";
	case INDICATOR_CERT_SHA1: return "SHA-1 of certificates";
	case INDICATOR_FILE_SHA256: return "SHA-256 of files";
	case INDICATOR_FILE_SHA1: return "SHA-1 of files";
	case INDICATOR_FILE_MD5: return "MD5 of files";
	case INDICATOR_KINDS: break;
	}
	return "";
}

static void add_kinds(struct dynbuf *b, const struct hunt_result *r)
{
	bool first = true;
	char count[PEN_COUNT_SIZE];
	for (int k = 0; k < INDICATOR_KINDS; k++) {
		if (!r->indicators[k])
			continue;
		dynbuf_printf(b, "%s%s %s", first ? "; for " : ", ", pen_count(r->indicators[k], count),
		    kind_words((enum indicator_kind)k, r->indicators[k] == 1));
		first = false;
	}
}

static void print_searched(const struct pen *p, const struct report_hunt *h)
{
	const struct hunt_result *r = h->result;
	struct dynbuf b = {.max = 0};
	dynbuf_str(&b, "Searched: ");
	add_count(&b, r->flows, "flow", "flows");
	dynbuf_str(&b, ", ");
	add_count(&b, r->transactions, "transaction", "transactions");
	int64_t from = r->from > r->first ? r->from : r->first;
	int64_t to = r->to && r->to < r->last ? r->to : r->last;
	if (r->n_links) {
		dynbuf_str(&b, " of ");
		add_count(&b, r->n_links, "link", "links");
	}
	if (to) {
		dynbuf_str(&b, ", ");
		add_times(&b, from, to);
	}
	add_kinds(&b, r);
	if (h->elapsed_ns < NS_PER_S)
		dynbuf_printf(&b, "; in %.1f ms.", (double)h->elapsed_ns / (double)NS_PER_MS);
	else
		dynbuf_printf(&b, "; in %.1f s.", (double)h->elapsed_ns / (double)NS_PER_S);
	print_wrapped(p, &b, 0, 10);
	dynbuf_free(&b);
}

/* What could not be searched first: that can be mended. */
static void print_gaps(const struct pen *p, const struct hunt_result *r)
{
	fputs("Not covered:\n", p->out);
	for (int unsearched = 1; unsearched >= 0; unsearched--)
		for (size_t i = 0; i < r->n_gaps; i++) {
			struct dynbuf b = {.max = 0};
			if (r->gaps[i].unsearched != (unsearched == 1))
				continue;
			dynbuf_str(&b, r->gaps[i].text);
			fprintf(p->out, "  %s-%s ", unsearched ? p->yellow : "", unsearched ? p->off : "");
			print_wrapped(p, &b, 4, 4);
			dynbuf_free(&b);
		}
}

static int print_follow(const struct pen *p, const struct report_hunt *h, bool colour)
{
	char count[PEN_COUNT_SIZE];
	int error = 0;
	if (!h->follow)
		return 0;
	fputc('\n', p->out);
	if (h->seeds_left_out)
		fprintf(p->out, "%s machines with hits are none that spread can be followed from.\n",
		    pen_count(h->seeds_left_out, count));
	if (!h->followed) {
		fputs("No machine had an answered contact: there is nothing to follow.\n", p->out);
		return 0;
	}
	error = report_text_spread(h->follow, h->followed, p->out, colour);
	fputc('\n', p->out);
	if (error == 0)
		error = report_text_exposures(
		    h->follow, h->follow->exposures, h->follow->n_exposures, p->out, colour);
	return error;
}

int report_text_hunt(const struct report_hunt *h, FILE *out, bool colour)
{
	const struct hunt_result *r = h->result;
	struct pen p = pen_of(out, colour);
	size_t shown = h->all || r->n_hits < REPORT_HUNT_HITS ? r->n_hits : REPORT_HUNT_HITS;
	char count[PEN_COUNT_SIZE];
	print_verdict(&p, r);
	for (size_t i = 0; i < shown; i++)
		print_hit(&p, h, &r->hits[i]);
	if (shown < r->n_hits)
		fprintf(out, "and %s more hits: --all prints them, --json too.\n",
		    pen_count(r->n_hits - shown, count));
	fputc('\n', out);
	print_searched(&p, h);
	print_gaps(&p, r);
	int error = print_follow(&p, h, colour);
	return error == 0 && ferror(out) ? -EIO : error;
}
