/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEDGER_POST_H
#define LEDGER_POST_H

/*
 * One HTTP POST, by libcurl: to a time-stamping authority or a witness. The only part of the ledger that uses
 * the network. http and https alone, certificates of https checked (against the system's authorities, or
 * those of a file and no others), no redirects, POST_CONNECT_S seconds to connect and POST_TOTAL_S in all,
 * `max` bytes of answer.
 */

#include "base/dynbuf.h"

enum { POST_CONNECT_S = 10, POST_TOTAL_S = 30, POST_ERROR_SIZE = 256 };

/*
 * Posts `body` and appends the answer's body, at most max bytes. 0; -EINVAL (another scheme, or no URL),
 * -EHOSTUNREACH (no connection), -ETIMEDOUT, -ERR_LIMIT (a longer answer), -EPROTO (a status other than 200,
 * or anything else that went wrong), -ENOMEM. *ret_status (may be NULL): the HTTP status, 0 where none came;
 * the body of an answer with another status than 200 is appended too. error: POST_ERROR_SIZE bytes, a
 * sentence where it failed. tls_ca: a file of certificates (PEM); NULL: the system's.
 */
int post(const char *url, const char *tls_ca, const char *content_type, struct text body, size_t max,
    struct dynbuf *out, long *ret_status, char *error);

#endif
