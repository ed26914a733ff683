/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONTAIN_LEGITIMATE_H
#define CONTAIN_LEGITIMATE_H

/*
 * Which flows are legitimate use, and of which service: what a plan would lose. Not those that one of the
 * incident's detections rests on, nor what its machines do with its peers; others may use the same places
 * honestly. Private to contain/.
 *
 * Bounds: LEGITIMATE_FLOWS_MAX flows of detections (-ENOMEM beyond), LEGITIMATE_PEERS_MAX peers, the first
 * ones.
 */

#include "contain/plan.h"

enum { LEGITIMATE_FLOWS_MAX = 1 << 22, LEGITIMATE_PEERS_MAX = 1 << 16 };

struct legitimate;

/* 0 or -ENOMEM. Borrows the assets. */
int legitimate_new(struct legitimate **ret_legitimate, const struct plan_input *in);
void legitimate_free(struct legitimate *l);
/* Whether a flow is the intruder's. */
bool legitimate_is_intrusion(const struct legitimate *l, const struct msg_flow *f);
/* Whether two ends talked: a connection with payload, or a datagram that was answered; of tunnels the outer
 * flow. */
bool legitimate_was_used(const struct msg_flow *f);
/* The service of the site file that the flow is of, the most critical of several; -1: none. */
int legitimate_service_of(const struct plan_input *in, const struct msg_flow *f, uint16_t responder_zone);

/* What a use is told as: a service of the site file, or an application at a responder. Compared as bytes. */
struct legitimate_service {
	struct net_addr responder; /* these are zero where `service` is not -1 */
	int32_t service;
	uint16_t port, app;
	uint8_t protocol;
	uint8_t zero[7];
};

/* "mission files", or "tls to 198.51.100.7 port 443". buf has LEGITIMATE_TEXT_SIZE bytes. Returns buf. */
enum { LEGITIMATE_TEXT_SIZE = 256 };
char *legitimate_text(const struct plan_input *in, const struct legitimate_service *s, char *buf);

#endif
