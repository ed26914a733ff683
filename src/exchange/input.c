/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exchange/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

int exchange_input_begin(struct exchange_input *in, exchange_read_fn read, void *context)
{
	static const char mark[] = "\xef\xbb\xbf";
	int r = 1;
	*in = (struct exchange_input){.read = read, .context = context, .line = 1};
	while (r > 0 && in->n < sizeof(mark) - 1)
		r = exchange_input_more(in);
	if (r >= 0 && in->n >= sizeof(mark) - 1 && memcmp(in->p, mark, sizeof(mark) - 1) == 0)
		exchange_input_take(in, sizeof(mark) - 1);
	return r < 0 ? r : 0;
}

/* Room for EXCHANGE_INPUT_STEP bytes more: what was taken goes, then the window grows. */
static int make_room(struct exchange_input *in)
{
	if (in->at) {
		memmove(in->p, in->p + in->at, in->n - in->at);
		in->n -= in->at;
		in->at = 0;
	}
	if (in->cap - in->n >= EXCHANGE_INPUT_STEP)
		return 0;
	if (in->n >= EXCHANGE_LINE_MAX)
		return -ERR_LIMIT;
	size_t cap = in->cap ? 2 * in->cap : 2 * EXCHANGE_INPUT_STEP;
	char *p = realloc(in->p, cap);
	if (!p)
		return -ENOMEM;
	in->p = p;
	in->cap = cap;
	return 0;
}

int exchange_input_more(struct exchange_input *in)
{
	if (in->end)
		return 0;
	int r = make_room(in);
	if (r < 0)
		return r;
	int64_t got = in->read(in->context, in->p + in->n, in->cap - in->n);
	if (got < 0)
		return (int)got;
	in->n += (size_t)got;
	in->end = got == 0;
	return got > 0;
}

void exchange_input_take(struct exchange_input *in, size_t n)
{
	in->at += n;
	in->offset += n;
}

int exchange_input_skip_line(struct exchange_input *in)
{
	for (;;) {
		const char *end = in->n > in->at ? memchr(in->p + in->at, '\n', in->n - in->at) : NULL;
		if (end) {
			exchange_input_take(in, (size_t)(end - (in->p + in->at)) + 1);
			in->line++;
			return 0;
		}
		exchange_input_take(in, in->n - in->at);
		int r = exchange_input_more(in);
		if (r <= 0)
			return r;
	}
}

void exchange_input_free(struct exchange_input *in)
{
	free(in->p);
	*in = (struct exchange_input){.end = true};
}

int64_t exchange_read_file(void *fd, void *p, size_t n)
{
	for (;;) {
		ssize_t got = read(*(const int *)fd, p, n);
		if (got >= 0 || errno != EINTR)
			return got < 0 ? -errno : got;
	}
}
