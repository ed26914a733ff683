/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/nft.h"

#include <errno.h>
#include <inttypes.h>

#include "base/timefmt.h"
#include "net/pieces.h"

/* The two families that every set and rule is written for. */
struct family {
	const char *suffix, *type, *address;
	bool v4;
};

static const struct family families[] = {{"4", "ipv4_addr", "ip", true}, {"6", "ipv6_addr", "ip6", false}};

static bool of_family(struct net_prefix p, const struct family *f)
{
	return (net_addr_is_v4(p.addr) && p.bits >= 96) == f->v4;
}

static void print_prefix(struct net_prefix p, FILE *out)
{
	char text[NET_PREFIX_TEXT_SIZE];
	if (p.bits == 128)
		fputs(net_addr_text(p.addr, text), out);
	else
		fputs(net_prefix_text(p, text), out);
}

/* A set's elements, gathered before they are printed: a set without any is not printed at all. */
struct elements {
	const struct net_prefix *v;
	size_t n;
};

static size_t count_family(struct elements e, const struct family *f, bool *ret_interval)
{
	size_t n = 0;
	*ret_interval = false;
	for (size_t i = 0; i < e.n; i++)
		if (of_family(e.v[i], f)) {
			n++;
			*ret_interval |= e.v[i].bits < 128;
		}
	return n;
}

static void print_set(
    const char *name, struct elements e, const struct family *f, int64_t lease_ns, FILE *out)
{
	bool interval;
	size_t n = count_family(e, f, &interval), done = 0;
	if (n == 0)
		return;
	fprintf(out, "\tset %s%s {\n\t\ttype %s\n", name, f->suffix, f->type);
	if (interval || lease_ns)
		fprintf(out, "\t\tflags %s%s%s\n", interval ? "interval" : "",
		    interval && lease_ns ? ", " : "", lease_ns ? "timeout" : "");
	if (interval)
		fputs("\t\tauto-merge\n", out);
	fputs("\t\telements = { ", out);
	for (size_t i = 0; i < e.n; i++) {
		if (!of_family(e.v[i], f))
			continue;
		print_prefix(e.v[i], out);
		if (lease_ns)
			fprintf(out, " timeout %" PRId64 "s", lease_ns / NS_PER_S);
		fputs(++done < n ? ", " : " }\n\t}\n", out);
	}
}

/* The prefixes of one zone, or of all inside zones (NET_ZONE_NONE). */
static struct elements zone_elements(const struct pieces *zones, uint16_t zone)
{
	struct elements e;
	e.n = zone == NET_ZONE_NONE ? pieces_inside(zones, &e.v) : pieces_of(zones, zone, &e.v);
	return e;
}

/* The source side of a cut is where its lease lives. */
static struct elements from_elements(const struct plan_cut *c, const struct pieces *zones)
{
	if (c->kind == PLAN_CUT_DESTINATION)
		return (struct elements){.v = c->to, .n = c->n_to};
	if (c->from_zone != NET_ZONE_NONE)
		return zone_elements(zones, c->from_zone);
	return (struct elements){.v = c->from, .n = c->n_from};
}

static void print_sets(
    const struct plan *p, const struct pieces *zones, size_t n_zones, struct elements never, FILE *out)
{
	char name[32];
	for (size_t f = 0; f < 2; f++) {
		print_set("never", never, &families[f], 0, out);
		print_set("inside", zone_elements(zones, NET_ZONE_NONE), &families[f], 0, out);
		for (uint16_t z = 0; z < n_zones; z++) {
			bool used = false;
			for (size_t i = 0; i < p->n_cuts; i++)
				used |= p->cuts[i].to_zone == z;
			snprintf(name, sizeof(name), "zone%u_", z);
			if (used)
				print_set(name, zone_elements(zones, z), &families[f], 0, out);
		}
		for (size_t i = 0; i < p->n_cuts; i++) {
			snprintf(name, sizeof(name), "cut%zu_", i + 1);
			print_set(
			    name, from_elements(&p->cuts[i], zones), &families[f], p->cuts[i].lease_ns, out);
		}
	}
}

/* What the other side of the cut is, as an expression: "", "@zone3_4" or "!= @inside4". False where that
 * family has none. */
static bool other_side(
    const struct plan_cut *c, const struct pieces *zones, const struct family *f, char *text, size_t size)
{
	bool interval;
	text[0] = '\0';
	if (c->to_external) {
		if (count_family(zone_elements(zones, NET_ZONE_NONE), f, &interval))
			snprintf(text, size, "!= @inside%s", f->suffix);
	} else if (c->to_zone != NET_ZONE_NONE) {
		if (count_family(zone_elements(zones, c->to_zone), f, &interval) == 0)
			return false;
		snprintf(text, size, "@zone%u_%s", c->to_zone, f->suffix);
	}
	return true;
}

static void print_rule(size_t number, const struct plan_cut *c, const struct family *f, const char *other,
    bool outgoing, FILE *out)
{
	const char *mine = outgoing ? "saddr" : "daddr", *theirs = outgoing ? "daddr" : "saddr";
	fputs("\t\t", out);
	if (c->direction == PLAN_FROM_ONLY)
		fprintf(out, "ct direction %s ", outgoing ? "original" : "reply");
	fprintf(out, "%s %s @cut%zu_%s ", f->address, mine, number, f->suffix);
	if (other[0])
		fprintf(out, "%s %s %s ", f->address, theirs, other);
	fprintf(out, "counter drop comment \"cut %zu %s\"\n", number, outgoing ? "out" : "in");
}

static void print_rules(const struct plan *p, const struct pieces *zones, struct elements never, FILE *out)
{
	char other[48];
	bool interval;
	for (size_t f = 0; f < 2; f++)
		if (count_family(never, &families[f], &interval)) {
			fprintf(
			    out, "\t\t%s saddr @never%s accept\n", families[f].address, families[f].suffix);
			fprintf(
			    out, "\t\t%s daddr @never%s accept\n", families[f].address, families[f].suffix);
		}
	for (size_t i = 0; i < p->n_cuts; i++) {
		const struct plan_cut *c = &p->cuts[i];
		fprintf(out, "\n\t\t# cut %zu: %s\n", i + 1, c->why ? c->why : "");
		for (size_t f = 0; f < 2; f++) {
			if (count_family(from_elements(c, zones), &families[f], &interval) == 0 ||
			    !other_side(c, zones, &families[f], other, sizeof(other)))
				continue;
			print_rule(i + 1, c, &families[f], other, true, out);
			print_rule(i + 1, c, &families[f], other, false, out);
		}
	}
}

static void print_head(const struct plan *p, const char *incident, FILE *out)
{
	fprintf(out,
	    "#!/usr/sbin/nft -f\n"
	    "# Bulkhead plan '%s' for %s: %zu cuts.\n"
	    "#\n"
	    "# Check it:     nft -c -f THIS-FILE\n"
	    "# Apply it:     nft -f THIS-FILE      (all of it or nothing; each cut ends by itself with its "
	    "lease)\n"
	    "# See it work:  nft list table inet bulkhead   (counters of what was stopped)\n"
	    "# Take it back: nft delete table inet bulkhead   (nothing else is touched)\n"
	    "#\n"
	    "# It belongs on the enforcement point that forwards between the zones. Connections that a "
	    "flowtable has\n"
	    "# offloaded bypass these rules: flush the flowtable when you apply it.\n",
	    plan_name_text(p->name), incident, p->n_cuts);
	for (size_t i = 0; i < p->n_manual_steps; i++)
		fprintf(out, "# By hand: %s\n", p->manual_steps[i]);
	for (size_t i = 0; i < p->n_guardrails; i++)
		fprintf(out, "# Guardrail: %s\n", p->guardrails[i]);
}

int enforce_nft_print(const struct plan *p, const struct net_zone_map *zones,
    const struct net_prefix *never_cut, size_t n_never_cut, const char *incident, FILE *out)
{
	struct elements never = {.v = never_cut, .n = n_never_cut};
	struct pieces pieces;
	int r = pieces_make(&pieces, zones, NULL, 0);
	if (r < 0)
		goto out;
	print_head(p, incident, out);
	fputs("\ntable inet bulkhead {}\ndelete table inet bulkhead\n\ntable inet bulkhead {\n", out);
	print_sets(p, &pieces, net_zone_count(zones), never, out);
	fputs(
	    "\n\tchain forward {\n\t\ttype filter hook forward priority filter - 10; policy accept;\n", out);
	print_rules(p, &pieces, never, out);
	fputs("\t}\n}\n", out);
	r = ferror(out) ? -EIO : 0;
out:
	pieces_free(&pieces);
	return r;
}
