/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/printer.h"

#include <errno.h>
#include <string.h>

#include "conf/values.h"

static void emit(struct conf_printer *p, yaml_event_t *event, int initialized)
{
	if (!initialized)
		p->error = p->error ? p->error : -ENOMEM;
	else if (p->error)
		yaml_event_delete(event);
	else if (!yaml_emitter_emit(&p->emitter, event))
		p->error = p->emitter.error == YAML_MEMORY_ERROR ? -ENOMEM : -EIO;
}

int conf_print_begin(struct conf_printer *p, FILE *out)
{
	yaml_event_t e;
	*p = (struct conf_printer){.out = out};
	if (!yaml_emitter_initialize(&p->emitter))
		return -ENOMEM;
	yaml_emitter_set_output_file(&p->emitter, out);
	yaml_emitter_set_unicode(&p->emitter, 1);
	yaml_emitter_set_width(&p->emitter, -1);
	emit(p, &e, yaml_stream_start_event_initialize(&e, YAML_UTF8_ENCODING));
	emit(p, &e, yaml_document_start_event_initialize(&e, NULL, NULL, NULL, 1));
	conf_print_mapping(p, NULL);
	return 0;
}

int conf_print_end(struct conf_printer *p)
{
	yaml_event_t e;
	conf_print_mapping_end(p);
	emit(p, &e, yaml_document_end_event_initialize(&e, 1));
	emit(p, &e, yaml_stream_end_event_initialize(&e));
	yaml_emitter_delete(&p->emitter);
	if (p->error == 0 && (fflush(p->out) != 0 || ferror(p->out)))
		p->error = -EIO;
	return p->error;
}

void conf_print_scalar(struct conf_printer *p, const char *text)
{
	yaml_event_t e;
	emit(p, &e,
	    yaml_scalar_event_initialize(
	        &e, NULL, NULL, (const yaml_char_t *)text, (int)strlen(text), 1, 1, YAML_ANY_SCALAR_STYLE));
}

void conf_print_mapping(struct conf_printer *p, const char *key)
{
	yaml_event_t e;
	if (key)
		conf_print_scalar(p, key);
	emit(p, &e, yaml_mapping_start_event_initialize(&e, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE));
}

void conf_print_mapping_end(struct conf_printer *p)
{
	yaml_event_t e;
	emit(p, &e, yaml_mapping_end_event_initialize(&e));
}

void conf_print_list(struct conf_printer *p, const char *key, bool in_line)
{
	yaml_event_t e;
	conf_print_scalar(p, key);
	emit(p, &e,
	    yaml_sequence_start_event_initialize(
	        &e, NULL, NULL, 1, in_line ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE));
}

void conf_print_list_end(struct conf_printer *p)
{
	yaml_event_t e;
	emit(p, &e, yaml_sequence_end_event_initialize(&e));
}

void conf_print_pair(struct conf_printer *p, const char *key, const char *value)
{
	if (!value)
		return;
	conf_print_scalar(p, key);
	conf_print_scalar(p, value);
}

void conf_print_number(struct conf_printer *p, const char *key, uint64_t value)
{
	char text[24];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	conf_print_pair(p, key, text);
}

void conf_print_span(struct conf_printer *p, const char *key, int64_t ns)
{
	char text[CONF_SPAN_SIZE];
	conf_print_pair(p, key, conf_span_text(ns, text));
}

void conf_print_prefixes(struct conf_printer *p, const char *key, const struct net_prefix *prefixes, size_t n)
{
	char text[NET_PREFIX_TEXT_SIZE];
	conf_print_list(p, key, true);
	for (size_t i = 0; i < n; i++)
		conf_print_scalar(p, net_prefix_text(prefixes[i], text));
	conf_print_list_end(p);
}

void conf_print_texts(struct conf_printer *p, const char *key, const char *const *texts, size_t n)
{
	conf_print_list(p, key, true);
	for (size_t i = 0; i < n; i++)
		conf_print_scalar(p, texts[i]);
	conf_print_list_end(p);
}
