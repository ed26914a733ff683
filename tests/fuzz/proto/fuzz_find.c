/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding the protocol of a stream, and whatever parser that leads to. */
#include "harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return harness_run(APP_UNKNOWN, PACKET_TCP, data, size);
}
