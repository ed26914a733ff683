# SPDX-License-Identifier: GPL-2.0-or-later
"""Floods: many of something, against a table that holds few. What is established stays."""
from cases import case, flow, outcome, side
from talk import SYN, Talk

REAL = b"GET /plans HTTP/1.1\r\nHost: real.example\r\n\r\n"


def flood(name, shoot):
    def play(c):
        t = Talk(c).open()
        t.send(0, 0, REAL[:20])
        for i in range(100):
            shoot(c, i)
        t.send(0, 20, REAL[20:])
        t.ack(1, len(REAL))
        return outcome(n_flows=101, http=["real.example"], counts={"evicted": 93}, coverage={"evicted": 93})
    play.__name__ = "a_flood_of_" + name
    case(play, flows=8)


def shot(flags, **more):
    def shoot(c, i):
        Talk(c, sport=1024 + i, client=f"203.0.113.{i}").raw(0, i * 7919, 99, flags, **more)
    return shoot


flood("syns", shot(SYN))
flood("syns_with_data", shot(SYN, payload=b"x" * 100))
flood("acks", shot(16))
flood("rsts", shot(4))
flood("fins", shot(17))
flood("datagrams", lambda c, i: c.udp(c.tick(), f"203.0.113.{i}", 1024 + i, "198.51.100.80", 53, b"x" * 20))


@case
def one_tuple_used_over_and_over(c):
    """A connection, closed, and the same ports again: five records, not one."""
    for i in range(5):
        t = Talk(c, isn=(1000 + 100000 * i, 5000 + 100000 * i)).open()
        t.send(0, 0, REAL)
        t.close([len(REAL), 0])
    return outcome(*[flow(side(REAL), side(), state="closed", end="fin") for _ in range(5)], http=["real.example"] * 5)
