# SPDX-License-Identifier: GPL-2.0-or-later
"""The agency: zones, machines, accounts and names. Data only, no system calls.

The three scenarios share it; what differs between them (which machines the
intruder meets, a few roles, passwords) is asked for by scenario name.
"""

import dataclasses
import random

DOMAIN = "agency.example"


@dataclasses.dataclass(frozen=True)
class Zone:
    name: str
    bridge: str                 # device in the router's namespace, at most 15 characters
    gateways: tuple             # the router's addresses, with prefix length
    kind: str                   # the class of the site file


ZONES = {z.name: z for z in (
    Zone("internet", "br-internet", ("192.0.2.1/24", "198.51.100.1/24", "203.0.113.1/24"), "external"),
    Zone("dmz", "br-dmz", ("10.10.0.1/24",), "dmz"),
    Zone("office", "br-office", ("10.20.0.1/24",), "internal"),
    Zone("mission-control", "br-mission", ("10.30.0.1/24",), "protected"),
    Zone("launch-ops", "br-launch", ("10.40.0.1/24",), "protected"),
    Zone("management", "br-mgmt", ("10.50.0.1/24",), "management"),
)}


@dataclasses.dataclass
class Host:
    name: str
    zone: str
    address: str
    role: str                                   # chooses the ordinary activities
    servers: tuple = ()                         # keys of servers.START
    dhcp: bool = False                          # gets its address by DHCP
    users: dict = dataclasses.field(default_factory=dict)   # login -> password
    user: str = ""                              # whose desk this is
    traits: tuple = ()                          # extra habits, see ordinary.py
    pace: float = 1.0                           # below 1: quieter than its colleagues

    @property
    def gateway(self):
        return self.address.rsplit(".", 1)[0] + ".1"

    @property
    def mac(self):
        return "02:42:" + ":".join("%02x" % int(n) for n in self.address.split("."))

    @property
    def internal(self):
        return self.zone != "internet"


@dataclasses.dataclass
class Agency:
    scenario: str
    hosts: list
    people: dict                                # login -> password, the same on every machine
    names: dict                                 # fully qualified name -> address

    def host(self, name):
        return next(h for h in self.hosts if h.name == name)

    def address(self, name):
        return self.host(name).address


# Kilobytes of a nightly copy and of the large upload to the cloud storage, as far as the recording has room.
BULK = {"breakin": (115, 210), "cloud": (160, 340), "quiet": (360, 640)}

WORDS = ("Copper", "Lantern", "Meadow", "Quartz", "Harbor", "Velvet", "Timber", "Saffron",
         "Cobalt", "Juniper", "Marble", "Falcon", "Willow", "Ember", "Granite", "Orchid")

# Who the intruder will meet, and how weak their passwords are. In `quiet` the
# same people sit there, and nobody comes.
WEAK = {
    "breakin": {"tmeyer": "Summer2026", "fileadm": "Orbit2026!"},
    "cloud": {"eweber": "Tq7-maple-Drift", "ops": "vK3#pylon-84"},
    "quiet": {"tmeyer": "Autumn-2026x"},
}

PEOPLE = ("abauer", "tmeyer", "ssato", "rokafor", "jlind", "mcosta", "pnovak", "ychen", "dmoreau",
          "kharris", "lferri", "obrandt", "nsilva", "eweber", "ghansen", "irossi", "vpetrov",
          "hmori", "ckelly", "fdubois", "bszabo", "zahmed")


def people(scenario, rng):
    accounts = {}
    for login in PEOPLE + ("fileadm", "ops", "telemetry", "nightly"):
        accounts[login] = "%s-%s-%d" % (rng.choice(WORDS), rng.choice(WORDS), rng.randrange(100, 999))
    accounts.update(WEAK.get(scenario, {}))
    return accounts


def office(scenario, accounts):
    """Two dozen desks. A few people have habits that look like trouble and aren't."""
    traits = {
        "ws01": ("chat",), "ws04": ("mission-reader",), "ws06": ("cloud",),
        "ws08": ("cloud",), "ws10": ("jump-user",), "ws11": ("cloud",),
        "ws15": ("mission-reader",), "ws16": ("cloud-bulk",), "ws17": ("jump-user", "clumsy"),
        "ws18": ("launch-reader",), "ws19": ("clumsy",), "ws20": ("clumsy", "cloud"), "ws22": ("chat",),
    }
    if scenario == "cloud":
        traits.update({"ws03": ("cloud-busy",), "ws05": ("cloud", "mission-reader"), "ws04": ("chat",)})
    if scenario == "quiet":
        traits.update({"ws13": ("mission-reader", "cloud"), "ws21": ("cloud-bulk", "clumsy")})
    desks = []
    for n, login in enumerate(PEOPLE, start=1):
        name = "ws%02d" % n
        logins = {login: accounts[login]}
        if scenario == "breakin" and name in ("ws07", "ws12"):
            logins["tmeyer"] = accounts["tmeyer"]       # a roaming account
        if scenario == "cloud" and name == "ws03":
            logins["ops"] = accounts["ops"]             # administered from the jump host
        desks.append(Host(name, "office", "10.20.0.%d" % (20 + n), "desk", ("sshd",), True,
                          logins, login, traits.get(name, ())))
    return desks


# Whose desks are empty from the attack on, and which machines have little to do anyway.
UNATTENDED = {"breakin": ("ws07", "ws12"), "cloud": ("ws14", "ws03")}
SLOW = {"breakin": ("vpn", "files-mc", "ws07", "ws12"), "cloud": ("jump", "data-lo", "ws14", "ws03")}


def set_paces(scenario, seed, hosts):
    """No two machines are equally busy; a third of all is as slow as those that the intruder takes."""
    rng = random.Random("pace/%s/%s" % (scenario, seed))
    for host in hosts:
        pace = rng.choice((0.25, 0.3, 0.6, 1.0, 1.0, 1.3))
        if host.internal and host.role not in ("monitor", "backup"):
            host.pace = 0.25 if host.name in SLOW.get(scenario, ()) else pace
        if host.name in UNATTENDED.get(scenario, ()):
            host.traits += ("leaves-at-attack",)


def agency(scenario, seed):
    rng = random.Random("people/%s/%s" % (scenario, seed))
    acc = people(scenario, rng)
    staff = {p: acc[p] for p in PEOPLE}
    ops = {"ops": acc["ops"]}
    server = ("sshd", "metrics")

    hosts = [
        Host("vpn", "dmz", "10.10.0.5", "appliance", ("portal",)),
        Host("www", "dmz", "10.10.0.10", "server", ("web", *server), users=ops),
        Host("mail", "dmz", "10.10.0.25", "server", ("relay", "web", *server), users=ops),
        Host("extranet", "dmz", "10.10.0.40", "server", ("web", *server), users={**ops, "nightly": acc["nightly"]}),

        Host("dhcp", "office", "10.20.0.2", "server", ("dhcp", *server), users=ops),
        Host("intranet", "office", "10.20.0.10", "server", ("web", *server), users=ops),
        Host("files", "office", "10.20.0.11", "server", ("smb", *server), users={**staff, **ops}),
        Host("print", "office", "10.20.0.12", "server", ("printer", "metrics")),
        *office(scenario, acc),
        *[Host("ws%02d" % n, "office", "10.20.0.%d" % (20 + n), "plain-desk", dhcp=True, user="guest%d" % n)
          for n in range(23, 31)],
        *[Host("phone%d" % n, "office", "10.20.0.%d" % (70 + n), "phone") for n in range(1, 6)],

        Host("files-mc", "mission-control", "10.30.0.10", "server", ("smb", *server),
             users={**ops, "fileadm": acc["fileadm"], "nightly": acc["nightly"], **staff}, traits=("mission-documents",)),
        Host("telemetry", "mission-control", "10.30.0.20", "server", ("database", *server), users=ops),
        *[Host("mc%02d" % n, "mission-control", "10.30.0.%d" % (30 + n), "mission-console", ("sshd",),
               users=ops, user=PEOPLE[-n]) for n in range(1, 6)],

        *[Host(name, "mission-control", "10.30.0.%d" % n, "device", ("metrics",))
          for name, n in (("plan-mc", 21), ("antenna1", 51), ("antenna2", 52))],

        Host("data-lo", "launch-ops", "10.40.0.10", "server", ("smb", *server),
             users={**ops, "nightly": acc["nightly"], **staff}, traits=("launch-documents", "push-backup")),
        Host("db-lo", "launch-ops", "10.40.0.20", "server", ("database", *server), users=ops),
        *[Host("lo%02d" % n, "launch-ops", "10.40.0.%d" % (30 + n), "launch-console", ("sshd",),
               users=ops, user=PEOPLE[-5 - n]) for n in range(1, 4)],

        *[Host(name, "launch-ops", "10.40.0.%d" % n, "device", ("metrics",))
          for name, n in (("weather-lo", 21), ("pad1", 51), ("pad2", 52))],

        Host("dns1", "management", "10.50.0.53", "server", ("resolver", *server), users=ops),
        Host("ntp1", "management", "10.50.0.23", "server", ("ntp", *server), users=ops),
        Host("log1", "management", "10.50.0.40", "server", ("syslog", *server), users=ops),
        Host("mon1", "management", "10.50.0.10", "monitor", server, users=ops),
        Host("jump", "management", "10.50.0.20", "jump", server, users={**ops, **staff}),
        Host("backup", "management", "10.50.0.30", "backup", server, users={**ops, "nightly": acc["nightly"]}),
        Host("admin01", "management", "10.50.0.51", "admin", ("sshd",), users=ops),
        Host("admin02", "management", "10.50.0.52", "admin", ("sshd",), users=ops),

        Host("ca1", "management", "10.50.0.41", "device", ("metrics",)),
        Host("assets1", "management", "10.50.0.42", "device", ("metrics",)),

        Host("root-ns", "internet", "198.51.100.53", "server", ("names",)),
        Host("sites", "internet", "198.51.100.80", "visitor", ("web",)),
        Host("mirror", "internet", "198.51.100.90", "outside", ("web",)),
        Host("cloudstore", "internet", "198.51.100.100", "outside", ("web",)),
        Host("chat", "internet", "198.51.100.110", "outside", ("web",)),
        Host("mx", "internet", "198.51.100.25", "sender", ("mx",)),
        Host("partner", "internet", "192.0.2.40", "remote-worker", ("web",)),
        *INTRUDERS.get(scenario, ()),
    ]

    set_paces(scenario, seed, hosts)
    names = {"%s.%s" % (h.name, DOMAIN): h.address for h in hosts if h.internal}
    names.update({
        "www.example.com": "198.51.100.80", "news.example.org": "198.51.100.80", "maps.example.net": "198.51.100.80",
        "mirror.example.net": "198.51.100.90", "drive.cloudstore.example": "198.51.100.100",
        "chat.example.net": "198.51.100.110", "mx.example.org": "198.51.100.25", "www.partner.example": "192.0.2.40",
    })
    names.update(INTRUDER_NAMES.get(scenario, {}))
    return Agency(scenario, hosts, acc, names)


# The intruder's own machines, and their names; nothing in the agency knows them.
INTRUDERS = {
    "breakin": (
        Host("x-scan", "internet", "203.0.113.45", "outside", ("intruder",)),
        Host("x-c2", "internet", "203.0.113.66", "outside", ("c2",)),
        Host("x-drop", "internet", "192.0.2.170", "outside", ("drop",)),
        Host("x-ns", "internet", "203.0.113.53", "outside", ("tunnel",)),
    ),
    "cloud": (
        Host("x-lure", "internet", "198.51.100.201", "outside", ("lure",)),
        Host("x-c2", "internet", "192.0.2.219", "outside", ("intruder",)),
    ),
}
INTRUDER_NAMES = {
    "breakin": {"assets-cdn.example": "203.0.113.66", "media-upload.example": "192.0.2.170"},
    "cloud": {"docs-share.example": "198.51.100.201", "sync.softpatch.example": "192.0.2.219"},
}
# Delegations below the root: zone -> (name server, address).
DELEGATIONS = {"breakin": {"t.ns-telemetry.example": ("ns1.ns-telemetry.example", "203.0.113.53")}}
