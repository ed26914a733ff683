/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "drive.h"
#include "vectors.h"

static struct drive *http_flow(void)
{
	return drive_new(PACKET_TCP, 8123, APP_UNKNOWN);
}

#define CRLF "\r\n"

static void a_request_and_its_response_are_one_transaction(void **state)
{
	(void)state;
	static const char request[] = "POST /form?a=b HTTP/1.1" CRLF "Host: WWW.example:8123" CRLF
	                              "User-Agent: probe/1" CRLF "Referer: http://x.example/" CRLF
	                              "Content-Type: text/Plain; charset=x" CRLF "Content-Length: 5" CRLF CRLF
	                              "12345";
	static const char response[] = "HTTP/1.1 201 Created" CRLF "Server: nginx" CRLF
	                               "Content-Type: text/html" CRLF "Transfer-Encoding: chunked" CRLF CRLF
	                               "4" CRLF "abcd" CRLF "a" CRLF "0123456789" CRLF "0" CRLF CRLF;
	static const size_t sizes[] = {1, 3, 50, 65536};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct drive *d = http_flow();
		drive_send_cut(d, FLOW_FORWARD, request, sizeof(request) - 1, sizes[i]);
		assert_int_equal(d->flow.app, APP_HTTP);
		assert_int_equal(d->n, 0);
		drive_send_cut(d, FLOW_REVERSE, response, sizeof(response) - 1, sizes[i]);
		assert_int_equal(d->n, 1);
		drive_expect(d, 0, FIELD_HTTP_METHOD, "POST");
		drive_expect(d, 0, FIELD_HTTP_HOST, "www.example");
		drive_expect(d, 0, FIELD_HTTP_URI, "/form?a=b");
		drive_expect(d, 0, FIELD_HTTP_USER_AGENT, "probe/1");
		drive_expect(d, 0, FIELD_HTTP_REFERER, "http://x.example/");
		drive_expect(d, 0, FIELD_HTTP_REQUEST_TYPE, "text/plain");
		drive_expect(d, 0, FIELD_HTTP_REQUEST_BYTES, "5");
		drive_expect(d, 0, FIELD_HTTP_STATUS, "201");
		drive_expect(d, 0, FIELD_HTTP_RESPONSE_TYPE, "text/html");
		drive_expect(d, 0, FIELD_HTTP_RESPONSE_BYTES, "14");
		drive_expect(d, 0, FIELD_HTTP_SERVER, "nginx");
		drive_expect(d, 0, FIELD_FILE_NAME, NULL);
		drive_expect(d, 0, FIELD_AUTH_RESULT, NULL);
		drive_free(d);
	}
}

static void pipelined_requests_get_their_own_responses(void **state)
{
	(void)state;
	struct drive *d = http_flow();
	drive_send_str(d, FLOW_FORWARD,
	    "GET /1 HTTP/1.1" CRLF "Host: h" CRLF CRLF "GET /2 HTTP/1.1" CRLF "Host: h" CRLF CRLF);
	drive_send_str(d, FLOW_REVERSE,
	    "HTTP/1.1 200 OK" CRLF "Content-Length: 2" CRLF CRLF "ok"
	    "HTTP/1.1 404 No" CRLF "Content-Length: 0" CRLF CRLF);
	assert_int_equal(d->n, 2);
	drive_expect(d, 0, FIELD_HTTP_URI, "/1");
	drive_expect(d, 0, FIELD_HTTP_STATUS, "200");
	drive_expect(d, 1, FIELD_HTTP_URI, "/2");
	drive_expect(d, 1, FIELD_HTTP_STATUS, "404");
	drive_free(d);
}

/* One request with these headers, one response with that status and those headers and a body of three bytes.
 */
static struct drive *exchange(const char *line, const char *headers, int status, const char *response_headers)
{
	char text[4096];
	struct drive *d = http_flow();
	int n = snprintf(text, sizeof(text), "%s HTTP/1.1" CRLF "Host: h" CRLF "%s" CRLF, line, headers);
	drive_send(d, FLOW_FORWARD, text, (size_t)n);
	n = snprintf(text, sizeof(text), "HTTP/1.1 %d X" CRLF "Content-Length: 3" CRLF "%s" CRLF "abc",
	    status, response_headers);
	drive_send(d, FLOW_REVERSE, text, (size_t)n);
	assert_int_equal(d->n, 1);
	return d;
}

static void credentials_are_told_with_their_success(void **state)
{
	(void)state;
	static const struct {
		const char *headers;
		int status;
		const char *user, *method, *result;
	} cases[] = {
	    /* RFC 7617, 2 */
	    {"Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" CRLF, 200, "Aladdin", "Basic", "success"},
	    {"Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" CRLF, 401, "Aladdin", "Basic", "failure"},
	    {"Authorization: basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" CRLF, 403, "Aladdin", "basic", "failure"},
	    {"Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" CRLF, 500, "Aladdin", "Basic", NULL},
	    {"Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" CRLF, 407, "Aladdin", "Basic",
	        "failure"},
	    /* RFC 7616, 3.9.1 */
	    {"Authorization: Digest username=\"Mufasa\", realm=\"x, username=y\"" CRLF, 200, "Mufasa",
	        "Digest", "success"},
	    {"Authorization: Digest realm=\"x\",username=Mufasa,a=b" CRLF, 401, "Mufasa", "Digest",
	        "failure"},
	    {"Authorization: Bearer abc" CRLF, 401, NULL, "Bearer", "failure"},
	    {"Authorization: Basic" CRLF, 401, NULL, "Basic", "failure"},
	    /* an NTLM NEGOTIATE names nobody, so that its 401 is no failure */
	    {"Authorization: NTLM TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAGAbEdAAAADw==" CRLF, 401, NULL,
	        NULL, NULL},
	    {"", 401, NULL, NULL, NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct drive *d = exchange("GET /", cases[i].headers, cases[i].status, "");
		drive_expect(d, 0, FIELD_AUTH_USER, cases[i].user);
		drive_expect(d, 0, FIELD_AUTH_METHOD, cases[i].method);
		drive_expect(d, 0, FIELD_AUTH_RESULT, cases[i].result);
		drive_free(d);
	}
}

static void downloads_are_told_as_files(void **state)
{
	(void)state;
	static const struct {
		const char *line, *headers, *name;
		int status;
	} cases[] = {
	    {"GET /a/b/tool.exe?x=/y.z", "Content-Type: application/octet-stream" CRLF, "tool.exe", 200},
	    {"GET /a/b/tool.exe", "", "tool.exe", 206},
	    {"GET /a/b/tool.exe", "Content-Type: application/octet-stream" CRLF, NULL, 404},
	    {"GET /a/b/", "Content-Type: application/octet-stream" CRLF, NULL, 200},
	    {"GET /page.html", "Content-Type: text/html" CRLF, NULL, 200},
	    {"GET /logo.png", "Content-Type: image/png" CRLF, NULL, 200},
	    {"GET /get", "Content-Disposition: attachment; filename=\"a; b.pdf\"; x=y" CRLF, "a; b.pdf", 200},
	    {"POST /get", "Content-Disposition: attachment; Filename=plain.zip" CRLF, "plain.zip", 200},
	    {"GET /get", "Content-Disposition: attachment; filename=x; filename*=UTF-8''na%C3%AFve.txt" CRLF,
	        "na%C3%AFve.txt", 200},
	    {"GET /x.bin", "Content-Disposition: inline" CRLF, "x.bin", 200},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct drive *d = exchange(cases[i].line, "", cases[i].status, cases[i].headers);
		drive_expect(d, 0, FIELD_FILE_NAME, cases[i].name);
		drive_expect(d, 0, FIELD_FILE_BYTES, cases[i].name ? "3" : NULL);
		drive_free(d);
	}
	struct drive *d = http_flow();
	drive_send_str(
	    d, FLOW_FORWARD, "PUT /up/load.tar HTTP/1.1" CRLF "Content-Length: 4" CRLF CRLF "abcd");
	drive_send_str(d, FLOW_REVERSE, "HTTP/1.1 201 X" CRLF "Content-Length: 0" CRLF CRLF);
	drive_expect(d, 0, FIELD_FILE_NAME, "load.tar");
	drive_expect(d, 0, FIELD_FILE_BYTES, "4");
	drive_free(d);
}

static void winrm_is_found_by_path_and_content_at_any_port(void **state)
{
	(void)state;
	static const struct {
		const char *line, *headers;
		enum app app;
	} cases[] = {
	    {"POST /wsman", "Content-Type: application/soap+xml;charset=UTF-8" CRLF, APP_WINRM},
	    {"POST /WSMan?PSVersion=5.1", "Content-Type: multipart/encrypted;protocol=\"x\"" CRLF, APP_WINRM},
	    {"POST /wsman", "Content-Type: text/html" CRLF, APP_HTTP},
	    {"GET /wsman", "Content-Type: application/soap+xml" CRLF, APP_HTTP},
	    {"POST /wsmanager", "Content-Type: application/soap+xml" CRLF, APP_HTTP},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct drive *d = exchange(cases[i].line, cases[i].headers, 200, "");
		assert_int_equal(d->flow.app, cases[i].app);
		assert_int_equal(d->t[0].app, cases[i].app);
		drive_free(d);
	}
}

static void a_tunnel_through_a_proxy_goes_on_as_what_is_inside(void **state)
{
	(void)state;
	size_t n;
	uint8_t *hello = vector_bytes(tls12_client, &n);
	for (int early = 0; early < 2; early++) {
		struct drive *d = http_flow();
		drive_send_str(d, FLOW_FORWARD,
		    "CONNECT inner.example:443 HTTP/1.1" CRLF "Host: inner.example:443" CRLF CRLF);
		/* a capture may have the hello before the answer */
		if (early)
			drive_send(d, FLOW_FORWARD, hello, n);
		drive_send_str(d, FLOW_REVERSE, "HTTP/1.1 200 Connection established" CRLF CRLF);
		if (!early)
			drive_send(d, FLOW_FORWARD, hello, n);
		assert_int_equal(d->flow.app, APP_TLS);
		drive_end(d);
		assert_int_equal(d->n, 2);
		drive_expect(d, 0, FIELD_HTTP_METHOD, "CONNECT");
		drive_expect(d, 0, FIELD_HTTP_STATUS, "200");
		drive_expect(d, 1, FIELD_TLS_SNI, "probe.example");
		drive_free(d);
	}
	free(hello);
}

static void a_refused_tunnel_stays_http(void **state)
{
	(void)state;
	struct drive *d = http_flow();
	drive_send_str(d, FLOW_FORWARD, "CONNECT inner.example:443 HTTP/1.1" CRLF CRLF);
	drive_send_str(d, FLOW_REVERSE, "HTTP/1.1 407 No" CRLF "Content-Length: 0" CRLF CRLF);
	drive_send_str(d, FLOW_FORWARD, "GET /again HTTP/1.1" CRLF CRLF);
	drive_send_str(d, FLOW_REVERSE, "HTTP/1.1 200 OK" CRLF "Content-Length: 0" CRLF CRLF);
	assert_int_equal(d->flow.app, APP_HTTP);
	assert_int_equal(d->n, 2);
	drive_expect(d, 1, FIELD_HTTP_URI, "/again");
	drive_free(d);
}

static void bytes_missing_from_a_body_are_counted_and_passed_over(void **state)
{
	(void)state;
	struct drive *d = http_flow();
	drive_send_str(d, FLOW_FORWARD, "GET /1 HTTP/1.1" CRLF CRLF);
	drive_send_str(d, FLOW_REVERSE, "HTTP/1.1 200 OK" CRLF "Content-Length: 1000" CRLF CRLF "abcd");
	assert_true(drive_send_after(d, FLOW_REVERSE, 990, "012345", 6));
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_HTTP_RESPONSE_BYTES, "1000");
	drive_send_str(d, FLOW_FORWARD, "GET /2 HTTP/1.1" CRLF CRLF);
	drive_send_str(d, FLOW_REVERSE, "HTTP/1.1 204 OK" CRLF CRLF);
	assert_int_equal(d->n, 2);
	drive_free(d);
}

static void after_missing_headers_it_goes_on_with_the_next_request(void **state)
{
	(void)state;
	struct drive *d = http_flow();
	drive_send_str(d, FLOW_FORWARD, "GET /1 HTTP/1.1" CRLF CRLF);
	drive_send_str(d, FLOW_REVERSE, "HTTP/1.1 200 OK" CRLF "Content-Length: 10" CRLF CRLF "abcd");
	/* the body's end and the next response's head */
	assert_true(drive_send_after(d, FLOW_REVERSE, 100, "html>", 5));
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_HTTP_STATUS, "200");
	drive_send_str(d, FLOW_FORWARD, "GET /3 HTTP/1.1" CRLF CRLF);
	drive_send_str(d, FLOW_REVERSE, "HTTP/1.1 304 OK" CRLF CRLF);
	assert_int_equal(d->n, 2);
	drive_expect(d, 1, FIELD_HTTP_URI, "/3");
	drive_expect(d, 1, FIELD_HTTP_STATUS, "304");
	assert_int_equal(proto_stats(d->proto)->broken, 0);
	drive_free(d);
}

static void what_is_incomplete_comes_out_at_the_end(void **state)
{
	(void)state;
	struct drive *d = http_flow();
	drive_send_str(d, FLOW_FORWARD, "GET /big HTTP/1.1" CRLF CRLF);
	drive_send_str(d, FLOW_REVERSE, "HTTP/1.1 200 OK" CRLF "Content-Length: 1000" CRLF CRLF "abcd");
	drive_end(d);
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_HTTP_URI, "/big");
	drive_expect(d, 0, FIELD_HTTP_RESPONSE_BYTES, "4");
	drive_free(d);

	/* a body without a length ends with the stream */
	d = http_flow();
	drive_send_str(d, FLOW_FORWARD, "GET /x.iso HTTP/1.0" CRLF CRLF);
	drive_send_str(d, FLOW_REVERSE, "HTTP/1.0 200 OK" CRLF CRLF "abcdefgh");
	drive_end(d);
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_HTTP_RESPONSE_BYTES, "8");
	drive_expect(d, 0, FIELD_FILE_NAME, "x.iso");
	drive_free(d);

	/* a request that nobody answered, and one that breaks off */
	d = http_flow();
	drive_send_str(d, FLOW_FORWARD, "GET /1 HTTP/1.1" CRLF CRLF "GET /2 HT");
	drive_end(d);
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_HTTP_URI, "/1");
	drive_expect(d, 0, FIELD_HTTP_STATUS, NULL);
	drive_free(d);
}

static void a_response_that_is_captured_before_its_request_waits(void **state)
{
	(void)state;
	struct drive *d = http_flow();
	drive_send_str(d, FLOW_REVERSE, "HTTP/1.1 200 OK" CRLF "Content-Length: 0" CRLF CRLF);
	assert_int_equal(d->n, 0);
	drive_send_str(d, FLOW_FORWARD, "GET /late HTTP/1.1" CRLF CRLF);
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_HTTP_URI, "/late");
	drive_expect(d, 0, FIELD_HTTP_STATUS, "200");
	drive_free(d);
}

static void a_guessed_initiator_is_set_right_by_content(void **state)
{
	(void)state;
	struct drive *d = http_flow();
	d->flow.flags |= FLOW_MIDSTREAM | FLOW_GUESSED_INITIATOR;
	drive_send_str(d, FLOW_REVERSE, "GET /r HTTP/1.1" CRLF CRLF);
	drive_send_str(d, FLOW_FORWARD, "HTTP/1.1 200 OK" CRLF "Content-Length: 0" CRLF CRLF);
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_HTTP_URI, "/r");
	drive_expect(d, 0, FIELD_HTTP_STATUS, "200");
	drive_free(d);
}

static void open_requests_are_bounded(void **state)
{
	(void)state;
	for (int n = 127; n <= 129; n++) {
		struct drive *d = http_flow();
		bool wanted = true;
		for (int i = 0; i < n; i++)
			wanted = drive_send_str(d, FLOW_FORWARD, "GET / HTTP/1.1" CRLF CRLF);
		assert_int_equal(wanted, n <= 128);
		drive_free(d);
	}
}

static void headers_without_end_are_given_up(void **state)
{
	(void)state;
	struct drive *d = http_flow();
	char text[2048];
	bool wanted = drive_send_str(d, FLOW_FORWARD, "GET / HTTP/1.1" CRLF);
	size_t peak = 0;
	int sent = 0;
	memset(text, 'a', sizeof(text));
	memcpy(text + sizeof(text) - 2, CRLF, 2);
	for (; wanted && sent < 10000; sent++) {
		snprintf(text, 16, "x-%d:", sent);
		text[strlen(text)] = ' ';
		wanted = drive_send(d, FLOW_FORWARD, text, sizeof(text));
		peak = proto_stats(d->proto)->memory > peak ? proto_stats(d->proto)->memory : peak;
	}
	assert_false(wanted);
	assert_true(peak < (1 << 20));
	drive_free(d);
}

static void the_host_is_told_though_the_headers_break_off(void **state)
{
	(void)state;
	static const struct {
		const char *request, *host;
	} cases[] = {
	    {"GET / HTTP/1.1" CRLF "Host: C2.example" CRLF "X: ", "c2.example"},
	    {"GET / HTTP/1.1" CRLF "Host: c2.example:8080" CRLF "X: ", "c2.example"},
	    {"GET / HTTP/1.1" CRLF "Host: c2.example:" CRLF "X: ", "c2.example"},
	    {"GET / HTTP/1.1" CRLF "Host: 8080" CRLF "X: ", "8080"},
	    {"GET / HTTP/1.1" CRLF "X: ", NULL},
	};
	char filler[1024];
	memset(filler, 'x', sizeof(filler));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* cut off by the capture's end; by a header line longer than is read */
		for (int lines = 1; lines <= 20; lines += 19) {
			struct drive *d = http_flow();
			drive_send_str(d, FLOW_FORWARD, cases[i].request);
			for (int sent = 0; sent < lines; sent++)
				drive_send(d, FLOW_FORWARD, filler, sizeof(filler));
			drive_end(d);
			assert_int_equal(d->n, 1);
			drive_expect(d, 0, FIELD_HTTP_HOST, cases[i].host);
			drive_free(d);
		}
	}
}

static void a_path_is_no_host(void **state)
{
	(void)state;
	struct drive *d = http_flow();
	drive_send_str(d, FLOW_FORWARD, "CONNECT / HTTP/1.1" CRLF "X: y" CRLF CRLF);
	drive_send_str(d, FLOW_REVERSE, "HTTP/1.1 400 No" CRLF "Content-Length: 0" CRLF CRLF);
	drive_end(d);
	assert_int_equal(d->n, 1);
	drive_expect(d, 0, FIELD_HTTP_METHOD, "CONNECT");
	drive_expect(d, 0, FIELD_HTTP_HOST, NULL);
	drive_free(d);
}

static void a_method_may_be_any_word(void **state)
{
	(void)state;
	static const char *const methods[] = {
	    "UNSUBSCRIBE", "GETX", "X", "BITS_POST", "M-POST", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF"};
	char line[128];
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		for (size_t cut = 1; cut < 64; cut += 62) {
			struct drive *d = http_flow();
			int n = snprintf(
			    line, sizeof(line), "%s /a HTTP/1.1" CRLF "Host: h" CRLF CRLF, methods[i]);
			drive_send_cut(d, FLOW_FORWARD, line, (size_t)n, cut);
			drive_end(d);
			assert_int_equal(d->flow.app, APP_HTTP);
			drive_expect(d, 0, FIELD_HTTP_METHOD, methods[i]);
			drive_expect(d, 0, FIELD_HTTP_HOST, "h");
			drive_free(d);
		}
	}
	/* a letter longer */
	struct drive *d = http_flow();
	drive_send_str(d, FLOW_FORWARD, "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG /a HTTP/1.1" CRLF CRLF);
	assert_int_not_equal(d->flow.app, APP_HTTP);
	drive_free(d);
}

static void what_only_looks_like_http_is_not_taken(void **state)
{
	(void)state;
	static const char *const cases[] = {
	    "OPTIONS sip:a@b SIP/2.0" CRLF,
	    "OPTIONS rtsp://a/ RTSP/1.0" CRLF,
	    "get / HTTP/1.1" CRLF,
	    " / HTTP/1.1" CRLF,
	    "FETCH / GOPHER/1.1" CRLF,
	    "FETCH:/ HTTP/1.1" CRLF,
	    "PRI * HTTP/2.0" CRLF,
	    "POST this in the office" CRLF,
	    "GET \x01 HTTP/1.1" CRLF,
	    "NOTIFY * SSDP" CRLF,
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct drive *d = http_flow();
		drive_send_str(d, FLOW_FORWARD, cases[i]);
		if (d->flow.app == APP_HTTP)
			fail_msg("%s", cases[i]);
		drive_free(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_request_and_its_response_are_one_transaction),
	    cmocka_unit_test(pipelined_requests_get_their_own_responses),
	    cmocka_unit_test(credentials_are_told_with_their_success),
	    cmocka_unit_test(downloads_are_told_as_files),
	    cmocka_unit_test(winrm_is_found_by_path_and_content_at_any_port),
	    cmocka_unit_test(a_tunnel_through_a_proxy_goes_on_as_what_is_inside),
	    cmocka_unit_test(a_refused_tunnel_stays_http),
	    cmocka_unit_test(bytes_missing_from_a_body_are_counted_and_passed_over),
	    cmocka_unit_test(after_missing_headers_it_goes_on_with_the_next_request),
	    cmocka_unit_test(what_is_incomplete_comes_out_at_the_end),
	    cmocka_unit_test(a_response_that_is_captured_before_its_request_waits),
	    cmocka_unit_test(a_guessed_initiator_is_set_right_by_content),
	    cmocka_unit_test(open_requests_are_bounded),
	    cmocka_unit_test(headers_without_end_are_given_up),
	    cmocka_unit_test(the_host_is_told_though_the_headers_break_off),
	    cmocka_unit_test(a_path_is_no_host),
	    cmocka_unit_test(a_method_may_be_any_word),
	    cmocka_unit_test(what_only_looks_like_http_is_not_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
