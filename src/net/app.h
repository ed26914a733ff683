/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NET_APP_H
#define NET_APP_H

/*
 * Application protocols by name, and what control each can pass. The numbers are stored in records: append
 * only. Names are Suricata's `app_proto` where it has one.
 */

#include <stdbool.h>
#include <stdint.h>

/*
 * APP_CLASS_ADMIN: whoever may speak it to a machine can run commands or place files there (design 5.3,
 * `likely`). APP_CLASS_SERVICE: an ordinary service of hubs (names, time, directory, mail). APP_CLASS_TUNNEL:
 * carries other packets.
 */
enum app_class { APP_CLASS_OTHER, APP_CLASS_ADMIN, APP_CLASS_SERVICE, APP_CLASS_TUNNEL };

/* X(enum suffix, name, class, usual ports as a bracketed list) */
#define APP_LIST(X)                                                                                          \
	X(UNKNOWN, "unknown", OTHER, (0))                                                                    \
	X(DNS, "dns", SERVICE, (53, 5353, 5355))                                                             \
	X(HTTP, "http", OTHER, (80, 8080, 8000, 8888, 3128))                                                 \
	X(TLS, "tls", OTHER, (443, 8443, 465, 636, 853, 990, 993, 995, 5061, 9443))                          \
	X(QUIC, "quic", OTHER, (443))                                                                        \
	X(SSH, "ssh", ADMIN, (22))                                                                           \
	X(SMB, "smb", ADMIN, (445, 139))                                                                     \
	X(DCERPC, "dcerpc", ADMIN, (135, 593))                                                               \
	X(KERBEROS, "krb5", SERVICE, (88, 464))                                                              \
	X(LDAP, "ldap", SERVICE, (389, 3268))                                                                \
	X(RDP, "rdp", ADMIN, (3389))                                                                         \
	X(VNC, "rfb", ADMIN, (5900, 5901, 5902))                                                             \
	X(WINRM, "winrm", ADMIN, (5985, 5986))                                                               \
	X(FTP, "ftp", OTHER, (21))                                                                           \
	X(FTP_DATA, "ftp-data", OTHER, (20))                                                                 \
	X(SMTP, "smtp", SERVICE, (25, 587))                                                                  \
	X(SIP, "sip", OTHER, (5060))                                                                         \
	X(TELNET, "telnet", ADMIN, (23))                                                                     \
	X(NTP, "ntp", SERVICE, (123))                                                                        \
	X(DHCP, "dhcp", SERVICE, (67, 68, 546, 547))                                                         \
	X(TFTP, "tftp", OTHER, (69))                                                                         \
	X(SNMP, "snmp", SERVICE, (161, 162))                                                                 \
	X(SYSLOG, "syslog", SERVICE, (514))                                                                  \
	X(NETBIOS_NS, "netbios-ns", SERVICE, (137))                                                          \
	X(NETBIOS_DGM, "netbios-dgm", SERVICE, (138))                                                        \
	X(MYSQL, "mysql", ADMIN, (3306))                                                                     \
	X(POSTGRESQL, "pgsql", ADMIN, (5432))                                                                \
	X(MSSQL, "tds", ADMIN, (1433))                                                                       \
	X(ORACLE, "tns", ADMIN, (1521))                                                                      \
	X(MONGODB, "mongodb", ADMIN, (27017))                                                                \
	X(REDIS, "redis", ADMIN, (6379))                                                                     \
	X(NFS, "nfs", OTHER, (2049, 111))                                                                    \
	X(RSYNC, "rsync", OTHER, (873))                                                                      \
	X(IMAP, "imap", SERVICE, (143))                                                                      \
	X(POP3, "pop3", SERVICE, (110))                                                                      \
	X(IRC, "irc", OTHER, (6667))                                                                         \
	X(MQTT, "mqtt", OTHER, (1883))                                                                       \
	X(MODBUS, "modbus", OTHER, (502))                                                                    \
	X(DNP3, "dnp3", OTHER, (20000))                                                                      \
	X(ENIP, "enip", OTHER, (44818))                                                                      \
	X(BITTORRENT, "bittorrent-dht", OTHER, (6881))                                                       \
	X(STUN, "stun", OTHER, (3478))                                                                       \
	X(RTP, "rtp", OTHER, (0))                                                                            \
	X(SSDP, "ssdp", OTHER, (1900))                                                                       \
	X(RADIUS, "radius", SERVICE, (1812, 1813))                                                           \
	X(IKE, "ike", TUNNEL, (500, 4500))                                                                   \
	X(OPENVPN, "openvpn", TUNNEL, (1194))                                                                \
	X(WIREGUARD, "wireguard", TUNNEL, (51820))                                                           \
	X(SOCKS, "socks", TUNNEL, (1080))                                                                    \
	X(GRE, "gre", TUNNEL, (0))                                                                           \
	X(IPIP, "ipip", TUNNEL, (0))                                                                         \
	X(VXLAN, "vxlan", TUNNEL, (4789))                                                                    \
	X(GENEVE, "geneve", TUNNEL, (6081))                                                                  \
	X(TEREDO, "teredo", TUNNEL, (3544))                                                                  \
	X(ERSPAN, "erspan", TUNNEL, (0))                                                                     \
	X(GTP, "gtp", TUNNEL, (2152))                                                                        \
	X(ESP, "esp", TUNNEL, (0))                                                                           \
	X(ICMP, "icmp", OTHER, (0))

enum app {
#define X(id, name, class, ports) APP_##id,
	APP_LIST(X)
#undef X
	    APP_COUNT
};

/* The name; "unknown" for numbers that we don't know (a newer archive). */
const char *app_name(unsigned app);
/* -1 where there is no such name. */
int app_find(const char *name);
enum app_class app_class_of(unsigned app);
static inline bool app_is_admin(unsigned app)
{
	return app_class_of(app) == APP_CLASS_ADMIN;
}
/* Whether port is one that this application is usually found at. Unknown applications have none. */
bool app_port_is_usual(unsigned app, uint16_t port);
/* The application whose usual port this is, APP_UNKNOWN where none claims it: a guess, for flows without
 * content. */
enum app app_of_port(uint8_t protocol, uint16_t port);

#endif
