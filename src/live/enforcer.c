/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/enforcer.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "enforce/bgp.h"
#include "enforce/netfilter.h"
#include "enforce/xdp.h"
#include "live/fence.h"

static const struct daemon_enforcer *own_part(const struct enforcer *f, const struct daemon_conf *conf)
{
	return f->process->index < conf->n_enforcers ? &conf->enforcers[f->process->index] : NULL;
}

static int open_netfilter(struct enforcer *f, const struct daemon_enforcer *d, struct backend **ret_backend)
{
	struct netfilter_config c = {.table = d->table,
	    .hooks = d->hooks,
	    .interfaces = d->interfaces,
	    .n_interfaces = d->n_interfaces,
	    .reset = d->reset,
	    .passes = f->rules.passes,
	    .n_passes = f->rules.n_passes};
	_Static_assert((int)NETFILTER_ROUTED == (int)DAEMON_HOOK_ROUTED &&
	                   (int)NETFILTER_BRIDGED == (int)DAEMON_HOOK_BRIDGED &&
	                   (int)NETFILTER_INGRESS == (int)DAEMON_HOOK_INGRESS,
	    "the same bits");
	return netfilter_open(&c, ret_backend);
}

static int open_xdp(
    struct enforcer *f, const struct daemon_enforcer *d, struct backend **ret_backend, char *why)
{
	char pins[PATH_MAX];
	struct xdp_config c = {.interfaces = d->interfaces,
	    .n_interfaces = d->n_interfaces,
	    .passes = f->rules.passes,
	    .n_passes = f->rules.n_passes,
	    .pins = fence_pins(f->process->index, pins)};
	return xdp_open(&c, ret_backend, why);
}

static int open_bgp(
    struct enforcer *f, const struct daemon_enforcer *d, struct backend **ret_backend, char *why)
{
	const struct daemon_bgp *b = &d->bgp;
	struct bgp_config c = {.peer = b->peer,
	    .port = b->port,
	    .local = b->local,
	    .local_as = b->local_as,
	    .peer_as = b->peer_as,
	    .router_id = b->router_id,
	    .hold_ns = b->hold_ns,
	    .announce = b->announce == DAEMON_BGP_FLOWSPEC ? BGP_ANNOUNCE_FLOWSPEC : BGP_ANNOUNCE_BLACKHOLE,
	    .next_hop_v4 = b->next_hop_v4,
	    .next_hop_v6 = b->next_hop_v6,
	    .pass = f->rules.passes,
	    .n_pass = f->rules.n_passes};
	return bgp_open(&c, ret_backend, why);
}

/* Before the process gives its rights up: loading a program takes some that it doesn't keep. */
static int open_backend(void *self, const struct process_configuration *c, struct dynbuf *why)
{
	struct enforcer *f = self;
	const struct daemon_enforcer *d = own_part(f, c->conf);
	char reason[XDP_WHY_SIZE + BGP_WHY_SIZE] = "";
	struct backend *b = NULL;
	int r = d ? live_rules_make(&f->rules, c->conf, c->site) : -EINVAL;
	if (r < 0)
		return r;
	switch (d->backend) {
	case DAEMON_BACKEND_NFTABLES: r = open_netfilter(f, d, &b); break;
	case DAEMON_BACKEND_XDP: r = open_xdp(f, d, &b, reason); break;
	case DAEMON_BACKEND_BGP: r = open_bgp(f, d, &b, reason); break;
	}
	if (r < 0) {
		dynbuf_printf(
		    why, "enforcer %s can't begin: %s\n", d->name, reason[0] ? reason : err_text(r));
		return r;
	}
	if (reason[0])
		log_warning("enforcer %s: %s", d->name, reason);
	f->backend = b;
	return enforcer_passes(f, f->rules.passes, f->rules.n_passes);
}

static int prepare(void *self, const struct process_configuration *c, struct dynbuf *why)
{
	struct enforcer *f = self;
	struct live_rules rules;
	(void)why;
	/* what it can't change without being started anew the parent restarts it for; guardrails it can */
	int r = live_rules_make(&rules, c->conf, c->site);
	if (r < 0)
		return r;
	rules.guardrails.spared_pass = enforcer_lets_pass(f, &rules.guardrails);
	if (f->desired) {
		live_rules_free(&f->next_rules);
		f->next_rules = rules;
		f->rules_wait = true;
		return 0;
	}
	live_rules_free(&f->rules);
	f->rules = rules;
	const struct daemon_enforcer *d = own_part(f, c->conf);
	f->name = d ? strdup(d->name) : NULL;
	if (!f->name)
		return d ? -ENOMEM : -EINVAL;
	f->lease_ns = d->lease_ns;
	return desired_new(&f->desired, &f->rules.guardrails, ORDERS_CUTS_MAX, f->process->seed);
}

static void discard(void *self)
{
	struct enforcer *f = self;
	live_rules_free(&f->next_rules);
	f->rules_wait = false;
}

/* What was begun is abandoned with the old rules, so it is asked for again. */
static void take_rules(struct enforcer *f)
{
	if (!f->rules_wait)
		return;
	bool begun = f->telling || f->waiting;
	enforcer_give_up_waiting(f);
	int r = desired_rules(f->desired, &f->next_rules.guardrails);
	discard(f);
	if (r < 0)
		process_fail(f->process, r); /* it begins anew with them */
	else if (begun)
		enforcer_say_resync(f);
}

static void on_events(void *context, uint32_t events)
{
	struct enforcer *f = context;
	bool foreign = false;
	(void)events;
	int r = f->backend->ops->events ? f->backend->ops->events(f->backend, &foreign) : 0;
	if (r < 0)
		enforcer_reached(f, r);
	/* somebody else was at what is ours: look at once */
	if (foreign)
		enforcer_read_soon(f, loop_now());
}

static void swap(void *self)
{
	struct enforcer *f = self;
	take_rules(f);
	if (f->events.context)
		return;
	int64_t now = loop_now();
	f->events = (struct loop_source){.fd = f->backend->ops->fd ? f->backend->ops->fd(f->backend) : -1,
	    .ready = on_events,
	    .context = f};
	if (f->events.fd >= 0 && loop_add(f->process->loop, &f->events, EPOLLIN) < 0)
		process_fail(f->process, -EIO);
	f->state_at = now;
	f->renew_at = f->retry_at = INT64_MAX;
	f->read_at = now;
}

static void on_gone(void *context, int error)
{
	struct enforcer *f = context;
	if (error != -EPIPE)
		log_error("the engine said what makes no sense (%s); its channel is closed", err_text(error));
	enforcer_give_up_waiting(f);
}

static int met(void *self, unsigned peer, uint16_t index, struct channel *c)
{
	struct enforcer *f = self;
	(void)index;
	if (peer != MSG_PROCESS_ENGINE) {
		channel_free(c);
		return -EPROTO;
	}
	enforcer_give_up_waiting(f);
	f->engine.message = enforcer_message;
	f->engine.gone = on_gone;
	f->engine.context = f;
	f->state_at = 0; /* it is told at once how things are */
	return peer_open(&f->engine, &f->process->peers, c);
}

static int64_t earliest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t deadline(void *self)
{
	struct enforcer *f = self;
	int64_t own = f->backend->ops->deadline ? f->backend->ops->deadline(f->backend) : INT64_MAX;
	int64_t at = earliest(earliest(f->state_at, f->renew_at), earliest(f->retry_at, own));
	at = f->ends.n ? earliest(at, f->ends.at) : at;
	return f->reading ? earliest(at, f->read_next) : earliest(at, f->read_at);
}

/* While the engine lives: who tells nothing any more wants nothing. */
void enforcer_renew(struct enforcer *f, int64_t now)
{
	if (now - f->heard > f->lease_ns / 3) {
		f->renew_at = INT64_MAX; /* until it is heard of again */
		return;
	}
	int r = f->backend->ops->lease(f->backend, now + f->lease_ns);
	enforcer_reached(f, r);
	if (r == 0)
		f->lease_until = now + f->lease_ns;
	f->renew_at = now + (r == 0 ? f->lease_ns / 3 : NS_PER_S);
}

static void renew(struct enforcer *f, int64_t now)
{
	if (now >= f->renew_at)
		enforcer_renew(f, now);
}

static void say_state(struct enforcer *f, int64_t now)
{
	struct dynbuf *out = peer_out(&f->engine);
	char lacks[128];
	if (now < f->state_at)
		return;
	f->state_at = now + NS_PER_S;
	struct msg_enforcer_state m = {.name = text_of(f->name),
	    .backend = text_of(f->backend->ops->name),
	    .in_force = f->settled ? desired_generation(f->desired) : 0,
	    .cuts = desired_count(f->desired),
	    .lease_until = f->lease_until,
	    .ready = f->why[0] == '\0',
	    .why = text_of(f->why),
	    .lacks = text_of(enforcer_lacks(f, lacks, sizeof(lacks)))};
	if (out)
		msg_enforcer_state_encode(out, &m);
}

static void tick(void *self, int64_t now)
{
	struct enforcer *f = self;
	const struct backend_ops *ops = f->backend->ops;
	if (ops->deadline && ops->deadline(f->backend) <= now)
		enforcer_reached(f, ops->tick(f->backend, now));
	renew(f, now);
	enforcer_retry(f, now);
	enforcer_end_due(f, now);
	enforcer_read(f, now);
	say_state(f, now);
}

/* The cuts stay where they are: leases and their own ends are there for that. */
static bool stop(void *self)
{
	(void)self;
	return true;
}

static void free_enforcer(void *self)
{
	struct enforcer *f = self;
	enforcer_give_up_waiting(f);
	peer_close(&f->engine);
	if (f->events.context && f->events.fd >= 0)
		loop_remove(f->process->loop, &f->events);
	if (f->backend)
		f->backend->ops->close(f->backend);
	desired_free(f->desired);
	live_rules_free(&f->rules);
	live_rules_free(&f->next_rules);
	enforcer_spare_free(f);
	table_free(f->counted);
	free(f->ends.v);
	free(f->name);
	free(f);
}

static int start(struct process *p, void **ret_self)
{
	struct enforcer *f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->process = p;
	p->engine = &f->engine;
	*ret_self = f;
	return 0;
}

int enforcer_process(uint16_t index)
{
	static const struct process_ops ops = {.kind = MSG_PROCESS_ENFORCER,
	    .profile = SANDBOX_ENFORCER,
	    .open = open_backend,
	    .met = met,
	    .prepare = prepare,
	    .swap = swap,
	    .discard = discard,
	    .deadline = deadline,
	    .tick = tick,
	    .stop = stop,
	    .free = free_enforcer};
	return process_run(&ops, index, start);
}
