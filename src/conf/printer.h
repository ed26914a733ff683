/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONF_PRINTER_H
#define CONF_PRINTER_H

/* Writing YAML by libyaml's emitter, which quotes what needs it. The first failure sticks; conf_print_end
 * tells it. */

#include <stdio.h>
#include <yaml.h>

#include "net/addr.h"

struct conf_printer {
	yaml_emitter_t emitter;
	int error;
	FILE *out;
};

/* Begins a document that is one mapping. 0 or -ENOMEM; after 0, conf_print_end must follow. */
int conf_print_begin(struct conf_printer *p, FILE *out);
/* Ends it and flushes. 0, -ENOMEM or -EIO. */
int conf_print_end(struct conf_printer *p);

void conf_print_scalar(struct conf_printer *p, const char *text);
/* A mapping as the value of `key`; an item of a list where key is NULL. */
void conf_print_mapping(struct conf_printer *p, const char *key);
void conf_print_mapping_end(struct conf_printer *p);
/* A list as the value of `key`; `in_line`: within brackets. */
void conf_print_list(struct conf_printer *p, const char *key, bool in_line);
void conf_print_list_end(struct conf_printer *p);

/* A key and its value; nothing where the text is NULL. */
void conf_print_pair(struct conf_printer *p, const char *key, const char *value);
void conf_print_number(struct conf_printer *p, const char *key, uint64_t value);
/* Whole seconds, as conf_span reads them. */
void conf_print_span(struct conf_printer *p, const char *key, int64_t ns);
/* Lists within brackets. */
void conf_print_prefixes(
    struct conf_printer *p, const char *key, const struct net_prefix *prefixes, size_t n);
void conf_print_texts(struct conf_printer *p, const char *key, const char *const *texts, size_t n);

#endif
