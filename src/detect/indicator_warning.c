/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Warning lists: what a feed must not make us match. The built-in ones are small and documented in
 * doc/detect.md; the documentation ranges of RFC 5737 and RFC 3849 are no part of them: exercises use them as
 * the outside. A domain is refused when it is a listed one or stands above one; what stands below may be bad
 * (a page on a hosting service).
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "base/table.h"
#include "detect/indicator_store.h"
#include "detect/names.h"

enum { WARNINGS_MAX = 1 << 20, WIDEST_V4 = 96 + 8, WIDEST_V6 = 20 };

struct warning_set {
	struct net_trie *prefixes; /* value: number of the reason */
	struct net_prefix *list;   /* the same, to ask what an indicator covers */
	size_t n, cap;
	struct table
	    *names; /* 16 bytes of hash -> number of the reason; of each listed name and all above it */
	const char **reasons;
	size_t n_reasons, cap_reasons;
	struct arena arena;
};

static const struct {
	const char *prefix, *why;
} private_ranges[] =
    {
        {"10.0.0.0/8", "a private range (RFC 1918)"},
        {"172.16.0.0/12", "a private range (RFC 1918)"},
        {"192.168.0.0/16", "a private range (RFC 1918)"},
        {"100.64.0.0/10", "a shared range (RFC 6598)"},
        {"fc00::/7", "a private range (RFC 4193)"},
},
  public_ranges[] = {
      {"0.0.0.0/8", "this network (RFC 791)"},
      {"127.0.0.0/8", "loopback"},
      {"169.254.0.0/16", "link-local"},
      {"224.0.0.0/4", "multicast"},
      {"240.0.0.0/4", "reserved or broadcast"},
      {"::/128", "the unspecified address"},
      {"::1/128", "loopback"},
      {"fe80::/10", "link-local"},
      {"ff00::/8", "multicast"},
      {"1.1.1.1/32", "a public resolver (Cloudflare)"},
      {"1.0.0.1/32", "a public resolver (Cloudflare)"},
      {"8.8.8.8/32", "a public resolver (Google)"},
      {"8.8.4.4/32", "a public resolver (Google)"},
      {"9.9.9.9/32", "a public resolver (Quad9)"},
      {"149.112.112.112/32", "a public resolver (Quad9)"},
      {"208.67.222.222/32", "a public resolver (OpenDNS)"},
      {"208.67.220.220/32", "a public resolver (OpenDNS)"},
      {"4.2.2.1/32", "a public resolver (Level 3)"},
      {"4.2.2.2/32", "a public resolver (Level 3)"},
      {"94.140.14.14/32", "a public resolver (AdGuard)"},
      {"2606:4700:4700::1111/128", "a public resolver (Cloudflare)"},
      {"2606:4700:4700::1001/128", "a public resolver (Cloudflare)"},
      {"2001:4860:4860::8888/128", "a public resolver (Google)"},
      {"2001:4860:4860::8844/128", "a public resolver (Google)"},
      {"2620:fe::fe/128", "a public resolver (Quad9)"},
};

static const char *const top_domains[] = {"google.com", "www.google.com", "googleapis.com", "gstatic.com",
    "youtube.com", "microsoft.com", "www.microsoft.com", "windowsupdate.com", "update.microsoft.com",
    "windows.com", "office.com", "office365.com", "live.com", "outlook.com", "microsoftonline.com",
    "login.microsoftonline.com", "azure.com", "windows.net", "bing.com", "apple.com", "icloud.com",
    "amazon.com", "amazonaws.com", "cloudfront.net", "facebook.com", "instagram.com", "twitter.com", "x.com",
    "linkedin.com", "wikipedia.org", "github.com", "githubusercontent.com", "raw.githubusercontent.com",
    "cloudflare.com", "akamai.net", "akamaiedge.net", "fastly.net", "debian.org", "ubuntu.com",
    "archive.ubuntu.com", "security.debian.org", "redhat.com", "mozilla.org", "mozilla.com", "digicert.com",
    "letsencrypt.org", "verisign.com", "dropbox.com", "zoom.us", "adobe.com", "in-addr.arpa", "ip6.arpa"};

static int reason_add(struct warning_set *w, const char *why, uint32_t *ret_reason)
{
	if (w->n_reasons && strcmp(w->reasons[w->n_reasons - 1], why) == 0) {
		*ret_reason = (uint32_t)w->n_reasons - 1;
		return 0;
	}
	if (w->n_reasons == w->cap_reasons) {
		size_t cap = w->cap_reasons ? w->cap_reasons * 2 : 64;
		const char **bigger = realloc(w->reasons, cap * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		w->reasons = bigger;
		w->cap_reasons = cap;
	}
	const char *copy = arena_strndup(&w->arena, why, strlen(why));
	if (!copy)
		return -ENOMEM;
	*ret_reason = (uint32_t)w->n_reasons;
	w->reasons[w->n_reasons++] = copy;
	return 0;
}

int warning_add_prefix(struct warning_set *w, struct net_prefix p, const char *why)
{
	uint32_t reason;
	int error = reason_add(w, why, &reason);
	if (error == 0)
		error = net_trie_insert(w->prefixes, p, reason);
	if (error == -EEXIST)
		return 0;
	if (error < 0)
		return error;
	if (w->n == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 64;
		struct net_prefix *bigger = realloc(w->list, cap * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		w->list = bigger;
		w->cap = cap;
	}
	w->list[w->n++] = p;
	return 0;
}

/* 128 bits of the name under two fixed seeds: nobody hostile chooses warning lists. */
static void name_key(struct text name, uint64_t key[2])
{
	key[0] = name_hash(name, 1);
	key[1] = name_hash(name, 2);
}

int warning_add_domain(struct warning_set *w, struct text domain, const char *why)
{
	uint32_t reason;
	int error = reason_add(w, why, &reason);
	if (error < 0)
		return error;
	for (;;) {
		uint64_t key[2];
		int fresh;
		name_key(domain, key);
		uint32_t *value = table_put(w->names, key, &fresh);
		if (!value)
			return -ERR_LIMIT;
		if (fresh)
			*value = reason;
		size_t dot = text_find(domain, '.');
		if (dot == domain.n)
			return 0;
		domain = text_sub(domain, dot + 1, domain.n);
	}
}

static int prefixes_add_builtin(struct warning_set *w, bool private)
{
	size_t n = private ? sizeof(private_ranges) / sizeof(*private_ranges)
	                   : sizeof(public_ranges) / sizeof(*public_ranges);
	for (size_t i = 0; i < n; i++) {
		struct net_prefix p;
		const char *text = private ? private_ranges[i].prefix : public_ranges[i].prefix;
		const char *why = private ? private_ranges[i].why : public_ranges[i].why;
		int error = net_prefix_parse(text_of(text), &p);
		if (error == 0)
			error = warning_add_prefix(w, p, why);
		if (error < 0)
			return error;
	}
	return 0;
}

int warning_set_new(struct warning_set **ret_set, const struct indicator_options *options)
{
	struct warning_set *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	int error = net_trie_new(&w->prefixes, WARNINGS_MAX);
	if (error == 0)
		error = table_new(
		    &w->names, 2 * sizeof(uint64_t), sizeof(uint32_t), WARNINGS_MAX, options->seed);
	if (error == 0 && !options->no_builtin_warnings)
		error = prefixes_add_builtin(w, false);
	if (error == 0 && !options->no_builtin_warnings && !options->allow_private)
		error = prefixes_add_builtin(w, true);
	for (size_t i = 0;
	     error == 0 && !options->no_builtin_warnings && i < sizeof(top_domains) / sizeof(*top_domains);
	     i++)
		error = warning_add_domain(w, text_of(top_domains[i]), "a domain that everybody uses");
	if (error < 0) {
		warning_set_free(w);
		return error;
	}
	*ret_set = w;
	return 0;
}

void warning_set_free(struct warning_set *w)
{
	if (!w)
		return;
	net_trie_free(w->prefixes);
	table_free(w->names);
	free(w->list);
	free(w->reasons);
	arena_free(&w->arena);
	free(w);
}

static const char *prefix_check(const struct warning_set *w, struct net_prefix p)
{
	uint32_t reason;
	if (net_trie_match(w->prefixes, p.addr, &reason))
		return w->reasons[reason];
	if (p.bits == 128)
		return NULL;
	bool v4 = net_addr_is_v4(p.addr);
	if (p.bits < (v4 ? WIDEST_V4 : WIDEST_V6))
		return "the prefix covers too much: wider than /8 (IPv4) or /20 (IPv6)";
	for (size_t i = 0; i < w->n; i++)
		if (net_prefix_covers(p, w->list[i]))
			return "the prefix covers an address of a warning list";
	return NULL;
}

const char *warning_check(const struct warning_set *w, const struct indicator_key *k)
{
	if (k->kind == INDICATOR_ADDRESS || k->kind == INDICATOR_PREFIX)
		return prefix_check(w, k->prefix);
	struct text key = text_bytes(k->bytes, k->n);
	if (k->kind == INDICATOR_URL) {
		/* a page on a listed site may well be bad; its front page is the site */
		size_t slash = text_find(key, '/');
		if (slash + 1 < key.n)
			return NULL;
		key.n = slash;
		struct net_addr a;
		if (net_addr_parse(key, &a) == 0)
			return prefix_check(w, (struct net_prefix){.addr = a, .bits = 128});
	} else if (k->kind != INDICATOR_DOMAIN) {
		return NULL;
	}
	uint64_t name[2];
	name_key(key, name);
	const uint32_t *reason = table_get(w->names, name);
	return reason ? w->reasons[*reason] : NULL;
}

/* One line of a MISP warning list. -EINVAL where it is none of that type. */
static int misp_line_add(struct warning_set *w, const char *type, struct text line, const char *why)
{
	struct net_prefix p;
	int error = net_prefix_parse(line, &p);
	if (error == 0)
		return warning_add_prefix(w, p, why);
	if (strcmp(type, "cidr") == 0)
		return -EINVAL;
	if (line.n && line.p[0] == '.')
		line = text_sub(line, 1, line.n);
	return line.n && line.n <= INDICATOR_DOMAIN_MAX ? warning_add_domain(w, line, why) : -EINVAL;
}

int indicator_set_warning(struct indicator_set *s, const char *name, struct text json)
{
	struct feed_entry at = FEED_ENTRY_NONE;
	at.id = text_of(name);
	json_error_t oops;
	json_t *root = json_loadb(json.p ? json.p : "", json.n, JSON_REJECT_DUPLICATES, &oops);
	const char *title = json_string_value(json_object_get(root, "name"));
	const char *type = json_string_value(json_object_get(root, "type"));
	json_t *list = json_object_get(root, "list"), *line;
	char why[INDICATOR_TEXT_SIZE];
	size_t i;
	int error = 0;
	if (!json_is_array(list) || !type)
		feed_problem(s, &at, json, "not a MISP warning list: an object with \"type\" and \"list\"");
	else if (strcmp(type, "cidr") != 0 && strcmp(type, "hostname") != 0 && strcmp(type, "string") != 0)
		feed_problem(
		    s, &at, text_of(type), "a warning list of a type other than cidr, hostname or string");
	else {
		snprintf(why, sizeof(why), "on the warning list %.200s", title ? title : name);
		json_array_foreach(list, i, line)
		{
			struct text value = text_trim(text_of(json_string_value(line)));
			error = misp_line_add(indicator_warnings(s), type, value, why);
			if (error == -EINVAL) {
				feed_problem(s, &at, value, "not a line of such a warning list");
				error = 0;
			}
			if (error < 0)
				break;
		}
	}
	json_decref(root);
	return error == -ERR_LIMIT ? 0 : error;
}
