/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exchange/records_csv_names.h"

#include "net/app.h"

struct common {
	const char *theirs, *ours;
};

/* doc/archive.md shows these to users. */
static const struct common commons[] = {
    {"src_ip", "initiator"},
    {"srcip", "initiator"},
    {"src_addr", "initiator"},
    {"source_ip", "initiator"},
    {"source.ip", "initiator"},
    {"id.orig_h", "initiator"},
    {"sa", "initiator"},
    {"saddr", "initiator"},
    {"srcaddr", "initiator"},
    {"dst_ip", "responder"},
    {"dest_ip", "responder"},
    {"dstip", "responder"},
    {"dst_addr", "responder"},
    {"destination_ip", "responder"},
    {"destination.ip", "responder"},
    {"id.resp_h", "responder"},
    {"da", "responder"},
    {"daddr", "responder"},
    {"dstaddr", "responder"},
    {"src_port", "initiator_port"},
    {"srcport", "initiator_port"},
    {"source_port", "initiator_port"},
    {"source.port", "initiator_port"},
    {"id.orig_p", "initiator_port"},
    {"sp", "initiator_port"},
    {"sport", "initiator_port"},
    {"dst_port", "responder_port"},
    {"dest_port", "responder_port"},
    {"dstport", "responder_port"},
    {"destination_port", "responder_port"},
    {"destination.port", "responder_port"},
    {"id.resp_p", "responder_port"},
    {"dp", "responder_port"},
    {"dport", "responder_port"},
    {"proto", "protocol"},
    {"pr", "protocol"},
    {"ip_proto", "protocol"},
    {"network.transport", "protocol"},
    {"ts", "first"},
    {"start", "first"},
    {"start_time", "first"},
    {"first_seen", "first"},
    {"flow_start", "first"},
    {"flow.start", "first"},
    {"event.start", "first"},
    {"stime", "first"},
    {"te", "last"},
    {"end_time", "last"},
    {"last_seen", "last"},
    {"flow_end", "last"},
    {"flow.end", "last"},
    {"event.end", "last"},
    {"ltime", "last"},
    {"td", EXCHANGE_DURATION},
    {"dur", EXCHANGE_DURATION},
    {"duration", EXCHANGE_DURATION},
    {"pkts_toserver", "packets_out"},
    {"flow.pkts_toserver", "packets_out"},
    {"src_packets", "packets_out"},
    {"source.packets", "packets_out"},
    {"orig_pkts", "packets_out"},
    {"ipkt", "packets_out"},
    {"spkts", "packets_out"},
    {"pkts_toclient", "packets_in"},
    {"flow.pkts_toclient", "packets_in"},
    {"dst_packets", "packets_in"},
    {"destination.packets", "packets_in"},
    {"resp_pkts", "packets_in"},
    {"opkt", "packets_in"},
    {"dpkts", "packets_in"},
    {"bytes_toserver", "wire_out"},
    {"flow.bytes_toserver", "wire_out"},
    {"src_bytes", "wire_out"},
    {"source.bytes", "wire_out"},
    {"orig_ip_bytes", "wire_out"},
    {"ibyt", "wire_out"},
    {"sbytes", "wire_out"},
    {"bytes_toclient", "wire_in"},
    {"flow.bytes_toclient", "wire_in"},
    {"dst_bytes", "wire_in"},
    {"destination.bytes", "wire_in"},
    {"resp_ip_bytes", "wire_in"},
    {"obyt", "wire_in"},
    {"dbytes", "wire_in"},
    {"orig_bytes", "payload_out"}, /* Zeek's are of the payload */
    {"resp_bytes", "payload_in"},
    {"app_proto", "app"},
    {"service", "app"},
    {"server_name", "name"},
    {"tls.sni", "name"},
    {"sni", "name"},
};

static const struct {
	const char *name;
	int number;
} protocols[] = {{"icmp", 1}, {"igmp", 2}, {"ipip", 4}, {"tcp", 6}, {"udp", 17}, {"ipv6", 41}, {"gre", 47},
    {"esp", 50}, {"ah", 51}, {"icmp6", 58}, {"ipv6-icmp", 58}, {"icmpv6", 58}, {"ospf", 89}, {"sctp", 132},
    {"udplite", 136}};

static const struct {
	const char *name;
	enum app app;
} apps[] = {{"ssl", APP_TLS}, {"https", APP_TLS}, {"krb", APP_KERBEROS}, {"krb_tcp", APP_KERBEROS},
    {"kerberos", APP_KERBEROS}, {"dce_rpc", APP_DCERPC}, {"vnc", APP_VNC}, {"postgresql", APP_POSTGRESQL},
    {"mssql", APP_MSSQL}, {"mongo", APP_MONGODB}, {"ftp_data", APP_FTP_DATA}, {"ldap_tcp", APP_LDAP},
    {"ldap_udp", APP_LDAP}, {"dnp3_tcp", APP_DNP3}, {"dnp3_udp", APP_DNP3}, {"failed", APP_UNKNOWN}};

const char *exchange_common_name(struct text theirs)
{
	for (size_t i = 0; i < sizeof(commons) / sizeof(*commons); i++)
		if (text_equal_nocase(theirs, text_of(commons[i].theirs)))
			return commons[i].ours;
	return NULL;
}

int exchange_protocol_number(struct text name)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		if (text_equal_nocase(name, text_of(protocols[i].name)))
			return protocols[i].number;
	return -1;
}

int exchange_app_number(struct text name)
{
	for (size_t i = 0; i < sizeof(apps) / sizeof(*apps); i++)
		if (text_equal_nocase(name, text_of(apps[i].name)))
			return (int)apps[i].app;
	return -1;
}
