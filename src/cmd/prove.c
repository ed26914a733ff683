/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "archive/layout.h"
#include "base/dynbuf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "cmd/cmd.h"
#include "cmd/files.h"
#include "cmd/folder.h"
#include "cmd/trust.h"
#include "daemon/prove.h"

struct proving {
	const char *archive, *out;
	char **names; /* as a person wrote them */
	size_t n;
	struct prove_record *records;
	uint64_t size;
	struct trust receiver;
};

/* "17" or "detection:17". */
static int parse_record(const char *name, struct prove_record *ret_record)
{
	struct text t = text_of(name), kind = TEXT("flow");
	size_t colon = text_find(t, ':');
	if (colon < t.n) {
		kind = text_sub(t, 0, colon);
		t = text_sub(t, colon + 1, t.n);
	}
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++)
		if (archive_layout_of(i) && text_equal(kind, text_of(archive_layout_of(i)->name))) {
			ret_record->record = (uint16_t)i;
			return num_parse_u64(t, UINT64_MAX, &ret_record->id);
		}
	return -EINVAL;
}

static int parse(int argc, char **argv, struct proving *p)
{
	static const struct option longs[] = {{"archive", required_argument, NULL, 'a'},
	    {"out", required_argument, NULL, 'o'}, {"checkpoint", required_argument, NULL, 'c'},
	    {"receiver", required_argument, NULL, 'r'}, {NULL, 0, NULL, 0}};
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "a:o:c:r:", longs, NULL)) != -1;) {
		switch (c) {
		case 'a': p->archive = optarg; break;
		case 'o': p->out = optarg; break;
		case 'c':
			if (num_parse_u64(text_of(optarg), INT64_MAX, &p->size) < 0 || !p->size)
				return cmd_usage(&cmd_prove,
				    "--checkpoint '%s': wanted is its size, a number of entries", optarg);
			break;
		case 'r':
			if (trust_add_keys(&p->receiver, optarg) < 0)
				return CMD_EXIT_USAGE;
			break;
		default: return cmd_usage(&cmd_prove, "'%s' is not understood", argv[optind - 1]);
		}
	}
	p->names = argv + optind;
	p->n = (size_t)(argc - optind);
	if (p->n == 0)
		return cmd_usage(&cmd_prove, "which record?");
	if (!p->archive || !p->out)
		return cmd_usage(&cmd_prove, "%s is missing", p->archive ? "--out FILE" : "--archive DIR");
	if (p->receiver.n_keys > 1)
		return cmd_usage(&cmd_prove, "--receiver: one key, not %zu", p->receiver.n_keys);
	p->records = calloc(p->n, sizeof(*p->records));
	for (size_t i = 0; p->records && i < p->n; i++)
		if (parse_record(p->names[i], &p->records[i]) < 0)
			return cmd_usage(&cmd_prove,
			    "'%s' is no record: write its id, 17 for a flow, or its kind too: detection:17, "
			    "transaction:, binding:, coverage:",
			    p->names[i]);
	return p->records ? 0 : CMD_EXIT_FAILED;
}

static void tell(const struct proving *p, const struct prove_result *r, int error)
{
	const char *name = r->failed < p->n ? p->names[r->failed] : NULL, *folder = p->archive;
	const char *of_size = p->size ? " of that size" : "";
	char when[TIME_TEXT_SIZE];
	if (error == -ENOENT && name && r->drops)
		log_error(
		    "%s: there is no record %s. It may have been dropped on purpose: the ledger says so of "
		    "records of its kind %" PRIu64 " times, last in line %" PRIu64
		    " (%s). Their roots are still there, but without its bytes no record can be proven; "
		    "disclosures that were made before hold as ever",
		    folder, name, r->drops, r->drop_entry + 1, time_human(r->dropped_at, when));
	else if (error == -ENOENT && name)
		log_error("%s: there is no record %s", folder, name);
	else if (error == -ENODATA)
		log_error(
		    "%s: there is no signed checkpoint of its ledger%s; sign first: bulkhead ledger sign %s "
		    "--key FILE",
		    folder, of_size, folder);
	else if (error == -EAGAIN)
		log_error(
		    "%s: %s%s isn't under a checkpoint%s; sign first: bulkhead ledger sign %s --key FILE",
		    folder, name ? "record " : "one of the records", name ? name : "", of_size, folder);
	else if (error == -EACCES)
		log_error("%s: no checkpoint%s that covers the records is signed by the receiver's key, or "
		          "by one that "
		          "it handed over to",
		    folder, of_size);
	else if (error == -ERR_CHECKSUM)
		log_error(
		    "%s: the run of record %s isn't what the ledger says; bulkhead verify %s tells more",
		    folder,
		    name       ? name
		    : p->names ? p->names[0]
		               : "asked for",
		    folder);
	else
		log_error("%s: %s", folder, err_text(error));
}

static int render(void *context, FILE *out)
{
	const struct dynbuf *b = context;
	return fwrite(b->p, 1, b->n, out) == b->n ? 0 : -EIO;
}

static const char *s_of(size_t n)
{
	return n == 1 ? "" : "s";
}

static int work(const struct proving *p, struct archive *a)
{
	struct dynbuf bytes = {.max = DISCLOSURE_SIZE_MAX};
	struct prove_result result;
	struct prove_options options = {.records = p->records,
	    .n = p->n,
	    .size = p->size,
	    .receiver = p->receiver.n_keys ? &p->receiver.keys[0] : NULL};
	int r = prove(a, &options, &bytes, &result);
	if (r < 0) {
		tell(p, &result, r);
	} else {
		r = file_write_path(p->out, render, &bytes);
		if (r < 0)
			log_error("%s: %s", p->out, err_text(r));
	}
	if (r == 0)
		printf("%s: %zu record%s of %zu run%s, under the checkpoint of %" PRIu64
		       " entries (%zu signature%s%s)\n",
		    p->out, result.records, s_of(result.records), result.runs, s_of(result.runs), result.size,
		    result.signatures, s_of(result.signatures), result.stamped ? ", time-stamped" : "");
	dynbuf_free(&bytes);
	return r < 0 ? CMD_EXIT_FAILED : CMD_EXIT_FINE;
}

static int run(int argc, char **argv)
{
	struct proving p = {0};
	struct archive *a = NULL;
	char path[PATH_MAX];
	int code = parse(argc, argv, &p);
	if (code == 0) {
		int r = folder_archive(p.archive, path, sizeof(path));
		if (r == 0)
			r = archive_open(&a, path, false);
		if (r != 0) {
			log_error("%s: %s", p.archive, err_text(r));
			code = CMD_EXIT_FAILED;
		} else {
			code = work(&p, a);
			archive_close(a);
		}
	}
	free(p.records);
	return code;
}

const struct cmd_verb cmd_prove = {
    .name = "prove",
    .arguments = "RECORD... --archive DIR|CASE/ --out FILE [--receiver VKEY] [--checkpoint SIZE]",
    .summary = "Single records with the proof that the archive held them, for outsiders",
    .help = "Writes a disclosure: the records, byte by byte, their inclusion proofs and the signed "
            "checkpoint, and\n"
            "nothing else of the archive. Whoever has the verifier key checks it with 'bulkhead verify "
            "FILE', or\n"
            "with contrib/bulkhead-verify.py, and needs no archive. RECORD: the id of a flow, as all results "
            "cite\n"
            "them, or KIND:ID: transaction:, detection:, binding:, coverage:.\n\n"
            "  -a, --archive DIR      an archive or a CASE folder\n"
            "  -o, --out FILE         the disclosure\n"
            "  -r, --receiver VKEY    the verifier key that the receiver has, where the archive has handed "
            "over to\n"
            "                         another since: adds how\n"
            "  -c, --checkpoint SIZE  under the checkpoint of so many entries; without it the best witnessed "
            "one\n"
            "                         that covers the records\n\n"
            "What it proves, what not, and what it gives away: doc/evidence.md.\n\n"
            "Exit code: 0 done, 2 usage, 4 not proven; the reason is told.\n\n"
            "Example:\n"
            "  bulkhead prove 1742 detection:9 --archive CASE/ --out for-the-cert.json\n"
            "  bulkhead verify for-the-cert.json --key archive.key.pub\n",
    .run = run,
};
