/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Indicators in words. */

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "detect/indicator.h"

const char *indicator_place_name(enum indicator_place place)
{
	static const char *const names[] = {
#define X(id, name) name,
	    INDICATOR_PLACE_LIST(X)
#undef X
	};
	return place < INDICATOR_PLACES ? names[place] : "";
}

const char *indicator_kind_name(enum indicator_kind kind)
{
	static const char *const names[] = {
#define X(id, name) name,
	    INDICATOR_KIND_LIST(X)
#undef X
	};
	return kind < INDICATOR_KINDS ? names[kind] : "";
}

bool indicator_kind_is_fingerprint(enum indicator_kind kind)
{
	switch (kind) {
	case INDICATOR_JA3:
	case INDICATOR_JA4:
	case INDICATOR_CERT_SHA256:
	case INDICATOR_CERT_SHA1:
	case INDICATOR_FILE_SHA256:
	case INDICATOR_FILE_SHA1:
	case INDICATOR_FILE_MD5:
	case INDICATOR_JA3S:
	case INDICATOR_HASSH:
	case INDICATOR_HASSH_SERVER: return true;
	case INDICATOR_ADDRESS:
	case INDICATOR_PREFIX:
	case INDICATOR_DOMAIN:
	case INDICATOR_URL:
	case INDICATOR_KINDS: break;
	}
	return false;
}

char *indicator_text(const struct indicator *i, char *buf)
{
	struct net_prefix p = {.bits = i->bits};
	char value[INDICATOR_TEXT_SIZE - 8];
	switch (i->kind) {
	case INDICATOR_ADDRESS:
	case INDICATOR_PREFIX:
		memcpy(p.addr.b, i->key.p, sizeof(p.addr.b));
		if (i->kind == INDICATOR_PREFIX)
			net_prefix_text(p, value);
		else
			net_addr_text(p.addr, value);
		break;
	case INDICATOR_DOMAIN:
	case INDICATOR_URL:
	case INDICATOR_JA4: text_printable(i->key, value, sizeof(value)); break;
	case INDICATOR_JA3:
	case INDICATOR_CERT_SHA256:
	case INDICATOR_CERT_SHA1:
	case INDICATOR_FILE_SHA256:
	case INDICATOR_FILE_SHA1:
	case INDICATOR_FILE_MD5:
	case INDICATOR_JA3S:
	case INDICATOR_HASSH:
	case INDICATOR_HASSH_SERVER: num_hex((const uint8_t *)i->key.p, i->key.n, value); break;
	case INDICATOR_KINDS: value[0] = '\0'; break;
	}
	size_t path = i->kind == INDICATOR_URL ? strcspn(value, "/") : strlen(value);
	bool bracket = i->port && memchr(value, ':', path);
	if (i->port)
		snprintf(buf, INDICATOR_TEXT_SIZE, "%s%.*s%s:%u%s", bracket ? "[" : "", (int)path, value,
		    bracket ? "]" : "", i->port, value + path);
	else
		snprintf(buf, INDICATOR_TEXT_SIZE, "%s", value);
	return buf;
}

char *indicator_origin(const struct indicator *i, char *buf)
{
	if (i->line)
		snprintf(buf, INDICATOR_TEXT_SIZE, "%.*s:%u", (int)(i->feed.n < 400 ? i->feed.n : 400),
		    i->feed.p, i->line);
	else
		snprintf(buf, INDICATOR_TEXT_SIZE, "%.*s%s%.*s", (int)(i->feed.n < 300 ? i->feed.n : 300),
		    i->feed.p, i->id.n ? " " : "", (int)(i->id.n < 200 ? i->id.n : 200), i->id.p);
	return buf;
}
