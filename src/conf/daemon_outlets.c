/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Who may ask and act, and what is told outside: control, metrics, eve, webhooks. */

#include "conf/daemon_reader.h"

#include <string.h>

#include "base/num.h"

static void read_socket(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_control *c = into;
	daemon_socket(reader, value, &c->socket);
}

/* "user:alice", "group:soc". */
static bool read_member(
    struct conf_report *r, const struct conf_node *value, struct daemon_member *ret_member)
{
	enum { ACCOUNT_MAX = 32 };
	struct text t;
	char shown[CONF_SHOWN_SIZE];
	if (!conf_scalar(r, value, "a member", "user:alice", &t))
		return false;
	size_t colon = text_find(t, ':');
	struct text kind = text_sub(t, 0, colon), name = text_sub(t, colon + 1, t.n);
	bool group = text_equal(kind, TEXT("group"));
	bool good = (group || text_equal(kind, TEXT("user"))) && name.n > 0 && name.n <= ACCOUNT_MAX;
	for (size_t i = 0; i < name.n; i++)
		good = good && name.p[i] > ' ' && name.p[i] < 0x7f && name.p[i] != ':' && name.p[i] != '/';
	if (!good) {
		conf_mistake(
		    r, value, "\"%s\" is no member; write user:NAME or group:NAME", conf_shown(value, shown));
		return false;
	}
	*ret_member = (struct daemon_member){
	    .group = group, .name = arena_strndup(r->arena, name.p, name.n), .id = UINT32_MAX};
	if (!ret_member->name)
		conf_no_memory(r);
	return ret_member->name;
}

static bool is_member(const struct daemon_control *c, enum daemon_role role, const struct daemon_member *m)
{
	for (size_t i = 0; i < c->n_members[role]; i++)
		if (c->members[role][i].group == m->group && strcmp(c->members[role][i].name, m->name) == 0)
			return true;
	return false;
}

static void read_role(
    struct conf_report *r, const struct conf_node *value, struct daemon_control *c, enum daemon_role role)
{
	c->n_members[role] = 0;
	if (!conf_list(r, value, "members", 0, DAEMON_MEMBERS_MAX))
		return;
	c->members[role] = conf_array(r, value->n, sizeof(*c->members[role]));
	for (size_t i = 0; c->members[role] && i < value->n && !r->error; i++) {
		struct daemon_member m;
		if (!read_member(r, value->items[i], &m))
			continue;
		if (is_member(c, role, &m))
			conf_mistake(r, value->items[i], "%s:%s is listed twice; name it once",
			    m.group ? "group" : "user", m.name);
		else
			c->members[role][c->n_members[role]++] = m;
	}
}

static void read_viewers(void *reader, const struct conf_node *value, void *into)
{
	read_role(reader, value, into, DAEMON_VIEWER);
}

static void read_analysts(void *reader, const struct conf_node *value, void *into)
{
	read_role(reader, value, into, DAEMON_ANALYST);
}

static void read_approvers(void *reader, const struct conf_node *value, void *into)
{
	read_role(reader, value, into, DAEMON_APPROVER);
}

static const struct conf_row control_rows[] = {
    {"socket", false, read_socket},
    {"viewers", false, read_viewers},
    {"analysts", false, read_analysts},
    {"approvers", false, read_approvers},
};

void daemon_read_control(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_reader *r = reader;
	(void)into;
	conf_read_mapping(&r->report, value, "control", control_rows, 4, r, &r->conf->control);
}

static void read_listen(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_conf *c = into;
	daemon_endpoint(reader, value, &c->metrics_addr, &c->metrics_port);
}

static const struct conf_row metrics_rows[] = {{"listen", true, read_listen}};

void daemon_read_metrics(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_reader *r = reader;
	(void)into;
	conf_read_mapping(&r->report, value, "metrics", metrics_rows, 1, r, r->conf);
}

static void read_eve_file(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_conf *c = into;
	conf_file_row(reader, value, &c->eve_file);
}

static void read_eve_socket(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_conf *c = into;
	daemon_socket(reader, value, &c->eve_socket);
}

static const struct conf_row eve_rows[] = {
    {"file", false, read_eve_file},
    {"socket", false, read_eve_socket},
};

void daemon_read_eve(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_reader *r = reader;
	size_t mistakes = r->report.mistakes;
	(void)into;
	conf_read_mapping(&r->report, value, "eve", eve_rows, 2, r, r->conf);
	if (r->report.mistakes == mistakes && !r->conf->eve_file && !r->conf->eve_socket)
		conf_mistake(&r->report, value, "eve lacks \"file\" or \"socket\": where to write");
}

/* The authority of a URL (RFC 3986, 3.2) as host and port; false where it isn't one, or holds a password. */
static bool split_authority(struct text t, struct text *ret_host)
{
	uint64_t port = 443;
	bool v6 = t.n && t.p[0] == '[';
	size_t end = v6 ? text_find(t, ']') : text_find(t, ':');
	struct text host = v6 ? text_sub(t, 1, end - 1) : text_sub(t, 0, end);
	struct text rest = text_sub(t, v6 ? end + 1 : end, t.n);
	struct net_addr a;
	bool good = host.n > 0 && (!v6 || (net_addr_parse(host, &a) == 0 && !net_addr_is_v4(a)));
	for (size_t i = 0; i < host.n && !v6; i++)
		good = good && host.p[i] != '@' && host.p[i] != '\\' && host.p[i] != '[' && host.p[i] != ']';
	if (rest.n)
		good = good && rest.p[0] == ':' &&
		       num_parse_u64(text_sub(rest, 1, rest.n), UINT16_MAX, &port) == 0 && port > 0;
	*ret_host = host;
	return good;
}

static bool is_loopback(struct text host)
{
	struct net_addr a;
	return text_equal_nocase(host, TEXT("localhost")) ||
	       (net_addr_parse(host, &a) == 0 && net_addr_is_loopback(a));
}

static void read_url(void *reader, const struct conf_node *value, void *into)
{
	struct conf_report *r = reader;
	struct daemon_webhook *w = into;
	char shown[CONF_SHOWN_SIZE];
	struct text t, host;
	if (!conf_scalar(r, value, "a URL", "https://soc.example.org/hook", &t))
		return;
	bool tls = text_starts_nocase(t, TEXT("https://"));
	size_t scheme = tls ? 8 : text_starts_nocase(t, TEXT("http://")) ? 7 : 0;
	size_t end = scheme;
	while (end < t.n && !memchr("/?#", t.p[end], 3))
		end++;
	bool good = scheme && t.n <= DAEMON_URL_MAX &&
	            split_authority(text_sub(t, scheme, end - scheme), &host);
	for (size_t i = 0; i < t.n; i++)
		good = good && t.p[i] > ' ' && t.p[i] < 0x7f;
	if (!good) {
		conf_mistake(r, value,
		    "\"%s\" is no URL of a webhook; write it like https://soc.example.org/hook",
		    conf_shown(value, shown));
	} else if (!tls && !is_loopback(host)) {
		conf_mistake(r, value,
		    "\"%s\" would carry incidents in the clear; write https:// (http:// goes to this machine "
		    "only)",
		    conf_shown(value, shown));
	} else {
		w->url = arena_strndup(r->arena, t.p, t.n);
		if (!w->url)
			conf_no_memory(r);
	}
}

static void read_ca(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_webhook *w = into;
	conf_file_row(reader, value, &w->ca);
}

static void read_token_file(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_webhook *w = into;
	conf_file_row(reader, value, &w->token_file);
}

static void read_about(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_webhook *w = into;
	unsigned bits = 0;
	if (!daemon_words(reader, value, "what a webhook is about", daemon_abouts, 2, &bits))
		return;
	w->incidents = bits & 1;
	w->orders = bits & 2;
}

static const struct conf_row webhook_rows[] = {
    {"url", true, read_url},
    {"ca", false, read_ca},
    {"token_file", false, read_token_file},
    {"about", false, read_about},
};

_Static_assert(offsetof(struct daemon_webhook, url) == 0, "compared by conf_check_names");

void daemon_read_webhooks(void *reader, const struct conf_node *value, void *into)
{
	struct daemon_reader *r = reader;
	struct daemon_conf *c = r->conf;
	(void)into;
	if (!conf_list(&r->report, value, "webhooks", 0, DAEMON_WEBHOOKS_MAX))
		return;
	c->webhooks = conf_array(&r->report, value->n, sizeof(*c->webhooks));
	for (size_t i = 0; c->webhooks && i < value->n && !r->report.error; i++) {
		const struct conf_node *node = value->items[i], *ca = conf_find(node, "ca");
		struct daemon_webhook *w = &c->webhooks[c->n_webhooks++];
		w->incidents = w->orders = true;
		conf_read_mapping(&r->report, node, "a webhook", webhook_rows, 4, r, w);
		if (ca && w->url && text_starts_nocase(text_of(w->url), TEXT("http://")))
			conf_mistake(&r->report, ca, "ca says nothing to http://; leave it out");
	}
	conf_check_names(&r->report, value, "webhook", c->webhooks, c->n_webhooks, sizeof(*c->webhooks));
}
