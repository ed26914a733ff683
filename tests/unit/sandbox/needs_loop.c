/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "needs.h"

#include <linux/if_packet.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int need_memory_and_time(const struct world *w)
{
	const struct timespec little = {.tv_nsec = 1000};
	time_t now = time(NULL);
	struct tm here;
	(void)w;
	char *p = malloc(32 << 20);
	if (!p)
		return 1;
	memset(p, 1, 32 << 20);
	free(p);
	return !localtime_r(&now, &here) || nanosleep(&little, NULL) < 0 || isatty(STDERR_FILENO) < 0 ||
	       write(STDERR_FILENO, "", 0) != 0;
}

static int add(int loop, int fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
	return fd < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, fd, &e) < 0;
}

/* A timer, an event and a signal arrive in one loop. */
int need_loop(const struct world *w)
{
	const struct itimerspec soon = {.it_value.tv_nsec = 1000000};
	struct epoll_event got;
	sigset_t signals;
	(void)w;
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	int loop = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
	int event = eventfd(1, EFD_CLOEXEC), signal = signalfd(-1, &signals, SFD_CLOEXEC);
	if (loop < 0 || add(loop, timer) || add(loop, event) || add(loop, signal) ||
	    timerfd_settime(timer, 0, &soon, NULL) < 0 || raise(SIGUSR1) != 0)
		return 1;
	for (int i = 0; i < 3; i++) {
		if (epoll_wait(loop, &got, 1, 2000) != 1 ||
		    epoll_ctl(loop, EPOLL_CTL_DEL, got.data.fd, NULL) < 0)
			return 1;
		close(got.data.fd);
	}
	return close(loop) < 0;
}

/* One goes out with a byte and comes back by another number. */
int need_passed_descriptors(const struct world *w)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {
	    .head = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	char byte = 'x';
	struct iovec bytes = {.iov_base = &byte, .iov_len = 1};
	struct msghdr m = {.msg_iov = &bytes,
	    .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof(control.bytes)};
	int passed;
	memcpy(CMSG_DATA(&control.head), &w->file, sizeof(int));
	if (sendmsg(w->channel[0], &m, MSG_NOSIGNAL) != 1 ||
	    recvmsg(w->channel[1], &m, MSG_CMSG_CLOEXEC) != 1)
		return 1;
	memcpy(&passed, CMSG_DATA(&control.head), sizeof(int));
	if (passed < 0 || passed == w->file || close(passed) < 0)
		return 1;
	return send(w->channel[1], "y", 1, MSG_NOSIGNAL) != 1 || recv(w->channel[0], &byte, 1, 0) != 1;
}

/* A packet that comes through the loopback interface is seen, and none is said to be lost. */
int need_ring(const struct world *w)
{
	struct tpacket_stats_v3 stats;
	socklen_t size = sizeof(stats);
	struct pollfd p = {.fd = w->ring, .events = POLLIN};
	char frame[2048];
	int yes = 1;
	if (poll(&p, 1, 2000) != 1 || recv(w->ring, frame, sizeof(frame), 0) < 42)
		return 1;
	return getsockopt(w->ring, SOL_PACKET, PACKET_STATISTICS, &stats, &size) < 0 ||
	       stats.tp_packets == 0 ||
	       setsockopt(w->ring, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof(yes)) < 0;
}

/* The control socket: who is there, and in which groups. */
int need_control_socket(const struct world *w)
{
	struct ucred who;
	gid_t groups[64];
	socklen_t size = sizeof(who), groups_size = sizeof(groups);
	char asked[8];
	int fd = accept4(w->control, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_size) < 0)
		return 1;
	return who.pid <= 0 || poll(&p, 1, 2000) != 1 || recv(fd, asked, sizeof(asked), 0) != 4 ||
	       send(fd, "yes\n", 4, MSG_NOSIGNAL) != 4 || shutdown(fd, SHUT_RDWR) < 0 || close(fd) < 0;
}
