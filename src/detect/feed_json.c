/* SPDX-License-Identifier: GPL-2.0-or-later */

/* JSON feeds: which it is, STIX 2.1 bundles and TAXII envelopes, MISP events. */

#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "base/timefmt.h"
#include "detect/indicator_store.h"

enum { EVENTS_DEEP_MAX = 4, MARKINGS_MAX = 64 };

static struct text string_of(const json_t *object, const char *key)
{
	const json_t *v = json_object_get(object, key);
	return json_is_string(v) ? text_bytes(json_string_value(v), json_string_length(v))
	                         : text_bytes("", 0);
}

static bool string_is(const json_t *object, const char *key, const char *what)
{
	return text_equal(string_of(object, key), text_of(what));
}

/* The TLP 2.0 markings of STIX (OASIS, definitions of 2022) and the four of STIX 2.1 (7.2.1.4). */
static enum msg_tlp stix_marking_tlp(struct text id)
{
	static const struct {
		const char *uuid;
		enum msg_tlp tlp;
	} markings[] = {
	    {"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487", MSG_TLP_CLEAR},
	    {"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb", MSG_TLP_GREEN},
	    {"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421", MSG_TLP_AMBER},
	    {"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003", MSG_TLP_AMBER_STRICT},
	    {"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", MSG_TLP_RED},
	    {"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9", MSG_TLP_CLEAR},
	    {"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da", MSG_TLP_GREEN},
	    {"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82", MSG_TLP_AMBER},
	    {"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed", MSG_TLP_RED},
	};
	for (size_t i = 0; i < sizeof(markings) / sizeof(*markings); i++)
		if (text_equal_nocase(id, text_of(markings[i].uuid)))
			return markings[i].tlp;
	return MSG_TLP_NONE;
}

static int stix_indicator_load(struct indicator_set *s, const json_t *o)
{
	struct feed_entry e = FEED_ENTRY_NONE;
	struct text pattern = string_of(o, "pattern"), type = string_of(o, "pattern_type");
	e.id = string_of(o, "id");
	e.description = string_of(o, "name");
	if (e.description.n == 0)
		e.description = string_of(o, "description");
	const json_t *marks = json_object_get(o, "object_marking_refs");
	for (size_t i = 0; i < json_array_size(marks) && i < MARKINGS_MAX; i++) {
		const char *id = json_string_value(json_array_get(marks, i));
		e.tlp = feed_tlp_stricter(e.tlp, stix_marking_tlp(text_of(id)));
	}
	if (json_is_true(json_object_get(o, "revoked"))) {
		feed_problem(s, &e, pattern, "revoked");
		return 0;
	}
	if (type.n && !text_equal_nocase(type, TEXT("stix"))) {
		feed_problem(s, &e, type, "a pattern of another language than STIX");
		return 0;
	}
	struct text from = string_of(o, "valid_from"), until = string_of(o, "valid_until");
	if ((from.n && time_parse(from, &e.valid_from) < 0) ||
	    (until.n && time_parse(until, &e.valid_until) < 0)) {
		feed_problem(s, &e, pattern, "valid_from or valid_until is no RFC 3339 time");
		return 0;
	}
	return stix_pattern_load(s, &e, pattern);
}

static int stix_load(struct indicator_set *s, const json_t *root)
{
	struct feed_entry at = FEED_ENTRY_NONE;
	const json_t *objects = json_object_get(root, "objects");
	size_t indicators = 0;
	/* an object alone is as good as a bundle of one */
	if (!json_is_array(objects))
		return string_is(root, "type", "indicator") ? stix_indicator_load(s, root) : 0;
	for (size_t i = 0; i < json_array_size(objects); i++) {
		const json_t *o = json_array_get(objects, i);
		if (!string_is(o, "type", "indicator"))
			continue;
		indicators++;
		int error = stix_indicator_load(s, o);
		if (error < 0)
			return error;
	}
	if (indicators == 0)
		feed_problem(s, &at, text_of(NULL), "a bundle without an indicator object");
	return 0;
}

static enum msg_tlp misp_tags_tlp(const json_t *o)
{
	const json_t *tags = json_object_get(o, "Tag");
	enum msg_tlp tlp = MSG_TLP_NONE;
	for (size_t i = 0; i < json_array_size(tags); i++) {
		struct text name = string_of(json_array_get(tags, i), "name");
		if (text_starts_nocase(name, TEXT("tlp:")))
			tlp = feed_tlp_stricter(tlp, feed_tlp(name));
	}
	return tlp;
}

static bool misp_flag(const json_t *o, const char *key, bool otherwise)
{
	const json_t *v = json_object_get(o, key);
	if (json_is_boolean(v))
		return json_is_true(v);
	if (json_is_string(v))
		return strcmp(json_string_value(v), "1") == 0 || strcmp(json_string_value(v), "true") == 0;
	return json_is_integer(v) ? json_integer_value(v) != 0 : otherwise;
}

static int misp_attribute_load(
    struct indicator_set *s, const json_t *a, struct text info, enum msg_tlp event_tlp)
{
	struct feed_entry e = FEED_ENTRY_NONE;
	struct text value = string_of(a, "value"), type = string_of(a, "type");
	e.id = string_of(a, "uuid");
	e.description = string_of(a, "comment");
	if (e.description.n == 0)
		e.description = info;
	e.tlp = misp_tags_tlp(a);
	if (e.tlp == MSG_TLP_NONE)
		e.tlp = event_tlp;
	if (misp_flag(a, "deleted", false))
		return 0;
	if (!misp_flag(a, "to_ids", false)) {
		feed_problem(s, &e, value, "to_ids is not set");
		return 0;
	}
	if (type.n == 0) {
		feed_problem(s, &e, value, "an attribute without a type");
		return 0;
	}
	return feed_add(s, &e, type, value);
}

static int misp_attributes_load(
    struct indicator_set *s, const json_t *list, struct text info, enum msg_tlp tlp)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		int error = misp_attribute_load(s, json_array_get(list, i), info, tlp);
		if (error < 0)
			return error;
	}
	return 0;
}

static int misp_event_load(struct indicator_set *s, const json_t *event)
{
	struct text info = string_of(event, "info");
	enum msg_tlp tlp = misp_tags_tlp(event);
	int error = misp_attributes_load(s, json_object_get(event, "Attribute"), info, tlp);
	const json_t *objects = json_object_get(event, "Object");
	for (size_t i = 0; error == 0 && i < json_array_size(objects); i++)
		error = misp_attributes_load(
		    s, json_object_get(json_array_get(objects, i), "Attribute"), info, tlp);
	return error;
}

/* An event, its wrapping, a list of them, or the answer of a search. */
static int misp_load(struct indicator_set *s, const json_t *root, int depth)
{
	struct feed_entry at = FEED_ENTRY_NONE;
	int error = 0;
	if (depth == EVENTS_DEEP_MAX)
		return 0;
	if (json_is_array(root)) {
		for (size_t i = 0; error == 0 && i < json_array_size(root); i++)
			error = misp_load(s, json_array_get(root, i), depth + 1);
		return error;
	}
	if (json_object_get(root, "response"))
		return misp_load(s, json_object_get(root, "response"), depth + 1);
	if (json_object_get(root, "Event"))
		return misp_load(s, json_object_get(root, "Event"), depth + 1);
	if (json_object_get(root, "Attribute") || json_object_get(root, "Object"))
		return misp_event_load(s, root);
	feed_problem(s, &at, text_of(NULL), "no MISP event with attributes");
	return 0;
}

static bool looks_like_stix(const json_t *root)
{
	const json_t *objects = json_object_get(root, "objects");
	return json_is_array(objects) || string_is(root, "type", "bundle") ||
	       string_is(root, "type", "indicator");
}

/* The parser's own words and place, as a problem at that line. */
static void json_problem(struct indicator_set *s, const json_error_t *oops)
{
	struct feed_entry at = FEED_ENTRY_NONE;
	at.line = oops->line > 0 ? (uint32_t)oops->line : 0;
	feed_problem(s, &at, text_of(oops->source), oops->text);
}

int feed_load_json(struct indicator_set *s, const char *name, enum indicator_format format, struct text bytes)
{
	json_error_t oops;
	(void)name;
	/* Jansson bounds the depth of nesting (2,048) itself. */
	json_t *root = json_loadb(bytes.p ? bytes.p : "", bytes.n, 0, &oops);
	if (!root) {
		json_problem(s, &oops);
		return 0;
	}
	bool stix = format == INDICATOR_FORMAT_STIX ||
	            (format == INDICATOR_FORMAT_AUTO && looks_like_stix(root));
	int error = stix ? stix_load(s, root) : misp_load(s, root, 0);
	json_decref(root);
	return error;
}
