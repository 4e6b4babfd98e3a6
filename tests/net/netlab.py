"""netlab.py - a Lab whose users live behind home routers, on an internet of network namespaces; README has a drawing.

A test runs in namespaces of its own (mounts, processes, network): what it makes, nobody else sees, and the kernel takes all of it
away when the test is gone, whatever way it went. Its own network namespace is the core of the internet, with the servers.
"""
import contextlib, ctypes, os, shutil, socket, subprocess, sys, time

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "../integ")]
sys.dont_write_bytecode = True
import lab
from lab import DOMAIN, PATIENCE, Lab
from wan import WAN, Wan

CORE4, CORE6 = ("203.0.113.10", "203.0.113.11"), ("2001:db8:c0::10", "2001:db8:c0::11")
KINDS = ("none", "cone", "symmetric", "udp-blocked", "ipv6", "dual", "turn-home")
TURN_HOST, TURN_PORT, TURNS_PORT, TURN_SECRET = f"turn.{DOMAIN}", 3478, 5349, "lab-secret"
SERVICES = ("stun", "turn-udp", "turn-tcp", "turns-tcp")
RELAYS = (49152, 49251)     # ports of a relay


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def enter():
    """Goes on in namespaces of this test's own: starts the program again there. Where that is not permitted it is skipped."""
    if os.getpid() == 1:
        with contextlib.suppress(PermissionError):
            os.nice(-15)        # what else this machine does is not to be heard
        return
    missing = [t for t in ("unshare", "nsenter", "ip", "nft", "turnserver") if not shutil.which(t)]
    if missing:
        skip(f"{', '.join(missing)} is not installed: run tests/deps --test")
    flags = ["-m", "-n", "-p", "-f", "--kill-child", "--mount-proc"] + (["-U", "-r"] if os.getuid() else [])
    probe = "set -e; mount -t tmpfs none /run; ip netns add probe; nft add table ip probe; ip tuntap add dev probe mode tun"
    done = subprocess.run(["unshare", *flags, "sh", "-c", probe], capture_output=True, text=True)
    if done.returncode:
        skip(f"network namespaces, TUN devices or nftables are not to be had here ({done.stderr.strip() or 'no reason given'})")
    os.execvp("unshare", ["unshare", *flags, sys.executable, *sys.argv])


def run(*argv, netns=None, **kw):
    done = subprocess.run([*within(netns), *argv], capture_output=True, text=True, **kw)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr or done.stdout} {kw.get('input', '')}"
    return done.stdout


def within(netns):
    return ["nsenter", f"--net=/run/netns/{netns}"] if netns else []


def socket_in(netns, address, kind=socket.SOCK_DGRAM):
    """A socket of this process that is bound to a port of ADDRESS in a namespace."""
    setns = ctypes.CDLL(None, use_errno=True).setns
    with open("/proc/self/ns/net") as home, open(f"/run/netns/{netns}") as there:
        assert setns(there.fileno(), 0) == 0, f"cannot enter {netns}"
        try:
            s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
            s.bind((address, 0))
        finally:
            assert setns(home.fileno(), 0) == 0
    return s


def ip(text, netns=None):
    """Several ip commands at once."""
    run("ip", "-batch", "-", netns=netns, input="\n".join(line.strip() for line in text.strip().splitlines()) + "\n")


def new_netns(name, router=False):
    run("ip", "netns", "add", name)
    quiet = "net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.accept_ra=0 net.ipv6.conf.default.router_solicitations=0"
    values = quiet.split() + (["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"] if router else [])
    script = "".join(f"echo {v.split('=')[1]} > /proc/sys/{v.split('=')[0].replace('.', '/')}; " for v in values)
    run("sh", "-ec", script, netns=name)
    ip("link set lo up", name)


class Home:
    """Where a user is: a client, and, for most kinds, a router in front of it."""

    def __init__(self, net, name, kind, number):
        assert kind in KINDS, kind
        self.net, self.name, self.kind, self.number, self.rebound = net, name, kind, number, 0
        self.v4 = f"198.51.100.{number}" if kind != "ipv6" else None
        self.v6 = f"2001:db8:{number:x}::1" if kind in ("ipv6", "dual") else None
        self.lan4 = f"192.168.{number}"
        self.lan6 = f"2001:db8:{number:x}:1:"
        self.router = f"{name}-router" if kind not in ("none", "ipv6") else None
        new_netns(name)
        self.gateway = self.router or name
        if self.router:
            new_netns(self.router, router=True)
            self._lan()
        self.connect()
        if self.router:
            self.filter()

    @property
    def outer(self):
        """The addresses that packets of the client have on the internet."""
        return [a for a in (self.v4, f"{self.lan6}:2" if self.router and self.v6 else self.v6) if a]

    @property
    def addresses(self):
        """Every address of the client and its router that an eavesdropper could know it by."""
        return [a for a in (self.v4, self.v6) if a] + [f"{self.lan4}.2", f"{self.lan6}:2"]

    def server(self):
        return f"[{CORE6[0]}]" if self.kind == "ipv6" else CORE4[0]

    def connect(self):
        """The line to the internet. After the wan port was closed it is a new one."""
        self.net.wan.port(self.name, f"/run/netns/{self.gateway}")
        lines = ["link set wan addrgenmode none", "link set wan mtu 1500 up"]
        if self.v4:
            lines += [f"addr add {self.v4}/32 dev wan", "route add default dev wan"]
            self.net.wan.route(f"{self.v4}/32", self.name)
        if self.v6:
            lines += [f"addr add {self.v6}/128 dev wan nodad", "route add ::/0 dev wan"]
            self.net.wan.route(f"2001:db8:{self.number:x}::/48", self.name)
        ip("\n".join(lines), self.gateway)

    def _lan(self):
        # One pair of devices per machine of the home; the router routes between them, as a switch would do.
        self.machine(self.name, 2)

    def machine(self, netns, host):
        dev = f"lan{host}"
        run("ip", "link", "add", dev, "netns", self.router, "type", "veth", "peer", "name", "eth0", "netns", netns)
        # proxy_arp: the machines of the home reach each other through the router.
        run("sh", "-ec", f"echo 1 > /proc/sys/net/ipv4/conf/{dev}/proxy_arp", netns=self.router)
        inner = [f"link set {dev} up", f"addr add {self.lan4}.1/32 dev {dev}", f"route add {self.lan4}.{host}/32 dev {dev} src {self.lan4}.1"]
        outer = ["link set eth0 up", f"addr add {self.lan4}.{host}/24 dev eth0", f"route add default via {self.lan4}.1"]
        if self.v6:
            inner += [f"addr add {self.lan6}:1/128 dev {dev} nodad", f"route add {self.lan6}:{host}/128 dev {dev}"]
            outer += [f"addr add {self.lan6}:{host}/128 dev eth0 nodad", f"route add {self.lan6}:1 dev eth0",
                      f"route add ::/0 via {self.lan6}:1"]
        ip("\n".join(inner), self.router)
        ip("\n".join(outer), netns)

    def filter(self, ports=""):
        """The rules of the router: what is asked from outside is dropped without a word. PORTS: maps to no others."""
        how = "random,fully-random" if self.kind == "symmetric" else ""
        moved = f'oifname "wan" meta l4proto udp masquerade{ports} {how}' if ports else ""
        out = "meta l4proto tcp accept" if self.kind == "udp-blocked" else "accept"
        turn = self.kind == "turn-home"
        to_turn = f"""
            ip daddr {self.v4} udp dport {{ {TURN_PORT}, {RELAYS[0]}-{RELAYS[1]} }} dnat to {self.lan4}.3
            ip daddr {self.v4} tcp dport {{ {TURN_PORT}, {TURNS_PORT} }} dnat to {self.lan4}.3""" if turn else ""
        # With the server in the house: what its own people send to the public address comes back in by the same router.
        hairpin = f'iifname "lan*" oifname "lan*" ct status dnat masquerade' if turn else ""
        run("nft", "-f", "-", netns=self.router, input=f"""
            flush ruleset
            table ip nat {{
                chain pre {{ type nat hook prerouting priority dstnat; {to_turn}
                }}
                chain post {{ type nat hook postrouting priority srcnat; {moved}
                    oifname "wan" masquerade {how}
                    {hairpin}
                }}
            }}
            table inet filter {{
                chain input {{ type filter hook input priority 0; policy drop;
                    iifname "lan*" accept
                    ct state established,related accept
                    meta l4proto ipv6-icmp accept
                }}
                chain forward {{ type filter hook forward priority 0; policy drop;
                    ct state established,related accept
                    {"ct status dnat accept" if turn else ""}
                    iifname "lan*" {out}
                }}
            }}""")

    def rebind(self):
        """The router forgets its mappings, and makes new ones to ports it has not used yet."""
        self.rebound += 1
        self.filter(f" to :{20000 + 1000 * self.rebound}-{20999 + 1000 * self.rebound}")
        run(sys.executable, os.path.join(here, "forget.py"), netns=self.router)


    def move(self):
        """The line goes, with its device and its address; there is another, with another address."""
        self.net.wan.close_port(self.name)
        for prefix in ([f"{self.v4}/32"] if self.v4 else []) + ([f"2001:db8:{self.number:x}::/48"] if self.v6 else []):
            self.net.wan.unroute(prefix)
        if self.v4:
            self.v4 = f"198.51.100.{self.number + 100}"
        if self.v6:
            self.v6 = f"2001:db8:{self.number:x}::{'2' if self.v6.endswith('1') else '1'}"
        self.connect()


class NetLab(Lab):
    """NetLab(romeo="cone", juliet="none"): each user is in a home of that kind. DELAY: one way, between any two, in ms.
    RELAY: the server offers STUN and TURN (XEP-0215), of SERVICES those named, or all by prosody's mod_turn_external, which gives
    turns no credentials; else coturn serves STUN alone, which the configurations name. SECRET: what the server thinks coturn knows."""

    def __init__(self, delay=0, seed=1, relay=False, services=SERVICES, secret=TURN_SECRET, ttl=3600, servers=True, lab=None, **homes):
        super().__init__(users=tuple(homes), **(lab or {}))
        self.servers = servers      # False: nothing but the network
        self.kinds, self.delay, self.first_seed, self.relay, self.services, self.secret, self.ttl = homes, delay, seed, relay, services, secret, ttl
        self.homes, self.wan, self.turn = {}, None, None
        self.host, self.network = CORE4[0], {}
        self.interfaces += [CORE4[0], CORE6[0]]

    def __enter__(self):
        try:
            self._core()
            for n, (name, kind) in enumerate(self.kinds.items(), 1):
                self.homes[name] = Home(self, name, kind, n)
            self.wan.set("*", "*", delay=self.delay)
            if self.relay:
                self.modules.append("turn_external" if self.services == "turn_external" else "external_services")
                self.extra += self._services()
        except BaseException:
            self.stop_net()
            self.leave(None)
            raise
        return super().__enter__() if self.servers else self

    def _certificates(self):
        super()._certificates()
        at_home = [h for h in self.homes.values() if h.kind == "turn-home"]
        self.turn = self.start_turn(at_home[0] if at_home else None)

    def __exit__(self, *what):
        try:
            super().__exit__(*what)
        finally:
            self.stop_net()

    def _core(self):
        if not os.path.ismount("/run"):
            run("mount", "-t", "tmpfs", "none", "/run")
        hosts = self.path("hosts")
        with open(hosts, "w") as f:
            f.write(f"127.0.0.1 localhost\n::1 localhost\n{CORE4[0]} {DOMAIN}\n{CORE6[0]} {DOMAIN}\n")
            owner = next((n for n, kind in enumerate(self.kinds.values(), 1) if kind == "turn-home"), None)
            f.write(f"198.51.100.{owner} {TURN_HOST}\n" if owner else f"{CORE4[0]} {TURN_HOST}\n{CORE6[0]} {TURN_HOST}\n")
        run("mount", "--bind", hosts, "/etc/hosts")
        self.stack.callback(run, "umount", "/etc/hosts")
        ip("link set lo up")
        self.wan = Wan()
        self.wan.seed(self.first_seed)
        self.wan.port("core", "/proc/self/ns/net")
        ip("\n".join(["link set wan addrgenmode none", "link set wan mtu 1500 up", "route add default dev wan", "route add ::/0 dev wan"]
                     + [f"addr add {a}/32 dev wan" for a in CORE4] + [f"addr add {a}/128 dev wan nodad" for a in CORE6]))
        self.wan.route("203.0.113.0/24", "core")
        self.wan.route("2001:db8:c0::/48", "core")

    def stop_net(self):
        self.stop_turn()
        if self.wan:
            self.wan.stop()
            self.wan = None
        for home in self.homes.values():
            for netns in (home.name, home.router, f"{home.name}-turn"):
                if netns and os.path.exists(f"/run/netns/{netns}"):
                    run("ip", "netns", "del", netns)
        self.homes = {}

    # ---- STUN and TURN ----

    def _services(self):
        if self.services == "turn_external":
            return f'turn_external_host = "{TURN_HOST}"\nturn_external_port = {TURN_PORT}\nturn_external_secret = "{TURN_SECRET}"\n' \
                   f'turn_external_tcp = true\nturn_external_tls_port = {TURNS_PORT}\nturn_external_ttl = {self.ttl}\n'
        secret, rows = f'secret = "{self.secret}"; algorithm = "turn"; ttl = {self.ttl};', []
        for service in self.services:
            kind, _, transport = service.partition("-")
            rows.append(f'{{ type = "{kind}"; transport = "{transport or "udp"}"; host = "{TURN_HOST}"; '
                        f'port = {TURNS_PORT if kind == "turns" else TURN_PORT}; {secret if kind != "stun" else ""} }};')
        return "external_services = {\n" + "\n".join(rows) + "\n}\n"

    def start_turn(self, home=None):
        """coturn, in the core or in a machine of HOME behind its router. It is STUN alone unless there is to be a relay."""
        netns, listen, more = None, [*CORE4, *CORE6], []
        if home:
            netns, listen = f"{home.name}-turn", [f"{home.lan4}.3"]
            if not os.path.exists(f"/run/netns/{netns}"):
                new_netns(netns)
                home.machine(netns, 3)
            more = ["-X", f"{home.v4}/{home.lan4}.3"]
        for name in (("turn.csr", "turn.pem") if not os.path.exists(self.path("turn.pem")) else ()):
            self._turn_certificate(name)
        for address in listen:
            more += ["-L", address] + (["-E", address] if address in (listen[0], CORE6[0]) else [])
        more += ["--use-auth-secret", f"--static-auth-secret={TURN_SECRET}"] if self.relay else ["--stun-only"]
        p = subprocess.Popen([*within(netns), "turnserver", "-n", "--no-cli", f"--listening-port={TURN_PORT}", f"--realm={DOMAIN}",
                              f"--tls-listening-port={TURNS_PORT}", "--alt-tls-listening-port=443", "--cert", self.path("turn.pem"),
                              "--pkey", self.path("turn.key"), f"--min-port={RELAYS[0]}", f"--max-port={RELAYS[1]}", "--no-dtls",
                              "--pidfile", self.path("turn.pid"), "--userdb", self.path("turndb"), "-v",
                              "--log-file", self.path("turn.log"), "--simple-log", *more],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.dir)
        self._wait_listening(netns, listen[0], p)
        return p

    def _turn_certificate(self, name):
        if name.endswith("csr"):
            self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "turn.key",
                          "-out", name, "-subj", f"/CN={TURN_HOST}")
            return
        open(self.path("turn.ext"), "w").write("subjectAltName=DNS:" + TURN_HOST + "".join(f",IP:{a}" for a in CORE4 + CORE6) + "\n")
        self._openssl("x509", "-req", "-in", "turn.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", name,
                      "-days", "30", "-extfile", "turn.ext")

    def _wait_listening(self, netns, address, p):
        end = time.monotonic() + PATIENCE
        while f"{address}:{TURN_PORT}" not in run("ss", "-Hltn", netns=netns):
            if p.poll() is not None or time.monotonic() > end:
                log = open(self.path("turn.log")).read() if os.path.exists(self.path("turn.log")) else ""
                raise AssertionError("turnserver does not start: " + log[-2000:])
            time.sleep(0.05)

    def stop_turn(self):
        p, self.turn = self.turn, None
        if p and p.poll() is None:
            p.kill()
            p.wait()

    # ---- jcall ----

    def inside(self, user):
        return within(user)

    def env(self, **more):
        """TLS to the relay is judged by the system's authorities: here, the lab's."""
        return super().env(**{"SSL_CERT_FILE": self.path("ca.pem"), **more})

    def server_of(self, user):
        return f"{self.homes[user].server()}:{self.port}"

    def config(self, user, password=None, account="", **sections):
        """STUN by configuration, unless the server is to tell."""
        if not self.relay and "stun" not in sections.get("network", {}):
            sections["network"] = {"stun": f"{TURN_HOST}:{TURN_PORT}", **sections.get("network", {})}
        return super().config(user, password, account, **sections)


def run_tests(namespace):
    enter()
    lab.run_tests(namespace)


def slow(test):
    """Not in `make check`, but in `make check-net`; tests/run looks for this word."""
    return test
