/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A protocol where it doesn't belong (T1571), on connections that leave the organization: a console protocol
 * on a port that firewalls let through, TLS or HTTP on an odd one, and what is neither HTTP nor TLS on
 * theirs. Applications are named by content, so the port is evidence. Weak by itself: many products do it.
 */

#include "detect/behaviour.h"

#include <stdio.h>

#include "net/app.h"

/* How odd it is, before rarity; 0: not at all. */
static double oddness(uint16_t app, uint16_t port)
{
	bool web = port == 80 || port == 443 || port == 53 || port == 8080 || port == 8443;
	if (app_port_is_usual(app, port))
		return 0;
	switch (app) {
	case APP_SSH: return web ? 0.4 : 0.15;
	case APP_TELNET:
	case APP_RDP:
	case APP_VNC:
	case APP_SMB:
	case APP_DCERPC: return web ? 0.4 : 0.25;
	case APP_SOCKS:
	case APP_IRC: return 0.25;
	case APP_DNS: return 0.2;
	case APP_TLS: return 0.12;
	case APP_HTTP: return port == 443 ? 0.25 : 0.1;
	case APP_UNKNOWN: return port == 80 || port == 443 || port == 53 ? 0.2 : 0;
	default: return 0;
	}
}

/* Who speaks one of these goes on in it: nothing has to end before that is said. Others may turn into TLS, or
 * into something with a name. */
static bool is_console(uint16_t app)
{
	switch (app) {
	case APP_SSH:
	case APP_TELNET:
	case APP_RDP:
	case APP_VNC:
	case APP_SMB:
	case APP_DCERPC:
	case APP_SOCKS:
	case APP_IRC: return true;
	default: return false;
	}
}

static void foreign_flow(struct detector *d, void *state, const struct observation *o)
{
	const struct msg_flow *f = o->f;
	(void)state;
	if (!(o->over || (o->ripe && is_console(f->app))) || !o->from_inside || o->to_inside ||
	    !detect_answered(f) || f->protocol != 6 || f->related)
		return;
	double c = oddness(f->app, f->responder_port);
	if (c <= 0 || !observe_once(o, TOLD_FOREIGN))
		return;
	char why[DETECT_WHY_SIZE], from[NET_ADDR_TEXT_SIZE], to[NET_ADDR_TEXT_SIZE];
	snprintf(why, sizeof(why), "%s spoke %s to %s at port %u, where %s is usual",
	    detect_addr(f->initiator, from), f->app == APP_UNKNOWN ? "an unknown protocol" : app_name(f->app),
	    detect_addr(f->responder, to), f->responder_port,
	    app_of_port(6, f->responder_port) == APP_UNKNOWN ? "nothing"
	                                                     : app_name(app_of_port(6, f->responder_port)));
	struct finding g = {
	    .name = "foreign-port",
	    .technique = "T1571",
	    .confidence = c,
	    .by_rarity = true,
	    .asset = f->initiator,
	    .peer = f->responder,
	    .asset_role = MSG_ROLE_ACTOR,
	    .peer_role = MSG_ROLE_C2,
	    .subject = (uint64_t)f->app << 16 | f->responder_port,
	    .first = f->first,
	    .last = f->last,
	    .count = 1,
	    .adds = true,
	    .flows = &f->id,
	    .n_flows = 1,
	    .why = why,
	};
	detect_report(d, &g);
}

const struct behaviour behaviour_foreign_port = {
    .name = "foreign port",
    .flow = foreign_flow,
};
