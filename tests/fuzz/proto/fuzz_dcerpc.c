/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return harness_run(APP_DCERPC, PACKET_TCP, data, size);
}
