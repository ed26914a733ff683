/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_PARSERS_H
#define PROTO_PARSERS_H

/*
 * The parsers that proto/table.c lists, one a file. What a parser may rely on:
 * - For TCP it sees each direction's bytes in order; for UDP and ICMP one whole datagram a call, of which
 * nothing is kept whatever it returns, and PROTO_BROKEN costs it only that datagram (after a few the flow).
 * - A probe that says PROTO_MAYBE to a stream is asked again with more of it, from its first byte on. To a
 * datagram PROTO_MAYBE means "ask me at the next one": that datagram is lost to the parser.
 * - PROTO_BROKEN still calls close(), so that what was learned comes out.
 * - PROTO_SWITCH on one direction switches both: bytes of the other one that the parser left unread go with
 * it. So a parser that has seen a STARTTLS leaves unread what the client sends until the server has answered.
 * - Directions are not in step: a response may be shown before its request where the capture has them so.
 */

#include "proto/proto.h"

/* One line each, sorted. */
extern const struct proto_parser proto_dcerpc;
extern const struct proto_parser proto_dns;
extern const struct proto_parser proto_ftp;
extern const struct proto_parser proto_http;
extern const struct proto_parser proto_icmp;
extern const struct proto_parser proto_kerberos;
extern const struct proto_parser proto_ldap;
extern const struct proto_parser proto_mysql;
extern const struct proto_parser proto_pgsql;
extern const struct proto_parser proto_quic;
extern const struct proto_parser proto_rdp;
extern const struct proto_parser proto_sip;
extern const struct proto_parser proto_smb;
extern const struct proto_parser proto_smtp;
extern const struct proto_parser proto_ssh;
extern const struct proto_parser proto_tds;
extern const struct proto_parser proto_tls;
extern const struct proto_parser proto_vnc;

#endif
