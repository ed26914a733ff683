/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_HUNT_INPUT_H
#define CMD_HUNT_INPUT_H

/*
 * What a hunt is given on the command line: values, files and standard input, told apart by their form. An
 * address, prefix, hash, fingerprint or a URL with its scheme is a value; else a name of a file that is there
 * is that file; else it must read as a domain or URL. A name that ends as files do and isn't there is a
 * mistake and no domain: feeds.csv would else be searched as one, and nothing found.
 */

#include "detect/indicator.h"

/*
 * Loads all into one set. files: names that are files whatever they look like. What can't be used of a feed
 * is told (the first few) and stays listed in the set. 0; -ERR_INVALID where an argument is neither, -ENOMEM,
 * or what reading a file gave: told.
 */
int hunt_input_load(struct indicator_set **ret_set, char *const *arguments, size_t n,
    const char *const *files, size_t n_files, uint64_t seed);

#endif
