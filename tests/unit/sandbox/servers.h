/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_SANDBOX_SERVERS_H
#define TESTS_SANDBOX_SERVERS_H

/* Who is at the other end: processes outside of any fence, in the world's namespaces. */

#include <openssl/ssl.h>

#include "inside.h"

enum { SERVERS_MAX = 4 };
#define SERVER_NAME "hook.example" /* whom the certificate is for, and the resolver knows */

struct servers {
	pid_t tls, names; /* 0: not running */
	uint16_t tls_port;
	SSL_CTX *server, *client;
};

/* Makes the certificate, answers HTTPS, and as root names too (/etc/resolv.conf is this world's own then). */
bool servers_start(struct servers *s, const struct world *w);
void servers_stop(struct servers *s);

/* Asks at the control socket, for the metrics, or with TLS, or just sends a datagram: a process that ends
 * with 0 where it was answered. */
enum client { CLIENT_CONTROL, CLIENT_METRICS, CLIENT_TLS, CLIENT_DATAGRAM };
pid_t client_start(const struct servers *s, const struct world *w, enum client what);

#endif
