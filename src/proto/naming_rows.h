/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_NAMING_ROWS_H
#define PROTO_NAMING_ROWS_H

/*
 * The probes behind the rows of naming.c, by file: naming_text.c, naming_service.c, naming_store.c,
 * naming_plant.c, naming_tunnel.c. Each is true for random bytes, and for ciphertext, less than once in
 * 10,000 payloads.
 */

#include "proto/naming.h"

bool naming_telnet(const struct naming_view *v);
bool naming_tftp(const struct naming_view *v);
bool naming_syslog(const struct naming_view *v);
bool naming_rsync(const struct naming_view *v);
bool naming_imap(const struct naming_view *v);
bool naming_pop3(const struct naming_view *v);
bool naming_irc(const struct naming_view *v);
bool naming_ssdp(const struct naming_view *v);
bool naming_bittorrent(const struct naming_view *v);

bool naming_ntp(const struct naming_view *v);
bool naming_dhcp(const struct naming_view *v);
bool naming_snmp(const struct naming_view *v);
bool naming_netbios_ns(const struct naming_view *v);
bool naming_netbios_dgm(const struct naming_view *v);
bool naming_radius(const struct naming_view *v);
bool naming_stun(const struct naming_view *v);
bool naming_rtp(const struct naming_view *v);

bool naming_tns(const struct naming_view *v);
bool naming_mongodb(const struct naming_view *v);
bool naming_redis(const struct naming_view *v);
bool naming_nfs(const struct naming_view *v);
bool naming_mqtt(const struct naming_view *v);

bool naming_modbus(const struct naming_view *v);
bool naming_dnp3(const struct naming_view *v);
bool naming_enip(const struct naming_view *v);

bool naming_ike(const struct naming_view *v);
bool naming_openvpn(const struct naming_view *v);
bool naming_wireguard(const struct naming_view *v);
bool naming_socks(const struct naming_view *v);

/* Whether either end uses the port: beside content, never instead. */
static inline bool naming_port(const struct naming_view *v, uint16_t port)
{
	return v->flow->responder_port == port || v->flow->initiator_port == port;
}
/* Whether the bytes begin with a string literal. */
#define NAMING_STARTS(b, s) ((b).n >= sizeof(s) - 1 && memcmp((b).p, (s), sizeof(s) - 1) == 0)

#endif
