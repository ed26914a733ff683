/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is stopped, added up by service, machine, hour and cut. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "base/timefmt.h"
#include "contain/simulate_parts.h"

enum { DAY_WORDS = (SIMULATE_DAYS_MAX + 63) / 64, RARE_FROM_DAYS = 3, WEEK_DAYS = 7 };

static const int64_t hour_ns = 3600 * NS_PER_S, day_ns = 86400 * NS_PER_S;

struct service_tally {
	uint32_t number, machines;
	uint8_t criticality;
	struct simulated_loss loss;
	uint64_t days[DAY_WORDS];
	char name[SIMULATED_NAME_SIZE];
};

/* A machine of ours by its number, any other by its address. Compared as bytes. */
struct machine_key {
	struct net_addr addr;
	uint32_t asset;
};

struct machine_tally {
	uint32_t number;
	bool held;
	struct net_addr addr;
	struct simulated_loss loss;
};

struct pair_key {
	uint32_t machine, service;
};

struct client_key {
	struct machine_key machine;
	uint32_t service;
};

_Static_assert(sizeof(struct machine_key) == 20 && sizeof(struct client_key) == 24, "no padding");

struct tally {
	const struct simulate_input *in;
	struct simulation *s;
	struct table *services; /* struct legitimate_service -> struct service_tally */
	struct table *machines; /* struct machine_key -> struct machine_tally */
	struct table *doubtful; /* the same, of those flows */
	struct table *pairs;    /* struct pair_key -> struct simulated_loss */
	struct table *clients;  /* struct client_key -> nothing */
	uint8_t *held; /* one byte an asset: the incident says so, or the plan cuts it by its address */
	double weight;
};

static void find_held(struct tally *t)
{
	const struct asset_map *assets = t->in->network->assets;
	const struct incident *incident = t->in->network->incident;
	for (size_t i = 0; i < incident->n_assets; i++)
		if (incident->assets[i].state != INCIDENT_ASSET_TARGET)
			t->held[incident->assets[i].asset] = 1;
	for (size_t i = 0; i < t->in->plan->n_cuts; i++) {
		const struct plan_cut *c = &t->in->plan->cuts[i];
		for (size_t j = 0; j < c->n_from; j++) {
			uint32_t asset = c->from[j].bits == 128 ? asset_of(assets, c->from[j].addr)
			                                        : ASSET_NONE;
			if (asset != ASSET_NONE)
				t->held[asset] = 1;
		}
	}
}

int tally_new(struct tally **ret_tally, const struct simulate_input *in, struct simulation *simulation)
{
	uint64_t seed = in->network->seed;
	struct tally *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	*ret_tally = t;
	t->in = in;
	t->s = simulation;
	t->held = calloc(asset_count(in->network->assets) + 1, 1);
	int r = t->held ? table_new(&t->services, sizeof(struct legitimate_service),
	                      sizeof(struct service_tally), SIMULATE_SERVICES_MAX, seed)
	                : -ENOMEM;
	if (r == 0)
		r = table_new(&t->machines, sizeof(struct machine_key), sizeof(struct machine_tally),
		    SIMULATE_USES_MAX, seed);
	if (r == 0)
		r = table_new(&t->doubtful, sizeof(struct machine_key), sizeof(struct machine_tally),
		    SIMULATE_USES_MAX, seed);
	if (r == 0)
		r = table_new(&t->pairs, sizeof(struct pair_key), sizeof(struct simulated_loss),
		    SIMULATE_USES_MAX, seed);
	if (r == 0)
		r = table_new(&t->clients, sizeof(struct client_key), 1, SIMULATE_USES_MAX, seed);
	if (r == 0)
		find_held(t);
	return r;
}

void tally_free(struct tally *t)
{
	if (!t)
		return;
	table_free(t->services);
	table_free(t->machines);
	table_free(t->doubtful);
	table_free(t->pairs);
	table_free(t->clients);
	free(t->held);
	free(t);
}

static void add_sum(struct simulated_sum *sum, const struct simulated_flow *f)
{
	sum->flows++;
	sum->payload_bytes += f->payload_bytes;
}

static void add_loss(struct simulated_loss *loss, const struct simulated_flow *f)
{
	bool only = loss->sum.flows == 0;
	add_sum(&loss->sum, f);
	if (only || f->first < loss->first) {
		loss->first = f->first;
		loss->first_flow = f->id;
	}
	if (only || f->first >= loss->last) {
		loss->last = f->first;
		loss->last_flow = f->id;
	}
}

static struct machine_key machine_of(uint32_t asset, struct net_addr addr)
{
	return (struct machine_key){
	    .asset = asset, .addr = asset == ASSET_NONE ? addr : (struct net_addr){.b = {0}}};
}

static void add_day(struct service_tally *service, int64_t from, int64_t time)
{
	size_t day = time > from ? (size_t)((time - from) / day_ns) : 0;
	service->days[day / 64] |= UINT64_C(1) << day % 64;
}

static struct service_tally *add_service(struct tally *t, const struct simulated_flow *f)
{
	int fresh;
	struct service_tally *service = table_put(t->services, &f->service, &fresh);
	if (!service)
		return NULL;
	if (fresh) {
		service->number = (uint32_t)table_count(t->services) - 1;
		service->criticality = f->criticality;
	}
	if (!service->name[0])
		memcpy(service->name, f->name, sizeof(f->name));
	add_loss(&service->loss, f);
	add_day(service, t->in->from, f->first);
	const struct client_key client = {
	    .machine = machine_of(f->initiator_asset, f->initiator), .service = service->number};
	if (table_put(t->clients, &client, &fresh))
		service->machines += fresh != 0;
	else
		t->s->coarse = true;
	return service;
}

static bool is_held(const struct tally *t, uint32_t asset)
{
	return asset != ASSET_NONE && t->held[asset];
}

/* Who loses it: whoever of ours begins it, else whoever of ours offers it, else whoever begins it. */
static bool loses_as_responder(const struct simulated_flow *f)
{
	return f->initiator_asset == ASSET_NONE && f->responder_asset != ASSET_NONE;
}

static uint32_t loser_of(const struct simulated_flow *f)
{
	return loses_as_responder(f) ? f->responder_asset : f->initiator_asset;
}

static struct machine_tally *add_machine(
    const struct tally *t, struct table *table, const struct simulated_flow *f)
{
	const struct net_addr addr = loses_as_responder(f) ? f->responder : f->initiator;
	const struct machine_key key = machine_of(loser_of(f), addr);
	int fresh;
	struct machine_tally *machine = table_put(table, &key, &fresh);
	if (!machine)
		return NULL;
	if (fresh) {
		machine->number = (uint32_t)table_count(table) - 1;
		machine->held = is_held(t, key.asset);
		machine->addr = addr;
	}
	add_loss(&machine->loss, f);
	return machine;
}

static void add_legitimate(struct tally *t, const struct simulated_flow *f)
{
	struct simulation *s = t->s;
	add_sum(&s->legitimate, f);
	if (is_held(t, loser_of(f)))
		add_sum(&s->of_held, f);
	add_sum(&s->by_cut[f->plan_cut].legitimate, f);
	s->by_hour[(uint64_t)(f->first < 0 ? 0 : f->first) / (uint64_t)hour_ns % SIMULATE_HOURS]++;
	t->weight += is_held(t, f->initiator_asset) ? 1 : f->criticality;
	struct service_tally *service = add_service(t, f);
	struct machine_tally *machine = add_machine(t, t->machines, f);
	struct simulated_loss *loss = NULL;
	if (service && machine) {
		const struct pair_key key = {.machine = machine->number, .service = service->number};
		loss = table_put(t->pairs, &key, NULL);
	}
	if (loss)
		add_loss(loss, f);
	else
		s->coarse = true;
}

void tally_flow(struct tally *t, const struct simulated_flow *f)
{
	add_sum(&t->s->stopped, f);
	if (f->attack) {
		add_sum(&t->s->attack, f);
		add_sum(&t->s->by_cut[f->plan_cut].attack, f);
	} else if (f->unanswered) {
		add_sum(&t->s->unanswered, f);
	} else if (f->doubtful) {
		add_sum(&t->s->doubtful, f);
		add_sum(&t->s->by_cut[f->plan_cut].doubtful, f);
		if (!add_machine(t, t->doubtful, f))
			t->s->coarse = true;
	} else {
		add_legitimate(t, f);
	}
}

static unsigned count_days(const struct service_tally *service)
{
	unsigned n = 0;
	for (size_t i = 0; i < DAY_WORDS; i++)
		n += (unsigned)__builtin_popcountll(service->days[i]);
	return n;
}

/* What is used once a week or less is what a look at any one day doesn't show. */
static bool is_rare(const struct simulation *s, unsigned days)
{
	int64_t seen = (s->coverage.covered_ns + day_ns - 1) / day_ns;
	return seen >= RARE_FROM_DAYS && days <= (seen + WEEK_DAYS - 1) / WEEK_DAYS;
}

static const char *service_name(const struct tally *t, struct arena *arena,
    const struct legitimate_service *key, const struct service_tally *service)
{
	const struct plan_input *in = t->in->network;
	char line[LEGITIMATE_TEXT_SIZE + SIMULATED_NAME_SIZE + 4], text[LEGITIMATE_TEXT_SIZE];
	if (key->service >= 0)
		return in->services[key->service].name;
	legitimate_text(in, key, text);
	bool named = service->name[0] && asset_of(in->assets, key->responder) == ASSET_NONE;
	snprintf(line, sizeof(line), named ? "%s (%s)" : "%s", text, service->name);
	const char *copy = arena_strndup(arena, line, strlen(line));
	return copy ? copy : "";
}

/* A service's old number beside it, until it has found its place. */
struct placed {
	struct simulated_service service;
	uint32_t number;
};

static int by_weight(const void *left, const void *right)
{
	const struct placed *a = left, *b = right;
	uint64_t x = a->service.loss.sum.flows * a->service.criticality,
	         y = b->service.loss.sum.flows * b->service.criticality;
	if (x != y)
		return x > y ? -1 : 1;
	int order = strcmp(a->service.name, b->service.name);
	return order ? order : (a->number > b->number) - (a->number < b->number);
}

/* *ret_place[number]: where it stands in the list now. */
static int give_services(struct tally *t, struct arena *arena, uint32_t **ret_place)
{
	struct simulation *s = t->s;
	size_t n = table_count(t->services), pos = 0, i = 0;
	struct placed *v = calloc(n + 1, sizeof(*v));
	uint32_t *place = calloc(n + 1, sizeof(*place));
	s->services = arena_array(arena, n, sizeof(*s->services));
	const void *key;
	*ret_place = place;
	if (!v || !place || !s->services) {
		free(v);
		return -ENOMEM;
	}
	for (const struct service_tally *x; (x = table_next(t->services, &pos, &key)); i++) {
		const struct legitimate_service *of = key;
		unsigned days = count_days(x);
		v[i] = (struct placed){.number = x->number,
		    .service = {.name = service_name(t, arena, of, x),
		        .criticality = x->criticality,
		        .of_site = of->service >= 0,
		        .loss = x->loss,
		        .machines = x->machines,
		        .days = days,
		        .rare = is_rare(s, days)}};
	}
	qsort(v, n, sizeof(*v), by_weight);
	for (i = 0; i < n; i++) {
		s->services[i] = v[i].service;
		place[v[i].number] = (uint32_t)i;
	}
	s->n_services = n;
	free(v);
	return 0;
}

/* A use beside the machine that it is of. */
struct owned {
	uint32_t machine;
	struct simulated_use use;
};

static int by_owner(const void *left, const void *right)
{
	const struct owned *a = left, *b = right;
	if (a->machine != b->machine)
		return a->machine < b->machine ? -1 : 1;
	uint64_t x = a->use.loss.sum.flows, y = b->use.loss.sum.flows;
	if (x != y)
		return x > y ? -1 : 1;
	return (a->use.service > b->use.service) - (a->use.service < b->use.service);
}

static int by_standing(const void *left, const void *right)
{
	const struct simulated_machine *a = left, *b = right;
	if (a->held != b->held)
		return a->held ? 1 : -1;
	if (a->loss.sum.flows != b->loss.sum.flows)
		return a->loss.sum.flows > b->loss.sum.flows ? -1 : 1;
	return net_addr_compare(a->addr, b->addr);
}

static int give_uses(
    struct tally *t, struct arena *arena, struct simulated_machine *machines, const uint32_t *place)
{
	size_t n = table_count(t->pairs), pos = 0, i = 0;
	struct owned *v = calloc(n + 1, sizeof(*v));
	struct simulated_use *uses = arena_array(arena, n, sizeof(*uses));
	const void *key;
	int r = v && uses ? 0 : -ENOMEM;
	for (const struct simulated_loss *x; r == 0 && (x = table_next(t->pairs, &pos, &key)); i++) {
		const struct pair_key *of = key;
		v[i] = (struct owned){
		    .machine = of->machine, .use = {.service = place[of->service], .loss = *x}};
	}
	if (r == 0)
		qsort(v, n, sizeof(*v), by_owner);
	for (i = 0; r == 0 && i < n; i++) {
		struct simulated_machine *m = &machines[v[i].machine];
		uses[i] = v[i].use;
		if (m->n_uses++ == 0)
			m->uses = &uses[i];
	}
	free(v);
	return r;
}

/* A table's machines by their numbers. *ret_bystanders of them are not cut off. */
static struct simulated_machine *list_machines(
    const struct table *table, struct arena *arena, size_t *ret_bystanders)
{
	struct simulated_machine *v = arena_array(arena, table_count(table), sizeof(*v));
	size_t pos = 0, bystanders = 0;
	const void *key;
	for (const struct machine_tally *x; v && (x = table_next(table, &pos, &key));) {
		const struct machine_key *of = key;
		v[x->number] = (struct simulated_machine){
		    .asset = of->asset, .addr = x->addr, .held = x->held, .loss = x->loss};
		bystanders += !x->held;
	}
	*ret_bystanders = bystanders;
	return v;
}

static void sort_machines(struct simulated_machine *v, size_t n)
{
	if (n)
		qsort(v, n, sizeof(*v), by_standing);
}

static int give_machines(struct tally *t, struct arena *arena, const uint32_t *place)
{
	struct simulation *s = t->s;
	size_t bystanders;
	s->doubtful_machines = list_machines(t->doubtful, arena, &bystanders);
	s->machines = list_machines(t->machines, arena, &s->n_bystanders);
	if (!s->machines || !s->doubtful_machines)
		return -ENOMEM;
	s->n_machines = table_count(t->machines);
	s->n_doubtful_machines = table_count(t->doubtful);
	int r = give_uses(t, arena, s->machines, place);
	if (r == 0) {
		sort_machines(s->machines, s->n_machines);
		sort_machines(s->doubtful_machines, s->n_doubtful_machines);
	}
	return r;
}

int tally_give(struct tally *t, struct arena *arena)
{
	struct simulation *s = t->s;
	uint32_t *place = NULL;
	int64_t seen = s->coverage.covered_ns > NS_PER_S ? s->coverage.covered_ns : NS_PER_S;
	double per_day = (double)day_ns / (double)seen;
	s->legitimate_flows_per_day = (double)s->legitimate.flows * per_day;
	s->others_flows_per_day = (double)(s->legitimate.flows - s->of_held.flows) * per_day;
	s->weighted_flows_per_day = t->weight * per_day;
	for (unsigned hour = 1; hour < SIMULATE_HOURS; hour++)
		if (s->by_hour[hour] > s->by_hour[s->busiest_hour])
			s->busiest_hour = hour;
	int r = give_services(t, arena, &place);
	if (r == 0)
		r = give_machines(t, arena, place);
	free(place);
	return r;
}
