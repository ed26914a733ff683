/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "archive/archive.h"
#include "base/err.h"
#include "base/log.h"
#include "base/num.h"
#include "cmd/files.h"
#include "cmd/folder.h"
#include "ledger/history.h"

static const struct part {
	const char *name;
	int (*run)(int argc, char **argv);
} parts[] = {
    {"key", ledger_key_main},
    {"checkpoint", ledger_checkpoint_main},
    {"sign", ledger_sign_main},
    {"rotate", ledger_rotate_main},
    {"consistency", ledger_consistency_main},
    {"cosign", ledger_cosign_main},
    {"add", ledger_add_main},
    {"stamp", ledger_stamp_main},
};

int ledger_open_archive(struct archive **ret_archive, const char *folder)
{
	char path[PATH_MAX];
	int r = folder_archive(folder, path, sizeof(path));
	if (r == 0)
		r = archive_open(ret_archive, path, true);
	if (r == -EBUSY)
		log_error("%s: another program writes to this archive; wait until it is done", folder);
	else if (r == -ERR_CHECKSUM)
		log_error("%s: the ledger contradicts its own checkpoint, and nothing is added to it; "
		          "bulkhead verify "
		          "%s tells more",
		    folder, folder);
	else if (r < 0)
		log_error("%s: %s; an archive is wanted, or a CASE folder", folder, err_text(r));
	return r;
}

int ledger_close_archive(struct archive *a, const char *folder, int code)
{
	int r = archive_close(a);
	if (r < 0)
		log_error("%s: %s", folder, err_text(r));
	return r < 0 ? CMD_EXIT_FAILED : code;
}

int ledger_open_folder(const char *folder, int *ret_fd)
{
	char path[PATH_MAX];
	int r = folder_archive(folder, path, sizeof(path)), fd = -1;
	if (r == 0) {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = fd < 0 ? -errno : 0;
	}
	if (r < 0)
		log_error("%s: %s", folder, err_text(r));
	else
		*ret_fd = fd;
	return r;
}

int ledger_read_note(int folder, const char *name, uint64_t size, struct dynbuf *out)
{
	int r = size ? history_find(folder, size, out) : history_latest(folder, out);
	if (r == -ENOENT && size)
		log_error("%s: there is no checkpoint of %" PRIu64 " entries", name, size);
	else if (r == -ENOENT)
		log_error(
		    "%s: there is no checkpoint; sign first: bulkhead ledger sign %s --key FILE", name, name);
	else if (r < 0)
		log_error("%s: its checkpoint: %s", name, err_text(r));
	return r;
}

int ledger_parse_size(const char *part, const char *value, uint64_t *ret_size)
{
	if (num_parse_u64(text_of(value), INT64_MAX, ret_size) < 0)
		return cmd_usage(&cmd_ledger, "%s: '%s' is no number of entries", part, value);
	return 0;
}

int ledger_read_file(const char *path, size_t max, struct dynbuf *out)
{
	int r = file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, max, out);
	if (r < 0)
		log_error("%s: %s", path, err_text(r));
	return r;
}

int ledger_print(const struct dynbuf *b)
{
	return fwrite(b->p, 1, b->n, stdout) == b->n && fflush(stdout) == 0 ? CMD_EXIT_FINE : CMD_EXIT_FAILED;
}

static int run(int argc, char **argv)
{
	static const char known[] = "key, checkpoint, sign, rotate, consistency, cosign, add, stamp";
	if (argc < 2)
		return cmd_usage(&cmd_ledger, "what? one of %s", known);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (strcmp(argv[1], parts[i].name) == 0)
			return parts[i].run(argc - 1, argv + 1);
	return cmd_usage(&cmd_ledger, "'%s' is none of %s", argv[1], known);
}

const struct cmd_verb cmd_ledger = {
    .name = "ledger",
    .arguments = "key|checkpoint|sign|rotate|consistency|cosign|add|stamp ...",
    .summary = "Keys, checkpoints, witnesses and time stamps of an archive's ledger",
    .help =
        "DIR: an archive or a CASE folder.\n\n"
        "ledger key [--witness] NAME FILE\n"
        "    Makes a key: FILE is private, FILE.pub is for everybody. NAME: as "
        "archive.example.org/bulkhead.\n"
        "    --witness: one that cosigns others' checkpoints.\n\n"
        "ledger checkpoint DIR\n"
        "    Prints the latest checkpoint. Give it away: what it covers can't be changed unnoticed any "
        "more.\n\n"
        "ledger sign DIR --key FILE|--site SITE\n"
        "    Enters what isn't entered yet, and signs a checkpoint.\n\n"
        "ledger rotate DIR --key OLD --new NEW\n"
        "    Hands over to another key: from now on NEW signs.\n\n"
        "ledger consistency DIR SIZE\n"
        "    Prints the latest checkpoint with the proof that it extends that of SIZE entries, as a witness "
        "is\n"
        "    asked (C2SP tlog-witness). SIZE 0: a witness that has seen none yet.\n\n"
        "ledger cosign REQUEST --key WITNESSKEY --log VKEY --state FILE\n"
        "    For a witness: checks the request against the checkpoint kept in FILE, keeps the new one there, "
        "and\n"
        "    prints the cosignature. Refuses what doesn't extend what was cosigned before.\n\n"
        "ledger add DIR COSIGNATURES --witness VKEY [--size SIZE]\n"
        "    Checks cosignatures and adds them to the checkpoint.\n\n"
        "ledger stamp DIR --url URL --ca FILE | --site SITE [--tls-ca FILE]\n"
        "ledger stamp DIR --request FILE\n"
        "ledger stamp DIR --response FILE --ca FILE [--request FILE] [--size SIZE]\n"
        "    Has the latest checkpoint stamped by an authority of RFC 3161; or writes the request and takes "
        "the\n"
        "    response, where the network doesn't reach one. --ca: the certificates (PEM) that the stamp "
        "must\n"
        "    lead to; --tls-ca: those that an https server's must, instead of the system's.\n\n"
        "Keys should be held as doc/evidence.md says.\n\n"
        "Exit code: 0 done, 1 refused: something contradicts what was signed before, 2 usage, 4 failed.\n\n"
        "Examples:\n"
        "  bulkhead ledger key archive.example.org/bulkhead archive.key\n"
        "  bulkhead ledger sign CASE/ --key archive.key\n"
        "  bulkhead ledger checkpoint CASE/ | mail -s checkpoint cert@example.gov\n"
        "  bulkhead ledger consistency CASE/ 0 > request\n"
        "  bulkhead ledger cosign request --key witness.key --log archive.key.pub --state seen > line\n"
        "  bulkhead ledger add CASE/ line --witness witness.key.pub\n",
    .run = run,
};
