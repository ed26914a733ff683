/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sandbox/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int by_number(const void *a, const void *b)
{
	const int *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

int limits_close_others(const int *fds, size_t n)
{
	int *kept = malloc((n ? n : 1) * sizeof(*kept));
	int error = 0;
	unsigned from = STDERR_FILENO + 1;
	if (!kept)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		kept[i] = fds[i];
	qsort(kept, n, sizeof(*kept), by_number);
	for (size_t i = 0; i < n && error == 0; i++) {
		if (kept[i] < (int)from)
			continue;
		if ((unsigned)kept[i] > from && close_range(from, (unsigned)kept[i] - 1, 0) < 0)
			error = -errno;
		from = (unsigned)kept[i] + 1;
	}
	if (error == 0 && close_range(from, ~0U, 0) < 0)
		error = -errno;
	free(kept);
	return error;
}

int limits_check_rings(void)
{
	for (int fd = 0; fd < SANDBOX_RINGS_FROM; fd++) {
		int domain = 0;
		socklen_t size = sizeof(domain);
		if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_PACKET)
			return -EINVAL;
	}
	return 0;
}

int sandbox_ring_number(int *fd)
{
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return -errno;
	/* many systems begin with 1,024 and let a process go far beyond */
	l.rlim_cur = l.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &l) < 0)
		return -errno;
	int moved = fcntl(*fd, F_DUPFD_CLOEXEC, SANDBOX_RINGS_FROM);
	if (moved < 0)
		return -errno;
	close(*fd);
	*fd = moved;
	return 0;
}

/* To at most `value`; what stands lower stays. */
static int limit(int resource, rlim_t value)
{
	struct rlimit l;
	if (getrlimit(resource, &l) < 0)
		return -errno;
	if (l.rlim_max > value)
		l.rlim_max = value;
	l.rlim_cur = l.rlim_max;
	return setrlimit(resource, &l) < 0 ? -errno : 0;
}

/* Lines for the operator may go to a file, and a limit of its size would end the process there. */
static bool logs_to_file(void)
{
	struct stat st;
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
			return true;
	return false;
}

int limits_set(const struct profile *p, unsigned options)
{
	int error = limit(RLIMIT_CORE, 0);
	if (error == 0 && p->descriptors)
		error = limit(RLIMIT_NOFILE, p->descriptors);
	if (error == 0 && p->limits_processes)
		error = limit(RLIMIT_NPROC, p->processes);
	if (error == 0 && !p->writes_files && !logs_to_file())
		error = limit(RLIMIT_FSIZE, 0);
	/* before Linux 5.11 the entries of BPF maps count as locked memory */
	if (error == 0 && !(options & SANDBOX_XDP) && p->end)
		error = limit(RLIMIT_MEMLOCK, 0);
	if (error == 0 && p->end)
		error = limit(RLIMIT_MSGQUEUE, 0);
	return error;
}
