/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exchange/stix_object.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

/* STIX 2.1, 2.9: the namespace of deterministic observable ids. */
static const uint8_t stix_namespace[16] = {
    0x00, 0xab, 0xed, 0xb4, 0xaa, 0x42, 0x46, 0x6c, 0x9c, 0x01, 0xfe, 0xd2, 0x33, 0x15, 0xa9, 0xb7};

/* TLP 2.0 marking definitions as OASIS published them. */
#define TLP_EXTENSION "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
static const struct {
	const char *id, *name, *value;
} tlps[] = {
    [MSG_TLP_CLEAR] = {"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487", "TLP:CLEAR", "clear"},
    [MSG_TLP_GREEN] = {"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb", "TLP:GREEN", "green"},
    [MSG_TLP_AMBER] = {"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421", "TLP:AMBER", "amber"},
    [MSG_TLP_AMBER_STRICT] = {"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003", "TLP:AMBER+STRICT",
        "amber+strict"},
    [MSG_TLP_RED] = {"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", "TLP:RED", "red"},
};

char *stix_id(const char *type, const char *name, char *id)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	char hex[33];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	if (!ctx || EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) != 1 ||
	    EVP_DigestUpdate(ctx, stix_namespace, sizeof(stix_namespace)) != 1 ||
	    EVP_DigestUpdate(ctx, name, strlen(name)) != 1 || EVP_DigestFinal_ex(ctx, digest, &length) != 1)
		memset(digest, 0, 16);
	EVP_MD_CTX_free(ctx);
	digest[6] = (uint8_t)((digest[6] & 0x0f) | 0x50);
	digest[8] = (uint8_t)((digest[8] & 0x3f) | 0x80);
	num_hex(digest, 16, hex);
	snprintf(id, STIX_ID_SIZE, "%s--%.8s-%.4s-%.4s-%.4s-%.12s", type, hex, hex + 8, hex + 12, hex + 16,
	    hex + 20);
	return id;
}

const char *stix_tlp_id(enum msg_tlp tlp)
{
	return tlp == MSG_TLP_NONE ? NULL : tlps[tlp].id;
}

bool stix_has(const struct stix *s, const char *id)
{
	return json_object_get(s->seen, id) != NULL;
}

void stix_put(struct stix *s, json_t *object)
{
	const char *id = json_string_value(json_object_get(object, "id"));
	if (!id || stix_has(s, id)) {
		json_decref(object);
		return;
	}
	json_object_set(s->seen, id, object);
	json_array_append_new(s->objects, object);
}

json_t *stix_add(struct stix *s, const char *type, const char *seed, enum msg_tlp tlp, char *id)
{
	char name[512], made[STIX_ID_SIZE];
	snprintf(name, sizeof(name), "%s|%s|%s", s->identity, type, seed);
	stix_id(type, name, made);
	if (id)
		memcpy(id, made, sizeof(made));
	json_t *there = json_object_get(s->seen, made);
	if (there)
		return there;
	json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s}", "type", type, "spec_version", "2.1", "id", made,
	    "created", s->created, "modified", s->created);
	if (s->identity[0])
		json_object_set_new(j, "created_by_ref", json_string(s->identity));
	enum msg_tlp marking = tlp > s->tlp ? tlp : s->tlp;
	if (marking != MSG_TLP_NONE)
		json_object_set_new(j, "object_marking_refs", json_pack("[s]", stix_tlp_id(marking)));
	stix_put(s, j);
	return j;
}

void stix_add_address(struct stix *s, struct net_addr a, char *id)
{
	char text[NET_ADDR_TEXT_SIZE], name[128];
	const char *type = net_addr_is_v4(a) ? "ipv4-addr" : "ipv6-addr";
	net_addr_text(a, text);
	snprintf(name, sizeof(name), "{\"value\":\"%s\"}", text);
	stix_id(type, name, id);
	if (!stix_has(s, id))
		stix_put(s, json_pack("{s:s, s:s, s:s, s:s}", "type", type, "spec_version", "2.1", "id", id,
		                "value", text));
}

void stix_add_relationship(
    struct stix *s, const char *from, const char *kind, const char *to, const char *description)
{
	char seed[3 * STIX_ID_SIZE];
	snprintf(seed, sizeof(seed), "%s|%s|%s", from, kind, to);
	json_t *j = stix_add(s, "relationship", seed, MSG_TLP_NONE, NULL);
	json_object_set_new(j, "relationship_type", json_string(kind));
	json_object_set_new(j, "source_ref", json_string(from));
	json_object_set_new(j, "target_ref", json_string(to));
	if (description)
		json_object_set_new(j, "description", json_string(description));
}

void stix_add_markings(struct stix *s)
{
	bool used[MSG_TLP_RED + 1] = {false};
	size_t i, k;
	json_t *object, *ref;
	json_array_foreach(s->objects, i, object)
	    json_array_foreach(json_object_get(object, "object_marking_refs"), k,
	        ref) for (int t = MSG_TLP_CLEAR; t <= MSG_TLP_RED; t++)
	        used[t] |= strcmp(json_string_value(ref), tlps[t].id) == 0;
	for (int t = MSG_TLP_CLEAR; t <= MSG_TLP_RED; t++)
		if (used[t])
			stix_put(s,
			    json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:{s:s, s:s}}}", "type",
			        "marking-definition", "spec_version", "2.1", "id", tlps[t].id, "created",
			        "2022-10-01T00:00:00.000Z", "name", tlps[t].name, "extensions", TLP_EXTENSION,
			        "extension_type", "property-extension", "tlp_2_0", tlps[t].value));
}
