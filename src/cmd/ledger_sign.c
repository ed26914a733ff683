/* SPDX-License-Identifier: GPL-2.0-or-later */

/* `bulkhead ledger` key, checkpoint, sign, rotate: what the one does who answers for the archive. */

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "archive/archive.h"
#include "base/err.h"
#include "base/log.h"
#include "cmd/ledger.h"
#include "cmd/trust.h"
#include "ledger/history.h"
#include "ledger/ledger.h"

static int make_key(const char *name, const char *path, bool witness)
{
	char public[PATH_MAX], text[LEDGER_KEY_TEXT_SIZE];
	struct ledger_key *key;
	const char *failed = name;
	if (snprintf(public, sizeof(public), "%s.pub", path) >= (int)sizeof(public))
		return cmd_usage(&cmd_ledger, "key: the file's name is too long");
	int r = ledger_key_generate(&key, witness ? LEDGER_KEY_WITNESS : LEDGER_KEY_SIGNER, text_of(name));
	if (r == -EINVAL)
		return cmd_usage(&cmd_ledger,
		    "key: '%s' can't name a key; write 1 to %d letters, digits and signs without blanks and "
		    "\"+\", "
		    "as archive.example.org/bulkhead",
		    name, LEDGER_KEY_NAME_MAX);
	if (r == 0) {
		/* the public half first: a private key that lacks it would be there for nothing */
		failed = public;
		r = access(path, F_OK) == 0 ? -EEXIST
		                            : ledger_verifier_write(ledger_key_verifier(key), public);
		failed = r == -EEXIST && access(path, F_OK) == 0 ? path : failed;
		if (r == 0) {
			failed = path;
			r = ledger_key_write(key, path);
			if (r < 0)
				unlink(public);
		}
		if (r == 0)
			printf("%s\n", ledger_verifier_print(ledger_key_verifier(key), text));
		ledger_key_free(key);
	}
	if (r < 0)
		log_error("%s: %s", failed, ledger_key_error(r));
	return r < 0 ? CMD_EXIT_FAILED : CMD_EXIT_FINE;
}

int ledger_key_main(int argc, char **argv)
{
	static const struct option longs[] = {{"witness", no_argument, NULL, 'w'}, {NULL, 0, NULL, 0}};
	bool witness = false;
	opterr = 0;
	optind = 1;
	for (int c; (c = getopt_long(argc, argv, "w", longs, NULL)) != -1;) {
		if (c != 'w')
			return cmd_usage(&cmd_ledger, "key: '%s' is not understood", argv[optind - 1]);
		witness = true;
	}
	if (argc - optind != 2)
		return cmd_usage(&cmd_ledger, "key: NAME and FILE are wanted");
	return make_key(argv[optind], argv[optind + 1], witness);
}

int ledger_checkpoint_main(int argc, char **argv)
{
	struct dynbuf note = {0};
	int folder, code = CMD_EXIT_FAILED;
	if (argc != 2)
		return cmd_usage(&cmd_ledger, "checkpoint: one archive is wanted");
	if (ledger_open_folder(argv[1], &folder) < 0)
		return CMD_EXIT_FAILED;
	if (ledger_read_note(folder, argv[1], 0, &note) == 0)
		code = ledger_print(&note);
	close(folder);
	dynbuf_free(&note);
	return code;
}

struct signing {
	const char *folder;
	struct ledger_key *keys[LEDGER_KEYS_MAX], *next;
	size_t n;
};

static int add_key(struct signing *s, const char *path)
{
	if (s->n == LEDGER_KEYS_MAX) {
		log_error("more than %d keys", LEDGER_KEYS_MAX);
		return -ERR_LIMIT;
	}
	int r = trust_read_key(path, false, &s->keys[s->n]);
	s->n += r == 0;
	return r;
}

static int add_site_key(struct signing *s, const char *site)
{
	char path[PATH_MAX];
	int r = trust_site_key(site, path, sizeof(path));
	return r < 0 ? r : add_key(s, path);
}

static int parse(int argc, char **argv, bool rotate, struct signing *s)
{
	static const struct option longs[] = {{"key", required_argument, NULL, 'k'},
	    {"site", required_argument, NULL, 's'}, {"new", required_argument, NULL, 'n'},
	    {NULL, 0, NULL, 0}};
	int r = 0;
	opterr = 0;
	optind = 1;
	for (int c; r == 0 && (c = getopt_long(argc, argv, rotate ? "k:s:n:" : "k:s:", longs, NULL)) != -1;) {
		switch (c) {
		case 'k': r = add_key(s, optarg); break;
		case 's': r = add_site_key(s, optarg); break;
		case 'n':
			if (rotate && !s->next)
				r = trust_read_key(optarg, false, &s->next);
			else
				return cmd_usage(&cmd_ledger, "%s: --new is for rotate, once", argv[0]);
			break;
		default:
			return cmd_usage(
			    &cmd_ledger, "%s: '%s' is not understood", argv[0], argv[optind - 1]);
		}
	}
	if (r < 0)
		return CMD_EXIT_USAGE;
	if (argc - optind != 1)
		return cmd_usage(&cmd_ledger, "%s: one archive is wanted", argv[0]);
	if (!s->n)
		return cmd_usage(&cmd_ledger, "%s: --key FILE is missing", argv[0]);
	if (rotate && !s->next)
		return cmd_usage(&cmd_ledger, "rotate: --new FILE is missing");
	s->folder = argv[optind];
	return 0;
}

static void free_keys(struct signing *s)
{
	for (size_t i = 0; i < s->n; i++)
		ledger_key_free(s->keys[i]);
	ledger_key_free(s->next);
}

/* Prints what it has come to. */
static int print_latest(struct archive *a, const char *folder)
{
	struct dynbuf note = {0};
	int r = ledger_read_note(archive_folder_fd(a), folder, 0, &note);
	int code = r < 0 ? CMD_EXIT_FAILED : ledger_print(&note);
	dynbuf_free(&note);
	return code;
}

static int sign(struct archive *a, const struct signing *s)
{
	int r = archive_sign(a);
	if (r < 0) {
		log_error("%s: can't be signed: %s", s->folder, err_text(r));
		return CMD_EXIT_FAILED;
	}
	return CMD_EXIT_FINE;
}

int ledger_sign_main(int argc, char **argv)
{
	struct signing s = {0};
	struct archive *a;
	int code = parse(argc, argv, false, &s);
	if (code == 0 && ledger_open_archive(&a, s.folder) < 0) {
		code = CMD_EXIT_FAILED;
	} else if (code == 0) {
		archive_use_keys(a, (const struct ledger_key *const *)s.keys, s.n);
		code = sign(a, &s);
		if (code == CMD_EXIT_FINE)
			code = print_latest(a, s.folder);
		code = ledger_close_archive(a, s.folder, code);
	}
	free_keys(&s);
	return code;
}

/* Handing over from a key that never signed would convince nobody, and couldn't be taken back. */
static int check_old(struct archive *a, const struct signing *s)
{
	struct ledger_verifier keys[LEDGER_KEYS_MAX];
	struct ledger_trust trust = {.keys = keys, .n_keys = s->n};
	struct checkpoint_verdict v;
	struct checkpoint c;
	struct note note;
	struct dynbuf bytes = {0};
	for (size_t i = 0; i < s->n; i++)
		keys[i] = *ledger_key_verifier(s->keys[i]);
	int r = history_latest(archive_folder_fd(a), &bytes);
	if (r == 0)
		r = checkpoint_parse_note(dynbuf_view(&bytes), &note, &c, NULL);
	if (r == 0)
		r = checkpoint_verify(&note, &trust, &v);
	dynbuf_free(&bytes);
	if (r == -ENOENT)
		log_error(
		    "%s: nothing was signed yet; begin with the new key: bulkhead ledger sign %s --key NEW",
		    s->folder, s->folder);
	else if (r == -EACCES || r == -ERR_CHECKSUM)
		log_error(
		    "%s: the latest checkpoint isn't signed by the key given as --key, so that can't hand "
		    "over",
		    s->folder);
	else if (r < 0)
		log_error("%s: its checkpoint: %s", s->folder, err_text(r));
	return r == -EACCES || r == -ERR_CHECKSUM ? CMD_EXIT_FOUND : r < 0 ? CMD_EXIT_FAILED : CMD_EXIT_FINE;
}

static int rotate(struct archive *a, struct signing *s)
{
	int code = check_old(a, s);
	archive_use_keys(a, (const struct ledger_key *const *)s->keys, s->n);
	if (code == CMD_EXIT_FINE)
		code = sign(a, s);
	if (code != CMD_EXIT_FINE)
		return code;
	int r = ledger_rotate(archive_ledger(a), (const struct ledger_key *const *)s->keys, s->n, s->next);
	if (r < 0) {
		log_error("%s: can't be handed over: %s", s->folder, err_text(r));
		return CMD_EXIT_FAILED;
	}
	/* what closing enters is the new key's */
	archive_use_keys(a, (const struct ledger_key *const *)&s->next, 1);
	return print_latest(a, s->folder);
}

int ledger_rotate_main(int argc, char **argv)
{
	struct signing s = {0};
	struct archive *a;
	int code = parse(argc, argv, true, &s);
	if (code == 0 && ledger_open_archive(&a, s.folder) < 0) {
		code = CMD_EXIT_FAILED;
	} else if (code == 0) {
		code = rotate(a, &s);
		if (code != CMD_EXIT_FINE)
			archive_use_keys(a, NULL, 0);
		code = ledger_close_archive(a, s.folder, code);
	}
	free_keys(&s);
	return code;
}
