/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "servers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SERVER_S = 110, CLIENT_S = 20 };

static bool set_names(X509 *c)
{
	X509_NAME *name = X509_get_subject_name(c);
	X509_EXTENSION *alternative = X509V3_EXT_conf_nid(
	    NULL, NULL, NID_subject_alt_name, "DNS:" SERVER_NAME ",IP:127.0.0.1");
	bool done = alternative && X509_add_ext(c, alternative, -1) &&
	            X509_NAME_add_entry_by_txt(
	                name, "CN", MBSTRING_ASC, (const unsigned char *)SERVER_NAME, -1, -1, 0) &&
	            X509_set_issuer_name(c, name);
	X509_EXTENSION_free(alternative);
	return done;
}

/* A certificate that vouches for itself, for an hour. */
static bool make_contexts(struct servers *s, const struct world *w)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *c = X509_new();
	FILE *out = fopen(w->certificate, "we");
	bool done = key && c && out && X509_set_version(c, 2) &&
	            ASN1_INTEGER_set(X509_get_serialNumber(c), 1) &&
	            X509_gmtime_adj(X509_getm_notBefore(c), -60) &&
	            X509_gmtime_adj(X509_getm_notAfter(c), 3600) && X509_set_pubkey(c, key) && set_names(c) &&
	            X509_sign(c, key, EVP_sha256()) > 0 && PEM_write_X509(out, c);
	if (out && fclose(out) != 0)
		done = false;
	s->server = SSL_CTX_new(TLS_server_method());
	s->client = SSL_CTX_new(TLS_client_method());
	done = done && s->server && s->client && SSL_CTX_use_certificate(s->server, c) == 1 &&
	       SSL_CTX_use_PrivateKey(s->server, key) == 1 &&
	       SSL_CTX_load_verify_locations(s->client, w->certificate, NULL) == 1;
	if (done)
		SSL_CTX_set_verify(s->client, SSL_VERIFY_PEER, NULL);
	X509_free(c);
	EVP_PKEY_free(key);
	return done;
}

static void answer_tls(SSL_CTX *context, int fd)
{
	static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
	char asked[4096];
	SSL *tls = SSL_new(context);
	if (tls && SSL_set_fd(tls, fd) == 1 && SSL_accept(tls) == 1 &&
	    SSL_read(tls, asked, sizeof(asked)) > 0) {
		SSL_write(tls, reply, sizeof(reply) - 1);
		SSL_shutdown(tls);
	}
	SSL_free(tls);
	close(fd);
}

/* It ends by itself, whatever becomes of the test. */
static pid_t start(unsigned seconds)
{
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		signal(SIGPIPE, SIG_IGN);
		alarm(seconds);
	}
	return pid;
}

/* Any name is here; no name has an IPv6 address. The question is given back with one answer (RFC 1035 4.1).
 */
static void answer_names(int fd)
{
	static const unsigned char here[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1};
	unsigned char m[512 + sizeof(here)];
	struct sockaddr_in from;
	for (;;) {
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(fd, m, 512, 0, (struct sockaddr *)&from, &size);
		size_t end = 12;
		while (n > 12 && end < (size_t)n && m[end])
			end += m[end] + 1U;
		end += 5;
		if (n < 17 || end > (size_t)n)
			continue;
		bool ipv4 = m[end - 3] == 1;
		m[2] |= 0x80; /* an answer */
		memset(m + 6, 0, 6);
		m[7] = ipv4;
		if (ipv4)
			memcpy(m + end, here, sizeof(here));
		(void)!sendto(fd, m, end + (ipv4 ? sizeof(here) : 0), 0, (struct sockaddr *)&from, size);
	}
}

static bool start_names(struct servers *s, const struct world *w)
{
	struct sockaddr_in here = {
	    .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char path[PATH + 16];
	snprintf(path, sizeof(path), "%s/resolv.conf", w->folder);
	FILE *f = fopen(path, "we");
	if (!f || fputs("nameserver 127.0.0.1\n", f) < 0 || fclose(f) != 0 ||
	    mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL) < 0)
		return false;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0)
		return false;
	s->names = start(SERVER_S);
	if (s->names == 0)
		answer_names(fd);
	close(fd);
	return s->names > 0;
}

bool servers_start(struct servers *s, const struct world *w)
{
	*s = (struct servers){0};
	if (!make_contexts(s, w))
		return false;
	s->tls = start(SERVER_S);
	if (s->tls == 0)
		for (;;) {
			int fd = accept4(w->other_listening, NULL, NULL, SOCK_CLOEXEC);
			if (fd >= 0)
				answer_tls(s->server, fd);
		}
	s->tls_port = w->other_port;
	return s->tls > 0 && (!w->root || start_names(s, w));
}

void servers_stop(struct servers *s)
{
	pid_t pids[] = {s->tls, s->names};
	for (size_t i = 0; i < 2; i++)
		if (pids[i] > 0) {
			kill(pids[i], SIGKILL);
			waitpid(pids[i], NULL, 0);
		}
	SSL_CTX_free(s->server);
	SSL_CTX_free(s->client);
}

static int talk(int fd, const char *question)
{
	char answer[512];
	return write(fd, question, strlen(question)) < 0 || read(fd, answer, sizeof(answer)) <= 0;
}

static int talk_tls(SSL_CTX *context, int fd)
{
	char answer[512];
	SSL *tls = SSL_new(context);
	bool done = tls && SSL_set_fd(tls, fd) == 1 && SSL_connect(tls) == 1 &&
	            SSL_write(tls, "ask\n", 4) == 4 && SSL_read(tls, answer, sizeof(answer)) > 0;
	SSL_free(tls);
	return !done;
}

/* A connection to the one or the other, or no more than a datagram to where nobody listens; -1. */
static int reach(const struct world *w, enum client what)
{
	struct sockaddr_in there = {.sin_family = AF_INET,
	    .sin_port = htons(what == CLIENT_DATAGRAM ? 9 : w->port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	bool is_local = what == CLIENT_CONTROL;
	const struct sockaddr *to = is_local ? (const struct sockaddr *)&local
	                                     : (const struct sockaddr *)&there;
	snprintf(local.sun_path, sizeof(local.sun_path), "%.100s", w->control_path);
	int fd = socket(is_local ? AF_UNIX : AF_INET,
	    (what == CLIENT_DATAGRAM ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	return fd < 0 || connect(fd, to, is_local ? sizeof(local) : sizeof(there)) < 0 ? -1 : fd;
}

pid_t client_start(const struct servers *s, const struct world *w, enum client what)
{
	pid_t pid = start(CLIENT_S);
	if (pid != 0)
		return pid;
	int fd = reach(w, what);
	if (fd < 0)
		_exit(2);
	switch (what) {
	case CLIENT_CONTROL: _exit(talk(fd, "ask\n"));
	case CLIENT_METRICS: _exit(talk(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
	case CLIENT_TLS: _exit(talk_tls(s->client, fd));
	case CLIENT_DATAGRAM: _exit(write(fd, "x", 1) != 1);
	}
	_exit(3);
}
