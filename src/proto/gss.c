/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/gss.h"

#include <string.h>

#include "proto/asn1.h"

static const uint8_t oid_spnego[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x02};                 /* 1.3.6.1.5.5.2 */
static const uint8_t oid_krb5[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02}; /* RFC 4121 */
static const uint8_t oid_ms_krb5[] = {0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 0x01, 0x02, 0x02};

enum { KRB_AP_REQ_TAG = ASN1_TAG_APPLICATION + 14, KRB_TOKEN_AP_REQ = 0x0100 };

static bool oid_is(const struct cursor *oid, const uint8_t *want, size_t n)
{
	return cursor_left(oid) == n && memcmp(oid->base + oid->pos, want, n) == 0;
}

static struct cursor failed_cursor(void)
{
	return (struct cursor){.failed = true};
}

/* What stands inside: an NTLMSSP message or an AP-REQ, the latter with or without the mechanism's OID before
 * it. */
static void mechanism_token(struct cursor c, struct gss_token *t)
{
	size_t left = cursor_left(&c);
	const uint8_t *p = cursor_peek(&c, 1);
	if (!p)
		return;
	if (ntlm_type_of(p, left) != NTLM_NONE) {
		t->mechanism = GSS_NTLM;
		t->inner = c;
	} else if (*p == KRB_AP_REQ_TAG) {
		t->mechanism = GSS_KERBEROS;
		t->inner = c;
	} else if (*p == ASN1_TAG_APPLICATION) {
		struct cursor body = asn1_take(&c, ASN1_TAG_APPLICATION);
		struct cursor oid = asn1_take(&body, ASN1_TAG_OID);
		if (!oid_is(&oid, oid_krb5, sizeof(oid_krb5)) &&
		    !oid_is(&oid, oid_ms_krb5, sizeof(oid_ms_krb5)))
			return;
		t->mechanism = GSS_KERBEROS;
		if (cursor_be16(&body) == KRB_TOKEN_AP_REQ)
			t->inner = body;
	}
}

/* NegTokenInit (RFC 4178 4.2.1): the optimistic token of the first mechanism. */
static void neg_token_init(struct cursor c, struct gss_token *t)
{
	struct cursor sequence = asn1_take(&c, ASN1_TAG_SEQUENCE);
	struct asn1_element e;
	while (asn1_next(&sequence, &e))
		if (e.tag == ASN1_TAG_CONTEXT + 2)
			mechanism_token(asn1_take(&e.body, ASN1_TAG_OCTET_STRING), t);
}

static void neg_token_resp(struct cursor c, struct gss_token *t)
{
	struct cursor sequence = asn1_take(&c, ASN1_TAG_SEQUENCE);
	struct asn1_element e;
	while (asn1_next(&sequence, &e)) {
		if (e.tag == ASN1_TAG_CONTEXT) {
			struct cursor state = asn1_take(&e.body, ASN1_TAG_ENUMERATED);
			int64_t v = asn1_integer(&state);
			if (cursor_ok(&state))
				t->state = v == 0   ? GSS_STATE_COMPLETED
				           : v == 2 ? GSS_STATE_REJECT
				                    : GSS_STATE_INCOMPLETE;
		} else if (e.tag == ASN1_TAG_CONTEXT + 2) {
			mechanism_token(asn1_take(&e.body, ASN1_TAG_OCTET_STRING), t);
		}
	}
}

struct gss_token gss_token_read(const uint8_t *p, size_t n)
{
	struct gss_token t = {.inner = failed_cursor()};
	struct cursor c = cursor_of(p, n);
	if (n > 0 && p[0] == ASN1_TAG_CONTEXT + 1) {
		neg_token_resp(asn1_take(&c, ASN1_TAG_CONTEXT + 1), &t);
		return t;
	}
	if (n > 0 && p[0] == ASN1_TAG_APPLICATION) {
		struct cursor whole = c;
		struct cursor body = asn1_take(&whole, ASN1_TAG_APPLICATION);
		struct cursor oid = asn1_take(&body, ASN1_TAG_OID);
		if (oid_is(&oid, oid_spnego, sizeof(oid_spnego))) {
			neg_token_init(asn1_take(&body, ASN1_TAG_CONTEXT), &t);
			return t;
		}
	}
	mechanism_token(c, &t);
	return t;
}

void gss_auth_update(struct gss_auth *a, const uint8_t *p, size_t n)
{
	struct gss_token t = gss_token_read(p, n);
	if (t.mechanism == GSS_NONE)
		return;
	if (t.mechanism != a->mechanism || a->shown)
		*a = (struct gss_auth){.mechanism = t.mechanism};
	size_t left = cursor_left(&t.inner);
	if (left == 0)
		return;
	if (t.mechanism == GSS_KERBEROS)
		a->named |= krb_ap_req_read(t.inner, &a->ticket);
	else
		a->named |= ntlm_authenticate_parse(t.inner.base + t.inner.pos, left, &a->ntlm) == 0;
}

const char *gss_auth_method(const struct gss_auth *a)
{
	switch (a->mechanism) {
	case GSS_NONE: return NULL;
	case GSS_KERBEROS: return "Kerberos";
	case GSS_NTLM: break;
	}
	if (!a->named)
		return "NTLM";
	if (a->ntlm.anonymous)
		return "anonymous";
	return a->ntlm.version == 2 ? "NTLMv2" : a->ntlm.version == 1 ? "NTLMv1" : "NTLM";
}

void gss_auth_fields_as(struct proto_context *c, struct gss_auth *a, const char *method)
{
	if (a->named && a->mechanism == GSS_NTLM) {
		proto_field_bytes(c, FIELD_AUTH_USER, a->ntlm.user, a->ntlm.user_n);
		proto_field_bytes(c, FIELD_NTLM_DOMAIN, a->ntlm.domain, a->ntlm.domain_n);
		proto_field_bytes(c, FIELD_NTLM_HOST, a->ntlm.host, a->ntlm.host_n);
	} else if (a->named) {
		proto_field_bytes(c, FIELD_KRB_REALM, a->ticket.realm, a->ticket.realm_n);
		proto_field_bytes(c, FIELD_KRB_SERVICE, a->ticket.service, a->ticket.service_n);
	}
	if (method)
		proto_field_str(c, FIELD_AUTH_METHOD, method);
	a->shown = true;
}

void gss_auth_fields(struct proto_context *c, struct gss_auth *a)
{
	gss_auth_fields_as(c, a, gss_auth_method(a));
}
