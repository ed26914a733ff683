/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sandbox/filter.h"

#include <errno.h>
#include <unistd.h>

static int add_row(scmp_filter_ctx filter, const struct call *c, uint32_t action)
{
	struct scmp_arg_cmp tests[CALL_TESTS_MAX];
	int number = seccomp_syscall_resolve_name(c->name);
	/* An architecture without this call has another that stands beside it in the list. A library that
	 * doesn't know it leaves it forbidden to a child, and to a parent's list it isn't a call yet. */
	if (number == __NR_SCMP_ERROR || number < 0)
		return 0;
	for (unsigned i = 0; i < c->n_tests; i++) {
		tests[i] = c->tests[i];
		if (tests[i].datum_a == CALL_OWN_PID)
			tests[i].datum_a = (scmp_datum_t)getpid();
	}
	return seccomp_rule_add_array(
	    filter, c->error ? SCMP_ACT_ERRNO(c->error) : action, number, c->n_tests, tests);
}

int filter_hold(const struct profile *p)
{
	bool forbids = p->calls >> CALLS_PARENT & 1;
	scmp_filter_ctx filter = seccomp_init(forbids ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS);
	if (!filter)
		return -ENOMEM;
	/* calls of another architecture's numbers end more than the thread */
	int error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	for (unsigned g = 0; g < CALLS_GROUPS && error == 0; g++) {
		struct calls calls = p->calls >> g & 1 ? calls_of((enum calls_group)g) : (struct calls){0};
		for (size_t i = 0; i < calls.n && error == 0; i++)
			error = add_row(
			    filter, &calls.rows[i], forbids ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ALLOW);
	}
	if (error == 0)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error;
}
