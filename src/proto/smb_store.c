/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What an SMB flow has open: requests, shares, files. Bounds stand in smb.h. */

#include <stdlib.h>
#include <string.h>

#include "proto/smb.h"

void smb_string_set(struct smb_state *s, struct smb_string *string, struct text value)
{
	size_t n = value.n < SMB_NAME_MAX ? value.n : SMB_NAME_MAX;
	free(string->p);
	s->owned -= string->n;
	string->p = n ? malloc(n) : NULL;
	string->n = string->p ? (uint16_t)n : 0;
	if (string->p)
		memcpy(string->p, value.p, n);
	s->owned += string->n;
}

/*
 * Keys are counters (MS-SMB2 message ids), step by 64 (Windows' SMB 1 multiplex ids) or stay 0 for all that
 * one process asks, several at a time: spread them all.
 */
static struct smb_pending *pending_slot(struct smb_state *s, uint64_t key, uint16_t command)
{
	_Static_assert(SMB_PENDING_MAX == 1 << 6, "the top six bits choose the slot");
	return &s->pending[((key + ((uint64_t)command << 48)) * UINT64_C(0x9e3779b97f4a7c15)) >> 58];
}

/*
 * A file was asked for and nobody answered: one direction was captured, the server fell over, or so many were
 * asked for at once that the slot is needed. The name was said all the same.
 */
static void pending_tell(struct proto_context *c, struct smb_state *s, const struct smb_pending *p)
{
	char buf[SMB_NAME_BUF];
	if (!p->opens || p->name.n == 0)
		return;
	if (p->smb1)
		proto_field_str(c, FIELD_SMB_COMMAND, smb1_command_name((uint8_t)p->command, buf));
	else
		smb_field_command2(c, p->command);
	proto_field(c, FIELD_SMB_FILE, smb_string_text(&p->name));
	smb_field_tree(c, s, p->session, p->tree);
	proto_field_str(c, FIELD_SMB_STATUS, "unanswered");
	proto_emit(c);
}

struct smb_pending *smb_pending_put(
    struct proto_context *c, struct smb_state *s, uint64_t key, uint16_t command)
{
	struct smb_pending *p = pending_slot(s, key, command);
	pending_tell(c, s, p);
	smb_pending_drop(s, p);
	p->used = true;
	p->key = key;
	p->command = command;
	return p;
}

struct smb_pending *smb_pending_find(struct smb_state *s, uint64_t key, uint16_t command)
{
	struct smb_pending *p = pending_slot(s, key, command);
	return p->used && p->key == key && p->command == command ? p : NULL;
}

void smb_pending_drop(struct smb_state *s, struct smb_pending *p)
{
	smb_string_set(s, &p->name, (struct text){0});
	*p = (struct smb_pending){0};
}

struct smb_tree *smb_tree_find(struct smb_state *s, uint64_t session, uint32_t id)
{
	for (size_t i = 0; i < SMB_TREES_MAX; i++)
		if (s->trees[i].used && s->trees[i].id == id && s->trees[i].session == session)
			return &s->trees[i];
	return NULL;
}

struct smb_tree *smb_tree_put(struct smb_state *s, uint64_t session, uint32_t id, struct text name, bool pipe)
{
	struct smb_tree *t = smb_tree_find(s, session, id);
	if (!t)
		t = &s->trees[s->next_tree++ % SMB_TREES_MAX];
	t->used = true;
	t->pipe = pipe;
	t->id = id;
	t->session = session;
	smb_string_set(s, &t->name, name);
	return t;
}

struct smb_file *smb_file_find(struct smb_state *s, const uint64_t id[2])
{
	for (size_t i = 0; i < SMB_FILES_MAX; i++) {
		struct smb_file *f = &s->files[i];
		if (f->used && f->id[1] == id[1] && f->id[0] == id[0]) {
			f->turn = ++s->turn;
			return f;
		}
	}
	return NULL;
}

struct smb_file *smb_file_put(struct proto_context *c, struct smb_state *s, const uint64_t id[2])
{
	struct smb_file *f = smb_file_find(s, id);
	for (size_t i = 0; !f && i < SMB_FILES_MAX; i++)
		if (!s->files[i].used)
			f = &s->files[i];
	if (!f) {
		f = &s->files[0];
		for (size_t i = 1; i < SMB_FILES_MAX; i++)
			if (s->files[i].turn < f->turn)
				f = &s->files[i];
	}
	smb_file_close(c, s, f);
	f->used = true;
	f->id[0] = id[0];
	f->id[1] = id[1];
	f->turn = ++s->turn;
	return f;
}

static void file_emit(struct proto_context *c, struct smb_state *s, const struct smb_file *f, bool written)
{
	static const char *const commands[2][2] = {
	    {"SMB2_COMMAND_READ", "SMB2_COMMAND_WRITE"},
	    {"SMB1_COMMAND_READ_ANDX", "SMB1_COMMAND_WRITE_ANDX"},
	};
	proto_field_str(c, FIELD_SMB_COMMAND, commands[f->smb1][written]);
	proto_field(c, FIELD_SMB_FILE, smb_string_text(&f->name));
	smb_field_tree(c, s, f->session, f->tree);
	proto_field_str(c, FIELD_SMB_DIRECTION, written ? "write" : "read");
	proto_field_num(c, FIELD_FILE_BYTES, f->bytes[written]);
	proto_emit(c);
}

void smb_file_close(struct proto_context *c, struct smb_state *s, struct smb_file *f)
{
	if (f->used && !f->pipe) {
		if (f->bytes[0] > 0)
			file_emit(c, s, f, false);
		if (f->bytes[1] > 0)
			file_emit(c, s, f, true);
	}
	smb_string_set(s, &f->name, (struct text){0});
	*f = (struct smb_file){0};
}

void smb_state_free(struct proto_context *c, struct smb_state *s)
{
	for (size_t i = 0; i < SMB_FILES_MAX; i++)
		smb_file_close(c, s, &s->files[i]);
	for (size_t i = 0; i < SMB_PENDING_MAX; i++) {
		pending_tell(c, s, &s->pending[i]);
		smb_pending_drop(s, &s->pending[i]);
	}
	for (size_t i = 0; i < SMB_TREES_MAX; i++)
		smb_string_set(s, &s->trees[i].name, (struct text){0});
}
