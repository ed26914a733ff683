#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The program is killed while it imports, merges, drops and signs, and its disk fills up: an import counts as a whole or not at
all, nothing that was there is lost or changed, the ledger fits, and what was said to be done is done.

(tests/unit/archive kills writers by the hundred, cuts the power after every change and fills the disk at every write.)
"""
import json
import os
import random
import resource
import signal
import subprocess
import time

import lib

FLOWS = 400
KILLS = int(os.environ.get("BULKHEAD_KILLS", "40"))


def flow(ident):
    """A flow that follows from its id."""
    return {"record": "flow", "id": ident, "protocol": 6, "initiator": f"10.0.{ident >> 8 & 255}.{ident & 255}",
            "responder": f"192.0.2.{ident % 200}", "initiator_port": ident % 60000, "responder_port": 443,
            "first": f"ns:{ident * 10**9}", "last": f"ns:{ident * 10**9 + 5}", "payload_out": ident * 7, "name": f"host{ident % 97}.example"}


class Crash(lib.Test):
    def setUp(self):
        super().setUp()
        self.archive, self.key = self.folder / "archive", self.folder / "key"
        self.bulkhead("ledger", "key", "test.example/crash", self.key)

    def bulkhead(self, *arguments, code=0, **options):
        """Runs the program to its end, by itself or as subprocess.run is told to."""
        result = subprocess.run([lib.BULKHEAD, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=300, **options)
        self.assertNotIn("Sanitizer", result.stderr)
        self.assertEqual(result.returncode, code, f"{arguments}\n{result.stdout}{result.stderr}")
        return result

    def part(self, number):
        """The file with the flows of part 0, 1, 2 …"""
        path = self.folder / f"part{number}.json"
        if not path.exists():
            first = number * FLOWS + 1
            path.write_text("".join(json.dumps(flow(i)) + "\n" for i in range(first, first + FLOWS)), encoding="ascii")
        return path

    def flows(self):
        """{id: record}, each of which must be as it was imported."""
        lines = self.bulkhead("archive", "export", "--format", "json", "--kind", "flow", self.archive).stdout.splitlines()
        found = [json.loads(line) for line in lines]
        for record in found:
            wanted = flow(record["id"])
            self.assertEqual({name: record[name] for name in ("initiator", "responder", "payload_out", "name")},
                             {name: wanted[name] for name in ("initiator", "responder", "payload_out", "name")})
        self.assertEqual(len({r["id"] for r in found}), len(found), "a record is there twice")
        return {r["id"]: r for r in found}

    def parts(self, flows):
        """Which parts are there, each of them whole."""
        counts = {}
        for ident in flows:
            counts[(ident - 1) // FLOWS] = counts.get((ident - 1) // FLOWS, 0) + 1
        self.assertEqual(set(counts.values()) | {FLOWS}, {FLOWS}, f"a part of a part: {counts}")
        return set(counts)

    def fits(self):
        found = json.loads(self.bulkhead("verify", self.archive, "--key", f"{self.key}.pub", "--json").stdout)
        self.assertEqual(found["findings"], [])
        return found

    def killed(self, duration, *arguments):
        """Runs the program and kills it at a random moment. Gives whether it ended by itself before."""
        with subprocess.Popen([lib.BULKHEAD, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            time.sleep(self.random.uniform(0, duration))
            child.kill()
            _, stderr = child.communicate()
        self.assertIn(child.returncode, (0, -signal.SIGKILL), stderr.decode())
        return child.returncode == 0


class Kill(Crash):
    def test_killed_at_any_moment(self):
        self.random = random.Random(11)
        begin = time.monotonic()
        self.bulkhead("archive", "import", self.archive, self.part(0))
        duration = 1.2 * (time.monotonic() - begin)
        self.bulkhead("ledger", "sign", self.archive, "--key", self.key)
        there, dropped, done = {0}, set(), {"import": 0, "compact": 0, "sign": 0, "expire": 0}
        for _ in range(KILLS):
            act = self.random.choice(["import", "import", "import", "compact", "sign", "expire"] if len(there) > 1 else ["import"])
            following = max(there | dropped) + 1
            oldest = min(there)
            if act == "import":
                finished = self.killed(duration, "archive", "import", self.archive, self.part(following))
            elif act == "compact":
                finished = self.killed(duration, "archive", "compact", self.archive)
            elif act == "sign":
                finished = self.killed(duration, "ledger", "sign", self.archive, "--key", self.key)
            else:
                before = (oldest + 1) * FLOWS + 1
                finished = self.killed(duration, "archive", "expire", self.archive, "--before", f"1970-01-01T{before // 3600:02}:"
                                       f"{before // 60 % 60:02}:{before % 60:02}Z", "--kind", "flow")
            done[act] += finished
            self.check(act, finished, following, oldest, there, dropped)
        self.assertGreater(sum(done.values()), 0, "nothing ever ended")
        self.assertLess(sum(done.values()), KILLS, "nothing was ever killed")
        # and all goes on as if nothing had been
        following = max(there | dropped) + 1
        self.bulkhead("archive", "import", self.archive, self.part(following))
        self.bulkhead("archive", "compact", self.archive)
        self.bulkhead("ledger", "sign", self.archive, "--key", self.key)
        self.assertEqual(self.parts(self.flows()), there | {following})
        self.assertEqual(self.fits()["records_not_in_ledger"], 0)

    def check(self, act, finished, following, oldest, there, dropped):
        """What is there now; `there` and `dropped` are brought up to date."""
        now = self.parts(self.flows())
        allowed = [there]
        if act == "import":
            allowed = [there | {following}] + ([] if finished else [there])
        elif act == "expire":
            allowed.append(there - {oldest})
        self.assertIn(now, allowed, f"{act}, {'finished' if finished else 'killed'}")
        dropped |= there - now
        there.clear()
        there |= now
        if dropped:  # what was dropped is missing until somebody signs that it was on purpose
            self.bulkhead("ledger", "sign", self.archive, "--key", self.key)
        self.fits()


class FullDisk(Crash):
    def check_no_room(self, fail, again):
        """fail() must tell and take nothing; again() must work."""
        self.bulkhead("archive", "import", self.archive, self.part(0))
        self.bulkhead("ledger", "sign", self.archive, "--key", self.key)
        before = self.flows()
        for _ in range(2):
            result = fail()
            self.assertRegex(result.stderr, "(?i)no space left|file too large|room")
            self.assertIn("nothing was taken", result.stderr)
            self.assertEqual(self.flows(), before)
            self.fits()
        again()
        self.assertEqual(self.parts(self.flows()), {0, 1, 2, 3, 4, 5})
        self.bulkhead("ledger", "sign", self.archive, "--key", self.key)
        self.assertEqual(self.fits()["records_not_in_ledger"], 0)

    def rest(self):
        return [self.part(n) for n in range(1, 6)]

    def test_a_full_disk(self):
        disk = self.folder / "disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", disk], capture_output=True, text=True, check=False)
        if mounted.returncode:
            self.skipTest(f"a small file system can't be mounted: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", disk], check=False)
        self.archive, ballast = disk / "archive", disk / "ballast"

        def fail():
            used = os.statvfs(disk)
            with open(ballast, "wb") as f:  # but for some pages
                f.write(bytes(max(0, used.f_bavail * used.f_bsize - (40 << 10))))
            result = self.bulkhead("archive", "import", self.archive, *self.rest(), code=4)
            ballast.unlink()
            return result

        self.check_no_room(fail, lambda: self.bulkhead("archive", "import", self.archive, *self.rest()))

    def test_a_limit_on_files(self):
        def limited():
            resource.setrlimit(resource.RLIMIT_FSIZE, (60 << 10, resource.RLIM_INFINITY))

        def fail():
            # Python ignores SIGXFSZ, and so does then what it begins
            return self.bulkhead("archive", "import", self.archive, *self.rest(), code=4, preexec_fn=limited, restore_signals=False)

        self.check_no_room(fail, lambda: self.bulkhead("archive", "import", self.archive, *self.rest()))

    def test_an_export_that_finds_no_room_says_so(self):
        self.bulkhead("archive", "import", self.archive, self.part(0))
        result = self.bulkhead("archive", "export", "--format", "json", "--output", "/dev/full", self.archive, code=4)
        self.assertRegex(result.stderr, "(?i)no space left|room")
        with open("/dev/full", "w", encoding="ascii") as full:
            result = subprocess.run([lib.BULKHEAD, "archive", "export", "--format", "csv", "--kind", "flow", self.archive], stdout=full,
                                    stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(result.returncode, 4, result.stderr)
        self.assertRegex(result.stderr, "(?i)no space left|room")


if __name__ == "__main__":
    lib.main()
