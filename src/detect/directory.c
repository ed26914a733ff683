/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Questions to a directory that attackers' tools ask and administrators' consoles hardly do (T1069.002,
 * T1087.002, T1558): who the domain's administrators are, which accounts hold service names, which need no
 * pre-authentication. SpecterOps, "BloodHound"; Metcalf, "SPN scanning". Weak alone.
 */

#include "detect/behaviour.h"

#include <stdio.h>

#include "base/hash.h"
#include "detect/names.h"

static const struct {
	struct text part;
	const char *technique;
	double confidence;
} questions[] = {
    {TEXT("=domain admins"), "T1069.002", 0.35},
    {TEXT("=enterprise admins"), "T1069.002", 0.35},
    {TEXT("admincount=1"), "T1087.002", 0.35},
    {TEXT("serviceprincipalname=*"), "T1558.003", 0.35},
    {TEXT("1.2.840.113556.1.4.803:=4194304"), "T1558.004", 0.4},
    {TEXT("ms-mcs-admpwd=*"), "T1555", 0.4},
    {TEXT("msds-allowedtodelegateto=*"), "T1087.002", 0.35},
};

static void directory_transaction(struct detector *d, void *state, const struct exchange *x)
{
	const struct msg_flow *f = x->f;
	const struct msg_transaction *t = x->t;
	struct text filter = field_get(t->fields.v, t->fields.n, FIELD_LDAP_FILTER);
	(void)state;
	for (size_t i = 0; filter.n && i < sizeof(questions) / sizeof(*questions); i++) {
		if (!text_contains_nocase(filter, questions[i].part))
			continue;
		char why[DETECT_WHY_SIZE], from[NET_ADDR_TEXT_SIZE], to[NET_ADDR_TEXT_SIZE], shown[120];
		snprintf(why, sizeof(why), "%s asked the directory at %s for %s",
		    detect_addr(f->initiator, from), detect_addr(f->responder, to),
		    detect_text(filter, shown, sizeof(shown)));
		struct finding g = finding_of(f, t);
		g.name = "discovery.directory";
		g.technique = questions[i].technique;
		g.confidence = questions[i].confidence;
		g.peer_role = MSG_ROLE_TARGET;
		g.why = why;
		detect_report(d, &g);
		return;
	}
}

const struct behaviour behaviour_directory = {
    .name = "directory questions",
    .transaction = directory_transaction,
    .fields = (const enum field[]){FIELD_LDAP_FILTER, FIELD_NONE},
};
