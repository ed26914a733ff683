/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONF_VALUES_H
#define CONF_VALUES_H

/*
 * Values that both files have: names, paths, prefixes, durations. Each function tells its own mistakes, says
 * whether there was a value, and writes only then; what is kept lies in the report's arena.
 */

#include "conf/schema.h"
#include "net/addr.h"

enum { CONF_NAME_MAX = 128, CONF_FILE_MAX = 4095 /* bytes */ };

/* A printable name of at most CONF_NAME_MAX bytes, copied: NULL and a mistake otherwise. */
const char *conf_name(struct conf_report *r, const struct conf_node *value, const char *what);
/* A row's read function for `const char *name` as the first member of `into`. */
void conf_name_row(void *reader, const struct conf_node *value, void *into);
/* A file's path, copied to the `const char *` that `into` points to. */
void conf_file_row(void *reader, const struct conf_node *value, void *into);
/* A prefix or single address; the mistake says what would be right. */
bool conf_prefix(struct conf_report *r, const struct conf_node *value, struct net_prefix *ret_prefix);
/* A list of at most `max` prefixes; one that another covers is a mistake, in which the list is called `key`.
 */
bool conf_prefixes(struct conf_report *r, const struct conf_node *value, const char *key, size_t max,
    struct net_prefix **ret_prefixes, size_t *ret_n);
/* A duration in [min, max], whole seconds both; `what` ("a lease") and `example` are for the mistake. */
bool conf_span(struct conf_report *r, const struct conf_node *value, const char *what, const char *example,
    int64_t min_ns, int64_t max_ns, int64_t *ret_ns);
/* A duration of whole seconds as conf_span reads it, in its largest whole unit: "90m". Returns buf. */
enum { CONF_SPAN_SIZE = 24 };
char *conf_span_text(int64_t ns, char *buf);

/* Room for n elements of `size` bytes, zeroed; NULL when memory ends. n == 0 gives a valid pointer. */
void *conf_array(struct conf_report *r, size_t n, size_t size);
/*
 * Tells a mistake where two of n things have the same name, which is the first member of each and NULL where
 * it is missing. Thing i was read from item i of the list.
 */
void conf_check_names(struct conf_report *r, const struct conf_node *list, const char *what,
    const void *things, size_t n, size_t size);

#endif
