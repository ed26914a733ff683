/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIVE_RULES_H
#define LIVE_RULES_H

/*
 * The guardrails of a configuration, and what passes whatever is cut. The engine asks them before it orders,
 * and each enforcer makes them for itself from what the parent handed down.
 *
 * What they spare is among what passes, so they allow cuts that hold it (guardrail.h, spared_pass). An
 * enforcer takes that back where its backend was opened with other passes (enforcer_spare.c).
 */

#include "conf/daemon.h"
#include "contain/guardrail.h"
#include "enforce/backend.h"

struct live_rules {
	struct guardrails guardrails;
	struct net_prefix *never_cut, *control;
	struct backend_pass *passes; /* never_cut among them */
	size_t n_passes;
};

/* 0 or -ENOMEM; freed by live_rules_free. A zeroed struct holds nothing. */
int live_rules_make(struct live_rules *r, const struct daemon_conf *conf, const struct site *site);
void live_rules_free(struct live_rules *r);

#endif
