# SPDX-License-Identifier: GPL-2.0-or-later
"""A time server on UDP port 123: answers RFC 4330 requests with this machine's clock.

Small and our own, because Debian's NTP packages replace one another's daemon: installing
one would take the time service from the machine that records.
"""

import socket
import struct
import time

ERA = 2208988800    # seconds from 1900 to 1970


def stamp():
    now = time.time() + ERA
    return struct.pack("!II", int(now), int(now % 1 * 2**32))


def answer(request):
    version = request[0] & 0x38
    received = stamp()
    head = struct.pack("!BBbbII4s", version | 4, 3, request[2] if request[2] < 128 else 6, -20, 0, 0x400, b"\x0a\x32\x00\x17")
    return head + received + request[40:48] + received + stamp()


def serve():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("0.0.0.0", 123))
    while True:
        request, peer = server.recvfrom(512)
        if len(request) >= 48:
            server.sendto(answer(request), peer)
