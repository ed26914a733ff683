/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONF_SITE_H
#define CONF_SITE_H

/*
 * The site file: zones, assets, services, what must never be cut, who can cut, what the sensors see. Read
 * from YAML (libyaml) by a schema of rows; each mistake gives a diagnostic with file:line:column, what is
 * wrong and what would be right, and reading goes on to find the others. The format is described in
 * doc/site.md. A good file prints back to a file that reads as the same site.
 *
 * struct site owns all that it points to (one arena and the zone map).
 */

#include <stdio.h>

#include "base/arena.h"
#include "net/addr.h"
#include "net/zone.h"

/* What a hub does for others: bits of site_asset.roles. */
#define SITE_ROLE_LIST(X)                                                                                    \
	X(DNS, "dns")                                                                                        \
	X(DIRECTORY, "directory")                                                                            \
	X(BACKUP, "backup")                                                                                  \
	X(MAIL, "mail")                                                                                      \
	X(PROXY, "proxy")                                                                                    \
	X(FILE_SERVER, "file-server")                                                                        \
	X(DATABASE, "database")                                                                              \
	X(VPN, "vpn")                                                                                        \
	X(MONITORING, "monitoring")                                                                          \
	X(JUMP_HOST, "jump-host")                                                                            \
	X(UPDATE, "update")

enum site_role_bit {
#define X(id, name) SITE_ROLE_BIT_##id,
	SITE_ROLE_LIST(X)
#undef X
};

struct site_asset {
	const char *name;
	struct net_addr *addrs;
	size_t n_addrs;
	uint32_t roles; /* bit 1 << enum site_role_bit */
};

struct site_service {
	const char *name;
	bool to_zone; /* `zone` holds, else `prefix` */
	uint16_t zone;
	struct net_prefix prefix;
	uint8_t protocol;    /* 0: any */
	uint16_t port;       /* 0: any */
	uint8_t criticality; /* 1..10 */
};

struct site_enforcement {
	const char *name;
	const char *kind; /* "nftables" */
	uint16_t *zones;  /* it separates any two of these */
	size_t n_zones;
};

struct site_link {
	const char *name;
	uint16_t *zones; /* whose traffic the link carries; within the zone too */
	size_t n_zones;
};

struct site_policy {
	int64_t lease_ns;
	uint32_t max_cuts;
	uint8_t widest_prefix_v4; /* 0..32 */
	uint8_t widest_prefix_v6; /* 0..128 */
};

/* How the archive's ledger is signed and witnessed (doc/evidence.md). */
struct site_ledger {
	const char *key;    /* file of the signing key, as indicators; NULL: the ledger is kept unsigned */
	const char *origin; /* what the log calls itself; NULL: the key's name */
	const char **witnesses; /* verifier keys: name+hash+base64 */
	size_t n_witnesses;
	uint32_t quorum;       /* so many of them must have cosigned; 0 where there are none */
	const char *stamp_url; /* RFC 3161 authority; NULL: none */
	const char *stamp_ca;  /* file with the certificates that its answers must lead to */
};

struct site {
	struct arena arena;
	const char *name;
	const char *path; /* "" when guessed */
	bool guessed;     /* no site file: zones were guessed from the traffic */
	struct net_zone_map *zones;
	struct site_asset *assets;
	size_t n_assets;
	struct site_service *services;
	size_t n_services;
	struct net_prefix *never_cut;
	size_t n_never_cut;
	struct site_enforcement *enforcement;
	size_t n_enforcement;
	struct site_link *links;
	size_t n_links;
	const char **indicators; /* files, relative to the site file's folder unless absolute */
	size_t n_indicators;
	struct site_policy policy;
	struct site_ledger ledger;
};

/* One mistake, ready for a person: "site.yaml:12:9: prefix 10.0.0.1/8 has host bits set; write 10.0.0.0/8".
 */
typedef void (*site_diagnostic_fn)(void *context, const char *line);

/* Reads the file. 0; -errno where it can't be read (with a diagnostic too); -ERR_INVALID where diagnostics
 * were given. */
int site_read(struct site **ret_site, const char *path, site_diagnostic_fn diagnostic, void *context);
/* The same from bytes; `path` only names them. */
int site_parse(
    struct site **ret_site, const char *path, struct text yaml, site_diagnostic_fn diagnostic, void *context);
/*
 * A site without a file: one zone "internal" of the private ranges (RFC 1918, RFC 6598, RFC 4193) and
 * link-local ones, the rest external, one enforcement point between them.
 */
int site_guess(struct site **ret_site);
void site_free(struct site *s);
/* Prints it back as YAML. 0 or -errno. */
int site_print(const struct site *s, FILE *out);
const char *site_role_name(enum site_role_bit bit);

#endif
