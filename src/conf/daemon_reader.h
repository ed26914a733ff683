/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONF_DAEMON_READER_H
#define CONF_DAEMON_READER_H

/* The parts of reading a daemon file, a file for a few sections each. Private to conf/. */

#include "base/table.h"
#include "base/timefmt.h"
#include "conf/daemon.h"
#include "conf/values.h"

enum {
	DAEMON_NEVER_CUT_MAX = 4096,
	DAEMON_CONTROL_MAX = 256,
	DAEMON_INTERFACE_MAX = 15, /* bytes: IFNAMSIZ without the NUL */
	DAEMON_SOCKET_MAX = 107,   /* bytes: sun_path without the NUL */
	DAEMON_URL_MAX = 2048,
	DAEMON_DECIMALS_MAX = 4,
};

#define DAEMON_DEFAULT_LEASE  (30 * NS_PER_S)
#define DAEMON_DEFAULT_TABLE  "bulkhead"
#define DAEMON_DEFAULT_SOCKET "/run/bulkhead/control"

struct daemon_reader {
	struct conf_report report; /* the first member: what the rows of conf/values.h take */
	struct daemon_conf *conf;
	const struct site *site;  /* NULL: not known */
	struct site **load;       /* where to put the site that is to be read; NULL: none is */
	struct table *interfaces; /* names of DAEMON_INTERFACE_MAX + 1 bytes: uint32_t line that watches it */
};

/* Sections, in the order they are read. */
void daemon_read_links(void *reader, const struct conf_node *value, void *into);
void daemon_read_sensor(void *reader, const struct conf_node *value, void *into);
void daemon_read_enforcers(void *reader, const struct conf_node *value, void *into);
void daemon_read_bgp(void *reader, const struct conf_node *value, void *into);
void daemon_read_remote(void *reader, const struct conf_node *value, void *into);
void daemon_read_near(void *reader, const struct conf_node *value, void *into);
void daemon_read_guardrails(void *reader, const struct conf_node *value, void *into);
void daemon_read_approval(void *reader, const struct conf_node *value, void *into);
void daemon_read_ended(void *reader, const struct conf_node *value, void *into);
void daemon_read_automatic(void *reader, const struct conf_node *value, void *into);
void daemon_read_control(void *reader, const struct conf_node *value, void *into);
void daemon_read_metrics(void *reader, const struct conf_node *value, void *into);
void daemon_read_eve(void *reader, const struct conf_node *value, void *into);
void daemon_read_webhooks(void *reader, const struct conf_node *value, void *into);

/* What must hold across sections, and between the file and its site; fills in what the site gives. */
void daemon_check(void *reader, const struct conf_node *root);
void daemon_check_guardrails(struct daemon_reader *r, const struct conf_node *root);
/* Of a file with the section `near`, in place of what only `bulkhead run` has. */
void daemon_check_near(struct daemon_reader *r, const struct conf_node *root);

/* Values that only this file has. As in conf/values.h: false, and a mistake told, where there is none. */

/* One of n words; `what` is for the mistake ("a place"). */
bool daemon_word(struct conf_report *r, const struct conf_node *value, const char *what,
    const char *const *words, size_t n, unsigned *ret_word);
/* A list of at least one of such words, each once, as bits. */
bool daemon_words(struct conf_report *r, const struct conf_node *value, const char *what,
    const char *const *words, size_t n, unsigned *ret_bits);
bool daemon_addr(struct conf_report *r, const struct conf_node *value, struct net_addr *ret_addr);
bool daemon_port(struct conf_report *r, const struct conf_node *value, uint16_t *ret_port);
/* "127.0.0.1:9474", "[::1]:9474". */
bool daemon_endpoint(
    struct conf_report *r, const struct conf_node *value, struct net_addr *ret_addr, uint16_t *ret_port);
/* A decimal number in [min, max]. */
bool daemon_real(struct conf_report *r, const struct conf_node *value, const char *what, double min,
    double max, double *ret_value);
/* An interface's name; NULL and a mistake otherwise. */
const char *daemon_interface(struct conf_report *r, const struct conf_node *value);
/* A Unix socket's path. */
void daemon_socket(struct conf_report *r, const struct conf_node *value, const char **ret_path);
/* A duration, or "none" for 0. */
bool daemon_confirm(struct conf_report *r, const struct conf_node *value, int64_t *ret_ns);
bool daemon_fail(struct conf_report *r, const struct conf_node *value, bool *ret_closed);
bool daemon_lease(struct conf_report *r, const struct conf_node *value, int64_t *ret_ns);

/* The words of the file, in the order of the enumerations. */
extern const char *const daemon_places[2],
    *const daemon_deliveries[2],
        *const daemon_backends[3], *const daemon_hooks[3], *const daemon_announces[2],
                                                               *const daemon_targets[3],
                                                                   *const daemon_on_cuts[2],
                                                                       *const daemon_fails[2],
                                                                           *const daemon_roles[DAEMON_ROLES],
                                                                               *const daemon_abouts[2];
/* A protocol's name, or its number as text in buf, which has 4 bytes at least. */
const char *daemon_protocol_text(uint8_t protocol, char *buf);
bool daemon_protocol(struct conf_report *r, const struct conf_node *value, uint8_t *ret_protocol);

#endif
