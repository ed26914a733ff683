/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef INCIDENT_INCIDENT_H
#define INCIDENT_INCIDENT_H

/*
 * Incidents: detections and assets that belong together (design 5.2). Detections join by asset, by flow and
 * by shared indicator or peer inside a window. An asset is `suspect` or `compromised` by the noisy-or of its
 * independent techniques: the strongest detection of each technique counts once, weighed by what the asset's
 * role in it says (an actor or a victim speaks for compromise, a target does not). Results live in the
 * caller's arena.
 */

#include "base/arena.h"
#include "incident/asset.h"
#include "msg/msg.h"

enum incident_asset_state { INCIDENT_ASSET_TARGET, INCIDENT_ASSET_SUSPECT, INCIDENT_ASSET_COMPROMISED };

struct incident_asset {
	uint32_t asset;
	enum incident_asset_state state;
	double confidence;          /* noisy-or */
	int64_t since;              /* the earliest time from which an intruder can have held it */
	const uint64_t *detections; /* ids */
	size_t n_detections;
};

struct incident_peer {
	struct net_addr addr;
	const char *name; /* SNI, host or DNS name as seen; "" */
	enum msg_role role;
	uint64_t bytes_out, bytes_in; /* from and to the organization */
	const uint64_t *flows;
	size_t n_flows;
};

enum incident_severity { INCIDENT_LOW, INCIDENT_MEDIUM, INCIDENT_HIGH, INCIDENT_CRITICAL };
enum incident_state { INCIDENT_OPEN, INCIDENT_CONTAINED, INCIDENT_CLOSED };

struct incident {
	char id[48]; /* "incident-" and 16 hexadecimal digits: of its earliest detections, so the same capture
	                gives the same id */
	enum incident_state state;
	enum incident_severity severity;
	double confidence;
	int64_t first, last;
	bool has_entry;
	uint32_t entry_asset;
	struct net_addr entry_peer; /* where the intruder came from, none where unknown */
	int64_t entry_time;
	const char *entry_why;
	struct incident_asset *assets; /* compromised first, then by time */
	size_t n_assets;
	struct incident_peer *peers;
	size_t n_peers;
	const struct msg_detection **detections; /* by time */
	size_t n_detections;
};

struct incident_config {
	int64_t window_ns;     /* 0: 7 days */
	double suspect_at;     /* 0: 0.5 */
	double compromised_at; /* 0: 0.8 */
};

struct incident_input {
	const struct asset_map *assets;
	const struct net_zone_map *zones;
	const struct msg_detection *detections; /* the last state of each id */
	size_t n_detections;
	struct archive *archive; /* for the flows that detections rest on, and peers' bytes */
	struct incident_config config;
};

/*
 * The incidents, most severe first, in the arena. Detections that reach nothing above `suspect_at` make no
 * incident; they stay detections. 0, -ENOMEM or the archive's error.
 */
int incident_correlate(
    const struct incident_input *in, struct arena *arena, struct incident **ret_incidents, size_t *ret_n);

const char *incident_asset_state_name(enum incident_asset_state s);
const char *incident_severity_name(enum incident_severity s);
const char *incident_state_name(enum incident_state s);

#endif
