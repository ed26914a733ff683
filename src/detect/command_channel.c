/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What published command channels look like where their operators leave the defaults: certificates that a
 * framework's builder makes (T1573.002; the names stand in the projects' own sources), certificates signed by
 * themselves for a destination that nobody else uses, web requests of programs rather than people to rare
 * places (T1071.001).
 */

#include "detect/behaviour.h"

#include <stdio.h>

#include "base/num.h"
#include "detect/names.h"
#include "flow/flow.h"
#include "net/app.h"

/* Parts of the default subject or issuer: builders of remote-access tools and C2 frameworks. */
static const struct text default_names[] = {TEXT("AsyncRAT Server"), TEXT("DcRat"), TEXT("VenomRAT"),
    TEXT("Quasar Server CA"), TEXT("BoratRat"), TEXT("Orcus Server"), TEXT("BitRAT"), TEXT("XWorm"),
    TEXT("Major Cobalt Strike"), TEXT("cobaltstrike"), TEXT("Pupy-CA"), TEXT("Mythic C2"), TEXT("SilverRat"),
    TEXT("LimeRAT"), TEXT("CN=multiplayer, O=operators"), TEXT("O=Internet Widgits Pty Ltd, CN=merlin"),
    TEXT("OdinServer")};

/* Programs' own user agents; what people browse with says Mozilla. */
static const struct text program_agents[] = {TEXT("python-requests"), TEXT("Python-urllib"), TEXT("curl/"),
    TEXT("Wget/"), TEXT("Go-http-client"), TEXT("WindowsPowerShell"), TEXT("Microsoft BITS"),
    TEXT("CertUtil"), TEXT("libwww-perl"), TEXT("Java/"), TEXT("WinHTTP"), TEXT("okhttp"), TEXT("AutoIt"),
    TEXT("aiohttp"), TEXT("Ruby")};

static void channel_report(struct detector *d, const struct msg_flow *f, const struct msg_transaction *t,
    const char *name, const char *technique, double confidence, bool by_rarity, const char *why)
{
	struct finding g = finding_of(f, t);
	g.name = name;
	g.technique = technique;
	g.confidence = confidence;
	g.by_rarity = by_rarity;
	g.peer_role = MSG_ROLE_C2;
	g.why = why;
	detect_report(d, &g);
}

static void certificate_take(
    struct detector *d, const struct msg_flow *f, const struct msg_transaction *t, bool outside)
{
	struct text subject = field_get(t->fields.v, t->fields.n, FIELD_TLS_SUBJECT);
	struct text issuer = field_get(t->fields.v, t->fields.n, FIELD_TLS_ISSUER);
	char why[DETECT_WHY_SIZE], from[NET_ADDR_TEXT_SIZE], to[NET_ADDR_TEXT_SIZE], shown[120];
	if (subject.n == 0 && issuer.n == 0)
		return;
	struct pairs of_subject = pairs_of(subject), of_issuer = pairs_of(issuer);
	for (size_t i = 0; i < sizeof(default_names) / sizeof(*default_names); i++) {
		if (!pairs_contain(&of_subject, subject, default_names[i]) &&
		    !pairs_contain(&of_issuer, issuer, default_names[i]))
			continue;
		snprintf(why, sizeof(why),
		    "%s was shown a certificate by %s:%u that a command framework makes by default: %s",
		    detect_addr(f->initiator, from), detect_addr(f->responder, to), f->responder_port,
		    detect_text(subject.n ? subject : issuer, shown, sizeof(shown)));
		channel_report(d, f, t, "c2.certificate", "T1573.002", 0.9, false, why);
		return;
	}
	if (!outside || subject.n == 0 || !text_equal(subject, issuer))
		return;
	/* RFC 5280, 4.1.2.5: a certificate that never expires ends in the year 9999. Builders of
	 * remote-access tools make such (BouncyCastle's DateTime.MaxValue), web servers don't. */
	bool eternal = text_starts_nocase(
	    field_get(t->fields.v, t->fields.n, FIELD_TLS_NOT_AFTER), TEXT("9999"));
	snprintf(why, sizeof(why), "%s accepted a certificate that %s:%u signed itself%s: %s",
	    detect_addr(f->initiator, from), detect_addr(f->responder, to), f->responder_port,
	    eternal ? " and that never expires" : "", detect_text(subject, shown, sizeof(shown)));
	channel_report(d, f, t, "c2.self-signed", "T1573.002", eternal ? 0.6 : 0.2, true, why);
}

static bool is_address(struct text host)
{
	struct net_addr a;
	return net_addr_parse(text_sub(host, 0, text_find(host, ':')), &a) == 0;
}

/* A program that posts to a bare address or a rare place, without a page it came from. */
static void request_take(struct detector *d, const struct msg_flow *f, const struct msg_transaction *t)
{
	struct text method = field_get(t->fields.v, t->fields.n, FIELD_HTTP_METHOD);
	struct text agent = field_get(t->fields.v, t->fields.n, FIELD_HTTP_USER_AGENT);
	struct text host = field_get(t->fields.v, t->fields.n, FIELD_HTTP_HOST);
	struct text referer = field_get(t->fields.v, t->fields.n, FIELD_HTTP_REFERER);
	struct text uri = field_get(t->fields.v, t->fields.n, FIELD_HTTP_URI);
	if (method.n == 0)
		return;
	bool program = agent.n == 0;
	struct pairs pairs = pairs_of(agent);
	for (size_t i = 0; i < sizeof(program_agents) / sizeof(*program_agents); i++)
		program = program || pairs_contain(&pairs, agent, program_agents[i]);
	bool post = text_equal(method, TEXT("POST")), bare = is_address(host);
	double c = 0;
	if (post && referer.n == 0)
		c = 0.08 + (bare ? 0.12 : 0) + (program ? 0.1 : 0);
	else if (program && bare)
		c = 0.12;
	if (c <= 0)
		return;
	char why[DETECT_WHY_SIZE], from[NET_ADDR_TEXT_SIZE], to[NET_ADDR_TEXT_SIZE], shown[60], place[60],
	    what[60];
	snprintf(why, sizeof(why), "%s: %s %s%s at %s by %s, no page referring to it",
	    detect_addr(f->initiator, from), post ? "POST" : "request",
	    detect_text(host, place, sizeof(place)), detect_text(uri, what, sizeof(what)),
	    detect_addr(f->responder, to),
	    agent.n ? detect_text(agent, shown, sizeof(shown)) : "a client without a name");
	channel_report(d, f, t, "c2.web", "T1071.001", c, true, why);
}

static void channel_transaction(struct detector *d, void *state, const struct exchange *x)
{
	const struct msg_flow *f = x->f;
	const struct msg_transaction *t = x->t;
	(void)state;
	if (!x->from_inside)
		return;
	certificate_take(d, f, t, !x->to_inside);
	if (!x->to_inside && f->app != APP_WINRM)
		request_take(d, f, t);
}

const struct behaviour behaviour_command_channel = {
    .name = "command channel",
    .transaction = channel_transaction,
    .fields = (const enum field[]){FIELD_TLS_SUBJECT, FIELD_TLS_ISSUER, FIELD_HTTP_METHOD, FIELD_NONE},
};
