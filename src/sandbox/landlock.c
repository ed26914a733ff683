/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Debian 12's header ends at ABI 2; later rights are named here so that newer kernels enforce them too. */
#define RIGHT_REFER     (UINT64_C(1) << 13) /* ABI 2 */
#define RIGHT_TRUNCATE  (UINT64_C(1) << 14) /* ABI 3 */
#define RIGHT_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
#define RIGHTS_ABI_1    ((UINT64_C(1) << 13) - 1)

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

int landlock_only(const char *const *folders, size_t n, int abi)
{
	struct landlock_ruleset_attr attr = {.handled_access_fs = rights_of(abi)};
	uint64_t beneath = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
	                   LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
	                   LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
	                   LANDLOCK_ACCESS_FS_REMOVE_DIR |
	                   (attr.handled_access_fs & (RIGHT_REFER | RIGHT_TRUNCATE));
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0)
		return -errno;
	int error = 0;
	for (size_t i = 0; i < n && error == 0; i++) {
		int folder = open(folders[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		struct landlock_path_beneath_attr rule = {.allowed_access = beneath, .parent_fd = folder};
		if (folder < 0 ||
		    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
			error = -errno;
		if (folder >= 0)
			close(folder);
	}
	if (error == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		error = -errno;
	close(ruleset);
	return error;
}
