/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `bulkhead ledger` consistency, cosign, add: a witness is asked, answers, and its answer is taken. */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "archive/archive.h"
#include "base/err.h"
#include "base/log.h"
#include "cmd/files.h"
#include "cmd/folder.h"
#include "cmd/ledger.h"
#include "cmd/trust.h"
#include "ledger/file.h"
#include "ledger/ledger.h"
#include "ledger/witness.h"

enum { REQUEST_MAX = NOTE_SIZE_MAX + 8192 };

static int write_request(const char *name, int folder, uint64_t old)
{
	struct ledger *l = NULL;
	struct dynbuf note = {.max = NOTE_SIZE_MAX}, out = {.max = REQUEST_MAX};
	/* the checkpoint before the log, which never lacks what a checkpoint is of */
	int r = ledger_read_note(folder, name, 0, &note);
	if (r < 0)
		goto end;
	r = ledger_open(&l, folder, false, NULL);
	if (r == 0)
		r = witness_request(&out, ledger_leaves(l), ledger_entries(l), old, dynbuf_view(&note));
	if (r == -EINVAL)
		log_error(
		    "%s: the latest checkpoint has fewer than %" PRIu64
		    " entries, or more than the ledger: nothing leads from there; was the archive restored?",
		    name, old);
	else if (r < 0)
		log_error("%s: its ledger: %s", name, err_text(r));
end:
	ledger_close(l);
	int code = r == 0 ? ledger_print(&out) : r == -EINVAL ? CMD_EXIT_FOUND : CMD_EXIT_FAILED;
	dynbuf_free(&note);
	dynbuf_free(&out);
	return code;
}

int ledger_consistency_main(int argc, char **argv)
{
	uint64_t old;
	int folder;
	if (argc != 3)
		return cmd_usage(&cmd_ledger, "consistency: an archive and a SIZE are wanted");
	int code = ledger_parse_size(argv[0], argv[2], &old);
	if (code)
		return code;
	if (ledger_open_folder(argv[1], &folder) < 0)
		return CMD_EXIT_FAILED;
	code = write_request(argv[1], folder, old);
	close(folder);
	return code;
}

/* --- cosign --- */

struct cosigning {
	const char *request, *key, *state, *origin;
	struct trust log;
};

static int parse_cosign(int argc, char **argv, struct cosigning *c)
{
	static const struct option longs[] = {{"key", required_argument, NULL, 'k'},
	    {"log", required_argument, NULL, 'l'}, {"state", required_argument, NULL, 's'},
	    {"origin", required_argument, NULL, 'o'}, {NULL, 0, NULL, 0}};
	opterr = 0;
	optind = 1;
	for (int o; (o = getopt_long(argc, argv, "k:l:s:o:", longs, NULL)) != -1;) {
		switch (o) {
		case 'k': c->key = optarg; break;
		case 's': c->state = optarg; break;
		case 'o': c->origin = optarg; break;
		case 'l':
			if (trust_add_keys(&c->log, optarg) < 0)
				return CMD_EXIT_USAGE;
			break;
		default: return cmd_usage(&cmd_ledger, "cosign: '%s' is not understood", argv[optind - 1]);
		}
	}
	if (argc - optind != 1)
		return cmd_usage(&cmd_ledger, "cosign: one request is wanted ('-': standard input)");
	if (!c->key || !c->state || !c->log.n_keys)
		return cmd_usage(&cmd_ledger, "cosign: %s is missing",
		    !c->key     ? "--key WITNESSKEY"
		    : !c->state ? "--state FILE"
		                : "--log VKEY");
	c->request = argv[optind];
	return 0;
}

/* The folder of the state and its name there; the lock on the folder keeps two witnesses with one key from
 * answering at once. */
static int open_state(const char *path, int *ret_folder, const char **ret_name)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int n = slash == path ? 1 : slash ? (int)(slash - path) : 0;
	*ret_name = slash ? slash + 1 : path;
	if (snprintf(folder, sizeof(folder), "%.*s", n ? n : 1, n ? path : ".") >= (int)sizeof(folder))
		return -ENAMETOOLONG;
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	*ret_folder = fd;
	return 0;
}

static int read_state(int folder, const char *name, struct dynbuf *out)
{
	int fd, r = ledger_file_open(folder, name, O_RDONLY, &fd);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = ledger_file_read_all(fd, out);
	close(fd);
	return r;
}

/* What stands behind the first empty line. */
static struct text behind_empty_line(struct text t)
{
	size_t n;
	do {
		n = text_find(t, '\n');
		t = text_sub(t, n + 1, t.n);
	} while (n && t.n);
	return t;
}

/* The log that the witness follows: as it is told, or that of the last checkpoint, or the first that it sees.
 */
static int find_origin(
    const struct cosigning *c, struct text last, struct text request, struct text *ret_origin)
{
	struct note note;
	struct checkpoint seen = {.origin = text_of(c->origin)};
	int r = 0;
	if (!c->origin)
		r = checkpoint_parse_note(last.n ? last : behind_empty_line(request), &note, &seen, NULL);
	*ret_origin = seen.origin;
	return r;
}

static int tell_refused(const struct cosigning *c, struct text last, int r)
{
	struct note note;
	struct checkpoint seen = {0};
	if (r == -EAGAIN) {
		if (last.n)
			(void)checkpoint_parse_note(last, &note, &seen, NULL);
		log_error(
		    "%s: it doesn't begin at the %" PRIu64
		    " entries that were cosigned last; ask again: bulkhead ledger consistency DIR %" PRIu64,
		    c->request, seen.size, seen.size);
		return CMD_EXIT_FOUND;
	}
	if (r == -ERR_CHECKSUM)
		log_error(
		    "%s: REFUSED: it contradicts the checkpoint in %s, or has a bad signature: the log was "
		    "rewritten",
		    c->request, c->state);
	else if (r == -EACCES)
		log_error("%s: REFUSED: not signed by the log's key, or of another log", c->request);
	else if (r == -ERR_MALFORMED)
		log_error("%s: this is no request, or %s holds no checkpoint", c->request, c->state);
	else
		log_error("%s: %s", c->request, err_text(r));
	return r == -ERR_CHECKSUM || r == -EACCES || r == -ERR_MALFORMED ? CMD_EXIT_FOUND : CMD_EXIT_FAILED;
}

static int cosign(const struct cosigning *c, const struct ledger_key *key, struct text request)
{
	struct dynbuf last = {.max = NOTE_SIZE_MAX}, line = {0};
	struct text note, origin;
	const char *name;
	int folder = -1, r = open_state(c->state, &folder, &name);
	if (r < 0) {
		log_error("%s: %s", c->state, err_text(r));
		return CMD_EXIT_FAILED;
	}
	r = read_state(folder, name, &last);
	if (r == 0)
		r = find_origin(c, dynbuf_view(&last), request, &origin);
	if (r == 0)
		r = witness_cosign(key, c->log.keys, c->log.n_keys, origin, dynbuf_view(&last), request,
		    (uint64_t)time(NULL), &line, &note);
	int code = r < 0 ? tell_refused(c, dynbuf_view(&last), r) : CMD_EXIT_FINE;
	if (r == 0) {
		/* kept before it is given away: what was cosigned is never forgotten */
		r = ledger_file_replace(folder, name, note);
		if (r < 0)
			log_error("%s: %s; nothing was cosigned", c->state, err_text(r));
		code = r < 0 ? CMD_EXIT_FAILED : ledger_print(&line);
	}
	close(folder);
	dynbuf_free(&last);
	dynbuf_free(&line);
	return code;
}

int ledger_cosign_main(int argc, char **argv)
{
	struct cosigning c = {0};
	struct ledger_key *key;
	struct dynbuf request = {.max = REQUEST_MAX + (1 << 17)};
	int code = parse_cosign(argc, argv, &c);
	if (code)
		return code;
	if (trust_read_key(c.key, true, &key) < 0)
		return CMD_EXIT_USAGE;
	code = CMD_EXIT_FAILED;
	if (ledger_read_file(c.request, REQUEST_MAX, &request) == 0)
		code = cosign(&c, key, dynbuf_view(&request));
	dynbuf_free(&request);
	ledger_key_free(key);
	return code;
}

/* --- add --- */

struct adding {
	const char *folder, *lines;
	struct trust trust;
	uint64_t size;
};

static int parse_add(int argc, char **argv, struct adding *a)
{
	static const struct option longs[] = {{"witness", required_argument, NULL, 'w'},
	    {"size", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
	int code = 0;
	opterr = 0;
	optind = 1;
	for (int o; code == 0 && (o = getopt_long(argc, argv, "w:s:", longs, NULL)) != -1;) {
		switch (o) {
		case 'w': code = trust_add_witnesses(&a->trust, optarg) < 0 ? CMD_EXIT_USAGE : 0; break;
		case 's': code = ledger_parse_size(argv[0], optarg, &a->size); break;
		default: return cmd_usage(&cmd_ledger, "add: '%s' is not understood", argv[optind - 1]);
		}
	}
	if (code)
		return code;
	if (argc - optind != 2)
		return cmd_usage(&cmd_ledger,
		    "add: an archive and a file of cosignatures are wanted ('-': standard "
		    "input)");
	if (!a->trust.n_witnesses)
		return cmd_usage(&cmd_ledger, "add: --witness VKEY is missing");
	a->folder = argv[optind];
	a->lines = argv[optind + 1];
	return 0;
}

/* Of the lines those of the witnesses: what they sent may be a whole checkpoint, with the log's own
 * signature. */
static void take_lines(const struct adding *a, struct text all, struct dynbuf *out)
{
	while (all.n) {
		struct text line = text_sub(all, 0, text_find(all, '\n') + 1);
		struct note_signature s;
		bool known = false;
		if (note_parse_signature(line, &s) == 0)
			for (size_t i = 0; i < a->trust.n_witnesses; i++)
				known = known ||
				        (text_equal(s.name, text_of(a->trust.witnesses[i].name)) &&
				            memcmp(s.id, a->trust.witnesses[i].id, sizeof(s.id)) == 0);
		if (known)
			dynbuf_text(out, line);
		all = text_sub(all, line.n, all.n);
	}
}

static int add(const struct adding *a, struct archive *archive, struct text lines)
{
	int r = ledger_cosign(
	    archive_ledger(archive), a->size, lines, a->trust.witnesses, a->trust.n_witnesses);
	if (r == -ERR_CHECKSUM)
		log_error("%s: a cosignature isn't of this checkpoint; if it is of an earlier one, say "
		          "which: --size "
		          "SIZE",
		    a->lines);
	else if (r == -ENOENT)
		log_error("%s: there is no such checkpoint", a->folder);
	else if (r < 0)
		log_error("%s: %s", a->folder, err_text(r));
	return r == -ERR_CHECKSUM ? CMD_EXIT_FOUND : r < 0 ? CMD_EXIT_FAILED : CMD_EXIT_FINE;
}

int ledger_add_main(int argc, char **argv)
{
	struct adding a = {0};
	struct archive *archive;
	struct dynbuf bytes = {.max = NOTE_SIZE_MAX + (1 << 17)}, lines = {0}, note = {0};
	int code = parse_add(argc, argv, &a);
	if (code)
		return code;
	code = ledger_read_file(a.lines, NOTE_SIZE_MAX, &bytes) < 0 ? CMD_EXIT_FAILED : CMD_EXIT_FINE;
	take_lines(&a, dynbuf_view(&bytes), &lines);
	if (code == CMD_EXIT_FINE && !lines.n) {
		log_error("%s: there is no cosignature of these witnesses in it", a.lines);
		code = CMD_EXIT_FOUND;
	}
	if (code == CMD_EXIT_FINE && ledger_open_archive(&archive, a.folder) < 0) {
		code = CMD_EXIT_FAILED;
	} else if (code == CMD_EXIT_FINE) {
		code = add(&a, archive, dynbuf_view(&lines));
		if (code == CMD_EXIT_FINE &&
		    ledger_read_note(archive_folder_fd(archive), a.folder, a.size, &note) == 0)
			code = ledger_print(&note);
		code = ledger_close_archive(archive, a.folder, code);
	}
	dynbuf_free(&bytes);
	dynbuf_free(&lines);
	dynbuf_free(&note);
	return code;
}
