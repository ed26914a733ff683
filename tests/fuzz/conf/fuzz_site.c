/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Any bytes give a site or at least one mistake; a site prints back to a file that reads as the same site. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "conf/site.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *context, const char *line)
{
	assert(strlen(line) > 5);
	++*(size_t *)context;
}

static char *print(const struct site *s)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	assert(f && site_print(s, f) == 0);
	fclose(f);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct site *s, *again;
	size_t mistakes = 0;
	int r = site_parse(&s, "fuzz.yaml", text_bytes(data, size), count, &mistakes);
	assert((r == 0) == (mistakes == 0));
	if (r < 0) {
		assert(r == -ERR_INVALID);
		return 0;
	}
	char *once = print(s);
	r = site_parse(&again, "printed.yaml", text_of(once), count, &mistakes);
	assert(r == 0);
	char *twice = print(again);
	assert(strcmp(once, twice) == 0);
	free(once);
	free(twice);
	site_free(s);
	site_free(again);
	return 0;
}
