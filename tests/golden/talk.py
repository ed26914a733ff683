# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets that no system would send: what the golden cases are made of. The ordinary ones are tests/captures/make.py's."""
import importlib.util
import ipaddress
import pathlib
import struct
import sys

sys.dont_write_bytecode = True
_spec = importlib.util.spec_from_file_location("make", pathlib.Path(__file__).resolve().parent.parent / "captures" / "make.py")
make = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(make)
SYN, FIN, RST, PSH, ACK, URG = make.SYN, make.FIN, make.RST, make.PSH, make.ACK, 32
CLIENT, SERVER = "10.0.0.11", "198.51.100.80"
STEP = 0.001


def ipv4(src, dst, protocol, payload, ttl=64, ident=0, offset=0, more=False, bad_sum=False, options=b"", total=None):
    """offset in bytes."""
    s, d = ipaddress.ip_address(src).packed, ipaddress.ip_address(dst).packed
    n = 20 + len(options)
    head = struct.pack(">BBHHHBBH", 0x40 | n // 4, 0, total or n + len(payload), ident, (0x2000 if more else 0) | offset // 8,
                       ttl, protocol, 0) + s + d + options
    total = make.checksum(head) ^ (0x1234 if bad_sum else 0)
    return head[:10] + struct.pack(">H", total) + head[12:] + payload


def ipv6_fragment(src, dst, protocol, payload, ident, offset, more):
    extension = struct.pack(">BBHI", protocol, 0, offset | (1 if more else 0), ident)
    return make.ip_packet(src, dst, 44, extension + payload)


def timestamp(value, echo=0):
    return struct.pack(">BBBBII", 1, 1, 8, 10, value, echo)


class Case(make.Capture):
    """Packets a millisecond apart; each is one frame."""

    def __init__(self):
        super().__init__()
        self.now = 0
        self.snaplen = None

    def tick(self):
        self.now += STEP
        return self.now

    def packet(self, src, dst, ip):
        version = ip[0] >> 4
        self.ethernet(self.tick(), make.mac(src), make.mac(dst), make.ETHERTYPE[version], ip)

    def fragments(self, src, dst, protocol, datagram, pieces, ident=7):
        """pieces: (from, to) or (from, to, bytes that stand there instead); the last byte's piece ends the datagram."""
        for piece in pieces:
            start, stop = piece[:2]
            body = piece[2] if len(piece) > 2 else datagram[start:stop]
            self.packet(src, dst, ipv4(src, dst, protocol, body, ident=ident, offset=start, more=stop < len(datagram)))

    def bytes(self):
        out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, self.snaplen or 65535, 1)]
        for at, frame in sorted(self.frames, key=lambda f: f[0]):
            seconds, us = divmod(at, 1_000_000)
            kept = frame[:self.snaplen] if self.snaplen else frame
            out.append(struct.pack("<IIII", make.EPOCH + seconds, us, len(kept), len(frame)) + kept)
        return b"".join(out)


class Talk:
    """One TCP connection, byte by byte where one wants. Side 0 is the client. Offsets count from the first byte of a side's stream."""

    def __init__(self, case, sport=40000, dport=80, isn=(1000, 5000), client=CLIENT, server=SERVER, window=65535, ttls=(64, 64)):
        self.case, self.isn, self.window, self.ttls = case, isn, window, ttls
        self.ends = ((client, sport, server, dport), (server, dport, client, sport))
        self.got = [0, 0]  # what each side acknowledges of the other's stream

    def raw(self, side, seq, ack, flags, payload=b"", ttl=None, bad_sum=False, options=b"", urgent=0, window=None,
            bad_ip=False):
        src, sport, dst, dport = self.ends[side]
        head = struct.pack(">HHIIBBHHH", sport, dport, seq % 2**32, ack % 2**32, (5 + len(options) // 4) << 4, flags,
                           self.window if window is None else window, 0, urgent) + options
        total = make.transport_checksum(src, dst, 6, head + payload) ^ (0x5555 if bad_sum else 0)
        segment = head[:16] + struct.pack(">H", total) + head[18:] + payload
        self.case.packet(src, dst, ipv4(src, dst, 6, segment, ttl=ttl or self.ttls[side], bad_sum=bad_ip))

    def send(self, side, offset, payload=b"", flags=PSH | ACK, **more):
        ack = self.isn[1 - side] + 1 + self.got[side] if flags & ACK else 0
        self.raw(side, self.isn[side] + 1 + offset, ack, flags, payload, **more)

    def open(self, **more):
        self.raw(0, self.isn[0], 0, SYN, **more)
        self.raw(1, self.isn[1], self.isn[0] + 1, SYN | ACK, **more)
        self.raw(0, self.isn[0] + 1, self.isn[1] + 1, ACK, **more)
        return self

    def ack(self, side, upto, at=0):
        """`side` has the other's stream up to there; its own stands at `at`."""
        self.got[side] = upto
        self.send(side, at, flags=ACK)

    def close(self, lengths):
        """Both sides have everything."""
        self.got = [lengths[1], lengths[0]]
        self.send(0, lengths[0], flags=FIN | ACK)
        self.got[1] += 1
        self.send(1, lengths[1], flags=FIN | ACK)
        self.got[0] += 1
        self.send(0, lengths[0] + 1, flags=ACK)
