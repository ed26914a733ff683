/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/verify.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/log.h"

static int parse(int argc, char **argv, struct trust *trust, struct verify_options *o)
{
	static const struct option longs[] = {{"key", required_argument, NULL, 'k'},
	    {"witness", required_argument, NULL, 'w'}, {"quorum", required_argument, NULL, 'q'},
	    {"checkpoint", required_argument, NULL, 'c'}, {"ca", required_argument, NULL, 'a'},
	    {"site", required_argument, NULL, 's'}, {"files", no_argument, NULL, 'f'},
	    {"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
	int r = 0;
	opterr = 0;
	for (int c; r == 0 && (c = getopt_long(argc, argv, "k:w:q:c:s:fj", longs, NULL)) != -1;) {
		switch (c) {
		case 'k': r = trust_add_keys(trust, optarg); break;
		case 'w': r = trust_add_witnesses(trust, optarg); break;
		case 'q': r = trust_set_quorum(trust, optarg); break;
		case 's': r = trust_add_site(trust, optarg); break;
		case 'c': o->checkpoint = optarg; break;
		case 'a': trust->ca = optarg; break;
		case 'f': o->files_only = true; break;
		case 'j': o->json = true; break;
		default: return cmd_usage(&cmd_verify, "'%s' is not understood", argv[optind - 1]);
		}
	}
	if (r < 0)
		return CMD_EXIT_USAGE;
	if (argc == optind)
		return cmd_usage(&cmd_verify, "which archive, CASE folder or disclosure?");
	o->paths = argv + optind;
	o->n_paths = (size_t)(argc - optind);
	return 0;
}

/* An archive is looked at alone: it can take long. */
static int find_archive(struct verify_options *o)
{
	struct stat st;
	for (size_t i = 0; i < o->n_paths; i++) {
		if (stat(o->paths[i], &st) < 0) {
			log_error("%s: %s", o->paths[i], err_text(-errno));
			return CMD_EXIT_FAILED;
		}
		if (S_ISDIR(st.st_mode) && o->n_paths > 1)
			return cmd_usage(&cmd_verify, "one archive at a time, and no disclosures beside it");
		if (S_ISDIR(st.st_mode))
			o->path = o->paths[i];
	}
	return 0;
}

static int run(int argc, char **argv)
{
	struct trust trust = {0};
	struct ledger_trust whom;
	struct verify_options o = {.trust = &whom};
	int code = parse(argc, argv, &trust, &o);
	if (code)
		return code;
	if (trust_done(&trust, &whom) < 0)
		return CMD_EXIT_USAGE;
	o.ca = trust.ca;
	code = find_archive(&o);
	if (code)
		return code;
	if (o.path)
		return verify_archive(&o);
	if (o.checkpoint || o.files_only)
		return cmd_usage(&cmd_verify, "%s is for an archive; %s is none",
		    o.checkpoint ? "--checkpoint" : "--files", o.paths ? o.paths[0] : "what was given");
	if (!whom.n_keys)
		return cmd_usage(&cmd_verify, "--key is missing: a disclosure is worth something only with a "
		                              "key that came from elsewhere");
	return verify_disclosures(&o);
}

const struct cmd_verb cmd_verify = {
    .name = "verify",
    .arguments = "[--key VKEY] [--checkpoint FILE] [--witness VKEY --quorum N] [--ca FILE] [--json] "
                 "DIR|CASE/|FILE...",
    .summary = "Whether an archive, or a disclosed record, is what its ledger says",
    .help =
        "DIR or CASE/: every record against the ledger, every segment file against its digest, the ledger\n"
        "against its checkpoints, and those against the key. Names the first record that doesn't fit, and\n"
        "everything else that was found. FILE...: disclosures that 'bulkhead prove' wrote; they need no "
        "archive.\n\n"
        "  -k, --key VKEY         verifier key, or a file of them, that came to you from elsewhere; without "
        "it\n"
        "                         an archive is checked for damage, not for forgery\n"
        "  -c, --checkpoint FILE  a checkpoint of this archive that was held elsewhere: nothing that it "
        "covers\n"
        "                         can have been changed since, not even by whoever stole the key\n"
        "  -w, --witness VKEY     verifier key of a witness, or a file of them; may be given more than once\n"
        "  -q, --quorum N         so many of the witnesses must have cosigned; without it all of them\n"
        "      --ca FILE          time stamps must lead to these certificates (PEM), and there must be one\n"
        "  -s, --site SITE        takes keys, witnesses, quorum and CA from the site file\n"
        "  -f, --files            only the digests of segment files, not every record: fast\n"
        "  -j, --json             the JSON of doc/json.md\n\n"
        "What it proves and what not: doc/evidence.md.\n\n"
        "Exit code: 0 all fits, 1 something doesn't, 2 usage, 4 can't be read.\n\n"
        "Examples:\n"
        "  bulkhead verify CASE/ --key archive.key.pub\n"
        "  bulkhead verify /var/lib/bulkhead/archive --key archive.key.pub --checkpoint monday.checkpoint\n"
        "  bulkhead verify record.json --key archive.key.pub --witness witness.pub\n",
    .run = run,
};
