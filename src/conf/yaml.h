/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONF_YAML_H
#define CONF_YAML_H

/*
 * A YAML document (libyaml) as a tree whose nodes know their place in the file. Bounds: bytes, depth, nodes,
 * and the number of nodes once every alias is followed, so that a few lines of aliases can't stand for a
 * billion nodes. An alias shares the node it names; one to a node that encloses it is an error. The tree
 * lives in the arena.
 */

#include "base/arena.h"

enum {
	CONF_YAML_BYTES_MAX = 8 << 20,
	CONF_YAML_DEPTH_MAX = 16,
	CONF_YAML_NODES_MAX = 1 << 20, /* aliases followed */
	CONF_YAML_ANCHORS_MAX = 1024,
};

enum conf_node_kind { CONF_SCALAR, CONF_SEQUENCE, CONF_MAPPING };

struct conf_node {
	enum conf_node_kind kind;
	uint32_t line, column;    /* from 1 on; the column in characters */
	struct text text;         /* of a scalar, closed with NUL */
	struct conf_node **items; /* of a sequence; of a mapping: key, value, key, value ... */
	size_t n;                 /* items */
	size_t weight;            /* nodes in it, itself included, aliases followed */
};

/* What is wrong with the document, and where. */
struct conf_yaml_error {
	uint32_t line, column;
	char what[256];
};

/* 0 and the root; -ERR_INVALID and *ret_error; -ENOMEM. */
int conf_yaml_parse(
    struct text yaml, struct arena *arena, struct conf_node **ret_root, struct conf_yaml_error *ret_error);

#endif
