/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/disclosure.h"

#include <errno.h>
#include <jansson.h>

#include "base/err.h"
#include "ledger/base64.h"

static json_t *text(struct text t)
{
	return json_stringn(t.n ? t.p : "", t.n);
}

static json_t *base64(const void *p, size_t n)
{
	struct dynbuf b = {0};
	base64_append(&b, p, n);
	json_t *j = b.error ? NULL : text(dynbuf_view(&b));
	dynbuf_free(&b);
	return j;
}

static json_t *path(struct disclosure_path p)
{
	json_t *array = json_array();
	for (size_t i = 0; array && i < p.n; i++)
		if (json_array_append_new(array, base64(p.hashes[i].b, sizeof(p.hashes[i].b))) < 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *record(const struct disclosure_record *r)
{
	return json_pack("{sI so so}", "index", (json_int_t)r->index, "record",
	    base64(r->encoded.p, r->encoded.n), "path", path(r->path));
}

static json_t *run(const struct disclosure_run *r)
{
	json_t *records = json_array();
	for (size_t i = 0; records && i < r->n; i++)
		if (json_array_append_new(records, record(&r->records[i])) < 0) {
			json_decref(records);
			return NULL;
		}
	return json_pack("{so sI so so}", "line", text(r->line), "index", (json_int_t)r->index, "path",
	    path(r->path), "records", records);
}

static json_t *rotation(const struct disclosure_rotation *r)
{
	return json_pack("{so sI so so}", "line", text(r->line), "index", (json_int_t)r->index, "path",
	    path(r->path), "checkpoint", text(r->checkpoint));
}

/* json_object_set_new and json_array_append_new take a NULL for a failure and own the value in any case. */
static int fill(json_t *root, const struct disclosure *d)
{
	json_t *rotations = json_array(), *runs = json_array();
	int r = 0;
	if (d->timestamp.n)
		r |= json_object_set_new(root, "timestamp", base64(d->timestamp.p, d->timestamp.n));
	for (size_t i = 0; i < d->n_rotations; i++)
		r |= json_array_append_new(rotations, rotation(&d->rotations[i]));
	for (size_t i = 0; i < d->n_runs; i++)
		r |= json_array_append_new(runs, run(&d->runs[i]));
	if (d->n_rotations)
		r |= json_object_set_new(root, "rotations", rotations);
	else
		json_decref(rotations);
	r |= json_object_set_new(root, "runs", runs);
	return r ? -ENOMEM : 0;
}

static int append(const char *p, size_t n, void *context)
{
	struct dynbuf *out = context;
	dynbuf_append(out, p, n);
	return out->error ? -1 : 0;
}

int disclosure_print(const struct disclosure *d, struct dynbuf *out)
{
	struct dynbuf b = {.max = DISCLOSURE_SIZE_MAX};
	json_t *root = json_pack("{ss si so}", "format", "bulkhead-disclosure", "version", DISCLOSURE_VERSION,
	    "checkpoint", text(d->checkpoint));
	int r = root ? fill(root, d) : -ENOMEM;
	if (r == 0 && json_dump_callback(root, append, &b, JSON_INDENT(1)) < 0)
		r = b.error ? b.error : -ENOMEM;
	json_decref(root);
	if (r == 0)
		dynbuf_str(&b, "\n");
	if (r == 0)
		r = b.error;
	if (r == 0) {
		dynbuf_text(out, dynbuf_view(&b));
		r = out->error;
	}
	dynbuf_free(&b);
	return r;
}
