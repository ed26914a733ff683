#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The same traffic seen twice counts once; the same captures give the same results."""
import json

import lib


def without_made(path):
    case = lib.read_json(path / "incident.json")
    del case["made"]
    return case


def bare(value):
    """Without record ids and the number of links: what must not depend on how often a flow was seen."""
    if isinstance(value, dict):
        return {k: bare(v) for k, v in value.items() if k not in ("id", "flows", "detections", "coverage", "sources", "duplicates", "made")}
    if isinstance(value, list):
        return [bare(v) for v in value]
    return value


class Vantages(lib.Test):
    def analyze_known(self, *captures, name):
        return self.analyze(*captures, "--site", self.site(), "--indicators", self.indicators(lib.BEYOND), code=1, name=name)

    def test_two_vantages_of_one_network_count_as_one(self):
        data = lib.VISIT.read_bytes()
        a, b = self.write("gateway.pcap", data), self.write("core.pcap", data)
        once = without_made(self.analyze_known(a, name="once"))
        twice = without_made(self.analyze_known(a, b, name="twice"))
        self.assertEqual((once["flows"], once["duplicates"]), (17, 0))
        self.assertEqual((twice["flows"], twice["duplicates"]), (17, 17))
        self.assertEqual(bare(twice), bare(once))
        self.assertEqual(len(twice["spread"]["coverage"]), 2)

    def test_the_fuller_vantage_wins_and_both_are_cited(self):
        make = lib.load_make()
        frames = sorted(make.visit().frames, key=lambda f: f[0])
        thin = make.Capture()
        thin.frames = [f for i, f in enumerate(frames) if i % 9 != 4]  # this one lost every ninth packet
        case = self.analyze_known(self.write("thin.pcap", thin.bytes()), lib.VISIT, name="both")
        whole = without_made(case)
        self.assertEqual(whole["flows"], 17)
        peer = next(p for p in whole["incidents"][0]["peers"] if p["address"] == lib.BEYOND)
        self.assertEqual((peer["bytes_out"], peer["bytes_in"]), (lib.BEYOND_BYTES, 10 * 13 + 6))

    def test_clocks_a_little_apart_change_nothing(self):
        make = lib.load_make()
        late = make.Capture()
        late.frames = [(at + 2_000_000, frame) for at, frame in make.visit().frames]
        whole = without_made(self.analyze_known(lib.VISIT, self.write("late.pcap", late.bytes()), name="late"))
        self.assertEqual((whole["flows"], whole["duplicates"]), (17, 17))

    def test_two_runs_give_the_same(self):
        first, second = (self.analyze_known(lib.VISIT, name=n) for n in ("first", "second"))
        self.assertEqual(without_made(first), without_made(second))
        self.assertEqual((first / "eve.json").read_bytes(), (second / "eve.json").read_bytes())
        for plan in first.glob("*.nft"):
            self.assertEqual(plan.read_bytes(), (second / plan.name).read_bytes())

    def test_the_order_of_captures_changes_no_count(self):
        make = lib.load_make()
        frames = sorted(make.visit().frames, key=lambda f: f[0])
        halves = []
        for n, part in enumerate((frames[:90], frames[90:])):
            half = make.Capture()
            half.frames = part
            halves.append(self.write(f"part{n}.pcap", half.bytes()))
        forth, back = (without_made(self.analyze_known(*h, name=n)) for h, n in ((halves, "forth"), (halves[::-1], "back")))
        self.assertEqual(bare(forth), bare(back))

    def test_verbs_give_what_the_analysis_gave_again_and_again(self):
        case = self.analyze_known(lib.VISIT, name="case")
        answers = [json.loads(lib.run("incidents", "--json", case).stdout) for _ in range(2)]
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(answers[0], lib.read_json(case / "incident.json")["incidents"])


if __name__ == "__main__":
    lib.main()
