/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/pages.h"

#include <stdint.h>
#include <sys/mman.h>

/* Huge pages of x86-64 and of arm64 with 4 KiB pages. Where they are larger nothing is lost. */
#define PAGES_HUGE ((size_t)2 << 20)

static void *map(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

/* Not every kernel aligns a large mapping by itself; what stands over at both ends goes back. */
static void *map_aligned(size_t n)
{
	unsigned char *p = n > SIZE_MAX - PAGES_HUGE ? NULL : map(n + PAGES_HUGE);
	if (!p)
		return NULL;
	size_t before = -(uintptr_t)p & (PAGES_HUGE - 1);
	if (before)
		(void)munmap(p, before);
	(void)munmap(p + before + n, PAGES_HUGE - before);
	(void)madvise(p + before, n, MADV_HUGEPAGE); /* without them it works as well */
	return p + before;
}

static size_t whole(size_t n)
{
	enum { PAGE = 4096 };
	return (n + PAGE - 1) & ~(size_t)(PAGE - 1);
}

void *pages_new(size_t n)
{
	size_t size = whole(n);
	return size < n ? NULL : size < PAGES_HUGE ? map(size) : map_aligned(size);
}

void pages_free(void *p, size_t n)
{
	if (p)
		(void)munmap(p, whole(n));
}
