/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/html.h"

/* Any name in a page: no byte that HTML reads as markup, none that a terminal or a reader's eye would be
 * fooled by. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *page = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&page, &n);
	if (!out)
		return 0;
	const struct html h = {.out = out};
	html_text(&h, text_bytes(data, size));
	fclose(out);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)page[i];
		assert(c >= 0x20 && c != 0x7f && c != '<' && c != '>' && c != '"' && c != '\'');
		if (c == '&')
			assert(memchr(page + i, ';', n - i < 7 ? n - i : 7));
	}
	free(page);
	return 0;
}
