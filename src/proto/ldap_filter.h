/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_LDAP_FILTER_H
#define PROTO_LDAP_FILTER_H

/*
 * A search filter as text (RFC 4511 4.5.1.7 to RFC 4515): "(&(objectClass=user)(servicePrincipalName=*))".
 * Nesting beyond LDAP_FILTER_DEPTH and text beyond `size` are cut; no recursion. Pure.
 */

#include <stddef.h>

#include "base/cursor.h"

enum { LDAP_FILTER_DEPTH = 24 };

/* c stands at the Filter. The text lies in buf. */
struct text ldap_filter_text(struct cursor c, char *buf, size_t size);

#endif
