/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Who is who at the control socket: by the kernel's word about user and groups, and nothing that he says. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "live/gateway_control.c"

static struct gateway_member list[] = {
    {.role = DAEMON_VIEWER, .group = true, .id = 100, .name = "staff"},
    {.role = DAEMON_ANALYST, .group = true, .id = 200, .name = "soc"},
    {.role = DAEMON_ANALYST, .id = 1000, .name = "ann"},
    {.role = DAEMON_APPROVER, .id = 1001, .name = "bob"},
    {.role = DAEMON_VIEWER, .id = 1001, .name = "bob"},
    {.role = DAEMON_APPROVER, .group = true, .id = 1000, .name = "a group of that number"},
};

static void a_role_comes_by_user_or_any_group_and_the_highest_counts(void **state)
{
	static const struct {
		uid_t uid;
		gid_t gid, groups[3];
		size_t n_groups;
		uint8_t role;
		const char *name;
	} rows[] = {
	    {5000, 5000, {0}, 0, DAEMON_ROLES, "uid 5000"},
	    {5000, 100, {0}, 0, DAEMON_VIEWER, "uid 5000"},
	    {5000, 5000, {7, 8, 100}, 3, DAEMON_VIEWER, "uid 5000"},
	    {5000, 100, {7, 200}, 2, DAEMON_ANALYST, "uid 5000"},
	    {5000, 200, {100}, 1, DAEMON_ANALYST, "uid 5000"},
	    {1000, 5000, {0}, 0, DAEMON_ANALYST, "ann"},
	    {1001, 100, {0}, 0, DAEMON_APPROVER, "bob"},
	    /* numbers of users and groups aren't mixed up */
	    {5000, 1001, {1001}, 1, DAEMON_ROLES, "uid 5000"},
	    {100, 5000, {0}, 0, DAEMON_ROLES, "uid 100"},
	    {5000, 1000, {0}, 0, DAEMON_APPROVER, "uid 5000"},
	    /* nobody is root by being root */
	    {0, 0, {0}, 1, DAEMON_ROLES, "uid 0"},
	};
	const struct gateway_members members = {.v = list, .n = sizeof(list) / sizeof(*list)},
	                             none = {.v = list, .n = 0};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ucred who = {.uid = rows[i].uid, .gid = rows[i].gid};
		char name[ORDER_WHO_SIZE];
		assert_int_equal(role_of(&members, &who, rows[i].groups, rows[i].n_groups), rows[i].role);
		assert_int_equal(role_of(&none, &who, rows[i].groups, rows[i].n_groups), DAEMON_ROLES);
		name_user(&members, who.uid, name, sizeof(name));
		assert_string_equal(name, rows[i].name);
	}
}

static void who_is_connected_is_the_kernels_word(void **state)
{
	struct gateway_member self[] = {{.role = DAEMON_ANALYST, .id = geteuid(), .name = "self"}};
	struct gateway *g = calloc(1, sizeof(*g));
	struct gateway_client c = {.role = DAEMON_APPROVER};
	int fd[2];
	(void)state;
	assert_non_null(g);
	g->members = (struct gateway_members){.v = self, .n = 1};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(identify(g, fd[0], &c), 0);
	assert_int_equal(c.role, DAEMON_ANALYST);
	assert_int_equal(c.uid, geteuid());
	assert_string_equal(c.who, "self");
	close(fd[0]);
	close(fd[1]);
	/* what isn't a Unix socket has nobody behind it */
	int inet = socket(AF_INET, SOCK_STREAM, 0);
	g->members.n = 0;
	if (identify(g, inet, &c) == 0)
		assert_int_equal(c.role, DAEMON_ROLES);
	close(inet);
	free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_role_comes_by_user_or_any_group_and_the_highest_counts),
	    cmocka_unit_test(who_is_connected_is_the_kernels_word),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
