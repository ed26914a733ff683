/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A whole capture file, read to its end; what is given must hold what capture.h says. */

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/capture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int memory_file(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	assert(fd >= 0);
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, data + done, size - done);
		assert(n > 0);
		done += (size_t)n;
	}
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* A small packed file may hold far more than a fuzzer wants to wait for. */
enum { FRAMES_MAX = 20000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct capture_set *s;
	struct capture_frame f;
	char why[160] = "";
	uint64_t packets = 0, by_vantage = 0;
	unsigned sum = 0;
	int r;
	if (capture_set_new(&s) < 0)
		return 0;
	r = capture_set_add(s, memory_file(data, size), "fuzz.pcap", why);
	assert(r == 0 || why[0]);
	while (r == 0 && packets < FRAMES_MAX && capture_set_next(s, &f) == 1) {
		packets++;
		assert(f.caplen <= CAPTURE_RECORD_MAX && f.wirelen >= f.caplen);
		assert(f.time_ns >= 0 && f.time_ns <= CAPTURE_TIME_MAX);
		assert(f.vantage < capture_set_vantages(s));
		for (uint32_t i = 0; i < f.caplen; i++)
			sum += f.data[i];
	}
	for (size_t i = 0; i < capture_set_vantages(s); i++)
		by_vantage += capture_set_vantage(s, i)->packets;
	assert(by_vantage == packets);
	if (r == 0)
		assert(capture_set_file(s, 0)->packets == packets);
	capture_set_free(s);
	return sum == UINT32_MAX; /* so that the bytes are read */
}
