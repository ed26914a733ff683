/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_KEYS_H
#define ARCHIVE_KEYS_H

/*
 * What a hunt looks for, made ready once: addresses, ranges of addresses, domains and exact values, each
 * sorted for its dictionary. The keys given are borrowed; what is made of them is owned. Afterwards nothing
 * changes, so any number of threads may ask.
 */

#include "archive/archive.h"

enum { ARCHIVE_NAME_SMALL = 512 }; /* what names rarely exceed */

/* From the first to the last address of a prefix, both included. */
struct archive_range {
	struct net_addr first, last;
};

/* Keys in about the order of their hashes, in which filters are asked. */
struct archive_hashes {
	struct archive_hash {
		uint64_t hash;
		uint32_t key;
	} * items;
	size_t n;
};

struct archive_keys {
	bool any; /* some kind of key was given, be its list empty: what matches none is not wanted */
	const struct net_addr *addrs;
	size_t n_addrs;
	struct archive_range *ranges; /* ascending and apart from each other */
	size_t n_ranges;
	struct text
	    *names; /* ascending by bytes, as archive_name_key makes them; none stands below another */
	size_t n_names;
	const struct text *values;
	size_t n_values;
	uint8_t *name_bytes;
	struct archive_hashes addr_hashes, name_hashes, value_hashes;
};

/* 0 or -ENOMEM. */
int archive_keys_of_flows(struct archive_keys *k, const struct archive_filter *f);
int archive_keys_of_transactions(struct archive_keys *k, const struct archive_transaction_filter *f);
void archive_keys_free(struct archive_keys *k);

/*
 * The form in which names are sorted: labels from the last to the first with a zero byte between them, ASCII
 * letters in lower case, without a final dot. A domain and everything below it is then one range: from its
 * key up to its key and a byte of one. A name that holds a zero byte is no domain's and has no key. Writes at
 * most name.n bytes to `to`; *ret_n: how many. False where there is no key.
 */
bool archive_name_key(struct text name, uint8_t *to, size_t *ret_n);
/* The name in lower case and without a final dot that has this key; as many bytes. */
void archive_name_of_key(struct text key, uint8_t *to);

bool archive_keys_have_addr(const struct archive_keys *k, struct net_addr a);
/* The name is one of the domains or below one, ASCII case and a final dot aside. */
bool archive_keys_have_name(const struct archive_keys *k, struct text name);
bool archive_keys_have_value(const struct archive_keys *k, struct text value);

#endif
