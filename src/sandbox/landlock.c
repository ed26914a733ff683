/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Debian 12's header ends at ABI 2; later rights are named here so that newer kernels enforce them too. */
#define RIGHT_REFER     (UINT64_C(1) << 13) /* ABI 2 */
#define RIGHT_TRUNCATE  (UINT64_C(1) << 14) /* ABI 3 */
#define RIGHT_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
#define RIGHTS_ABI_1    ((UINT64_C(1) << 13) - 1)

#define RIGHTS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_WRITE                                                                                         \
	(RIGHTS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |                         \
	    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |   \
	    RIGHT_REFER | RIGHT_TRUNCATE)
/* Those that a rule on a file can hold. */
#define RIGHTS_OF_FILES                                                                                      \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |         \
	    RIGHT_TRUNCATE | RIGHT_IOCTL_DEV)
/* Those that the parent keeps everywhere. */
#define RIGHTS_OF_PARENT (RIGHTS_READ | LANDLOCK_ACCESS_FS_EXECUTE | RIGHT_IOCTL_DEV)

enum {
	RULE_NET_PORT = 2, /* ABI 4 */
	NET_BIND_TCP = 1,
	NET_CONNECT_TCP = 2,
	SCOPE_ABSTRACT_UNIX_SOCKET = 1, /* ABI 6 */
	SCOPE_SIGNAL = 2
};

/* What later kernels know of struct landlock_ruleset_attr, and a rule's struct landlock_net_port_attr. */
struct handled {
	uint64_t files;
	uint64_t net;   /* ABI 4 */
	uint64_t scope; /* ABI 6 */
};
struct port_rule {
	uint64_t allowed_access;
	uint64_t port;
};

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	return abi < 0 ? 0 : (int)abi;
}

static uint64_t rights_of(int abi)
{
	uint64_t rights = RIGHTS_ABI_1;
	if (abi >= 2)
		rights |= RIGHT_REFER;
	if (abi >= 3)
		rights |= RIGHT_TRUNCATE;
	if (abi >= 5)
		rights |= RIGHT_IOCTL_DEV;
	return rights;
}

static struct handled handled_by(const struct profile *p, const struct sandbox_request *request, int abi)
{
	struct handled h = {.files = rights_of(abi)};
	switch (p->files) {
	case PROFILE_FILES_NONE:
		h.net = abi >= 4 ? NET_BIND_TCP | NET_CONNECT_TCP : 0;
		h.scope = abi >= 6 ? SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL : 0;
		break;
	case PROFILE_FILES_PARENT:
		/* a service manager may be told through an abstract socket; rules of ABI 1 forbid renaming
		 * between folders altogether, which nobody here needs */
		h.files = request->n_paths ? h.files & ~RIGHTS_OF_PARENT : 0;
		h.scope = abi >= 6 ? SCOPE_SIGNAL : 0;
		break;
	}
	return h;
}

static int add_path(int rules, const struct sandbox_path *path, uint64_t rights)
{
	struct stat st;
	int error = 0;
	int fd = open(path->path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return path->optional && (errno == ENOENT || errno == ENOTDIR) ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		error = -errno;
	else if (!S_ISDIR(st.st_mode))
		rights &= RIGHTS_OF_FILES;
	struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
	/* a rule that allows nothing is a mistake to the kernel: the parent reads everywhere */
	if (error == 0 && rights &&
	    syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		error = -errno;
	close(fd);
	return error;
}

static int add_paths(
    int rules, const struct profile *p, const struct sandbox_path *paths, size_t n, uint64_t handled)
{
	uint64_t write = p->files == PROFILE_FILES_PARENT ? RIGHTS_WRITE | LANDLOCK_ACCESS_FS_MAKE_SOCK
	                                                  : RIGHTS_WRITE;
	int error = 0;
	for (size_t i = 0; i < n && paths[i].path && error == 0; i++) {
		uint64_t rights = RIGHTS_READ;
		switch (paths[i].access) {
		case SANDBOX_READ: break;
		case SANDBOX_WRITE: rights = write; break;
		}
		error = add_path(rules, &paths[i], rights & handled);
	}
	return error;
}

int landlock_make(const struct profile *p, const struct sandbox_request *request, int abi, int *ret_rules)
{
	struct handled h = handled_by(p, request, abi);
	if (!h.files && !h.scope) {
		*ret_rules = -1;
		return 0;
	}
	/* an older kernel takes what it knows */
	size_t size = abi >= 6 ? sizeof(h) : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
	int rules = (int)syscall(SYS_landlock_create_ruleset, &h, size, 0);
	if (rules < 0)
		return -errno;
	int error = h.files ? add_paths(rules, p, p->paths, PROFILE_PATHS_MAX, h.files) : 0;
	if (error == 0 && h.files)
		error = add_paths(rules, p, request->paths, request->n_paths, h.files);
	for (size_t i = 0; error == 0 && h.net && p->ports && i < request->n_ports; i++) {
		struct port_rule rule = {.allowed_access = NET_CONNECT_TCP, .port = request->ports[i]};
		if (syscall(SYS_landlock_add_rule, rules, RULE_NET_PORT, &rule, 0) < 0)
			error = -errno;
	}
	if (error < 0)
		close(rules);
	else
		*ret_rules = rules;
	return error;
}

int landlock_hold(int rules)
{
	return rules >= 0 && syscall(SYS_landlock_restrict_self, rules, 0) < 0 ? -errno : 0;
}
