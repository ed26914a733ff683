#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Names are chosen by whoever sends them. Terminal escapes, HTML, bidirectional overrides and newlines reach no reader unescaped."""
import html.parser
import json
import re

import lib

ESC, BIDI, HTML = b"\x1b]0;owned\x07", "\u202etxt.exe".encode(), b"<script>alert(1)</script>"
LINE = b"x\nadd table inet evil"
# what a reader must never get raw: C0 but tab and newline, DEL, C1, and the bidirectional controls
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Tags(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen, self.handlers = set(), []

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


class HostileNames(lib.Test):
    def capture(self):
        make = lib.load_make()
        c = make.visit()
        for n, name in enumerate((ESC, BIDI, HTML, LINE, b"\xff\xfe", b"'\" onload=x")):
            c.dns(11 + n, "10.0.0.11", "10.0.2.53", [name[:60], b"example", b"org"], lib.BEYOND, 10 + n)
            c.http(12 + n, "10.0.0.11", lib.BEYOND, name.replace(b"\n", b" "), b"/" + name.replace(b"\n", b"").replace(b" ", b""), name)
        for n, name in enumerate((ESC, BIDI, HTML, LINE)):
            # DHCP: the machines' own names
            host = f"10.0.0.{31 + n}"
            packed = make.ipaddress.ip_address(host).packed
            for kind, op in ((3, 1), (5, 2)):
                options = b"\x63\x82\x53\x63\x35\x01" + bytes([kind]) + b"\x0c" + bytes([len(name)]) + name + b"\x32\x04" + packed + b"\xff"
                body = bytes([op, 1, 6, 0]) + bytes([n + 1] * 4) + b"\0" * 8 + (packed if op == 2 else b"\0" * 4) + b"\0" * 8
                body += make.mac(host) + b"\0" * 10 + b"\0" * 192 + options
                ends = (host, 68, "10.0.0.1", 67) if op == 1 else ("10.0.0.1", 67, host, 68)
                c.udp(20 + n + op / 10, *ends, body)
            for k in range(4):
                c.tcp(30 + 10 * k + n, host, lib.BEYOND, 8443, [b"hello", b"nothing"])
            c.ssh(75 + n, host, "10.0.1.20", [300, 400, 40, 900])
        return self.write("hostile.pcap", c.bytes())

    def case(self):
        return self.analyze(self.capture(), "--site", self.site(), "--indicators", self.indicators(lib.BEYOND), code=1)

    def test_no_output_carries_raw_control_or_bidirectional_characters(self):
        case = self.case()
        texts = {"summary": self.said.stdout, "standard error": self.said.stderr}
        texts.update({verb: lib.run(verb, case).stdout for verb in ("incidents", "spread", "plan", "exposure")})
        texts.update({p.name: p.read_text(encoding="utf-8") for p in case.iterdir() if p.is_file()})
        for name, text in texts.items():
            found = FORBIDDEN.search(text)
            self.assertIsNone(found, f"{name}: {text[max(0, found.start() - 80):found.end() + 80]!r}" if found else "")
        # they are there, made printable: the test would otherwise prove nothing
        self.assertIn("\\x1b]0;owned\\x07", texts["report.html"] + texts["incidents"])
        self.assertIn("\\x1b]0;owned\\x07", json.dumps(json.loads(texts["incident.json"]), ensure_ascii=False).replace("\\\\", "\\"))

    def test_html_stays_text(self):
        page = (self.case() / "report.html").read_text(encoding="utf-8")
        self.assertIn("&lt;script&gt;", page)
        tags = Tags()
        tags.feed(page)
        self.assertEqual(tags.seen & {"script", "img", "iframe", "object", "form", "base"}, set())
        self.assertEqual(tags.handlers, [])

    def test_json_and_eve_parse_with_every_name(self):
        case = self.case()
        names = {n for a in lib.read_json(case / "incident.json")["spread"]["assets"] for n in a["names"]}
        self.assertIn("<script>alert(1)</script>", names)
        for line in (case / "eve.json").read_text(encoding="utf-8").splitlines():
            json.loads(line)
        lib.read_json(case / "incident.stix.json")

    def test_a_name_with_a_newline_adds_no_line_to_the_plan(self):
        case = self.case()
        for plan in case.glob("*.nft"):
            text = plan.read_text(encoding="utf-8")
            self.assertNotRegex(text, r"(?m)^\s*add table inet evil")
            self.assertEqual(re.findall(r"(?m)^table inet (\w+) \{$", text), ["bulkhead"])

    def test_site_names_with_control_characters_are_refused_or_escaped(self):
        site = lib.SITE.replace("name: mission", r'name: "mis\nsion"').replace("office, mission,", r'office, "mis\nsion",')
        site = site.replace("name: core", r'name: "co\e[1mre"').replace("name: test site", r'name: "test <b>\e[2Jsite"')
        path = self.write("names.yaml", site)
        checked = lib.run("check", path)
        if checked.returncode == 2:
            self.assertRegex(checked.stderr, r"names\.yaml:\d+:\d+: ")
            return
        case = self.analyze(self.capture(), "--site", path, "--indicators", self.indicators(lib.BEYOND), code=1)
        texts = [self.said.stdout] + [lib.run(v, case).stdout for v in ("incidents", "spread", "plan", "exposure")]
        texts += [p.read_text(encoding="utf-8") for p in case.iterdir() if p.is_file() and p.suffix != ".yaml"]
        for text in texts:
            self.assertIsNone(FORBIDDEN.search(text), text[:300])
        self.assertNotIn("<b>", (case / "report.html").read_text(encoding="utf-8").split("<h1>")[1].split("</h1>")[0])

    def test_a_capture_named_hostilely_is_told_escaped(self):
        path = self.write("a\x1b[2Jb<i>.pcap", lib.VISIT.read_bytes()[:-3])
        case = self.analyze(path, code=3)
        self.assertIsNone(FORBIDDEN.search(self.said.stderr + self.said.stdout), self.said.stderr)
        self.assertNotIn("<i>", (case / "report.html").read_text(encoding="utf-8"))


if __name__ == "__main__":
    lib.main()
