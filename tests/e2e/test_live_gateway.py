#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The gateway before clients that mean ill: whatever some of them do, others are answered and the engine works on. And the
metrics, read as strictly as Prometheus reads them."""
import contextlib
import math
import pwd
import re
import socket
import struct
import threading
import time

import lib
import live_incident
from live_incident import APPROVER, STRANGER, VIEWER

ASK, DESIRED_BEGIN, ANSWER, HANDED = 80, 50, 81, 32
STATUS, METRICS, INCIDENTS, ORDERS = 0, 1, 2, 7
UID_MAX, OTHERS_MAX, STRANGERS_MAX = 24, 40, 4


def text(value):
    return struct.pack("<I", len(value)) + value


def message(number, body):
    return struct.pack("<HI", number, len(body)) + body


def ask(what, subject=b"", option=b"", role=2, uid=0, who=b"root", form=0):
    return message(ASK, struct.pack("<QBBI", 1, what, role, uid) + text(who) + text(subject) + text(b"") + text(option) +
                   struct.pack("<Bq", form, 0))


def answer(s):
    """The whole answer: its code and body; None where the connection ends before."""
    body, buffer = b"", b""
    while True:
        while len(buffer) < 6 or len(buffer) < 6 + struct.unpack_from("<HI", buffer)[1]:
            try:
                part = s.recv(65536)
            except ConnectionResetError:
                return None
            if not part:
                return None
            buffer += part
        number, size = struct.unpack_from("<HI", buffer)
        assert number == ANSWER
        _, more, code, length = struct.unpack_from("<QBBI", buffer, 6)
        body += buffer[20:20 + length]
        buffer = buffer[6 + size:]
        if not more:
            return code, body


def uid(name):
    return pwd.getpwnam(name).pw_uid


class Exposition:
    """A strict reader of the text format 0.0.4 and of what Prometheus' conventions ask of names."""

    NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
    SAMPLE = re.compile(rf'^({NAME})(?:\{{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*)\}})? (\S+)$')
    LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')

    def __init__(self, page):
        self.types, self.helps, self.samples = {}, {}, {}
        assert page.endswith("\n"), "the last line ends"
        current = None
        for line in page[:-1].split("\n"):
            if line.startswith("# HELP "):
                _, _, name, text_of_it = line.split(" ", 3)
                assert name not in self.helps, f"{name} is told twice"
                assert name.startswith("bulkhead_") and re.fullmatch(self.NAME, name), name
                assert text_of_it.strip() == text_of_it and text_of_it, line
                self.helps[name] = text_of_it
                current = name
            elif line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                assert name == current and name not in self.types, line
                assert kind in ("counter", "gauge"), line
                assert (kind == "counter") == name.endswith("_total"), f"{name} is a {kind}"
                self.types[name] = kind
            else:
                self.sample(line, current)
        assert set(self.types) == set(self.helps)

    def sample(self, line, current):
        match = self.SAMPLE.match(line)
        assert match, f"no sample: {line!r}"
        name, labels, value = match.groups()
        assert name == current and name in self.types, f"{name} stands apart from its head"
        pairs = self.LABEL.findall(labels or "")
        assert len({k for k, _ in pairs}) == len(pairs), line
        assert all(k not in ("le", "quantile") and not k.startswith("__") for k, _ in pairs), line
        number = float(value)
        assert math.isfinite(number), line
        assert self.types[name] != "counter" or number >= 0, line
        key = (name, tuple(sorted(pairs)))
        assert key not in self.samples, f"{line} is told twice"
        self.samples[key] = number

    def __getitem__(self, key):
        name, labels = key if isinstance(key, tuple) else (key, {})
        return self.samples[("bulkhead_" + name, tuple(sorted(labels.items())))]


class Gateway(live_incident.Test):
    def tearDown(self):
        """Whatever was done: it runs, with the processes that it had, and answers at once."""
        begin = time.monotonic()
        status = self.daemon.status()
        self.assertIsNotNone(status)
        self.assertEqual([p["name"] for p in status["processes"] if p["restarts"] or not p["runs"]], [])
        self.assertLess(time.monotonic() - begin, 20)

    def connect(self, user=None):
        s = self.stage.control_socket(uid(user) if user else 0)
        self.addCleanup(s.close)
        return s

    def closed(self, s, said=None):
        """The other end closed it, and said nothing before."""
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            self.assertEqual(s.recv(100), b"", said)

    def test_it_speaks_as_the_tests_do(self):
        s = self.connect()
        s.sendall(ask(STATUS))
        code, body = answer(s)
        self.assertEqual((code, b'"standing"' in body), (0, True))
        s.sendall(ask(ORDERS))
        self.assertEqual(answer(s)[0], 0, "a second question on one connection")

    def test_who_asks_is_the_kernels_word(self):
        s = self.connect(STRANGER)
        s.sendall(ask(STATUS, role=2, uid=0, who=b"root"))
        self.assertEqual(answer(s)[0], 1)
        s = self.connect(VIEWER)
        s.sendall(ask(12, role=2, uid=0, who=b"root"))  # reload
        code, body = answer(s)
        self.assertEqual((code, b"reload is for approvers, and bin is none" in body), (1, True))

    def test_what_may_not_be_said_ends_the_connection(self):
        for bytes_of_it in (message(DESIRED_BEGIN, struct.pack("<QQ", 0, 7)), message(ANSWER, b""), message(HANDED, b"\0" * 40),
                            message(9999, b"x"), b"\xff" * 64, b"GET / HTTP/1.1\r\n\r\n", struct.pack("<HI", ASK, 0xffffffff),
                            struct.pack("<HI", ASK, (1 << 20) + 1), ask(13), ask(255), ask(STATUS) + ask(STATUS)):
            s = self.connect()
            s.sendall(bytes_of_it)
            if bytes_of_it != ask(STATUS) * 2:
                self.closed(s, bytes_of_it)
            elif (first := answer(s)) is not None:  # two at once: at the most the first is answered
                self.assertEqual(first[0], 0)
            s.close()

    def test_half_messages_hold_up_nobody(self):
        halves = []
        for cut in range(1, 21):
            s = self.connect(VIEWER)
            s.sendall(ask(STATUS)[:cut * 2])
            halves.append(s)
        self.assertIsNotNone(self.daemon.status())
        for byte in ask(STATUS)[40:-1]:
            halves[-1].sendall(bytes([byte]))
        halves[-1].sendall(ask(STATUS)[-1:])
        self.assertEqual(answer(halves[-1])[0], 0, "one that comes byte by byte is taken when it is whole")

    def test_a_subject_of_any_size_and_kind_is_no_order(self):
        for subject in (b"7" * 65536, b"\0" * 100, b"\xff\xfe\x1b[31m", b"'; DROP TABLE orders; --", "\u202eabc".encode(), b"{\"a\":1}\n"):
            s = self.connect()
            s.sendall(ask(ORDERS, subject))
            code, body = answer(s)
            self.assertEqual(code, 1)
            self.assertTrue(all(32 <= b < 127 or b == 10 for b in body), body)
            self.assertLess(len(body), 400)
        s = self.connect()
        s.sendall(ask(ORDERS, b"7" * 65537))
        self.closed(s)
        s = self.connect()
        s.sendall(ask(ORDERS, option=b"-1"))
        self.assertEqual(answer(s)[0], 4)

    def test_one_user_gets_so_many_places_and_no_more(self):
        held = [self.connect() for _ in range(UID_MAX)]
        for s in held:  # n-1 and n: each is answered
            s.sendall(ask(STATUS))
            self.assertEqual(answer(s)[0], 0)
        for _ in range(80):  # n+1 and far beyond
            s = self.connect()
            code, body = answer(s)
            self.assertEqual((code, b"asks too much at once" in body), (4, True))
            s.close()
        said = self.daemon.ask("status")
        self.assertEqual((said.returncode, "this user asks too much at once; ask again when something is answered" in said.stderr), (4, True))
        self.assertEqual(self.daemon.ask("status", user=APPROVER).returncode, 0, "another is answered")
        held.pop().close()
        self.daemon.until(lambda: self.daemon.status(), 40, "there is a place again")
        for s in held:
            s.close()
        self.daemon.until(lambda: self.daemon.status(), 40, "they have gone")

    def test_who_may_not_approve_leaves_room_for_who_may(self):
        held = [self.connect(STRANGER) for _ in range(STRANGERS_MAX)]
        self.assertEqual(answer(self.connect(STRANGER))[0], 4)
        held += [self.connect(VIEWER) for _ in range(UID_MAX)]
        rest = OTHERS_MAX - len(held)
        held += [self.connect("sys") for _ in range(rest)]
        for user in ("sys", "nobody"):
            code, body = answer(self.connect(user))
            self.assertEqual((code, b"too many ask at once" in body), (4, True))
        for user in (None, APPROVER):
            self.assertEqual(self.daemon.ask("status", user=user).returncode, 0)
        for s in held:
            s.close()
        self.daemon.until(lambda: self.daemon.ask("status", user=VIEWER).returncode == 0, 40, "there is room again")

    def test_who_leaves_keeps_his_place_until_his_question_is_answered(self):
        for _ in range(200):
            with self.connect(VIEWER) as s, contextlib.suppress(BrokenPipeError, ConnectionResetError):
                s.sendall(ask(INCIDENTS))
        # the planner has at most as many questions as one user has places
        self.does(1, "incidents", user=APPROVER)
        self.daemon.until(lambda: self.daemon.ask("incidents", user=VIEWER).returncode == 1, 60, "his turn comes again")

    def test_who_asks_too_often_is_slowed_and_others_are_not(self):
        codes = []
        for _ in range(120):
            s = self.connect(VIEWER)
            s.sendall(ask(STATUS))
            got = answer(s)
            codes.append(got[0])
            s.close()
        self.assertIn(4, codes)
        self.assertEqual(codes[0], 0)
        self.assertEqual([self.daemon.ask("status").returncode for _ in range(5)], [0] * 5)
        time.sleep(0.3)
        self.daemon.until(lambda: self.daemon.ask("status", user=VIEWER).returncode == 0, 40, "he may ask again")

    def test_who_never_reads_his_answers_holds_up_nobody(self):
        held = []
        for _ in range(UID_MAX - 2):
            s = self.connect(APPROVER)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            s.sendall(ask(METRICS) if len(held) % 2 else ask(STATUS))
            held.append(s)
        for _ in range(10):
            begin = time.monotonic()
            self.assertIsNotNone(self.daemon.status())
            self.assertLess(time.monotonic() - begin, 20)
        for s in held:
            s.close()


class Metrics(live_incident.Test):
    tearDown = Gateway.tearDown

    def page(self):
        head, _, body = self.stage.scrape().partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 "), head)
        self.assertIn(b"Content-Type: text/plain; version=0.0.4; charset=utf-8", head)
        return Exposition(body.decode())

    def status_line(self, request, seconds=40):
        return self.stage.scrape(request, seconds).partition(b"\r\n")[0]

    def test_it_is_the_text_format_and_follows_the_conventions(self):
        page = self.page()
        self.assertEqual(page["enforcer_up", {"enforcer": "gw"}], 1)
        self.assertEqual(page["sensor_up", {"sensor": "0"}], 1)
        self.assertEqual({dict(k[1])["process"] for k in page.samples if k[0] == "bulkhead_process_up"},
                         {"archivist", "engine", "planner", "gateway", "enforcer", "sensor"})
        self.assertEqual({dict(k[1])["state"] for k in page.samples if k[0] == "bulkhead_orders"}, {"proposed", "approved", "applied", "confirmed"})
        self.assertLess(abs(page["start_time_seconds"] - time.time()), 600)

    def test_the_numbers_are_those_of_the_status(self):
        number = self.in_force()
        self.reaches(number, "verified")
        self.daemon.until(lambda: self.page()["orders_verified"] == 1, 40, "the metrics tell it")
        page, status = self.page(), self.daemon.status()
        self.assertEqual((page["orders", {"state": "applied"}], page["orders_verified"], page["orders_leaking"]), (1, 1, 0))
        self.assertEqual(page["enforcer_cuts", {"enforcer": "gw"}], status["enforcers"][0]["cuts"])
        self.assertEqual(page["generation"], status["generation"])
        self.assertEqual(page["enforcer_generation", {"enforcer": "gw"}], status["generation"])
        self.release(number)
        self.daemon.until(lambda: self.page()["orders", {"state": "applied"}] == 0, 40, "the metrics tell its end")

    def test_counters_never_go_back(self):
        before = self.page()
        self.stage.talk()
        packets = "sensor_packets_total", {"sensor": "0"}
        self.daemon.until(lambda: self.page()[packets] > before[packets], 40, "packets are counted")
        after = self.page()
        for key, value in before.samples.items():
            if before.types[key[0]] == "counter":
                self.assertGreaterEqual(after.samples[key], value, key)

    def test_other_requests_are_refused_in_the_right_words(self):
        head = self.stage.scrape(b"HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 "), head)
        self.assertEqual(head.partition(b"\r\n\r\n")[2], b"")
        for path in (b"/", b"/metricss", b"/metrics/", b"/../metrics", b"/" + b"a" * 4000, b"/%00metrics"):
            self.assertIn(b" 404 ", self.status_line(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), path)
        self.assertIn(b" 200 ", self.status_line(b"GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
        for method in (b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"BREW"):
            whole = self.stage.scrape(method + b" /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc")
            self.assertIn(b" 405 ", whole.partition(b"\r\n")[0], method)
            self.assertIn(b"Allow: GET, HEAD", whole)
        self.assertIn(b" 200 ", self.status_line(b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"))

    def test_garbage_is_no_request(self):
        for bytes_of_it in (b"\0" * 100 + b"\r\n\r\n", b"\xff" * 5000, b"GET\r\n\r\n", b"GET /metrics\r\n\r\n", b"\r\n" * 2000, b"GET /metrics HTTP/9.9\r\n\r\n",
                            b"GET /metrics HTTP/1.1\r\n" + b"A: " + b"b" * 100000 + b"\r\n\r\n",
                            b"GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: x\r\n\r\nzz\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"):
            with contextlib.suppress(OSError), self.stage.metrics_socket(2) as s:
                s.sendall(bytes_of_it)
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
        self.page()

    def test_slow_and_many_connections_end_and_the_page_is_there_again(self):
        held = []
        for i in range(100):
            with contextlib.suppress(OSError):  # when many wait to be accepted the kernel makes others wait
                s = self.stage.metrics_socket(0.5)
                self.addCleanup(s.close)
                s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-A"[:10 + i % 25])
                held.append(s)
        self.assertGreater(len(held), 32)
        for _ in range(5):
            begin = time.monotonic()
            self.assertIsNotNone(self.daemon.status(), "the control socket is another matter")
            self.assertLess(time.monotonic() - begin, 20)

        def there():
            with contextlib.suppress(OSError, AssertionError):
                return self.page()
            return None

        self.assertTrue(self.daemon.until(there, 40, "slow ones are closed"))
        for s in held:
            s.close()

    def test_many_scrapes_at_once_are_all_answered(self):
        pages, failures = [], []

        def more(s):
            part = s.recv(65536)
            if not part:
                raise OSError("closed")
            return part

        def scrape(s):
            try:
                with s:
                    for _ in range(20):
                        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                        got = b""
                        while b"\r\n\r\n" not in got:
                            got += more(s)
                        head, _, body = got.partition(b"\r\n\r\n")
                        size = int(re.search(rb"Content-Length: (\d+)", head)[1])
                        while len(body) < size:
                            body += more(s)
                        pages.append(head.startswith(b"HTTP/1.1 200 "))
            except OSError as e:
                failures.append(repr(e))

        # made here: a thread is in a namespace of its own choosing
        threads = [threading.Thread(target=scrape, args=(self.stage.metrics_socket(), )) for _ in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(120)
        self.assertEqual((failures, len(pages), all(pages)), ([], 400, True))


if __name__ == "__main__":
    lib.main()
