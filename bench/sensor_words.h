/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_SENSOR_WORDS_H
#define BENCH_SENSOR_WORDS_H

/*
 * What is said in the short flows: DNS messages, TLS handshakes, HTTP requests and answers, as bytes. Each is
 * appended to a buffer that has the room; all that varies is drawn from `state` (bench/draw.h).
 */

#include <stddef.h>
#include <stdint.h>

enum { NAMES = 300000, CERTIFICATES = 2000, WORDS_MAX = 12288 };

struct words {
	uint8_t *p;
	size_t n;
};

/* A name that servers have: "www.<domain>" and the like; `domain` below NAMES. With a label of its own for
 * `own` != 0. */
void words_name(char *buf, size_t size, uint32_t domain, uint64_t own);

/* A question and, to it, an answer of that many records (0: no such name, or nothing of that type). */
void words_dns(struct words *question, struct words *answer, const char *name, uint64_t *state);
void words_ntp(struct words *w, uint8_t mode, uint64_t *state);
void words_http_request(struct words *w, const char *host, uint64_t *state);
void words_http_answer(struct words *w, uint64_t *state);

/* Makes the certificates that servers show; once, before the others. */
void words_certificates_make(void);

/*
 * The flights of a handshake and one exchange under it. Version 1.3, 1.2, or 1.2 resumed: what TLS_ says.
 * Client: hello, finish, request. Server: hello (with certificate), finish, answer.
 */
enum tls { TLS_13, TLS_12, TLS_12_RESUMED };

void words_tls_hello(struct words *w, const char *name, enum tls version, uint64_t *state);
void words_tls_server(struct words *w, enum tls version, uint32_t domain, uint64_t *state);
void words_tls_client_finish(struct words *w, enum tls version, uint64_t *state);
void words_tls_server_finish(struct words *w, enum tls version, uint64_t *state);
/* Application data of n bytes. */
void words_tls_data(struct words *w, size_t n, uint64_t *state);

#endif
