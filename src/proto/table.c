/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/parsers.h"

static const struct proto_parser last = {.app = APP_UNKNOWN};

const struct proto_parser *const proto_parsers[] = {
    &proto_dns,
    &proto_icmp,
    &proto_quic,
    &proto_ssh,
    &proto_tls,
    &last,
};
