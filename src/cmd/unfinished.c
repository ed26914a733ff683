/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/unfinished.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/files.h"

static const int ends[] = {SIGINT, SIGTERM, SIGHUP};

/* Only what signal-safety(7) allows. The handler was for one time: raised again, the signal ends the process,
 * and the parent sees which it was. */
static void on_signal(int signal)
{
	static const char words[] =
	    "\nbulkhead: interrupted; the CASE folder holds no whole result, remove it\n";
	int error = errno;
	if (write(STDERR_FILENO, words, sizeof(words) - 1) < 0)
		errno = error;
	raise(signal);
}

static void watch(void)
{
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		struct sigaction a = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND}, before;
		/* what whoever started us had ignored (nohup) stays so */
		if (sigaction(ends[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			(void)sigaction(ends[i], &a, NULL);
	}
}

static void unwatch(void)
{
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		struct sigaction a = {.sa_handler = SIG_DFL}, now;
		if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler == on_signal)
			(void)sigaction(ends[i], &a, NULL);
	}
}

static int render(void *context, FILE *out)
{
	(void)context;
	return fputs("The analysis that writes this folder hasn't ended. If it no longer runs, remove the "
	             "folder.\n",
	           out) < 0
	           ? -EIO
	           : 0;
}

static int path_of(const char *folder, char *path)
{
	return snprintf(path, PATH_MAX, "%s/%s", folder, CASE_UNFINISHED) >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error = 0;
	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0)
		error = -errno;
	close(fd);
	return error;
}

int unfinished_begin(const char *folder)
{
	int error = file_write(folder, CASE_UNFINISHED, render, NULL);
	if (error == 0)
		error = sync_folder(folder);
	if (error == 0)
		watch();
	return error;
}

int unfinished_end(const char *folder)
{
	char path[PATH_MAX];
	int error = path_of(folder, path);
	/* the results first, then the word that they are whole */
	if (error == 0)
		error = sync_folder(folder);
	if (error == 0 && unlink(path) < 0)
		error = -errno;
	if (error == 0)
		error = sync_folder(folder);
	if (error == 0)
		unwatch();
	return error;
}

bool unfinished_is(const char *folder)
{
	char path[PATH_MAX];
	return path_of(folder, path) == 0 && access(path, F_OK) == 0;
}
