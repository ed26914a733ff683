/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_VERIFY_H
#define CMD_VERIFY_H

/* The two things that `bulkhead verify` looks at: an archive, and a disclosure of single records. */

#include "cmd/cmd.h"
#include "cmd/trust.h"

struct verify_options {
	const char *path;   /* of the archive */
	char *const *paths; /* of disclosures */
	size_t n_paths;
	const struct ledger_trust *trust;
	const char *checkpoint; /* file with one that was held elsewhere; NULL: none */
	const char *ca;
	bool files_only, json;
};

/* Both return exit codes: FOUND where something doesn't fit; of several disclosures the largest. */
int verify_archive(const struct verify_options *o);
int verify_disclosures(const struct verify_options *o);

#endif
