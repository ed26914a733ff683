/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CAPTURE_CAPTURE_H
#define CAPTURE_CAPTURE_H

/*
 * Reading capture files: pcap (micro- and nanoseconds, either byte order) and pcapng (all interfaces, with
 * names and time resolutions), plain or compressed by gzip or zstd. Why not libpcap: its API gives neither
 * the pcapng interface of a packet nor interfaces of differing link types, and it is slower; see
 * doc/capture.md.
 *
 * A set merges several files by time. Each packet carries its vantage: one place that was watched (a file's
 * interface). Files of one sensor that follow each other in time (rotation) share their vantages by
 * interface.
 *
 * Bounds: CAPTURE_FILES_MAX files, CAPTURE_VANTAGES_MAX vantages, a record of at most CAPTURE_RECORD_MAX
 * bytes. A file that ends early or breaks its format gives what could be read, and says so in its status.
 */

#include <stddef.h>
#include <stdint.h>

enum {
	CAPTURE_FILES_MAX = 1024,
	CAPTURE_VANTAGES_MAX = 4096,
	CAPTURE_RECORD_MAX = 1 << 18, /* as tcpdump's largest snapshot length */
};

/* Times of frames lie in 0 .. CAPTURE_TIME_MAX (year 2116), so that the difference of two never overflows. */
#define CAPTURE_TIME_MAX (INT64_C(1) << 62)

/* One captured frame; `data` is borrowed until the next call of capture_set_next. */
struct capture_frame {
	int64_t time_ns;
	const uint8_t *data;
	uint32_t caplen;   /* bytes at data */
	uint32_t wirelen;  /* bytes the frame had on the wire: what the file claims, at least caplen; may be
	                      absurd */
	uint16_t linktype; /* LINKTYPE_*, tcpdump.org/linktypes.html */
	uint16_t vantage;
};

enum capture_end {
	CAPTURE_END_CLEAN,      /* read to its end */
	CAPTURE_END_TRUNCATED,  /* the last record is cut */
	CAPTURE_END_MALFORMED,  /* a record breaks the format; what stands after it was not read */
	CAPTURE_END_UNREADABLE, /* an input/output or decompression error */
};

struct capture_file_status {
	const char *path; /* owned by the set */
	enum capture_end end;
	char why[160];       /* what is wrong and at which byte, "" when clean */
	uint64_t bytes;      /* size of the file as stored */
	uint64_t bytes_read; /* of those, already read */
	uint64_t packets;
	uint64_t unordered; /* packets older than the one before them in the same file */
	int64_t first_ns, last_ns;
};

struct capture_vantage {
	/* The interface's name, or the file's; owned by the set. It may hold any bytes: show it through
	 * text_printable. */
	const char *name;
	/* Index of the file it is from. Of several (rotation): one that didn't end clean, else the last. */
	size_t file;
	uint16_t linktype;
	uint32_t snaplen;
	uint64_t packets, bytes; /* wire bytes; of frames whose claim is absurd, the captured ones */
	uint64_t cut;            /* packets of which not all bytes were captured */
	/* as the file reports (pcapng interface statistics); UINT64_MAX where it doesn't say */
	uint64_t dropped;
	int64_t first_ns, last_ns;
};

struct capture_set;

int capture_set_new(struct capture_set **ret_set);
void capture_set_free(struct capture_set *s);
/*
 * Opens a file and reads its head. Takes over `fd` (also on failure; -1: opens `path` itself). Fails with
 * -errno, -ERR_UNSUPPORTED (neither pcap nor pcapng), -ERR_TRUNCATED (not even a head), -ERR_LIMIT; `why`
 * (160 bytes) then says what is wrong and what would be right. An empty file is -ERR_TRUNCATED. A capture
 * without packets is fine.
 */
int capture_set_add(struct capture_set *s, int fd, const char *path, char *why);
/* The next frame of all files by time: 1, or 0 at the end of all files, or -ENOMEM. */
int capture_set_next(struct capture_set *s, struct capture_frame *ret_frame);

size_t capture_set_files(const struct capture_set *s);
/* Status of file i; good after each call. */
const struct capture_file_status *capture_set_file(const struct capture_set *s, size_t i);
size_t capture_set_vantages(const struct capture_set *s);
const struct capture_vantage *capture_set_vantage(const struct capture_set *s, size_t i);
/* Stored bytes read and in all, for a progress bar. */
void capture_set_progress(const struct capture_set *s, uint64_t *ret_read, uint64_t *ret_total);

#endif
