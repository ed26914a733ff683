/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FUZZ_LEDGER_KEYS_H
#define FUZZ_LEDGER_KEYS_H

/* The keys that the seeds in corpus/ are signed with: one that golang.org/x/mod/sumdb/note publishes with its
 * secret, and a witness's of the same secret. */

#define FUZZ_LOG_KEY     "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define FUZZ_LOG_PRIVATE "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
#define FUZZ_WITNESS_KEY "witness.example+5e3ffbc9+BBpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define FUZZ_WITNESS_PRIVATE                                                                                 \
	"PRIVATE+KEY+witness.example+5e3ffbc9+BIEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"

#endif
