/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/ssh_auth.h"

enum {
	SSH_ACCEPT_OVER_SUCCESS = 16,
	SSH_BANNER_OVER_ACCEPT = 256, /* USERAUTH_BANNER: longer than any list of methods */
	/*
	 * A request of method "none", which asks for the methods and isn't an attempt, is 31 bytes and the
	 * user's name, against 17 of SERVICE_REQUEST; a password, key or GSSAPI request is longer by the
	 * credentials.
	 */
	SSH_ATTEMPT_OVER_ACCEPT = 32,
};

void ssh_auth_client(struct ssh_auth *a, size_t size)
{
	a->client_spoke = true;
	a->request = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
}

void ssh_auth_server(struct ssh_auth *a, size_t size)
{
	/* before that, SSH_MSG_EXT_INFO (RFC 8308, 2.4) */
	if (!a->client_spoke || a->success || size > UINT32_MAX / 2)
		return;
	uint32_t n = (uint32_t)size;
	if (a->accept == 0) {
		a->accept = n;
		return;
	}
	if (a->answers < UINT16_MAX)
		a->answers++;
	if (n + SSH_ACCEPT_OVER_SUCCESS == a->accept) {
		a->success = true;
		return;
	}
	if (a->failure == 0) {
		if (n > a->accept + SSH_BANNER_OVER_ACCEPT)
			return;
		a->failure = n;
		a->first_request = a->request;
	}
	if (n == a->failure && a->failures < UINT16_MAX)
		a->failures++;
}

enum ssh_auth_result ssh_auth_result(const struct ssh_auth *a)
{
	if (a->success)
		return SSH_AUTH_SUCCESS;
	if (a->failures >= 2 || (a->failures == 1 && a->first_request >= a->accept + SSH_ATTEMPT_OVER_ACCEPT))
		return SSH_AUTH_FAILURE;
	return a->failures == 1 && a->answers == 1 ? SSH_AUTH_NONE : SSH_AUTH_UNKNOWN;
}
