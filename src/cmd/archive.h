/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_ARCHIVE_H
#define CMD_ARCHIVE_H

/* What the parts of `bulkhead archive` share: archive_*.c, one file a part. */

#include <stdint.h>

#include "archive/archive.h"
#include "cmd/cmd.h"

/* The parts: argv[0] is the part's name. They return exit codes. */
int archive_stat_main(int argc, char **argv);
int archive_export_main(int argc, char **argv);
int archive_import_main(int argc, char **argv);
int archive_compact_main(int argc, char **argv);
int archive_expire_main(int argc, char **argv);

/* The one argument that the options left over: DIR. Else CMD_EXIT_USAGE, explained. */
int archive_argument(int argc, char **argv, int first, const char **ret_folder);
/* Says why an archive can't be opened. */
void archive_explain(const char *folder, int error);
/* Opens; an error is explained and returned. */
int archive_open_told(struct archive **ret_archive, const char *folder, bool writable);
/* "flow,binding" as bits 1 << enum msg_record. CMD_EXIT_USAGE where there is no such kind, explained; else 0.
 */
int archive_parse_kinds(const char *list, uint64_t *ret_kinds);
/* RFC 3339, for an option of that name. CMD_EXIT_USAGE, explained; else 0. */
int archive_parse_time(const char *option, const char *value, int64_t *ret_time);

/* A line on a terminal about work that takes over a second. Zeroed struct = none yet. */
struct archive_progress {
	uint64_t done, total; /* records; total 0: not known */
	int64_t began_ns, drawn_ns;
	uint32_t calls;
	bool shown;
};

void archive_progress_step(struct archive_progress *p);
void archive_progress_end(struct archive_progress *p);

#endif
