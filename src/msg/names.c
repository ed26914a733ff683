/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "msg/process.h"

static const char *const sources[] = {
    [MSG_SOURCE_INDICATOR] = "indicator",
    [MSG_SOURCE_BEHAVIOUR] = "behaviour",
    [MSG_SOURCE_RULE] = "rule",
    [MSG_SOURCE_FINGERPRINT] = "fingerprint",
    [MSG_SOURCE_TOOL] = "tool",
};

static const char *const roles[] = {
    [MSG_ROLE_NONE] = "none",
    [MSG_ROLE_ACTOR] = "actor",
    [MSG_ROLE_VICTIM] = "victim",
    [MSG_ROLE_TARGET] = "target",
    [MSG_ROLE_C2] = "c2",
    [MSG_ROLE_EXFILTRATION] = "exfiltration",
    [MSG_ROLE_DELIVERY] = "delivery",
    [MSG_ROLE_SCANNER] = "scanner",
    [MSG_ROLE_ATTACKER] = "attacker",
};

static const char *const tlps[] = {
    [MSG_TLP_NONE] = "",
    [MSG_TLP_CLEAR] = "TLP:CLEAR",
    [MSG_TLP_GREEN] = "TLP:GREEN",
    [MSG_TLP_AMBER] = "TLP:AMBER",
    [MSG_TLP_AMBER_STRICT] = "TLP:AMBER+STRICT",
    [MSG_TLP_RED] = "TLP:RED",
};

static const char *const processes[] = {
#define X(id, name) [MSG_PROCESS_##id] = (name),
    MSG_PROCESS_LIST(X)
#undef X
};

static const char *const asks[] = {
#define X(id, name) [MSG_ASK_##id] = (name),
    MSG_ASK_LIST(X)
#undef X
};

static const char *name_at(const char *const *names, size_t n, unsigned i)
{
	return i < n ? names[i] : "unknown";
}

const char *msg_source_name(unsigned source)
{
	return name_at(sources, sizeof(sources) / sizeof(*sources), source);
}

const char *msg_role_name(unsigned role)
{
	return name_at(roles, sizeof(roles) / sizeof(*roles), role);
}

const char *msg_tlp_name(unsigned tlp)
{
	return name_at(tlps, sizeof(tlps) / sizeof(*tlps), tlp);
}

const char *msg_process_name(unsigned process)
{
	return name_at(processes, sizeof(processes) / sizeof(*processes), process);
}

const char *msg_ask_name(unsigned what)
{
	return name_at(asks, sizeof(asks) / sizeof(*asks), what);
}
