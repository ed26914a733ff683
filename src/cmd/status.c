/* SPDX-License-Identifier: GPL-2.0-or-later */

/* How a running `bulkhead run` is, and its orders. */

#include <getopt.h>
#include <stdio.h>

#include "cmd/cmd.h"
#include "cmd/control.h"
#include "cmd/live.h"

typedef void (*print_fn)(const struct dynbuf *answer, FILE *out, bool colour);

static int ask(
    const struct cmd_verb *v, enum msg_ask_what what, bool subject, print_fn print, int argc, char **argv)
{
	static const struct option longs[] = {
	    {"socket", required_argument, NULL, 's'}, {"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
	struct dynbuf answer = {0};
	const char *socket = NULL;
	bool json = false;
	int code = 0;
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "s:j", longs, NULL)) != -1;) {
		switch (c) {
		case 's': socket = optarg; break;
		case 'j': json = true; break;
		default: return cmd_usage(v, "'%s' is not understood", argv[optind - 1]);
		}
	}
	if (argc - optind > subject)
		return cmd_usage(v, "'%s' is one argument too many", argv[argc - 1]);
	struct msg_ask m = {
	    .id = 1, .what = (uint8_t)what, .subject = text_of(optind < argc ? argv[optind] : "")};
	if (control_ask(socket, &m, &answer, &code) < 0)
		code = CMD_EXIT_FAILED;
	else if (json)
		fwrite(answer.p, 1, answer.n, stdout);
	else if (!control_tell_refusal(&answer))
		print(&answer, stdout, cmd_colour());
	dynbuf_free(&answer);
	return code;
}

#define COMMON                                                                                               \
	"      --socket PATH   of the control socket; default " CONTROL_SOCKET "\n"                          \
	"  -j, --json          the JSON of doc/json.md\n"

static int status(int argc, char **argv)
{
	return ask(&cmd_status, MSG_ASK_STATUS, false, live_print_status, argc, argv);
}

const struct cmd_verb cmd_status = {
    .name = "status",
    .arguments = "[--json]",
    .summary = "How bulkhead run is: sensors, loss, incidents, orders, enforcers, drift",
    .help = COMMON "\nExit code: 0 it answers, 1 this user may not ask, 2 usage, 4 nobody answers.\n"
                   "\nExample:\n  bulkhead status --json | jq '.sensors[].lost_packets'\n",
    .run = status,
};

static int orders(int argc, char **argv)
{
	return ask(&cmd_orders, MSG_ASK_ORDERS, true, live_print_orders, argc, argv);
}

const struct cmd_verb cmd_orders = {
    .name = "orders",
    .arguments = "[--json] [ORDER]",
    .summary = "The orders that stand, or one of any state",
    .help = COMMON "\nExit code: 0 fine, 1 there is no such order, 2 usage, 4 nobody answers.\n"
                   "\nExample:\n  bulkhead orders\n",
    .run = orders,
};
