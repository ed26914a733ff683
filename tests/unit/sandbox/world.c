/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inside.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static bool make_folder(char *path, const struct world *w, const char *name)
{
	snprintf(path, PATH, "%.200s/%s", w->folder, name);
	return mkdir(path, 0700) == 0 && chmod(path, 0777) == 0;
}

static bool make_file(char *path, const char *folder, const char *name)
{
	snprintf(path, PATH, "%.200s/%s", folder, name);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool made = fd >= 0 && fchmod(fd, 0666) == 0 && write(fd, "x", 1) == 1;
	if (fd >= 0)
		close(fd);
	return made;
}

static int listen_here(uint16_t *ret_port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(to);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&to, size) < 0 || listen(fd, 64) < 0 ||
	    getsockname(fd, (struct sockaddr *)&to, &size) < 0)
		return -1;
	*ret_port = ntohs(to.sin_port);
	return fd;
}

static int listen_locally(const char *path)
{
	struct sockaddr_un here = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(here.sun_path, sizeof(here.sun_path), "%.100s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0 || listen(fd, 64) < 0)
		return -1;
	return fd;
}

static bool own_namespaces(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return false;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &lo) == 0;
	if (fd >= 0)
		close(fd);
	return up;
}

/* As the parent of a sensor opens it: bound to its interface, filtered, the filter locked. */
static int open_ring(void)
{
	struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, 0xffff);
	struct sock_fprog filter = {.len = 1, .filter = &all};
	struct sockaddr_ll where = {.sll_family = AF_PACKET,
	    .sll_protocol = htons(ETH_P_ALL),
	    .sll_ifindex = (int)if_nametoindex("lo")};
	int yes = 1, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	if (fd < 0 || bind(fd, (struct sockaddr *)&where, sizeof(where)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &yes, sizeof(yes)) < 0 || sandbox_ring_number(&fd) < 0)
		return -1;
	return fd;
}

/* As the parent of an enforcer with XDP makes it. */
static int make_map(void)
{
	union bpf_attr attr = {0};
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = attr.value_size = sizeof(uint32_t);
	attr.max_entries = 1;
	return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static pid_t make_sibling(bool root)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	if (root && (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0))
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	for (;;)
		pause();
}

bool world_make(struct world *w)
{
	*w = (struct world){
	    .root = geteuid() == 0, .folder = "/tmp/bulkhead-sandbox-XXXXXX", .ring = -1, .map = -1};
	if (w->root && !own_namespaces()) {
		fprintf(stderr, "no namespaces of its own to be had: as if it weren't root\n");
		w->root = false;
	}
	if (!mkdtemp(w->folder) || chmod(w->folder, 0755) < 0 || !make_folder(w->state, w, "state") ||
	    !make_folder(w->archive, w, "archive") || !make_folder(w->outside, w, "outside") ||
	    !make_file(w->archived, w->archive, "file") || !make_file(w->secret, w->outside, "secret"))
		return false;
	snprintf(w->records, PATH, "%.200s/records", w->archive);
	snprintf(w->certificate, PATH, "%.200s/certificate.pem", w->folder);
	snprintf(w->control_path, PATH, "%.200s/control", w->folder);
	w->control = listen_locally(w->control_path);
	if (w->control < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, w->channel) < 0)
		return false;
	w->listening = listen_here(&w->port);
	w->other_listening = listen_here(&w->other_port);
	w->file = open(w->secret, O_WRONLY | O_CLOEXEC);
	w->sibling = make_sibling(w->root);
	if (w->root) {
		w->ring = open_ring();
		w->map = make_map();
	}
	return w->listening >= 0 && w->other_listening >= 0 && w->file >= 0 && w->sibling > 0 &&
	       (!w->root || w->ring >= 0);
}

static int remove_one(const char *path, const struct stat *st, int what, struct FTW *where)
{
	(void)st;
	(void)what;
	(void)where;
	return remove(path);
}

void world_free(struct world *w)
{
	if (w->sibling > 0) {
		kill(w->sibling, SIGKILL);
		waitpid(w->sibling, NULL, 0);
	}
	nftw(w->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
