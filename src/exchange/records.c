/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exchange/records.h"

#include <errno.h>
#include <unistd.h>

int exchange_records_begin(struct exchange_records *r, const struct exchange_import_options *o, int fd,
    struct exchange_problem *problem)
{
	struct exchange_json_options json = {.record = o->csv.record,
	    .time_unit = o->csv.time_unit,
	    .plain_text = o->csv.plain_text,
	    .zoned = o->csv.zoned,
	    .zone_s = o->csv.zone_s};
	r->format = o->format;
	r->json = NULL;
	r->fd = fd;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	switch (o->format) {
	case EXCHANGE_FORMAT_CSV:
		return exchange_csv_records_begin(&r->csv, &o->csv, exchange_read_file, &r->fd, problem);
	case EXCHANGE_FORMAT_JSON:
		return exchange_json_records_new(&r->json, &json, exchange_read_file, &r->fd);
	}
	return -EINVAL;
}

int exchange_records_next(struct exchange_records *r, unsigned *ret_record, union archive_record *ret_m,
    struct exchange_problem *problem)
{
	int got = r->json ? exchange_json_records_next(r->json, ret_record, ret_m, problem)
	                  : exchange_csv_records_next(&r->csv, ret_m, problem);
	if (got > 0 && !r->json)
		*ret_record = r->csv.kind.layout->record;
	return got;
}

void exchange_records_end(struct exchange_records *r)
{
	if (r->format == EXCHANGE_FORMAT_CSV)
		exchange_csv_records_end(&r->csv);
	exchange_json_records_free(r->json);
	r->json = NULL;
}

uint64_t exchange_records_line(const struct exchange_records *r)
{
	return r->json ? exchange_json_records_line(r->json) : r->csv.csv.line;
}

size_t exchange_records_bytes(const struct exchange_records *r)
{
	return r->json ? exchange_json_records_bytes(r->json) : r->csv.csv.taken;
}

uint64_t exchange_records_carried(const struct exchange_records *r, unsigned record)
{
	if (r->json)
		return exchange_json_records_carried(r->json, record);
	return r->csv.kind.layout && r->csv.kind.layout->record == record ? r->csv.carried : 0;
}
