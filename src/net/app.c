/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/app.h"

#include <stddef.h>
#include <string.h>

enum { APP_PORTS = 12 };

struct app_row {
	const char *name;
	enum app_class class;
	uint16_t ports[APP_PORTS]; /* up to the first 0 */
};

/* takes the brackets off a list of ports */
#define PORTS(...)                                                                                           \
	{                                                                                                    \
		__VA_ARGS__                                                                                  \
	}

static const struct app_row rows[APP_COUNT] = {
#define X(id, text, kind, list) [APP_##id] = {.name = (text), .class = APP_CLASS_##kind, .ports = PORTS list},
    APP_LIST(X)
#undef X
};

const char *app_name(unsigned app)
{
	return rows[app < APP_COUNT ? app : APP_UNKNOWN].name;
}

int app_find(const char *name)
{
	for (int i = 0; i < APP_COUNT; i++)
		if (strcmp(rows[i].name, name) == 0)
			return i;
	return -1;
}

enum app_class app_class_of(unsigned app)
{
	return rows[app < APP_COUNT ? app : APP_UNKNOWN].class;
}

bool app_port_is_usual(unsigned app, uint16_t port)
{
	if (app >= APP_COUNT || port == 0)
		return false;
	for (size_t i = 0; i < APP_PORTS && rows[app].ports[i]; i++)
		if (rows[app].ports[i] == port)
			return true;
	return false;
}

enum app app_of_port(uint8_t protocol, uint16_t port)
{
	if (protocol != 6 && protocol != 17)
		return APP_UNKNOWN;
	for (int i = 1; i < APP_COUNT; i++)
		if (app_port_is_usual((unsigned)i, port))
			return (enum app)i;
	return APP_UNKNOWN;
}
