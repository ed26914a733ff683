/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"

static const struct cmd_verb *const verbs[] = {
    &cmd_analyze,
    &cmd_incidents,
    &cmd_spread,
    &cmd_plan,
    &cmd_exposure,
    &cmd_hunt,
    &cmd_archive,
    &cmd_verify,
    &cmd_prove,
    &cmd_ledger,
    &cmd_check,
    &cmd_run,
    &cmd_enforce,
    &cmd_status,
    &cmd_orders,
    &cmd_approve,
    &cmd_reject,
    &cmd_confirm,
    &cmd_release,
    &cmd_reload,
    &cmd_process,
};

enum { VERBS = sizeof(verbs) / sizeof(*verbs) };

int cmd_help(const struct cmd_verb *v)
{
	printf("bulkhead %s %s\n%s.\n\n%s", v->name, v->arguments, v->summary, v->help);
	return CMD_EXIT_FINE;
}

int cmd_usage(const struct cmd_verb *v, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fprintf(stderr, "bulkhead %s: ", v->name);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(
	    stderr, "\nusage: bulkhead %s %s\nmore: bulkhead %s --help\n", v->name, v->arguments, v->name);
	return CMD_EXIT_USAGE;
}

bool cmd_colour(void)
{
	const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
	return isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && term && strcmp(term, "dumb") != 0;
}

unsigned long cmd_seed(void)
{
	unsigned long seed = 0;
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		seed = (unsigned long)getpid();
	return seed;
}

static void print_verbs(FILE *out)
{
	fprintf(out, "bulkhead: contain an intrusion without shutting the network down.\n\n"
	             "usage: bulkhead VERB ...\n\n");
	for (size_t i = 0; i < VERBS; i++)
		if (verbs[i] != &cmd_process) /* for `run` alone */
			fprintf(out, "  %-10s  %s\n", verbs[i]->name, verbs[i]->summary);
	fprintf(out, "\n  bulkhead VERB --help tells more of one, man bulkhead of all.\n"
	             "  bulkhead --version prints the version.\n");
}

/*
 * Where standard input, output or error is closed, the next file opened would take its number, and what is
 * meant for a person would be written into evidence. /dev/null takes the place, opened the wrong way round so
 * that its use fails.
 */
static bool hold_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return false;
	return true;
}

static int dispatch(int argc, char **argv)
{
	if (argc < 2) {
		print_verbs(stderr);
		return CMD_EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		print_verbs(stdout);
		return CMD_EXIT_FINE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("bulkhead %s\n", BULKHEAD_VERSION);
		return CMD_EXIT_FINE;
	}
	for (size_t i = 0; i < VERBS; i++) {
		if (strcmp(argv[1], verbs[i]->name) != 0)
			continue;
		for (int j = 2; j < argc && strcmp(argv[j], "--") != 0; j++)
			if (strcmp(argv[j], "--help") == 0 || strcmp(argv[j], "-h") == 0)
				return cmd_help(verbs[i]);
		return verbs[i]->run(argc - 1, argv + 1);
	}
	fprintf(stderr, "bulkhead: there is no verb '%s'\n", argv[1]);
	print_verbs(stderr);
	return CMD_EXIT_USAGE;
}

int main(int argc, char **argv)
{
	if (!hold_standard())
		return CMD_EXIT_FAILED;
	signal(SIGPIPE, SIG_IGN);
	int code = dispatch(argc, argv);
	/* a verb that has told why it failed need not hear it again */
	bool failed = ferror(stdout);
	errno = EIO;
	if ((fflush(stdout) != 0 || failed) && code != CMD_EXIT_FAILED) {
		log_error("standard output can't be written: %s", err_text(-errno));
		code = CMD_EXIT_FAILED;
	}
	return code;
}
