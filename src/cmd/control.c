/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/control.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "ipc/channel.h"

enum { ANSWER_MAX = 512 << 20 };

static int open_socket(const char *path, struct channel **ret_channel)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	memcpy(a.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	return channel_new(ret_channel, fd, CHANNEL_GATEWAY_TO_CLIENT, CHANNEL_CLIENT_TO_GATEWAY);
}

static int wait_for(struct channel *c, short events)
{
	struct pollfd p = {.fd = channel_fd(c), .events = events};
	return poll(&p, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

static int send_ask(struct channel *c, const struct msg_ask *ask)
{
	int r = msg_ask_encode(channel_out(c), ask);
	if (r == 0)
		r = channel_flush(c);
	while (r > 0) {
		r = wait_for(c, POLLOUT);
		if (r == 0)
			r = channel_flush(c);
	}
	return r;
}

/* 1: more is to come. */
static int take_part(struct text bytes, struct dynbuf *out, int *code)
{
	struct arena arena = {0};
	struct msg_answer m;
	int r = msg_answer_decode(bytes.p, bytes.n, &arena, &m);
	if (r == 0) {
		dynbuf_text(out, m.body);
		*code = m.code;
		r = out->error < 0 ? out->error : m.more;
	}
	arena_free(&arena);
	return r;
}

static int receive(struct channel *c, struct dynbuf *out, int *code)
{
	uint16_t number;
	struct text bytes;
	int r = 1;
	while (r > 0) {
		r = channel_next(c, &number, &bytes, NULL);
		if (r > 0) {
			r = take_part(bytes, out, code);
			continue;
		}
		if (r == 0)
			r = channel_read(c);
		if (r == 0)
			r = wait_for(c, POLLIN);
		r = r < 0 ? r : 1;
	}
	return r;
}

static const char *hint(int error)
{
	if (error == -ENOENT || error == -ECONNREFUSED)
		return "; is bulkhead run running? --socket or BULKHEAD_CONTROL names another socket";
	return error == -EACCES ? "; the control socket isn't for this user" : "";
}

int control_ask(const char *path, const struct msg_ask *ask, struct dynbuf *out, int *ret_code)
{
	struct channel *c = NULL;
	const char *set = getenv("BULKHEAD_CONTROL");
	int code = 0;
	path = path ? path : set && *set ? set : CONTROL_SOCKET;
	out->max = ANSWER_MAX;
	int r = open_socket(path, &c);
	if (r < 0) {
		log_error("%s: %s%s", path, err_text(r), hint(r));
		return r;
	}
	r = send_ask(c, ask);
	/* who is turned away is told so, and not listened to */
	if (r == 0 || r == -EPIPE)
		r = receive(c, out, &code);
	channel_free(c);
	if (r < 0) {
		log_error("%s: the answer broke off: %s; ask again", path, err_text(r));
		return r;
	}
	*ret_code = code;
	return 0;
}

bool control_tell_refusal(const struct dynbuf *answer, bool json)
{
	json_t *j = json_loadb((const char *)answer->p, answer->n, 0, NULL);
	const char *why = json_string_value(json_object_get(j, "error"));
	for (struct text rest = text_of(why); rest.n;) {
		char line[1024];
		struct text first = text_sub(rest, 0, text_find(rest, '\n'));
		rest = text_sub(rest, first.n + 1, rest.n);
		log_error("%s", text_printable(first, line, sizeof(line)));
	}
	if (why && json)
		fwrite(answer->p, 1, answer->n, stdout);
	json_decref(j);
	return why != NULL;
}
