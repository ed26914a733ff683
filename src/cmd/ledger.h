/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_LEDGER_H
#define CMD_LEDGER_H

/* What the parts of `bulkhead ledger` share: ledger_*.c. */

#include "base/dynbuf.h"
#include "cmd/cmd.h"

extern const struct cmd_verb cmd_ledger;

/* The parts: argv[0] is the part's name. They return exit codes. */
int ledger_key_main(int argc, char **argv);
int ledger_checkpoint_main(int argc, char **argv);
int ledger_sign_main(int argc, char **argv);
int ledger_rotate_main(int argc, char **argv);
int ledger_consistency_main(int argc, char **argv);
int ledger_cosign_main(int argc, char **argv);
int ledger_add_main(int argc, char **argv);
int ledger_stamp_main(int argc, char **argv);

struct archive;
struct option;

/* The archive that is meant by a folder, for writing; an error is told. */
int ledger_open_archive(struct archive **ret_archive, const char *folder);
/* Closes; an error is told. Returns the exit code, FAILED where closing failed. */
int ledger_close_archive(struct archive *a, const char *folder, int code);
/* The folder of that archive; an error is told. */
int ledger_open_folder(const char *folder, int *ret_fd);
/* The checkpoint of a size, 0: the latest, as stored; an error is told. */
int ledger_read_note(int folder, const char *name, uint64_t size, struct dynbuf *out);
/* A number of entries. USAGE, told; else 0. */
int ledger_parse_size(const char *part, const char *value, uint64_t *ret_size);
/* All of a file, or of standard input ("-"); an error is told. */
int ledger_read_file(const char *path, size_t max, struct dynbuf *out);
/* Prints bytes to standard output. An exit code. */
int ledger_print(const struct dynbuf *b);

#endif
