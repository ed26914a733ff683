/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/folder.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/results.h"

int folder_archive(const char *folder, char *buf, size_t size)
{
	if (snprintf(buf, size, "%s/%s", folder, CASE_ARCHIVE) >= (int)size)
		return -ENAMETOOLONG;
	if (access(buf, F_OK) < 0)
		snprintf(buf, size, "%s", folder);
	return 0;
}
