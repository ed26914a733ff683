/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/daemon_reader.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

const char *const daemon_places[] = {"gateway", "tap"};
const char *const daemon_deliveries[] = {"frames", "blocks"};
const char *const daemon_backends[] = {"nftables", "xdp", "bgp"};
const char *const daemon_hooks[] = {"routed", "bridged", "ingress"};
const char *const daemon_announces[] = {"flowspec", "blackhole"};
const char *const daemon_targets[] = {"peer", "asset", "pair"};
const char *const daemon_on_cuts[] = {"drop", "reset"};
const char *const daemon_fails[] = {"open", "closed"};
const char *const daemon_roles[] = {"viewers", "analysts", "approvers"};
const char *const daemon_abouts[] = {"incidents", "orders"};

static const struct {
	const char *name;
	uint8_t protocol;
} protocols[] = {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"sctp", IPPROTO_SCTP}, {"icmp", IPPROTO_ICMP},
    {"icmpv6", IPPROTO_ICMPV6}, {"esp", IPPROTO_ESP}, {"gre", IPPROTO_GRE}};

enum { PROTOCOLS = sizeof(protocols) / sizeof(protocols[0]) };

/* "drop or reset", "peer, asset or pair". */
static void list_words(const char *const *words, size_t n, char *buf, size_t size)
{
	size_t used = 0;
	for (size_t i = 0; i < n; i++) {
		int more = snprintf(buf + used, size - used, "%s%s",
		    i == 0       ? ""
		    : i + 1 == n ? " or "
		                 : ", ",
		    words[i]);
		used += more > 0 && (size_t)more < size - used ? (size_t)more : 0;
	}
}

bool daemon_word(struct conf_report *r, const struct conf_node *value, const char *what,
    const char *const *words, size_t n, unsigned *ret_word)
{
	struct text t;
	char shown[CONF_SHOWN_SIZE], known[128];
	if (!conf_scalar(r, value, what, words[0], &t))
		return false;
	struct conf_nearest nearest = {.wrong = t};
	for (size_t i = 0; i < n; i++) {
		if (text_equal(t, text_of(words[i]))) {
			*ret_word = (unsigned)i;
			return true;
		}
		conf_nearest_add(&nearest, words[i]);
	}
	list_words(words, n, known, sizeof(known));
	if (nearest.name)
		conf_mistake(r, value, "\"%s\" is not %s; did you mean \"%s\"?", conf_shown(value, shown),
		    what, nearest.name);
	else
		conf_mistake(r, value, "\"%s\" is not %s; write %s", conf_shown(value, shown), what, known);
	return false;
}

bool daemon_words(struct conf_report *r, const struct conf_node *value, const char *what,
    const char *const *words, size_t n, unsigned *ret_bits)
{
	unsigned bits = 0;
	char of[64];
	list_words(words, n, of, sizeof(of));
	if (!conf_list(r, value, of, 1, n))
		return false;
	for (size_t i = 0; i < value->n; i++) {
		unsigned word;
		if (!daemon_word(r, value->items[i], what, words, n, &word))
			return false;
		if (bits & 1u << word) {
			conf_mistake(r, value->items[i], "\"%s\" is listed twice; name it once", words[word]);
			return false;
		}
		bits |= 1u << word;
	}
	*ret_bits = bits;
	return true;
}

bool daemon_addr(struct conf_report *r, const struct conf_node *value, struct net_addr *ret_addr)
{
	struct text t;
	char shown[CONF_SHOWN_SIZE];
	if (!conf_scalar(r, value, "an address", "192.0.2.1", &t))
		return false;
	struct net_addr a;
	if (net_addr_parse(t, &a) < 0 || net_addr_is_unspecified(a) || net_addr_is_multicast(a)) {
		conf_mistake(r, value,
		    "\"%s\" is not the address of one machine; write it like 192.0.2.1 or 2001:db8::1",
		    conf_shown(value, shown));
		return false;
	}
	*ret_addr = a;
	return true;
}

bool daemon_port(struct conf_report *r, const struct conf_node *value, uint16_t *ret_port)
{
	uint64_t port;
	if (!conf_number(r, value, "a port", 1, UINT16_MAX, &port))
		return false;
	*ret_port = (uint16_t)port;
	return true;
}

bool daemon_endpoint(
    struct conf_report *r, const struct conf_node *value, struct net_addr *ret_addr, uint16_t *ret_port)
{
	struct text t;
	char shown[CONF_SHOWN_SIZE];
	uint64_t port;
	if (!conf_scalar(r, value, "an address and port", "127.0.0.1:9474", &t))
		return false;
	bool v6 = t.p[0] == '[';
	size_t colon = v6 ? text_find(t, ']') + 1 : text_find(t, ':');
	struct text host = v6 ? text_sub(t, 1, colon - 2) : text_sub(t, 0, colon);
	struct net_addr a;
	if (colon >= t.n || t.p[colon] != ':' || net_addr_parse(host, &a) < 0 || net_addr_is_v4(a) == v6 ||
	    net_addr_is_multicast(a) || num_parse_u64(text_sub(t, colon + 1, t.n), UINT16_MAX, &port) < 0 ||
	    port == 0) {
		conf_mistake(r, value,
		    "\"%s\" is no address and port; write it like 127.0.0.1:9474 or \"[::1]:9474\"",
		    conf_shown(value, shown));
		return false;
	}
	*ret_addr = a;
	*ret_port = (uint16_t)port;
	return true;
}

bool daemon_real(struct conf_report *r, const struct conf_node *value, const char *what, double min,
    double max, double *ret_value)
{
	char shown[CONF_SHOWN_SIZE];
	/* with so few digits a number prints back to itself */
	if (value->kind == CONF_SCALAR &&
	    text_sub(value->text, text_find(value->text, '.') + 1, value->text.n).n <= DAEMON_DECIMALS_MAX &&
	    num_parse_real(value->text, min, max, ret_value) == 0)
		return true;
	conf_mistake(r, value, "%s is a number from %g to %g with at most %d decimals, not \"%s\"", what, min,
	    max, DAEMON_DECIMALS_MAX, conf_shown(value, shown));
	return false;
}

/* As the kernel's dev_valid_name has it. */
const char *daemon_interface(struct conf_report *r, const struct conf_node *value)
{
	struct text t;
	char shown[CONF_SHOWN_SIZE];
	if (!conf_scalar(r, value, "an interface", "eth0", &t))
		return NULL;
	bool good = t.n <= DAEMON_INTERFACE_MAX && !text_equal(t, TEXT(".")) && !text_equal(t, TEXT(".."));
	for (size_t i = 0; i < t.n; i++)
		good = good && t.p[i] > ' ' && t.p[i] < 0x7f && t.p[i] != '/' && t.p[i] != ':';
	if (!good) {
		conf_mistake(r, value,
		    "\"%s\" can't be an interface; its name has at most %d letters, digits and signs, "
		    "without "
		    "blanks, \"/\" and \":\"",
		    conf_shown(value, shown), DAEMON_INTERFACE_MAX);
		return NULL;
	}
	const char *copy = arena_strndup(r->arena, t.p, t.n);
	if (!copy)
		conf_no_memory(r);
	return copy;
}

void daemon_socket(struct conf_report *r, const struct conf_node *value, const char **ret_path)
{
	const char *path = NULL;
	conf_file_row(r, value, &path);
	if (path && strlen(path) > DAEMON_SOCKET_MAX)
		conf_mistake(r, value, "a socket's path has at most %d bytes, not %zu", DAEMON_SOCKET_MAX,
		    strlen(path));
	else if (path)
		*ret_path = path;
}

bool daemon_confirm(struct conf_report *r, const struct conf_node *value, int64_t *ret_ns)
{
	if (value->kind == CONF_SCALAR && text_equal(value->text, TEXT("none"))) {
		*ret_ns = 0;
		return true;
	}
	return conf_span(
	    r, value, "a time to confirm (or none)", "10m", 10 * NS_PER_S, 86400 * NS_PER_S, ret_ns);
}

bool daemon_fail(struct conf_report *r, const struct conf_node *value, bool *ret_closed)
{
	unsigned word;
	if (!daemon_word(r, value, "a way to fail", daemon_fails, 2, &word))
		return false;
	*ret_closed = word == 1;
	return true;
}

bool daemon_lease(struct conf_report *r, const struct conf_node *value, int64_t *ret_ns)
{
	return conf_span(r, value, "a lease", "4h", 60 * NS_PER_S, 30 * 86400 * NS_PER_S, ret_ns);
}

const char *daemon_protocol_text(uint8_t protocol, char *buf)
{
	for (size_t i = 0; i < PROTOCOLS; i++)
		if (protocols[i].protocol == protocol)
			return protocols[i].name;
	snprintf(buf, 4, "%u", protocol);
	return buf;
}

bool daemon_protocol(struct conf_report *r, const struct conf_node *value, uint8_t *ret_protocol)
{
	struct text t;
	char shown[CONF_SHOWN_SIZE];
	uint64_t number = 0;
	if (!conf_scalar(r, value, "a protocol", "tcp", &t))
		return false;
	for (size_t i = 0; i < PROTOCOLS; i++)
		if (text_equal(t, text_of(protocols[i].name)))
			number = protocols[i].protocol;
	if (number == 0 && (num_parse_u64(t, UINT8_MAX, &number) < 0 || number == 0)) {
		conf_mistake(r, value,
		    "\"%s\" is no protocol; write tcp, udp, sctp, icmp, icmpv6, esp, gre or its number, 1 to "
		    "255",
		    conf_shown(value, shown));
		return false;
	}
	*ret_protocol = (uint8_t)number;
	return true;
}
