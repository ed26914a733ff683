/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/stream.h"
#include "archive/stream_form.h"

enum { AT_ONCE = 256 };

/* Least and greatest difference, as signed numbers; the least is greater where all values are 0. */
static void span_of(const uint64_t *v, const uint64_t *near, size_t n, int64_t *ret_least, int64_t *ret_most)
{
	int64_t least = INT64_MAX, most = INT64_MIN;
	for (size_t i = 0; i < n; i++) {
		int64_t d = (int64_t)(v[i] - near[i]);
		least = v[i] && d < least ? d : least;
		most = v[i] && d > most ? d : most;
	}
	*ret_least = least;
	*ret_most = most;
}

static uint64_t common_step(const uint64_t *v, const uint64_t *near, size_t n, uint64_t origin, bool down)
{
	uint64_t d[AT_ONCE], scale = 0;
	for (size_t i = 0; i < n && scale != 1; i += AT_ONCE) {
		size_t m = n - i < AT_ONCE ? n - i : AT_ONCE;
		for (size_t k = 0; k < m; k++)
			d[k] = v[i + k] ? v[i + k] - near[i + k] - origin : 0;
		for (size_t k = 0; down && k < m; k++)
			d[k] = 0 - d[k];
		scale = stream_common_divisor(scale, stream_scale(d, m, 0));
	}
	return scale ? scale : 1;
}

bool archive_near_make(uint64_t *v, const uint64_t *near, size_t n, struct archive_near *ret_near)
{
	int64_t least, most;
	span_of(v, near, n, &least, &most);
	if (least > most) {
		*ret_near = (struct archive_near){.step = 1};
		return true;
	}
	if ((uint64_t)most - (uint64_t)least == UINT64_MAX)
		return false;
	/* from the end that is nearer to no difference at all */
	bool down = least < 0 && 0 - (uint64_t)least > (most < 0 ? 0 : (uint64_t)most);
	uint64_t origin = (uint64_t)(down ? most : least), step = common_step(v, near, n, origin, down);
	struct stream_divisor by = stream_divisor_of(step);
	for (size_t i = 0; i < n; i++) {
		uint64_t d = v[i] - near[i] - origin;
		v[i] = v[i] ? 1 + stream_divide(by, down ? 0 - d : d) : 0;
	}
	*ret_near = (struct archive_near){.origin = origin, .step = down ? 0 - step : step};
	return true;
}

void archive_near_resolve(struct archive_near by, const uint64_t *near, uint64_t *v, size_t n)
{
	uint64_t first = by.origin - by.step;
	for (size_t i = 0; i < n; i++)
		v[i] = v[i] ? near[i] + first + by.step * v[i] : 0;
}
