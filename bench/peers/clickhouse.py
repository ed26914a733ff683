# SPDX-License-Identifier: GPL-2.0-or-later
"""ClickHouse: a server of our own on loopback, two threads, a MergeTree in the order of time, indicators in a Set table."""
import http.client
import pathlib
import shutil
import socket
import statistics
import subprocess
import time

from . import common

SERVERS = ("clickhouse-server", "/usr/sbin/clickhouse-server", "/usr/bin/clickhouse-server")
TYPES = {1: "UInt8", 2: "UInt16", 4: "UInt32", 8: "UInt64", "time": "Int64", "text": "String"}
CONFIG = """<yandex>
<logger><level>warning</level><log>{work}/log</log><errorlog>{work}/errors</errorlog></logger>
<http_port>{http}</http_port><tcp_port>{tcp}</tcp_port><listen_host>127.0.0.1</listen_host>
<path>{work}/data/</path><tmp_path>{work}/tmp/</tmp_path><users_config>{work}/users.xml</users_config>
<default_profile>default</default_profile><default_database>default</default_database><mark_cache_size>1073741824</mark_cache_size>
</yandex>
"""
USERS = """<yandex><profiles><default><max_threads>2</max_threads><max_memory_usage>0</max_memory_usage></default></profiles>
<users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
<quotas><default></default></quotas></yandex>
"""
SUMS = "count() AS flows, sum(wire_out) AS wire_out, sum(wire_in) AS wire_in, min(first) AS first, max(last) AS last"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def forms(domains):
    """Several forms of the same question; the best one counts."""
    if domains:
        return {"prewhere": f"SELECT name AS value, {SUMS} FROM flows PREWHERE name IN indicator WHERE duplicate_of = 0 GROUP BY value"}
    half = "SELECT {0} AS value, wire_out, wire_in, first, last FROM flows PREWHERE {0} IN indicator WHERE duplicate_of = 0"
    return {"prewhere": f"SELECT if(initiator IN indicator, initiator, responder) AS value, {SUMS} FROM flows "
                        "PREWHERE responder IN indicator OR initiator IN indicator WHERE duplicate_of = 0 GROUP BY value",
            "union": f"SELECT value, {SUMS} FROM ({half.format('responder')} UNION ALL {half.format('initiator')}) GROUP BY value"}


class ClickHouse:
    name = "clickhouse"

    def __init__(self, work):
        self.work = work / "clickhouse"
        self.process = None
        self.connection = None

    def available(self):
        program = next((shutil.which(p) for p in SERVERS if shutil.which(p)), None)
        if not program:
            return "clickhouse-server is not installed"
        for part in ("data", "tmp"):
            (self.work / part).mkdir(parents=True)
        self.port = free_port()
        (self.work / "config.xml").write_text(CONFIG.format(work=self.work, http=self.port, tcp=free_port()), encoding="ascii")
        (self.work / "users.xml").write_text(USERS, encoding="ascii")
        with open(self.work / "output", "wb") as output:
            self.process = subprocess.Popen([program, f"--config-file={self.work}/config.xml"], stdout=output, stderr=output)
        for _ in range(100):
            time.sleep(0.2)
            try:
                self.version = self.query("SELECT version()").strip()
                return None
            except OSError:
                self.connection = None
        return "clickhouse-server didn't start"

    def query(self, sql, body=None):
        if not self.connection:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=3600)
        if body is None:
            self.connection.request("POST", "/", sql.encode())
        else:
            self.connection.request("POST", "/?query=" + sql.replace(" ", "+"), body)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            raise RuntimeError(text)
        return text

    def load(self, source):
        columns = ", ".join(f"{n} {TYPES[t]}" for n, t in common.COLUMNS)
        self.query(f"CREATE TABLE flows ({columns}) ENGINE = MergeTree PARTITION BY tuple() ORDER BY last")
        start, used = time.monotonic(), common.processor_of(self.process.pid)
        for path in sorted(pathlib.Path(source).glob("*.csv")):
            with open(path, "rb") as part:
                self.query("INSERT INTO flows FORMAT CSVWithNames", part)
        seconds, used = time.monotonic() - start, common.processor_of(self.process.pid) - used
        # merged as far as it goes before anything is asked; not counted as ingest
        self.query("OPTIMIZE TABLE flows FINAL")
        size = int(self.query("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'flows'"))
        return {"seconds": seconds, "processor": used, "bytes": size, "note": f"{self.version}, CSV by HTTP, merges beside it"}

    def ask(self, sql):
        start = time.monotonic()
        self.query(sql)
        return (time.monotonic() - start) * 1e3

    def hunt(self, lists, runs, cold, answers):
        result = {}
        for one in lists:
            self.query("DROP TABLE IF EXISTS indicator")
            self.query(f"CREATE TABLE indicator (value {'String' if one.domains else 'UInt32'}) ENGINE = Set")
            self.query("INSERT INTO indicator FORMAT TSV", "".join(f"{k}\n" for k in one.keys()).encode())
            best = None
            for form, sql in forms(one.domains).items():
                self.ask(sql)
                ms = [self.ask(sql) for _ in range(runs)]
                if not best or statistics.median(ms) < statistics.median(best["warm_ms"]):
                    best = {"form": form, "warm_ms": ms, "sql": sql}
            (answers / f"{one.name}.{self.name}.csv").write_text(self.query(best["sql"] + " FORMAT CSV"), encoding="ascii")
            best["cold_ms"] = []
            for _ in range(cold):
                self.query("SYSTEM DROP MARK CACHE")
                common.drop_pages()
                best["cold_ms"].append(self.ask(best["sql"]))
            result[one.name] = best
        return result

    def close(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
        shutil.rmtree(self.work, ignore_errors=True)
