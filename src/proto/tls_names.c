/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "proto/tls.h"

const char *tls_version_name(uint16_t version, char *buf)
{
	switch (version) {
	case TLS_VERSION_SSL2: return "SSL 2.0";
	case TLS_VERSION_SSL3: return "SSL 3.0";
	case TLS_VERSION_10: return "TLS 1.0";
	case TLS_VERSION_11: return "TLS 1.1";
	case TLS_VERSION_12: return "TLS 1.2";
	case TLS_VERSION_13: return "TLS 1.3";
	default: break;
	}
	snprintf(buf, TLS_NAME_SIZE, "0x%04x", version);
	return buf;
}

/* IANA, TLS Cipher Suites: those that servers are seen to choose. */
const char *tls_cipher_name(uint16_t cipher, char *buf)
{
	static const struct {
		uint16_t cipher;
		const char *name;
	} names[] = {
	    {0x0000, "TLS_NULL_WITH_NULL_NULL"},
	    {0x0001, "TLS_RSA_WITH_NULL_MD5"},
	    {0x0002, "TLS_RSA_WITH_NULL_SHA"},
	    {0x0004, "TLS_RSA_WITH_RC4_128_MD5"},
	    {0x0005, "TLS_RSA_WITH_RC4_128_SHA"},
	    {0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"},
	    {0x0016, "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA"},
	    {0x0018, "TLS_DH_anon_WITH_RC4_128_MD5"},
	    {0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA"},
	    {0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"},
	    {0x0034, "TLS_DH_anon_WITH_AES_128_CBC_SHA"},
	    {0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA"},
	    {0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA"},
	    {0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256"},
	    {0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256"},
	    {0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256"},
	    {0x006b, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256"},
	    {0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256"},
	    {0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384"},
	    {0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"},
	    {0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"},
	    {0x1301, "TLS_AES_128_GCM_SHA256"},
	    {0x1302, "TLS_AES_256_GCM_SHA384"},
	    {0x1303, "TLS_CHACHA20_POLY1305_SHA256"},
	    {0x1304, "TLS_AES_128_CCM_SHA256"},
	    {0x1305, "TLS_AES_128_CCM_8_SHA256"},
	    {0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"},
	    {0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"},
	    {0xc011, "TLS_ECDHE_RSA_WITH_RC4_128_SHA"},
	    {0xc012, "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"},
	    {0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"},
	    {0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"},
	    {0xc018, "TLS_ECDH_anon_WITH_AES_128_CBC_SHA"},
	    {0xc019, "TLS_ECDH_anon_WITH_AES_256_CBC_SHA"},
	    {0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"},
	    {0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"},
	    {0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"},
	    {0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"},
	    {0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
	    {0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"},
	    {0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
	    {0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"},
	    {0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
	    {0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
	    {0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].cipher == cipher)
			return names[i].name;
	snprintf(buf, TLS_NAME_SIZE, "0x%04x", cipher);
	return buf;
}
