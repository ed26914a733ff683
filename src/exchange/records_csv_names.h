/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXCHANGE_RECORDS_CSV_NAMES_H
#define EXCHANGE_RECORDS_CSV_NAMES_H

/*
 * The names under which other systems have the columns of flows: Suricata's EVE, Zeek's conn.log, nfdump's
 * CSV, Argus' ra, Elastic's Common Schema. Source is taken for initiator, destination for responder.
 */

#include "base/text.h"

/* A column that we have in another form: seconds from the first to the last packet. */
#define EXCHANGE_DURATION "duration"

/* Our name of a column, EXCHANGE_DURATION, or NULL where the name is none that is common. Case is ignored. */
const char *exchange_common_name(struct text theirs);
/* The number of an IP protocol by its name as such exports have it ("tcp"), -1 where it is none of them. */
int exchange_protocol_number(struct text name);
/* The number of an application by a name that others give it ("ssl"), -1 where it is none of them. */
int exchange_app_number(struct text name);

#endif
