# SPDX-License-Identifier: GPL-2.0-or-later
"""One capture, both sides: what agrees, and each difference with what is known of it."""
import collections

from agree import facts, flows, ours, reasons, tshark
from agree.layers import TCP, UDP

MEASURES = {"flows": "flows", "datagrams": "packets and IP bytes of a direction", "payload": "payload bytes of a direction", **facts.KINDS}
TUNNEL = 1 << 7  # flow/flow.h, FLOW_TUNNEL


class Difference:
    """`side`: who says more, "tshark" or "bulkhead". `told`: what, in short. `why`: the rule that states the reason, or None."""

    def __init__(self, measure, side, told, why):
        self.measure, self.side, self.told, self.why = measure, side, told, why


class Result:
    """Counts by measure and outcome ("both", "tshark", "bulkhead"), and the differences."""

    def __init__(self):
        self.counts = collections.Counter()
        self.differences = []
        self.frames = 0
        self.wrong = ""

    def differ(self, measure, side, told, why, n=1):
        self.counts[measure, side] += n
        self.differences.append(Difference(measure, side, told, why))


def compare_facts(result, about):
    for kind in facts.KINDS:
        theirs, mine = about.theirs.of[kind], about.mine.of[kind]
        for key in theirs.keys() | mine.keys():
            if key in theirs and key in mine or (kind == "smb" and key in mine and key in about.theirs.mentioned):
                result.counts[kind, "both"] += 1
            else:
                side = "tshark" if key in theirs else "bulkhead"
                why = reasons.of_fact(about, kind, key, side)
                result.differ(kind, side, f"{key[1]} in {reasons.text(key[0])}", why)


def _sides(result, about, key, theirs, mine):
    """Packets and bytes of each direction of a flow that both have."""
    shown, told = flows.bytes_of_tshark(theirs), flows.bytes_of_ours(mine)
    for end in sorted(shown.keys() | told.keys(), key=str):
        a, b = shown.get(end, (0, 0, 0)), told.get(end, (0, 0, 0))
        compared = [("datagrams", a[:2], b[:2])]
        if key[1] in (TCP, UDP) and not mine["flags"] & TUNNEL:
            compared.append(("payload", a[2:], b[2:]))
        for measure, x, y in compared:
            if x == y:
                result.counts[measure, "both"] += 1
            else:
                why = reasons.of_bytes(about, key, theirs, mine)
                result.differ(measure, "tshark" if x > y else "bulkhead", f"{x} and {y} from {end} in {reasons.text(key)}", why)


def compare_flows(result, about):
    for key in sorted(about.their_flows.keys() | about.my_flows.keys(), key=str):
        if flows.is_apart(key):
            continue
        theirs, mine = about.their_flows.get(key, []), about.my_flows.get(key, [])
        both = min(len(theirs), len(mine))
        result.counts["flows", "both"] += both
        if len(theirs) != len(mine):
            side = "tshark" if len(theirs) > len(mine) else "bulkhead"
            why = reasons.of_flow(about, key, theirs, mine)
            result.differ("flows", side, f"{len(theirs)} and {len(mine)} of {reasons.text(key)}", why, abs(len(theirs) - len(mine)))
        else:
            for x, y in zip(theirs, mine):
                _sides(result, about, key, x, y)


class About:
    """All that is known of a capture."""

    def __init__(self, frames, our_flows, transactions):
        self.frames, self.our_flows, self.transactions = frames, our_flows, transactions
        self.theirs, self.mine = facts.of_tshark(frames), facts.of_ours(our_flows, transactions)
        self.their_flows, self.odd = flows.of_tshark(frames)
        self.my_flows = flows.of_ours(our_flows)
        self.frames_of = {}  # ends -> the frames of their flows
        for key, group in self.their_flows.items():
            if len(key) == 4 and isinstance(key[2], tuple):
                for flow in group:
                    self.frames_of.setdefault((key[1], *key[2:]), []).extend(flow.frames)
        self.ours_of, self.between = {}, {}  # ends -> our flows; both addresses -> our flows
        for flow in our_flows.values():
            self.ours_of.setdefault(ours.ends(flow), []).append(flow)
            self.between.setdefault(tuple(sorted((flow["initiator"], flow["responder"]))), []).append(flow)
        self.hints = reasons.Hints(frames)


def compare(capture, bulkhead, shark="tshark", cache=None, extra=()):
    """The result for a capture. Raises tshark.Failed or ours.Failed."""
    result = Result()
    frames, result.wrong = tshark.frames(capture, shark, cache)
    result.frames = len(frames)
    about = About(frames, *ours.records(capture, bulkhead, extra))
    compare_facts(result, about)
    compare_flows(result, about)
    return result
