/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_CAPTURES_H
#define CMD_CAPTURES_H

/* The captures that a person names: opened, and told where one can't be opened or read to its end. */

#include "capture/capture.h"

/*
 * Opens what can be opened; the others are told and count as unreadable. A file named twice is read once.
 * Returns how many couldn't be opened, or -ENOMEM.
 */
int captures_open(struct capture_set *set, char *const *paths, size_t n);
/* After the last frame: tells which files broke off; how many. */
size_t captures_tell_partial(const struct capture_set *set);

#endif
