/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "capture/capture.h"
#include "capture/file.h"
#include "capture/vantage.h"

enum {
	LINKTYPE_SLL2 = 276,
	SLL2_IFINDEX_AT = 4,
	UNPACK_MEMORY_MAX = 1 << 30,
};

/* A file of the set, and its frame that comes next. */
struct member {
	struct file file;
	struct record record;
	bool started;     /* its first frame has come due, so that it has a lineage */
	bool handed_over; /* another file goes on with its vantages */
	uint32_t lineage;
	int64_t before_ns; /* time of the frame given last */
};

struct capture_set {
	struct member *members[CAPTURE_FILES_MAX];
	size_t n;
	/* Members with a frame to give, as a binary heap by member_before. */
	struct member *heap[CAPTURE_FILES_MAX];
	size_t n_heap;
	struct member *given; /* whose frame was given and must be replaced */
	bool all_started;
	struct vantage_book book;
	struct source_budget budget;
};

int capture_set_new(struct capture_set **ret_set)
{
	struct capture_set *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	/* the address serves as a seed that nobody outside knows */
	if (vantage_book_init(&s->book, (uintptr_t)s) < 0) {
		free(s);
		return -ENOMEM;
	}
	s->budget.max = UNPACK_MEMORY_MAX;
	*ret_set = s;
	return 0;
}

static void member_free(struct member *m)
{
	if (!m)
		return;
	file_release(&m->file);
	free((char *)m->file.status.path);
	free(m);
}

void capture_set_free(struct capture_set *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		member_free(s->members[i]);
	vantage_book_release(&s->book);
	free(s);
}

/*
 * Whether a's frame goes before b's. Among frames of one time a file that was begun goes before one that
 * wasn't: so its end is known when the next file of a rotation comes due.
 */
static bool member_before(const struct member *a, const struct member *b)
{
	if (a->record.time_ns != b->record.time_ns)
		return a->record.time_ns < b->record.time_ns;
	if (a->started != b->started)
		return a->started;
	return a->lineage < b->lineage;
}

static void heap_sift_up(struct capture_set *s, size_t i)
{
	struct member *m = s->heap[i];
	for (; i > 0 && member_before(m, s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = m;
}

static void heap_sift_down(struct capture_set *s, size_t i)
{
	struct member *m = s->heap[i];
	for (size_t below = 2 * i + 1; below < s->n_heap; below = 2 * i + 1) {
		if (below + 1 < s->n_heap && member_before(s->heap[below + 1], s->heap[below]))
			below++;
		if (!member_before(s->heap[below], m))
			break;
		s->heap[i] = s->heap[below];
		i = below;
	}
	s->heap[i] = m;
}

static void member_note_progress(struct member *m)
{
	struct capture_file_status *status = &m->file.status;
	if (!m->file.source)
		return;
	status->bytes_read = m->file.source->stored_read;
	if (status->bytes < status->bytes_read)
		status->bytes = status->bytes_read; /* a pipe, or a file that still grows */
}

/* Reads the member's next frame. 1; 0 at its end, where its memory and descriptor go; -ENOMEM. */
static int member_advance(struct member *m)
{
	int r = m->file.next(&m->file, &m->record);
	if (r == 1)
		return 1;
	member_note_progress(m);
	source_close(m->file.source);
	m->file.source = NULL;
	return r;
}

static int open_file(int fd, const char *path, uint64_t *ret_size, char *why)
{
	struct stat st;
	if (fd < 0)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		int error = errno;
		snprintf(why, CAPTURE_WHY, "%s", strerror(error));
		return -error;
	}
	*ret_size = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	return fd;
}

static int member_open(struct capture_set *s, int fd, const char *path, char *why, struct member **ret_member)
{
	uint64_t size = 0;
	fd = open_file(fd, path, &size, why);
	if (fd < 0)
		return fd;
	struct member *m = calloc(1, sizeof(*m));
	char *copy = m ? strdup(path) : NULL;
	if (!copy) {
		free(m);
		close(fd);
		snprintf(why, CAPTURE_WHY, "out of memory");
		return -ENOMEM;
	}
	m->file.status.path = copy;
	m->file.status.bytes = size;
	int r = source_open(&m->file.source, fd, &s->budget, why);
	if (r == 0)
		r = file_start(&m->file, why);
	if (r < 0) {
		member_free(m);
		return r;
	}
	*ret_member = m;
	return 0;
}

int capture_set_add(struct capture_set *s, int fd, const char *path, char *why)
{
	struct member *m = NULL;
	if (s->n == CAPTURE_FILES_MAX) {
		snprintf(why, CAPTURE_WHY, "more than %d files", CAPTURE_FILES_MAX);
		if (fd >= 0)
			close(fd);
		return -ERR_LIMIT;
	}
	int r = member_open(s, fd, path, why, &m);
	if (r < 0)
		return r;
	r = member_advance(m);
	if (r < 0) {
		snprintf(why, CAPTURE_WHY, "out of memory");
		member_free(m);
		return r;
	}
	m->file.index = s->n;
	m->lineage = (uint32_t)s->n;
	s->members[s->n++] = m;
	s->all_started = false;
	if (r == 1) {
		s->heap[s->n_heap++] = m;
		heap_sift_up(s, s->n_heap - 1);
	}
	return 0;
}

static bool same_lanes(const struct file *a, const struct file *b)
{
	if (a->n_lanes != b->n_lanes)
		return false;
	for (size_t i = 0; i < a->n_lanes; i++) {
		const struct lane *x = &a->lanes[i], *y = &b->lanes[i];
		if (x->linktype != y->linktype || !x->name != !y->name ||
		    (x->name && strcmp(x->name, y->name) != 0))
			return false;
	}
	return true;
}

static size_t common_prefix(const char *a, const char *b)
{
	size_t n = 0;
	while (a[n] && a[n] == b[n])
		n++;
	return n;
}

/*
 * The member that m follows: it has ended, not after m begins, and had the same interfaces. Among several the
 * one whose path begins most alike, then the one that ended last. A file without packets may follow any.
 */
static struct member *predecessor(const struct capture_set *s, const struct member *m)
{
	struct member *best = NULL;
	size_t best_prefix = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct member *a = s->members[i];
		if (a == m || a->file.source || !a->started || a->handed_over ||
		    !same_lanes(&a->file, &m->file))
			continue;
		const struct capture_file_status *status = &a->file.status;
		if (status->packets == 0 || (m->file.source && status->last_ns > m->record.time_ns))
			continue;
		size_t prefix = common_prefix(status->path, m->file.status.path);
		if (best && (prefix < best_prefix ||
		                (prefix == best_prefix && status->last_ns < best->file.status.last_ns)))
			continue;
		best = a;
		best_prefix = prefix;
	}
	return best;
}

/* A cooked lane has a vantage for each interface index; one for the lane itself only where that has something
 * to tell. */
static bool lane_is_cooked(const struct lane *l)
{
	return l->linktype == LINKTYPE_SLL2;
}

static int lane_settle(struct capture_set *s, struct member *m, uint32_t lane)
{
	struct lane *l = &m->file.lanes[lane];
	uint16_t vantage = 0;
	int r = vantage_of_lane(&s->book, m->lineage, &m->file, lane, &vantage);
	if (r < 0)
		return r;
	if (!lane_is_cooked(l))
		l->vantage = vantage;
	drops_news(&l->drops, &s->book.items[vantage]->seen.dropped);
	return 0;
}

/* News of lost packets go to their vantages. */
static int member_tell_news(struct capture_set *s, struct member *m)
{
	struct file *f = &m->file;
	while (f->news != LANE_NONE) {
		uint32_t lane = f->news;
		int r = lane_settle(s, m, lane);
		if (r < 0)
			return r;
		f->lanes[lane].has_news = false;
		f->news = f->lanes[lane].next_news;
	}
	return 0;
}

/* Vantages for all lanes that have none yet. */
static int member_settle(struct capture_set *s, struct member *m)
{
	int r = member_tell_news(s, m);
	for (uint32_t i = 0; i < m->file.n_lanes && r == 0; i++) {
		const struct lane *l = &m->file.lanes[i];
		if (!lane_is_cooked(l) && l->vantage == LANE_NO_VANTAGE)
			r = lane_settle(s, m, i);
	}
	return r;
}

static int member_start(struct capture_set *s, struct member *m)
{
	/* a file that broke before its first packet tells of that in a vantage of its own */
	bool joins = m->record.data || m->file.status.end == CAPTURE_END_CLEAN;
	struct member *before = joins ? predecessor(s, m) : NULL;
	if (before) {
		m->lineage = before->lineage;
		for (size_t i = 0; i < m->file.n_lanes; i++)
			drops_continue(&m->file.lanes[i].drops, &before->file.lanes[i].drops);
		/* an empty file only joins: whoever follows by time still may */
		before->handed_over = m->record.data != NULL;
	}
	m->started = true;
	return member_settle(s, m);
}

/* Sets *ret_vantage for the member's present frame. */
static int frame_vantage(struct capture_set *s, struct member *m, uint16_t *ret_vantage)
{
	struct record *r = &m->record;
	struct lane *l = &m->file.lanes[r->lane];
	uint16_t vantage = l->vantage;
	if (lane_is_cooked(l)) {
		bool told = r->caplen >= SLL2_IFINDEX_AT + 4;
		uint32_t ifindex = told ? load_be32(r->data + SLL2_IFINDEX_AT) : 0;
		if (vantage == LANE_NO_VANTAGE || ifindex != l->ifindex) {
			int error = vantage_of_ifindex(
			    &s->book, m->lineage, &m->file, r->lane, ifindex, &vantage);
			if (error < 0)
				return error;
			l->vantage = vantage;
			l->ifindex = ifindex;
		}
	} else if (vantage == LANE_NO_VANTAGE) {
		int error = vantage_of_lane(&s->book, m->lineage, &m->file, r->lane, &vantage);
		if (error < 0)
			return error;
		l->vantage = vantage;
	}
	*ret_vantage = vantage;
	return 0;
}

static void status_count(struct capture_file_status *status, int64_t time_ns, int64_t *before_ns)
{
	if (status->packets++ == 0) {
		status->first_ns = status->last_ns = time_ns;
	} else {
		status->unordered += time_ns < *before_ns;
		if (time_ns < status->first_ns)
			status->first_ns = time_ns;
		if (time_ns > status->last_ns)
			status->last_ns = time_ns;
	}
	*before_ns = time_ns;
}

/* Reads on in the file whose frame was given, and orders the heap again. */
static int replace_given(struct capture_set *s)
{
	struct member *m = s->given;
	size_t at = 0;
	while (s->heap[at] != m) /* elsewhere than on top only where a file was added meanwhile */
		at++;
	int r = member_advance(m);
	if (r < 0)
		return r;
	s->given = NULL;
	if (r == 0) {
		s->heap[at] = s->heap[--s->n_heap];
		if (m->file.status.end != CAPTURE_END_CLEAN)
			vantage_book_note_bad_end(&s->book, m->file.index);
		r = member_settle(s, m);
	} else {
		r = member_tell_news(s, m);
	}
	if (at < s->n_heap) {
		heap_sift_down(s, at);
		heap_sift_up(s, at);
	}
	return r < 0 ? r : 0;
}

/* At the end of all: files that never gave a frame get their vantages too, joined to a like file where there
 * is one. */
static int start_the_empty(struct capture_set *s)
{
	for (size_t i = 0; i < s->n && !s->all_started; i++) {
		int r = s->members[i]->started ? 0 : member_start(s, s->members[i]);
		if (r < 0)
			return r;
	}
	s->all_started = true;
	return 0;
}

int capture_set_next(struct capture_set *s, struct capture_frame *ret_frame)
{
	int r = s->given ? replace_given(s) : 0;
	if (r < 0)
		return r;
	if (s->n_heap == 0)
		return start_the_empty(s);
	struct member *m = s->heap[0];
	const struct record *record = &m->record;
	uint16_t vantage = 0;
	if (!m->started) {
		r = member_start(s, m);
		if (r < 0)
			return r;
	}
	r = frame_vantage(s, m, &vantage);
	if (r < 0)
		return r;
	/* what was captured was there: some writers leave the wire length short or zero */
	*ret_frame = (struct capture_frame){
	    .time_ns = record->time_ns,
	    .data = record->data,
	    .caplen = record->caplen,
	    .wirelen = record->wirelen > record->caplen ? record->wirelen : record->caplen,
	    .linktype = m->file.lanes[record->lane].linktype,
	    .vantage = vantage,
	};
	status_count(&m->file.status, record->time_ns, &m->before_ns);
	vantage_count(s->book.items[vantage], ret_frame, m->file.index);
	s->given = m;
	return 1;
}

size_t capture_set_files(const struct capture_set *s)
{
	return s->n;
}

const struct capture_file_status *capture_set_file(const struct capture_set *s, size_t i)
{
	member_note_progress(s->members[i]);
	return &s->members[i]->file.status;
}

size_t capture_set_vantages(const struct capture_set *s)
{
	return s->book.n;
}

const struct capture_vantage *capture_set_vantage(const struct capture_set *s, size_t i)
{
	return &s->book.items[i]->seen;
}

void capture_set_progress(const struct capture_set *s, uint64_t *ret_read, uint64_t *ret_total)
{
	uint64_t read_bytes = 0, total = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct capture_file_status *status = capture_set_file(s, i);
		read_bytes += status->bytes_read;
		total += status->bytes;
	}
	*ret_read = read_bytes;
	*ret_total = total;
}
