/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/services.h"

enum { TCP = 6, UDP = 17, ICMP = 1 };

/* clang-format off */
const struct service services[] = {
    /* app, port, protocol, from, target, zone, first, count | human, machine, night | out, in, tail | lasts | fail */
    [SERVICE_SCAN_IN] = {APP_UNKNOWN, 0, TCP, WORLD_OUTSIDE, SERVICE_INSIDE, WORLD_DMZ, 0, 255, 0, 130, 0, 0, 0, 0, 0, 0, 0.01f, 1, 1, false},
    [SERVICE_SCAN_INSIDE] = {APP_UNKNOWN, 445, TCP, WORLD_LAB, SERVICE_ANYWHERE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.01f, 1, 0.97f, false},
    /* the names and the time */
    {APP_DNS, 53, UDP, WORLD_ANY, SERVICE_INSIDE, WORLD_CORE, 0, 4, 270, 250, 0, 42, .3f, 130, .7f, 0, .002f, 1.5f, .004f, false},
    {APP_DNS, 53, UDP, WORLD_CORE, SERVICE_AUTHORITY, 0, 0, 0, 60, 40, 0, 46, .3f, 180, .8f, 0, .03f, .9f, .02f, false},
    {APP_NTP, 123, UDP, WORLD_ANY, SERVICE_INSIDE, WORLD_CORE, 4, 2, 0, 55, 0, 48, 0, 48, 0, 0, .0006f, .8f, .01f, false},
    {APP_NTP, 123, UDP, WORLD_CORE, SERVICE_AUTHORITY, 0, 0, 0, 0, 5, 0, 48, 0, 48, 0, 0, .02f, .6f, .03f, false},
    {APP_DHCP, 67, UDP, WORLD_CLIENTS, SERVICE_INSIDE, WORLD_CORE, 0, 2, 3, 6, 0, 300, .05f, 300, .05f, 0, .002f, .8f, .01f, false},
    /* the web */
    {APP_TLS, 443, TCP, WORLD_CLIENTS, SERVICE_NAMED, 0, 0, 0, 190, 60, 0, 1900, 1.1f, 7000, 1.7f, .02f, 8, 2.0f, .01f, true},
    {APP_TLS, 443, TCP, WORLD_PHONES, SERVICE_NAMED, 0, 0, 0, 40, 15, 0, 1500, 1.0f, 5500, 1.6f, .01f, 6, 2.0f, .02f, true},
    {APP_TLS, 443, TCP, WORLD_SERVERS, SERVICE_NAMED, 0, 0, 0, 0, 15, 4, 1500, 1.0f, 5200, 1.3f, .02f, 2, 1.8f, .01f, true},
    {APP_QUIC, 443, UDP, WORLD_CLIENTS, SERVICE_NAMED, 0, 0, 0, 70, 8, 0, 3200, 1.2f, 11000, 1.9f, .03f, 12, 1.6f, .03f, true},
    {APP_QUIC, 443, UDP, WORLD_PHONES, SERVICE_NAMED, 0, 0, 0, 25, 5, 0, 3000, 1.1f, 9000, 1.8f, .02f, 10, 1.6f, .03f, true},
    {APP_HTTP, 80, TCP, WORLD_CLIENTS, SERVICE_NAMED, 0, 0, 0, 14, 10, 0, 480, .8f, 1400, 1.9f, .02f, 1.2f, 2.0f, .03f, true},
    {APP_TLS, 443, TCP, WORLD_CLIENTS, SERVICE_INSIDE, WORLD_SERVERS, 0, 60, 50, 25, 0, 2400, 1.1f, 9000, 1.6f, .01f, 5, 1.9f, .003f, true},
    {APP_HTTP, 8080, TCP, WORLD_CORE, SERVICE_INSIDE, WORLD_SERVERS, 0, 120, 0, 40, 10, 210, .4f, 900, .9f, 0, .01f, 1.2f, .002f, true},
    {APP_TLS, 443, TCP, WORLD_OUTSIDE, SERVICE_INSIDE, WORLD_DMZ, 0, 8, 40, 30, 0, 1300, 1.0f, 9000, 1.7f, .01f, 3, 2.0f, .02f, true},
    {APP_HTTP, 80, TCP, WORLD_OUTSIDE, SERVICE_INSIDE, WORLD_DMZ, 0, 8, 4, 8, 0, 260, .7f, 600, 1.5f, .005f, .6f, 1.7f, .02f, true},
    /* files, directory, administration */
    {APP_SMB, 445, TCP, WORLD_CLIENTS, SERVICE_INSIDE, WORLD_SERVERS, 2, 16, 40, 6, 0, 3600, 1.5f, 6000, 2.0f, .03f, 40, 2.2f, .004f, true},
    {APP_KERBEROS, 88, TCP, WORLD_CLIENTS, SERVICE_INSIDE, WORLD_CORE, 2, 4, 35, 18, 0, 1900, .4f, 1800, .4f, 0, .006f, .8f, .002f, false},
    {APP_LDAP, 389, TCP, WORLD_CLIENTS, SERVICE_INSIDE, WORLD_CORE, 2, 4, 40, 30, 0, 900, .9f, 2600, 1.2f, 0, .4f, 2.2f, .002f, false},
    {APP_DCERPC, 135, TCP, WORLD_CLIENTS, SERVICE_INSIDE, WORLD_CORE, 2, 4, 15, 8, 0, 500, .4f, 420, .4f, 0, .05f, 1.5f, .003f, false},
    {APP_NETBIOS_NS, 137, UDP, WORLD_CLIENTS, SERVICE_INSIDE, WORLD_CORE, 2, 4, 5, 4, 0, 50, .1f, 104, .4f, 0, .002f, 1, .4f, false},
    {APP_SSH, 22, TCP, WORLD_CLIENTS, SERVICE_INSIDE, WORLD_SERVERS, 0, 200, 3, 0, 0, 6200, 1.3f, 9000, 1.6f, .02f, 400, 2.0f, .02f, false},
    {APP_SSH, 22, TCP, WORLD_CORE, SERVICE_INSIDE, WORLD_SERVERS, 0, 250, 0, 6, 4, 4100, .6f, 5200, .9f, .01f, 2, 1.2f, .01f, false},
    {APP_RDP, 3389, TCP, WORLD_CLIENTS, SERVICE_INSIDE, WORLD_SERVERS, 0, 100, 3, 0, 0, 180000, 1.4f, 2400000, 1.5f, .02f, 1200, 1.5f, .02f, false},
    {APP_WINRM, 5985, TCP, WORLD_CORE, SERVICE_INSIDE, WORLD_SERVERS, 0, 120, 0, 3, 1, 5200, .7f, 7000, .9f, 0, 3, 1.2f, .01f, false},
    {APP_VNC, 5900, TCP, WORLD_CLIENTS, SERVICE_INSIDE, WORLD_LAB, 0, 60, 1, 0, 0, 60000, 1.3f, 4000000, 1.5f, .02f, 900, 1.4f, .03f, false},
    {APP_NFS, 2049, TCP, WORLD_LAB, SERVICE_INSIDE, WORLD_SERVERS, 1, 3, 4, 6, 2, 90000, 1.8f, 200000, 2.0f, .03f, 300, 1.8f, .004f, false},
    /* applications */
    {APP_MSSQL, 1433, TCP, WORLD_SERVERS, SERVICE_INSIDE, WORLD_DATABASES, 0, 12, 25, 30, 5, 2600, 1.4f, 9000, 1.8f, .02f, 30, 2.3f, .002f, false},
    {APP_POSTGRESQL, 5432, TCP, WORLD_SERVERS, SERVICE_INSIDE, WORLD_DATABASES, 2, 20, 20, 40, 5, 1900, 1.3f, 7000, 1.8f, .02f, 20, 2.3f, .002f, false},
    {APP_REDIS, 6379, TCP, WORLD_SERVERS, SERVICE_INSIDE, WORLD_DATABASES, 1, 4, 5, 12, 0, 700, 1.5f, 900, 1.6f, 0, 15, 2.2f, .001f, false},
    {APP_IMAP, 993, TCP, WORLD_CLIENTS, SERVICE_INSIDE, WORLD_SERVERS, 0, 2, 12, 4, 0, 2600, 1.2f, 9000, 1.8f, .02f, 60, 2.0f, .004f, true},
    {APP_SMTP, 25, TCP, WORLD_OUTSIDE, SERVICE_INSIDE, WORLD_DMZ, 2, 2, 6, 10, 0, 9000, 1.7f, 700, .4f, .02f, 2, 1.4f, .08f, false},
    {APP_SMTP, 25, TCP, WORLD_DMZ, SERVICE_PEER, 0, 0, 0, 4, 2, 0, 14000, 1.7f, 650, .4f, .02f, 2, 1.2f, .06f, false},
    {APP_UNKNOWN, 9100, TCP, WORLD_CLIENTS, SERVICE_INSIDE, WORLD_PRINTERS, 0, 250, 5, 0, 0, 240000, 1.5f, 120, 1, .01f, 6, 1.2f, .02f, false},
    {APP_HTTP, 631, TCP, WORLD_CLIENTS, SERVICE_INSIDE, WORLD_PRINTERS, 0, 250, 3, 2, 0, 1200, .7f, 1600, .7f, 0, .3f, 1.2f, .02f, false},
    {APP_SIP, 5060, UDP, WORLD_PHONES, SERVICE_INSIDE, WORLD_CORE, 6, 2, 5, 6, 0, 1400, .6f, 1500, .6f, 0, 20, 1.5f, .002f, false},
    {APP_RTP, 0, UDP, WORLD_PHONES, SERVICE_INSIDE, WORLD_PHONES, 0, 250, 6, 0, 0, 1300000, 1.4f, 1300000, 1.4f, 0, 100, 1.4f, .002f, false},
    {APP_STUN, 3478, UDP, WORLD_CLIENTS, SERVICE_PEER, 0, 0, 0, 7, 1, 0, 400, 1.2f, 420, 1.2f, .02f, 20, 1.6f, .15f, false},
    {APP_MQTT, 8883, TCP, WORLD_LAB, SERVICE_PEER, 0, 0, 0, 1, 8, 0, 4200, 1.0f, 3800, 1.0f, 0, 1500, 1.8f, .02f, false},
    {APP_IKE, 4500, UDP, WORLD_OUTSIDE, SERVICE_INSIDE, WORLD_DMZ, 3, 1, 2, 1, 0, 2500000, 1.9f, 9000000, 2.0f, .03f, 5000, 1.4f, .02f, false},
    /* operation */
    {APP_SNMP, 161, UDP, WORLD_CORE, SERVICE_ANYWHERE, 0, 0, 0, 0, 110, 0, 80, .3f, 260, .8f, 0, .004f, 1.2f, .03f, false},
    {APP_SYSLOG, 514, UDP, WORLD_ANY, SERVICE_INSIDE, WORLD_CORE, 8, 1, 10, 60, 0, 900, 1.3f, 0, 0, 0, 15, 1.5f, 1, false},
    {APP_ICMP, 0, ICMP, WORLD_CORE, SERVICE_ANYWHERE, 0, 0, 0, 0, 55, 0, 168, .2f, 168, .2f, 0, 2, .5f, .03f, false},
    /* the night's copies */
    {APP_SSH, 22, TCP, WORLD_SERVERS, SERVICE_INSIDE, WORLD_CORE, 9, 2, 0, 0, 30, 6.0e7f, 1.8f, 90000, 1, .05f, 900, 1.2f, .003f, false},
    {APP_SMB, 445, TCP, WORLD_CORE, SERVICE_INSIDE, WORLD_SERVERS, 0, 250, 0, 0, 20, 60000, .8f, 2.0e7f, 1.8f, .05f, 300, 1.3f, .01f, true},
    {APP_TLS, 443, TCP, WORLD_CORE, SERVICE_NAMED, 0, 0, 0, 0, 1, 4, 3.0e7f, 1.8f, 40000, 1, .05f, 300, 1.2f, .005f, true},
};
/* clang-format on */

const unsigned n_services = sizeof(services) / sizeof(services[0]);
