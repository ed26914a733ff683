/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_NETFILTER_MODEL_H
#define ENFORCE_NETFILTER_MODEL_H

/*
 * What shall stand in the kernel besides elements of cuts: tables, chains, sets and rules, as the messages
 * that put them there. It follows from the configuration and the shapes in force alone. The same messages are
 * what a read-back is held against (netfilter_read.h), so nothing is described twice. Makes no system calls.
 */

#include "enforce/netfilter.h"
#include "enforce/netfilter_batch.h"
#include "enforce/netfilter_shape.h"

enum { NETFILTER_TABLES_MAX = 3, NETFILTER_TABLE_NAME_SIZE = 32, NETFILTER_PASS_KEY_SIZE = 24 };

/* What differs between the families of tables. */
struct netfilter_family {
	unsigned hook; /* enum netfilter_hook */
	uint8_t family;
	uint32_t hook_number;
	int32_t priority;
	uint32_t meta_key;  /* tells a packet's address family: */
	uint32_t meta_type; /* nft's number of the type, for listings */
	uint32_t meta_size;
	uint16_t meta_value[2]; /* of IPv4 and IPv6, in host order */
	bool tracks;            /* conntrack knows the packets' direction here */
	bool rejects;           /* a reset can be sent from here */
};

/* A pass as the key of its set. The sets have shapes too: all before `key`. */
struct netfilter_pass {
	bool v6;
	uint8_t bits;   /* of the family's own */
	uint8_t fields; /* after the address; 1: the protocol; 2: the port too */
	uint8_t size;
	uint8_t key[NETFILTER_PASS_KEY_SIZE];
};

struct netfilter_model {
	char table[NETFILTER_TABLE_NAME_SIZE];
	const struct netfilter_family *families[NETFILTER_TABLES_MAX]; /* in use */
	size_t n_families;
	char interfaces[NETFILTER_INTERFACES_MAX][16];
	size_t n_interfaces;
	bool reset;
	bool tracks[NETFILTER_TABLES_MAX]; /* of all families: of those that can, which do here */
	struct netfilter_pass *passes;     /* sorted, without doubles */
	size_t n_passes;
	struct netfilter_shape shapes[NETFILTER_SHAPES_MAX]; /* sorted */
	size_t n_shapes;
};

/* All three, in a fixed order. */
extern const struct netfilter_family netfilter_families[NETFILTER_TABLES_MAX];

/* -EINVAL as netfilter_open says, -ENOMEM. */
int netfilter_model_init(struct netfilter_model *m, const struct netfilter_config *config);
void netfilter_model_free(struct netfilter_model *m);
/* The place of a shape, or SIZE_MAX. */
size_t netfilter_model_find(const struct netfilter_model *m, const struct netfilter_shape *s);
/* -E2BIG where there are too many. */
int netfilter_model_add(struct netfilter_model *m, const struct netfilter_shape *s);
void netfilter_model_remove(struct netfilter_model *m, const struct netfilter_shape *s);
/* Whether cuts of that shape stand in the tables of that family. */
bool netfilter_model_holds(
    const struct netfilter_model *m, const struct netfilter_family *f, const struct netfilter_shape *s);
/* NULL, or why cuts of that shape can't be carried out: a phrase. */
const char *netfilter_model_cannot(const struct netfilter_model *m, const struct netfilter_shape *s);

/* Each writes messages that put a part of one family's table. */
void netfilter_put_table(
    const struct netfilter_model *m, const struct netfilter_family *f, struct netfilter_batch *b);
void netfilter_put_chains(
    const struct netfilter_model *m, const struct netfilter_family *f, struct netfilter_batch *b);
/* The sets of the lease and of what passes. */
void netfilter_put_lease_set(
    const struct netfilter_model *m, const struct netfilter_family *f, struct netfilter_batch *b);
void netfilter_put_pass_sets(
    const struct netfilter_model *m, const struct netfilter_family *f, struct netfilter_batch *b);
void netfilter_put_pass_elements(
    const struct netfilter_model *m, const struct netfilter_family *f, struct netfilter_batch *b);
void netfilter_put_shape_set(const struct netfilter_model *m, const struct netfilter_family *f,
    const struct netfilter_shape *s, struct netfilter_batch *b, size_t mark);
void netfilter_put_rules(
    const struct netfilter_model *m, const struct netfilter_family *f, struct netfilter_batch *b);

/* A rule that asks which direction a packet has, and does nothing. */
void netfilter_put_tracking(
    const struct netfilter_model *m, const struct netfilter_family *f, struct netfilter_batch *b);

/* Sets that are no shape's. */
#define NETFILTER_LEASE_SET "lease"
char *netfilter_pass_set_name(const struct netfilter_pass *p, char buf[NETFILTER_NAME_SIZE]);
/* For qsort and bsearch. */
int netfilter_pass_compare(const void *a, const void *b);
bool netfilter_pass_same_set(const struct netfilter_pass *a, const struct netfilter_pass *b);
/* The key of the lease's element for IPv4 (0) or IPv6 (1): its size. */
size_t netfilter_lease_key(const struct netfilter_family *f, size_t v6, uint8_t key[4]);

/* The beginning of a message about something in the table. */
struct nlmsghdr *netfilter_message(const struct netfilter_model *m, const struct netfilter_family *f,
    struct netfilter_batch *b, uint16_t type, uint16_t flags, size_t mark);

#endif
