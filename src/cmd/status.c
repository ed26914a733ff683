/* SPDX-License-Identifier: GPL-2.0-or-later */

/* How a running `bulkhead run` is, and its orders. */

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "cmd/cmd.h"
#include "cmd/control.h"
#include "cmd/live.h"

typedef void (*print_fn)(const struct dynbuf *answer, FILE *out, bool colour);

enum { ENDED_SHOWN = 50, ENDED_MAX = 1000 };

struct status_options {
	const char *socket;
	const char *subject;
	bool json, all;
	uint64_t last; /* so many that have ended; 0: as many as `all` shows */
};

static int parse(
    const struct cmd_verb *v, int argc, char **argv, bool orders, struct status_options *ret_options)
{
	static const struct option longs[] = {{"socket", required_argument, NULL, 's'},
	    {"json", no_argument, NULL, 'j'}, {"all", no_argument, NULL, 'a'},
	    {"last", required_argument, NULL, 'l'}, {NULL, 0, NULL, 0}};
	struct status_options o = {.subject = ""};
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, orders ? "jal:" : "j", longs, NULL)) != -1;) {
		if (c == 's')
			o.socket = optarg;
		else if (c == 'j')
			o.json = true;
		else if (c == 'a' && orders)
			o.all = true;
		else if (c != 'l' || !orders)
			return cmd_usage(v, "'%s' is not understood", argv[optind - 1]);
		else if (num_parse_u64(text_of(optarg), ENDED_MAX, &o.last) < 0 || o.last == 0)
			return cmd_usage(v, "--last wants a number up to %d, not '%s'", ENDED_MAX, optarg);
	}
	if (argc - optind > orders)
		return cmd_usage(v, "'%s' is one argument too many", argv[argc - 1]);
	if (optind < argc)
		o.subject = argv[optind];
	if (*o.subject && (o.all || o.last))
		return cmd_usage(v, "one order, or --all of them");
	*ret_options = o;
	return 0;
}

static int ask(enum msg_ask_what what, const struct status_options *o, print_fn print)
{
	struct dynbuf answer = {0};
	char ended[24] = "";
	int code = 0;
	if (o->all || o->last)
		snprintf(ended, sizeof(ended), "%" PRIu64, o->last ? o->last : ENDED_SHOWN);
	struct msg_ask m = {
	    .id = 1, .what = (uint8_t)what, .subject = text_of(o->subject), .option = text_of(ended)};
	if (control_ask(o->socket, &m, &answer, &code) < 0)
		code = CMD_EXIT_FAILED;
	else if (control_tell_refusal(&answer, o->json))
		code = code ? code : CMD_EXIT_FAILED;
	else if (o->json)
		fwrite(answer.p, 1, answer.n, stdout);
	else
		print(&answer, stdout, cmd_colour());
	dynbuf_free(&answer);
	return code;
}

#define COMMON                                                                                               \
	"      --socket PATH   of the control socket; default " CONTROL_SOCKET "\n"                          \
	"  -j, --json          the JSON of doc/json.md\n"

static int status(int argc, char **argv)
{
	struct status_options o = {.subject = ""};
	int code = parse(&cmd_status, argc, argv, false, &o);
	return code ? code : ask(MSG_ASK_STATUS, &o, live_print_status);
}

const struct cmd_verb cmd_status = {
    .name = "status",
    .arguments = "[--json]",
    .summary = "How bulkhead run is: what waits for you, what is cut, what leaks, what is lost",
    .help = COMMON "\nExit code: 0 it answers, 1 this user may not ask, 2 usage, 4 nobody answers.\n"
                   "\nExample:\n  bulkhead status\n  watch -n1 bulkhead status\n"
                   "  bulkhead status --json | jq '.sensors[].lost_packets'\n",
    .run = status,
};

static int orders(int argc, char **argv)
{
	struct status_options o = {.subject = ""};
	int code = parse(&cmd_orders, argc, argv, true, &o);
	return code ? code : ask(MSG_ASK_ORDERS, &o, *o.subject ? live_print_order : live_print_orders);
}

const struct cmd_verb cmd_orders = {
    .name = "orders",
    .arguments = "[--json] [--all | --last N | ORDER]",
    .summary = "The orders that stand, those that ended, or one with all that was done to it",
    .help = "  -a, --all           also the 50 that ended last\n"
            "  -l, --last N        also the N that ended last, up to 1000\n" COMMON
            "\nExit code: 0 fine, 1 there is no such order or this user may not ask, 2 usage, 4 nobody "
            "answers.\n"
            "\nExample:\n  bulkhead orders\n  bulkhead orders 12\n",
    .run = orders,
};
