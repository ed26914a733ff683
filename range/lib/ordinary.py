# SPDX-License-Identifier: GPL-2.0-or-later
"""Ordinary traffic: what the people and machines of the agency do all day.

A habit is an action with a rhythm: `often` (exponential gaps, like people),
`every` (a period with a little jitter, like machines) or `once` (at a share of the
recording, like nightly copies). Actions use real clients. Each takes the agent
of its host, and draws from that host's own random generator.
"""

import dataclasses
import http.client
import smtplib
import socket
import struct
import subprocess
import tempfile
import time
import typing

from . import documents, topology

SITES = ("www.example.com", "news.example.org", "maps.example.net", "www.partner.example")
INTRANET, FILES, MAIL = "intranet.agency.example", "files.agency.example", "mail.agency.example"
SSH = ("ssh", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
       "-o", "ConnectTimeout=8")


@dataclasses.dataclass
class Habit:
    action: typing.Callable
    kind: str                   # often | every | once
    seconds: float = 0.0        # mean gap, or period
    jitter: float = 0.03
    at: float = 0.0             # once: share of the recording

    def first(self, rng, length, pace):
        return self.at * length if self.kind == "once" else rng.uniform(3, self.seconds / pace)

    def gap(self, rng):
        if self.kind == "often":
            return rng.expovariate(1.0 / self.seconds)
        return self.seconds * rng.uniform(1 - self.jitter, 1 + self.jitter)


def often(action, seconds):
    return Habit(action, "often", seconds)


def every(action, seconds, jitter=0.03):
    return Habit(action, "every", seconds, jitter)


def once(action, at):
    return Habit(action, "once", at=at)


# -- actions ---------------------------------------------------------------

def curl(agent, *arguments):
    agent.tool("curl", "-s", "-m", "20", "-o", "/dev/null", *arguments)


def intranet(agent):
    pages = agent.rng.sample(range(20), agent.rng.randint(1, 3))
    urls = []
    for n in pages:
        urls += ["http://%s/page%02d.html" % (INTRANET, n), "-o", "/dev/null"]
    curl(agent, *urls[:-2])


def browse(agent):
    curl(agent, "https://%s/page%02d.html" % (agent.rng.choice(SITES), agent.rng.randrange(20)))


def page(agent):
    """A page of the intranet, for machines that only glance at it."""
    connection = http.client.HTTPConnection(INTRANET, timeout=8)
    try:
        connection.request("GET", "/page%02d.html" % agent.rng.randrange(8))
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        pass
    finally:
        connection.close()


def webmail(agent):
    curl(agent, "https://%s/inbox" % MAIL)


def chat(agent):
    curl(agent, "https://chat.example.net/presence", "-A", "chat-client/4.2")


def look_up(agent):
    name = agent.rng.choice(SITES + (INTRANET, FILES, MAIL, "print.agency.example", "wiki.example.org"))
    try:
        socket.getaddrinfo(name, 443, type=socket.SOCK_STREAM)
    except OSError:
        pass


def update_check(agent):
    curl(agent, "http://mirror.example.net/Release", "-A", "Debian APT-HTTP/1.3")
    if agent.rng.random() < 0.08:
        curl(agent, "http://mirror.example.net/package%d.deb" % agent.rng.randrange(6), "-A", "Debian APT-HTTP/1.3")


def clock(agent):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(2)
        try:
            s.sendto(b"\x23" + b"\0" * 39 + struct.pack("!II", int(time.time()) + 2208988800, 0), ("10.50.0.23", 123))
            s.recv(128)
        except OSError:
            pass


def log_line(agent):
    words = ("session opened for user", "synchronised with", "job finished on", "lease renewed on", "rotated log of")
    line = "<30>%s %s service: %s %s" % (time.strftime("%b %d %H:%M:%S"), agent.host.name,
                                         agent.rng.choice(words), agent.host.name)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.sendto(line.encode(), ("10.50.0.40", 514))
        except OSError:
            pass


def send_mail(agent):
    to = "%s@%s" % (agent.rng.choice(("office", "contact", "desk")), agent.rng.choice(("example.org", "partner.example")))
    body = documents.text(agent.rng, 1)[:agent.rng.randrange(200, 1200)].decode()
    sender = "%s@agency.example" % (agent.host.user or agent.host.name)
    try:
        with smtplib.SMTP("10.10.0.25", 25, timeout=8) as server:
            server.sendmail(sender, [to], "From: %s\nTo: %s\nSubject: note\n\n%s" % (sender, to, body))
    except (OSError, smtplib.SMTPException):
        pass


def smbclient(agent, server, login, password, commands):
    agent.tool("smbclient", "-s", "/mnt/smbclient.conf", "//%s/share" % server, "-U", "%s%%%s" % (login, password),
               "-c", commands)


def share(agent):
    login = agent.host.user
    password = agent.agency.people[login]
    if "clumsy" in agent.host.traits and agent.rng.random() < 0.3:
        smbclient(agent, FILES, login, password[:-1], "ls")         # mistyped, then again
        agent.pause(2, 5)
    commands = ["get memo-%02d.txt /tmp/memo" % agent.rng.randrange(24)]
    if agent.rng.random() < 0.3:
        with tempfile.NamedTemporaryFile(delete=False) as note:
            note.write(documents.text(agent.rng, 2))
        commands.append("put %s note-%s-%d.txt" % (note.name, login, agent.rng.randrange(1000)))
    smbclient(agent, FILES, login, password, "; ".join(commands))


def mission_status(agent):
    login = agent.host.user
    smbclient(agent, "10.30.0.10", login, agent.agency.people[login],
              "get status\\pass-%02d.txt /tmp/pass" % agent.rng.randrange(12))


def launch_status(agent):
    login = agent.host.user
    smbclient(agent, "10.40.0.10", login, agent.agency.people[login],
              "get status\\shift-%02d.txt /tmp/shift" % agent.rng.randrange(12))


def query(agent, server):
    agent.tool("psql", "-q", "-h", server, "-U", "postgres", "-c",
               "select * from samples where id between %d and %d" % ((lambda n: (n, n + agent.rng.randint(3, 25)))(
                   agent.rng.randrange(4900))), PGPASSWORD=agent.agency.people["telemetry"], PGSSLMODE="disable")


def telemetry(agent):
    query(agent, "10.30.0.20")


def launch_data(agent):
    query(agent, "10.40.0.20")


def cloud_upload(agent, size=None):
    size = size or agent.rng.randrange(1500, 7000)
    with tempfile.NamedTemporaryFile() as picture:
        picture.write(agent.rng.randbytes(size))
        picture.flush()
        curl(agent, "-T", picture.name, "https://drive.cloudstore.example/u/%s-%d.jpg"
             % (agent.host.user, agent.rng.randrange(100000)))


def cloud_bulk(agent):
    cloud_upload(agent, topology.BULK[agent.agency.scenario][1] * 1024)


def printing(agent):
    with tempfile.NamedTemporaryFile() as page:
        page.write(agent.rng.randbytes(agent.rng.randrange(1500, 5000)))
        page.flush()
        curl(agent, "-T", page.name, "http://print.agency.example:631/job-%d" % agent.rng.randrange(100000))


def jump_login(agent):
    login = agent.host.user
    password = agent.agency.people[login]
    if "clumsy" in agent.host.traits and agent.rng.random() < 0.4:
        agent.tool("sshpass", "-p", password + "1", *SSH, login + "@10.50.0.20", "true")
        agent.pause(2, 6)
    agent.tool("sshpass", "-p", password, *SSH, login + "@10.50.0.20", "uptime; ls /usr/share/common-licenses")


ADMINISTERED = ("10.10.0.10", "10.10.0.25", "10.20.0.10", "10.20.0.11", "10.30.0.20", "10.40.0.20", "10.50.0.40",
                "10.50.0.53", "10.50.0.30", "10.20.0.2", "10.30.0.10", "10.40.0.10")


def administered(agent):
    """A server to log in to; never, from the attack on, one that the intruder reaches over the same hop."""
    avoid = {"cloud": ("10.40.0.10",)}.get(agent.agency.scenario, ()) if agent.attack_begun() else ()
    return agent.rng.choice([a for a in ADMINISTERED if a not in avoid])


def administer(agent):
    agent.tool(*SSH, "-i", "/root/.ssh/ops", "ops@" + administered(agent), agent.rng.choice(("uptime", "df", "ls -l /etc")))


def administer_by_jump(agent):
    proxy = "ProxyCommand=%s -i /root/.ssh/ops -W %%h:%%p ops@10.50.0.20" % " ".join(SSH)
    agent.tool(*SSH, "-i", "/root/.ssh/ops", "-o", proxy, "ops@" + administered(agent), "uptime")


def poll_metrics(agent):
    watched = [h for h in agent.agency.hosts if h.internal and "metrics" in h.servers and h is not agent.host]
    for host in watched:
        curl(agent, "http://%s:9100/metrics" % host.address)
        time.sleep(0.15)


def poll_pings(agent):
    for host in agent.agency.hosts:
        if host.internal and host is not agent.host and "desk" not in host.role and host.role != "phone":
            agent.tool("ping", "-n", "-q", "-c", "1", "-W", "1", host.address)
            time.sleep(0.1)


def rsync(agent, source, target):
    shell = " ".join(SSH) + " -i /root/.ssh/nightly"
    agent.tool("rsync", "-a", "--timeout=20", "-e", shell, source, target)


def backup_small(agent):
    host = agent.rng.choice(("10.10.0.40", "10.30.0.10") + (() if agent.agency.scenario == "cloud" else ("10.40.0.10",)))
    rsync(agent, "nightly@%s:/etc/skel/" % host, "/srv/backup-%s/" % host)


def backup_mission(agent):
    rsync(agent, "nightly@10.30.0.10:/srv/share/nightly.bin", "/srv/backup-mission/")


def push_backup(agent):
    rsync(agent, "/srv/share/nightly.bin", "nightly@10.50.0.30:nightly-launch.bin")


def visit(agent):
    curl(agent, "-4", "http://www.agency.example/page%02d.html" % agent.rng.randrange(20))


def remote_access(agent):
    curl(agent, "https://vpn.agency.example/", "https://vpn.agency.example/login", "-d", "user=guest&password=none",
         "-o", "/dev/null")


def partner_fetch(agent):
    curl(agent, "https://extranet.agency.example/page%02d.html" % agent.rng.randrange(20))


def mail_from_outside(agent):
    try:
        with smtplib.SMTP("10.10.0.25", 25, timeout=8) as server:
            server.sendmail("office@example.org", ["desk@agency.example"],
                            "Subject: news\n\n" + documents.text(agent.rng, 1).decode())
    except (OSError, smtplib.SMTPException):
        pass


# -- who does what -----------------------------------------------------------

MACHINE = (every(clock, 64), every(log_line, 45, 0.2), every(update_check, 1300, 0.1))

ROLES = {
    "desk": MACHINE + (often(intranet, 270), often(browse, 1000), every(webmail, 900, 0.02), often(look_up, 35),
                       often(share, 900), often(send_mail, 2400), often(printing, 2400)),
    "server": MACHINE,
    "plain-desk": MACHINE + (often(look_up, 14), often(page, 150), often(browse, 1800)),
    "phone": (every(clock, 64), every(log_line, 45, 0.2), every(look_up, 60, 0.1), every(page, 300, 0.1)),
    "device": (every(clock, 64), every(log_line, 25, 0.3), often(look_up, 25), every(update_check, 1300, 0.1)),
    "appliance": (every(clock, 256), every(log_line, 240, 0.2)),
    "mission-console": MACHINE + (often(telemetry, 70), often(mission_status, 1300), often(intranet, 400)),
    "launch-console": MACHINE + (often(launch_data, 70), often(launch_status, 900), often(intranet, 400)),
    "monitor": MACHINE + (every(poll_metrics, 240), every(poll_pings, 200)),
    "jump": MACHINE + (often(administer, 600),),
    "admin": MACHINE + (often(administer, 350), often(administer_by_jump, 900), often(intranet, 200), often(browse, 600)),
    "backup": MACHINE + (every(backup_small, 300, 0.1), once(backup_mission, 0.62)),
    "visitor": (often(visit, 40),),
    "remote-worker": (often(remote_access, 300), often(partner_fetch, 120)),
    "sender": (often(mail_from_outside, 160),),
    "outside": (),
}

TRAITS = {
    "chat": (every(chat, 60, 0.2),),
    "cloud": (often(cloud_upload, 320),),
    "cloud-busy": (often(cloud_upload, 25),),
    "cloud-bulk": (once(cloud_bulk, 0.56),),
    "mission-reader": (often(mission_status, 600), often(telemetry, 150)),
    "launch-reader": (often(launch_status, 450),),
    "jump-user": (often(jump_login, 400),),
    "push-backup": (once(push_backup, 0.30),),
}


def habits(host):
    found = list(ROLES[host.role])
    for trait in host.traits:
        found += TRAITS.get(trait, ())
    return found
