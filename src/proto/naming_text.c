/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Names of protocols that speak text. */

#include "proto/naming_rows.h"

#include <string.h>

static bool printable(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x20 || p[i] > 0x7e)
			return false;
	return true;
}

/* Option negotiation (RFC 854): IAC, WILL/WONT/DO/DONT or SB, an option that is assigned. */
static bool telnet_command(const uint8_t *p, size_t n)
{
	enum { IAC = 0xff, SB = 0xfa, DONT = 0xfe, OPTIONS = 50, EXOPL = 0xff };
	return n >= 3 && p[0] == IAC && p[1] >= SB && p[1] <= DONT && (p[2] < OPTIONS || p[2] == EXOPL);
}

bool naming_telnet(const struct naming_view *v)
{
	struct naming_bytes b = v->now;
	if (!telnet_command(b.p, b.n))
		return false;
	if (b.n >= 6 && b.p[1] != 0xfa && b.p[3] == 0xff)
		return telnet_command(b.p + 3, b.n - 3);
	return true;
}

/* A read or write request (RFC 1350 5): file name, mode. */
bool naming_tftp(const struct naming_view *v)
{
	static const char *const modes[] = {"netascii", "octet", "mail"};
	struct text t = text_bytes(v->now.p, v->now.n);
	if (t.n < 9 || t.p[0] != 0 || (t.p[1] != 1 && t.p[1] != 2))
		return false;
	t = text_sub(t, 2, t.n);
	size_t name = text_find(t, '\0');
	struct text rest = text_sub(t, name + 1, t.n);
	struct text mode = text_sub(rest, 0, text_find(rest, '\0'));
	if (name == 0 || !printable((const uint8_t *)t.p, name))
		return false;
	for (size_t i = 0; i < 3; i++)
		if (text_equal_nocase(mode, text_of(modes[i])))
			return true;
	return false;
}

/* "<PRI>", at most 191 (RFC 5424 6.2.1), then text. */
bool naming_syslog(const struct naming_view *v)
{
	struct naming_bytes b = v->now;
	unsigned priority = 0;
	size_t i = 1;
	if (b.n < 8 || b.p[0] != '<')
		return false;
	for (; i < 4 && b.p[i] >= '0' && b.p[i] <= '9'; i++)
		priority = priority * 10 + b.p[i] - '0';
	if (i == 1 || b.p[i] != '>' || priority > 191)
		return false;
	return printable(b.p + i + 1, b.n - i - 1 < 8 ? b.n - i - 1 : 8);
}

bool naming_rsync(const struct naming_view *v)
{
	return NAMING_STARTS(v->now, "@RSYNCD: ");
}

/* The server's greeting (RFC 3501 7.1). */
bool naming_imap(const struct naming_view *v)
{
	struct naming_bytes b = v->first[FLOW_REVERSE];
	return NAMING_STARTS(b, "* OK ") || NAMING_STARTS(b, "* PREAUTH ") || NAMING_STARTS(b, "* BYE ");
}

/* The server's greeting (RFC 1939 4), and where the client has spoken a command of POP3. */
bool naming_pop3(const struct naming_view *v)
{
	static const char *const commands[] = {"USER ", "CAPA", "AUTH", "STLS", "APOP ", "QUIT"};
	struct naming_bytes b = v->first[FLOW_REVERSE], c = v->first[FLOW_FORWARD];
	if (!NAMING_STARTS(b, "+OK ") && !NAMING_STARTS(b, "+OK\r\n"))
		return false;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (text_starts_nocase(text_bytes(c.p, c.n), text_of(commands[i])))
			return true;
	return c.n == 0;
}

/* The client registers (RFC 2812 3.1), or the server greets with its own prefix. */
bool naming_irc(const struct naming_view *v)
{
	struct text c = text_bytes(v->first[FLOW_FORWARD].p, v->first[FLOW_FORWARD].n);
	struct text s = text_bytes(v->first[FLOW_REVERSE].p, v->first[FLOW_REVERSE].n);
	if (text_starts_nocase(c, TEXT("NICK ")) || text_starts_nocase(c, TEXT("CAP LS")) ||
	    text_starts_nocase(c, TEXT("CAP REQ")))
		return true;
	if ((text_starts_nocase(c, TEXT("USER ")) || text_starts_nocase(c, TEXT("PASS "))) &&
	    memmem(c.p, c.n, "\nNICK ", 6))
		return true;
	if (text_starts_nocase(s, TEXT("NOTICE AUTH :")) || text_starts_nocase(s, TEXT("NOTICE * :")))
		return true;
	return s.n > 1 && s.p[0] == ':' && memmem(s.p, text_find(s, '\n'), " NOTICE ", 8);
}

/* HTTP over UDP (UPnP Device Architecture 1.3). */
bool naming_ssdp(const struct naming_view *v)
{
	return NAMING_STARTS(v->now, "M-SEARCH * HTTP/1.1\r\n") ||
	       NAMING_STARTS(v->now, "NOTIFY * HTTP/1.1\r\n") || NAMING_STARTS(v->now, "HTTP/1.1 200 OK\r\n");
}

/* The distributed hash table (BEP 5) on UDP, the peers' handshake (BEP 3) on TCP. */
bool naming_bittorrent(const struct naming_view *v)
{
	if (v->flow->protocol == PACKET_TCP)
		return NAMING_STARTS(v->now, "\x13"
		                             "BitTorrent protocol");
	return NAMING_STARTS(v->now, "d1:ad2:id20:") || NAMING_STARTS(v->now, "d1:rd2:id20:") ||
	       NAMING_STARTS(v->now, "d1:eli") || NAMING_STARTS(v->now, "d2:ip") ||
	       NAMING_STARTS(v->now, "d1:ad6:");
}
