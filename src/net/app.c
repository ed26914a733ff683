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

/* Most ports are of clients: no list is searched for them. A test holds this against the lists. */
static bool is_of_any(uint16_t port)
{
	switch (port) {
	case 20:
	case 21:
	case 22:
	case 23:
	case 25:
	case 53:
	case 67:
	case 68:
	case 69:
	case 80:
	case 88:
	case 110:
	case 111:
	case 123:
	case 135:
	case 137:
	case 138:
	case 139:
	case 143:
	case 161:
	case 162:
	case 389:
	case 443:
	case 445:
	case 464:
	case 465:
	case 500:
	case 502:
	case 514:
	case 546:
	case 547:
	case 587:
	case 593:
	case 636:
	case 853:
	case 873:
	case 990:
	case 993:
	case 995:
	case 1080:
	case 1194:
	case 1433:
	case 1521:
	case 1812:
	case 1813:
	case 1883:
	case 1900:
	case 2049:
	case 2152:
	case 3128:
	case 3268:
	case 3306:
	case 3389:
	case 3478:
	case 3544:
	case 4500:
	case 4789:
	case 5060:
	case 5061:
	case 5353:
	case 5355:
	case 5432:
	case 5900:
	case 5901:
	case 5902:
	case 5985:
	case 5986:
	case 6081:
	case 6379:
	case 6667:
	case 6881:
	case 8000:
	case 8080:
	case 8443:
	case 8888:
	case 9443:
	case 20000:
	case 27017:
	case 44818:
	case 51820: return true;
	default: return false;
	}
}

enum app app_of_port(uint8_t protocol, uint16_t port)
{
	if ((protocol != 6 && protocol != 17) || !is_of_any(port))
		return APP_UNKNOWN;
	for (int i = 1; i < APP_COUNT; i++)
		if (app_port_is_usual((unsigned)i, port))
			return (enum app)i;
	return APP_UNKNOWN;
}
