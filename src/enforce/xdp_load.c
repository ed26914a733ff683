/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The maps, taken over from their pins or new; the program, loaded anew each time; their pins. */

#include "enforce/xdp_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

/* tools/embed.py makes it of xdp_cut.bpf.o. */
extern const char xdp_cut_object[];
extern const size_t xdp_cut_object_size;

enum { VERIFIER_SAYS = 1 << 20 };

/* As enum xdp_way, and in the order of pinning: with the last one all are there. */
static const char *const kept[] = {"hosts4", "hosts6", "prefixes4", "prefixes6", "elements", "state"};
enum { KEPT = sizeof(kept) / sizeof(kept[0]) };

static void path_of(const struct xdp *x, const char *name, char *path)
{
	snprintf(path, XDP_PATH_SIZE + 32, "%s/%s", x->pins, name);
}

static int *descriptor_of(struct xdp *x, size_t kept_at)
{
	if (kept_at < XDP_WAYS)
		return &x->ways[kept_at];
	return kept_at == XDP_WAYS ? &x->elements_fd : &x->state_fd;
}

/* Whether that map is of the shape that the program's own would have. */
static bool has_shape(int fd, const struct bpf_map *map)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);
	return bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && info.type == bpf_map__type(map) &&
	       info.key_size == bpf_map__key_size(map) && info.value_size == bpf_map__value_size(map) &&
	       info.max_entries == bpf_map__max_entries(map) && info.map_flags == bpf_map__map_flags(map);
}

static bool has_layout(int fd)
{
	struct xdp_state state = {0};
	uint32_t zero = 0;
	return bpf_map_lookup_elem(fd, &zero, &state) == 0 && state.layout == XDP_LAYOUT;
}

/* Takes the pinned maps over: all of them or none. *ret_taken: they are. */
static int take_over(struct xdp *x, bool *ret_taken, char *why)
{
	int fds[KEPT];
	size_t found = 0, fit = 0;
	for (size_t i = 0; i < KEPT; i++) {
		char path[XDP_PATH_SIZE + 32];
		path_of(x, kept[i], path);
		fds[i] = bpf_obj_get(path);
		const struct bpf_map *map = bpf_object__find_map_by_name(x->object, kept[i]);
		found += fds[i] >= 0;
		fit += fds[i] >= 0 && map && has_shape(fds[i], map);
	}
	*ret_taken = fit == KEPT && has_layout(fds[KEPT - 1]);
	if (found && !*ret_taken)
		xdp_say(why, "the maps in %s are of another version and are made anew, empty; ", x->pins);
	int r = 0;
	for (size_t i = 0; i < KEPT; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(x->object, kept[i]);
		if (*ret_taken && r == 0)
			r = bpf_map__reuse_fd(map, fds[i]);
		if (fds[i] >= 0)
			close(fds[i]);
	}
	return r;
}

int xdp_repin(struct xdp *x)
{
	for (size_t i = 0; i < KEPT; i++) {
		char path[XDP_PATH_SIZE + 32];
		path_of(x, kept[i], path);
		if (bpf_obj_pin(*descriptor_of(x, i), path) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

bool xdp_is_pinned(const struct xdp *x)
{
	for (size_t i = 0; i < KEPT; i++)
		if (faccessat(x->folder, kept[i], F_OK, 0) < 0)
			return false;
	return true;
}

void xdp_unpin(struct xdp *x)
{
	for (size_t i = KEPT; i-- > 0;)
		(void)unlinkat(x->folder, kept[i], 0);
}

static int map_memory(struct xdp *x)
{
	void *elements = mmap(NULL, XDP_ELEMENTS_MAX * sizeof(*x->elements), PROT_READ | PROT_WRITE,
	    MAP_SHARED, x->elements_fd, 0);
	if (elements == MAP_FAILED)
		return -errno;
	x->elements = elements;
	void *state = mmap(NULL, sizeof(*x->state), PROT_READ | PROT_WRITE, MAP_SHARED, x->state_fd, 0);
	if (state == MAP_FAILED)
		return -errno;
	x->state = state;
	return 0;
}

/* Cuts the last line off and returns it; "" where there is none. */
static const char *take_line(char *log)
{
	size_t n = strlen(log);
	while (n > 0 && log[n - 1] == '\n')
		log[--n] = 0;
	char *line = strrchr(log, '\n');
	if (!line)
		return log;
	*line = 0;
	return line + 1;
}

/* What the verifier said last before its count of instructions, or the error's own words. */
static void say_refused(char *why, char *log, int error)
{
	const char *line = take_line(log);
	if (line != log && strncmp(line, "processed ", 10) == 0)
		line = take_line(log);
	xdp_say(
	    why, "the kernel doesn't take the XDP program: %s%s%s", err_text(error), *line ? ": " : "", line);
	if (error == -EPERM)
		xdp_say(why, " (loading it needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON)");
}

/* Without a log first, which makes the verifier ten times as slow; libbpf asks again for one where it failed.
 */
static int load_into_kernel(struct xdp *x, bool *ret_taken, char *log, char *why)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "bulkhead", .kernel_log_buf = log,
	    .kernel_log_size = VERIFIER_SAYS);
	x->object = bpf_object__open_mem(xdp_cut_object, xdp_cut_object_size, &options);
	if (!x->object)
		return -errno;
	int r = take_over(x, ret_taken, why);
	if (r < 0)
		return r;
	r = bpf_object__load(x->object);
	if (r < 0)
		say_refused(why, log, r);
	return r;
}

static int load_object(struct xdp *x, bool *ret_taken, char *why)
{
	char *log = calloc(1, VERIFIER_SAYS);
	int r = log ? load_into_kernel(x, ret_taken, log, why) : -ENOMEM;
	free(log);
	if (r < 0)
		return r;
	x->program = bpf_program__fd(bpf_object__find_program_by_name(x->object, "xdp_cut"));
	struct bpf_prog_info info = {0};
	uint32_t size = sizeof(info);
	if (bpf_obj_get_info_by_fd(x->program, &info, &size) < 0)
		return -errno;
	x->program_id = info.id;
	for (size_t i = 0; i < KEPT; i++)
		*descriptor_of(x, i) = bpf_object__find_map_fd_by_name(x->object, kept[i]);
	return 0;
}

int xdp_load(struct xdp *x, const struct backend_pass *passes, size_t n_passes, char *why)
{
	bool taken = false;
	int r = load_object(x, &taken, why);
	if (r == 0)
		r = map_memory(x);
	if (r == 0)
		r = xdp_put_passes(x->object, passes, n_passes);
	if (r < 0)
		return r;
	if (taken)
		return xdp_adopt(x, xdp_now());
	x->fresh = 1;
	x->state->layout = XDP_LAYOUT;
	xdp_unpin(x);
	return xdp_repin(x);
}
