/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CAPTURE_FILE_H
#define CAPTURE_FILE_H

/*
 * One capture file as its records in the order they stand, whatever the format. Private to capture/. The file
 * owns its source and its lanes. A lane is what may become a vantage: pcap has one, pcapng one for each
 * interface; a section that describes an interface again (same place in the order, name and link type) goes
 * on with the same lane.
 *
 * Bounds: CAPTURE_VANTAGES_MAX interfaces a section and lanes a file; a file with more is malformed there.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "capture/capture.h"
#include "capture/drops.h"
#include "capture/source.h"

enum { CAPTURE_WHY = 160, LANE_NO_VANTAGE = 0xffff };
#define LANE_NONE UINT32_MAX

struct lane {
	char *name; /* as pcapng gives it, NULL where the file has no name for it */
	uint16_t linktype;
	uint16_t vantage; /* LANE_NO_VANTAGE until the set gives it one; of Linux cooked v2: the last one */
	uint32_t ifindex; /* of that last one */
	uint32_t snaplen; /* 0: no limit */
	struct drops drops;
	bool has_news; /* its vantage does not tell all of drops yet */
	uint32_t next_news;
};

/* How a pcapng interface counts time, and which lane it is. */
struct clock {
	uint64_t multiply,
	    divide;    /* decimal: ns = units * multiply / divide; divide 0: finer than any ns, so 0 */
	uint8_t shift; /* binary: ns = units * 10^9 >> shift */
	bool binary;
	int64_t offset_s;
	uint32_t lane;
};

struct record {
	int64_t time_ns;
	const uint8_t *data; /* in the source's window */
	uint32_t caplen, wirelen;
	uint32_t lane;
};

struct file {
	struct source *source; /* NULL once the end is reached */
	size_t index;          /* in the set */
	struct capture_file_status status;
	struct lane *lanes;
	size_t n_lanes, cap_lanes;
	uint32_t news; /* the first lane of those that have news, by next_news; LANE_NONE: none has */
	/* 1 and a record; 0 at the end, status says how; -ENOMEM. */
	int (*next)(struct file *f, struct record *ret_record);

	bool big; /* byte order of the file or of the section */
	/* pcap */
	uint64_t tick_ns;
	size_t record_head;
	uint16_t version_minor;
	/* pcapng */
	struct clock *clocks; /* the section's interfaces */
	size_t n_clocks, cap_clocks;
	int64_t last_ns; /* for packets without a time */
};

/*
 * Reads the head and sets f->next. Fails as capture_set_add does, with the reason in why[CAPTURE_WHY].
 */
int file_start(struct file *f, char *why);
/* Frees what f owns, not f. */
void file_release(struct file *f);

/* The file ends here for a reason of its format: sets the status (once), gives 0. */
int file_stop(struct file *f, enum capture_end end, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/*
 * The same where source_peek gave nothing: a record cut short, a source that failed, or, where no byte of the
 * record
 * (`what`) was there and it had not `begun`, a clean end. 0 or -ENOMEM.
 */
int file_stop_short(struct file *f, bool begun, const char *what);
/* A new lane; takes over name. -ENOMEM, -ERR_LIMIT. */
int file_lane_add(struct file *f, char *name, uint16_t linktype, uint32_t snaplen, uint32_t *ret_lane);

/* The lane's drops have changed. */
void file_note_news(struct file *f, uint32_t lane);

int pcap_start(struct file *f, const uint8_t *magic, char *why);
int pcapng_start(struct file *f, char *why);

/* Times stay within 0 .. CAPTURE_TIME_MAX. */
int64_t clock_ns(const struct clock *c, uint64_t units);
/* Sets the resolution by the option's byte (pcapng, if_tsresol). */
void clock_set_resolution(struct clock *c, uint8_t tsresol);

static inline uint32_t file_u32(const struct file *f, const uint8_t *p)
{
	return f->big ? load_be32(p) : load_le32(p);
}

static inline uint16_t file_u16(const struct file *f, const uint8_t *p)
{
	return f->big ? load_be16(p) : load_le16(p);
}

static inline uint64_t file_u64(const struct file *f, const uint8_t *p)
{
	return f->big ? load_be64(p) : load_le64(p);
}

#endif
