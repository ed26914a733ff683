/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The readers that stand inside several parsers: authentication tokens, tickets, filters, UTF-16. */

#include <assert.h>

#include "proto/gss.h"
#include "proto/ldap_filter.h"
#include "proto/utf16.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char out[256];
	struct gss_auth auth = {0};
	struct krb_ticket ticket;
	gss_auth_update(&auth, data, size);
	assert(auth.mechanism != GSS_NTLM || auth.ntlm.user_n <= NTLM_NAME_SIZE);
	if (krb_ap_req_read(cursor_of(data, size), &ticket))
		assert(ticket.realm_n <= KRB_NAME_SIZE && ticket.service_n <= KRB_NAME_SIZE);
	assert(ldap_filter_text(cursor_of(data, size), out, sizeof(out)).n <= sizeof(out));
	assert(utf16le_text(data, size, out, sizeof(out)).n <= sizeof(out));
	return 0;
}
