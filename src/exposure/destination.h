/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXPOSURE_DESTINATION_H
#define EXPOSURE_DESTINATION_H

/* The rows of destinations: chosen by class and bytes, then filled with their largest flows and their names
 * in a second pass over the flows. Private to exposure/. */

#include "exposure/gather.h"

/* Sets the destinations of exposures[i] by gathers[i]: one more pass over the flows with them, for all n. 0,
 * -ENOMEM or the archive's error. */
int destinations_make(struct gather *gathers, size_t n, struct arena *arena, struct exposure *exposures);

#endif
