/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEDGER_BASE64_H
#define LEDGER_BASE64_H

/*
 * Base 64 as RFC 4648, section 4 has it, by Nettle; read strictly: with its padding, without blanks, and only
 * what writing the same bytes would give, so that there is one text for one run of bytes. Pure.
 */

#include "base/dynbuf.h"

enum { BASE64_HASH_TEXT = 44 }; /* the text of 32 bytes */

/* Bytes of text that n bytes give, without a NUL. */
size_t base64_text_size(size_t n);
/* Appends the text of n bytes. */
void base64_append(struct dynbuf *out, const void *p, size_t n);
/* Exactly n bytes. 0 or -EINVAL. */
int base64_parse(struct text t, void *ret_bytes, size_t n);
/* Appends whatever number of bytes t is the text of. 0, -EINVAL, or out's error. */
int base64_parse_append(struct text t, struct dynbuf *out);

#endif
