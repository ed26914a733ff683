/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/parsers.h"

static const struct proto_parser last = {.app = APP_UNKNOWN};

const struct proto_parser *const proto_parsers[] = {
    &proto_dcerpc,
    &proto_dns,
    &proto_ftp,
    &proto_http,
    &proto_icmp,
    &proto_kerberos,
    &proto_ldap,
    &proto_mysql,
    &proto_pgsql,
    &proto_quic,
    &proto_rdp,
    &proto_sip,
    &proto_smb,
    &proto_smtp,
    &proto_ssh,
    &proto_tds,
    &proto_tls,
    &proto_vnc,
    &last,
};
