/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inside.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void inside_of(
    struct inside *in, const struct world *w, enum sandbox_profile profile, enum sandbox_level level)
{
	size_t paths = 0, fds = 0;
	*in = (struct inside){0};
	switch (profile) {
	case SANDBOX_ENGINE:
		in->paths[paths++] = (struct sandbox_path){w->state, SANDBOX_WRITE, false};
		break;
	case SANDBOX_ARCHIVIST:
		in->paths[paths++] = (struct sandbox_path){w->archive, SANDBOX_WRITE, false};
		break;
	case SANDBOX_PLANNER:
		in->paths[paths++] = (struct sandbox_path){w->archive, SANDBOX_READ, false};
		break;
	case SANDBOX_SENSOR:
		if (w->ring >= 0)
			in->fds[fds++] = w->ring;
		break;
	case SANDBOX_GATEWAY:
		in->fds[fds++] = w->listening;
		in->fds[fds++] = w->control;
		break;
	case SANDBOX_LINK: in->fds[fds++] = w->listening; break;
	case SANDBOX_COURIER:
		in->paths[paths++] = (struct sandbox_path){w->certificate, SANDBOX_READ, true};
		break;
	case SANDBOX_ANALYZE:
		in->paths[paths++] = (struct sandbox_path){w->state, SANDBOX_WRITE, false};
		break;
	case SANDBOX_PARENT:
	case SANDBOX_ENFORCER:
	case SANDBOX_PROFILES: break;
	}
	in->fds[fds++] = w->file;
	in->fds[fds++] = w->channel[0];
	in->fds[fds++] = w->channel[1];
	in->ports[0] = w->port;
	in->request = (struct sandbox_request){.profile = profile,
	    .level = level,
	    .options = profile == SANDBOX_ENFORCER ? SANDBOX_NETFILTER : 0,
	    .n_paths = paths,
	    .n_ports = 1,
	    .n_fds = fds,
	    .uid = w->root ? NOBODY : 0,
	    .gid = w->root ? NOBODY : 0};
}

/* Standard error may be a file, where a limit of its size would not be set. */
static void quiet(void)
{
	struct stat st;
	for (int fd = 1; fd <= 2; fd++)
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
			int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
			if (null >= 0 && dup2(null, fd) >= 0 && null != fd)
				close(null);
		}
}

static void enter_and_act(const struct inside *in, const struct world *w, act_fn act, int told)
{
	struct inside own = *in;
	struct sandbox_result result;
	quiet();
	own.fds[own.request.n_fds++] = told;
	own.request.paths = own.paths;
	own.request.ports = own.ports;
	own.request.fds = own.fds;
	own.request.parent = getppid();
	int r = sandbox_enter(&own.request, &result);
	if (r < 0) {
		fprintf(stderr, "%s at level %s: %s\n", sandbox_profile_name(own.request.profile),
		    sandbox_level_name(own.request.level), strerror(-r));
		_exit(99);
	}
	if (write(told, &result, sizeof(result)) != (ssize_t)sizeof(result))
		_exit(99);
	_exit(act(w));
}

enum outcome inside_try(
    const struct inside *in, const struct world *w, act_fn act, struct sandbox_result *ret_result)
{
	struct sandbox_result result;
	int status, told[2];
	if (pipe(told) < 0)
		return FAILED;
	pid_t pid = fork();
	if (pid == 0)
		enter_and_act(in, w, act, told[1]);
	close(told[1]);
	ssize_t n = pid > 0 ? read(told[0], &result, sizeof(result)) : -1;
	close(told[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || n != (ssize_t)sizeof(result))
		return FAILED;
	if (ret_result)
		*ret_result = result;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? DIES : WTERMSIG(status) == SIGXFSZ ? TOO_LARGE : FAILED;
	return WEXITSTATUS(status) == 0 ? LET_THROUGH : WEXITSTATUS(status) == 1 ? REFUSED : FAILED;
}
