/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Any network: no bound exceeds the next wider one, rows add up to the direct bound, the proof flows no more
 * than its transfers hold, and less room only raises the bounds.
 */
#include "../incident/memory_archive.h"

#include "exposure/exposure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void exposure_check(const struct exposure *e)
{
	uint64_t sum = e->destinations_unlisted_bytes;
	CHECK(e->chained_bytes <= e->chained_any_bytes && e->chained_any_bytes <= e->direct_bytes);
	CHECK(e->direct_external_bytes <= e->direct_bytes);
	for (size_t i = 0; i < e->n_destinations; i++) {
		const struct exposure_destination *d = &e->destinations[i];
		CHECK(d->payload_bytes > 0 && d->n_flows > 0 && d->n_flows <= EXPOSURE_FLOWS_MAX);
		CHECK(d->flows_total >= d->n_flows);
		CHECK(i == 0 || e->destinations[i - 1].class <= d->class);
		CHECK(!__builtin_add_overflow(sum, d->payload_bytes, &sum) || e->direct_bytes == UINT64_MAX);
	}
	CHECK(sum == e->direct_bytes || e->direct_bytes == UINT64_MAX);
	for (size_t i = 0; i < e->n_transfers; i++) {
		const struct exposure_transfer *t = &e->transfers[i];
		CHECK(t->used > 0 && t->used <= t->capacity && t->first <= t->last);
		CHECK(i == 0 || e->transfers[i - 1].first <= t->first);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct archive a;
	struct cursor c = cursor_of(data, size);
	struct arena arena = {0};
	uint8_t how = cursor_u8(&c), from = cursor_u8(&c), who = cursor_u8(&c);
	struct exposure all, intruder, coarse;
	struct spread spread;
	fuzz_network(&a, &c);
	size_t n = asset_count(a.assets);
	struct spread_seed seed = {.time = from, .confirmed = true, .asset = n ? (uint32_t)(who % n) : 0};
	struct spread_input spread_in = {.assets = a.assets,
	    .zones = a.zones,
	    .archive = &a,
	    .seeds = &seed,
	    .n_seeds = n > 0,
	    .detections = a.detections,
	    .n_detections = a.n_detections};
	struct net_addr bad = fuzz_addr(who);
	struct exposure_input in = {.assets = a.assets,
	    .zones = a.zones,
	    .archive = &a,
	    .zone = a.zone,
	    .bad_peers = &bad,
	    .n_bad_peers = how & 1,
	    .from = how & 2 ? from : 0,
	    .to = how & 4 ? from + 64 : 0};
	CHECK(exposure_compute(&in, &arena, &all) == 0);
	exposure_check(&all);
	CHECK(all.chained_bytes == all.chained_any_bytes);
	CHECK(spread_compute(&spread_in, &arena, &spread) == 0);
	in.spread = &spread;
	CHECK(exposure_compute(&in, &arena, &intruder) == 0);
	exposure_check(&intruder);
	CHECK(
	    intruder.chained_any_bytes == all.chained_any_bytes && intruder.direct_bytes == all.direct_bytes);
	in.transfers_max = 1;
	CHECK(exposure_compute(&in, &arena, &coarse) == 0);
	exposure_check(&coarse);
	/* beyond 2^53 bytes igraph's doubles no longer count each one */
	CHECK(all.direct_bytes >> 53 || coarse.chained_bytes >= intruder.chained_bytes);
	CHECK(all.direct_bytes >> 53 || coarse.chained_any_bytes >= all.chained_any_bytes);
	arena_free(&arena);
	fuzz_network_free(&a);
	return 0;
}
