/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_FOLDER_H
#define CMD_FOLDER_H

#include <stddef.h>

/* The archive that a person means by a folder: that of a CASE folder, or the folder itself. 0 or
 * -ENAMETOOLONG. */
int folder_archive(const char *folder, char *buf, size_t size);

#endif
