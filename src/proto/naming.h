/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_NAMING_H
#define PROTO_NAMING_H

/*
 * Protocols that are only named: a row holds a tiny probe of content and nothing else. The rows are asked in
 * their order, once no parser claims the flow, at each payload until one says yes or the framework gives up
 * (PROTO_PROBE_BYTES of a direction, a few turns). Probes are pure, look at no port alone, and rest on magic
 * numbers and lengths that agree with the payload: a wrong name is worse than none.
 */

#include "proto/proto.h"

struct naming_bytes {
	const uint8_t *p; /* never NULL */
	size_t n;
};

struct naming_view {
	const struct flow *flow;
	enum flow_dir dir; /* who sent `now` */
	/* TCP: this direction's first bytes, at most PROTO_PROBE_BYTES. UDP: this datagram, whole. */
	struct naming_bytes now;
	/* The first bytes of each direction, at most PROTO_PROBE_BYTES; n == 0: none yet. UDP: of its first
	 * datagram, of which 64 bytes are kept once a later one has come. */
	struct naming_bytes first[2];
};

struct naming_probe {
	enum app app;
	bool tcp, udp;
	bool (*probe)(const struct naming_view *v);
};

/* Closed by a row with app == APP_UNKNOWN. */
extern const struct naming_probe naming_probes[];

#endif
