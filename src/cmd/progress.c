/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "base/timefmt.h"

enum { BAR_WIDTH = 28 };

static int64_t clock_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

void progress_begin(struct progress *p)
{
	*p = (struct progress){.terminal = isatty(STDERR_FILENO), .began_ns = clock_now()};
	p->drawn_ns = p->began_ns;
}

/* Whether the screen should change now; then how long it took by now. */
static bool is_time(struct progress *p, double *ret_seconds)
{
	int64_t now = clock_now();
	if (!p->terminal || now - p->drawn_ns < NS_PER_S / 5 || now - p->began_ns < NS_PER_S)
		return false;
	p->drawn_ns = now;
	p->shown = true;
	*ret_seconds = (double)(now - p->began_ns) / (double)NS_PER_S;
	return true;
}

/* Prints the bar and gives the time that is left, in words. */
static char *draw_bar(double seconds, double share, char *left, size_t size)
{
	char bar[BAR_WIDTH + 1];
	for (int i = 0; i < BAR_WIDTH; i++)
		bar[i] = (double)i < share * BAR_WIDTH ? '#' : '.';
	bar[BAR_WIDTH] = '\0';
	fprintf(stderr, "\r[%s] %3.0f%%", bar, share * 100);
	return time_span_human(
	    share > 0 ? (int64_t)(seconds / share * (1 - share) * (double)NS_PER_S) : 0, left, size);
}

static double share_of(uint64_t done, uint64_t total)
{
	return done >= total ? total > 0 : (double)done / (double)total;
}

void progress_draw(struct progress *p, uint64_t done, uint64_t total, uint64_t packets)
{
	double seconds;
	char rate[24], left[32];
	if (!is_time(p, &seconds))
		return;
	draw_bar(seconds, share_of(done, total), left, sizeof(left));
	num_bytes_human((uint64_t)((double)done / seconds), rate, sizeof(rate));
	fprintf(stderr, "  %s/s  %.2f Mpkt/s  %s left\033[K", rate, (double)packets / seconds / 1e6, left);
	fflush(stderr);
}

void progress_draw_share(struct progress *p, uint64_t done, uint64_t total)
{
	double seconds;
	char left[32];
	if (!is_time(p, &seconds))
		return;
	fprintf(stderr, "  %s left\033[K", draw_bar(seconds, share_of(done, total), left, sizeof(left)));
	fflush(stderr);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
