/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "decode/ethertype.h"

#include <stddef.h>

static const uint16_t known[] = {
    0x0842, /* Wake-on-LAN */
    0x2000, /* Cisco discovery, over HDLC and GRE */
    0x6001, /* DEC MOP dump and load */
    0x6002, /* DEC MOP remote console */
    0x6003, /* DECnet */
    0x8035, /* reverse ARP; SLARP over Cisco HDLC */
    0x809b, /* AppleTalk */
    0x80f3, /* AppleTalk ARP */
    0x8137, /* IPX */
    0x8808, /* Ethernet flow control */
    0x8809, /* slow protocols: LACP, OAM */
    0x8863, /* PPPoE discovery */
    0x886d, /* Intel network card teaming */
    0x887b, /* HomePlug */
    0x888e, /* 802.1X */
    0x8892, /* PROFINET */
    0x8899, /* Realtek remote control */
    0x88a4, /* EtherCAT */
    0x88ab, /* Ethernet Powerlink */
    0x88b8, /* GOOSE */
    0x88ba, /* IEC 61850 sampled values */
    0x88cc, /* LLDP */
    0x88d9, /* LLTD */
    0x88e1, /* HomePlug AV */
    0x88e3, /* media redundancy */
    0x88f5, /* MVRP */
    0x88f7, /* precision time */
    0x8902, /* connectivity fault management */
    0x8906, /* Fibre Channel over Ethernet */
    0x8914, /* FCoE initialization */
    0x8915, /* RDMA over Ethernet */
    0x891d, /* TTEthernet */
    0x892f, /* high-availability seamless redundancy */
    0x9000, /* loopback test */
};

bool ethertype_is_known(uint16_t ethertype)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i] == ethertype)
			return true;
	return false;
}
