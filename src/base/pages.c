/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Huge pages of x86-64, and of arm64 with small pages of 4 KiB. Less than one is the allocator's. */
#define PAGES_HUGE ((size_t)2 << 20)

static size_t whole(size_t n)
{
	return n > SIZE_MAX - PAGES_HUGE ? 0 : (n + PAGES_HUGE - 1) & ~(PAGES_HUGE - 1);
}

/* Not every kernel aligns a large mapping by itself; what stands over at both ends goes back. */
static void *map_aligned(size_t n)
{
	if (n == 0 || n > SIZE_MAX - PAGES_HUGE)
		return NULL;
	unsigned char *p = mmap(
	    NULL, n + PAGES_HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	size_t before = -(uintptr_t)p & (PAGES_HUGE - 1);
	if (before)
		(void)munmap(p, before);
	(void)munmap(p + before + n, PAGES_HUGE - before);
	(void)madvise(p + before, n, MADV_HUGEPAGE); /* without them it works as well */
	return p + before;
}

void *pages_new(size_t n)
{
	return n < PAGES_HUGE ? calloc(1, n) : map_aligned(whole(n));
}

void pages_free(void *p, size_t n)
{
	if (!p || n < PAGES_HUGE)
		free(p);
	else
		(void)munmap(p, whole(n));
}
