/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DETECT_NAMES_H
#define DETECT_NAMES_H

/*
 * Domain names as detectors need them: the part that somebody registered, and measures of how a label is
 * made. Pure.
 */

#include "base/text.h"

/*
 * The registered domain: the last two labels, or three where the last is a country and the second-last one of
 * the usual categories below countries (co.uk, com.au, go.jp). An approximation of the Public Suffix List
 * that errs towards joining names. An address literal or a single label gives itself; a final dot is left
 * out. Borrowed from name.
 */
struct text name_registered(struct text name);
/* What stands before the registered domain, without the dot; empty where nothing does. */
struct text name_below(struct text name);
/* The same where the registered domain is known already. */
struct text name_below_of(struct text name, struct text registered);
/* ASCII case ignored. */
uint64_t name_hash(struct text name, uint64_t seed);
/* Shannon entropy of the bytes, bits each; case ignored. */
double name_entropy(struct text t);
/* Number of labels; the longest one is written. */
size_t name_labels(struct text name, size_t *ret_longest);
/* Whether it is one of a list, ASCII case ignored. */
bool text_is_one_of(struct text t, const struct text *list, size_t n);
bool name_ends_nocase(struct text name, struct text end);
bool text_contains_nocase(struct text t, struct text part);
/* Which pairs of neighbouring bytes a text has, by their low bits, in which letters of either case are one:
 * what lacks one of a part's can't hold the part. So a text is read once, not once for each part. */
struct pairs {
	uint64_t bits[16];
};
struct pairs pairs_of(struct text t);
/* text_contains_nocase, where the pairs of t are known. */
bool pairs_contain(const struct pairs *p, struct text t, struct text part);

#endif
