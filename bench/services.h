/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_SERVICES_H
#define BENCH_SERVICES_H

/* What the machines of a generated history do, as a table: bench/history.md says where the numbers are from.
 */

#include <stdint.h>

#include "bench/world.h"
#include "net/app.h"

/* Where a flow goes. */
enum service_target {
	SERVICE_INSIDE,    /* a machine of `zone`, one of `count` from `first` on */
	SERVICE_ANYWHERE,  /* any machine inside */
	SERVICE_NAMED,     /* a named service outside */
	SERVICE_AUTHORITY, /* a well-known one without a name: name servers, time servers */
	SERVICE_PEER       /* one of a large, changing population: calls, peer to peer */
};

struct service {
	uint16_t app, port;
	uint8_t protocol;
	uint8_t from; /* enum world_zone */
	uint8_t target;
	uint8_t zone, first, count;
	uint16_t human, machine, night; /* weight among the flows of people, machines, and of the night */
	float out, out_sigma;           /* payload of the initiator: median and deviation of its logarithm */
	float in, in_sigma;
	float tail;                   /* the share of heavy-tailed transfers, by the larger side */
	float seconds, seconds_sigma; /* how long it lasts */
	float fail;                   /* share without an answer */
	bool named;                   /* an internal one whose name the flow tells */
};

enum { SERVICE_SCAN_IN = 0, SERVICE_SCAN_INSIDE = 1 };

extern const struct service services[];
extern const unsigned n_services;

#endif
