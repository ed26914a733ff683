/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What was searched, and in sentences what was not. */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"
#include "hunt/result.h"

enum { SENTENCE_SIZE = 768, WHERE_SIZE = 200 };

const char *hunt_gap_name(enum hunt_gap_kind kind)
{
	switch (kind) {
	case HUNT_GAP_BEFORE: return "before";
	case HUNT_GAP_AFTER: return "after";
	case HUNT_GAP_LINK: return "link";
	case HUNT_GAP_NO_SENSOR: return "no-sensor";
	case HUNT_GAP_LOSS: return "loss";
	case HUNT_GAP_SILENT: return "losses-unknown";
	case HUNT_GAP_SEGMENT: return "unreadable";
	case HUNT_GAP_EXPIRED: return "expired";
	case HUNT_GAP_KIND: return "indicator-kind";
	case HUNT_GAP_FIELD: return "field";
	case HUNT_GAP_INDICATOR: return "indicators";
	case HUNT_GAP_BOUND: return "bound";
	}
	return "";
}

/* The last statement gives its place to one that says how many there are more. */
static int leave_out(struct hunt_result *r)
{
	char line[SENTENCE_SIZE];
	r->gaps_left_out++;
	snprintf(
	    line, sizeof(line), "%" PRIu64 " more statements like these are left out.", r->gaps_left_out + 1);
	const char *text = arena_strndup(&r->arena, line, strlen(line));
	if (!text)
		return -ENOMEM;
	r->gaps[HUNT_NOT_COVERED_MAX - 1] = (struct hunt_gap){
	    .kind = HUNT_GAP_BOUND, .link = "", .text = text};
	return 0;
}

int hunt_add_gap(struct hunt_result *r, const struct hunt_gap *gap, const char *format, ...)
{
	char line[SENTENCE_SIZE];
	va_list args;
	r->unsearched |= gap->unsearched;
	if (!r->gaps)
		r->gaps = arena_array(&r->arena, HUNT_NOT_COVERED_MAX, sizeof(*r->gaps));
	if (!r->gaps)
		return -ENOMEM;
	if (r->n_gaps == HUNT_NOT_COVERED_MAX)
		return leave_out(r);
	va_start(args, format);
	int n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	struct hunt_gap *keep = &r->gaps[r->n_gaps];
	*keep = *gap;
	keep->text = arena_strndup(&r->arena, line, n < 0 ? 0 : strlen(line));
	keep->link = gap->link ? arena_strndup(&r->arena, gap->link, strlen(gap->link)) : "";
	if (!keep->text || !keep->link)
		return -ENOMEM;
	r->n_gaps++;
	return 0;
}

/* Indicators of a kind that no record carries. An MD5 that was searched as a JA3 too is not lost, only its
 * other meaning. */
static int cover_kind(struct hunt_result *r, const struct indicator_set *set, enum indicator_kind kind)
{
	static const enum indicator_kind same_length[] = {INDICATOR_JA3, INDICATOR_JA3S, INDICATOR_HASSH};
	uint32_t numbers[INDICATOR_FOUND_MAX];
	size_t n = indicator_count(set), lost = 0, doubtful = 0;
	const char *what = kind == INDICATOR_FILE_MD5    ? "MD5 hashes of files"
	                   : kind == INDICATOR_FILE_SHA1 ? "SHA-1 hashes of files"
	                                                 : "SHA-1 hashes of certificates";
	for (size_t i = 0; i < n && indicator_count_of(set, kind); i++) {
		struct indicator in;
		bool other = false;
		indicator_at(set, (uint32_t)i, &in);
		if (in.kind != kind)
			continue;
		for (size_t k = 0; k < 3 && kind == INDICATOR_FILE_MD5 && !other; k++)
			other = indicator_find(set,
			            &(struct indicator_query){.kind = same_length[k], .value = in.key},
			            numbers) > 0;
		doubtful += other;
		lost += !other;
	}
	int error = 0;
	if (lost)
		error = hunt_add_gap(r,
		    &(struct hunt_gap){.kind = HUNT_GAP_KIND, .unsearched = true, .count = lost},
		    "%zu of the indicators %s %s, which no record carries: not searched.", lost,
		    lost == 1 ? "is of" : "are", what);
	if (doubtful && error == 0)
		error = hunt_add_gap(r, &(struct hunt_gap){.kind = HUNT_GAP_KIND, .count = doubtful},
		    "%zu of the indicators may be %s, which no record carries; as fingerprints (JA3, JA3S, "
		    "HASSH) they were searched.",
		    doubtful, what);
	return error;
}

static int cover_kinds(struct hunt_result *r, const struct indicator_set *set)
{
	int error = 0;
	for (int kind = 0; kind < INDICATOR_KINDS && error == 0; kind++)
		if (!hunt_kind_is_searched((enum indicator_kind)kind))
			error = cover_kind(r, set, (enum indicator_kind)kind);
	return error;
}

static bool asked(const struct hunt_result *r, enum indicator_kind a, enum indicator_kind b)
{
	return r->indicators[a] + r->indicators[b] > 0;
}

/* What records of such things can't show. */
static int cover_fields(struct hunt_result *r)
{
	const struct hunt_gap gap = {.kind = HUNT_GAP_FIELD};
	int error = 0;
	if (asked(r, INDICATOR_DOMAIN, INDICATOR_URL))
		error = hunt_add_gap(r, &gap,
		    "Names are seen in unencrypted DNS, HTTP and TLS: not in DNS over TLS or HTTPS, and not "
		    "behind Encrypted Client Hello.");
	if (error == 0 && r->indicators[INDICATOR_URL])
		error = hunt_add_gap(
		    r, &gap, "URLs are seen in unencrypted HTTP only; of HTTPS at most the name.");
	if (error == 0 && r->indicators[INDICATOR_CERT_SHA256])
		error = hunt_add_gap(
		    r, &gap, "Certificates of TLS 1.3 and QUIC are encrypted: no record carries them.");
	if (error == 0 && r->indicators[INDICATOR_FILE_SHA256])
		error = hunt_add_gap(
		    r, &gap, "Hashes of files are recorded of what was carried whole and unencrypted only.");
	return error;
}

static int cover_indicators(struct hunt_result *r, const struct indicator_set *set)
{
	struct indicator_problem p;
	char where[WHERE_SIZE], what[WHERE_SIZE];
	size_t n = indicator_problem_count(set);
	if (n == 0 || !indicator_problem_at(set, 0, &p))
		return 0;
	return hunt_add_gap(r, &(struct hunt_gap){.kind = HUNT_GAP_INDICATOR, .unsearched = true, .count = n},
	    "%zu %s of the feeds can't be used and %s not searched; the first is %s '%s': %.*s.", n,
	    n == 1 ? "entry" : "entries", n == 1 ? "was" : "were",
	    text_printable(p.where, where, sizeof(where)), text_printable(p.what, what, sizeof(what)),
	    (int)p.why.n, p.why.p);
}

static int cover_bounds(struct hunt_result *r, const struct hunt_search *search)
{
	const struct hunt_gap gap = {.kind = HUNT_GAP_BOUND, .unsearched = true};
	int error = 0;
	if (search->sightings_left_out)
		error = hunt_add_gap(r, &gap,
		    "There are more hits than are kept: %" PRIu64 " sightings stand in none of them.",
		    search->sightings_left_out);
	if (error == 0 && search->seen_left_out)
		error = hunt_add_gap(r, &gap,
		    "There are more transactions with hits than are kept: %" PRIu64 " were left out.",
		    search->seen_left_out);
	if (error == 0 && search->snapshots_left_out)
		error = hunt_add_gap(r, &(struct hunt_gap){.kind = HUNT_GAP_BOUND},
		    "There are more running flows than are kept apart: %" PRIu64
		    " records may count a flow again.",
		    search->snapshots_left_out);
	return error;
}

int hunt_cover(struct hunt_result *r, const struct hunt_input *in, const struct hunt_search *search)
{
	struct archive_stat stat;
	archive_get_stat(in->archive, &stat);
	r->from = in->from;
	r->to = in->to;
	r->first = stat.first;
	r->last = stat.last;
	r->flows = search->flows.records;
	r->transactions = search->transactions.records;
	r->segments = search->flows.segments + search->transactions.segments;
	r->segments_entered = search->flows.segments_entered + search->transactions.segments_entered;
	r->blocks = search->flows.blocks + search->transactions.blocks;
	r->blocks_read = search->flows.blocks_read + search->transactions.blocks_read;
	r->indicators_all = indicator_count(in->indicators);
	for (int kind = 0; kind < INDICATOR_KINDS; kind++)
		r->indicators[kind] = indicator_count_of(in->indicators, (enum indicator_kind)kind);
	int error = hunt_cover_archive(r, in, search);
	if (error == 0)
		error = cover_bounds(r, search);
	if (error == 0)
		error = cover_indicators(r, in->indicators);
	if (error == 0)
		error = cover_kinds(r, in->indicators);
	if (error == 0)
		error = hunt_cover_links(r, in);
	if (error == 0)
		error = cover_fields(r);
	return error;
}
