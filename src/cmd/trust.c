/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/trust.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/num.h"

static int tell(const char *path, size_t line, int r)
{
	if (r == -EINVAL && line)
		log_error(
		    "%s:%zu: this is no verifier key; one looks like NAME+ID+BASE64, the line that 'bulkhead "
		    "ledger key' wrote into FILE.pub",
		    path, line);
	else if (r == -ERR_LIMIT)
		log_error("%s: more than %d keys", path, LEDGER_KEYS_MAX);
	else
		log_error("%s: %s", path, err_text(r));
	return r;
}

/* What has two plus signs and is no file's name is a key. */
static int add(struct ledger_verifier *keys, size_t *n, enum ledger_key_type type, const char *file_or_key)
{
	size_t before = *n, line = 0;
	struct text t = text_of(file_or_key);
	int r = -EINVAL;
	if (*n < LEDGER_KEYS_MAX && access(file_or_key, F_OK) < 0)
		r = ledger_verifier_parse(t, &keys[*n]);
	if (r == 0)
		++*n;
	else
		r = ledger_verifiers_read(file_or_key, keys, n, &line);
	if (r < 0)
		return tell(file_or_key, line, r);
	if (*n == before) {
		log_error("%s: there is no key in it", file_or_key);
		return -ERR_INVALID;
	}
	for (size_t i = before; i < *n; i++)
		if (keys[i].type != type) {
			log_error("%s: the key of %s is %s", file_or_key, keys[i].name,
			    type == LEDGER_KEY_WITNESS
			        ? "one that signs logs, not a witness's; name it with --key"
			        : "a witness's, which signs no log; name it with --witness");
			return -ERR_INVALID;
		}
	return 0;
}

int trust_add_keys(struct trust *t, const char *file_or_key)
{
	return add(t->keys, &t->n_keys, LEDGER_KEY_SIGNER, file_or_key);
}

int trust_add_witnesses(struct trust *t, const char *file_or_key)
{
	return add(t->witnesses, &t->n_witnesses, LEDGER_KEY_WITNESS, file_or_key);
}

int trust_set_quorum(struct trust *t, const char *number)
{
	uint64_t n;
	if (num_parse_u64(text_of(number), LEDGER_KEYS_MAX, &n) < 0) {
		log_error("--quorum '%s': wanted is a number up to %d", number, LEDGER_KEYS_MAX);
		return -ERR_INVALID;
	}
	t->quorum = (size_t)n;
	t->quorum_given = true;
	return 0;
}

int trust_beside(const char *site, const char *file, char *buf, size_t size)
{
	const char *slash = strrchr(site, '/');
	int folder = file[0] == '/' || !slash ? 0 : (int)(slash - site) + 1;
	return snprintf(buf, size, "%.*s%s", folder, site, file) >= (int)size ? -ENAMETOOLONG : 0;
}

static void print_line(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "%s\n", line);
}

static int take_site(struct trust *t, const struct site *s)
{
	const struct site_ledger *l = &s->ledger;
	char path[PATH_MAX], public[PATH_MAX + 4];
	if (!l->key) {
		log_error("%s: it has no ledger section, so it names no key", s->path);
		return -ERR_INVALID;
	}
	int r = trust_beside(s->path, l->key, path, sizeof(path));
	if (r < 0)
		return r;
	snprintf(public, sizeof(public), "%s.pub", path);
	r = trust_add_keys(t, public);
	for (size_t i = 0; r == 0 && i < l->n_witnesses; i++)
		r = trust_add_witnesses(t, l->witnesses[i]);
	if (r == 0 && l->n_witnesses && !t->quorum_given) {
		t->quorum = l->quorum;
		t->quorum_given = true;
	}
	if (r == 0 && l->stamp_ca && !t->ca) {
		r = trust_beside(s->path, l->stamp_ca, t->ca_room, sizeof(t->ca_room));
		t->ca = t->ca_room;
	}
	return r;
}

int trust_add_site(struct trust *t, const char *site)
{
	struct site *s;
	int r = site_read(&s, site, print_line, NULL);
	if (r < 0)
		return r;
	r = take_site(t, s);
	site_free(s);
	return r;
}

int trust_site_key(const char *site, char *buf, size_t size)
{
	struct site *s;
	int r = site_read(&s, site, print_line, NULL);
	if (r < 0)
		return r;
	if (!s->ledger.key) {
		log_error("%s: it has no ledger section, so it names no key", site);
		r = -ERR_INVALID;
	} else {
		r = trust_beside(site, s->ledger.key, buf, size);
	}
	site_free(s);
	return r;
}

int trust_done(struct trust *t, struct ledger_trust *ret_trust)
{
	if (!t->quorum_given)
		t->quorum = t->n_witnesses;
	if (t->quorum > t->n_witnesses) {
		log_error("a quorum of %zu can't be had from %zu witnesses; name more with --witness",
		    t->quorum, t->n_witnesses);
		return -ERR_INVALID;
	}
	*ret_trust = (struct ledger_trust){.keys = t->keys,
	    .n_keys = t->n_keys,
	    .witnesses = t->witnesses,
	    .n_witnesses = t->n_witnesses,
	    .quorum = t->quorum};
	return 0;
}

int trust_read_key(const char *path, bool witness, struct ledger_key **ret_key)
{
	struct ledger_key *key;
	int r = ledger_key_read(path, &key);
	if (r < 0) {
		log_error("%s: %s", path, ledger_key_error(r));
		return r;
	}
	bool is_witness = ledger_key_verifier(key)->type == LEDGER_KEY_WITNESS;
	if (is_witness != witness) {
		log_error("%s: this is %s", path,
		    witness ? "a key that signs logs; a witness's is made by 'bulkhead ledger key --witness'"
		            : "a witness's key, which signs no log");
		ledger_key_free(key);
		return -ERR_INVALID;
	}
	*ret_key = key;
	return 0;
}
