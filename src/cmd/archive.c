/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/archive.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "archive/layout.h"
#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"

enum { PROGRESS_STEP = 4096 };

static const struct part {
	const char *name;
	int (*run)(int argc, char **argv);
} parts[] = {
    {"stat", archive_stat_main},
    {"export", archive_export_main},
    {"import", archive_import_main},
    {"compact", archive_compact_main},
    {"expire", archive_expire_main},
};

int archive_argument(int argc, char **argv, int first, const char **ret_folder)
{
	if (argc - first != 1)
		return cmd_usage(&cmd_archive,
		    argc == first ? "%s: which archive?" : "%s: one archive, not several", argv[0]);
	*ret_folder = argv[first];
	return 0;
}

void archive_explain(const char *folder, int r)
{
	if (r == -EBUSY)
		log_error("%s: another program writes to this archive; wait until it is done", folder);
	else if (r == -ENOENT)
		log_error("%s: no archive there (a CASE folder has its own in CASE/archive)", folder);
	else
		log_error("%s: %s", folder, err_text(r));
}

int archive_open_told(struct archive **ret_archive, const char *folder, bool writable)
{
	int r = archive_open(ret_archive, folder, writable);
	if (r < 0)
		archive_explain(folder, r);
	return r;
}

int archive_parse_kinds(const char *list, uint64_t *ret_kinds)
{
	struct text rest = text_of(list);
	uint64_t kinds = 0;
	for (bool more = true; more;) {
		struct text name = text_sub(rest, 0, text_find(rest, ','));
		unsigned found = 0;
		for (unsigned i = 0; i < ARCHIVE_KINDS; i++)
			if (archive_layout_of(i) && text_equal(name, text_of(archive_layout_of(i)->name)))
				found = i;
		if (!found)
			return cmd_usage(&cmd_archive,
			    "--kind '%.*s': wanted is flow, transaction, detection, binding or coverage",
			    (int)name.n, name.p ? name.p : "");
		kinds |= UINT64_C(1) << found;
		more = name.n < rest.n;
		rest = text_sub(rest, name.n + 1, rest.n);
	}
	*ret_kinds = kinds;
	return 0;
}

int archive_parse_time(const char *option, const char *value, int64_t *ret_time)
{
	if (time_parse(text_of(value), ret_time) < 0)
		return cmd_usage(
		    &cmd_archive, "%s '%s' is no time; write it like 2026-11-23T06:00:00Z", option, value);
	return 0;
}

static int64_t clock_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

void archive_progress_step(struct archive_progress *p)
{
	p->done++;
	if (++p->calls % PROGRESS_STEP != 1 || !isatty(STDERR_FILENO))
		return;
	int64_t now = clock_now();
	if (!p->began_ns)
		p->began_ns = p->drawn_ns = now;
	if (now - p->began_ns < NS_PER_S || now - p->drawn_ns < NS_PER_S / 5)
		return;
	double rate = (double)p->done / ((double)(now - p->began_ns) / (double)NS_PER_S);
	fprintf(stderr, "\r%llu", (unsigned long long)p->done);
	if (p->total)
		fprintf(stderr, " of %llu", (unsigned long long)p->total);
	fprintf(stderr, " records  %.2f M/s\033[K", rate / 1e6);
	fflush(stderr);
	p->drawn_ns = now;
	p->shown = true;
}

void archive_progress_end(struct archive_progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}

static int run(int argc, char **argv)
{
	if (argc < 2)
		return cmd_usage(&cmd_archive, "what? stat, export, import, compact or expire");
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (strcmp(argv[1], parts[i].name) == 0)
			return parts[i].run(argc - 1, argv + 1);
	return cmd_usage(&cmd_archive, "'%s' is none of stat, export, import, compact, expire", argv[1]);
}

const struct cmd_verb cmd_archive = {
    .name = "archive",
    .arguments = "stat|export|import|compact|expire DIR ...",
    .summary = "What an archive holds; records out and in; merging, retention",
    .help =
        "archive stat [--json] DIR\n"
        "    Records, sizes and times of each kind, size over time, the ledger, damage.\n\n"
        "archive export [--format csv|json|eve] [--kind KIND,...] [--from TIME] [--to TIME]\n"
        "               [--addresses ADDRESS|PREFIX,...] [-o FILE] DIR\n"
        "    CSV of one kind (flow unless named), JSON lines of any (all unless named), or Suricata's EVE\n"
        "    flow records; to standard output or FILE, which gets its name once it is whole.\n\n"
        "archive import [--format csv|json] [--kind KIND] [--time s|ms|us|ns] [--zone UTC|+HH:MM]\n"
        "               [--columns A,B,...] [--map OURS=THEIRS]... [--separator C|tab] [--empty TEXT]\n"
        "               [--plain-text] [--skip-bad] DIR FILE...|-\n"
        "    Exports of ours, or CSV of other systems (doc/archive.md). All of the files or nothing: with\n"
        "    --skip-bad all but the bad rows, which are listed. Makes the archive where there is none.\n\n"
        "archive compact [--within DAYS] DIR\n"
        "    Merges small segments, so that fewer files are opened. No record changes. Since whole files\n"
        "    expire, none holds records whose ends are further apart than DAYS (7) by merging.\n\n"
        "archive expire --before TIME|--keep DAYS [--kind KIND,...] [--dry-run] DIR\n"
        "    Drops whole segments whose records all ended before. The ledger keeps their roots.\n\n"
        "KIND: flow, transaction, detection, binding, coverage. TIME: RFC 3339, or a date.\n\n"
        "Exit code: 0 done, 2 usage, 3 done but some of the archive could not be read or rows were left "
        "out,\n"
        "4 failed.\n\n"
        "Examples:\n"
        "  bulkhead archive stat /var/lib/bulkhead/archive\n"
        "  bulkhead archive export --from 2026-11-01 --addresses 203.0.113.0/24 DIR -o flows.csv\n"
        "  bulkhead archive import --kind flow --time s --map wire_out=bytes_sent DIR firewall.csv\n"
        "  bulkhead archive expire --keep 180 --kind flow,transaction DIR\n",
    .run = run,
};
