/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/render.h"

#include <stdio.h>
#include <string.h>

char *render_asset(const struct report_case *c, uint32_t asset, char *buf)
{
	char addr[NET_ADDR_TEXT_SIZE];
	if (asset >= asset_count(c->assets)) {
		snprintf(buf, RENDER_TEXT_SIZE, "an unknown machine");
		return buf;
	}
	const struct asset *a = asset_at(c->assets, asset);
	net_addr_text(a->addrs[0], addr);
	if (a->n_names)
		snprintf(buf, RENDER_TEXT_SIZE, "%.120s (%s)", a->names[0], addr);
	else
		snprintf(buf, RENDER_TEXT_SIZE, "%s", addr);
	return buf;
}

char *render_addr(const struct report_case *c, struct net_addr a, const char *name, char *buf)
{
	char addr[NET_ADDR_TEXT_SIZE], clean[128];
	uint32_t asset = asset_of(c->assets, a);
	if (asset != ASSET_NONE)
		return render_asset(c, asset, buf);
	net_addr_text(a, addr);
	if (name && name[0] && strcmp(name, addr) != 0)
		snprintf(buf, RENDER_TEXT_SIZE, "%s (%s)",
		    text_printable(text_of(name), clean, sizeof(clean)), addr);
	else
		snprintf(buf, RENDER_TEXT_SIZE, "%s", addr);
	return buf;
}

static char *render_prefixes(const struct report_case *c, const struct net_prefix *p, size_t n, char *buf)
{
	size_t used = 0;
	uint32_t asset = n && p[0].bits == 128 ? asset_of(c->assets, p[0].addr) : ASSET_NONE;
	if (asset != ASSET_NONE)
		return render_asset(c, asset, buf);
	buf[0] = '\0';
	for (size_t i = 0; i < n && used < RENDER_TEXT_SIZE - 1; i++) {
		char text[NET_PREFIX_TEXT_SIZE];
		if (p[i].bits == 128)
			net_addr_text(p[i].addr, text);
		else
			net_prefix_text(p[i], text);
		int length = snprintf(buf + used, RENDER_TEXT_SIZE - used, "%s%s", i ? ", " : "", text);
		used += (size_t)length;
	}
	return buf;
}

char *render_cut_from(const struct report_case *c, const struct plan_cut *cut, char *buf)
{
	if (cut->from_zone != NET_ZONE_NONE)
		snprintf(buf, RENDER_TEXT_SIZE, "zone %.200s", net_zone_at(c->zones, cut->from_zone)->name);
	else if (cut->n_from)
		return render_prefixes(c, cut->from, cut->n_from, buf);
	else
		snprintf(buf, RENDER_TEXT_SIZE, "everybody");
	return buf;
}

char *render_cut_to(const struct report_case *c, const struct plan_cut *cut, char *buf)
{
	if (cut->to_external)
		snprintf(buf, RENDER_TEXT_SIZE, "the outside");
	else if (cut->to_zone != NET_ZONE_NONE)
		snprintf(buf, RENDER_TEXT_SIZE, "zone %.200s", net_zone_at(c->zones, cut->to_zone)->name);
	else if (cut->n_to)
		return render_prefixes(c, cut->to, cut->n_to, buf);
	else
		snprintf(buf, RENDER_TEXT_SIZE, "everything beyond its segment");
	return buf;
}

const char *render_direction(const struct plan_cut *cut)
{
	return cut->direction == PLAN_BOTH ? "both ways" : "what it begins";
}

char *render_rate(double per_day, char *buf)
{
	char digits[40];
	if (per_day < 10) {
		snprintf(buf, RENDER_TEXT_SIZE, per_day > 0 ? "%.1f" : "0", per_day);
		return buf;
	}
	int n = snprintf(digits, sizeof(digits), "%.0f", per_day);
	size_t used = 0;
	for (int i = 0; i < n && used < RENDER_TEXT_SIZE - 2; i++) {
		if (i && (n - i) % 3 == 0)
			buf[used++] = ',';
		buf[used++] = digits[i];
	}
	buf[used] = '\0';
	return buf;
}

double render_share(double a, double b)
{
	return b > 0 ? 100 * a / b : 0;
}
