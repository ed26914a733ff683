#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes visit.pcap, a small and always equal capture, and gives the tests of tests/e2e the means to write others.

make.py FILE writes it. The story, all in two minutes: ws1 (10.0.0.11) asks names1 (10.0.2.53) for www.example.org, reads a page
there, opens an SSH session to files1 (10.0.1.20), and talks to 203.0.113.66 every ten seconds. ws2 (10.0.0.12) reads the same
page and asks over IPv6. Addresses are of RFC 1918, RFC 5737 and RFC 3849.
"""
import ipaddress
import struct
import sys

EPOCH = 1_700_000_000  # 2023-11-14T22:13:20Z
SYN, FIN, RST, PSH, ACK = 2, 1, 4, 8, 16
ETHERTYPE = {4: 0x0800, 6: 0x86DD}


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def mac(address):
    """A locally administered MAC that follows from the address."""
    return b"\x02\x00" + ipaddress.ip_address(address).packed[-4:]


def ip_packet(src, dst, protocol, payload):
    s, d = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    if s.version == 6:
        return struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64) + s.packed + d.packed + payload
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol, 0) + s.packed + d.packed
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def transport_checksum(src, dst, protocol, segment):
    s, d = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    return checksum(s.packed + d.packed + struct.pack(">IHBB", len(segment), 0, 0, protocol) + segment)


class Capture:
    """Frames by time, written as a classic little-endian pcap with microseconds, Ethernet."""

    def __init__(self):
        self.frames = []
        self.port = 40000

    def ethernet(self, at, src, dst, ethertype, payload):
        """at: seconds after EPOCH."""
        self.frames.append((round(at * 1_000_000), dst + src + struct.pack(">H", ethertype) + payload))

    def ip(self, at, src, dst, protocol, payload):
        version = ipaddress.ip_address(src).version
        self.ethernet(at, mac(src), mac(dst), ETHERTYPE[version], ip_packet(src, dst, protocol, payload))

    def udp(self, at, src, sport, dst, dport, payload):
        head = struct.pack(">HHHH", sport, dport, 8 + len(payload), 0)
        total = transport_checksum(src, dst, 17, head + payload) or 0xFFFF
        self.ip(at, src, dst, 17, head[:6] + struct.pack(">H", total) + payload)

    def segment(self, at, src, sport, dst, dport, seq, ack, flags, payload=b""):
        head = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, 65535, 0, 0)
        total = transport_checksum(src, dst, 6, head + payload)
        self.ip(at, src, dst, 6, head[:16] + struct.pack(">H", total) + head[18:] + payload)

    def new_port(self):
        self.port += 1
        return self.port

    def tcp(self, at, client, server, port, turns, step=0.01, sport=None):
        """A whole connection. turns: bytes, the client's at even places, the server's at odd ones."""
        sport = sport or self.new_port()
        ends = ((client, sport, server, port), (server, port, client, sport))
        seq = [1000, 5000]

        def send(side, flags, payload=b""):
            nonlocal at
            self.segment(at, *ends[side], seq[side], seq[1 - side] if flags & ACK else 0, flags, payload)
            seq[side] += len(payload) + (1 if flags & (SYN | FIN) else 0)
            at += step

        send(0, SYN)
        send(1, SYN | ACK)
        send(0, ACK)
        for i, payload in enumerate(turns):
            for start in range(0, len(payload), 1400):
                send(i % 2, PSH | ACK, payload[start:start + 1400])
            send(1 - i % 2, ACK)
        send(0, FIN | ACK)
        send(1, FIN | ACK)
        send(0, ACK)
        return at

    def arp(self, at, who, asks):
        who_ip, asks_ip = ipaddress.ip_address(who).packed, ipaddress.ip_address(asks).packed
        head = struct.pack(">HHBB", 1, 0x0800, 6, 4)
        self.ethernet(at, mac(who), b"\xff" * 6, 0x0806, head + b"\0\1" + mac(who) + who_ip + b"\0" * 6 + asks_ip)
        self.ethernet(at + 0.001, mac(asks), mac(who), 0x0806, head + b"\0\2" + mac(asks) + asks_ip + mac(who) + who_ip)

    def dns(self, at, client, server, labels, address, number=1):
        """A question and its answer. labels: bytes each, so that any byte can stand in them."""
        name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
        packed = ipaddress.ip_address(address).packed
        kind = 1 if len(packed) == 4 else 28
        question = name + struct.pack(">HH", kind, 1)
        sport = self.new_port()
        self.udp(at, client, sport, server, 53, struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + question)
        answer = b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 300, len(packed)) + packed
        self.udp(at + 0.02, server, 53, client, sport, struct.pack(">6H", number, 0x8180, 1, 1, 0, 0) + question + answer)

    def http(self, at, client, server, host, path, body):
        request = b"GET " + path + b" HTTP/1.1\r\nHost: " + host + b"\r\nUser-Agent: reader/1.0\r\n\r\n"
        answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body
        return self.tcp(at, client, server, 80, [request, answer])

    def ssh(self, at, client, server, turns):
        """Banners, then binary packets whose length says what they are long: SSH in shape, without keys."""
        def binary(n):
            return struct.pack(">IB", n + 1, 4) + bytes((i * 37 + n) % 256 for i in range(n))
        talk = [b"SSH-2.0-OpenSSH_9.2\r\n", b"SSH-2.0-OpenSSH_9.2\r\n"]
        return self.tcp(at, client, server, 22, talk + [binary(n) for n in turns], step=0.05)

    def bytes(self):
        out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
        for at, frame in sorted(self.frames, key=lambda f: f[0]):
            seconds, us = divmod(at, 1_000_000)
            out.append(struct.pack("<IIII", EPOCH + seconds, us, len(frame), len(frame)) + frame)
        return b"".join(out)


def visit():
    c = Capture()
    ws1, ws2, files1, names1 = "10.0.0.11", "10.0.0.12", "10.0.1.20", "10.0.2.53"
    web, beyond = "198.51.100.80", "203.0.113.66"
    page = b"<html><title>Orbits</title>" + b"<p>ephemeris</p>" * 150 + b"</html>"
    c.arp(0, ws1, "10.0.0.1")
    c.arp(0.5, ws2, "10.0.0.1")
    c.dns(1, ws1, names1, [b"www", b"example", b"org"], web)
    c.http(1.1, ws1, web, b"www.example.org", b"/orbits", page)
    c.dns(3, ws2, names1, [b"www", b"example", b"org"], web, 2)
    c.http(3.1, ws2, web, b"www.example.org", b"/orbits", page)
    c.dns(5, "2001:db8:1::12", "2001:db8:2::53", [b"www", b"example", b"net"], "2001:db8:ff::80", 3)
    for i in range(10):
        c.tcp(20 + 10 * i, ws1, beyond, 8443, [b"hello %d" % i, b"nothing to do"])
    c.ssh(60, ws1, files1, [300, 400, 40, 900, 40, 1200, 40, 5000])
    c.tcp(110, ws1, beyond, 8443, [bytes(range(256)) * 80, b"thanks"])
    return c


if __name__ == "__main__":
    with open(sys.argv[1], "wb") as f:
        f.write(visit().bytes())
