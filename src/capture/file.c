/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/vec.h"

int file_stop(struct file *f, enum capture_end end, const char *format, ...)
{
	va_list args;
	f->status.end = end;
	int n = snprintf(
	    f->status.why, sizeof(f->status.why), "byte %" PRIu64 ": ", source_position(f->source));
	va_start(args, format);
	vsnprintf(f->status.why + n, sizeof(f->status.why) - (size_t)n, format, args);
	va_end(args);
	return 0;
}

int file_stop_short(struct file *f, bool begun, const char *what)
{
	const struct source *s = f->source;
	if (s->error == -ENOMEM)
		return -ENOMEM;
	if (s->error == -ERR_TRUNCATED)
		return file_stop(f, CAPTURE_END_TRUNCATED, "%s", s->why);
	if (s->error)
		return file_stop(f, CAPTURE_END_UNREADABLE, "%s", s->why);
	if (begun || source_left(s))
		return file_stop(f, CAPTURE_END_TRUNCATED, "the file ends inside %s", what);
	f->status.end = CAPTURE_END_CLEAN;
	return 0;
}

int file_lane_add(struct file *f, char *name, uint16_t linktype, uint32_t snaplen, uint32_t *ret_lane)
{
	int r = VEC_RESERVE(f->lanes, &f->cap_lanes, f->n_lanes, CAPTURE_VANTAGES_MAX);
	if (r < 0) {
		free(name);
		return r;
	}
	*ret_lane = (uint32_t)f->n_lanes;
	f->lanes[f->n_lanes++] = (struct lane){
	    .name = name,
	    .linktype = linktype,
	    .vantage = LANE_NO_VANTAGE,
	    .snaplen = snaplen,
	};
	return 0;
}

void file_note_news(struct file *f, uint32_t lane)
{
	struct lane *l = &f->lanes[lane];
	if (l->has_news)
		return;
	l->has_news = true;
	l->next_news = f->news;
	f->news = lane;
}

/* Says why not even a head could be read. */
static int head_short(const struct source *s, char *why)
{
	if (s->error) {
		snprintf(why, CAPTURE_WHY, "%s", s->why);
		return s->error;
	}
	if (source_left(s) == 0)
		snprintf(why, CAPTURE_WHY, "the file is empty: expected a pcap or pcapng capture");
	else
		snprintf(why, CAPTURE_WHY, "the file ends after %zu bytes, inside its head", source_left(s));
	return -ERR_TRUNCATED;
}

int file_start(struct file *f, char *why)
{
	f->news = LANE_NONE;
	const uint8_t *magic = source_peek(f->source, 4);
	if (!magic)
		return head_short(f->source, why);
	int r;
	if (load_be32(magic) == 0x0a0d0d0a)
		r = pcapng_start(f, why);
	else
		r = pcap_start(f, magic, why);
	return r == -ERR_TRUNCATED ? head_short(f->source, why) : r;
}

void file_release(struct file *f)
{
	source_close(f->source);
	f->source = NULL;
	for (size_t i = 0; i < f->n_lanes; i++)
		free(f->lanes[i].name);
	free(f->lanes);
	free(f->clocks);
}
