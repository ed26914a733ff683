/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_ANALYSIS_EVE_H
#define DAEMON_ANALYSIS_EVE_H

/*
 * EVE JSON of a pass over captures: a line for each transaction and flow as it goes into the archive, while
 * it is at hand, and for each detection and flow that it rests on, when the archive has both. Each returns 0
 * or -errno.
 */

#include <stdio.h>

#include "archive/archive.h"
#include "daemon/detections.h"

struct analysis_eve;

/* Borrows `out`. */
int analysis_eve_new(struct analysis_eve **ret_eve, FILE *out);
void analysis_eve_free(struct analysis_eve *e);

int analysis_eve_flow(struct analysis_eve *e, const struct msg_flow *f);
int analysis_eve_transaction(
    struct analysis_eve *e, const struct msg_flow *f, const struct msg_transaction *t);
/* What comes last: writes the lines that wait, too. */
int analysis_eve_alerts(struct analysis_eve *e, struct archive *archive, const struct detections *detections);

#endif
