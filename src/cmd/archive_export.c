/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/vec.h"
#include "cmd/archive.h"
#include "exchange/exchange.h"
#include "exchange/records_csv.h"
#include "exchange/records_json.h"

enum format { FORMAT_CSV, FORMAT_JSON, FORMAT_EVE };

enum { WRITE_BYTES = 1 << 20, KEYS_MAX = 1 << 20, FLOWS_MAX = 1 << 24 };

struct export
{
	const char *folder, *path;
	enum format format;
	uint64_t kinds;
	struct archive_filter filter;
	struct net_addr *addrs;
	struct net_prefix *prefixes;
	size_t n_addrs, cap_addrs, n_prefixes, cap_prefixes;
	struct archive *archive;
	FILE *out;
	struct exchange_csv_writer csv;
	struct exchange_json_writer json;
	struct dynbuf buffer;
	uint64_t *flows; /* ids of those that match the addresses, for their transactions */
	size_t n_flows, cap_flows;
	struct archive_progress progress;
	int damage; /* a part of the archive that could not be read */
};

static int add_address(struct export *e, struct text t)
{
	struct net_prefix p;
	int r = net_prefix_parse(t, &p);
	if (r == -ERANGE)
		return cmd_usage(&cmd_archive, "--addresses '%.*s': bits are set behind the prefix's length",
		    (int)t.n, t.p);
	if (r < 0)
		return cmd_usage(&cmd_archive, "--addresses '%.*s': wanted is an address or a prefix",
		    (int)t.n, t.p ? t.p : "");
	if (p.bits == 128) {
		r = VEC_RESERVE(e->addrs, &e->cap_addrs, e->n_addrs, KEYS_MAX);
		if (r == 0)
			e->addrs[e->n_addrs++] = p.addr;
	} else {
		r = VEC_RESERVE(e->prefixes, &e->cap_prefixes, e->n_prefixes, KEYS_MAX);
		if (r == 0)
			e->prefixes[e->n_prefixes++] = p;
	}
	return r < 0 ? cmd_usage(&cmd_archive, "--addresses: %s", err_text(r)) : 0;
}

static int add_addresses(struct export *e, const char *list)
{
	struct text rest = text_of(list);
	for (bool more = true; more;) {
		struct text one = text_sub(rest, 0, text_find(rest, ','));
		int code = add_address(e, one);
		if (code)
			return code;
		more = one.n < rest.n;
		rest = text_sub(rest, one.n + 1, rest.n);
	}
	return 0;
}

static int by_addr(const void *a, const void *b)
{
	return net_addr_compare(*(const struct net_addr *)a, *(const struct net_addr *)b);
}

static int by_prefix(const void *a, const void *b)
{
	const struct net_prefix *x = a, *y = b;
	int order = net_addr_compare(x->addr, y->addr);
	return order ? order : x->bits - y->bits;
}

/* Sorted and without doubles, as filters want them. */
static void sort_addresses(struct export *e)
{
	size_t n = 0;
	if (e->n_addrs)
		qsort(e->addrs, e->n_addrs, sizeof(*e->addrs), by_addr);
	for (size_t i = 0; i < e->n_addrs; i++)
		if (n == 0 || !net_addr_equal(e->addrs[n - 1], e->addrs[i]))
			e->addrs[n++] = e->addrs[i];
	e->n_addrs = n;
	if (e->n_prefixes)
		qsort(e->prefixes, e->n_prefixes, sizeof(*e->prefixes), by_prefix);
	e->filter.addrs = e->addrs;
	e->filter.n_addrs = e->n_addrs;
	e->filter.prefixes = e->prefixes;
	e->filter.n_prefixes = e->n_prefixes;
}

static int parse_format(struct export *e, const char *name)
{
	if (strcmp(name, "csv") == 0)
		e->format = FORMAT_CSV;
	else if (strcmp(name, "json") == 0)
		e->format = FORMAT_JSON;
	else if (strcmp(name, "eve") == 0)
		e->format = FORMAT_EVE;
	else
		return cmd_usage(&cmd_archive, "--format '%s': wanted is csv, json or eve", name);
	return 0;
}

static const uint64_t all_kinds = 1 << MSG_FLOW | 1 << MSG_TRANSACTION | 1 << MSG_DETECTION |
                                  1 << MSG_BINDING | 1 << MSG_COVERAGE;

static int check(struct export *e)
{
	if (!e->kinds)
		e->kinds = e->format == FORMAT_JSON ? all_kinds : 1 << MSG_FLOW;
	if (e->format == FORMAT_CSV && (e->kinds & (e->kinds - 1)))
		return cmd_usage(&cmd_archive, "CSV has one kind of record; --format json takes several");
	if (e->format == FORMAT_EVE && e->kinds != 1 << MSG_FLOW)
		return cmd_usage(&cmd_archive, "--format eve is of flows; the others go as csv or json");
	if (e->filter.to && e->filter.to <= e->filter.from)
		return cmd_usage(&cmd_archive, "--to is not after --from");
	return 0;
}

static int parse(int argc, char **argv, struct export *e)
{
	static const struct option longs[] = {{"format", required_argument, NULL, 'f'},
	    {"kind", required_argument, NULL, 'k'}, {"from", required_argument, NULL, 'F'},
	    {"to", required_argument, NULL, 'T'}, {"addresses", required_argument, NULL, 'a'},
	    {"output", required_argument, NULL, 'o'}, {NULL, 0, NULL, 0}};
	int code = 0;
	opterr = 0;
	optind = 1;
	for (int c; code == 0 && (c = getopt_long(argc, argv, "f:k:a:o:", longs, NULL)) != -1;) {
		switch (c) {
		case 'f': code = parse_format(e, optarg); break;
		case 'k': code = archive_parse_kinds(optarg, &e->kinds); break;
		case 'F': code = archive_parse_time("--from", optarg, &e->filter.from); break;
		case 'T': code = archive_parse_time("--to", optarg, &e->filter.to); break;
		case 'a': code = add_addresses(e, optarg); break;
		case 'o': e->path = optarg; break;
		default: code = cmd_usage(&cmd_archive, "export: '%s' is not understood", argv[optind - 1]);
		}
	}
	if (code == 0)
		code = archive_argument(argc, argv, optind, &e->folder);
	return code ? code : check(e);
}

static int flush(struct export *e)
{
	size_t n = e->buffer.n;
	if (n && fwrite(e->buffer.p, 1, n, e->out) != n)
		return errno ? -errno : -EIO;
	dynbuf_reset(&e->buffer);
	return 0;
}

static int put(struct export *e, enum msg_record record, const void *m)
{
	int r = e->format == FORMAT_CSV ? exchange_csv_put(&e->csv, m, &e->buffer)
	                                : exchange_json_put(&e->json, record, m, &e->buffer);
	archive_progress_step(&e->progress);
	return r == 0 && e->buffer.n >= WRITE_BYTES ? flush(e) : r;
}

static bool in_window(const struct export *e, int64_t first, int64_t last)
{
	if (last < first)
		last = first;
	return (e->filter.from == 0 || last >= e->filter.from) && (e->filter.to == 0 || first < e->filter.to);
}

static bool is_asked(const struct export *e, struct net_addr a)
{
	if (e->n_addrs && bsearch(&a, e->addrs, e->n_addrs, sizeof(*e->addrs), by_addr))
		return true;
	for (size_t i = 0; i < e->n_prefixes; i++)
		if (net_prefix_contains(e->prefixes[i], a))
			return true;
	return false;
}

static bool has_addresses(const struct export *e)
{
	return e->n_addrs + e->n_prefixes > 0;
}

static int each_flow(void *context, const struct msg_flow *f)
{
	return put(context, MSG_FLOW, f);
}

static int each_transaction(void *context, const struct msg_transaction *t)
{
	struct export *e = context;
	return in_window(e, t->time, t->time) ? put(e, MSG_TRANSACTION, t) : 0;
}

static int each_detection(void *context, const struct msg_detection *d)
{
	struct export *e = context;
	if (!in_window(e, d->time, d->last) ||
	    (has_addresses(e) && !is_asked(e, d->asset) && !is_asked(e, d->peer)))
		return 0;
	return put(e, MSG_DETECTION, d);
}

static int each_binding(void *context, const struct msg_binding *b)
{
	struct export *e = context;
	if (!in_window(e, b->first, b->last) || (has_addresses(e) && !is_asked(e, b->addr)))
		return 0;
	return put(e, MSG_BINDING, b);
}

static int each_coverage(void *context, const struct msg_coverage *c)
{
	struct export *e = context;
	return in_window(e, c->from, c->to) ? put(e, MSG_COVERAGE, c) : 0;
}

static int note_flow(void *context, const struct msg_flow *f)
{
	struct export *e = context;
	int r = VEC_RESERVE(e->flows, &e->cap_flows, e->n_flows, FLOWS_MAX);
	if (r == 0)
		e->flows[e->n_flows++] = f->id;
	return r;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* Transactions have no ends of their own: those of the flows between the addresses. */
static int export_transactions(struct export *e)
{
	struct archive_filter filter = e->filter;
	if (!has_addresses(e))
		return archive_scan_transactions(e->archive, NULL, 0, each_transaction, e);
	filter.from = filter.to = 0;
	filter.columns = UINT64_C(1) << MSG_FLOW_FIELD_ID;
	int r = archive_scan_flows(e->archive, &filter, note_flow, e);
	if (r == -ERR_LIMIT)
		log_error(
		    "transactions of more than %d flows are asked for; narrow the addresses", FLOWS_MAX);
	if (r < 0 || e->n_flows == 0)
		return r;
	qsort(e->flows, e->n_flows, sizeof(*e->flows), by_number);
	return archive_scan_transactions(e->archive, e->flows, e->n_flows, each_transaction, e);
}

static int export_kind(struct export *e, enum msg_record record)
{
	switch (record) {
	case MSG_FLOW: return archive_scan_flows(e->archive, &e->filter, each_flow, e);
	case MSG_TRANSACTION: return export_transactions(e);
	case MSG_DETECTION: return archive_scan_detections(e->archive, each_detection, e);
	case MSG_BINDING: return archive_scan_bindings(e->archive, each_binding, e);
	case MSG_COVERAGE: return archive_scan_coverage(e->archive, each_coverage, e);
	}
	return -EINVAL;
}

static bool is_damage(int error)
{
	return error == -ERR_CHECKSUM || error == -ERR_MALFORMED || error == -ERR_TRUNCATED ||
	       error == -ENOENT || error == -ERR_UNSUPPORTED;
}

static int export_all(struct export *e)
{
	int r = 0;
	if (e->format == FORMAT_EVE) {
		r = exchange_eve_flows(e->archive, &e->filter, e->out);
		e->damage = is_damage(r) ? r : 0;
		return e->damage ? 0 : r;
	}
	for (unsigned i = 0; r == 0 && i < ARCHIVE_KINDS; i++) {
		if (!(e->kinds >> i & 1))
			continue;
		if (e->format == FORMAT_CSV)
			r = exchange_csv_begin(&e->csv, i, &e->buffer);
		if (r == 0)
			r = export_kind(e, (enum msg_record)i);
		if (is_damage(r)) { /* the other kinds may be whole */
			log_error("%s: %ss: %s; what stands behind is missing in the export", e->folder,
			    archive_layout_of(i)->name, err_text(r));
			e->damage = r;
			r = 0;
		}
	}
	return r ? r : flush(e);
}

/* Writes all to e->out. */
static int export_to(struct export *e, FILE *out)
{
	e->out = out;
	e->buffer.max = WRITE_BYTES + (16 << 20);
	errno = 0;
	int r = exchange_json_begin(&e->json);
	if (r == 0)
		r = export_all(e);
	errno = 0;
	if (r == 0 && fflush(out) != 0)
		r = errno ? -errno : -EIO;
	exchange_json_end(&e->json);
	exchange_csv_end(&e->csv);
	archive_progress_end(&e->progress);
	return r;
}

/* A file that is whole gets its name, in place of another that may have it. */
static int name_file(int fd, const char *made, const char *path, bool nameless)
{
	char link[64];
	if (fsync(fd) < 0)
		return -errno;
	if (nameless) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		if (unlink(made) < 0 && errno != ENOENT)
			return -errno;
		if (linkat(AT_FDCWD, link, AT_FDCWD, made, AT_SYMLINK_FOLLOW) < 0)
			return -errno;
	}
	return rename(made, path) < 0 ? -errno : 0;
}

/* A file without a name, so that nothing is left of an export that is interrupted; else one that is `made`.
 */
static int open_new(const char *path, const char *made, bool *ret_nameless)
{
	char *folder = strdup(path);
	int fd = folder ? open(dirname(folder), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666) : -1;
	free(folder);
	*ret_nameless = fd >= 0;
	if (fd < 0)
		fd = open(made, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	return fd < 0 ? -errno : fd;
}

/* A new file has its name once it is whole; a pipe or device is written to as it is. */
static int export_file(struct export *e)
{
	struct stat st;
	char made[PATH_MAX];
	bool nameless = false, special = stat(e->path, &st) == 0 && !S_ISREG(st.st_mode);
	int n = snprintf(made, sizeof(made), "%s.part", e->path);
	if (n < 0 || (size_t)n >= sizeof(made))
		return -ENAMETOOLONG;
	int fd = special ? open(e->path, O_WRONLY | O_CLOEXEC) : open_new(e->path, made, &nameless);
	if (fd < 0)
		return special ? -errno : fd;
	FILE *out = fdopen(fd, "w");
	int r = out ? export_to(e, out) : -errno;
	if (r == 0 && !special)
		r = name_file(fd, made, e->path, nameless);
	if (r < 0 && !special)
		unlink(made);
	if ((out ? fclose(out) : close(fd)) != 0 && r == 0)
		r = -errno;
	return r;
}

int archive_export_main(int argc, char **argv)
{
	struct export e = {.filter = {.duplicates = true}};
	int code = parse(argc, argv, &e);
	if (code == 0)
		sort_addresses(&e);
	if (code == 0 && archive_open_told(&e.archive, e.folder, false) < 0)
		code = CMD_EXIT_FAILED;
	if (code == 0) {
		int r = e.path ? export_file(&e) : export_to(&e, stdout);
		if (r < 0) {
			log_error("%s: %s; the export is not whole", e.path ? e.path : "standard output",
			    err_text(r));
			code = CMD_EXIT_FAILED;
		} else if (e.damage) {
			log_error("%s: some of it can't be read (%s); bulkhead verify tells what", e.folder,
			    err_text(e.damage));
			code = CMD_EXIT_PARTIAL;
		}
	}
	if (e.archive)
		archive_close(e.archive);
	dynbuf_free(&e.buffer);
	free(e.addrs);
	free(e.prefixes);
	free(e.flows);
	return code;
}
