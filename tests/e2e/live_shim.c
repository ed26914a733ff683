/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Preloaded into the processes of `bulkhead run`, at sandbox level none, to do to them what can't be done to
 * the machine. In the folder BULKHEAD_SHIM: `clock` holds seconds that the wall clock is off by; while
 * `netlink` is there, nothing can be sent to netfilter.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int open_named(const char *name)
{
	char path[PATH_MAX];
	const char *folder = getenv("BULKHEAD_SHIM");
	if (!folder)
		return -1;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static long clock_offset(void)
{
	char text[32] = "";
	int fd = open_named("clock");
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? strtol(text, NULL, 10) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
	static int (*real)(clockid_t, struct timespec *);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	int error = errno, r = real(clock, ret_time);
	if (r == 0 && clock == CLOCK_REALTIME)
		ret_time->tv_sec += clock_offset();
	errno = r == 0 ? error : errno;
	return r;
}

static int is_cut_off(int fd)
{
	int error = errno, domain = 0, protocol = 0;
	socklen_t n = sizeof(domain);
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) < 0 || domain != AF_NETLINK ||
	    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &n) < 0 || protocol != NETLINK_NETFILTER) {
		errno = error;
		return 0;
	}
	int file = open_named("netlink");
	if (file >= 0)
		close(file);
	errno = file >= 0 ? ENOBUFS : error;
	return file >= 0;
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	static ssize_t (*real)(int, const struct msghdr *, int);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "sendmsg");
	return is_cut_off(fd) ? -1 : real(fd, m, flags);
}

ssize_t sendto(int fd, const void *p, size_t n, int flags, const struct sockaddr *to, socklen_t size)
{
	static ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "sendto");
	return is_cut_off(fd) ? -1 : real(fd, p, n, flags, to, size);
}
