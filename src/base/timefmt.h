/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_TIMEFMT_H
#define BASE_TIMEFMT_H

/*
 * Times are int64_t nanoseconds since 1970-01-01 UTC (leap seconds as POSIX has them). Text form: RFC 3339.
 */

#include <stdint.h>

#include "base/text.h"

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)

enum { TIME_TEXT_SIZE = 40 };

/* "2026-11-23T06:25:11.000000000Z". buf has TIME_TEXT_SIZE bytes. Returns buf. */
char *time_rfc3339(int64_t ns, char *buf);
/* The same with milliseconds only, as STIX 2.1 writes it. */
char *time_rfc3339_ms(int64_t ns, char *buf);
/* "2026-11-23 06:25:11 UTC", for people. */
char *time_human(int64_t ns, char *buf);
/* RFC 3339 with zone offset and any digits of fraction, of which nine count; also a date alone (midnight
 * UTC). Years 1678 to 2261, what the nanoseconds hold. 0 or -EINVAL. */
int time_parse(struct text t, int64_t *ret_ns);
/* "90s", "15m", "4h", "2d" or plain seconds. 0, -EINVAL or -ERANGE. */
int time_parse_span(struct text t, int64_t *ret_ns);
/* "3 h 05 min", "12.4 s": for people. buf has at least 24 bytes. Returns buf. */
char *time_span_human(int64_t ns, char *buf, size_t size);

#endif
