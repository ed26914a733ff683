/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Shares a capture out to several as the kernel does to a group of rings: sensor_split CAPTURE FILE...: all
 * packets between two addresses go into the same file, frames without addresses into the first. Ethernet
 * only.
 */

#include <err.h>
#include <stdio.h>

#include "capture/capture.h"
#include "decode/decode.h"
#include "draw.h"
#include "sensor_out.h"

enum { FILES_MAX = 32, LINK_ETHERNET = 1 };

static uint64_t address_hash(const struct net_addr *a)
{
	uint64_t h = 0;
	for (size_t i = 0; i < sizeof(a->b); i++)
		h = draw_hash(h, a->b[i]);
	return h;
}

int main(int argc, char **argv)
{
	static struct out outs[FILES_MAX];
	struct capture_set *captures;
	struct capture_frame f;
	struct decoder *decoder;
	struct packet k;
	char why[160];
	size_t n = (size_t)argc - 2;
	if (argc < 4 || n > FILES_MAX) {
		fprintf(stderr, "usage: sensor_split CAPTURE FILE FILE...\n");
		return 2;
	}
	if (capture_set_new(&captures) < 0 || decoder_new(&decoder, &(struct decode_config){.seed = 1}) < 0)
		err(1, "memory");
	if (capture_set_add(captures, -1, argv[1], why) < 0)
		errx(1, "%s: %s", argv[1], why);
	for (size_t i = 0; i < n; i++)
		out_open(&outs[i], argv[i + 2]);
	while (capture_set_next(captures, &f) > 0) {
		size_t share = 0;
		if (f.linktype == LINK_ETHERNET &&
		    decoder_frame(decoder, f.linktype, f.data, f.caplen, f.wirelen, f.time_ns, 0, &k) == 0 &&
		    k.n_layers)
			share = (address_hash(&k.layers[0].src) ^ address_hash(&k.layers[0].dst)) % n;
		out_frame(&outs[share], f.time_ns, f.data, f.caplen, f.wirelen);
	}
	for (size_t i = 0; i < n; i++)
		out_close(&outs[i]);
	decoder_free(decoder);
	capture_set_free(captures);
	return 0;
}
