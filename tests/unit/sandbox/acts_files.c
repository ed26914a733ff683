/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "acts.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

int act_read_outside(const struct world *w)
{
	return open(w->secret, O_RDONLY | O_CLOEXEC) < 0;
}

int act_write_outside(const struct world *w)
{
	char path[PATH + 16];
	snprintf(path, sizeof(path), "%s/new", w->outside);
	return open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0;
}

int act_write_archive(const struct world *w)
{
	return open(w->archived, O_WRONLY | O_CLOEXEC) < 0;
}

/* Cuts a file short without a way to write to it. */
int act_cut_archive(const struct world *w)
{
	return open(w->archived, O_RDONLY | O_TRUNC | O_CLOEXEC) < 0;
}

int act_remove_archived(const struct world *w)
{
	return unlink(w->archived) < 0;
}

int act_lock_archived(const struct world *w)
{
	int fd = open(w->archived, O_RDONLY | O_CLOEXEC);
	return fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0;
}

int act_own_memory(const struct world *w)
{
	(void)w;
	return open("/proc/self/mem", O_RDWR | O_CLOEXEC) < 0;
}

int act_chown(const struct world *w)
{
	return chown(w->secret, 0, 0) < 0;
}

int act_write_beyond_limit(const struct world *w)
{
	return write(w->file, "more", 4) != 4;
}

int act_more_descriptors(const struct world *w)
{
	(void)w;
	for (int i = 0; i <= 4096; i++)
		if (eventfd(0, EFD_CLOEXEC) < 0)
			return 1;
	return 0;
}
