/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detect/behaviour.h"

/* First edges come last: they look at the evidence of all the others. */
const struct behaviour *const behaviours[] = {
    &behaviour_indicator,
    &behaviour_scan,
    &behaviour_brute_force,
    &behaviour_remote_execution,
    &behaviour_beacon,
    &behaviour_outflow,
    &behaviour_staging,
    &behaviour_dns_tunnel,
    &behaviour_first_edge,
    NULL,
};
