/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_UNFINISHED_H
#define CMD_UNFINISHED_H

/*
 * The mark of a CASE folder whose analysis hasn't ended: a file made before the first packet is read and
 * removed after the last result is durable. An analysis that was interrupted, killed or ran out of disk
 * leaves it, so that what such a folder holds is never taken for the whole.
 */

#include <stdbool.h>

#define CASE_UNFINISHED "unfinished"

/* Makes the mark, durably; from now on SIGINT, SIGTERM and SIGHUP say that the folder isn't whole before they
 * end the process. 0 or -errno. */
int unfinished_begin(const char *folder);
/* Removes it: the results are whole. 0 or -errno. */
int unfinished_end(const char *folder);
bool unfinished_is(const char *folder);

#endif
