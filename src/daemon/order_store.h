/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_ORDER_STORE_H
#define DAEMON_ORDER_STORE_H

/*
 * Where orders survive: one SQLite database (WAL) with every order, its cuts, every act upon it
 * (append-only until the order is forgotten as a whole), the number of the last generation, and a pair of
 * clocks. The engine alone has it open.
 *
 * Durability. What order_store_put (or order_store_commit) acknowledged survives the death of every process;
 * it waits for no disk. What stood there when order_store_sync returned 0 survives the loss of power too:
 * a person's act is acknowledged only then. An automatic order is told to the enforcer before that, since a
 * loss of power in between takes the kernel's cuts with it; nothing is in force that nobody remembers.
 *
 * Clocks. Orders hold CLOCK_BOOTTIME. The store writes that on a clock of its own, which goes on over
 * restarts: in the same boot deadlines come back exactly as they were, after a reboot less what the wall
 * clock says has passed since it was stored last, and never less than nothing.
 *
 * Damage. The database is checked when it is opened, and each order when it is read. One that is damaged is
 * set aside (PATH.damaged) and never replaced: until a person has moved that away or restored a copy, opening
 * fails. Each error leaves what was acknowledged before as it was; the engine may go on with what is in
 * memory and try again. Errors: -ENOSPC, -EIO and others of the file system, -ENOMEM, -EBUSY: another process
 * has it, -ERR_CHECKSUM: damaged, -ERR_UNSUPPORTED: of a newer version, -ERR_MALFORMED: not such a database.
 */

#include "contain/order.h"

enum { ORDER_STORE_BOOT_SIZE = 37, ORDER_STORE_WHAT_SIZE = 512, ORDER_STORE_WHY_SIZE = 512 };

/* The clocks at one moment; and which boot it is (/proc/sys/kernel/random/boot_id). */
struct order_store_clock {
	char boot[ORDER_STORE_BOOT_SIZE];
	int64_t boottime, realtime;
};

/* Who did what, and why. */
struct order_store_act {
	const char *what; /* "approve" */
	const char *who, *why;
};

struct order_store;

/* Opens or makes it. ret_why (may be NULL) is set to a sentence where that fails. */
int order_store_open(struct order_store **ret_store, const char *path, const struct order_store_clock *now,
    char ret_why[ORDER_STORE_WHY_SIZE]);
/* Without waiting for the disk; what was put is there when it is opened again. NULL is fine. */
void order_store_close(struct order_store *s);

uint64_t order_store_generation(const struct order_store *s);
/* No order ever had it or a greater one. */
uint64_t order_store_next_id(const struct order_store *s);

/* One order, borrowed, with cuts; what: what it was proposed for. Not 0 stops the reading, which returns it.
 */
typedef int (*order_store_fn)(void *context, const struct order *o, const char *what);
/* All that haven't ended, by id, on the clock of `now` at the opening. */
int order_store_load(struct order_store *s, order_store_fn fn, void *context);
/* One of any state: 0, -ENOENT. */
int order_store_find(struct order_store *s, uint64_t id, order_store_fn fn, void *context);
/* At most n that have ended, of ids below `before`, the latest first. */
int order_store_ended(struct order_store *s, uint64_t before, size_t n, order_store_fn fn, void *context);

typedef int (*order_store_act_fn)(void *context, int64_t realtime, const struct order_store_act *act);
/* The acts upon an order, in their order. */
int order_store_acts(struct order_store *s, uint64_t id, order_store_act_fn fn, void *context);

/*
 * Several changes as one: what comes between these is stored by order_store_commit, all or nothing. Where one
 * of them fails, the beginning too, nothing is, and order_store_commit returns its error.
 */
int order_store_begin(struct order_store *s);
int order_store_commit(struct order_store *s, const struct order_store_clock *now);

/* Stores the order as it is; its cuts and `what` (may be NULL) as they were when it came first. act (may be
 * NULL) is added to what was done to it. */
int order_store_put(struct order_store *s, const struct order_store_clock *now, const struct order *o,
    const char *what, const struct order_store_act *act);
int order_store_put_generation(
    struct order_store *s, const struct order_store_clock *now, uint64_t generation);

/* Waits for the disk. Where that failed once, everything is written anew before it is said to be there. */
int order_store_sync(struct order_store *s, const struct order_store_clock *now);
/*
 * Forgets orders that ended more than keep_ns ago, and of more than `most` that have ended those that ended
 * first; with their cuts and acts, at most `at_once` of them, whose number is *ret_n. The order of the
 * greatest id stays, so that no id is used again. The file doesn't shrink; what comes next takes the room.
 */
int order_store_forget(struct order_store *s, const struct order_store_clock *now, int64_t keep_ns,
    size_t most, size_t at_once, size_t *ret_n);

/* To be called every few seconds: stores the clocks, and keeps the WAL from growing, for which it may wait
 * for the disk. */
int order_store_tick(struct order_store *s, const struct order_store_clock *now);

#endif
