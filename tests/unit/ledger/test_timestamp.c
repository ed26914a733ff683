/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "folder.h"
#include "ledger/post.h"
#include "ledger/timestamp.h"

extern char **environ;

static const struct text note_text = TEXT(
    "example.org/log\n3\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n");

/* A local authority (tsa.py), by the openssl command. */
struct authority {
	struct folder f;
	char ca[96], other[96];
	pid_t server;
	int to_server;
	uint64_t port;
};

/* Runs tsa.py with its standard input and output on these; -1 where it can't be run. */
static pid_t start(const char *verb, const struct folder *f, int in, int out)
{
	char script[512];
	posix_spawn_file_actions_t actions;
	pid_t pid;
	const char *source = getenv("BULKHEAD_SOURCE");
	snprintf(script, sizeof(script), "%s/tests/unit/ledger/tsa.py", source ? source : ".");
	char *args[] = {(char *)"python3", script, (char *)verb, (char *)f->path, NULL};
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	int r = posix_spawnp(&pid, args[0], &actions, NULL, args, environ);
	posix_spawn_file_actions_destroy(&actions);
	return r == 0 ? pid : -1;
}

static bool made(const struct folder *f)
{
	int status = -1;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid = start("make", f, null, null);
	close(null);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int authority_make(void **state)
{
	struct authority *a = calloc(1, sizeof(*a));
	char line[16] = "";
	int in[2], out[2];
	*state = a;
	assert_int_equal(setenv("no_proxy", "127.0.0.1", 1), 0);
	a->f = folder_make();
	if (!made(&a->f)) {
		print_message(
		    "no time-stamping authority could be made: python3 or the openssl command lacks\n");
		return 0;
	}
	snprintf(a->ca, sizeof(a->ca), "%s/ca.pem", a->f.path);
	snprintf(a->other, sizeof(a->other), "%s/other.pem", a->f.path);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	a->server = start("serve", &a->f, in[0], out[1]);
	a->to_server = in[1];
	close(in[0]);
	close(out[1]);
	size_t n = 0;
	while (n < sizeof(line) && read(out[0], line + n, 1) == 1 && line[n] != '\n')
		n++;
	close(out[0]);
	assert_int_equal(num_parse_u64(text_bytes(line, n), UINT16_MAX, &a->port), 0);
	return 0;
}

static int authority_free(void **state)
{
	struct authority *a = *state;
	if (a->server > 0) {
		close(a->to_server); /* at which it ends */
		waitpid(a->server, NULL, 0);
	}
	folder_remove(&a->f);
	free(a);
	return 0;
}

static int ask(const struct authority *a, const char *path, struct text body, size_t max, struct dynbuf *out,
    long *status, char *error)
{
	char url[64];
	snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", (int)a->port, path);
	return post(url, NULL, "application/timestamp-query", body, max, out, status, error);
}

static struct dynbuf stamped(const struct authority *a, struct text request)
{
	struct dynbuf response = {0};
	char error[POST_ERROR_SIZE];
	assert_int_equal(ask(a, "/stamp", request, TIMESTAMP_MAX, &response, NULL, error), 0);
	return response;
}

static void test_an_authority_stamps_and_openssl_agrees(void **state)
{
	struct authority *a = *state;
	struct dynbuf request = {0}, kept = {0};
	int64_t time = 0, later = 0, now;
	const char *why = NULL;
	if (!a->server)
		skip();
	assert_int_equal(timestamp_request(note_text, &request), 0);
	struct dynbuf response = stamped(a, dynbuf_view(&request));
	struct text r = dynbuf_view(&response), q = dynbuf_view(&request);
	assert_int_equal(timestamp_verify(r, q, note_text, a->ca, &time, &why), 0);
	struct timespec clock;
	clock_gettime(CLOCK_REALTIME, &clock);
	now = clock.tv_sec * NS_PER_S + clock.tv_nsec;
	assert_true(time <= now && now - time < 60 * NS_PER_S);
	/* Later on the request is gone. */
	assert_int_equal(timestamp_verify(r, (struct text){0}, note_text, a->ca, &later, &why), 0);
	assert_true(later == time);
	assert_int_equal(timestamp_store(a->f.fd, 3, r), 0);
	assert_int_equal(timestamp_read(a->f.fd, 3, &kept), 0);
	assert_true(text_equal(dynbuf_view(&kept), r));
	assert_int_equal(timestamp_read(a->f.fd, 4, &kept), -ENOENT);
	/* What is kept is what the openssl command reads. */
	folder_write(&a->f, "text", note_text);
	char *args[] = {(char *)"openssl", (char *)"ts", (char *)"-verify", (char *)"-in", NULL,
	    (char *)"-data", NULL, (char *)"-CAfile", a->ca, NULL};
	char stored[160], text[160];
	snprintf(stored, sizeof(stored), "%s/checkpoint-3.tsr", a->f.path);
	snprintf(text, sizeof(text), "%s/text", a->f.path);
	args[4] = stored;
	args[6] = text;
	pid_t pid;
	int status = -1;
	posix_spawn_file_actions_t quiet;
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	assert_int_equal(posix_spawnp(&pid, args[0], &quiet, NULL, args, environ), 0);
	posix_spawn_file_actions_destroy(&quiet);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	dynbuf_free(&request);
	dynbuf_free(&response);
	dynbuf_free(&kept);
}

static void test_a_stamp_that_is_not_ours_is_refused(void **state)
{
	struct authority *a = *state;
	struct dynbuf request = {0}, another = {0}, elsewhere = {0};
	int64_t time = 4711;
	const char *why = NULL;
	if (!a->server)
		skip();
	assert_int_equal(timestamp_request(note_text, &request), 0);
	assert_int_equal(timestamp_request(note_text, &another), 0);
	assert_int_equal(timestamp_request(TEXT("another text\n"), &elsewhere), 0);
	assert_false(text_equal(dynbuf_view(&request), dynbuf_view(&another))); /* the nonce */
	struct dynbuf response = stamped(a, dynbuf_view(&request)),
	              foreign = stamped(a, dynbuf_view(&elsewhere));
	struct text r = dynbuf_view(&response);
	assert_int_equal(
	    timestamp_verify(r, dynbuf_view(&another), note_text, a->ca, &time, &why), -ERR_CHECKSUM);
	assert_int_equal(
	    timestamp_verify(r, (struct text){0}, TEXT("x\n"), a->ca, &time, &why), -ERR_CHECKSUM);
	assert_int_equal(
	    timestamp_verify(dynbuf_view(&foreign), dynbuf_view(&elsewhere), note_text, a->ca, &time, &why),
	    -ERR_CHECKSUM);
	assert_int_equal(timestamp_verify(r, (struct text){0}, note_text, a->other, &time, &why), -EACCES);
	assert_non_null(why);
	assert_int_equal(
	    timestamp_verify(r, (struct text){0}, note_text, "/nonexistent", &time, &why), -EACCES);
	assert_int_equal(
	    timestamp_verify(text_sub(r, 0, r.n - 1), (struct text){0}, note_text, a->ca, &time, &why),
	    -ERR_MALFORMED);
	dynbuf_u8(&response, 0);
	r = text_bytes(response.p, response.n - 1);
	assert_int_equal(
	    timestamp_verify(dynbuf_view(&response), (struct text){0}, note_text, a->ca, &time, &why),
	    -ERR_MALFORMED);
	assert_int_equal(timestamp_verify((struct text){0}, (struct text){0}, note_text, a->ca, &time, &why),
	    -ERR_MALFORMED);
	/* No byte of it, changed, gives another time. */
	response.n--;
	int64_t said;
	assert_int_equal(timestamp_verify(r, (struct text){0}, note_text, a->ca, &said, &why), 0);
	for (size_t i = 0; i < response.n; i++) {
		response.p[i] ^= 1;
		if (timestamp_verify(
		        dynbuf_view(&response), (struct text){0}, note_text, a->ca, &time, &why) == 0)
			assert_true(time == said);
		response.p[i] ^= 1;
	}
	dynbuf_free(&request);
	dynbuf_free(&another);
	dynbuf_free(&elsewhere);
	dynbuf_free(&response);
	dynbuf_free(&foreign);
}

static void test_what_a_post_refuses(void **state)
{
	struct authority *a = *state;
	struct dynbuf out = {0};
	char error[POST_ERROR_SIZE];
	long status = -1;
	if (!a->server)
		skip();
	assert_int_equal(ask(a, "/refuse", TEXT("x"), 100, &out, &status, error), -EPROTO);
	assert_int_equal(status, 500);
	assert_true(text_equal(dynbuf_view(&out), TEXT("no")));
	assert_string_equal(error, "it answered with status 500");
	assert_int_equal(ask(a, "/redirect", TEXT("x"), 100, &out, &status, error), -EPROTO);
	assert_int_equal(status, 302);
	dynbuf_reset(&out);
	assert_int_equal(ask(a, "/long", TEXT("x"), (1 << 20) - 1, &out, NULL, error), -ERR_LIMIT);
	dynbuf_reset(&out);
	assert_int_equal(ask(a, "/long", TEXT("x"), 1 << 20, &out, NULL, error), 0);
	assert_int_equal(out.n, 1 << 20);
	static const char *const schemes[] = {
	    "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "", "http://"};
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
		error[0] = '\0';
		assert_int_equal(
		    post(schemes[i], NULL, "text/plain", TEXT("x"), 100, &out, &status, error), -EINVAL);
		assert_int_equal(status, 0);
		assert_true(error[0] != '\0');
	}
	/* Port 1 of this machine: nobody listens there. */
	assert_int_equal(post("http://127.0.0.1:1/", NULL, "text/plain", TEXT("x"), 100, &out, NULL, error),
	    -EHOSTUNREACH);
	dynbuf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_an_authority_stamps_and_openssl_agrees),
	    cmocka_unit_test(test_a_stamp_that_is_not_ours_is_refused),
	    cmocka_unit_test(test_what_a_post_refuses),
	};
	return cmocka_run_group_tests(tests, authority_make, authority_free);
}
