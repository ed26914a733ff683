/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Theft over mail and FTP (T1048.003): stealers log in to a mailbox or FTP server outside with credentials
 * that they carry, and leave what they found (AgentTesla and its kind: names of files and subjects begin with
 * PW_, KL_, SC_, CO_ and the user's name, as many analyses have published). A workstation that submits mail
 * to an outside server by itself is no proof: people have mail accounts.
 */

#include "detect/behaviour.h"

#include <stdio.h>

#include "detect/names.h"
#include "net/app.h"

static const struct text stealer_names[] = {TEXT("PW_"), TEXT("KL_"), TEXT("SC_"), TEXT("CO_"),
    TEXT("Recovered_"), TEXT("Screenshot_"), TEXT("Keystrokes_")};
static const struct text stealer_subjects[] = {TEXT("PW_"), TEXT("KL_"), TEXT("SC_"), TEXT("CO_"),
    TEXT("Passwords Recovered"), TEXT("Keystrokes"), TEXT("Pc Name:"), TEXT("Snake Keylogger")};

static bool begins(struct text t, const struct text *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text_starts_nocase(t, list[i]))
			return true;
	return false;
}

static struct text file_of(struct text path)
{
	size_t at = path.n;
	while (at > 0 && path.p[at - 1] != '/' && path.p[at - 1] != '\\')
		at--;
	return text_sub(path, at, path.n);
}

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

static void drop_report(struct detector *d, const struct msg_flow *f, const struct msg_transaction *t,
    bool known, double confidence, const char *what, struct text detail)
{
	char why[DETECT_WHY_SIZE], from[NET_ADDR_TEXT_SIZE], to[NET_ADDR_TEXT_SIZE], shown[100];
	snprintf(why, sizeof(why), "%s %s %s, outside: %s%s", detect_addr(f->initiator, from), what,
	    detect_addr(f->responder, to), detect_text(detail, shown, sizeof(shown)),
	    known ? ", named as stealers name their spoils" : "");
	struct finding g = finding_of(f, t);
	g.name = "theft.credentials-carried";
	g.technique = "T1048.003";
	g.confidence = confidence;
	g.by_rarity = true;
	g.peer_role = MSG_ROLE_EXFILTRATION;
	g.why = why;
	detect_report(d, &g);
}

static void drop_transaction(struct detector *d, void *state, const struct exchange *x)
{
	const struct msg_flow *f = x->f;
	const struct msg_transaction *t = x->t;
	(void)state;
	if (!x->from_inside || x->to_inside)
		return;
	struct text command = field_get(t->fields.v, t->fields.n, FIELD_FTP_COMMAND);
	struct text argument = field_get(t->fields.v, t->fields.n, FIELD_FTP_ARGUMENT);
	if (text_equal_nocase(command, TEXT("STOR")) || text_equal_nocase(command, TEXT("APPE"))) {
		bool known = begins(file_of(argument), stealer_names, COUNT(stealer_names));
		drop_report(d, f, t, known, known ? 0.75 : 0.3, "left a file on the FTP server", argument);
	}
	/* A mail server relays, and takes mail itself; who only submits is a client. */
	const struct host *h = history_host(d, f->initiator);
	bool relay = h && (h->served_apps & (UINT64_C(1) << APP_SMTP));
	struct text subject = field_get(t->fields.v, t->fields.n, FIELD_SMTP_SUBJECT);
	if (!relay && t->app == APP_SMTP && begins(subject, stealer_subjects, COUNT(stealer_subjects)))
		drop_report(d, f, t, true, 0.8, "submitted mail to", subject);
	struct text result = field_get(t->fields.v, t->fields.n, FIELD_AUTH_RESULT);
	if (!relay && t->app == APP_SMTP && text_equal(result, TEXT("success")))
		drop_report(d, f, t, false, 0.2, "logged in to the mail server",
		    field_get(t->fields.v, t->fields.n, FIELD_AUTH_USER));
}

const struct behaviour behaviour_credential_drop = {
    .name = "credentials carried",
    .transaction = drop_transaction,
    .fields = (const enum field[]){FIELD_FTP_COMMAND, FIELD_SMTP_SUBJECT, FIELD_AUTH_RESULT, FIELD_NONE},
};
