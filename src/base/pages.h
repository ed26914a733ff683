/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_PAGES_H
#define BASE_PAGES_H

/*
 * Memory for what is large and looked into at random (pools, the index of a table): zeroed, taken from the
 * system page by page as it is touched, in huge pages where the system has them to give. A look into small
 * pages that was long ago costs a walk through the page tables beside the memory itself.
 */

#include <stddef.h>

/* n bytes (> 0), aligned for any object; NULL where the system refuses. Only what is touched counts. */
void *pages_new(size_t n);
/* p may be NULL; n is what it was made with. */
void pages_free(void *p, size_t n);

#endif
