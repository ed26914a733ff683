/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/smtp_auth.h"

#include <string.h>

#include <openssl/evp.h>

enum { SMTP_BASE64_MAX = 2048 };

/* Decodes into buf of SMTP_BASE64_MAX bytes; empty where it isn't base64 or is too long. */
static struct text base64_decode(struct text t, char *buf)
{
	t = text_trim(t);
	size_t padding = 0;
	while (padding < 2 && padding < t.n && t.p[t.n - 1 - padding] == '=')
		padding++;
	if (t.n == 0 || t.n % 4 != 0 || t.n > SMTP_BASE64_MAX)
		return (struct text){0};
	int n = EVP_DecodeBlock((unsigned char *)buf, (const unsigned char *)t.p, (int)t.n);
	if (n < 0 || (size_t)n < padding)
		return (struct text){0};
	return (struct text){.p = buf, .n = (size_t)n - padding};
}

static void user_keep(struct smtp_auth *a, struct text user)
{
	user = text_sub(user, 0, sizeof(a->user));
	if (user.n > 0)
		memcpy(a->user, user.p, user.n);
	a->user_n = (uint16_t)user.n;
}

static bool method_is(const struct smtp_auth *a, const char *name)
{
	return text_equal_nocase((struct text){.p = a->method, .n = a->method_n}, text_of(name));
}

static void decoded(struct smtp_auth *a, struct text t)
{
	if (method_is(a, "PLAIN")) {
		/* authorization identity NUL authentication identity NUL password */
		struct text rest = text_sub(t, text_find(t, '\0') + 1, t.n);
		user_keep(a, text_sub(rest, 0, text_find(rest, '\0')));
	} else if (method_is(a, "LOGIN")) {
		if (a->responses == 0)
			user_keep(a, t);
	} else if (method_is(a, "CRAM-MD5")) {
		size_t blank = t.n;
		while (blank > 0 && t.p[blank - 1] != ' ')
			blank--;
		user_keep(a, text_sub(t, 0, blank ? blank - 1 : 0));
	} else if (method_is(a, "XOAUTH2")) {
		if (text_starts_nocase(t, TEXT("user=")))
			user_keep(a, text_sub(t, 5, text_find(t, '\1') - 5));
	} else if (method_is(a, "NTLM") || method_is(a, "GSSAPI") || method_is(a, "GSS-SPNEGO")) {
		gss_auth_update(&a->gss, (const uint8_t *)t.p, t.n);
	}
}

void smtp_auth_begin(struct smtp_auth *a, struct text argument)
{
	memset(a, 0, sizeof(*a));
	size_t n = text_find(argument, ' ');
	struct text method = text_sub(argument, 0, n < sizeof(a->method) ? n : sizeof(a->method));
	if (method.n > 0)
		memcpy(a->method, method.p, method.n);
	a->method_n = (uint16_t)method.n;
	if (n < argument.n)
		smtp_auth_response(a, text_sub(argument, n + 1, argument.n));
}

void smtp_auth_response(struct smtp_auth *a, struct text line)
{
	char buf[SMTP_BASE64_MAX];
	struct text t = base64_decode(line, buf);
	if (t.n > 0)
		decoded(a, t);
	a->responses++;
	OPENSSL_cleanse(buf, sizeof(buf));
}

void smtp_auth_fields(struct proto_context *c, struct smtp_auth *a)
{
	if (a->gss.mechanism != GSS_NONE) {
		gss_auth_fields(c, &a->gss);
		return;
	}
	proto_field_bytes(c, FIELD_AUTH_USER, a->user, a->user_n);
	proto_field_bytes(c, FIELD_AUTH_METHOD, a->method, a->method_n);
}
