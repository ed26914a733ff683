/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXCHANGE_STIX_OBJECT_H
#define EXCHANGE_STIX_OBJECT_H

/* The building blocks of a STIX 2.1 bundle: identifiers, common properties, markings. Private to exchange/.
 */

#include <jansson.h>

#include "msg/msg.h"

enum { STIX_ID_SIZE = 96 };

/* A bundle being made. */
struct stix {
	json_t *objects;
	json_t *seen;                /* id -> object: each stands in the bundle once */
	char identity[STIX_ID_SIZE]; /* who made it: created_by_ref */
	char created[40];
	enum msg_tlp tlp; /* marking of objects that don't ask for a stricter one */
};

/*
 * type--UUIDv5 (RFC 4122, 4.3) of `name` in the namespace that STIX 2.1, 2.9, gives to observables: the same
 * thing has the same id in every bundle. Returns id.
 */
char *stix_id(const char *type, const char *name, char *id);
/* An object with the common properties of a domain object, marked. `seed` names it within its type. The
 * object belongs to the bundle; the caller adds to it. One that is there already is given again. Writes its
 * id where `id` isn't NULL. */
json_t *stix_add(struct stix *s, const char *type, const char *seed, enum msg_tlp tlp, char *id);
/* Whether the bundle has an object of that id. */
bool stix_has(const struct stix *s, const char *id);
/* Puts an object into the bundle unless one of its id is there; takes the reference either way. */
void stix_put(struct stix *s, json_t *object);
/* An observable (SCO): id by its value. */
void stix_add_address(struct stix *s, struct net_addr a, char *id);
void stix_add_relationship(
    struct stix *s, const char *from, const char *kind, const char *to, const char *description);
/* The TLP 2.0 marking definition's id; NULL for MSG_TLP_NONE. */
const char *stix_tlp_id(enum msg_tlp tlp);
/* Adds the marking definitions that objects of the bundle refer to. */
void stix_add_markings(struct stix *s);

#endif
