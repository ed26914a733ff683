/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef REPORT_TREE_H
#define REPORT_TREE_H

/*
 * What the JSON renderers are made of. jansson takes only UTF-8: text of the network is made printable first.
 * Every function gives NULL where memory ended, and jansson's *_new setters take NULL as a failure that the
 * whole tree then shows: one check at the end is enough. Private to report/.
 */

#include <jansson.h>

#include "report/render.h"

json_t *tree_text(struct text t);
json_t *tree_str(const char *s); /* NULL: "" */
json_t *tree_addr(struct net_addr a);
json_t *tree_time(int64_t ns); /* 0: null */
json_t *tree_count(uint64_t n);
json_t *tree_ids(const uint64_t *ids, size_t n);
json_t *tree_strings(const char *const *v, size_t n);
/* Adds an asset's addresses, names and zone to an object. */
void tree_put_asset(const struct report_case *c, json_t *to, uint32_t asset);
json_t *tree_spread(const struct report_case *c, const struct report_incident *i);
/* One zone: the object itself; several: an array of them. */
json_t *tree_exposures(const struct report_case *c, const struct exposure *e, size_t n);
/* Writes the tree and a newline, and frees it. 0, -EIO, or -ENOMEM where j is NULL. */
int tree_write(json_t *j, FILE *out);

#endif
