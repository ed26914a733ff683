/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cursor.h"
#include "base/timefmt.h"
#include "bench/history_out.h"

/* Sizes of nfdump's file header, block header and V3 record; numbers of its record and element kinds as
 * 1.7.1 has them. All little-endian, that is the order of the machine that wrote it. */
enum {
	FILE_HEADER = 40,
	BLOCK_HEADER = 12,
	BLOCK_DATA = 3,
	RECORD_V3 = 11,
	RECORD_HEADER = 12,
	ELEMENT_GENERIC = 1,
	GENERIC_SIZE = 52,
	ELEMENT_IPV4 = 2,
	IPV4_SIZE = 12,
	ELEMENT_COUNTS = 5,
	COUNTS_SIZE = 28,
	RECORD_SIZE = RECORD_HEADER + GENERIC_SIZE + IPV4_SIZE + COUNTS_SIZE,
	BLOCK_RECORDS = 8192
};

struct history_nfdump {
	const char *folder;
	FILE *file;
	uint64_t rows;
	uint32_t blocks, records;
	uint8_t block[BLOCK_HEADER + BLOCK_RECORDS * RECORD_SIZE];
};

int history_nfdump_open(struct history_nfdump **ret_nfdump, const char *folder)
{
	struct history_nfdump *n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->folder = folder;
	*ret_nfdump = n;
	return 0;
}

static int flush(struct history_nfdump *n)
{
	uint32_t size = n->records * RECORD_SIZE;
	if (!n->records)
		return 0;
	store_le32(n->block, n->records);
	store_le32(n->block + 4, size);
	store_le16(n->block + 8, BLOCK_DATA);
	n->records = 0;
	n->blocks++;
	return fwrite(n->block, 1, BLOCK_HEADER + size, n->file) == BLOCK_HEADER + size ? 0 : -EIO;
}

static int write_header(struct history_nfdump *n)
{
	uint8_t head[FILE_HEADER] = {0};
	store_le16(head, 0xa50c);
	store_le16(head + 2, 2);
	store_le32(head + 4, 0x01070100); /* nfdump 1.7.1 */
	store_le32(head + 36, n->blocks);
	return fseek(n->file, 0, SEEK_SET) == 0 && fwrite(head, 1, sizeof(head), n->file) == sizeof(head)
	           ? 0
	           : -EIO;
}

static int end_part(struct history_nfdump *n)
{
	if (!n->file)
		return 0;
	int r = flush(n);
	if (r == 0)
		r = write_header(n);
	if (fclose(n->file) != 0 && r == 0)
		r = -errno;
	n->file = NULL;
	n->blocks = 0;
	return r;
}

static int begin_part(struct history_nfdump *n, int64_t now)
{
	char path[4096], stamp[32];
	time_t seconds = (time_t)(now / NS_PER_S);
	struct tm tm;
	int r = end_part(n);
	if (r < 0)
		return r;
	if (!gmtime_r(&seconds, &tm) || !strftime(stamp, sizeof(stamp), "%Y%m%d%H%M%S", &tm))
		return -EINVAL;
	snprintf(path, sizeof(path), "%s/nfcapd.%s", n->folder, stamp);
	if (!(n->file = fopen(path, "wbe")))
		return -errno;
	return write_header(n);
}

static uint8_t *element(uint8_t *p, uint16_t type, uint16_t size)
{
	store_le16(p, type);
	store_le16(p + 2, size);
	return p + 4;
}

static void write_record(uint8_t *p, const struct msg_flow *f)
{
	memset(p, 0, RECORD_SIZE);
	store_le16(p, RECORD_V3);
	store_le16(p + 2, RECORD_SIZE);
	store_le16(p + 4, 3);
	store_le16(p + 8, 1); /* the exporter */
	p[11] = 10;           /* IPFIX */
	p = element(p + RECORD_HEADER, ELEMENT_GENERIC, GENERIC_SIZE);
	store_le64(p, (uint64_t)(f->first / NS_PER_MS));
	store_le64(p + 8, (uint64_t)(f->last / NS_PER_MS));
	store_le64(p + 16, (uint64_t)(f->last / NS_PER_MS));
	store_le64(p + 24, f->packets_out);
	store_le64(p + 32, f->wire_out);
	store_le16(p + 40, f->initiator_port);
	store_le16(p + 42, f->responder_port);
	p[44] = f->protocol;
	p[45] = f->tcp_flags_out | f->tcp_flags_in;
	p = element(p + GENERIC_SIZE - 4, ELEMENT_IPV4, IPV4_SIZE);
	store_le32(p, load_be32(f->initiator.b + 12));
	store_le32(p + 4, load_be32(f->responder.b + 12));
	p = element(p + IPV4_SIZE - 4, ELEMENT_COUNTS, COUNTS_SIZE);
	store_le64(p, 1);
	store_le64(p + 8, f->packets_in);
	store_le64(p + 16, f->wire_in);
}

int history_nfdump_flow(struct history_nfdump *n, const struct msg_flow *f)
{
	int r = 0;
	if (f->duplicate_of)
		return 0;
	if (n->rows++ % HISTORY_PART == 0)
		r = begin_part(n, f->last);
	if (r < 0)
		return r;
	write_record(n->block + BLOCK_HEADER + (size_t)n->records * RECORD_SIZE, f);
	return ++n->records == BLOCK_RECORDS ? flush(n) : 0;
}

int history_nfdump_close(struct history_nfdump *n)
{
	int r = n ? end_part(n) : 0;
	free(n);
	return r;
}
