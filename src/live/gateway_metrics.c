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

enum { TIMEOUT_S = 5, BODY_MAX = 16 << 20 };

/* An answer counts for so long: many who scrape cost the engine no more than one. */
#define FRESH_NS (100 * NS_PER_MS)

/* A scrape that waits for the engine. */
struct scrape {
	struct MHD_Connection *connection; /* NULL: free */
	bool waits;
};

struct gateway_metrics {
	struct gateway *gateway;
	struct MHD_Daemon *daemon;
	struct loop_source source;
	struct scrape scrapes[GATEWAY_SCRAPES_MAX];
	uint64_t asked;           /* what all of them wait for; 0: nothing */
	struct dynbuf body, next; /* the last answer, and the one that is coming */
	int64_t answered;         /* when that came; 0: there is none */
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
		if (!m->asked && gateway_ask(m->gateway, &ask, &m->asked) < 0)
			return NULL;
		*s = (struct scrape){.connection = c, .waits = true};
		return s;
	}
	return NULL;
}

static enum MHD_Result reply_metrics(const struct gateway_metrics *m, struct MHD_Connection *c)
{
	if (!m->answered)
		return reply(c, MHD_HTTP_SERVICE_UNAVAILABLE, TEXT("the engine can't be asked just now\n"),
		    MHD_HTTP_HEADER_RETRY_AFTER, "1");
	return reply(c, MHD_HTTP_OK, dynbuf_view(&m->body), MHD_HTTP_HEADER_CONTENT_TYPE, FORMAT);
}

static enum MHD_Result handle(void *context, struct MHD_Connection *c, const char *url, const char *method,
    const char *version, const char *data, size_t *data_size, void **own)
{
	struct gateway_metrics *m = context;
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
	if (!*own) {
		/* an answer before the whole request is there would end the connection */
		*own = m;
		return MHD_YES;
	}
	if (*own != m || (m->answered && loop_now() - m->answered < FRESH_NS))
		return reply_metrics(m, c);
	struct scrape *s = scrape_begin(m, c);
	if (!s)
		return reply(c, MHD_HTTP_SERVICE_UNAVAILABLE, TEXT("the engine can't be asked just now\n"),
		    MHD_HTTP_HEADER_RETRY_AFTER, "1");
	*own = s;
	MHD_suspend_connection(c);
	return MHD_YES;
}

static void completed(
    void *context, struct MHD_Connection *c, void **own, enum MHD_RequestTerminationCode how)
{
	(void)c;
	(void)how;
	if (*own && *own != context)
		*(struct scrape *)*own = (struct scrape){0};
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
	m->body.max = m->next.max = BODY_MAX;
	m->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, m,
	    MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)GATEWAY_SCRAPES_MAX,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S, MHD_OPTION_NOTIFY_COMPLETED, completed, m,
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

/* Whatever came of it: all who wait get it. */
static void finish(struct gateway_metrics *m, bool failed)
{
	struct dynbuf before = m->body;
	m->body = m->next;
	m->next = before;
	dynbuf_reset(&m->next);
	m->answered = failed || m->body.error ? 0 : loop_now();
	m->asked = 0;
	for (size_t i = 0; i < GATEWAY_SCRAPES_MAX; i++) {
		struct scrape *s = &m->scrapes[i];
		if (s->connection && s->waits)
			MHD_resume_connection(s->connection);
		s->waits = false;
	}
}

bool gateway_metrics_answer(struct gateway *g, const struct msg_answer *a)
{
	struct gateway_metrics *m = g->metrics;
	if (!m || m->asked == 0 || m->asked != a->id)
		return false;
	dynbuf_text(&m->next, a->body);
	if (!a->more) {
		finish(m, a->code != 0);
		MHD_run(m->daemon);
	}
	return true;
}

void gateway_metrics_fail(struct gateway *g)
{
	if (g->metrics && g->metrics->asked)
		finish(g->metrics, true);
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
	dynbuf_free(&m->body);
	dynbuf_free(&m->next);
	free(m);
	g->metrics = NULL;
}
