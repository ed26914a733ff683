/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Programs that come from odd places (T1105): over HTTP from a bare address, or to a program (a script
 * interpreter, a system tool) rather than a browser. Updates do the second from names that many use; few do
 * the first.
 */

#include "detect/behaviour.h"

#include <stdio.h>

#include "detect/names.h"
#include "net/app.h"

static const struct text endings[] = {TEXT(".exe"), TEXT(".dll"), TEXT(".scr"), TEXT(".ps1"), TEXT(".hta"),
    TEXT(".vbs"), TEXT(".bat"), TEXT(".msi"), TEXT(".class"), TEXT(".jar"), TEXT(".sh"), TEXT(".elf"),
    TEXT(".iso"), TEXT(".lnk")};
static const struct text types[] = {TEXT("application/x-dosexec"), TEXT("application/x-msdownload"),
    TEXT("application/vnd.microsoft.portable-executable"), TEXT("application/x-msdos-program"),
    TEXT("application/x-executable"), TEXT("application/java-vm"), TEXT("application/hta"),
    TEXT("application/x-sh")};
static const struct text agents[] = {TEXT("WindowsPowerShell"), TEXT("CertUtil"), TEXT("Microsoft BITS"),
    TEXT("curl/"), TEXT("Wget/"), TEXT("python"), TEXT("Java/"), TEXT("mshta"), TEXT("WinHTTP"),
    TEXT("AutoIt")};

static bool any_of(struct text t, const struct text *list, size_t n, bool at_end)
{
	for (size_t i = 0; i < n; i++)
		if (at_end ? name_ends_nocase(t, list[i]) : text_contains_nocase(t, list[i]))
			return true;
	return false;
}

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

static bool is_program(const struct msg_transaction *t)
{
	struct text uri = field_get(t->fields.v, t->fields.n, FIELD_HTTP_URI);
	struct text type = field_get(t->fields.v, t->fields.n, FIELD_HTTP_RESPONSE_TYPE);
	struct text file = field_get(t->fields.v, t->fields.n, FIELD_FILE_NAME);
	uri.n = text_find(uri, '?');
	return any_of(uri, endings, COUNT(endings), true) || any_of(file, endings, COUNT(endings), true) ||
	       any_of(type, types, COUNT(types), false);
}

static void delivery_transaction(struct detector *d, void *state, const struct exchange *x)
{
	const struct msg_flow *f = x->f;
	const struct msg_transaction *t = x->t;
	struct text status = field_get(t->fields.v, t->fields.n, FIELD_HTTP_STATUS);
	struct text method = field_get(t->fields.v, t->fields.n, FIELD_HTTP_METHOD);
	(void)state;
	if (!text_equal(method, TEXT("GET")) || !text_equal(status, TEXT("200")) || !x->from_inside ||
	    x->to_inside || !is_program(t))
		return;
	struct text host = field_get(t->fields.v, t->fields.n, FIELD_HTTP_HOST);
	struct text agent = field_get(t->fields.v, t->fields.n, FIELD_HTTP_USER_AGENT);
	struct text uri = field_get(t->fields.v, t->fields.n, FIELD_HTTP_URI);
	struct net_addr a;
	bool bare = net_addr_parse(text_sub(host, 0, text_find(host, ':')), &a) == 0;
	bool tool = agent.n == 0 || any_of(agent, agents, COUNT(agents), false);
	double c = (bare ? 0.35 : 0.1) + (tool ? 0.1 : 0);
	char why[DETECT_WHY_SIZE], to[NET_ADDR_TEXT_SIZE], place[70], what[70], who[50];
	snprintf(why, sizeof(why), "%s fetched a program over HTTP from %s%s with %s",
	    detect_addr(f->initiator, to), detect_text(host, place, sizeof(place)),
	    detect_text(uri, what, sizeof(what)),
	    agent.n ? detect_text(agent, who, sizeof(who)) : "a client without a name");
	struct finding g = finding_of(f, t);
	g.name = "delivery.program";
	g.technique = "T1105";
	g.confidence = c;
	g.by_rarity = true;
	g.rare_name = bare ? 0 : history_name_key(d, host);
	g.peer_role = MSG_ROLE_DELIVERY;
	g.why = why;
	detect_report(d, &g);
}

const struct behaviour behaviour_delivery = {
    .name = "delivery",
    .transaction = delivery_transaction,
    .fields = (const enum field[]){FIELD_HTTP_METHOD, FIELD_NONE},
};
