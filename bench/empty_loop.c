/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The measure of all readers: libpcap's loop over a file, that does nothing with a packet but count it. */

#include <pcap/pcap.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *p = argc == 2 ? pcap_open_offline(argv[1], why) : NULL;
	struct pcap_pkthdr *head;
	const u_char *data;
	unsigned long long packets = 0, bytes = 0;
	if (!p)
		return 1;
	while (pcap_next_ex(p, &head, &data) == 1) {
		packets++;
		bytes += head->len;
	}
	pcap_close(p);
	printf("%llu packets, %llu bytes\n", packets, bytes);
	return 0;
}
