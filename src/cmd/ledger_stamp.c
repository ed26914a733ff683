/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `bulkhead ledger stamp`: the latest checkpoint, stamped by an authority of RFC 3161. */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "cmd/files.h"
#include "cmd/ledger.h"
#include "cmd/trust.h"
#include "ledger/checkpoint.h"
#include "ledger/post.h"
#include "ledger/timestamp.h"

struct stamping {
	const char *folder, *url, *ca, *tls_ca, *request, *response, *site;
	char url_room[2049], ca_room[PATH_MAX];
	uint64_t size;
};

static void print_line(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "%s\n", line);
}

static int take_site(struct stamping *s)
{
	struct site *site;
	int r = site_read(&site, s->site, print_line, NULL);
	if (r < 0)
		return r;
	if (!site->ledger.stamp_url) {
		log_error("%s: its ledger section has no timestamps", s->site);
		r = -ERR_INVALID;
	} else {
		if (!s->url) {
			snprintf(s->url_room, sizeof(s->url_room), "%s", site->ledger.stamp_url);
			s->url = s->url_room;
		}
		if (!s->ca) {
			r = trust_beside(s->site, site->ledger.stamp_ca, s->ca_room, sizeof(s->ca_room));
			s->ca = s->ca_room;
		}
	}
	site_free(site);
	return r;
}

static int parse(int argc, char **argv, struct stamping *s)
{
	static const struct option longs[] = {{"url", required_argument, NULL, 'u'},
	    {"ca", required_argument, NULL, 'c'}, {"request", required_argument, NULL, 'q'},
	    {"response", required_argument, NULL, 'r'}, {"site", required_argument, NULL, 's'},
	    {"size", required_argument, NULL, 'n'}, {"tls-ca", required_argument, NULL, 't'},
	    {NULL, 0, NULL, 0}};
	int code = 0;
	opterr = 0;
	optind = 1;
	for (int o; code == 0 && (o = getopt_long(argc, argv, "u:s:", longs, NULL)) != -1;) {
		switch (o) {
		case 'u': s->url = optarg; break;
		case 'c': s->ca = optarg; break;
		case 'q': s->request = optarg; break;
		case 'r': s->response = optarg; break;
		case 's': s->site = optarg; break;
		case 't': s->tls_ca = optarg; break;
		case 'n': code = ledger_parse_size(argv[0], optarg, &s->size); break;
		default: return cmd_usage(&cmd_ledger, "stamp: '%s' is not understood", argv[optind - 1]);
		}
	}
	if (code)
		return code;
	if (argc - optind != 1)
		return cmd_usage(&cmd_ledger, "stamp: one archive is wanted");
	s->folder = argv[optind];
	if (s->site && take_site(s) < 0)
		return CMD_EXIT_USAGE;
	if (!s->url && !s->request && !s->response)
		return cmd_usage(
		    &cmd_ledger, "stamp: --url URL, --site SITE, --request FILE or --response FILE?");
	if (s->url && !s->site && (s->request || s->response))
		return cmd_usage(&cmd_ledger, "stamp: --url, or --request and --response by hand, not both");
	if ((s->response || !s->request) && !s->ca)
		return cmd_usage(
		    &cmd_ledger, "stamp: --ca FILE is missing: a stamp that nobody could check isn't kept");
	return 0;
}

/* Checks a response and keeps it. */
static int take_response(const struct stamping *s, int folder, const struct note *note, uint64_t size,
    struct text response, struct text request)
{
	char when[TIME_TEXT_SIZE];
	const char *why = "";
	int64_t time;
	int r = timestamp_verify(response, request, note->text, s->ca, &time, &why);
	if (r < 0) {
		log_error("%s: the authority's answer isn't kept: %s", s->folder, *why ? why : err_text(r));
		return r == -ERR_MALFORMED || r == -EACCES || r == -ERR_CHECKSUM ? CMD_EXIT_FOUND
		                                                                 : CMD_EXIT_FAILED;
	}
	r = timestamp_store(folder, size, response);
	if (r < 0) {
		log_error("%s: %s", s->folder, err_text(r));
		return CMD_EXIT_FAILED;
	}
	printf("%s: the checkpoint of %" PRIu64 " entries is stamped: %s\n", s->folder, size,
	    time_human(time, when));
	return CMD_EXIT_FINE;
}

static int ask(const struct stamping *s, int folder, const struct note *note, uint64_t size)
{
	char error[POST_ERROR_SIZE];
	struct dynbuf request = {0}, response = {.max = TIMESTAMP_MAX};
	int code = CMD_EXIT_FAILED;
	int r = timestamp_request(note->text, &request);
	if (r == 0) {
		r = post(s->url, s->tls_ca, "application/timestamp-query", dynbuf_view(&request),
		    TIMESTAMP_MAX, &response, NULL, error);
		if (r < 0)
			log_error("%s: %s", s->url, error);
		else
			code = take_response(
			    s, folder, note, size, dynbuf_view(&response), dynbuf_view(&request));
	} else {
		log_error("%s: %s", s->folder, err_text(r));
	}
	dynbuf_free(&request);
	dynbuf_free(&response);
	return code;
}

static int render(void *context, FILE *out)
{
	const struct dynbuf *b = context;
	return fwrite(b->p, 1, b->n, out) == b->n ? 0 : -EIO;
}

static int write_request(const struct stamping *s, const struct note *note)
{
	struct dynbuf request = {0};
	int r = timestamp_request(note->text, &request);
	if (r == 0)
		r = file_write_path(s->request, render, &request);
	dynbuf_free(&request);
	if (r < 0)
		log_error("%s: %s", s->request, err_text(r));
	return r < 0 ? CMD_EXIT_FAILED : CMD_EXIT_FINE;
}

static int read_response(const struct stamping *s, int folder, const struct note *note, uint64_t size)
{
	struct dynbuf request = {.max = 1 << 18}, response = {.max = 1 << 18};
	int code = CMD_EXIT_FAILED;
	if (ledger_read_file(s->response, TIMESTAMP_MAX, &response) == 0 &&
	    (!s->request || ledger_read_file(s->request, TIMESTAMP_MAX, &request) == 0))
		code = take_response(s, folder, note, size, dynbuf_view(&response), dynbuf_view(&request));
	dynbuf_free(&request);
	dynbuf_free(&response);
	return code;
}

int ledger_stamp_main(int argc, char **argv)
{
	struct stamping s = {0};
	struct dynbuf bytes = {.max = NOTE_SIZE_MAX};
	struct note note;
	struct checkpoint c;
	const char *why = "";
	int folder, code = parse(argc, argv, &s);
	if (code)
		return code;
	if (ledger_open_folder(s.folder, &folder) < 0)
		return CMD_EXIT_FAILED;
	code = CMD_EXIT_FAILED;
	if (ledger_read_note(folder, s.folder, s.size, &bytes) < 0)
		;
	else if (checkpoint_parse_note(dynbuf_view(&bytes), &note, &c, &why) < 0)
		log_error("%s: its checkpoint: %s", s.folder, why);
	else if (s.response)
		code = read_response(&s, folder, &note, c.size);
	else if (s.request)
		code = write_request(&s, &note);
	else
		code = ask(&s, folder, &note, c.size);
	close(folder);
	dynbuf_free(&bytes);
	return code;
}
