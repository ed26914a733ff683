/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "live/gateway.h"

#define FORMAT "text/plain; version=0.0.4; charset=utf-8"

enum { TIMEOUT_S = 10, BODY_MAX = 16 << 20 };

/* A scrape that waits for the engine. */
struct scrape {
	struct MHD_Connection *connection; /* NULL: free */
	uint64_t asked;
	bool done, failed;
	struct dynbuf body;
};

struct gateway_metrics {
	struct gateway *gateway;
	struct MHD_Daemon *daemon;
	struct loop_source source;
	struct scrape scrapes[GATEWAY_SCRAPES_MAX];
};

static enum MHD_Result reply(
    struct MHD_Connection *c, unsigned status, struct text body, const char *header, const char *value)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(
	    body.n, (void *)(uintptr_t)body.p, MHD_RESPMEM_MUST_COPY);
	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, header, value);
	enum MHD_Result result = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return result;
}

static struct scrape *scrape_begin(struct gateway_metrics *m, struct MHD_Connection *c)
{
	struct msg_ask ask = {.what = MSG_ASK_METRICS, .role = DAEMON_VIEWER, .who = TEXT("metrics")};
	for (size_t i = 0; i < GATEWAY_SCRAPES_MAX; i++) {
		struct scrape *s = &m->scrapes[i];
		if (s->connection)
			continue;
		if (gateway_ask(m->gateway, &ask, &s->asked) < 0)
			return NULL;
		s->connection = c;
		s->done = s->failed = false;
		s->body.max = BODY_MAX;
		dynbuf_reset(&s->body);
		return s;
	}
	return NULL;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *c, const char *url, const char *method,
    const char *version, const char *data, size_t *data_size, void **own)
{
	struct gateway_metrics *m = context;
	struct scrape *s = *own;
	(void)version;
	(void)data;
	if (*data_size) {
		*data_size = 0; /* a scrape has no body: what comes as one is not looked at */
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return reply(
		    c, MHD_HTTP_METHOD_NOT_ALLOWED, TEXT("only GET\n"), MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	if (strcmp(url, "/metrics") != 0)
		return reply(c, MHD_HTTP_NOT_FOUND, TEXT("/metrics is here\n"), MHD_HTTP_HEADER_CONTENT_TYPE,
		    "text/plain");
	if (!s) {
		s = scrape_begin(m, c);
		if (!s)
			return reply(c, MHD_HTTP_SERVICE_UNAVAILABLE,
			    TEXT("the engine can't be asked just now\n"), MHD_HTTP_HEADER_RETRY_AFTER, "1");
		*own = s;
		MHD_suspend_connection(c);
		return MHD_YES;
	}
	if (s->failed || s->body.error)
		return reply(c, MHD_HTTP_SERVICE_UNAVAILABLE, TEXT("the engine ended\n"),
		    MHD_HTTP_HEADER_RETRY_AFTER, "1");
	return reply(c, MHD_HTTP_OK, dynbuf_view(&s->body), MHD_HTTP_HEADER_CONTENT_TYPE, FORMAT);
}

static void completed(
    void *context, struct MHD_Connection *c, void **own, enum MHD_RequestTerminationCode how)
{
	struct scrape *s = *own;
	(void)context;
	(void)c;
	(void)how;
	if (s) {
		s->connection = NULL;
		s->asked = 0;
		dynbuf_free(&s->body);
	}
}

static void ready(void *context, uint32_t events)
{
	struct gateway_metrics *m = context;
	(void)events;
	MHD_run(m->daemon);
}

int gateway_metrics_open(struct gateway *g, int fd)
{
	struct gateway_metrics *m = calloc(1, sizeof(*m));
	if (!m) {
		close(fd);
		return -ENOMEM;
	}
	m->gateway = g;
	m->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, m,
	    MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, 32u, MHD_OPTION_CONNECTION_TIMEOUT,
	    (unsigned)TIMEOUT_S, MHD_OPTION_NOTIFY_COMPLETED, completed, m,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)16384, MHD_OPTION_END);
	const union MHD_DaemonInfo *info = m->daemon
	                                       ? MHD_get_daemon_info(m->daemon, MHD_DAEMON_INFO_EPOLL_FD)
	                                       : NULL;
	if (!info) {
		if (m->daemon)
			MHD_stop_daemon(m->daemon);
		else
			close(fd);
		free(m);
		return -EIO;
	}
	m->source = (struct loop_source){.fd = info->epoll_fd, .ready = ready, .context = m};
	g->metrics = m;
	return loop_add(g->process->loop, &m->source, EPOLLIN);
}

static void finish(struct scrape *s, bool failed)
{
	s->done = true;
	s->failed = failed;
	s->asked = 0;
	MHD_resume_connection(s->connection);
}

bool gateway_metrics_answer(struct gateway *g, const struct msg_answer *a)
{
	for (size_t i = 0; g->metrics && i < GATEWAY_SCRAPES_MAX; i++) {
		struct scrape *s = &g->metrics->scrapes[i];
		if (!s->connection || s->asked == 0 || s->asked != a->id)
			continue;
		dynbuf_text(&s->body, a->body);
		if (!a->more) {
			finish(s, a->code != 0);
			MHD_run(g->metrics->daemon);
		}
		return true;
	}
	return false;
}

void gateway_metrics_fail(struct gateway *g)
{
	for (size_t i = 0; g->metrics && i < GATEWAY_SCRAPES_MAX; i++)
		if (g->metrics->scrapes[i].connection && g->metrics->scrapes[i].asked)
			finish(&g->metrics->scrapes[i], true);
}

int64_t gateway_metrics_deadline(const struct gateway *g, int64_t now)
{
	MHD_UNSIGNED_LONG_LONG ms;
	if (!g->metrics || MHD_get_timeout(g->metrics->daemon, &ms) != MHD_YES)
		return INT64_MAX;
	return now + (int64_t)(ms < 1000 ? ms : 1000) * NS_PER_MS;
}

void gateway_metrics_tick(struct gateway *g)
{
	if (g->metrics)
		MHD_run(g->metrics->daemon);
}

void gateway_metrics_close(struct gateway *g)
{
	struct gateway_metrics *m = g->metrics;
	if (!m)
		return;
	gateway_metrics_fail(g);
	loop_remove(g->process->loop, &m->source);
	MHD_stop_daemon(m->daemon);
	for (size_t i = 0; i < GATEWAY_SCRAPES_MAX; i++)
		dynbuf_free(&m->scrapes[i].body);
	free(m);
	g->metrics = NULL;
}
