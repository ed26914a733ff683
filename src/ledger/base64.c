/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/base64.h"

#include <errno.h>
#include <nettle/base64.h>
#include <stdlib.h>
#include <string.h>

enum { GROUP_TEXT = 4, GROUP_BYTES = 3 };

size_t base64_text_size(size_t n)
{
	return (n + GROUP_BYTES - 1) / GROUP_BYTES * GROUP_TEXT;
}

void base64_append(struct dynbuf *out, const void *p, size_t n)
{
	uint8_t *to = dynbuf_grow(out, base64_text_size(n));
	if (to)
		base64_encode_raw((char *)to, n, p);
}

/* How many bytes the text claims to be, or -EINVAL where no text has its length. */
static int claimed(struct text t, size_t *ret_n)
{
	if (t.n % GROUP_TEXT)
		return -EINVAL;
	size_t padding = 0;
	while (padding < 2 && padding < t.n && t.p[t.n - 1 - padding] == '=')
		padding++;
	*ret_n = t.n / GROUP_TEXT * GROUP_BYTES - padding;
	return 0;
}

/* Nettle skips blanks and takes any bits beyond the last byte: so each group is written again and compared.
 */
static int parse_group(const char *p, uint8_t *to, size_t n)
{
	struct base64_decode_ctx c;
	uint8_t bytes[BASE64_DECODE_LENGTH(GROUP_TEXT)];
	char again[GROUP_TEXT];
	size_t got = sizeof(bytes);
	base64_decode_init(&c);
	if (!base64_decode_update(&c, &got, bytes, GROUP_TEXT, p) || !base64_decode_final(&c) || got != n)
		return -EINVAL;
	base64_encode_raw(again, n, bytes);
	if (memcmp(again, p, GROUP_TEXT) != 0)
		return -EINVAL;
	memcpy(to, bytes, n);
	return 0;
}

int base64_parse(struct text t, void *ret_bytes, size_t n)
{
	uint8_t *to = ret_bytes;
	size_t claims;
	if (claimed(t, &claims) < 0 || claims != n)
		return -EINVAL;
	for (size_t i = 0; i < t.n / GROUP_TEXT; i++) {
		size_t left = n - i * GROUP_BYTES;
		int r = parse_group(
		    t.p + i * GROUP_TEXT, to + i * GROUP_BYTES, left < GROUP_BYTES ? left : GROUP_BYTES);
		if (r < 0)
			return r;
	}
	return 0;
}

int base64_parse_append(struct text t, struct dynbuf *out)
{
	size_t n, before = out->n;
	int r = claimed(t, &n);
	if (r < 0)
		return r;
	uint8_t *to = dynbuf_grow(out, n);
	if (!to)
		return out->error;
	r = base64_parse(t, to, n);
	if (r < 0)
		out->n = before;
	return r;
}
