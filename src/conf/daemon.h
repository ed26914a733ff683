/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONF_DAEMON_H
#define CONF_DAEMON_H

/*
 * The daemon's file, bulkhead.yaml: what is watched, who cuts and by which guardrails, who may approve, where
 * things are kept and told. Read by the same schema of rows as the site file, which it names: a mistake gives
 * file:line:column, what is wrong and what would be right, and reading goes on to find the others. A good
 * file prints back to a file that reads as the same. The format is described in doc/daemon.md.
 *
 * struct daemon_conf owns all that it points to (one arena). Paths stand as they were written: relative ones
 * begin at the file's folder. Zero and NULL mean what each member says; defaults are filled in by the reader.
 */

#include <stdio.h>

#include "base/arena.h"
#include "conf/site.h"

enum {
	DAEMON_LINKS_MAX = 64,
	DAEMON_INTERFACES_MAX = 16,
	DAEMON_SENSORS_MAX = 32,
	DAEMON_ENFORCERS_MAX = 16,
	DAEMON_NEAR_NAMES_MAX = 16,
	DAEMON_AUTOMATIC_MAX = 64,
	DAEMON_PASS_MAX = 256,
	DAEMON_WEBHOOKS_MAX = 16,
	DAEMON_MEMBERS_MAX = 256,
};

/* Where a link's interfaces stand. */
enum daemon_place {
	/* This machine forwards between them: each packet is taken once, as it comes in; one that leaves
	 * though it is cut is a leak. */
	DAEMON_PLACE_GATEWAY,
	/* A mirror of traffic that goes on elsewhere: of what is cut the first packets of one direction are
	 * still seen, answers are a leak. */
	DAEMON_PLACE_TAP,
};

/* How the kernel hands frames over: capture/ring.h. */
enum daemon_deliver { DAEMON_DELIVER_FRAMES, DAEMON_DELIVER_BLOCKS };

struct daemon_link {
	const char *name; /* a link of the site file, or any: coverage is told by it */
	const char **interfaces;
	size_t n_interfaces; /* 0: `capture` holds */
	const char *capture; /* a file played as if it were live; NULL: `interfaces` are watched */
	double speed;        /* of that: 1 as it was recorded; 0: as fast as it goes */
	enum daemon_place place;
	enum daemon_deliver deliver; /* default: blocks for a tap of one interface, frames for all others */
};

struct daemon_sensor {
	uint32_t processes;  /* default 1 */
	uint32_t ring_mib;   /* of each interface and process; default 64 */
	size_t flows_max;    /* of each process; default 262,144 */
	int64_t snapshot_ns; /* a record of a long flow at least this often; default 60 s */
};

enum daemon_backend { DAEMON_BACKEND_NFTABLES, DAEMON_BACKEND_XDP, DAEMON_BACKEND_BGP };

/* Bits of daemon_enforcer.hooks. */
enum daemon_hook { DAEMON_HOOK_ROUTED = 1, DAEMON_HOOK_BRIDGED = 2, DAEMON_HOOK_INGRESS = 4 };

enum daemon_bgp_announce { DAEMON_BGP_FLOWSPEC, DAEMON_BGP_BLACKHOLE };

struct daemon_bgp {
	struct net_addr peer;  /* the local BIRD, ExaBGP or any router */
	uint16_t port;         /* default 179 */
	struct net_addr local; /* where we speak from; none: as the system chooses */
	uint32_t local_as, peer_as;
	struct net_addr router_id; /* IPv4; default `local` where that is one */
	int64_t hold_ns;           /* default 9 s: the lease; 3 s at least (RFC 4271) */
	enum daemon_bgp_announce announce;
	struct net_addr next_hop_v4, next_hop_v6; /* of blackhole routes */
};

struct daemon_remote {
	struct net_addr address;
	uint16_t port;
	const char *name;                   /* in the far side's certificate */
	const char *certificate, *key, *ca; /* PEM files */
};

struct daemon_enforcer {
	const char *name; /* an enforcement point of the site file, or any */
	bool is_remote;   /* `remote` holds, and the far side's own file tells the rest */
	struct daemon_remote remote;
	enum daemon_backend backend;
	unsigned hooks;          /* nftables; default DAEMON_HOOK_ROUTED */
	const char **interfaces; /* of ingress hooks and XDP */
	size_t n_interfaces;
	const char *table; /* nftables; default "bulkhead" */
	bool reset;        /* a cut TCP connection is told so; default: dropped in silence */
	int64_t lease_ns;  /* default 30 s; of BGP its hold time */
	struct daemon_bgp bgp;
};

/* In the file of `bulkhead enforce`: who steers the one enforcer of this machine (doc/remote.md). */
struct daemon_near {
	struct net_addr address; /* where it is listened on */
	uint16_t port;           /* 0: there is no such section, and this is the file of `bulkhead run` */
	const char **names;      /* any of them, in the certificate of whom connects */
	size_t n_names;
	const char *certificate, *key, *ca; /* PEM files */
};

/* What passes although an end of it is cut off. */
struct daemon_pass {
	struct net_prefix prefix; /* 0 bits: anywhere, of either family */
	uint8_t protocol;         /* 0: any */
	uint16_t port;            /* 0: any */
};

struct daemon_guardrails {
	struct net_prefix *never_cut; /* besides the site file's */
	size_t n_never_cut;
	struct net_prefix *control; /* where the enforcer is steered from */
	size_t n_control;
	struct daemon_pass *pass;
	size_t n_pass;
	/* Bits of 32, 128; default: the site file's policy. 0: that says any, or is not known. */
	uint8_t widest_v4, widest_v6;
	uint32_t most_cuts;            /* default 10,000 */
	int64_t longest_lease_ns;      /* default 24 h */
	uint32_t most_orders_a_minute; /* default 30 */
};

struct daemon_approval {
	uint8_t persons;    /* 1 or 2; default 1 */
	int64_t wait_ns;    /* a proposal's life without; default 1 h */
	int64_t confirm_ns; /* default 10 min; 0: none is asked for */
	int64_t lease_ns;   /* default: the site file's policy; 0: that is not known */
	bool fail_closed;
};

enum daemon_target { DAEMON_CUT_PEER, DAEMON_CUT_ASSET, DAEMON_CUT_PAIR };

/* One row of what is cut without asking. */
struct daemon_automatic {
	const char *name;
	const char *detection; /* fnmatch(3) pattern of the detection's name: "indicator:*", "scan" */
	double confidence;     /* at least */
	enum daemon_target target;
	/* The rest by default as of approval. */
	int64_t lease_ns;
	int64_t confirm_ns; /* 0: none is asked for */
	bool fail_closed;
};

enum daemon_role { DAEMON_VIEWER, DAEMON_ANALYST, DAEMON_APPROVER, DAEMON_ROLES };

struct daemon_member {
	bool group; /* else a user */
	const char *name;
	uint32_t id; /* UINT32_MAX until the parent has looked it up */
};

struct daemon_control {
	const char *socket; /* default /run/bulkhead/control */
	/* A role holds those after it. Default: the user root approves. */
	struct daemon_member *members[DAEMON_ROLES];
	size_t n_members[DAEMON_ROLES];
};

struct daemon_webhook {
	const char *url;
	const char *ca;         /* NULL: the system's */
	const char *token_file; /* its first line goes out as a bearer token; NULL: none */
	bool incidents, orders; /* default both */
};

struct daemon_conf {
	struct arena arena;
	const char *path;
	const char *site;    /* its file; NULL: guessed */
	const char *archive; /* default /var/lib/bulkhead/archive */
	const char *state;   /* the orders' folder; default /var/lib/bulkhead/state */
	const char *run_as;  /* default "nobody" */
	struct daemon_link *links;
	size_t n_links;
	struct daemon_sensor sensor;
	struct daemon_enforcer *enforcers;
	size_t n_enforcers;
	struct daemon_near near;
	struct daemon_guardrails guardrails;
	struct daemon_approval approval;
	struct daemon_automatic *automatic;
	size_t n_automatic;
	struct daemon_control control;
	struct net_addr metrics_addr;
	uint16_t metrics_port;             /* 0: there are no metrics */
	const char *eve_file, *eve_socket; /* NULL: not written */
	struct daemon_webhook *webhooks;
	size_t n_webhooks;
	int64_t keep_ns;       /* records older than that are dropped; 0: never */
	int64_t ended_keep_ns; /* orders that ended longer ago are forgotten; default 90 days */
	uint32_t ended_most;   /* of more that have ended those that did first; default 100,000 */
	int64_t sync_ns;       /* records are durable after so long; default 1 s */
	int64_t verify_ns;     /* a cut is looked after for so long before it is verified; default 3 s */
};

/*
 * Reads the file and the site file that it names (a guessed site where it names none), and checks one against
 * the other: what `bulkhead run` and `check` begin with. Mistakes of both are told. As site_read; the caller
 * frees both.
 */
int daemon_conf_load(struct daemon_conf **ret_conf, struct site **ret_site, const char *path,
    site_diagnostic_fn diagnostic, void *context);
/* Whether a document is a daemon's file, by its keys; what is neither that nor a site file is none. */
bool daemon_conf_is(struct text yaml);
/* Where a path that stands in the file leads: relative ones begin at the file's folder. The caller frees it;
 * NULL when memory ends. */
char *daemon_conf_place(const struct daemon_conf *c, const char *path);

/* As site_read, site_parse, site_free, site_print. `site`, where it is known already, gives the defaults that
 * come from it and must have the links and enforcement points that are named: what it lacks is a mistake.
 * NULL: neither is done. */
int daemon_conf_read(struct daemon_conf **ret_conf, const char *path, const struct site *site,
    site_diagnostic_fn diagnostic, void *context);
int daemon_conf_parse(struct daemon_conf **ret_conf, const char *path, struct text yaml,
    const struct site *site, site_diagnostic_fn diagnostic, void *context);
void daemon_conf_free(struct daemon_conf *c);
int daemon_conf_print(const struct daemon_conf *c, FILE *out);

#endif
