# SPDX-License-Identifier: GPL-2.0-or-later
"""The web application of the range's VPN appliance, vulnerable on purpose.

Its diagnosis page hands an address to a shell unquoted (CWE-78). It listens on the
loopback of its own namespace alone; nginx stands in front with TLS.
"""

import http.server
import subprocess
import urllib.parse

LOGIN = b"<html><title>Remote access</title><form method=post action=/login><input name=user>" \
        b"<input name=password type=password></form></html>\n"


class Portal(http.server.BaseHTTPRequestHandler):
    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path != "/cgi/diag":
            return self.answer(200, LOGIN)
        host = urllib.parse.parse_qs(url.query).get("host", ["127.0.0.1"])[0]
        try:
            done = subprocess.run("ping -c 1 -W 1 " + host, shell=True, capture_output=True, timeout=5)
            self.answer(200, b"<pre>" + done.stdout + b"</pre>\n")
        except subprocess.TimeoutExpired:
            self.answer(504, b"<pre>no answer</pre>\n")

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(200, b"<html>session opened</html>\n")

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Portal).serve_forever()
