/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/parent_private.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"

/* So long all children together may take to make a configuration ready. */
#define RELOAD_NS (120 * NS_PER_S)

static void answer(struct parent *p, bool ok)
{
	struct child *engine = parent_find(p, MSG_PROCESS_ENGINE, 0);
	struct text why = dynbuf_view(&p->reload_why);
	why.n = why.n < MSG_TEXT_MAX / 2 ? why.n : MSG_TEXT_MAX / 2;
	if (ok)
		log_info("the configuration of %s counts now", p->conf.daemon->path);
	else
		log_error("the configuration was not taken, the one before stays:\n%.*s", (int)why.n, why.p);
	struct msg_reload m = {.id = p->reload_id, .ok = ok, .why = why};
	if (p->reload_id && engine && peer_out(&engine->peer))
		msg_reload_encode(peer_out(&engine->peer), &m);
	dynbuf_reset(&p->reload_why);
	p->reload_id = 0;
	parent_notify("READY=1");
}

static void give_up(struct parent *p)
{
	/* a swap to no generation makes children discard what they prepared */
	for (size_t i = 0; i < p->n_children && p->next_generation; i++)
		if (p->children[i].running && peer_out(&p->children[i].peer))
			msg_swap_encode(peer_out(&p->children[i].peer), &(struct msg_swap){0});
	parent_conf_free(&p->next);
	p->next_generation = 0;
	answer(p, false);
}

void parent_reload_failed(struct parent *p, const char *format, ...)
{
	va_list args;
	char line[1024];
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	dynbuf_str(&p->reload_why, line);
	give_up(p);
}

static void add_line(void *context, const char *line)
{
	dynbuf_printf(context, "%s\n", line);
}

/* One at a time; who asked by the control socket waits for a word. */
static void turn_down(struct parent *p, uint64_t id)
{
	struct child *engine = parent_find(p, MSG_PROCESS_ENGINE, 0);
	struct msg_reload m = {
	    .id = id, .why = TEXT("another call for a new one is being followed; ask again when it is done")};
	log_warning("a configuration is being taken already; this call for another isn't followed");
	if (id && engine && peer_out(&engine->peer))
		msg_reload_encode(peer_out(&engine->peer), &m);
}

void parent_reload(struct parent *p, uint64_t id)
{
	if (p->next_generation || !p->begun || p->stopping) {
		turn_down(p, id);
		return;
	}
	parent_notify("RELOADING=1");
	p->reload_id = id;
	dynbuf_reset(&p->reload_why);
	int r = parent_conf_read(&p->next, p->options->conf, p->options->far, add_line, &p->reload_why);
	if (r == 0)
		r = parent_conf_folders(&p->next);
	if (r < 0) {
		if (p->reload_why.n == 0)
			dynbuf_printf(&p->reload_why, "%s: %s\n", p->options->conf, err_text(r));
		parent_conf_free(&p->next);
		answer(p, false);
		return;
	}
	p->next_generation = p->generation + 1;
	p->reload_until = loop_now() + RELOAD_NS;
	for (size_t i = 0; i < p->n_children && r == 0; i++)
		if (p->children[i].running && p->children[i].pid)
			r = child_hand(&p->children[i], &p->next, p->next_generation, false);
	if (r < 0)
		parent_reload_failed(p, "a file that it names can't be handed down: %s", err_text(r));
}

/* Everybody has it ready: it counts. Who can't change what he holds is started anew. */
static void take(struct parent *p)
{
	struct parent_conf before = p->conf;
	p->conf = p->next;
	p->next = (struct parent_conf){.daemon_fd = -1, .site_fd = -1};
	p->generation = p->next_generation;
	p->next_generation = 0;
	if (parent_children(p) < 0)
		log_error("there are too many processes; some aren't started");
	for (size_t i = 0; i < p->n_children; i++)
		if (p->children[i].pid && p->children[i].prepared == p->generation)
			child_swap(&p->children[i]);
	/* before anybody ends: who asked hears of it by way of the engine */
	answer(p, true);
	for (size_t i = 0; i < p->n_children; i++) {
		struct child *c = &p->children[i];
		/* who was started meanwhile was given the one before, or both: it begins anew with this one
		 */
		bool has = c->prepared == p->generation;
		if (c->pid && (!has || c->retired || parent_conf_restarts(&before, &p->conf, c->kind)))
			child_stop(c);
	}
	parent_conf_free(&before);
}

void parent_reload_look(struct parent *p, int64_t now)
{
	bool all = true;
	if (!p->next_generation)
		return;
	for (size_t i = 0; i < p->n_children; i++) {
		const struct child *c = &p->children[i];
		all = all && (!c->running || c->prepared == p->next_generation);
	}
	if (all)
		take(p);
	else if (now > p->reload_until)
		parent_reload_failed(p, "not every process had it ready in time");
}
