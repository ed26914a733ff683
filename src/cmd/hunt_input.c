/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/hunt_input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "cmd/feeds.h"
#include "cmd/files.h"

enum { CLEAN_SIZE = 160 };

static int load_file(struct indicator_set *s, const char *path, const char *name)
{
	struct dynbuf bytes = {.max = INDICATOR_FEED_MAX};
	size_t before = indicator_count(s), problems = indicator_problem_count(s);
	int r = file_read(path, INDICATOR_FEED_MAX, &bytes);
	if (r == 0)
		r = indicator_set_load(s, name, INDICATOR_FORMAT_AUTO, dynbuf_view(&bytes));
	if (r < 0)
		log_error("indicators %s: %s", name, err_text(r));
	else if (indicator_count(s) == before && indicator_problem_count(s) == problems)
		log_warning("indicators %s: there is none in it", name);
	dynbuf_free(&bytes);
	return r;
}

/* Forms that no file is called by chance. */
static bool is_plain_value(const char *argument)
{
	enum indicator_kind kind = indicator_guess(text_of(argument));
	return kind == INDICATOR_ADDRESS || kind == INDICATOR_PREFIX || indicator_kind_is_fingerprint(kind) ||
	       (kind == INDICATOR_URL && strstr(argument, "://") != NULL);
}

/* None of these is a top-level domain. */
static bool looks_like_a_file(const char *argument)
{
	static const char *const endings[] = {
	    ".csv", ".json", ".txt", ".list", ".lst", ".feed", ".stix", ".misp", ".ioc", ".gz", ".yaml"};
	size_t n = strlen(argument);
	if (argument[0] == '/' || strncmp(argument, "./", 2) == 0 || strncmp(argument, "../", 3) == 0)
		return true;
	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
		size_t length = strlen(endings[i]);
		if (n > length && strcmp(argument + n - length, endings[i]) == 0)
			return true;
	}
	return false;
}

static int load_value(struct indicator_set *s, const char *argument)
{
	const char *warning = NULL, *why = NULL;
	char clean[CLEAN_SIZE];
	int r = indicator_set_add(s, text_of(argument), &warning, &why);
	text_printable(text_of(argument), clean, sizeof(clean));
	if (r == -EINVAL) {
		log_error("'%s' is no file and no indicator: %s", clean, why);
		return -ERR_INVALID;
	}
	if (r < 0)
		log_error("'%s': %s", clean, err_text(r));
	else if (warning)
		log_warning("'%s' is %s; it is searched because you say so", clean, warning);
	return r;
}

static int load_argument(struct indicator_set *s, const char *argument)
{
	char clean[CLEAN_SIZE];
	if (strcmp(argument, "-") == 0)
		return load_file(s, "/dev/stdin", "standard input");
	if (is_plain_value(argument))
		return load_value(s, argument);
	if (access(argument, F_OK) == 0)
		return load_file(s, argument, argument);
	if (looks_like_a_file(argument)) {
		log_error(
		    "%s: there is no such file", text_printable(text_of(argument), clean, sizeof(clean)));
		return -ERR_INVALID;
	}
	return load_value(s, argument);
}

int hunt_input_load(struct indicator_set **ret_set, char *const *arguments, size_t n,
    const char *const *files, size_t n_files, uint64_t seed)
{
	struct indicator_set *s;
	int r = indicator_set_new(&s, &(struct indicator_options){.seed = seed, .every_kind = true});
	if (r < 0) {
		log_error("%s", err_text(r));
		return r;
	}
	for (size_t i = 0; i < n_files && r == 0; i++)
		r = load_file(s, files[i], files[i]);
	for (size_t i = 0; i < n && r == 0; i++)
		r = load_argument(s, arguments[i]);
	if (r == 0)
		feeds_tell_problems(s);
	if (r == 0 && indicator_count(s) == 0) {
		log_error("there is no indicator to search for");
		r = -ERR_INVALID;
	}
	if (r < 0) {
		indicator_set_free(s);
		return r;
	}
	*ret_set = s;
	return 0;
}
