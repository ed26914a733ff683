/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"

#include <string.h>

const char *err_text(int error)
{
	if (error >= 0)
		return "no error";
	switch (-error) {
	case ERR_TRUNCATED: return "the input ends too early";
	case ERR_MALFORMED: return "the input breaks its format";
	case ERR_UNSUPPORTED: return "this kind of input isn't supported";
	case ERR_LIMIT: return "a limit was reached";
	case ERR_CHECKSUM: return "the checksum doesn't match";
	case ERR_INVALID: return "invalid";
	}
	const char *text = strerrordesc_np(-error);
	return text ? text : "unknown error";
}
