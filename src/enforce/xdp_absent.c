/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Stands in where clang or libbpf wasn't there at build time (meson -Dxdp). */

#include "enforce/xdp.h"

#include <errno.h>
#include <stdio.h>

int xdp_open(const struct xdp_config *config, struct backend **ret_backend, char *why)
{
	(void)config;
	(void)ret_backend;
	snprintf(why, XDP_WHY_SIZE,
	    "this program was built without XDP: build it where clang and libbpf-dev are installed");
	return -ENOTSUP;
}

enum xdp_mode xdp_mode(const struct backend *b, size_t interface)
{
	(void)b;
	(void)interface;
	return XDP_MODE_NONE;
}
