/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Any network and any detections: confidences are confidences, nothing is in two incidents, the order of the
 * input and the record ids change nothing, and each asset holds each address once.
 */
#include "memory_archive.h"

#include "incident/incident.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assets_check(const struct archive *a)
{
	for (uint32_t i = 0; i < asset_count(a->assets); i++) {
		const struct asset *x = asset_at(a->assets, i);
		CHECK(x->n_addrs > 0 && x->n_names <= ASSET_NAMES_MAX);
		if (i > 0)
			CHECK(net_addr_compare(asset_at(a->assets, i - 1)->addrs[0], x->addrs[0]) < 0);
		for (size_t k = 0; k < x->n_addrs; k++) {
			CHECK(asset_of(a->assets, x->addrs[k]) == i);
			CHECK(net_zone_is_inside(a->zones, x->addrs[k]));
			CHECK(k == 0 || net_addr_compare(x->addrs[k - 1], x->addrs[k]) < 0);
		}
	}
}

static void incident_check(const struct incident *x, uint8_t *seen)
{
	CHECK(x->n_detections > 0 && x->n_assets > 0 && x->has_entry);
	CHECK(x->confidence >= 0.5 - 1e-6 && x->confidence <= 1 + 1e-9);
	CHECK(x->first <= x->last && strlen(x->id) == strlen("incident-") + 16);
	bool entry = false;
	for (size_t i = 0; i < x->n_assets; i++) {
		const struct incident_asset *s = &x->assets[i];
		CHECK(s->confidence >= 0 && s->confidence <= 1 + 1e-9);
		CHECK(i == 0 || x->assets[i - 1].state >= s->state);
		entry |= s->asset == x->entry_asset && s->state != INCIDENT_ASSET_TARGET;
	}
	CHECK(entry && x->assets[0].state != INCIDENT_ASSET_TARGET);
	for (size_t i = 0; i < x->n_detections; i++) {
		size_t d = x->detections[i]->id % 1000;
		CHECK(!seen[d]++);
		CHECK(i == 0 || x->detections[i - 1]->time <= x->detections[i]->time);
	}
	for (size_t i = 1; i < x->n_peers; i++)
		CHECK(!net_addr_equal(x->peers[i - 1].addr, x->peers[i].addr));
}

static void correlate(struct archive *a, struct arena *arena, struct incident **incidents, size_t *n)
{
	uint8_t seen[FUZZ_DETECTIONS_MAX] = {0};
	struct incident_input in = {.assets = a->assets,
	    .zones = a->zones,
	    .detections = a->detections,
	    .n_detections = a->n_detections,
	    .archive = a,
	    .config = {.window_ns = 20}};
	CHECK(incident_correlate(&in, arena, incidents, n) == 0);
	for (size_t i = 0; i < *n; i++)
		incident_check(&(*incidents)[i], seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct archive a;
	struct cursor c = cursor_of(data, size);
	struct arena arena = {0};
	struct incident *once, *again;
	size_t n, n_again;
	fuzz_network(&a, &c);
	assets_check(&a);
	correlate(&a, &arena, &once, &n);
	for (size_t i = 0; i < a.n_detections / 2; i++) {
		struct msg_detection d = a.detections[i];
		a.detections[i] = a.detections[a.n_detections - 1 - i];
		a.detections[a.n_detections - 1 - i] = d;
	}
	correlate(&a, &arena, &again, &n_again);
	CHECK(n == n_again);
	for (size_t i = 0; i < n; i++)
		CHECK(strcmp(once[i].id, again[i].id) == 0 && once[i].confidence == again[i].confidence &&
		      once[i].n_assets == again[i].n_assets && once[i].entry_asset == again[i].entry_asset);
	arena_free(&arena);
	fuzz_network_free(&a);
	return 0;
}
