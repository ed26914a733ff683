/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What people do to orders of a running `bulkhead run`: approve, reject, confirm, release; and reload. */

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/control.h"
#include "cmd/live.h"

struct act_options {
	const char *socket, *why, *subject;
	bool json;
};

static int parse(const struct cmd_verb *v, int argc, char **argv, bool subject, struct act_options *o)
{
	static const struct option longs[] = {{"socket", required_argument, NULL, 's'},
	    {"why", required_argument, NULL, 'w'}, {"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "s:w:j", longs, NULL)) != -1;) {
		switch (c) {
		case 's': o->socket = optarg; break;
		case 'w': o->why = optarg; break;
		case 'j': o->json = true; break;
		default: return cmd_usage(v, "'%s' is not understood", argv[optind - 1]);
		}
	}
	if (argc - optind != (subject ? 1 : 0))
		return cmd_usage(v, subject ? "which order? Its number" : "it takes no argument");
	o->subject = subject ? argv[optind] : "";
	return 0;
}

static int act(const struct cmd_verb *v, enum msg_ask_what what, bool subject, int argc, char **argv)
{
	struct act_options o = {.why = ""};
	struct dynbuf answer = {0};
	int code = parse(v, argc, argv, subject, &o);
	if (code)
		return code;
	struct msg_ask m = {
	    .id = 1, .what = (uint8_t)what, .subject = text_of(o.subject), .why = text_of(o.why)};
	if (control_ask(o.socket, &m, &answer, &code) < 0)
		code = CMD_EXIT_FAILED;
	else if (control_tell_refusal(&answer, o.json))
		code = code ? code : CMD_EXIT_FAILED;
	else if (o.json)
		fwrite(answer.p, 1, answer.n, stdout);
	else
		subject ? live_print_act(&answer, stdout, cmd_colour())
		        : (void)puts("The new configuration counts.");
	dynbuf_free(&answer);
	return code;
}

#define COMMON                                                                                               \
	"      --socket PATH   of the control socket; default " CONTROL_SOCKET "\n"                          \
	"  -j, --json          the JSON of doc/json.md\n"
#define EXIT "\nExit code: 0 done, 1 refused (it says why), 2 usage, 4 nobody answers or it failed.\n"

static int approve(int argc, char **argv)
{
	return act(&cmd_approve, MSG_ASK_APPROVE, true, argc, argv);
}

const struct cmd_verb cmd_approve = {
    .name = "approve",
    .arguments = "[--why TEXT] ORDER",
    .summary = "Puts a proposed order in force, or adds the first of two approvals",
    .help = "Its cuts are in force when the last approval that it needs is there. Unless it is confirmed in "
            "time it rolls\nback by itself.\n\n"
            "  -w, --why TEXT      goes into the archive's ledger\n" COMMON EXIT
            "\nExample:\n  bulkhead approve 12 --why 'agreed with the CISO'\n",
    .run = approve,
};

static int reject(int argc, char **argv)
{
	return act(&cmd_reject, MSG_ASK_REJECT, true, argc, argv);
}

const struct cmd_verb cmd_reject = {
    .name = "reject",
    .arguments = "[--why TEXT] ORDER",
    .summary = "Ends a proposed order before it was approved",
    .help = "  -w, --why TEXT      goes into the archive's ledger\n" COMMON EXIT
            "\nExample:\n  bulkhead reject 12 --why 'false alarm'\n",
    .run = reject,
};

static int confirm(int argc, char **argv)
{
	return act(&cmd_confirm, MSG_ASK_CONFIRM, true, argc, argv);
}

const struct cmd_verb cmd_confirm = {
    .name = "confirm",
    .arguments = "[--why TEXT] ORDER",
    .summary = "Says that an order in force shall stay to its end",
    .help =
        "An order that isn't confirmed in time is taken back by itself: whoever cut himself off gets back "
        "in.\n\n"
        "  -w, --why TEXT      goes into the archive's ledger\n" COMMON EXIT
        "\nExample:\n  bulkhead confirm 12\n",
    .run = confirm,
};

static int release(int argc, char **argv)
{
	return act(&cmd_release, MSG_ASK_RELEASE, true, argc, argv);
}

const struct cmd_verb cmd_release = {
    .name = "release",
    .arguments = "[--why TEXT] ORDER",
    .summary = "Takes an order's cuts back",
    .help = "It is released when the enforcers say that its cuts are gone. A cut that another order wants "
            "stays.\n\n"
            "  -w, --why TEXT      goes into the archive's ledger\n" COMMON EXIT
            "\nExample:\n  bulkhead release 12 --why 'machine rebuilt'\n",
    .run = release,
};

static int reload(int argc, char **argv)
{
	return act(&cmd_reload, MSG_ASK_RELOAD, false, argc, argv);
}

const struct cmd_verb cmd_reload = {
    .name = "reload",
    .arguments = "",
    .summary = "Takes the configuration anew: whole, or the old one stays",
    .help = "As SIGHUP does; the answer says what is wrong where it isn't taken.\n\n" COMMON EXIT
            "\nExample:\n  bulkhead reload\n",
    .run = reload,
};
