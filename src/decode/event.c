/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "decode/packet.h"

static const char *const names[] = {
#define X(id, name) name,
    DECODE_EVENT_LIST(X)
#undef X
};

const char *decode_event_name(enum decode_event event)
{
	return (unsigned)event < DECODE_EVENT_COUNT ? names[event] : "";
}
