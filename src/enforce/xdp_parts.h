/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_XDP_PARTS_H
#define ENFORCE_XDP_PARTS_H

/* The XDP backend's own parts; private to enforce/xdp*. */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "enforce/xdp.h"
#include "enforce/xdp_maps.h"
#include "enforce/xdp_model.h"

enum {
	XDP_PATH_SIZE = 512,
	XDP_NAME_SIZE = 16, /* of an interface: IFNAMSIZ */
	XDP_READ_STEP = 256,
};

/* What an XDP program may look at is left alone for so long after it was taken away. */
#define XDP_QUIET_NS INT64_C(1000000000)

struct xdp_interface {
	char name[XDP_NAME_SIZE];
	unsigned index;
	int link; /* -1: not attached */
	enum xdp_mode mode;
};

struct xdp_freed {
	uint32_t slot;
	int64_t since;
};

/* A step of a change, or what it comes to. */
struct xdp_todo {
	struct xdp_entry entry;
	uint32_t slot; /* 0: not there */
	size_t step;
	int64_t until;
	bool add, remove, fail_closed, fresh;
};

/* The maps that lead to chains. */
enum xdp_way { XDP_WAY_HOSTS4, XDP_WAY_HOSTS6, XDP_WAY_PREFIXES4, XDP_WAY_PREFIXES6, XDP_WAYS };

/* A walk through all entries of one of them, some a step. */
struct xdp_walk {
	enum xdp_way way;
	bool begun;
	uint8_t token[sizeof(struct xdp_key6)];
	size_t n; /* of this step */
	struct net_prefix prefixes[XDP_READ_STEP];
	uint32_t slots[XDP_READ_STEP];
};

enum xdp_read_phase { XDP_READ_IDLE, XDP_READ_WAYS, XDP_READ_TO, XDP_READ_FROM };

/* Reading back: the ways first, then the list of what they lead to, in the order of cuts. */
struct xdp_read {
	enum xdp_read_phase phase;
	bool intact;
	struct xdp_walk walk;
	size_t visited;
	uint64_t *seen; /* a bit per slot: a way leads to it */
	bool listed;
	struct xdp_entry last; /* that was listed, if one was */
	struct backend_element *v;
	size_t n, cap;
};

struct xdp {
	struct backend backend;
	char pins[XDP_PATH_SIZE];
	int folder;  /* the pins', locked */
	int sockets; /* any socket: to ask for interfaces' numbers */
	bool generic;
	struct bpf_object *object;
	int program, ways[XDP_WAYS], elements_fd, state_fd; /* all owned by object */
	uint32_t program_id;
	struct xdp_element *elements;
	struct xdp_state *state;
	struct xdp_interface interfaces[XDP_INTERFACES_MAX];
	size_t n_interfaces;
	struct xdp_model model;
	struct xdp_freed *freed; /* a ring of XDP_ELEMENTS_MAX */
	size_t freed_first, n_freed;
	uint32_t fresh; /* the first slot that was never used */
	struct xdp_todo *todo;
	uint32_t *slots;
	size_t cap_todo, cap_slots;
	struct xdp_read read;
	/* What is over is swept away at leisure. */
	int64_t due, swept;
	size_t sweep_at;
	int64_t sweep_least;
};

int64_t xdp_now(void);
void xdp_say(char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* xdp_load.c: the maps, taken over or new, the program, the passes. */
int xdp_load(struct xdp *x, const struct backend_pass *passes, size_t n_passes, char *why);
int xdp_repin(struct xdp *x);
bool xdp_is_pinned(const struct xdp *x);
void xdp_unpin(struct xdp *x);

/* xdp_pass.c */
int xdp_put_passes(const struct bpf_object *object, const struct backend_pass *v, size_t n);

/* xdp_link.c: an interface each. */
int xdp_attach(struct xdp *x, struct xdp_interface *i, char *why);
bool xdp_is_attached(const struct xdp *x, const struct xdp_interface *i);
void xdp_detach(struct xdp *x, struct xdp_interface *i);
/* Takes away links of interfaces that aren't ours any more. */
void xdp_drop_others(const struct xdp *x);

/* xdp_way.c: the entries that lead to chains. */
int xdp_way_put(struct xdp *x, const uint32_t *heads, size_t n);
int xdp_way_remove(struct xdp *x, struct net_prefix p);
/* The next entries: 1 there may be more, 0 that was all. */
int xdp_way_walk(const struct xdp *x, struct xdp_walk *w);

/* xdp_adopt.c */
/* Makes all that the maps hold what the model says. */
int xdp_resync(struct xdp *x);
/* Fills the model with what the maps hold and still stands, and makes them consistent. */
int xdp_adopt(struct xdp *x, int64_t now);

/* xdp_change.c */
uint32_t xdp_slot_take(struct xdp *x, int64_t now);
void xdp_slot_free(struct xdp *x, uint32_t slot, int64_t now);
int xdp_change(struct backend *b, const struct backend_step *steps, size_t n, size_t *ret_at);
const char *xdp_cannot(const struct backend *b, const struct cut *c, bool fail_closed);
/* Slots sorted as the model is. */
int xdp_take_away(struct xdp *x, const uint32_t *slots, size_t n);
int64_t xdp_until(const struct xdp_element *e);

/* xdp_read.c */
int xdp_read_begin(struct backend *b);
int xdp_read_more(struct backend *b, struct backend_element **ret_elements, size_t *ret_n, bool *ret_intact);
void xdp_read_note(struct xdp *x, uint32_t slot, bool there);

#endif
