/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/*
 * Errors are negative integers: -errno, or one of these, which errno has no word for. Functions return 0 or
 * such a number and leave their ret_ outputs untouched when they fail.
 */

enum err {
	ERR_TRUNCATED = 4096, /* the input ends inside an element */
	ERR_MALFORMED,        /* the input breaks its format */
	ERR_UNSUPPORTED,      /* well-formed, but of a kind that we don't read */
	ERR_LIMIT,            /* a stated bound was reached */
	ERR_CHECKSUM,         /* stored and computed checksums differ */
	ERR_INVALID,          /* configuration or arguments that a diagnostic has already explained */
};

/* One short English phrase for a negative error number, whichever of the two ranges it is from. Never NULL.
 */
const char *err_text(int error);

#endif
