# SPDX-License-Identifier: GPL-2.0-or-later
"""The servers of the range, one starter for each kind; real daemons from Debian.

Each starter takes the host agent (host.py), writes its configuration below the
host's own /run and /srv, and starts the daemon in the foreground as a child of the
agent. They run inside the host's private mount namespace, where /run, /srv,
/tmp, /home, /root and the state folders below /var are empty memory file systems.
"""

import http.server
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time

from . import documents, sntp, topology

WWW_DATA = "www-data"


def sshd(agent):
    for user in agent.host.users:
        agent.authorize(user)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/run/ssh_host_key"], check=True)
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    logins = [u for u in agent.host.users if "smb" not in agent.host.servers or u in ("ops", "fileadm", "nightly")]
    pathlib.Path("/run/sshd.conf").write_text(
        "Port 22\nHostKey /run/ssh_host_key\nPidFile /run/sshd.pid\nUsePAM no\nUseDNS no\nPermitRootLogin no\n"
        "PasswordAuthentication yes\nKbdInteractiveAuthentication no\nMaxStartups 40\nPrintMotd no\n"
        "KexAlgorithms curve25519-sha256\nHostKeyAlgorithms ssh-ed25519\nMACs hmac-sha2-256-etm@openssh.com,hmac-sha2-256\n"
        "Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes256-ctr\n"
        "Subsystem sftp internal-sftp\nAllowUsers %s\n" % " ".join(logins))
    agent.daemon("sshd", "/usr/sbin/sshd", "-D", "-e", "-f", "/run/sshd.conf")


def smb(agent):
    share = pathlib.Path("/srv/share")
    share.mkdir(parents=True)
    if "mission-documents" in agent.host.traits:
        (share / "missions").mkdir()
        documents.write(share / "missions", agent.seed, (*documents.MISSION, documents.MISSION_SECRET))
        (share / "status").mkdir()
        for n in range(12):
            (share / "status" / ("pass-%02d.txt" % n)).write_bytes(documents.document(agent.seed, "pass-%d.txt" % n, 2))
    if "launch-documents" in agent.host.traits:
        (share / "campaign").mkdir()
        documents.write(share / "campaign", agent.seed, documents.LAUNCH)
        (share / "status").mkdir()
        for n in range(12):
            (share / "status" / ("shift-%02d.txt" % n)).write_bytes(documents.document(agent.seed, "shift-%d.txt" % n, 2))
    for n in range(24):
        (share / ("memo-%02d.txt" % n)).write_bytes(documents.document(agent.seed, "memo-%d.txt" % n, 1 + n % 4))
    (share / "nightly.bin").write_bytes(documents.filler(agent.seed, agent.host.name, topology.BULK[agent.agency.scenario][0] * 1024))
    subprocess.run(["chmod", "-R", "a+rwX", "/srv/share"], check=True)
    for folder in ("/var/lib/samba/private", "/var/cache/samba", "/run/samba/ncalrpc", "/var/log/samba"):
        os.makedirs(folder, exist_ok=True)
    pathlib.Path("/run/smb.conf").write_text(
        "[global]\nworkgroup = AGENCY\nserver role = standalone server\ndisable netbios = yes\nsmb ports = 445\n"
        "server min protocol = SMB2_10\nmap to guest = never\npassdb backend = tdbsam\nprivate dir = /var/lib/samba/private\n"
        "state directory = /var/lib/samba\ncache directory = /var/cache/samba\nlock directory = /run/samba\n"
        "pid directory = /run/samba\nncalrpc dir = /run/samba/ncalrpc\nlog file = /var/log/samba/log\n"
        "load printers = no\nprinting = bsd\nprintcap name = /dev/null\ndisable spoolss = yes\n"
        "[share]\npath = /srv/share\nread only = no\n")
    for user, password in agent.host.users.items():
        subprocess.run(["smbpasswd", "-c", "/run/smb.conf", "-s", "-a", user], check=True, capture_output=True,
                       input="%s\n%s\n" % (password, password), text=True)
    agent.daemon("smbd", "/usr/sbin/smbd", "-F", "--no-process-group", "-s", "/run/smb.conf")


def certificate(agent, names):
    """A server certificate from the range's own authority."""
    subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                    "/run/tls.key", "-out", "/run/tls.csr", "-subj", "/CN=" + names[0]], check=True, capture_output=True)
    pathlib.Path("/run/tls.ext").write_text("subjectAltName=" + ",".join("DNS:" + n for n in names) + "\n")
    subprocess.run(["openssl", "x509", "-req", "-in", "/run/tls.csr", "-CA", "/mnt/ca.pem", "-CAkey", "/mnt/ca.key",
                    "-set_serial", str(int.from_bytes(os.urandom(8), "big")), "-days", "30", "-extfile", "/run/tls.ext",
                    "-out", "/run/tls.pem"], check=True, capture_output=True)


def nginx(agent, servers):
    """One nginx with the given server blocks; each speaks HTTP and HTTPS unless it says which."""
    os.makedirs("/var/log/nginx", exist_ok=True)
    os.makedirs("/var/lib/nginx/body", exist_ok=True)
    shutil.chown("/var/lib/nginx/body", WWW_DATA)
    pathlib.Path("/run/nginx.conf").write_text(
        "daemon off;\nuser %s;\nworker_processes 1;\npid /run/nginx.pid;\nerror_log /var/log/nginx/error.log;\n"
        "events { worker_connections 128; }\nhttp {\ninclude /etc/nginx/mime.types;\n"
        "log_format precise '$msec $remote_addr $remote_port $request_method $uri $request_length $status';\n"
        "access_log /mnt/hosts/%s/access.log precise;\nclient_body_temp_path /var/lib/nginx/body;\n"
        "proxy_temp_path /run/proxy;\nfastcgi_temp_path /run/fastcgi;\nuwsgi_temp_path /run/uwsgi;\n"
        "scgi_temp_path /run/scgi;\nserver_tokens off;\ngzip off;\n"
        "ssl_certificate /run/tls.pem;\nssl_certificate_key /run/tls.key;\nssl_session_tickets off;\n%s\n}\n"
        % (WWW_DATA, agent.host.name, "\n".join(servers)))
    agent.daemon("nginx", "/usr/sbin/nginx", "-c", "/run/nginx.conf", "-e", "/var/log/nginx/start.log")


def web(agent):
    names = [n for n, address in agent.agency.names.items() if address == agent.host.address]
    certificate(agent, names)
    root = pathlib.Path("/srv/www")
    root.mkdir(parents=True)
    for n in range(20):
        body = documents.document(agent.seed, "%s-page%d" % (agent.host.name, n), 1).decode()[:150 + 45 * n]
        (root / ("page%02d.html" % n)).write_text("<html><title>Page %d</title><pre>%s</pre></html>\n" % (n, body))
    (root / "index.html").write_text("<html><title>%s</title></html>\n" % names[0])
    (root / "Release").write_bytes(documents.document(agent.seed, "release", 1)[:500])
    for n in range(6):
        (root / ("package%d.deb" % n)).write_bytes(documents.filler(agent.seed, "package%d" % n, 3000 + 1500 * n))
    receive(agent, "/srv/upload", ("u",))
    nginx(agent, ["server { listen 80; listen 443 ssl; root /srv/www; server_name %s; client_max_body_size 8m;\n"
                  "location /u/ { root /srv/upload; dav_methods PUT DELETE; create_full_put_path on; }\n"
                  "location /inbox { return 200 '{\"unread\":0}'; }\nlocation /presence { return 200 '{\"ok\":1}'; }\n}"
                  % " ".join(names)])


def receive(agent, folder, below):
    """A folder that nginx may write; what arrives is kept for the truth in /mnt/received/<host>."""
    kept = pathlib.Path("/mnt/received") / agent.host.name
    kept.mkdir(parents=True, exist_ok=True)
    for name in below:
        (kept / name).mkdir(exist_ok=True)
        shutil.chown(kept / name, WWW_DATA)
    os.symlink(kept, folder)


def printer(agent):
    certificate(agent, ["print." + topology.DOMAIN])
    nginx(agent, ["server { listen 631; client_max_body_size 8m; location / { root /srv/spool; dav_methods PUT; "
                  "create_full_put_path on; } }"])
    os.makedirs("/srv/spool", exist_ok=True)
    shutil.chown("/srv/spool", WWW_DATA)


def portal(agent):
    """The VPN appliance's portal, with a diagnosis page that trusts its argument."""
    certificate(agent, ["vpn." + topology.DOMAIN])
    nginx(agent, ["server { listen 443 ssl; server_name vpn.%s; location / { proxy_pass http://127.0.0.1:8000; "
                  "proxy_read_timeout 900s; } }" % topology.DOMAIN])
    agent.daemon("portal", "/usr/bin/python3", "/mnt/code/lib/portal.py")


def database(agent):
    binaries = "/usr/lib/postgresql/15/bin/"
    data = "/var/lib/postgresql/data"
    os.makedirs(data)
    os.makedirs("/run/postgresql")
    pathlib.Path("/run/pgpass").write_text(agent.agency.people["telemetry"] + "\n")
    for path in ("/var/lib/postgresql", data, "/run/postgresql", "/run/pgpass"):
        shutil.chown(path, "postgres", "postgres")
    as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "env", "LC_ALL=C.UTF-8"]
    subprocess.run(as_postgres + [binaries + "initdb", "-D", data, "-U", "postgres", "-A", "scram-sha-256",
                                  "--pwfile=/run/pgpass", "--no-sync"], check=True, capture_output=True, cwd="/")
    with open(data + "/pg_hba.conf", "a") as hba:
        hba.write("host all all 10.0.0.0/8 scram-sha-256\n")
    agent.daemon("postgres", *as_postgres, binaries + "postgres", "-D", data, "-c", "listen_addresses=*",
                 "-c", "fsync=off", "-c", "shared_buffers=8MB", "-c", "unix_socket_directories=/run/postgresql",
                 "-c", "autovacuum=off", "-c", "log_min_messages=fatal")
    env = {"PGPASSWORD": agent.agency.people["telemetry"], "PATH": os.environ["PATH"]}
    for _ in range(100):
        made = subprocess.run(
            ["psql", "-q", "-h", "127.0.0.1", "-U", "postgres", "-c",
             "create table samples as select n as id, 'channel-' || n % 40 as channel, (n * 7919 % 1000) / 10.0 as value"
             " from generate_series(1, 5000) n"], env=env, capture_output=True)
        if made.returncode == 0:
            return
        time.sleep(0.3)
    raise RuntimeError("postgres did not start")


def resolver(agent):
    local = "".join('local-data: "%s. A %s"\n' % (n, a) for n, a in agent.agency.names.items()
                    if n.endswith("." + topology.DOMAIN))
    pathlib.Path("/run/root.hints").write_text(". 3600 IN NS root-ns.\nroot-ns. 3600 IN A 198.51.100.53\n")
    pathlib.Path("/run/unbound.conf").write_text(
        'server:\nverbosity: 1\nuse-syslog: no\ndo-daemonize: no\nusername: ""\nchroot: ""\ndirectory: "/run"\n'
        'pidfile: ""\ninterface: 0.0.0.0\naccess-control: 10.0.0.0/8 allow\ndo-ip6: no\nmodule-config: "iterator"\n'
        'root-hints: "/run/root.hints"\nqname-minimisation: no\nnum-threads: 1\nmsg-cache-size: 2m\nrrset-cache-size: 2m\n'
        'cache-max-ttl: 60\nlocal-zone: "%s." static\n%sremote-control:\ncontrol-enable: no\n' % (topology.DOMAIN, local))
    agent.daemon("unbound", "/usr/sbin/unbound", "-d", "-c", "/run/unbound.conf")


def names(agent):
    """The rest of the world's DNS: a root that knows every outside name itself, and delegates a few."""
    zone = "$TTL 120\n. IN SOA root-ns. hostmaster. 1 3600 600 86400 60\n. IN NS root-ns.\nroot-ns. IN A 198.51.100.53\n"
    public = [n for n in agent.agency.names if not n.endswith(topology.DOMAIN)]
    public += [p + topology.DOMAIN for p in ("www.", "mail.", "vpn.", "extranet.")]
    for name in public:
        zone += "%s. IN A %s\n" % (name, agent.agency.names[name])
    for name, (server, address) in topology.DELEGATIONS.get(agent.agency.scenario, {}).items():
        zone += "%s. IN NS %s.\n%s. IN A %s\n" % (name, server, server, address)
    pathlib.Path("/run/root.zone").write_text(zone)
    pathlib.Path("/run/nsd.conf").write_text(
        'server:\nip-address: 0.0.0.0\ndo-ip6: no\nusername: ""\nzonesdir: "/run"\npidfile: "/run/nsd.pid"\n'
        'database: ""\nxfrdfile: "/run/xfrd.state"\nxfrdir: "/run"\nzonelistfile: "/run/zone.list"\nhide-version: yes\n'
        'remote-control:\ncontrol-enable: no\nzone:\nname: "."\nzonefile: "root.zone"\n')
    agent.daemon("nsd", "/usr/sbin/nsd", "-d", "-c", "/run/nsd.conf")


def relay(agent):
    agent.daemon("smtp", "/usr/bin/python3", "/mnt/code/lib/smtp.py", "198.51.100.25")


def mx(agent):
    agent.daemon("smtp", "/usr/bin/python3", "/mnt/code/lib/smtp.py")


def dhcp(agent):
    reservations = "".join("dhcp-host=%s,%s,%s\n" % (h.mac, h.address, h.name) for h in agent.agency.hosts if h.dhcp)
    pathlib.Path("/run/dnsmasq.conf").write_text(
        "port=0\nkeep-in-foreground\nuser=root\ninterface=eth0\nbind-interfaces\ndhcp-authoritative\nno-ping\n"
        "pid-file=\ndhcp-leasefile=/run/leases\ndhcp-range=10.20.0.21,10.20.0.200,255.255.255.0,10m\n"
        "dhcp-option=option:router,10.20.0.1\ndhcp-option=option:dns-server,10.50.0.53\n"
        "dhcp-option=option:ntp-server,10.50.0.23\ndomain=%s\n%s" % (topology.DOMAIN, reservations))
    agent.daemon("dhcp", "/usr/sbin/dnsmasq", "-C", "/run/dnsmasq.conf")


def ntp(agent):
    threading.Thread(target=sntp.serve, daemon=True).start()


def syslog(agent):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("0.0.0.0", 514))

    def drain():
        while True:
            server.recv(4096)
    threading.Thread(target=drain, daemon=True).start()


class Metrics(http.server.BaseHTTPRequestHandler):
    server_version, sys_version = "metrics", ""

    def do_GET(self):
        load = os.getloadavg()
        body = ("node_load1 %.2f\nnode_load5 %.2f\nnode_boot 1\nnode_time %d\n" % (load[0], load[1], time.time())).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def metrics(agent):
    server = http.server.ThreadingHTTPServer(("0.0.0.0", 9100), Metrics)
    threading.Thread(target=server.serve_forever, daemon=True).start()


START = {f.__name__: f for f in (sshd, smb, web, printer, portal, database, resolver, names, relay, mx, dhcp, ntp,
                                 syslog, metrics)}
