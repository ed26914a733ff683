/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detect/behaviour.h"

/*
 * The order is that of the records' way through: exploits are marked before callback looks at their flow, and
 * first edges come last, for they look at the evidence of all the others.
 */
const struct behaviour *const behaviours[] = {
    &behaviour_indicator,
    &behaviour_scan,
    &behaviour_brute_force,
    &behaviour_remote_execution,
    &behaviour_directory,
    &behaviour_ticket,
    &behaviour_exploit,
    &behaviour_callback,
    &behaviour_interactive,
    &behaviour_beacon,
    &behaviour_command_channel,
    &behaviour_foreign_port,
    &behaviour_delivery,
    &behaviour_dns_tunnel,
    &behaviour_dga,
    &behaviour_icmp,
    &behaviour_outflow,
    &behaviour_credential_drop,
    &behaviour_staging,
    &behaviour_first_edge,
    NULL,
};
