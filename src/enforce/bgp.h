/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_BGP_H
#define ENFORCE_BGP_H

/*
 * The backend that has routers carry cuts out: a BGP speaker that announces flow specification rules or
 * blackhole routes to one router, the local BIRD or ExaBGP or any other. doc/enforce-bgp.md tells what a user
 * must know.
 *
 * Dead-man: BGP's own. When this process dies its session ends, and the router withdraws all of it at once,
 * or, where it doesn't learn of that, with the hold time. No graceful restart is offered, so nothing lingers.
 *
 * In force is a cut when the session is established, the lease runs, and every UPDATE was handed to the
 * kernel.
 *
 * What the functions of backend.h answer here, besides their own words:
 * - cannot: also what the router has said that it doesn't take, while a session stands.
 * - change: without a session nothing is added or renewed: -ENOTCONN. Removals among the steps are carried
 * out even so, as far as they can be: such a cut isn't announced again. With removals alone it is 0, but
 * -ENOTCONN as long as the router may still hold what was announced in a session that only we know to be over
 * (at most the hold time). -ETIME: the lease is over, nothing is added. -EINPROGRESS: all steps were taken,
 * but the router is slow to read; the same change later gives 0 when it has read.
 * - What stands is announced again by itself in the next session.
 * - lease: before the first nothing can be added. When it is over all is withdrawn, and announced again when
 * it is renewed.
 * - end_connections: there is no such thing.
 * - read_more: all at once, without counters. Intact: what stands is in force.
 * - fd: stays the same for the backend's life, sessions come and go behind it. Readable too when a session
 *   began or ended, which `events` calls foreign.
 * - deadline: in the past when something was read; it is `tick` that works on it, since it knows the time.
 * - close: ends the session, so nothing stays.
 *
 * System calls after bgp_open: socket, setsockopt, bind, connect, getsockopt, poll, recvfrom, sendto,
 * shutdown, close, epoll_ctl, epoll_wait, and read and write on an eventfd. No names are looked up.
 */

#include "enforce/backend.h"
#include "enforce/bgp_session.h"

enum bgp_announce { BGP_ANNOUNCE_FLOWSPEC, BGP_ANNOUNCE_BLACKHOLE };

struct bgp_config {
	struct net_addr peer;
	uint16_t port;         /* 0: BGP_PORT */
	struct net_addr local; /* none: as the system chooses */
	uint32_t local_as, peer_as;
	struct net_addr router_id; /* IPv4 */
	int64_t hold_ns;           /* whole seconds, BGP_HOLD_LEAST_S of them at least */
	enum bgp_announce announce;
	struct net_addr next_hop_v4, next_hop_v6; /* of blackhole routes; none: none of that family */
	/* What must pass though an end of a cut is theirs; never_cut prefixes too. Copied. */
	const struct backend_pass *pass;
	size_t n_pass; /* at most BGP_PASS_MAX */
};

/* Doesn't connect yet: `tick` does. -ERR_INVALID: *why says what is wrong with the configuration; or -errno.
 */
int bgp_open(const struct bgp_config *config, struct backend **ret_backend, char why[BGP_WHY_SIZE]);
/* How the session stands, one printable line: "established with 192.0.2.1, hold time 9 s, 12 cuts". Returns
 * buf, of BGP_WHY_SIZE bytes. */
char *bgp_status(const struct backend *b, char *buf);

#endif
