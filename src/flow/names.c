/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/flow.h"

static const char *const states[] = {
    [FLOW_TCP_NONE] = "none",
    [FLOW_TCP_SYN_SENT] = "syn_sent",
    [FLOW_TCP_SYN_RECEIVED] = "syn_recv",
    [FLOW_TCP_ESTABLISHED] = "established",
    [FLOW_TCP_CLOSING] = "closing",
    [FLOW_TCP_CLOSED] = "closed",
    [FLOW_TCP_RESET] = "reset",
    [FLOW_TCP_REFUSED] = "refused",
    [FLOW_TCP_MIDSTREAM] = "midstream",
};

static const char *const ends[] = {
    [FLOW_END_NONE] = "none",
    [FLOW_END_FIN] = "fin",
    [FLOW_END_RST] = "rst",
    [FLOW_END_TIMEOUT] = "timeout",
    [FLOW_END_EVICTED] = "evicted",
    [FLOW_END_CAPTURE] = "capture",
};

const char *flow_tcp_state_name(unsigned state)
{
	return state < sizeof(states) / sizeof(*states) ? states[state] : "unknown";
}

const char *flow_end_name(unsigned how)
{
	return how < sizeof(ends) / sizeof(*ends) ? ends[how] : "unknown";
}
