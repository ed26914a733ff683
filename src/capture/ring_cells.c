/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Frames that are handed over one by one: TPACKET_V2. */

#include <errno.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "capture/ring_private.h"

static uint8_t *cell_at(const struct ring *r, uint32_t cell)
{
	return r->map + (size_t)cell * RING_CELL;
}

static struct tpacket2_hdr *head_of(const struct ring *r, uint32_t cell)
{
	return (struct tpacket2_hdr *)cell_at(r, cell);
}

static uint32_t status_of(const struct ring *r, uint32_t cell)
{
	return __atomic_load_n(&head_of(r, cell)->tp_status, __ATOMIC_ACQUIRE);
}

static uint32_t after(const struct ring *r, uint32_t cell)
{
	return cell + 1 < r->cells.n ? cell + 1 : 0;
}

/*
 * A reader leaves in each cell that it gives back how many it gave back before: in room that was reserved
 * (RING_RESERVE), where neither the kernel nor a frame's bytes ever come. 0: no reader was here.
 */
static uint8_t *mark_of(const struct ring *r, uint32_t cell)
{
	return cell_at(r, cell) + TPACKET2_HDRLEN;
}

static uint32_t number_of(const struct ring *r, uint32_t cell)
{
	uint32_t n;
	memcpy(&n, mark_of(r, cell), sizeof(n));
	return n;
}

static uint32_t next_number(uint32_t n)
{
	return n == UINT32_MAX ? 1 : n + 1;
}

int ring_cells_begin(struct ring *r)
{
	struct ring_cells *c = &r->cells;
	c->n = (uint32_t)(r->size / RING_CELL);
	c->fetched = malloc(RING_RESERVE + RING_SNAPLEN);
	if (!c->fetched)
		return -ENOMEM;
	c->number = 1;
	/* behind the last one that was given back */
	for (uint32_t i = 0; i < c->n; i++) {
		uint32_t number = number_of(r, i);
		if (number == 0 || number_of(r, after(r, i)) == next_number(number))
			continue;
		c->current = after(r, i);
		c->number = next_number(number);
		break;
	}
	return 0;
}

static void give_back(struct ring *r)
{
	struct ring_cells *c = &r->cells;
	struct tpacket2_hdr *head = head_of(r, c->current);
	memcpy(mark_of(r, c->current), &c->number, sizeof(c->number));
	__atomic_store_n(&head->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	c->number = next_number(c->number);
	c->current = after(r, c->current);
	c->reading = false;
}

/*
 * The whole of a frame that didn't fit: the kernel queued it, unless too many waited there already; then it
 * stays cut. They come in the cells' order, but one may be missing, where a reader died when it had fetched
 * it: then what comes is of a later cell. What isn't the next one's either is nobody's.
 */
static void fetch(struct ring *r, struct ring_slot *s)
{
	struct ring_cells *c = &r->cells;
	uint8_t *p = c->fetched + RING_RESERVE;
	for (;;) {
		if (c->held == 0) {
			ssize_t n = recv(r->fd, p, RING_SNAPLEN, MSG_DONTWAIT);
			if (n <= 0)
				return;
			c->held = (size_t)n;
			c->missed = false;
		}
		if (c->held >= s->caplen && memcmp(p, s->data, s->caplen) == 0)
			break;
		if (!c->missed) {
			c->missed = true;
			return;
		}
		c->held = 0;
	}
	s->data = p;
	s->caplen = (uint32_t)c->held;
	s->wirelen = s->wirelen > s->caplen ? s->wirelen : s->caplen;
	s->room = RING_RESERVE;
	c->held = 0;
}

bool ring_cells_next(struct ring *r, struct ring_slot *ret_slot)
{
	struct ring_cells *c = &r->cells;
	for (;;) {
		if (c->reading)
			give_back(r);
		uint32_t status = status_of(r, c->current);
		if (!(status & TP_STATUS_USER))
			return false;
		c->reading = true;
		__builtin_prefetch(cell_at(r, after(r, c->current)));
		if (ring_cell_read(cell_at(r, c->current), RING_CELL, ret_slot) < 0) {
			r->stats.broken++;
			continue;
		}
		if (status & TP_STATUS_COPY)
			fetch(r, ret_slot);
		return true;
	}
}
