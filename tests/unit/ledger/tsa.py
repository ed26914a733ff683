#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A local time-stamping authority for the tests, made of the openssl command.

    tsa.py make DIR     a CA (ca.pem), others (other.pem, tls-ca.pem), the keys and certificates of an authority and of
                        an https server
    tsa.py reply DIR    answers the request on standard input on standard output
    tsa.py serve DIR    prints a port of 127.0.0.1 and answers POSTs there until its standard input ends; with
                        --tls by https, by a certificate that leads to tls-ca.pem:
                        /stamp, /refuse (status 500), /long (too long an answer), /redirect (to a file)
"""

import http.server
import pathlib
import ssl
import subprocess
import sys
import threading

CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = {name}
[ca]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
[stamper]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[server]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1
[tsa]
default_tsa = authority
[authority]
serial = {dir}/serial
signer_cert = {dir}/tsa.pem
signer_key = {dir}/tsa.key
certs = {dir}/ca.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
clock_precision_digits = 3
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


def openssl(*args, **kwargs):
    return subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, **kwargs)


def config(folder, name):
    path = folder / f"{name}.cnf"
    path.write_text(CONFIG.format(name=name, dir=folder))
    return path


def certify(folder, name, ca, extensions):
    conf = config(folder, name)
    openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / f"{name}.key", "-out",
            folder / f"{name}.csr", "-config", conf)
    openssl("x509", "-req", "-in", folder / f"{name}.csr", "-CA", folder / f"{ca}.pem", "-CAkey", folder / f"{ca}.key",
            "-CAcreateserial", "-days", "3650", "-out", folder / f"{name}.pem", "-extfile", conf, "-extensions",
            extensions)


def make(folder):
    (folder / "serial").write_text("01\n")
    for ca in ("ca", "other", "tls-ca"):
        openssl("req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", folder / f"{ca}.key", "-out",
                folder / f"{ca}.pem", "-days", "3650", "-config", config(folder, ca), "-extensions", "ca")
    certify(folder, "tsa", "ca", "stamper")
    certify(folder, "tls", "tls-ca", "server")


def reply(folder, request):
    query = folder / "query.tsq"
    query.write_bytes(request)
    answer = folder / "answer.tsr"
    openssl("ts", "-reply", "-config", folder / "tsa.cnf", "-section", "authority", "-queryfile", query, "-out", answer)
    return answer.read_bytes()


class Handler(http.server.BaseHTTPRequestHandler):
    folder = None

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, answer = 200, b""
        if self.path == "/stamp" and self.headers["Content-Type"] == "application/timestamp-query":
            answer = reply(self.folder, body)
        elif self.path == "/long":
            answer = b"x" * (1 << 20)
        elif self.path == "/redirect":
            status = 302
        else:
            status, answer = 500, b"no"
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "file:///etc/passwd")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):
        pass


def serve(folder, tls):
    Handler.folder = folder
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "tls.pem", folder / "tls.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *args: None  # who hangs up on the certificate
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


def main():
    verb, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    if verb == "make":
        make(folder)
    elif verb == "reply":
        sys.stdout.buffer.write(reply(folder, sys.stdin.buffer.read()))
    else:
        serve(folder, "--tls" in sys.argv[3:])


if __name__ == "__main__":
    main()
