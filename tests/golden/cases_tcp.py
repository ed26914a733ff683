# SPDX-License-Identifier: GPL-2.0-or-later
"""TCP: what Ptacek and Newsham (1998) list, and what has been added since. Expected values follow from the RFCs and from what
the case's own words say; where systems differ, from Novak and Sturges (2007)."""
from cases import case, flow, outcome, side
from talk import ACK, FIN, PSH, RST, SYN, URG, Talk, timestamp

REAL = b"GET /plans HTTP/1.1\r\nHost: real.example\r\n\r\n"
FAKE = b"GET /plans HTTP/1.1\r\nHost: fake.example\r\n\r\n"
N = len(REAL)
HOST = REAL.index(b"real")
DIFFERS = "stream.reassembly_overlap_different_data"


def versions(kept, other, late=False, policy="linux", doubt="", at=HOST):
    """What the record of a conflict says: from the first byte that differs on."""
    kept, other = kept[at:], other[at:]
    same = next(i for i in range(len(kept)) if kept[i] != other[i])
    return (DIFFERS + (".late" if late else ""), policy, doubt, kept[same:same + 64], other[same:same + 64])


def request(*stream, **more):
    return side(*(stream or [REAL]), **more)


@case
def one_byte_segments(c):
    t = Talk(c).open()
    for i in range(N):
        t.send(0, i, REAL[i:i + 1])
    t.ack(1, N)
    return outcome(flow(request(packets=N + 2), side(packets=2)), http=["real.example"])


@case
def one_byte_segments_backwards(c):
    t = Talk(c).open()
    for i in reversed(range(N)):
        t.send(0, i, REAL[i:i + 1])
    t.ack(1, N)
    return outcome(flow(request(), side()), http=["real.example"])


@case
def every_segment_three_times(c):
    t = Talk(c).open()
    for i in range(0, N, 8):
        for _ in range(3):
            t.send(0, i, REAL[i:i + 8])
    t.ack(1, N)
    return outcome(flow(request(retransmitted=2 * N), side()), http=["real.example"])


@case
def sent_again_with_other_bytes(c):
    """The receiver has the first version already, whatever it is."""
    t = Talk(c).open()
    t.send(0, 0, REAL)
    t.send(0, 0, FAKE)
    t.ack(1, N)
    return outcome(flow(request(retransmitted=N), side(), flags=["overlap_conflict"]), http=["real.example"],
                   anomalies=[versions(REAL, FAKE, late=True, policy="first")], counts={"conflicts": 1})


@case
def sent_again_in_part_with_other_bytes(c):
    t = Talk(c).open()
    t.send(0, 0, REAL[:HOST + 4])
    t.send(0, HOST, FAKE[HOST:HOST + 4] + REAL[HOST + 4:])
    t.ack(1, N)
    return outcome(flow(request(retransmitted=4), side(), flags=["overlap_conflict"]), http=["real.example"],
                   anomalies=[(DIFFERS + ".late", "first", "", b"real", b"fake")])


def waiting(name, policy, later_wins, early, late, server_ttl=64, zone=None):
    """Bytes 20 to the end wait behind a hole: first those of `early`, then those of `late` (offsets), which say otherwise."""
    def play(c):
        t = Talk(c, ttls=(64, server_ttl)).open()
        a, b = early, late
        t.send(0, a[0], REAL[a[0]:a[1]])
        t.send(0, b[0], FAKE[b[0]:b[1]])
        start, stop = min(a[0], b[0]), max(a[1], b[1])
        if b[0] > 0:  # else the later one fills the hole itself
            t.send(0, 0, REAL[:start])
        if stop < N:
            t.send(0, stop, REAL[stop:])
        t.ack(1, N)
        stream = bytearray(REAL)
        both = range(max(a[0], b[0]), min(a[1], b[1]))
        for i in range(*b):
            if i not in both or later_wins:
                stream[i] = FAKE[i]
        kept, other = (FAKE, REAL) if later_wins else (REAL, FAKE)
        held = REAL[:both[-1] + 1], FAKE[:both[-1] + 1]
        kept, other = held if not later_wins else held[::-1]
        host = bytes(stream)[HOST:HOST + 12].decode()
        return outcome(flow(request(bytes(stream), retransmitted=len(both)), side(), flags=["overlap_conflict"]), http=[host],
                       anomalies=[versions(kept, other, policy=policy, at=both[0])])
    play.__name__ = name
    case(play, overlap={"198.51.100.0/24": zone} if zone else {})


# what waits (first sent), what comes later, who takes the later one's bytes: Novak and Sturges, "Target-Based TCP Stream
# Reassembly"; linux as tcp_data_queue_ofo does it
SHAPES = [
    # name, early, late, policies by which the later one wins
    ("begins_before", (HOST, HOST + 10), (HOST - 6, HOST + 5), {"last", "bsd", "linux"}),
    ("begins_before_and_ends_after", (HOST, HOST + 4), (HOST - 6, HOST + 8), {"last", "bsd", "linux", "windows"}),
    ("begins_with_it_and_ends_after", (HOST, HOST + 4), (HOST, HOST + 8), {"last", "linux"}),
    ("is_the_same", (HOST, HOST + 8), (HOST, HOST + 8), {"last"}),
    ("lies_within", (HOST - 4, HOST + 10), (HOST - 2, HOST + 6), {"last"}),
    ("begins_after", (HOST - 6, HOST + 4), (HOST - 2, HOST + 8), {"last"}),
    ("fills_the_hole_too", (HOST, HOST + 10), (0, HOST + 5), {"last", "bsd", "linux"}),
]
for _policy in ("first", "last", "bsd", "linux", "windows"):
    for _name, _early, _late, _winners in SHAPES:
        waiting(f"{_policy}_a_later_segment_{_name}", _policy, _policy in _winners, _early, _late, zone=_policy)
# without a word in the site file the receiver's own hop limit tells
waiting("auto_a_receiver_like_linux", "linux", True, (HOST, HOST + 10), (HOST - 6, HOST + 5), server_ttl=61)
waiting("auto_a_receiver_like_windows", "windows", False, (HOST, HOST + 10), (HOST - 6, HOST + 5), server_ttl=125)
waiting("auto_a_receiver_like_nothing", "first", False, (HOST, HOST + 10), (HOST - 6, HOST + 5), server_ttl=250)


def inserted(name, doubt, events=(), **how):
    """FAKE in a segment that the receiver drops, then REAL: only REAL is its stream."""
    def play(c):
        t = Talk(c).open()
        t.send(0, 0, FAKE, **how)
        t.send(0, 0, REAL)
        t.ack(1, N)
        return outcome(flow(request(retransmitted=N), side(), flags=["overlap_conflict", "doubtful"], events=events),
                       http=["real.example"], anomalies=[versions(REAL, FAKE, doubt=doubt)], counts={"doubtful": 1})
    play.__name__ = "inserted_" + name
    case(play)

    def after(c):
        t = Talk(c).open()
        t.send(0, 0, REAL)
        t.send(0, 0, FAKE, **how)
        t.ack(1, N)
        return outcome(flow(request(retransmitted=N), side(), flags=["overlap_conflict"], events=events),
                       http=["real.example"], anomalies=[versions(REAL, FAKE, late=True, policy="first", doubt=doubt)])
    after.__name__ = "inserted_late_" + name
    case(after)

    def alone(c):
        """Nothing else comes in its place, and the receiver never takes it: no request was made."""
        t = Talk(c).open()
        t.send(0, 0, FAKE, **how)
        t.ack(1, 0)
        return outcome(flow(side(payload=N), side(), flags=["doubtful"], events=events), http=[])
    alone.__name__ = "never_taken_" + name
    case(alone)

    def taken(c):
        """The receiver acknowledges it: the doubt was wrong, and nothing is lost."""
        t = Talk(c).open()
        t.send(0, 0, REAL, **how)
        t.ack(1, N)
        return outcome(flow(request(), side(), flags=["doubtful"], events=events), http=["real.example"])
    taken.__name__ = "taken_in_spite_of_" + name
    case(taken)


inserted("by_checksum", "checksum", bad_sum=True)
inserted("by_header_checksum", "checksum", events=["ipv4.bad_checksum"], bad_ip=True)
inserted("by_hop_limit", "ttl", ttl=3)
inserted("without_ack_flag", "no ack", events=["tcp.flags_impossible"], flags=PSH)


@case
def inserted_by_an_old_timestamp(c):
    t = Talk(c).open()
    t.send(0, 0, REAL[:20], options=timestamp(1000))
    t.send(0, 20, FAKE[20:], options=timestamp(500))
    t.send(0, 20, REAL[20:], options=timestamp(1001))
    t.ack(1, N)
    return outcome(flow(request(retransmitted=N - 20), side(), flags=["overlap_conflict", "doubtful"]), http=["real.example"],
                   anomalies=[versions(REAL, FAKE, doubt="timestamp")])


@case
def inserted_beyond_the_window(c):
    """The receiver offers 100 bytes: what lies behind is dropped, and sent again when there is room."""
    t = Talk(c, window=100).open()
    body = b"x" * 60
    first = b"POST /a HTTP/1.1\r\nHost: real.example\r\nContent-Length: 60\r\n\r\n" + body
    n = len(first)
    t.send(0, n, FAKE)
    t.send(0, 0, first)
    t.ack(1, n, at=n)
    t.send(0, n, REAL)
    t.ack(1, n + N, at=n + N)
    return outcome(flow(side(first + REAL, retransmitted=N), side(), flags=["overlap_conflict", "doubtful"]),
                   http=["real.example", "real.example"], anomalies=[versions(REAL, FAKE, doubt="window")])


@case
def data_in_a_syn_that_is_not_taken(c):
    t = Talk(c)
    t.raw(0, 1000, 0, SYN, FAKE)
    t.raw(1, 5000, 1001, SYN | ACK)
    t.send(0, 0, REAL)
    t.ack(1, N)
    return outcome(flow(request(retransmitted=N), side(), flags=["overlap_conflict", "doubtful"]), http=["real.example"],
                   anomalies=[versions(REAL, FAKE, doubt="no ack, syn")])


@case
def data_in_a_syn_that_is_taken(c):
    """TCP Fast Open, RFC 7413."""
    t = Talk(c)
    t.raw(0, 1000, 0, SYN, REAL)
    t.raw(1, 5000, 1001 + N, SYN | ACK)
    t.send(0, N, flags=ACK)
    return outcome(flow(request(), side(), flags=["doubtful"]), http=["real.example"])


@case
def every_checksum_wrong(c):
    """Captured before the card filled them in, or addresses rewritten: they mean nothing, and nothing waits."""
    t = Talk(c)
    t.open(bad_sum=True)
    for i in range(0, N, 8):
        t.send(0, i, REAL[i:i + 8], bad_sum=True)
    t.ack(1, N)
    return outcome(flow(request(), side()), http=["real.example"], counts={"doubtful": 0})


@case
def checksums_that_become_wrong(c):
    """Received offload begins after the handshake: after two acknowledged ones nobody asks for them."""
    t = Talk(c).open()
    for i in range(0, N, 4):
        t.send(0, i, REAL[i:i + 4], bad_sum=True)
        t.ack(1, min(i + 4, N))
    return outcome(flow(request(), side(), flags=["doubtful"]), http=["real.example"], counts={"doubtful": 2})


@case
def a_false_syn_does_not_switch_checksums_off(c):
    t = Talk(c)
    t.raw(0, 77, 0, SYN, bad_sum=True)
    t.open()
    t.send(0, 0, FAKE, bad_sum=True)
    t.send(0, 0, REAL)
    t.ack(1, N)
    return outcome(flow(request(retransmitted=N), side(), flags=["overlap_conflict", "doubtful"]), http=["real.example"],
                   anomalies=[versions(REAL, FAKE, doubt="checksum")])


@case
def a_syn_that_dies_on_the_way_does_not_lower_what_is_usual(c):
    """First a SYN with 3 hops left, then the handshake with 64: what has 3 left stays doubtful."""
    t = Talk(c)
    t.raw(0, 77, 0, SYN, ttl=3)
    t.open()
    t.send(0, 0, FAKE, ttl=3)
    t.send(0, 0, REAL)
    t.ack(1, N)
    return outcome(flow(request(retransmitted=N), side(), flags=["overlap_conflict", "doubtful"]), http=["real.example"],
                   anomalies=[versions(REAL, FAKE, doubt="ttl")])


@case
def another_way_through_the_network(c):
    """After a route changed all segments have fewer hops left: one waits, the others don't."""
    t = Talk(c).open()
    for i in range(0, N, 6):
        t.send(0, i, REAL[i:i + 6], ttl=64 if i < 12 else 61)
        t.ack(1, min(i + 6, N))
    return outcome(flow(request(), side(), flags=["doubtful"]), http=["real.example"], counts={"doubtful": 1})


@case
def a_forged_fin_with_payload_before_anything(c):
    """A SYN-ACK that answers nothing, then a FIN with bytes and a wrong checksum."""
    t = Talk(c)
    t.raw(0, 1000, 0, SYN)
    t.raw(1, 7, 99, SYN | ACK)
    t.raw(1, 8, 1001, FIN | ACK, b"x" * 50, bad_sum=True)
    return outcome(flow(side(), side(payload=0), state="syn_sent", flags=["sequence_anomaly", "doubtful"]))


def ended(name, how, flags, state="established", **more):
    """A segment that ends nothing, in front of the request."""
    def play(c):
        t = Talk(c).open()
        how(t)
        t.send(0, 0, REAL)
        t.ack(1, N)
        return outcome(flow(request(), side(), flags=flags, state=state, **more), http=["real.example"])
    play.__name__ = name
    case(play)


ended("a_rst_with_a_wrong_checksum", lambda t: t.send(0, 0, flags=RST, bad_sum=True), ["doubtful"])
ended("a_fin_with_a_wrong_checksum", lambda t: t.send(0, 0, flags=FIN | ACK, bad_sum=True), ["doubtful"])
ended("a_rst_far_outside_the_window", lambda t: t.send(0, 2**28, flags=RST), ["sequence_anomaly"])
ended("a_second_syn_with_another_number", lambda t: t.raw(0, 900_000_000, 0, SYN), ["sequence_anomaly"])
ended("a_second_syn_ack_with_another_number", lambda t: t.raw(1, 900_000_000, 77, SYN | ACK), ["sequence_anomaly"])
ended("data_far_outside_the_window", lambda t: t.send(0, 2**28, b"zzzz"), ["sequence_anomaly"])
ended("a_keep_alive", lambda t: t.send(0, -1, flags=ACK), [])
ended("data_after_a_rst_of_its_sender", lambda t: t.send(0, 0, flags=RST), ["after_end"], state="reset", end="rst")
ended("data_after_a_fin_of_its_sender", lambda t: t.send(0, 0, flags=FIN | ACK), ["after_end"], state="closing")


@case
def a_syn_with_another_number_before_the_connection(c):
    """Desynchronisation: the true handshake comes second."""
    t = Talk(c)
    t.raw(0, 900_000_000, 0, SYN)
    t.open()
    t.send(0, 0, REAL)
    t.ack(1, N)
    return outcome(flow(request(), side()), http=["real.example"])


@case
def numbers_that_wrap(c):
    t = Talk(c, isn=(2**32 - 10, 2**32 - 3)).open()
    for i in (20, 0, 10, 30, 40):
        t.send(0, i, REAL[i:i + 10] if i < 40 else REAL[40:])
    t.ack(1, N)
    t.close([N, 0])
    return outcome(flow(request(), side(), state="closed", end="fin"), http=["real.example"])


@case
def both_begin_at_once(c):
    """RFC 9293, 3.5, figure 7."""
    t = Talk(c)
    t.raw(0, 1000, 0, SYN)
    t.raw(1, 5000, 0, SYN)
    t.raw(0, 1000, 5001, SYN | ACK)
    t.raw(1, 5000, 1001, SYN | ACK)
    t.send(0, 0, REAL)
    t.ack(1, N)
    return outcome(flow(request(), side()), http=["real.example"])


@case
def urgent_bytes_stay_in_line(c):
    """RFC 6093: the pointer takes nothing out of the stream; tcp_flags say that there was one."""
    t = Talk(c).open()
    t.send(0, 0, REAL[:HOST], urgent=1, flags=PSH | ACK | URG)
    t.send(0, HOST, REAL[HOST:], urgent=5, flags=PSH | ACK | URG)
    t.ack(1, N)
    return outcome(flow(request(), side()), http=["real.example"])


@case
def many_conflicts_are_told_eight_times(c):
    t = Talk(c).open()
    t.send(0, 0, REAL)
    for i in range(12):
        t.send(0, i, b"#")
    t.ack(1, N)
    first = [(DIFFERS + ".late", "first", "", REAL[i:i + 1], b"#") for i in range(8)]
    return outcome(flow(request(retransmitted=12), side(), flags=["overlap_conflict"]), http=["real.example"], anomalies=first,
                   counts={"conflicts": 12})
