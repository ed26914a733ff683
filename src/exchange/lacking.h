/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXCHANGE_LACKING_H
#define EXCHANGE_LACKING_H

/*
 * What imported records lack because their file has no such column, and what stands in for it: the import's
 * own vantage, and of flows an upper bound of the payload. Reach, hunts and exposure rest on payload, and
 * most exports of flows count whole datagrams only: a flow with bytes must not look as if nothing had been
 * said or taken.
 */

#include "exchange/kinds.h"

/* carried: columns of the file, as bits. */
void exchange_lacking_fill(
    const struct exchange_kind *k, uint64_t carried, uint16_t vantage, union archive_record *m);
/* Appends "; its flow records carry no ..." where columns lack that say something of the record itself.
 * Errors stay in out->error. */
void exchange_lacking_say(const struct exchange_kind *k, uint64_t carried, struct dynbuf *out);

#endif
