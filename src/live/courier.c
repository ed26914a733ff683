/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The courier's process: what goes out. It tells webhooks by HTTPS (libcurl), several at once, tries again
 * what failed, and says what came of it. It knows no more than the bodies that it is given; redirects aren't
 * followed, since they would lead elsewhere than the configuration says.
 *
 * Bounds: COURIER_POSTS_MAX posts that wait or are under way; at it the oldest that waits goes, told as
 * failed.
 */

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "live/files.h"
#include "live/process.h"

enum { COURIER_POSTS_MAX = 256, COURIER_SOCKETS_MAX = 64, TRIES = 4, TIMEOUT_S = 20, TOKEN_MAX = 4096 };

struct courier;

/* A socket of libcurl's, as a source of the loop. */
struct courier_socket {
	struct loop_source source;
	struct courier *courier;
	bool used;
};

struct post {
	uint64_t id; /* the engine's; 0: free */
	uint64_t order;
	uint16_t webhook;
	struct dynbuf body;
	CURL *curl; /* under way */
	struct curl_slist *headers;
	unsigned tries;
	int64_t at; /* when it is tried next */
	char why[CURL_ERROR_SIZE];
};

struct courier {
	struct process *process;
	struct peer engine;
	CURLM *multi;
	struct courier_socket sockets[COURIER_SOCKETS_MAX];
	struct post posts[COURIER_POSTS_MAX];
	uint64_t sequence;
	int64_t curl_at; /* when libcurl wants to be called; INT64_MAX: not */
	char *tokens[DAEMON_WEBHOOKS_MAX], *next_tokens[DAEMON_WEBHOOKS_MAX];
};

static void socket_ready(void *context, uint32_t events)
{
	struct courier_socket *s = context;
	int running;
	int what = (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
	           (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
	curl_multi_socket_action(s->courier->multi, s->source.fd, what, &running);
}

static struct courier_socket *socket_of(struct courier *c)
{
	for (size_t i = 0; i < COURIER_SOCKETS_MAX; i++)
		if (!c->sockets[i].used)
			return &c->sockets[i];
	return NULL;
}

static int on_socket(CURL *curl, curl_socket_t fd, int what, void *context, void *own)
{
	struct courier *c = context;
	struct courier_socket *s = own;
	uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
	(void)curl;
	if (what == CURL_POLL_REMOVE) {
		if (s) {
			loop_remove(c->process->loop, &s->source);
			s->used = false;
			curl_multi_assign(c->multi, fd, NULL);
		}
		return 0;
	}
	if (s)
		return loop_change(c->process->loop, &s->source, events) < 0 ? -1 : 0;
	s = socket_of(c);
	if (!s)
		return -1;
	*s = (struct courier_socket){
	    .courier = c, .used = true, .source = {.fd = fd, .ready = socket_ready, .context = s}};
	curl_multi_assign(c->multi, fd, s);
	return loop_add(c->process->loop, &s->source, events) < 0 ? -1 : 0;
}

static int on_timer(CURLM *multi, long ms, void *context)
{
	struct courier *c = context;
	(void)multi;
	c->curl_at = ms < 0 ? INT64_MAX : loop_now() + ms * NS_PER_MS;
	return 0;
}

/* What a webhook answers is of no interest beyond its status. */
static size_t swallow(char *p, size_t size, size_t n, void *context)
{
	(void)p;
	(void)context;
	return size * n;
}

static void say_posted(struct courier *c, const struct post *p, bool ok, long status, const char *why)
{
	struct dynbuf *out = peer_out(&c->engine);
	struct msg_posted m = {.id = p->id, .ok = ok, .status = (uint16_t)status, .why = text_of(why)};
	if (out)
		msg_posted_encode(out, &m);
}

static void post_stop(struct courier *c, struct post *p)
{
	if (p->curl) {
		curl_multi_remove_handle(c->multi, p->curl);
		curl_easy_cleanup(p->curl);
	}
	curl_slist_free_all(p->headers);
	p->curl = NULL;
	p->headers = NULL;
}

static void post_end(struct courier *c, struct post *p)
{
	post_stop(c, p);
	dynbuf_free(&p->body);
	*p = (struct post){0};
}

static bool add_headers(struct courier *c, struct post *p)
{
	char line[TOKEN_MAX + 32];
	struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json");
	const char *token = c->tokens[p->webhook];
	if (list && token) {
		snprintf(line, sizeof(line), "Authorization: Bearer %s", token);
		struct curl_slist *more = curl_slist_append(list, line);
		if (!more)
			curl_slist_free_all(list);
		list = more;
	}
	p->headers = list;
	return list != NULL;
}

static bool post_begin(struct courier *c, struct post *p)
{
	const struct daemon_webhook *w = &c->process->conf->webhooks[p->webhook];
	char ca[4096];
	CURL *e = p->curl = curl_easy_init();
	if (!e || !add_headers(c, p))
		return false;
	p->why[0] = '\0';
	curl_easy_setopt(e, CURLOPT_URL, w->url);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_POST, 1L);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, p->body.p);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)p->body.n);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, p->headers);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, swallow);
	curl_easy_setopt(e, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, p->why);
	curl_easy_setopt(e, CURLOPT_PRIVATE, p);
	if (w->ca && live_path(c->process->conf->path, w->ca, ca, sizeof(ca)) == 0)
		curl_easy_setopt(e, CURLOPT_CAINFO, ca);
	p->tries++;
	return curl_multi_add_handle(c->multi, e) == CURLM_OK;
}

/* A second try helps against what passes: no connection, a server that is busy or broken. */
static bool is_worth_it(CURLcode code, long status)
{
	return code != CURLE_OK ? code != CURLE_PEER_FAILED_VERIFICATION && code != CURLE_UNSUPPORTED_PROTOCOL
	                        : status == 408 || status == 429 || status >= 500;
}

static void post_done(struct courier *c, struct post *p, CURLcode code)
{
	static const int64_t pauses[TRIES] = {NS_PER_S, 5 * NS_PER_S, 30 * NS_PER_S, 0};
	char why[CURL_ERROR_SIZE + 64];
	long status = 0;
	curl_easy_getinfo(p->curl, CURLINFO_RESPONSE_CODE, &status);
	bool ok = code == CURLE_OK && status >= 200 && status < 300;
	if (code != CURLE_OK)
		snprintf(why, sizeof(why), "%s", p->why[0] ? p->why : curl_easy_strerror(code));
	else
		snprintf(why, sizeof(why), "it answered %ld", status);
	if (!ok && p->tries < TRIES && is_worth_it(code, status)) {
		p->at = loop_now() + pauses[p->tries - 1];
		post_stop(c, p);
		return;
	}
	say_posted(c, p, ok, status, ok ? "" : why);
	post_end(c, p);
}

static void take_done(struct courier *c)
{
	int left;
	for (CURLMsg *m; (m = curl_multi_info_read(c->multi, &left));) {
		char *p = NULL;
		if (m->msg != CURLMSG_DONE)
			continue;
		CURLcode code = m->data.result;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &p);
		post_done(c, (struct post *)(void *)p, code);
	}
}

/* A place for another: the oldest that isn't under way makes room. */
static struct post *place(struct courier *c)
{
	struct post *oldest = NULL;
	for (size_t i = 0; i < COURIER_POSTS_MAX; i++) {
		struct post *p = &c->posts[i];
		if (p->id == 0)
			return p;
		if (!p->curl && (!oldest || p->order < oldest->order))
			oldest = p;
	}
	if (oldest) {
		say_posted(c, oldest, false, 0, "too many posts wait");
		post_end(c, oldest);
	}
	return oldest;
}

static int on_post(struct courier *c, struct text bytes)
{
	struct arena arena = {0};
	struct msg_post m;
	int r = msg_post_decode(bytes.p, bytes.n, &arena, &m);
	struct post *p = r == 0 && m.webhook < c->process->conf->n_webhooks ? place(c) : NULL;
	if (p) {
		*p = (struct post){.id = m.id, .order = ++c->sequence, .webhook = m.webhook};
		dynbuf_text(&p->body, m.body);
	}
	arena_free(&arena);
	return r;
}

static int on_message(void *context, uint16_t number, struct text bytes)
{
	struct courier *c = context;
	return number == MSG_POST && c->process->running ? on_post(c, bytes) : 0;
}

static int handed(void *self, const struct msg_handed *h, int fd)
{
	struct courier *c = self;
	struct dynbuf text = {0};
	int r = -EINVAL;
	if (h->what == MSG_HANDED_WEBHOOK_TOKEN && h->index < DAEMON_WEBHOOKS_MAX)
		r = live_read_file(fd, &text);
	close(fd);
	if (r == 0) {
		struct text line = text_sub(dynbuf_view(&text), 0, text_find(dynbuf_view(&text), '\n'));
		line.n = line.n < TOKEN_MAX ? line.n : TOKEN_MAX;
		free(c->next_tokens[h->index]);
		c->next_tokens[h->index] = strndup(line.n ? line.p : "", line.n);
	}
	dynbuf_free(&text);
	return r == -EINVAL ? 0 : r;
}

static int met(void *self, unsigned peer, uint16_t index, struct channel *channel)
{
	struct courier *c = self;
	(void)index;
	if (peer != MSG_PROCESS_ENGINE) {
		channel_free(channel);
		return -EPROTO;
	}
	c->engine.message = on_message;
	c->engine.context = c;
	return peer_open(&c->engine, &c->process->peers, channel);
}

static int prepare(void *self, const struct process_configuration *conf, struct dynbuf *why)
{
	struct courier *c = self;
	(void)conf;
	(void)why;
	if (c->multi)
		return 0;
	c->multi = curl_multi_init();
	if (!c->multi)
		return -ENOMEM;
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)(COURIER_SOCKETS_MAX / 4));
	return 0;
}

static void drop_tokens(char **tokens)
{
	for (size_t i = 0; i < DAEMON_WEBHOOKS_MAX; i++) {
		free(tokens[i]);
		tokens[i] = NULL;
	}
}

static void discard(void *self)
{
	struct courier *c = self;
	drop_tokens(c->next_tokens);
}

static void swap(void *self)
{
	struct courier *c = self;
	drop_tokens(c->tokens);
	memcpy(c->tokens, c->next_tokens, sizeof(c->tokens));
	memset(c->next_tokens, 0, sizeof(c->next_tokens));
	/* what waits was for webhooks that may be others now */
	for (size_t i = 0; i < COURIER_POSTS_MAX; i++)
		if (c->posts[i].id && c->posts[i].webhook >= c->process->conf->n_webhooks)
			post_end(c, &c->posts[i]);
}

static int64_t deadline(void *self)
{
	struct courier *c = self;
	int64_t at = c->curl_at;
	for (size_t i = 0; i < COURIER_POSTS_MAX; i++)
		if (c->posts[i].id && !c->posts[i].curl && c->posts[i].at < at)
			at = c->posts[i].at;
	return at;
}

static void tick(void *self, int64_t now)
{
	struct courier *c = self;
	int running;
	for (size_t i = 0; i < COURIER_POSTS_MAX; i++) {
		struct post *p = &c->posts[i];
		if (p->id && !p->curl && p->at <= now && !post_begin(c, p)) {
			say_posted(c, p, false, 0, "out of memory");
			post_end(c, p);
		}
	}
	if (now >= c->curl_at) {
		c->curl_at = INT64_MAX;
		curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	take_done(c);
}

static bool stop(void *self)
{
	(void)self;
	return true;
}

static void free_courier(void *self)
{
	struct courier *c = self;
	for (size_t i = 0; i < COURIER_POSTS_MAX; i++)
		if (c->posts[i].id)
			post_end(c, &c->posts[i]);
	if (c->multi)
		curl_multi_cleanup(c->multi);
	peer_close(&c->engine);
	drop_tokens(c->tokens);
	drop_tokens(c->next_tokens);
	free(c);
}

static int start(struct process *p, void **ret_self)
{
	struct courier *c = calloc(1, sizeof(*c));
	if (!c || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(c);
		return -ENOMEM;
	}
	c->process = p;
	p->engine = &c->engine;
	c->curl_at = INT64_MAX;
	*ret_self = c;
	return 0;
}

int courier_process(uint16_t index)
{
	static const struct process_ops ops = {.kind = MSG_PROCESS_COURIER,
	    .profile = SANDBOX_COURIER,
	    .handed = handed,
	    .met = met,
	    .prepare = prepare,
	    .swap = swap,
	    .discard = discard,
	    .deadline = deadline,
	    .tick = tick,
	    .stop = stop,
	    .free = free_courier};
	return process_run(&ops, index, start);
}
