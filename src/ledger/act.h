/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEDGER_ACT_H
#define LEDGER_ACT_H

/*
 * Acts in the log: who did what to an order, when and why. The line is "act TIME ORDER WHAT WHO WHY"; WHAT is
 * lower-case letters and hyphens, WHO and WHY are percent-encoded (RFC 3986, all but its unreserved
 * characters) and "-" where there is nothing to be said. Pure.
 */

#include "ledger/ledger.h"

struct ledger_act {
	int64_t time;
	uint64_t order; /* 0: it is about none */
	struct text what, who, why;
};

/* The entry's text; buf has LEDGER_LINE_MAX bytes, and `why` is cut where the line would be too long. 0,
 * -EINVAL: `what` is no word. */
int ledger_act_print(const struct ledger_act *a, char *buf, struct ledger_entry *ret_entry);
/* Back: who and why are decoded into buf, of LEDGER_LINE_MAX bytes. 0 or -ERR_MALFORMED. */
int ledger_act_parse(const struct ledger_entry *e, char *buf, struct ledger_act *ret_act);

#endif
