/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_CAPTURE_WRITER_H
#define TESTS_CAPTURE_WRITER_H

/* Writes pcap and pcapng files byte by byte, in either byte order, and reads them back through a set. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/dynbuf.h"
#include "base/err.h"
#include "capture/capture.h"

struct writer {
	struct dynbuf b;
	bool big;
};

static inline void put(struct writer *w, uint64_t v, int n)
{
	for (int i = 0; i < n; i++)
		dynbuf_u8(&w->b, (uint8_t)(v >> 8 * (w->big ? n - 1 - i : i)));
}

/* n bytes that count up from `from`. */
static inline void put_fill(struct writer *w, size_t n, uint8_t from)
{
	for (size_t i = 0; i < n; i++)
		dynbuf_u8(&w->b, (uint8_t)(from + i));
}

static inline void put_zero(struct writer *w, size_t n)
{
	uint8_t *p = dynbuf_grow(&w->b, n);
	assert_non_null(p);
	memset(p, 0, n);
}

static inline void pcap_head_version(struct writer *w, uint32_t magic, unsigned minor, uint32_t linktype)
{
	put(w, magic, 4);
	put(w, 2, 2);
	put(w, minor, 2);
	put(w, 0, 8);
	put(w, 65535, 4);
	put(w, linktype, 4);
}

static inline void pcap_head(struct writer *w, uint32_t linktype)
{
	pcap_head_version(w, 0xa1b2c3d4, 4, linktype);
}

static inline void pcap_record(
    struct writer *w, uint32_t s, uint32_t fraction, uint32_t caplen, uint32_t wirelen)
{
	put(w, s, 4);
	put(w, fraction, 4);
	put(w, caplen, 4);
	put(w, wirelen, 4);
	put_fill(w, caplen, (uint8_t)s);
}

static inline void ng_option(struct writer *w, unsigned code, const void *p, size_t n)
{
	put(w, code, 2);
	put(w, n, 2);
	dynbuf_append(&w->b, p, n);
	put_zero(w, (4 - n % 4) % 4);
}

static inline void ng_option_number(struct writer *w, unsigned code, uint64_t v, int n)
{
	put(w, code, 2);
	put(w, (uint64_t)n, 2);
	put(w, v, n);
	put_zero(w, (4 - (size_t)n % 4) % 4);
}

/* Begins a block; the length is written by ng_end. */
static inline size_t ng_begin(struct writer *w, uint32_t type)
{
	size_t at = w->b.n;
	put(w, type, 4);
	put(w, 0, 4);
	return at;
}

static inline void ng_end(struct writer *w, size_t at)
{
	uint32_t length = (uint32_t)(w->b.n - at + 4);
	put(w, length, 4);
	memcpy(w->b.p + at + 4, w->b.p + w->b.n - 4, 4);
}

static inline void ng_section(struct writer *w)
{
	size_t at = ng_begin(w, 0x0a0d0d0a);
	put(w, 0x1a2b3c4d, 4);
	put(w, 1, 2);
	put(w, 0, 2);
	put(w, UINT64_MAX, 8);
	ng_end(w, at);
}

static inline size_t ng_interface_begin(struct writer *w, unsigned linktype, uint32_t snaplen)
{
	size_t at = ng_begin(w, 1);
	put(w, linktype, 2);
	put(w, 0, 2);
	put(w, snaplen, 4);
	return at;
}

static inline void ng_interface(struct writer *w, unsigned linktype, const char *name)
{
	size_t at = ng_interface_begin(w, linktype, 0);
	if (name)
		ng_option(w, 2, name, strlen(name));
	put(w, 0, 4);
	ng_end(w, at);
}

static inline size_t ng_packet_begin(
    struct writer *w, uint32_t interface, uint64_t units, uint32_t caplen, uint32_t wirelen)
{
	size_t at = ng_begin(w, 6);
	put(w, interface, 4);
	put(w, units >> 32, 4);
	put(w, units & UINT32_MAX, 4);
	put(w, caplen, 4);
	put(w, wirelen, 4);
	put_fill(w, caplen, (uint8_t)caplen);
	put_zero(w, (4 - caplen % 4) % 4);
	return at;
}

static inline void ng_packet(
    struct writer *w, uint32_t interface, uint64_t units, uint32_t caplen, uint32_t wirelen)
{
	ng_end(w, ng_packet_begin(w, interface, units, caplen, wirelen));
}

/* Adds n bytes as a file of that name. */
static inline int add_bytes(struct capture_set *s, const void *p, size_t n, const char *path, char *why)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);
	assert_true(fd >= 0);
	for (size_t done = 0; done < n;) {
		ssize_t r = write(fd, (const char *)p + done, n - done);
		assert_true(r > 0);
		done += (size_t)r;
	}
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return capture_set_add(s, fd, path, why);
}

static inline void add_good(struct capture_set *s, struct writer *w, const char *path)
{
	char why[160] = "";
	assert_int_equal(w->b.error, 0);
	if (add_bytes(s, w->b.p, w->b.n, path, why) != 0)
		fail_msg("%s: %s", path, why);
	dynbuf_free(&w->b);
}

static inline struct capture_set *set_new(void)
{
	struct capture_set *s = NULL;
	assert_int_equal(capture_set_new(&s), 0);
	return s;
}

static inline struct capture_set *set_of(struct writer *w)
{
	struct capture_set *s = set_new();
	add_good(s, w, "dir/one.pcap");
	return s;
}

/* Reads on to the end; how many frames there were. */
static inline size_t drain(struct capture_set *s)
{
	struct capture_frame f;
	size_t n = 0;
	while (capture_set_next(s, &f) == 1) {
		for (uint32_t i = 1; i < f.caplen; i++) /* as put_fill wrote them */
			assert_int_equal(f.data[i], (uint8_t)(f.data[0] + i));
		n++;
	}
	return n;
}

static inline struct capture_frame next_frame(struct capture_set *s)
{
	struct capture_frame f;
	assert_int_equal(capture_set_next(s, &f), 1);
	return f;
}

#endif
