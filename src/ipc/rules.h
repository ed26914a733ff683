/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IPC_RULES_H
#define IPC_RULES_H

/*
 * Who may say what: for each channel and way the messages and records that are allowed, and nothing else. A
 * process that was taken over can say no more than it could before (doc/live.md).
 */

#include <stdbool.h>
#include <stdint.h>

/* One way of a channel: from whom to whom. */
enum channel_way {
	CHANNEL_PARENT_TO_CHILD,
	CHANNEL_CHILD_TO_PARENT,
	CHANNEL_SENSOR_TO_ENGINE,
	CHANNEL_ENGINE_TO_SENSOR,
	CHANNEL_ENGINE_TO_ENFORCER,
	CHANNEL_ENFORCER_TO_ENGINE,
	CHANNEL_ENGINE_TO_ARCHIVIST,
	CHANNEL_ARCHIVIST_TO_ENGINE,
	CHANNEL_ENGINE_TO_PLANNER,
	CHANNEL_PLANNER_TO_ENGINE,
	CHANNEL_GATEWAY_TO_ENGINE,
	CHANNEL_ENGINE_TO_GATEWAY,
	CHANNEL_ENGINE_TO_COURIER,
	CHANNEL_COURIER_TO_ENGINE,
	CHANNEL_CLIENT_TO_GATEWAY, /* the control socket */
	CHANNEL_GATEWAY_TO_CLIENT,
	CHANNEL_WAYS
};

bool channel_way_allows(enum channel_way way, uint16_t number);
/* Of the process pair: the way from `from` to `to` (enum msg_process), CHANNEL_WAYS where there is none. */
enum channel_way channel_way_of(unsigned from, unsigned to);

#endif
