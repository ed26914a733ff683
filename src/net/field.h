/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NET_FIELD_H
#define NET_FIELD_H

/*
 * The metadata that application parsers yield, by number. A transaction is a list of (field, bytes); a field
 * may stand in it more than once (DNS answers). The numbers are stored in records: append only. Names are the
 * paths of Suricata's EVE records where it has one. Kind: TEXT as it came from the wire; HEX printed as
 * lower-case hexadecimal of the bytes; NUM a decimal number in text; ADDR sixteen bytes of struct net_addr.
 */

#include <stdbool.h>

#include "base/text.h"

enum field_kind { FIELD_KIND_TEXT, FIELD_KIND_HEX, FIELD_KIND_NUM, FIELD_KIND_ADDR };

/* X(enum suffix, name, kind) */
#define FIELD_LIST(X)                                                                                        \
	X(NONE, "", TEXT)                                                                                    \
	/* any protocol */                                                                                   \
	X(AUTH_USER, "auth.user", TEXT)                                                                      \
	X(AUTH_RESULT, "auth.result", TEXT) /* "success", "failure", or "none" (left without trying) */      \
	X(AUTH_METHOD, "auth.method", TEXT)                                                                  \
	X(FILE_NAME, "file.name", TEXT)                                                                      \
	X(FILE_BYTES, "file.size", NUM)                                                                      \
	X(FILE_SHA256, "file.sha256", HEX)                                                                   \
	X(ANOMALY, "anomaly", TEXT)                                                                          \
	/* DNS */                                                                                            \
	X(DNS_QUERY, "dns.rrname", TEXT)                                                                     \
	X(DNS_TYPE, "dns.rrtype", TEXT)                                                                      \
	X(DNS_RCODE, "dns.rcode", TEXT)                                                                      \
	X(DNS_ANSWER_ADDR, "dns.answers.addr", ADDR)                                                         \
	X(DNS_ANSWER, "dns.answers.rdata", TEXT)                                                             \
	X(DNS_ID, "dns.id", NUM)                                                                             \
	/* HTTP */                                                                                           \
	X(HTTP_METHOD, "http.http_method", TEXT)                                                             \
	X(HTTP_HOST, "http.hostname", TEXT)                                                                  \
	X(HTTP_URI, "http.url", TEXT)                                                                        \
	X(HTTP_USER_AGENT, "http.http_user_agent", TEXT)                                                     \
	X(HTTP_REFERER, "http.http_refer", TEXT)                                                             \
	X(HTTP_STATUS, "http.status", NUM)                                                                   \
	X(HTTP_REQUEST_TYPE, "http.request_content_type", TEXT)                                              \
	X(HTTP_RESPONSE_TYPE, "http.http_content_type", TEXT)                                                \
	X(HTTP_REQUEST_BYTES, "http.request_length", NUM)                                                    \
	X(HTTP_RESPONSE_BYTES, "http.length", NUM)                                                           \
	X(HTTP_SERVER, "http.server", TEXT)                                                                  \
	/* TLS and QUIC */                                                                                   \
	X(TLS_SNI, "tls.sni", TEXT)                                                                          \
	X(TLS_ALPN, "tls.alpn", TEXT)                                                                        \
	X(TLS_VERSION, "tls.version", TEXT)                                                                  \
	X(TLS_CIPHER, "tls.cipher", TEXT)                                                                    \
	X(TLS_JA3, "tls.ja3", HEX)                                                                           \
	X(TLS_JA3S, "tls.ja3s", HEX)                                                                         \
	X(TLS_JA4, "tls.ja4", TEXT)                                                                          \
	X(TLS_SUBJECT, "tls.subject", TEXT)                                                                  \
	X(TLS_ISSUER, "tls.issuerdn", TEXT)                                                                  \
	X(TLS_CERT_SHA256, "tls.sha256", HEX)                                                                \
	X(TLS_NOT_BEFORE, "tls.notbefore", TEXT)                                                             \
	X(TLS_NOT_AFTER, "tls.notafter", TEXT)                                                               \
	X(TLS_SERIAL, "tls.serial", HEX)                                                                     \
	X(QUIC_VERSION, "quic.version", TEXT)                                                                \
	/* SSH */                                                                                            \
	X(SSH_CLIENT, "ssh.client.software_version", TEXT)                                                   \
	X(SSH_SERVER, "ssh.server.software_version", TEXT)                                                   \
	X(SSH_HASSH, "ssh.client.hassh", HEX)                                                                \
	X(SSH_HASSH_SERVER, "ssh.server.hassh", HEX)                                                         \
	/* SMB, DCE/RPC, NTLM */                                                                             \
	X(SMB_COMMAND, "smb.command", TEXT)                                                                  \
	X(SMB_DIALECT, "smb.dialect", TEXT)                                                                  \
	X(SMB_TREE, "smb.share", TEXT)                                                                       \
	X(SMB_FILE, "smb.filename", TEXT)                                                                    \
	X(SMB_STATUS, "smb.status", TEXT)                                                                    \
	X(SMB_DIRECTION, "smb.direction", TEXT) /* "read" or "write", with FILE_BYTES */                     \
	X(RPC_INTERFACE, "dcerpc.interface.uuid", TEXT)                                                      \
	X(RPC_NAME, "dcerpc.interface.name", TEXT)                                                           \
	X(RPC_OPNUM, "dcerpc.opnum", NUM)                                                                    \
	X(RPC_OPERATION, "dcerpc.operation", TEXT)                                                           \
	X(RPC_PIPE, "dcerpc.pipe", TEXT)                                                                     \
	X(NTLM_DOMAIN, "ntlmssp.domain", TEXT)                                                               \
	X(NTLM_HOST, "ntlmssp.host", TEXT)                                                                   \
	/* Kerberos, LDAP */                                                                                 \
	X(KRB_TYPE, "krb5.msg_type", TEXT)                                                                   \
	X(KRB_CLIENT, "krb5.cname", TEXT)                                                                    \
	X(KRB_REALM, "krb5.realm", TEXT)                                                                     \
	X(KRB_SERVICE, "krb5.sname", TEXT)                                                                   \
	X(KRB_ETYPE, "krb5.encryption", TEXT)                                                                \
	X(KRB_ERROR, "krb5.error_code", TEXT)                                                                \
	X(LDAP_OPERATION, "ldap.request.operation", TEXT)                                                    \
	X(LDAP_DN, "ldap.request.dn", TEXT)                                                                  \
	X(LDAP_FILTER, "ldap.request.filter", TEXT)                                                          \
	X(LDAP_RESULT, "ldap.responses.result_code", TEXT)                                                   \
	/* remote consoles */                                                                                \
	X(RDP_COOKIE, "rdp.cookie", TEXT)                                                                    \
	X(RDP_SECURITY, "rdp.protocol", TEXT)                                                                \
	X(VNC_CLIENT_VERSION, "rfb.client_protocol_version", TEXT)                                           \
	X(VNC_SERVER_VERSION, "rfb.server_protocol_version", TEXT)                                           \
	X(VNC_SECURITY, "rfb.authentication.security_type", TEXT)                                            \
	/* FTP, SMTP, SIP */                                                                                 \
	X(FTP_COMMAND, "ftp.command", TEXT)                                                                  \
	X(FTP_ARGUMENT, "ftp.command_data", TEXT)                                                            \
	X(FTP_REPLY, "ftp.completion_code", TEXT)                                                            \
	X(SMTP_HELO, "smtp.helo", TEXT)                                                                      \
	X(SMTP_FROM, "smtp.mail_from", TEXT)                                                                 \
	X(SMTP_TO, "smtp.rcpt_to", TEXT)                                                                     \
	X(SMTP_SUBJECT, "email.subject", TEXT)                                                               \
	X(SIP_METHOD, "sip.method", TEXT)                                                                    \
	X(SIP_URI, "sip.uri", TEXT)                                                                          \
	X(SIP_CODE, "sip.code", TEXT)                                                                        \
	/* DHCP: a name or address for a machine */                                                          \
	X(DHCP_HOSTNAME, "dhcp.hostname", TEXT)                                                              \
	X(DHCP_ASSIGNED, "dhcp.assigned_ip", ADDR)                                                           \
	X(DHCP_TYPE, "dhcp.dhcp_type", TEXT)                                                                 \
	/* ICMP */                                                                                           \
	X(ICMP_ECHO_ENTROPY, "icmp.echo_entropy", NUM)   /* of echo payloads, bits per byte * 1000 */        \
	X(ICMP_ECHO_DISTINCT, "icmp.echo_distinct", NUM) /* echo payloads unlike the one before */           \
	X(ICMP_ECHO_BYTES, "icmp.echo_bytes", NUM)                                                           \
	X(ICMP_ECHO_MISMATCH, "icmp.echo_mismatch", NUM) /* replies whose payload isn't the request's */     \
	/* two versions of the same bytes: flow.h, packet.h */                                               \
	X(ANOMALY_EVENT, "anomaly.event", TEXT)                                                              \
	X(ANOMALY_DIRECTION, "anomaly.direction", TEXT)                                                      \
	X(ANOMALY_OFFSET, "anomaly.offset", NUM)                                                             \
	X(ANOMALY_POLICY, "anomaly.policy", TEXT)                                                            \
	X(ANOMALY_DOUBT, "anomaly.doubt", TEXT)                                                              \
	X(ANOMALY_KEPT, "anomaly.kept", TEXT)                                                                \
	X(ANOMALY_OTHER, "anomaly.other", TEXT)

enum field {
#define X(id, name, kind) FIELD_##id,
	FIELD_LIST(X)
#undef X
	    FIELD_COUNT
};

struct field_value {
	enum field field;
	struct text value;
};

/* The name; "" for numbers that we don't know. */
const char *field_name(unsigned field);
enum field_kind field_kind_of(unsigned field);
/* The first value of that field among n; an empty text (p == NULL) where it isn't there. */
struct text field_get(const struct field_value *fields, size_t n, enum field field);

#endif
