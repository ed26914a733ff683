/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What an administrative protocol says when it is used to run something on another machine, or to make
 * another machine log in: operations of Windows RPC interfaces (Microsoft's open specifications, the opnum in
 * the row), administrative shares, WinRM, and the marks that known exploits leave. After MITRE ATT&CK and
 * CAR-2013-05-003, -09-005, 2014-03-005, 2014-11-006, 2014-12-001, 2016-03-001/002; MITRE BZAR for Zeek.
 *
 * Administrators use all of these, so a row alone stays below what makes an incident unless nobody but an
 * intruder does it; copying a program and starting it are two techniques.
 */

#include "detect/behaviour.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "detect/names.h"
#include "net/app.h"

/* What a row says about the one who is spoken to. */
enum effect {
	EFFECT_RUNS,  /* done to it, and it worked when the call was answered well: victim */
	EFFECT_TRIES, /* tried on it */
	EFFECT_ASKS,  /* it is only asked: speaks of the actor alone */
};

struct operation_row {
	const char *uuid;
	uint16_t opnum;
	const char *name, *technique, *what;
	double confidence;
	enum effect effect;
};

#define SVCCTL  "367abb81-9844-35f1-ad32-98f038001003"
#define TASKS   "86d35949-83c9-4044-b424-db363231fd0c"
#define DRSUAPI "e3514235-4b06-11d1-ab04-00c04fc2dcd2"
#define SAMR    "12345778-1234-abcd-ef00-0123456789ac"
#define WBEM    "9556dc99-828c-11cf-a37e-00aa003240c7"
#define WINREG  "338cd001-2244-31f1-aaaa-900038001003"
#define EFS     "df1941c5-fe89-4e79-bf10-463657acf44d"
#define EFS_LSA "c681d488-d850-11d0-8c52-00c04fd90f7e"
#define SPOOLSS "12345678-1234-abcd-ef00-0123456789ab"
#define NETDFS  "4fc742e0-4a10-11cf-8273-00aa004ae673"
#define SRVSVC  "4b324fc8-1670-01d3-1278-5a47bf6ee188"

static const struct operation_row operation_rows[] = {
    {SVCCTL, 12, "lateral.service", "T1569.002", "created a service on", 0.65, EFFECT_RUNS},
    {SVCCTL, 24, "lateral.service", "T1569.002", "created a service on", 0.65, EFFECT_RUNS},
    {SVCCTL, 44, "lateral.service", "T1569.002", "created a service on", 0.65, EFFECT_RUNS},
    {SVCCTL, 45, "lateral.service", "T1569.002", "created a service on", 0.65, EFFECT_RUNS},
    {SVCCTL, 60, "lateral.service", "T1569.002", "created a service on", 0.65, EFFECT_RUNS},
    {SVCCTL, 11, "lateral.service", "T1569.002", "changed what a service runs on", 0.6, EFFECT_RUNS},
    {SVCCTL, 23, "lateral.service", "T1569.002", "changed what a service runs on", 0.6, EFFECT_RUNS},
    {SVCCTL, 19, "lateral.service-start", "T1569.002", "started a service on", 0.45, EFFECT_RUNS},
    {SVCCTL, 31, "lateral.service-start", "T1569.002", "started a service on", 0.45, EFFECT_RUNS},
    {"1ff70682-0a51-30e8-076d-740be8cee98b", 0, "lateral.task", "T1053.005", "added a scheduled job on", 0.65,
        EFFECT_RUNS},
    {TASKS, 1, "lateral.task", "T1053.005", "registered a scheduled task on", 0.62, EFFECT_RUNS},
    {TASKS, 12, "lateral.task-run", "T1053.005", "ran a scheduled task on", 0.45, EFFECT_RUNS},
    {WINREG, 22, "lateral.registry", "T1112", "set a registry value on", 0.45, EFFECT_RUNS},
    {WINREG, 20, "lateral.registry", "T1003.002", "saved a registry hive on", 0.55, EFFECT_RUNS},
    {WINREG, 31, "lateral.registry", "T1003.002", "saved a registry hive on", 0.55, EFFECT_RUNS},
    {WBEM, 24, "lateral.wmi", "T1047", "ran a WMI method on", 0.55, EFFECT_RUNS},
    {WBEM, 25, "lateral.wmi", "T1047", "ran a WMI method on", 0.55, EFFECT_RUNS},
    {WBEM, 20, "lateral.wmi", "T1047", "queried WMI on", 0.25, EFFECT_ASKS},
    {"f309ad18-d86a-11d0-a075-00c04fb68820", 6, "lateral.wmi-login", "T1047", "logged in to WMI on", 0.35,
        EFFECT_RUNS},
    {"00020400-0000-0000-c000-000000000046", 6, "lateral.dcom", "T1021.003",
        "called a method of a DCOM object on", 0.55, EFFECT_RUNS},
    {DRSUAPI, 3, "lateral.dcsync", "T1003.006", "asked for directory replication of", 0.85, EFFECT_RUNS},
    {DRSUAPI, 17, "lateral.dcshadow", "T1207", "registered itself for replication at", 0.8, EFFECT_RUNS},
    {EFS, 0, "coercion.efsrpc", "T1187", "made a server open a file over the network (EfsRpc):", 0.75,
        EFFECT_RUNS},
    {EFS_LSA, 0, "coercion.efsrpc", "T1187", "made a server open a file over the network (EfsRpc):", 0.75,
        EFFECT_RUNS},
    {EFS, 4, "coercion.efsrpc", "T1187", "made a server open a file over the network (EfsRpc):", 0.75,
        EFFECT_RUNS},
    {EFS_LSA, 4, "coercion.efsrpc", "T1187", "made a server open a file over the network (EfsRpc):", 0.75,
        EFFECT_RUNS},
    {EFS, 5, "coercion.efsrpc", "T1187", "made a server open a file over the network (EfsRpc):", 0.7,
        EFFECT_RUNS},
    {EFS_LSA, 5, "coercion.efsrpc", "T1187", "made a server open a file over the network (EfsRpc):", 0.7,
        EFFECT_RUNS},
    {EFS, 6, "coercion.efsrpc", "T1187", "made a server open a file over the network (EfsRpc):", 0.7,
        EFFECT_RUNS},
    {EFS_LSA, 6, "coercion.efsrpc", "T1187", "made a server open a file over the network (EfsRpc):", 0.7,
        EFFECT_RUNS},
    {EFS, 7, "coercion.efsrpc", "T1187", "made a server open a file over the network (EfsRpc):", 0.7,
        EFFECT_RUNS},
    {EFS_LSA, 7, "coercion.efsrpc", "T1187", "made a server open a file over the network (EfsRpc):", 0.7,
        EFFECT_RUNS},
    {SPOOLSS, 65, "coercion.spooler", "T1187", "made a print spooler call back:", 0.5, EFFECT_RUNS},
    {SPOOLSS, 62, "coercion.spooler", "T1187", "made a print spooler call back:", 0.4, EFFECT_RUNS},
    {SPOOLSS, 89, "exploit.printer-driver", "T1210", "added a printer driver on", 0.55, EFFECT_RUNS},
    {"76f03f96-cdfd-44fc-a22c-64950a001209", 39, "exploit.printer-driver", "T1210",
        "added a printer driver on", 0.55, EFFECT_RUNS},
    {NETDFS, 12, "coercion.dfs", "T1187", "made a server log in elsewhere (NetrDfsAddStdRoot):", 0.65,
        EFFECT_RUNS},
    {NETDFS, 13, "coercion.dfs", "T1187", "made a server log in elsewhere (NetrDfsRemoveStdRoot):", 0.65,
        EFFECT_RUNS},
    {"a8e0653c-2744-4389-a61d-7373df8b2292", 8, "coercion.shadow-copy", "T1187",
        "made a server log in elsewhere (MS-FSRVP):", 0.6, EFFECT_RUNS},
    {"a8e0653c-2744-4389-a61d-7373df8b2292", 9, "coercion.shadow-copy", "T1187",
        "made a server log in elsewhere (MS-FSRVP):", 0.6, EFFECT_RUNS},
    {"3dde7c30-165d-11d1-ab8f-00805f14db40", 0, "lateral.backup-key", "T1555",
        "asked for the domain's backup key of", 0.4, EFFECT_ASKS},
    {SAMR, 13, "discovery.accounts", "T1087.002", "listed the users of", 0.2, EFFECT_ASKS},
    {SAMR, 40, "discovery.accounts", "T1087.002", "listed the users of", 0.2, EFFECT_ASKS},
    {SAMR, 51, "discovery.accounts", "T1087.002", "listed the users of", 0.2, EFFECT_ASKS},
    {SAMR, 25, "discovery.groups", "T1069.002", "listed the members of a group of", 0.2, EFFECT_ASKS},
    {SAMR, 33, "discovery.groups", "T1069.001", "listed the members of a local group of", 0.2, EFFECT_ASKS},
    {SAMR, 12, "persistence.account", "T1136", "created a user on", 0.5, EFFECT_RUNS},
    {SRVSVC, 12, "discovery.sessions", "T1033", "listed the sessions of", 0.2, EFFECT_ASKS},
    {"6bffd098-a112-3610-9833-46c3f87e345a", 2, "discovery.sessions", "T1033", "listed who is logged in at",
        0.2, EFFECT_ASKS},
};

/* Where the operation's name tells the class of a DCOM object that is known to run what it is told. */
static const char *const dcom_shells[] = {
    "ShellWindows", "ShellBrowserWindow", "MMC20", "Excel", "Outlook", "WScript"};

/* What nobody but an exploit or implant sends, as the parsers word it. */
static const struct {
	const char *part, *name, *technique;
	double confidence;
	enum effect effect;
} anomaly_rows[] = {
    {"DoublePulsar", "implant.doublepulsar", "T1210", 0.95, EFFECT_RUNS},
    {"TRANS2_SESSION_SETUP", "implant.doublepulsar", "T1210", 0.7, EFFECT_TRIES},
    {"NT_TRANSACT continued", "exploit.ms17-010", "T1210", 0.85, EFFECT_TRIES},
    {"NT_TRANSACT announces", "exploit.ms17-010", "T1210", 0.6, EFFECT_TRIES},
    {"without MS17-010", "exploit.ms17-010-probe", "T1210", 0.5, EFFECT_TRIES},
    {"CVE-2020-0796", "exploit.smbghost", "T1210", 0.85, EFFECT_TRIES},
};

/* Pipes and files of published remote-execution tools: Sysinternals PsExec and its free likenesses. */
static const char *const tool_names[] = {
    "psexesvc", "remcom_commun", "paexec", "csexecsvc", "winexesvc", "smbexec", "xcmdsvc"};

static const char *const program_endings[] = {".exe", ".dll", ".sys", ".scr", ".com", ".ps1", ".bat", ".cmd",
    ".vbs", ".js", ".hta", ".msi", ".ocx", ".cpl"};

/* What is said of one transaction. */
struct deed {
	const char *name, *technique, *what;
	double confidence;
	enum effect effect;
	struct text detail;
};

static void deed_report(
    struct detector *d, const struct msg_flow *f, const struct msg_transaction *t, const struct deed *x)
{
	char why[DETECT_WHY_SIZE], from[NET_ADDR_TEXT_SIZE], to[NET_ADDR_TEXT_SIZE], detail[120];
	bool has = x->detail.n > 0;
	snprintf(why, sizeof(why), "%s %s %s%s%s%s", detect_addr(f->initiator, from), x->what,
	    detect_addr(f->responder, to), has ? " (" : "",
	    has ? detect_text(x->detail, detail, sizeof(detail)) : "", has ? ")" : "");
	bool from_inside = detect_inside(d, f->initiator);
	bool victim = x->effect == EFFECT_RUNS;
	struct finding g = finding_of(f, t);
	g.name = x->name;
	g.technique = x->technique;
	g.confidence = x->confidence;
	g.peer_role = victim ? MSG_ROLE_VICTIM : MSG_ROLE_TARGET;
	g.why = why;
	if (from_inside || !detect_inside(d, f->responder))
		detect_report(d, &g);
	if (x->effect == EFFECT_ASKS && from_inside)
		return;
	g.asset = f->responder;
	g.peer = f->initiator;
	g.asset_role = victim ? MSG_ROLE_VICTIM : MSG_ROLE_TARGET;
	g.peer_role = MSG_ROLE_ATTACKER;
	detect_report(d, &g);
}

/* A machine that serves the directory replicates it by right. */
static bool is_directory(const struct detector *d, struct net_addr a)
{
	const struct host *h = history_host(d, a);
	return h && (h->served_apps & (UINT64_C(1) << APP_LDAP | UINT64_C(1) << APP_KERBEROS));
}

static void rpc_take(struct detector *d, const struct msg_flow *f, const struct msg_transaction *t)
{
	struct text uuid = field_get(t->fields.v, t->fields.n, FIELD_RPC_INTERFACE);
	struct text opnum = field_get(t->fields.v, t->fields.n, FIELD_RPC_OPNUM);
	struct text operation = field_get(t->fields.v, t->fields.n, FIELD_RPC_OPERATION);
	uint64_t number;
	if (uuid.n == 0 || num_parse_u64(opnum, UINT16_MAX, &number) < 0)
		return;
	for (size_t i = 0; i < sizeof(operation_rows) / sizeof(*operation_rows); i++) {
		const struct operation_row *r = &operation_rows[i];
		if (r->opnum != number || !text_equal_nocase(uuid, text_of(r->uuid)))
			continue;
		if (strcmp(r->uuid, DRSUAPI) == 0 && is_directory(d, f->initiator))
			return;
		struct deed x = {.name = r->name,
		    .technique = r->technique,
		    .what = r->what,
		    .confidence = r->confidence,
		    .effect = r->effect,
		    .detail = operation};
		deed_report(d, f, t, &x);
		return;
	}
	if (text_find(operation, '(') == operation.n)
		return;
	for (size_t i = 0; i < sizeof(dcom_shells) / sizeof(*dcom_shells); i++) {
		if (!text_contains_nocase(operation, text_of(dcom_shells[i])))
			continue;
		struct deed x = {.name = "lateral.dcom-shell",
		    .technique = "T1021.003",
		    .what = "made an object that runs commands on",
		    .confidence = 0.7,
		    .effect = EFFECT_RUNS,
		    .detail = operation};
		deed_report(d, f, t, &x);
		return;
	}
}

static void anomaly_take(struct detector *d, const struct msg_flow *f, const struct msg_transaction *t)
{
	struct text anomaly = field_get(t->fields.v, t->fields.n, FIELD_ANOMALY);
	for (size_t i = 0; anomaly.n && i < sizeof(anomaly_rows) / sizeof(*anomaly_rows); i++) {
		if (!text_contains_nocase(anomaly, text_of(anomaly_rows[i].part)))
			continue;
		struct deed x = {.name = anomaly_rows[i].name,
		    .technique = anomaly_rows[i].technique,
		    .what = "sent what only an exploit or implant sends to",
		    .confidence = anomaly_rows[i].confidence,
		    .effect = anomaly_rows[i].effect,
		    .detail = anomaly};
		deed_report(d, f, t, &x);
		return;
	}
}

static bool is_program(struct text file)
{
	for (size_t i = 0; i < sizeof(program_endings) / sizeof(*program_endings); i++)
		if (name_ends_nocase(file, text_of(program_endings[i])))
			return true;
	return false;
}

/* ADMIN$ or a drive's share (C$): "\\server\C$" or bare. */
static bool is_admin_share(struct text tree)
{
	size_t at = tree.n;
	while (at > 0 && tree.p[at - 1] != '\\' && tree.p[at - 1] != '/')
		at--;
	struct text share = text_sub(tree, at, tree.n);
	if (text_equal_nocase(share, TEXT("ADMIN$")))
		return true;
	char c = share.n == 2 ? share.p[0] : 0;
	return share.n == 2 && share.p[1] == '$' && ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'));
}

static bool status_ok(struct text status)
{
	return status.n == 0 || text_equal(status, TEXT("STATUS_SUCCESS"));
}

static void smb_take(struct detector *d, const struct msg_flow *f, const struct msg_transaction *t)
{
	struct text tree = field_get(t->fields.v, t->fields.n, FIELD_SMB_TREE);
	struct text file = field_get(t->fields.v, t->fields.n, FIELD_SMB_FILE);
	struct text status = field_get(t->fields.v, t->fields.n, FIELD_SMB_STATUS);
	struct text direction = field_get(t->fields.v, t->fields.n, FIELD_SMB_DIRECTION);
	for (size_t i = 0; file.n && i < sizeof(tool_names) / sizeof(*tool_names); i++) {
		if (!text_contains_nocase(file, text_of(tool_names[i])))
			continue;
		struct deed x = {.name = "lateral.psexec",
		    .technique = "T1569.002",
		    .what = "used a remote-execution tool on",
		    .confidence = 0.8,
		    .effect = status_ok(status) ? EFFECT_RUNS : EFFECT_TRIES,
		    .detail = file};
		deed_report(d, f, t, &x);
	}
	if (tree.n == 0 || !is_admin_share(tree))
		return;
	struct deed x = {.name = "lateral.admin-share",
	    .technique = "T1021.002",
	    .what = "used an administrative share of",
	    .confidence = 0.35,
	    .effect = status_ok(status) ? EFFECT_RUNS : EFFECT_TRIES,
	    .detail = tree};
	deed_report(d, f, t, &x);
	if (!text_equal(direction, TEXT("write")) || !is_program(file))
		return;
	x = (struct deed){.name = "lateral.program-copy",
	    .technique = "T1570",
	    .what = "copied a program to an administrative share of",
	    .confidence = 0.6,
	    .effect = EFFECT_RUNS,
	    .detail = file};
	deed_report(d, f, t, &x);
}

static void execution_transaction(struct detector *d, void *state, const struct exchange *x)
{
	const struct msg_flow *f = x->f;
	const struct msg_transaction *t = x->t;
	(void)state;
	rpc_take(d, f, t);
	anomaly_take(d, f, t);
	smb_take(d, f, t);
	struct text uri = field_get(t->fields.v, t->fields.n, FIELD_HTTP_URI);
	if (uri.n && text_starts_nocase(uri, TEXT("/wsman"))) {
		struct text status = field_get(t->fields.v, t->fields.n, FIELD_HTTP_STATUS);
		/* PowerShell opens its remote shell with its version in the query (MS-PSRP, 3.1.5.3.1);
		 * collectors of events and inventories don't */
		bool is_shell = text_starts_nocase(uri, TEXT("/wsman?psversion="));
		struct deed done = {.name = "lateral.winrm",
		    .technique = "T1021.006",
		    .what = "ran remote management (WinRM) on",
		    .confidence = is_shell ? 0.55 : 0.4,
		    .effect = text_equal(status, TEXT("200")) ? EFFECT_RUNS : EFFECT_TRIES,
		    .detail = uri};
		if (t->app == APP_WINRM || f->app == APP_WINRM ||
		    app_port_is_usual(APP_WINRM, f->responder_port))
			deed_report(d, f, t, &done);
	}
}

const struct behaviour behaviour_remote_execution = {
    .name = "remote execution",
    .transaction = execution_transaction,
    .fields = (const enum field[]){FIELD_RPC_INTERFACE, FIELD_ANOMALY, FIELD_SMB_TREE, FIELD_SMB_FILE,
        FIELD_HTTP_URI, FIELD_NONE},
};
