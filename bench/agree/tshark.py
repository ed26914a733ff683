# SPDX-License-Identifier: GPL-2.0-or-later
"""What tshark says of a capture: one run, one line a frame, read back as objects.

tshark is told to put segments in order and streams together, as Bulkhead does; checksums are checked by neither. Its columns are lists of
values without their layers; the order of the layers is in frame.protocols, so that each IP header, each transport header takes the next value of
its own column.
"""
import hashlib
import os
import pathlib
import subprocess

SEPARATOR, AGGREGATOR = "\x1e", "\x1f"
OPTIONS = ["tcp.desegment_tcp_streams:TRUE", "tcp.reassemble_out_of_order:TRUE", "tcp.check_checksum:FALSE", "udp.check_checksum:FALSE",
           "ip.check_checksum:FALSE", "ip.defragment:TRUE", "ipv6.defragment:TRUE", "ip.use_geoip:FALSE", "ipv6.use_geoip:FALSE",
           "tls.desegment_ssl_records:TRUE", "tls.desegment_ssl_application_data:TRUE", "http.desegment_headers:TRUE",
           "http.desegment_body:TRUE", "dns.desegment_dns_messages:TRUE", "nbss.desegment_nbss_commands:TRUE"]
FIELDS = """frame.number frame.time_epoch frame.interface_id frame.protocols frame.len frame.cap_len
ip.version ip.src ip.dst ip.proto ip.len ip.hdr_len ip.flags.mf ip.frag_offset ip.reassembled.length ip.bogus_ip_length
ipv6.src ipv6.dst ipv6.nxt ipv6.plen ipv6.fraghdr.offset ipv6.fraghdr.more ipv6.reassembled.length
ipv6.hopopts.nxt ipv6.dstopts.nxt ipv6.routing.nxt ipv6.fraghdr.nxt ah.next_header
tcp.srcport tcp.dstport tcp.stream tcp.len tcp.seq_raw tcp.ack_raw tcp.flags tcp.window_size_value tcp.hdr_len tcp.options.wscale.shift
udp.srcport udp.dstport udp.stream udp.length sctp.srcport sctp.dstport icmp.type icmp.code icmpv6.type icmpv6.code
tcp.analysis.retransmission tcp.analysis.out_of_order tcp.analysis.lost_segment tcp.analysis.ack_lost_segment tcp.analysis.spurious_retransmission
_ws.malformed _ws.short _ws.unreassembled
gquic.tag.sni dns.resp.name dns.count.answers _ws.expert.message
dns.id dns.flags.response dns.flags.opcode dns.count.queries dns.qry.name dns.qry.type dns.qry.class
tls.handshake.type tls.handshake.extensions_server_name tls.handshake.ja3 dtls.handshake.extensions_server_name dtls.handshake.ja3
http.request.method http.host http.request.uri http2.headers.authority quic.version
smb.cmd smb.flags.response smb.file smb.path smb2.cmd smb2.flags.response smb2.filename""".split()
TIMEOUT_S = 120


class Failed(Exception):
    """tshark can't or won't read the file; the reason in one line."""


def version(tshark="tshark"):
    return subprocess.run([tshark, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0].rstrip(".")


def _command(tshark, capture):
    options = [word for option in OPTIONS for word in ("-o", option)]
    columns = [word for field in FIELDS for word in ("-e", field)]
    return [tshark, "-n", "-r", str(capture), *options, "-T", "fields", "-E", f"separator={SEPARATOR}", "-E", "occurrence=a", "-E",
            f"aggregator={AGGREGATOR}", *columns]


def _run(tshark, capture):
    try:
        done = subprocess.run(_command(tshark, capture), capture_output=True, check=False, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise Failed(f"tshark: no end within {TIMEOUT_S} s") from None
    told = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if not line.startswith("Running as user")]
    if done.returncode < 0:
        raise Failed(f"tshark: killed by signal {-done.returncode}")
    return done.stdout, " ".join(told)[:300] if done.returncode else ""


def _cached(tshark, capture, cache):
    """The answer and what was wrong with the file; kept in `cache` by what was asked and what the file holds."""
    if cache is None:
        return _run(tshark, capture)
    asked = hashlib.sha256(repr(_command(tshark, "")).encode() + pathlib.Path(capture).read_bytes()).hexdigest()[:32]
    kept, wrong = cache / f"{asked}.fields", cache / f"{asked}.wrong"
    if not kept.exists():
        out, told = _run(tshark, capture)
        wrong.write_text(told, encoding="utf-8")
        part = kept.with_suffix(f".{os.getpid()}")
        part.write_bytes(out)
        part.rename(kept)
    return kept.read_bytes(), wrong.read_text(encoding="utf-8")


class Frame(dict):
    """A frame's columns by name, each a list of values, empty where tshark has none."""

    def first(self, name, otherwise=""):
        values = self[name]
        return values[0] if values else otherwise


def frames(capture, tshark="tshark", cache=None):
    """All frames of the capture, and what tshark had to say against the file ("" is nothing)."""
    out, wrong = _cached(tshark, capture, cache)
    found = []
    for line in out.decode("utf-8", "replace").split("\n"):
        cells = line.split(SEPARATOR)
        if len(cells) == len(FIELDS):
            found.append(Frame((name, cell.split(AGGREGATOR) if cell else []) for name, cell in zip(FIELDS, cells)))
        elif line:
            raise Failed(f"tshark: a line of {len(cells)} columns")
    return found, wrong
