/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "ledger/file.h"

enum { KEY_MODE = 0600, VERIFIER_MODE = 0644, OTHERS = 077, VERIFIERS_FILE_MAX = 1 << 16 };

/* The folder that holds `path`, synced: else the file could be gone after a power loss. */
static int sync_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *parent = !slash          ? strdup(".")
	               : slash == path ? strdup("/")
	                               : strndup(path, (size_t)(slash - path));
	if (!parent)
		return -ENOMEM;
	int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	free(parent);
	if (fd < 0 || fsync(fd) < 0)
		r = -errno;
	if (fd >= 0)
		close(fd);
	return r;
}

/* A new file of one line, in place of the text's NUL its newline. */
static int write_line(const char *path, char *text, mode_t mode)
{
	size_t n = strlen(text);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	text[n] = '\n';
	int r = ledger_file_write(fd, text, n + 1, 0);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	close(fd);
	if (r < 0) {
		unlink(path);
		return r;
	}
	return sync_parent(path);
}

int ledger_verifier_write(const struct ledger_verifier *v, const char *path)
{
	char text[LEDGER_KEY_TEXT_SIZE];
	return write_line(path, ledger_verifier_print(v, text), VERIFIER_MODE);
}

int ledger_key_write(const struct ledger_key *k, const char *path)
{
	char text[LEDGER_KEY_TEXT_SIZE];
	int r = ledger_key_print(k, text);
	if (r == 0)
		r = write_line(path, text, KEY_MODE);
	OPENSSL_cleanse(text, sizeof(text));
	return r;
}

static int open_secret(const char *path, int *ret_fd)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	int r = fstat(fd, &st) < 0      ? -errno
	        : !S_ISREG(st.st_mode)  ? -EINVAL
	        : (st.st_mode & OTHERS) ? -EPERM
	                                : 0;
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int ledger_key_read(const char *path, struct ledger_key **ret_key)
{
	char text[LEDGER_KEY_TEXT_SIZE];
	int fd = -1, r = open_secret(path, &fd);
	if (r < 0)
		return r;
	ssize_t n = read(fd, text, sizeof(text));
	r = n < 0 ? -errno : 0;
	close(fd);
	if (r == 0)
		r = ledger_key_parse(text_trim(text_bytes(text, (size_t)n)), ret_key);
	OPENSSL_cleanse(text, sizeof(text));
	return r;
}

static int parse_verifiers(struct text t, struct ledger_verifier *keys, size_t *n, size_t *ret_line)
{
	size_t line = 0;
	int r = 0;
	while (t.n && r == 0) {
		size_t end = text_find(t, '\n');
		struct text one = text_trim(text_sub(t, 0, end));
		t = text_sub(t, end + 1, t.n);
		line++;
		if (one.n == 0 || one.p[0] == '#')
			continue;
		r = *n < LEDGER_KEYS_MAX ? ledger_verifier_parse(one, &keys[*n]) : -ERR_LIMIT;
		*n += r == 0;
	}
	if (r < 0 && ret_line)
		*ret_line = line;
	return r;
}

int ledger_verifiers_read(const char *path, struct ledger_verifier *keys, size_t *n, size_t *ret_line)
{
	struct dynbuf b = {.max = VERIFIERS_FILE_MAX};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (ret_line)
		*ret_line = 0;
	int r = ledger_file_read_all(fd, &b);
	close(fd);
	if (r == 0)
		r = parse_verifiers(dynbuf_view(&b), keys, n, ret_line);
	dynbuf_free(&b);
	return r;
}

const char *ledger_key_error(int error)
{
	switch (-error) {
	case EPERM: return "others than its owner may read or write it; it should have mode 0600";
	case EEXIST: return "there is such a file already, and a key is never overwritten";
	case EINVAL:
		return "not a key of the form NAME+ID+BASE64 (a private one after PRIVATE+KEY+), in a plain "
		       "file of its own";
	case ERR_LIMIT: return "more keys than can be asked about at once (64), or a file over 64 KiB";
	default: return err_text(error);
	}
}
