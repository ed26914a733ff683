/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/link_tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sslerr.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

/* Certificates between one's own and the authority's, and bytes of all that the other end may send. */
enum { DEPTH_MAX = 4, CHAIN_BYTES_MAX = 32 << 10 };

int link_tls_begin(void)
{
	/* a context makes it fetch what it needs: ciphers, groups, signatures */
	SSL_CTX *c = OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS |
	                                  OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
	                 NULL) == 1
	                 ? SSL_CTX_new(TLS_method())
	                 : NULL;
	SSL_CTX_free(c);
	ERR_clear_error();
	return c ? 0 : -EIO;
}

static const char *last_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	return reason ? reason : "there is none in it";
}

static int fail(struct dynbuf *why, const char *what)
{
	dynbuf_printf(why, "the link's %s can't be used: %s\n", what, last_reason());
	ERR_clear_error();
	return -EINVAL;
}

static BIO *open_text(struct text t)
{
	return t.n <= INT_MAX ? BIO_new_mem_buf(t.p, (int)t.n) : NULL;
}

/* A key that asks for a passphrase asks nobody. */
static int no_passphrase(char *buf, int size, int writes, void *context)
{
	(void)buf;
	(void)size;
	(void)writes;
	(void)context;
	return -1;
}

static bool use_certificate(SSL_CTX *c, struct text pem)
{
	BIO *in = open_text(pem);
	X509 *own = in ? PEM_read_bio_X509(in, NULL, no_passphrase, NULL) : NULL;
	bool good = own && SSL_CTX_use_certificate(c, own) == 1;
	X509_free(own);
	for (X509 *next; good && (next = PEM_read_bio_X509(in, NULL, no_passphrase, NULL));)
		if (SSL_CTX_add0_chain_cert(c, next) != 1) {
			X509_free(next);
			good = false;
		}
	/* the end of the file is an error to the reader */
	if (good)
		ERR_clear_error();
	BIO_free(in);
	return good;
}

static bool use_key(SSL_CTX *c, struct text pem)
{
	BIO *in = open_text(pem);
	EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;
	bool good = key && SSL_CTX_use_PrivateKey(c, key) == 1 && SSL_CTX_check_private_key(c) == 1;
	EVP_PKEY_free(key);
	BIO_free(in);
	return good;
}

static bool use_authority(SSL_CTX *c, const X509_INFO *found, size_t *n)
{
	X509_STORE *store = SSL_CTX_get_cert_store(c);
	if (found->crl && (X509_STORE_add_crl(store, found->crl) != 1 ||
	                      X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK) != 1))
		return false;
	if (!found->x509)
		return true;
	(*n)++;
	/* a server names them to who connects, so that he can choose among certificates */
	return X509_STORE_add_cert(store, found->x509) == 1 && SSL_CTX_add_client_CA(c, found->x509) == 1;
}

static bool use_authorities(SSL_CTX *c, struct text pem)
{
	BIO *in = open_text(pem);
	STACK_OF(X509_INFO) *all = in ? PEM_X509_INFO_read_bio(in, NULL, no_passphrase, NULL) : NULL;
	size_t n = 0;
	bool good = all != NULL;
	for (int i = 0; good && i < sk_X509_INFO_num(all); i++)
		good = use_authority(c, sk_X509_INFO_value(all, i), &n);
	sk_X509_INFO_pop_free(all, X509_INFO_free);
	BIO_free(in);
	return good && n;
}

static bool set_rules(SSL_CTX *c)
{
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_verify_depth(c, DEPTH_MAX);
	SSL_CTX_set_max_cert_list(c, CHAIN_BYTES_MAX);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(c,
	    SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	/* one record a turn, whatever it is: nobody keeps us at it with records that say nothing */
	SSL_CTX_clear_mode(c, SSL_MODE_AUTO_RETRY);
	return SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) == 1 && SSL_CTX_set_num_tickets(c, 0) == 1;
}

int link_tls_context(SSL_CTX **ret_context, const struct link_pem *pem, struct dynbuf *why)
{
	ERR_clear_error();
	SSL_CTX *c = SSL_CTX_new(TLS_method());
	if (!c)
		return -ENOMEM;
	int r = set_rules(c) ? 0 : fail(why, "rules");
	if (r == 0 && !use_certificate(c, pem->certificate))
		r = fail(why, "certificate");
	if (r == 0 && !use_key(c, pem->key))
		r = fail(why, "key");
	if (r == 0 && !use_authorities(c, pem->ca))
		r = fail(why, "ca");
	if (r < 0)
		SSL_CTX_free(c);
	else
		*ret_context = c;
	return r;
}

SSL *link_tls_new(SSL_CTX *context, int fd, bool dials, const char *const *names, size_t n_names)
{
	SSL *tls = SSL_new(context);
	bool good = tls && SSL_set_fd(tls, fd) == 1;
	if (tls)
		SSL_set_hostflags(tls, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_WILDCARDS);
	for (size_t i = 0; good && i < n_names; i++)
		good = SSL_add1_host(tls, names[i]) == 1;
	/* without a name any that the authorities know would do */
	if (!good || n_names == 0) {
		SSL_free(tls);
		return NULL;
	}
	if (dials)
		SSL_set_connect_state(tls);
	else
		SSL_set_accept_state(tls);
	return tls;
}

char *link_tls_why(SSL *tls, int result, char *buf, size_t size)
{
	int error = errno;
	long verified = SSL_get_verify_result(tls);
	unsigned long first = ERR_peek_error();
	bool eof = ERR_GET_REASON(first) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
	const char *reason = first && !eof ? ERR_reason_error_string(first) : NULL;
	if (verified != X509_V_OK)
		snprintf(
		    buf, size, "its certificate isn't taken: %s", X509_verify_cert_error_string(verified));
	else if (reason)
		snprintf(buf, size, "TLS: %s", reason);
	else if (SSL_get_error(tls, result) == SSL_ERROR_SYSCALL && error)
		snprintf(buf, size, "%s", err_text(-error));
	else
		snprintf(buf, size, "the other end closed the connection");
	ERR_clear_error();
	return buf;
}
