/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONTAIN_REASONS_H
#define CONTAIN_REASONS_H

/*
 * Why a machine is cut: how it stands in the incident, and the records that show it. Gathered once for all
 * plans of an incident, by machine: a plan has as many cuts as there are held machines, and each asks.
 * Private to contain/. Lives in the caller's arena; borrows the input.
 */

#include "contain/plan.h"

enum { REASONS_FLOWS = 16 }; /* that one cut cites at most */

struct reasons;

/* 0, -ENOMEM. */
int reasons_new(struct reasons **ret_reasons, const struct plan_input *in, struct arena *arena);
/* "compromised", "likely reached", ... */
const char *reasons_standing(const struct reasons *r, uint32_t asset);
/*
 * The ids of the flows that show why the asset is cut: of detections about it, those first that the cut would
 * have stopped. For ASSET_NONE (a cut between zones) of all detections, and only those. At most
 * REASONS_FLOWS, each once.
 */
size_t reasons_flows(const struct reasons *r, uint32_t asset, const struct plan_cut *cut, uint64_t *ids);

#endif
