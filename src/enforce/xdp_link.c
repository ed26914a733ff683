/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The program on an interface, by a link: others can't take it off by accident (netlink refuses to), and a
 * newer program takes the older one's place in one step. Links are pinned by the interface's number
 * ("link7"): a name may hold what a BPF file system doesn't take.
 */

#include "enforce/xdp_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/num.h"

static const char prefix[] = "link";

static void name_of(unsigned index, char *name, size_t size)
{
	snprintf(name, size, "%s%u", prefix, index);
}

static void path_of(const struct xdp *x, unsigned index, char *path)
{
	snprintf(path, XDP_PATH_SIZE + 32, "%s/%s%u", x->pins, prefix, index);
}

/* 0: there is none of that name. */
static unsigned index_of(const struct xdp *x, const char *name)
{
	struct ifreq request = {0};
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return ioctl(x->sockets, SIOCGIFINDEX, &request) < 0 ? 0 : (unsigned)request.ifr_ifindex;
}

static int link_info(int link, struct bpf_link_info *ret_info)
{
	uint32_t size = sizeof(*ret_info);
	*ret_info = (struct bpf_link_info){0};
	return bpf_obj_get_info_by_fd(link, ret_info, &size) < 0 ? -errno : 0;
}

/* Puts our program in the place of the one that a pinned link has. */
static int take_over(struct xdp *x, struct xdp_interface *i)
{
	char path[XDP_PATH_SIZE + 32];
	struct bpf_link_info info;
	path_of(x, i->index, path);
	int link = bpf_obj_get(path);
	if (link < 0)
		return -errno;
	int r = link_info(link, &info);
	if (r == 0 && (info.type != BPF_LINK_TYPE_XDP || info.xdp.ifindex != i->index))
		r = -ENODEV; /* of an interface that is gone */
	if (r == 0 && info.prog_id != x->program_id && bpf_link_update(link, x->program, NULL) < 0)
		r = -errno;
	if (r < 0)
		close(link);
	else
		i->link = link;
	return r;
}

static int make(struct xdp *x, struct xdp_interface *i, uint32_t flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
	int link = bpf_link_create(x->program, (int)i->index, BPF_XDP, &options);
	if (link < 0)
		return -errno;
	i->link = link;
	return 0;
}

static int make_and_pin(struct xdp *x, struct xdp_interface *i, char *why)
{
	char path[XDP_PATH_SIZE + 32], name[32];
	int native = x->generic ? -EOPNOTSUPP : make(x, i, XDP_FLAGS_DRV_MODE);
	int r = native == -EBUSY || native == -EEXIST || native == 0 ? native
	                                                             : make(x, i, XDP_FLAGS_SKB_MODE);
	if (r == -EBUSY || r == -EEXIST)
		xdp_say(why, "%s has an XDP program of somebody else; ", i->name);
	else if (r < 0)
		xdp_say(why, "%s takes no XDP program: %s; ", i->name, err_text(r));
	if (r < 0)
		return r;
	if (native < 0 && !x->generic)
		xdp_say(why, "%s has generic XDP only, which is slower: its driver says %s; ", i->name,
		    err_text(native));
	name_of(i->index, name, sizeof(name));
	(void)unlinkat(x->folder, name, 0);
	path_of(x, i->index, path);
	if (bpf_obj_pin(i->link, path) < 0) {
		r = -errno;
		xdp_say(why, "%s: %s; ", path, err_text(r));
	}
	return r;
}

/* Generic or native isn't told by the link. */
static void learn_mode(struct xdp_interface *i)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	i->mode = XDP_MODE_NATIVE;
	if (bpf_xdp_query((int)i->index, 0, &query) == 0 && query.attach_mode == XDP_ATTACHED_SKB)
		i->mode = XDP_MODE_GENERIC;
}

int xdp_attach(struct xdp *x, struct xdp_interface *i, char *why)
{
	if (i->link >= 0)
		close(i->link);
	i->link = -1;
	i->mode = XDP_MODE_NONE;
	i->index = index_of(x, i->name);
	if (!i->index) {
		xdp_say(why, "there is no interface %s; ", i->name);
		return -ENODEV;
	}
	int r = take_over(x, i);
	if (r < 0)
		r = make_and_pin(x, i, why);
	if (r < 0) {
		if (i->link >= 0)
			close(i->link);
		i->link = -1;
		return r;
	}
	learn_mode(i);
	return 0;
}

bool xdp_is_attached(const struct xdp *x, const struct xdp_interface *i)
{
	struct bpf_link_info info;
	char name[32];
	name_of(i->index, name, sizeof(name));
	return i->link >= 0 && link_info(i->link, &info) == 0 && info.prog_id == x->program_id &&
	       info.xdp.ifindex == i->index && index_of(x, i->name) == i->index &&
	       faccessat(x->folder, name, F_OK, 0) == 0;
}

void xdp_detach(struct xdp *x, struct xdp_interface *i)
{
	char name[32];
	name_of(i->index, name, sizeof(name));
	(void)unlinkat(x->folder, name, 0);
	if (i->link < 0)
		return;
	(void)bpf_link_detach(i->link);
	close(i->link);
	i->link = -1;
	i->mode = XDP_MODE_NONE;
}

static bool is_ours(const struct xdp *x, uint64_t index)
{
	for (size_t i = 0; i < x->n_interfaces; i++)
		if (x->interfaces[i].index == index)
			return true;
	return false;
}

void xdp_drop_others(const struct xdp *x)
{
	int fd = openat(x->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	if (!folder) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (const struct dirent *e; (e = readdir(folder));) {
		uint64_t index;
		struct text name = text_of(e->d_name);
		if (!text_starts_nocase(name, text_of(prefix)) ||
		    num_parse_u64(text_sub(name, sizeof(prefix) - 1, name.n), UINT32_MAX, &index) != 0)
			continue;
		if (!is_ours(x, index))
			(void)unlinkat(x->folder, e->d_name, 0);
	}
	closedir(folder);
}
