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
/* ASCII case ignored. */
uint64_t name_hash(struct text name, uint64_t seed);
/* Shannon entropy of the bytes, bits each; case ignored. */
double name_entropy(struct text t);
/* Number of labels; the longest one is written. */
size_t name_labels(struct text name, size_t *ret_longest);
bool name_ends_nocase(struct text name, struct text end);
bool text_contains_nocase(struct text t, struct text part);
/* Which bytes a text has, ASCII letters as small ones: what lacks one of a part's can't hold the part. */
struct letters {
	uint64_t bits[4];
};
struct letters letters_of(struct text t);
bool letters_have(const struct letters *l, struct text part);

#endif
