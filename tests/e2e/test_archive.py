#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`bulkhead archive` stat, export and import: what goes out comes back as it was, and what is wrong is told with its place."""
import csv
import io
import json
import signal
import subprocess

import archives
import lib

MAX = {"u8": 2**8 - 1, "u16": 2**16 - 1, "u32": 2**32 - 1, "u64": 2**64 - 1}
# texts as they are exported: any byte but what would act on a reader stands as it is (doc/archive.md)
TEXTS = ["", "plain.example", 'a "quoted", b', "line\\x0abreak\\x0d", "\\x00\\x1b[2J\\x7f", "\\xff\\xfe\\xc3", "caf\u00e9 \u65e5\u672c \U0001f600", "=cmd()|x", "-1", "+1",
         "@sum", "C:\\Windows\\system32", "C:\\x5cx41", " blanks ", "a;b=c", "\\xe2\\x80\\xae", "x" * 3000]
TIMES = ["1970-01-01T00:00:00.000000001Z", "2026-11-23T06:00:00.123456789Z", "1969-12-31T23:59:59.999999999Z", "1678-01-01T00:00:00.000000000Z",
         "2261-12-31T23:59:59.999999999Z", "ns:9223372036854775807", "ns:-9223372036854775808", None]
ADDRS = ["10.0.0.1", "255.255.255.255", "0.0.0.0", "2001:db8::1", "::1", "fe80::200:ff:fe00:1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None]
NEEDED = {("flow", "initiator"), ("flow", "responder"), ("flow", "first"), ("transaction", "time"), ("detection", "time"), ("binding", "first"), ("coverage", "from")}
NAMED = {("flow", "tcp_state"): ["none", "syn_sent", "midstream", "200"], ("flow", "end"): ["none", "fin", "capture", "255"],
         ("flow", "app"): ["unknown", "tls", "krb5", "65535"], ("transaction", "app"): ["dns", "http", "999"],
         ("detection", "source"): ["behaviour", "77"], ("detection", "asset_role"): ["none", "9"], ("detection", "peer_role"): ["c2", "255"],
         ("detection", "tlp"): ["", "TLP:CLEAR", "TLP:AMBER+STRICT", "8"]}
FIELDS = [[], [{"name": "dns.rrname", "value": "a.example"}, {"name": "dns.answers.addr", "value": "2001:db8::7"}, {"name": "dns.answers.addr", "value": "10.1.2.3"}],
          [{"name": "file.sha256", "value": "00ff" * 16}, {"name": "http.url", "value": "/a;b=c?\"d\",e\\x0a"}, {"name": "60000", "value": "ff"}],
          [{"name": "dns.answers.addr", "value": "\\x01\\x02"}, {"name": "auth.user", "value": ""}]]
REALS = [0, 1, 0.3, 0.1 + 0.2, 1e-300, 5e-324, "inf"]


def number(v):
    """Beyond 2^53 - 1 numbers are strings (RFC 7493)."""
    return v if v < 2**53 else str(v)


def value(kind, type_, name, i):
    needed = (kind, name) in NEEDED
    def pick(values):
        return [v for v in values if v is not None or not needed][i % len([v for v in values if v is not None or not needed])]
    if name == "id":
        return i + 1
    if (kind, name) in NAMED:
        return pick(NAMED[(kind, name)])
    if type_ in MAX:
        return number(pick([0, 1, MAX[type_], MAX[type_] // 2]) if name != "vantage" else i % 7)
    return {"time": lambda: pick(TIMES), "addr": lambda: pick(ADDRS), "text": lambda: pick(TEXTS), "fields": lambda: pick(FIELDS),
            "real": lambda: pick(REALS), "mac": lambda: pick(["00:53:00:12:34:56", "ff:ff:ff:ff:ff:ff", None]),
            "u64s": lambda: pick([[], [1], [number(2**64 - 9000), 5, 0]])}[type_]()


def dump(record):
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False)


class Exchange(archives.Test):
    kinds = archives.schema()

    def odd(self, kind, n=60):
        """n records of a kind, every value of each column among them."""
        records = [{"record": kind, **{name: value(kind, type_, name, i + at) if name != "id" else i + 1 for at, (type_, name) in enumerate(self.kinds[kind])}} for i in range(n)]
        for r in records:
            for name in ("duplicate_of", "parent", "related", "flow"):
                if name in r:
                    r[name] = number(min(int(r[name]), 2**64 - 5000))
        return records

    def test_any_record_goes_out_in_json_as_it_came_in(self):
        lines = [dump(r) for kind in self.kinds for r in self.odd(kind)]
        source = self.write("all.jsonl", "".join(line + "\n" for line in lines))
        archive = self.folder / "archive"
        self.does(0, "import", archive, source)
        out = self.export(archive, "--format", "json").splitlines()
        wanted, got = [json.loads(line) for line in lines], [json.loads(line) for line in out[:-1]]
        for w, g in zip(wanted, got):
            self.assertEqual(w, g)
        self.assertEqual(len(wanted), len(got))
        ours = json.loads(out[-1])
        self.assertEqual((ours["record"], ours["name"], ours["origin"]), ("coverage", "all.jsonl", str(source)))
        # and once more, byte by byte
        again = self.folder / "again"
        self.does(0, "import", again, self.write("out.jsonl", "\n".join(out[:-1]) + "\n"))
        self.assertEqual(self.export(again, "--format", "json").splitlines()[:-1], out[:-1])

    def test_any_record_goes_out_in_csv_as_it_came_in(self):
        for kind in self.kinds:
            records = self.odd(kind)
            first, second = self.folder / f"{kind}-1", self.folder / f"{kind}-2"
            self.does(0, "import", first, self.write(f"{kind}.jsonl", "".join(dump(r) + "\n" for r in records)))
            out = self.export(first, "--kind", kind)
            rows = list(csv.reader(io.StringIO(out, newline="")))
            self.assertEqual(rows[0], [name for _, name in self.kinds[kind]])
            for r, row in zip(records, rows[1:]):
                for (type_, name), cell in zip(self.kinds[kind], row):
                    if type_ == "real":
                        self.assertEqual(float(cell), float(r[name]), name)
                    else:
                        self.assertEqual(cell, self.as_cell(type_, r[name]), f"{kind} {name}")
            copy = self.write(f"{kind}.csv", out)
            self.does(0, "import", second, copy)
            again = self.export(second, "--kind", kind)
            # an import adds its own coverage record
            self.assertEqual(again if kind != "coverage" else again[:len(out)], out)

    def as_cell(self, type_, v):
        if v is None:
            return ""
        if type_ == "u64s":
            return " ".join(str(i) for i in v)
        if type_ == "fields":
            def escaped(f):
                text = f["value"].replace(";", "\\x3b")
                return f"{f['name']}={text}"
            return ";".join(escaped(f) for f in v)
        if type_ == "text" and v[:1] in ("=", "+", "-", "@"):
            return f"\\x{ord(v[0]):02x}{v[1:]}"
        return str(v)

    def test_an_analysis_goes_out_and_comes_back(self):
        archive = self.intrusion() / "archive"
        out = self.export(archive, "--format", "json")
        again = self.folder / "again"
        self.does(0, "import", again, self.write("out.jsonl", out))
        lines = self.export(again, "--format", "json").splitlines(keepends=True)
        self.assertEqual("".join(lines[:-1]), out)
        self.assertEqual({json.loads(line)["record"] for line in lines}, set(self.kinds))
        self.fits(again)

    def test_what_is_asked_for_goes_out(self):
        archive = self.intrusion() / "archive"
        flows = [json.loads(line) for line in self.export(archive, "--format", "json", "--kind", "flow").splitlines()]
        beyond = [f["id"] for f in flows if lib.BEYOND in (f["initiator"], f["responder"])]
        self.assertTrue(0 < len(beyond) < len(flows))
        for asked in (lib.BEYOND, "203.0.113.64/27", f"192.0.2.1,{lib.BEYOND}"):
            got = [json.loads(line) for line in self.export(archive, "--format", "json", "--addresses", asked).splitlines()]
            self.assertEqual([r["id"] for r in got if r["record"] == "flow"], beyond)
            self.assertLessEqual({r["flow"] for r in got if r["record"] == "transaction"}, set(beyond))
        middle = sorted(f["first"] for f in flows)[len(flows) // 2]
        late = self.export(archive, "--format", "json", "--kind", "flow", "--from", middle)
        self.assertEqual([json.loads(line)["id"] for line in late.splitlines()], [f["id"] for f in flows if f["last"] >= middle])
        early = self.export(archive, "--format", "json", "--kind", "flow", "--to", middle)
        self.assertEqual([json.loads(line)["id"] for line in early.splitlines()], [f["id"] for f in flows if f["first"] < middle])

    def test_eve_flows_say_what_the_flows_say(self):
        archive = self.intrusion() / "archive"
        flows = [json.loads(line) for line in self.export(archive, "--format", "json", "--kind", "flow").splitlines()]
        events = [json.loads(line) for line in self.export(archive, "--format", "eve").splitlines()]
        self.assertEqual(len(events), len(flows))
        protocols = {6: "TCP", 17: "UDP", 1: "ICMP", 58: "IPv6-ICMP"}
        for f, e in zip(flows, events):
            self.assertEqual((e["event_type"], e["flow_id"], e["src_ip"], e["dest_ip"]), ("flow", f["id"], f["initiator"], f["responder"]))
            self.assertEqual(e["proto"], protocols[f["protocol"]])
            if f["protocol"] in (6, 17):
                self.assertEqual((e["src_port"], e["dest_port"]), (f["initiator_port"], f["responder_port"]))
            c = e["flow"]
            self.assertEqual((c["pkts_toserver"], c["pkts_toclient"], c["bytes_toserver"], c["bytes_toclient"]),
                             (f["packets_out"], f["packets_in"], f["wire_out"], f["wire_in"]))
            self.assertEqual((c["start"], c["end"]), tuple(t[:26] + "+0000" for t in (f["first"], f["last"])))
            self.assertRegex(e["community_id"], r"^1:[A-Za-z0-9+/]{27}=$")

    def test_stat_counts_what_is_there(self):
        archive = self.archive_of([archives.BEGIN, archives.BEGIN + 10 * archives.DAY])
        s = self.stat(archive)
        flows = next(k for k in s["kinds"] if k["record"] == "flow")
        self.assertEqual((flows["records"], flows["segments"], flows["unsealed_records"], flows["missing_runs"]), (2200, 2, 0, 0))
        self.assertEqual((flows["first"], flows["last"]), ("2026-01-01T00:00:00.000000000Z", "2026-01-11T00:18:20.000000000Z"))
        self.assertEqual(flows["bytes"], sum((archive / n).stat().st_size for n in self.segments(archive)))
        self.assertLessEqual(flows["bytes"], s["bytes"])
        self.assertEqual(round(sum(p["records"] for p in s["over_time"])), 2202)  # and two coverage records
        self.assertEqual(s["ledger"]["records_not_in_it"], 0)
        text = self.does(0, "stat", archive).stdout
        self.assertRegex(text, r"(?m)^flow +2200 +2 ")
        self.assertIn("Damage: none seen", text)
        path = archive / self.segments(archive)[0]
        path.unlink()
        self.assertIn("1 runs of flows are missing", self.does(3, "stat", archive).stdout)

    def test_mistakes_are_told_with_their_place_and_nothing_is_taken(self):
        head = "src_ip,dst_ip,dst_port,ts,proto\n"
        good = "10.0.0.1,10.0.0.2,53,1767225600,udp\n"
        cases = [("ten,10.0.0.2,53,1,udp\n", 1, "initiator: 'ten' isn't right; wanted is an address"), ("10.0.0.1,10.0.0.2,66000,1,udp\n", 19, "a number from 0 to 65535"),
                 ("10.0.0.1,10.0.0.2,53,soon,udp\n", 22, "seconds since 1970"), ("10.0.0.1,10.0.0.2,53,1,smoke\n", 24, "an IP protocol"),
                 ("10.0.0.1,10.0.0.2,53,1\n", 1, "4 cells where there are 5 columns"), ('10.0.0.1,10.0.0.2,5"3,1,udp\n', 20, "a quote within a cell"),
                 (",10.0.0.2,53,1,udp\n", 1, "empty, but a flow needs it")]
        old = self.archive_of([archives.BEGIN])
        for n, (row, column, what) in enumerate(cases):
            path = self.write(f"bad-{n}.csv", head + good * 3 + row + good)
            for archive in (old, self.folder / "new"):
                before = archives.digest(archive)
                said = self.does(4, "import", "--kind", "flow", "--time", "s", archive, path).stderr
                self.assertIn(f"{path}:5:{column}: ", said)
                self.assertIn(what, said)
                self.assertEqual(archives.digest(archive), before)
            taken = self.does(3, "import", "--kind", "flow", "--time", "s", "--skip-bad", self.folder / f"skipped-{n}", path)
            self.assertIn(f"{path}:5:{column}: ", taken.stderr)
            self.assertIn("1 bad rows were left out", taken.stdout)
            self.assertEqual(self.count(self.folder / f"skipped-{n}"), 4)

    def test_a_mistake_in_one_of_several_files_keeps_all_out(self):
        old = self.archive_of([archives.BEGIN])
        before = archives.digest(old)
        good, bad = self.rows("good.csv", 2000), self.write("bad.csv", "initiator,responder,first\n10.0.0.1,10.0.0.2,1\n10.0.0.1,10.0.0.2,x\n")
        said = self.does(4, "import", "--time", "s", old, good, bad).stderr
        self.assertIn(f"{bad}:3:19: first: 'x'", said)
        self.assertEqual(archives.digest(old), before)

    def test_what_others_write_is_read(self):
        archive = self.folder / "archive"
        zeek = ("ts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\n"
                "1767225600.5\tC1\t10.0.0.1\t1025\t2001:db8::5\t443\ttcp\tssl\t1.25\t100\t-\t5\t360\t4\t3000\n"
                "1767225601\tC2\t10.0.0.1\t1026\t10.0.0.2\t99\tudp\tgossip\t-\t-\t-\t1\t40\t0\t0\n")
        said = self.does(0, "import", "--kind", "flow", "--time", "s", "--separator", "tab", "--empty", "-", archive, self.write("conn.tsv", zeek))
        self.assertIn("columns that aren't taken: uid", said.stderr)
        self.assertIn("'gossip' in line 3", said.stderr)
        flows = [json.loads(line) for line in self.export(archive, "--format", "json", "--kind", "flow").splitlines()]
        self.assertEqual([(f["first"], f["last"], f["responder"], f["protocol"], f["app"], f["payload_out"], f["wire_in"]) for f in flows],
                         [("2026-01-01T00:00:00.500000000Z", "2026-01-01T00:00:01.750000000Z", "2001:db8::5", 6, "tls", 100, 3000),
                          ("2026-01-01T00:00:01.000000000Z", "2026-01-01T00:00:01.000000000Z", "10.0.0.2", 17, "unknown", 0, 0)])
        firewall = "start;from;to;port;bytes\n2026-01-01 02:00:00;10.0.0.1;10.0.0.9;22;77\n"
        self.does(0, "import", "--kind", "flow", "--zone", "+02:00", "--separator", ";", "--map", "initiator=from", "--map", "responder=to", "--map", "responder_port=port",
                  "--map", "wire_out=bytes", archive, self.write("fw.csv", firewall))
        last = json.loads(self.export(archive, "--format", "json", "--kind", "flow").splitlines()[-1])
        self.assertEqual((last["id"] > 2, last["first"], last["responder"], last["responder_port"], last["wire_out"], last["name"]),
                         (True, "2026-01-01T00:00:00.000000000Z", "10.0.0.9", 22, 77, ""))
        coverage = [json.loads(line) for line in self.export(archive, "--format", "json", "--kind", "coverage").splitlines()]
        self.assertEqual([c["name"] for c in coverage], ["conn.tsv", "fw.csv"])
        self.assertIn("its flow records carry no", coverage[1]["why"])
        self.assertIn("payload is an upper bound", coverage[1]["why"])

    def test_payload_that_nobody_counted_is_bounded(self):
        """Datagrams less the least headers (RFC 791, 8200, 9293, 768); what is said counts."""
        columns = "initiator,responder,first,protocol,packets_out,packets_in,wire_out,wire_in"
        rows = ["10.0.0.1,10.0.0.2,1,6,3,2,1000,80", "10.0.0.1,10.0.0.2,1,17,1,0,100,0", "::1,2001:db8::2,1,6,2,1,1000,59", "10.0.0.1,10.0.0.2,1,1,1,1,84,84"]
        wanted = [(880, 0), (72, 0), (880, 0), (64, 64)]
        cases = [("all", columns, rows, wanted), ("payload", columns + ",payload_out", [r + ",7" for r in rows], [(7, i) for _, i in wanted]),
                 ("bytes", "initiator,responder,first,wire_out", ["10.0.0.1,10.0.0.2,1,500"], [(500, 0)])]
        for name, head, lines, payload in cases:
            self.does(0, "import", "--time", "s", self.folder / name, self.write(f"{name}.csv", "\n".join([head, *lines]) + "\n"))
            flows = [json.loads(line) for line in self.export(self.folder / name, "--format", "json", "--kind", "flow").splitlines()]
            self.assertEqual([(f["payload_out"], f["payload_in"]) for f in flows], payload, name)

    def test_standard_input_is_read_and_a_pipe_written(self):
        rows, archive = self.rows("rows.csv", 3000), self.folder / "archive"
        with open(rows, "rb") as feed:
            subprocess.run([lib.BULKHEAD, "archive", "import", "--time", "s", str(archive), "-"], stdin=feed, check=True, capture_output=True)
        out = subprocess.run(f"'{lib.BULKHEAD}' archive export '{archive}' | wc -l", shell=True, check=True, capture_output=True, text=True).stdout
        self.assertEqual(int(out), 3001)

    def test_records_that_come_twice_get_ids_of_their_own(self):
        archive = self.intrusion() / "archive"
        out = self.write("out.jsonl", self.export(archive, "--format", "json"))
        before = {k["record"]: k["records"] for k in self.stat(archive)["kinds"]}
        self.assertIn("Record ids were raised", self.does(0, "import", archive, out).stdout)
        records = [json.loads(line) for line in self.export(archive, "--format", "json").splitlines()]
        flows = [r["id"] for r in records if r["record"] == "flow"]
        self.assertEqual(len(flows), len(set(flows)))
        self.assertEqual(len(flows), 2 * before["flow"])
        for r in records:
            self.assertLessEqual(set(r["flows"]) if r["record"] == "detection" else {r["flow"]} if r["record"] == "transaction" else set(), set(flows))
        self.fits(archive)

    def test_an_export_that_cannot_be_written_fails_and_leaves_no_file(self):
        archive = self.archive_of([archives.BEGIN])
        for where in (["-o", "/dev/full"], ["-o", self.folder / "none" / "out.csv"]):
            self.assertIn("the export is not whole", self.does(4, "export", *where, archive).stderr)
        with open("/dev/full", "w", encoding="utf-8") as full:
            for form in ("csv", "json", "eve"):
                result = subprocess.run([lib.BULKHEAD, "archive", "export", "--format", form, str(archive)], stdout=full, stderr=subprocess.PIPE, check=False)
                self.assertEqual(result.returncode, 4, form)
        old = self.write("kept.csv", "old")
        self.assertEqual(self.does(0, "export", "-o", old, archive).stdout, "")
        self.assertEqual(old.read_text(encoding="utf-8"), self.export(archive))

    def test_an_interrupted_export_leaves_no_file(self):
        archive, out = self.archive_of([archives.BEGIN], n=20000), self.folder / "there" / "out.csv"
        out.parent.mkdir()
        for name in ("SIGINT", "SIGTERM", "SIGKILL"):
            run = subprocess.Popen([lib.BULKHEAD, "archive", "export", "-o", str(out), str(archive)])
            run.send_signal(getattr(signal, name))
            self.assertIn(run.wait(), (-getattr(signal, name), 0))
            self.assertEqual([p.name for p in out.parent.iterdir() if p != out], [])

    def test_wrong_arguments_are_usage(self):
        archive = self.archive_of([archives.BEGIN], n=3)
        for arguments in ((), ("explode",), ("stat",), ("stat", archive, archive), ("stat", "--what", archive), ("export", "--format", "xml", archive),
                          ("export", "--kind", "flow,binding", archive), ("export", "--kind", "smoke", archive), ("export", "--format", "eve", "--kind", "binding", archive),
                          ("export", "--addresses", "10.0.0.1/8", archive), ("export", "--from", "2026-02-01", "--to", "2026-01-01", archive),
                          ("export", "--from", "now", archive), ("import", archive), ("import", "--time", "h", archive, "x.csv"), ("import", "--map", "a", archive, "x.csv"),
                          ("import", "--separator", "ab", archive, "x.csv"), ("import", "--zone", "CET", archive, "x.csv"), ("import", archive, "a.csv", "b.json"),
                          ("compact",), ("compact", "--within", "0", archive), ("expire", archive), ("expire", "--keep", "3", "--before", "2026-01-01", archive),
                          ("expire", "--keep", "soon", archive)):
            self.assertIn("usage:", self.does(2, *arguments).stderr)
        for part in ("stat", "export", "compact"):
            self.assertIn("no archive there", self.does(4, part, self.folder / "nowhere").stderr)
        self.does(4, "import", archive, self.folder / "nowhere.csv")


if __name__ == "__main__":
    lib.main()
