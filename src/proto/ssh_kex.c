/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/ssh_kex.h"

#include <errno.h>

#include <openssl/evp.h>

#include "base/dynbuf.h"
#include "base/err.h"

int ssh_kexinit_parse(const uint8_t *p, size_t n, struct ssh_kexinit *ret_kexinit)
{
	struct cursor c = cursor_of(p, n);
	struct ssh_kexinit k;
	cursor_skip(&c, 16); /* cookie */
	for (int i = 0; i < SSH_LISTS; i++)
		k.lists[i] = cursor_text(&c, cursor_be32(&c));
	if (!cursor_ok(&c))
		return -ERR_MALFORMED;
	*ret_kexinit = k;
	return 0;
}

int ssh_hassh(const struct ssh_kexinit *k, bool server, uint8_t ret_hassh[SSH_HASSH_SIZE])
{
	struct dynbuf text = {0};
	unsigned n = SSH_HASSH_SIZE;
	dynbuf_text(&text, k->lists[SSH_LIST_KEX]);
	dynbuf_u8(&text, ';');
	dynbuf_text(&text, k->lists[SSH_LIST_CIPHER_TO_SERVER + server]);
	dynbuf_u8(&text, ';');
	dynbuf_text(&text, k->lists[SSH_LIST_MAC_TO_SERVER + server]);
	dynbuf_u8(&text, ';');
	dynbuf_text(&text, k->lists[SSH_LIST_COMPRESSION_TO_SERVER + server]);
	int error = text.error;
	if (!error && EVP_Digest(text.p, text.n, ret_hassh, &n, EVP_md5(), NULL) != 1)
		error = -ENOMEM;
	dynbuf_free(&text);
	return error;
}

/* The next name of a list from *at on; false at its end. */
static bool next_name(struct text list, size_t *at, struct text *ret_name)
{
	if (*at >= list.n)
		return false;
	struct text rest = text_sub(list, *at, list.n);
	*ret_name = text_sub(rest, 0, text_find(rest, ','));
	*at += ret_name->n + 1;
	return true;
}

static bool list_has(struct text list, struct text wanted)
{
	struct text name;
	for (size_t at = 0; next_name(list, &at, &name);)
		if (text_equal(name, wanted))
			return true;
	return false;
}

/* Nobody offers more; keeps the search through hostile lists short. */
enum { SSH_NAMES_MAX = 64 };

static struct text agreed(struct text client, struct text server)
{
	struct text name;
	int tried = 0;
	for (size_t at = 0; tried < SSH_NAMES_MAX && next_name(client, &at, &name); tried++)
		if (list_has(server, name))
			return name;
	return (struct text){0};
}

static bool ends_with(struct text t, struct text end)
{
	return t.n >= end.n && text_equal(text_sub(t, t.n - end.n, end.n), end);
}

struct ssh_sealing ssh_sealing_of(
    const struct ssh_kexinit *client, const struct ssh_kexinit *server, bool to_client)
{
	static const struct {
		const char *mac;
		uint8_t tag;
	} etm[] = {
	    {"hmac-sha2-256-etm@openssh.com", 32},
	    {"hmac-sha2-512-etm@openssh.com", 64},
	    {"hmac-sha1-etm@openssh.com", 20},
	    {"hmac-sha1-96-etm@openssh.com", 12},
	    {"hmac-md5-etm@openssh.com", 16},
	    {"hmac-md5-96-etm@openssh.com", 12},
	    {"umac-64-etm@openssh.com", 8},
	    {"umac-128-etm@openssh.com", 16},
	};
	int cipher_list = to_client ? SSH_LIST_CIPHER_TO_CLIENT : SSH_LIST_CIPHER_TO_SERVER;
	int mac_list = to_client ? SSH_LIST_MAC_TO_CLIENT : SSH_LIST_MAC_TO_SERVER;
	struct text cipher = agreed(client->lists[cipher_list], server->lists[cipher_list]);
	/* RFC 5647 and PROTOCOL of OpenSSH: the MAC lists don't count with these ciphers */
	if (ends_with(cipher, TEXT("-gcm@openssh.com")) || text_starts_nocase(cipher, TEXT("AEAD_AES_")))
		return (struct ssh_sealing){.length_clear = true, .tag = 16};
	if (text_starts_nocase(cipher, TEXT("chacha20-poly1305")))
		return (struct ssh_sealing){.length_clear = false};
	struct text mac = agreed(client->lists[mac_list], server->lists[mac_list]);
	for (size_t i = 0; i < sizeof(etm) / sizeof(etm[0]); i++)
		if (text_equal(mac, text_of(etm[i].mac)))
			return (struct ssh_sealing){.length_clear = true, .tag = etm[i].tag};
	return (struct ssh_sealing){.length_clear = false};
}
