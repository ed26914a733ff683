/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXCHANGE_VALUE_TIME_H
#define EXCHANGE_VALUE_TIME_H

/* Times as text: RFC 3339, what others write instead of it, and counts of a unit that is known. */

#include "exchange/value.h"

/* As exchange_value_parse, of a column of times. */
int exchange_time_parse(const struct exchange_column *c, struct text t, struct exchange_reading *r,
    void *record, const char **ret_wanted);

#endif
