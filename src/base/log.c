/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static enum log_level log_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	log_level = level;
}

void log_line(enum log_level level, const char *format, ...)
{
	static const char *const prefix[] = {"error: ", "warning: ", "", ""};
	if (level > log_level)
		return;
	va_list args;
	va_start(args, format);
	flockfile(stderr);
	fprintf(stderr, "bulkhead: %s", prefix[level]);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	funlockfile(stderr);
	va_end(args);
}
