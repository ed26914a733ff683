/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/note.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "base/err.h"
#include "ledger/base64.h"

enum {
	SIGNATURE_BYTES = LEDGER_KEY_ID_SIZE + LEDGER_SIGNATURE_BYTES,
	TIME_BYTES = 8,
	COSIGNATURE_BYTES = SIGNATURE_BYTES + TIME_BYTES,
	COSIGNATURE_HEAD = 64, /* "cosignature/v1\ntime N\n" */
	ID_TEXT = 8            /* digits of base 64 that give the first six bytes */
};

static const char dash[] = "\xe2\x80\x94 "; /* an em dash and a blank */

/* The code point at *i, which moves behind it; -1 where the bytes aren't UTF-8 (RFC 3629). */
static int32_t next_point(struct text t, size_t *i)
{
	static const int32_t least[] = {0, 0x80, 0x800, 0x10000};
	uint8_t first = (uint8_t)t.p[(*i)++];
	unsigned more = first < 0x80 ? 0 : first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
	int32_t point = more == 0 ? first : first & (0x3f >> more);
	if ((first >= 0x80 && first < 0xc0) || first >= 0xf8 || more > t.n - *i)
		return -1;
	for (unsigned k = 0; k < more; k++) {
		uint8_t next = (uint8_t)t.p[(*i)++];
		if ((next & 0xc0) != 0x80)
			return -1;
		point = point * 64 + (next & 0x3f);
	}
	return point < least[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000) ? -1 : point;
}

static bool text_fit(struct text t)
{
	for (size_t i = 0; i < t.n;) {
		int32_t point = next_point(t, &i);
		if (point < ' ' && point != '\n')
			return false;
	}
	return true;
}

/* As Unicode's White_Space has them. */
static bool is_space(int32_t point)
{
	return point == ' ' || point == 0x85 || point == 0xa0 || point == 0x1680 ||
	       (point >= 0x2000 && point <= 0x200a) || point == 0x2028 || point == 0x2029 ||
	       point == 0x202f || point == 0x205f || point == 0x3000;
}

static bool name_fit(struct text name)
{
	for (size_t i = 0; i < name.n;) {
		int32_t point = next_point(name, &i);
		if (point < '!' || point == '+' || is_space(point))
			return false;
	}
	return name.n > 0;
}

int note_parse_signature(struct text line, struct note_signature *ret_signature)
{
	struct text head = text_of(dash), rest = text_sub(line, head.n, line.n);
	size_t blank = text_find(rest, ' ');
	struct note_signature s = {.line = line, .name = text_sub(rest, 0, blank)};
	uint8_t first[ID_TEXT / 4 * 3];
	if (!text_equal(text_sub(line, 0, head.n), head) || line.p[line.n - 1] != '\n' || blank == rest.n ||
	    !name_fit(s.name))
		return -ERR_MALFORMED;
	s.base64 = text_sub(rest, blank + 1, rest.n - blank - 2);
	/* The rest of it is read when its key is known; what nobody knows is not our business. */
	if (s.base64.n < ID_TEXT || base64_parse(text_sub(s.base64, 0, ID_TEXT), first, sizeof(first)) < 0 ||
	    text_find(s.base64, '\n') < s.base64.n)
		return -ERR_MALFORMED;
	memcpy(s.id, first, sizeof(s.id));
	*ret_signature = s;
	return 0;
}

static int parse_signatures(struct text t, struct note *n, const char **why)
{
	while (t.n) {
		size_t end = text_find(t, '\n');
		*why = "more signatures than 100";
		if (n->n == NOTE_SIGNATURES_MAX)
			return -ERR_LIMIT;
		*why =
		    "a signature line that isn't one: an em dash, a blank, the key's name, a blank, base 64";
		int r = note_parse_signature(text_sub(t, 0, end + 1), &n->signatures[n->n]);
		if (r < 0)
			return r;
		n->n++;
		t = text_sub(t, end + 1, t.n);
	}
	*why = "no signature";
	return n->n ? 0 : -ERR_MALFORMED;
}

static int parse(struct text t, struct note *n, const char **why)
{
	*why = "longer than 1 MiB";
	if (t.n > NOTE_SIZE_MAX)
		return -ERR_LIMIT;
	*why = "not UTF-8, or with control characters";
	if (!text_fit(t))
		return -ERR_MALFORMED;
	*why = "no blank line between text and signatures";
	size_t split = t.n;
	while (split >= 2 && !(t.p[split - 1] == '\n' && t.p[split - 2] == '\n'))
		split--;
	if (split < 3)
		return -ERR_MALFORMED;
	n->n = 0;
	n->text = text_sub(t, 0, split - 1);
	return parse_signatures(text_sub(t, split, t.n), n, why);
}

int note_parse(struct text t, struct note *ret_note, const char **ret_why)
{
	const char *why;
	struct note n;
	int r = parse(t, &n, &why);
	if (r == 0)
		*ret_note = n;
	else if (ret_why)
		*ret_why = why;
	return r;
}

/* What a witness signs (C2SP tlog-cosignature, "Ed25519 signed message"). */
static int cosigned(struct dynbuf *out, struct text text, uint64_t time_s)
{
	dynbuf_printf(out, "cosignature/v1\ntime %llu\n", (unsigned long long)time_s);
	dynbuf_text(out, text);
	return out->error;
}

static int check_cosignature(
    struct text text, const struct ledger_verifier *key, const uint8_t *bytes, uint64_t *ret_time_s)
{
	struct dynbuf message = {.max = NOTE_SIZE_MAX + COSIGNATURE_HEAD};
	uint64_t time_s = load_be64(bytes + LEDGER_KEY_ID_SIZE);
	if (time_s > INT64_MAX)
		return -ERR_CHECKSUM;
	int r = cosigned(&message, text, time_s);
	if (r == 0)
		r = ledger_verifier_check(key, message.p, message.n, bytes + LEDGER_KEY_ID_SIZE + TIME_BYTES);
	dynbuf_free(&message);
	if (r == 0)
		*ret_time_s = time_s;
	return r;
}

static int check_signature(
    struct text text, const struct note_signature *s, const struct ledger_verifier *key, uint64_t *ret_time_s)
{
	uint8_t bytes[COSIGNATURE_BYTES];
	*ret_time_s = 0;
	switch (key->type) {
	case LEDGER_KEY_SIGNER:
		if (base64_parse(s->base64, bytes, SIGNATURE_BYTES) < 0)
			return -ERR_CHECKSUM;
		return ledger_verifier_check(key, text.p, text.n, bytes + LEDGER_KEY_ID_SIZE);
	case LEDGER_KEY_WITNESS:
		if (base64_parse(s->base64, bytes, COSIGNATURE_BYTES) < 0)
			return -ERR_CHECKSUM;
		return check_cosignature(text, key, bytes, ret_time_s);
	}
	return -EINVAL;
}

int note_verify(
    const struct note *note, const struct ledger_verifier *keys, size_t n, struct note_verdict *ret_verdict)
{
	struct note_verdict v = {0};
	uint64_t time_s;
	if (n > LEDGER_KEYS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < note->n; i++) {
		const struct note_signature *s = &note->signatures[i];
		for (size_t k = 0; k < n; k++) {
			if (memcmp(s->id, keys[k].id, sizeof(s->id)) != 0 ||
			    !text_equal(s->name, text_of(keys[k].name)))
				continue;
			int r = check_signature(note->text, s, &keys[k], &time_s);
			if (r < 0)
				return r;
			/* Of several cosignatures of a witness the latest speaks. */
			v.signers |= UINT64_C(1) << k;
			if (time_s > v.time_s[k])
				v.time_s[k] = time_s;
		}
	}
	*ret_verdict = v;
	return 0;
}

/* The signature's bytes behind the key's id: *ret_n of them. */
static int sign(struct text text, const struct ledger_key *key, uint64_t time_s, uint8_t *to, size_t *ret_n)
{
	if (ledger_key_verifier(key)->type == LEDGER_KEY_SIGNER) {
		*ret_n = LEDGER_SIGNATURE_BYTES;
		return ledger_key_sign(key, text.p, text.n, to);
	}
	struct dynbuf message = {.max = NOTE_SIZE_MAX + COSIGNATURE_HEAD};
	int r = time_s > INT64_MAX ? -EINVAL : cosigned(&message, text, time_s);
	store_be32(to, (uint32_t)(time_s >> 32));
	store_be32(to + TIME_BYTES / 2, (uint32_t)time_s);
	if (r == 0)
		r = ledger_key_sign(key, message.p, message.n, to + TIME_BYTES);
	dynbuf_free(&message);
	*ret_n = TIME_BYTES + LEDGER_SIGNATURE_BYTES;
	return r;
}

int note_sign(struct dynbuf *out, struct text text, const struct ledger_key *key, uint64_t time_s)
{
	const struct ledger_verifier *v = ledger_key_verifier(key);
	uint8_t bytes[COSIGNATURE_BYTES];
	size_t n;
	if (text.n < 2 || text.n > NOTE_SIZE_MAX || text.p[text.n - 1] != '\n' || !text_fit(text))
		return -EINVAL;
	memcpy(bytes, v->id, sizeof(v->id));
	int r = sign(text, key, time_s, bytes + sizeof(v->id), &n);
	if (r < 0)
		return r;
	dynbuf_str(out, dash);
	dynbuf_str(out, v->name);
	dynbuf_str(out, " ");
	base64_append(out, bytes, sizeof(v->id) + n);
	dynbuf_str(out, "\n");
	return out->error;
}
