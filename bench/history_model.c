/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "bench/draw.h"
#include "bench/history_flow.h"
#include "bench/history_model.h"
#include "bench/services.h"

enum { SLOTS = 4096, MINUTES_A_DAY = 1440, DAYS_MAX = 3660, SCAN_MINUTES = 12, SCAN_EVERY_DAYS = 5 };

/* Whose flows a minute holds: people's, machines', the night's copies, and of a machine inside that scans. */
enum rhythm { HUMAN, MACHINE, NIGHT, SCAN, RHYTHMS };

struct history {
	struct history_options options;
	struct history_ends ends;
	uint64_t state, made, next_id;
	uint8_t pick[NIGHT + 1][SLOTS]; /* services by their weight */
	struct history_sizes *sizes;    /* of services[] */
	float *weights;                 /* of the minutes */
	double weight_sum, weight_done;
	uint32_t minute, minutes;
	uint64_t left;        /* flows of this minute */
	double upto[RHYTHMS]; /* the share of this minute's flows, summed up */
	int64_t now, minute_end;
	float gaps[SLOTS]; /* quantiles of the exponential distribution */
	bool twice;        /* the last flow's second record is still to come */
	struct msg_flow second;
	uint64_t second_id;
};

/* What people do, by the hour: working hours with a dip at noon. */
static double human_rate(uint32_t minute, uint32_t weekday)
{
	static const float hours[25] = {.04f, .03f, .02f, .02f, .03f, .06f, .15f, .4f, .8f, .97f, 1, .95f,
	    .75f, .9f, .98f, .95f, .85f, .6f, .35f, .22f, .16f, .12f, .09f, .06f, .04f};
	uint32_t hour = minute % MINUTES_A_DAY / 60;
	double part = minute % 60 / 60.0;
	return (hours[hour] * (1 - part) + hours[hour + 1] * part) *
	       (weekday == 0 || weekday == 6 ? 0.12 : 1);
}

static void rates_of(const struct history *h, uint32_t minute, double *rates)
{
	uint32_t day = minute / MINUTES_A_DAY, of_day = minute % MINUTES_A_DAY;
	uint32_t weekday = (uint32_t)(h->options.begin / (86400 * NS_PER_S) + 4 + day) % 7;
	double growth = exp(0.03 * day / 30); /* 3 % a month */
	/* bursts at the scale of minutes: flow arrivals aren't Poisson (Paxson and Floyd, 1995) */
	double burst = draw_lognormal(draw_hash(h->options.seed ^ 11, minute), -0.04, 0.28);
	uint64_t campaign = draw_hash(h->options.seed ^ 12, day / SCAN_EVERY_DAYS);
	uint32_t start = draw_below(campaign, SCAN_EVERY_DAYS * MINUTES_A_DAY - SCAN_MINUTES);
	uint32_t in_campaign = minute % (SCAN_EVERY_DAYS * MINUTES_A_DAY);
	rates[HUMAN] = 2.6 * human_rate(minute, weekday) * growth * burst;
	rates[MACHINE] = growth;
	rates[NIGHT] = of_day >= 22 * 60 || of_day < 4 * 60 ? 0.03 : 0;
	rates[SCAN] = in_campaign >= start && in_campaign < start + SCAN_MINUTES ? 0.5 : 0;
}

static int weigh_minutes(struct history *h)
{
	double rates[RHYTHMS];
	h->minutes = h->options.days * MINUTES_A_DAY;
	if (!(h->weights = calloc(h->minutes, sizeof(*h->weights))))
		return -ENOMEM;
	for (uint32_t m = 0; m < h->minutes; m++) {
		rates_of(h, m, rates);
		h->weights[m] = (float)(rates[HUMAN] + rates[MACHINE] + rates[NIGHT] + rates[SCAN]);
		h->weight_sum += h->weights[m];
	}
	return 0;
}

static void begin_minute(struct history *h)
{
	double rates[RHYTHMS], sum = 0;
	uint32_t m = h->minute++;
	rates_of(h, m, rates);
	for (int i = 0; i < RHYTHMS; i++)
		h->upto[i] = sum += rates[i] / h->weights[m];
	h->weight_done += h->weights[m];
	uint64_t upto = h->minute == h->minutes
	                    ? h->options.flows
	                    : (uint64_t)((double)h->options.flows * (h->weight_done / h->weight_sum));
	h->left = upto > h->made ? upto - h->made : 0;
	h->now = h->options.begin + (int64_t)m * 60 * NS_PER_S;
	h->minute_end = h->now + 60 * NS_PER_S;
	history_ends_at(&h->ends, (double)m / MINUTES_A_DAY, (double)m / h->minutes);
}

static unsigned weight_of(const struct service *s, int rhythm)
{
	return rhythm == HUMAN ? s->human : rhythm == MACHINE ? s->machine : s->night;
}

static void fill_picks(struct history *h, int rhythm)
{
	unsigned sum = 0, before = 0;
	for (unsigned i = 0; i < n_services; i++)
		sum += weight_of(&services[i], rhythm);
	for (unsigned i = 0; i < n_services; i++) {
		unsigned from = before * SLOTS / sum;
		before += weight_of(&services[i], rhythm);
		memset(h->pick[rhythm] + from, (int)i, before * SLOTS / sum - from);
	}
}

int history_new(struct history **ret_history, const struct history_options *options, const struct world *w)
{
	if (!options->days || options->days > DAYS_MAX)
		return -EINVAL;
	struct history *h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->options = *options;
	h->state = draw_hash(options->seed, 10);
	h->next_id = 1;
	history_ends_init(&h->ends, w);
	for (int i = HUMAN; i <= NIGHT; i++)
		fill_picks(h, i);
	for (size_t i = 0; i < SLOTS; i++)
		h->gaps[i] = (float)-log1p(-((double)i + 0.5) / SLOTS);
	h->sizes = calloc(n_services, sizeof(*h->sizes));
	int r = h->sizes ? weigh_minutes(h) : -ENOMEM;
	if (r < 0) {
		history_free(h);
		return r;
	}
	for (unsigned i = 0; i < n_services; i++)
		history_sizes_init(&h->sizes[i], &services[i]);
	*ret_history = h;
	return 0;
}

void history_free(struct history *h)
{
	if (!h)
		return;
	free(h->weights);
	free(h->sizes);
	free(h);
}

/* Arrivals within a minute: gaps by the exponential distribution, stretched to what is left of it. */
static void advance(struct history *h)
{
	int64_t rest = h->minute_end - h->now;
	int64_t gap = (int64_t)((double)rest / (double)(h->left + 1) * h->gaps[draw_next(&h->state) % SLOTS]);
	h->now += gap < rest ? gap : rest - 1;
	h->left--;
}

static unsigned pick_service(struct history *h)
{
	uint64_t r = draw_next(&h->state);
	double u = draw_unit(r);
	int rhythm = HUMAN;
	while (rhythm < SCAN && u >= h->upto[rhythm])
		rhythm++;
	return rhythm == SCAN ? SERVICE_SCAN_INSIDE : h->pick[rhythm][draw_mix(r) % SLOTS];
}

static int64_t rounded(const struct history *h, int64_t t)
{
	return h->options.whole_ns ? t : t - t % NS_PER_US;
}

/*
 * The record of the vantage further in: the same flow a little later, on another VLAN, and now and then with
 * a packet less, for sensors lose some.
 */
static void see_twice(struct history *h, struct msg_flow *f, const struct history_pair *pair)
{
	uint64_t r = draw_next(&h->state);
	int64_t later = (int64_t)(20 + (r & 0xff)) * NS_PER_US;
	h->second_id = h->next_id++;
	h->second = *f;
	f->also = (struct msg_u64s){.v = &h->second_id, .n = 1};
	h->second.id = h->second_id;
	h->second.duplicate_of = f->id;
	h->second.vantage = HISTORY_VANTAGE_CORE;
	history_set_links(&h->second, pair);
	h->second.first += later;
	h->second.last += later;
	h->second.established += h->second.established ? later : 0;
	if (r >> 8 & 1 && h->second.packets_in > 1)
		h->second.packets_in--;
	h->twice = true;
}

bool history_draw(struct history *h, struct msg_flow *ret_flow)
{
	struct history_pair pair;
	if (h->twice) {
		*ret_flow = h->second;
		h->twice = false;
		return true;
	}
	while (!h->left && h->minute < h->minutes)
		begin_minute(h);
	if (h->made >= h->options.flows)
		return false;
	advance(h);
	unsigned s = pick_service(h);
	history_draw_ends(&h->ends, &services[s], s, &h->state, &pair);
	*ret_flow = (struct msg_flow){.id = h->next_id++, .last = h->now};
	history_draw_flow(ret_flow, &services[s], &h->sizes[s], s, &pair, &h->state);
	ret_flow->first = rounded(h, ret_flow->first);
	ret_flow->last = rounded(h, ret_flow->last);
	ret_flow->established = rounded(h, ret_flow->established);
	h->made++;
	/* a twentieth of what crosses the edge passes the second sensor too */
	if (ret_flow->vantage == HISTORY_VANTAGE_EDGE && h->made < h->options.flows &&
	    draw_next(&h->state) % 20 == 0) {
		see_twice(h, ret_flow, &pair);
		h->made++;
		h->left -= h->left > 0;
	}
	return true;
}
