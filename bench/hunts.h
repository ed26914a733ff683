/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_HUNTS_H
#define BENCH_HUNTS_H

/* A list of indicators, and what an archive has on each of them. Functions give 0 or a negative error. */

#include <stdio.h>

#include "archive/archive.h"
#include "base/arena.h"

struct hunts_list {
	struct arena arena;
	struct text *texts; /* sorted as addresses or as bytes, without doubles; of domains the indicators
	                       themselves */
	struct net_addr *addrs;
	size_t n;
	bool domains;
};

struct hunts_sum {
	uint64_t found, flows, wire_out, wire_in;
	int64_t first, last;
};

struct hunts_answer {
	struct hunts_sum *of; /* each indicator; `found` isn't used */
};

/* The first line says whether it holds addresses or domains. */
int hunts_list_read(struct hunts_list *ret_list, const char *path);
void hunts_list_free(struct hunts_list *l);
/* The hunt, with everything that it needs beside the sorted list. ids may be NULL, else a stream a thread.
 * An answer from before is freed. */
int hunts_run(struct archive *a, const struct hunts_list *l, struct archive_filter *filter, unsigned threads,
    FILE *const *ids, struct hunts_answer *answer, struct archive_hunt_stat *ret_stat);
void hunts_answer_free(struct hunts_answer *answer);
struct hunts_sum hunts_total(const struct hunts_list *l, const struct hunts_answer *answer);
/* As CSV, of the indicators that were found. */
void hunts_print(FILE *out, const struct hunts_list *l, const struct hunts_answer *answer);

#endif
