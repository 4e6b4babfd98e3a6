#!/usr/bin/python3
"""Finding the server and logging in: SRV records, direct TLS, servers and resolvers that hang or cheat.

The names are answered by a resolver of the test's own, in a network namespace that the test makes; where namespaces are
not permitted these tests are skipped.
"""
import base64, os, signal, socket, ssl, struct, subprocess, sys, threading, time
from lab import *

SERVER, LOGIN, OK = 5, 4, 0


def in_namespace():
    """Runs this test again inside namespaces of its own, with /etc/resolv.conf naming 127.0.0.1."""
    if os.environ.get("JCALL_NETNS"):
        return True
    script = "ip link set lo up && printf 'nameserver 127.0.0.1\\noptions timeout:5 attempts:2\\n' > \"$1\" && " \
             "mount --bind \"$1\" /etc/resolv.conf && shift && exec \"$@\""
    path = f"/tmp/jcall-resolv-{os.getpid()}"
    probe = subprocess.run(["unshare", "-n", "-m", "true"], capture_output=True)
    if probe.returncode:
        print("skipped: network namespaces are not permitted here")
        sys.exit(77)
    try:
        p = subprocess.run(["unshare", "-n", "-m", "sh", "-c", script, "sh", path, sys.executable, *sys.argv[:1], sys.argv[1]],
                           env=dict(os.environ, JCALL_NETNS="1"))
    finally:
        if os.path.exists(path):
            os.unlink(path)
    sys.exit(p.returncode)


class Dns(threading.Thread):
    """Answers SRV and A from a table; a name that is not in it does not exist. SILENT: answers nothing at all."""

    def __init__(self, srv, silent=False):
        super().__init__(daemon=True)
        self.srv, self.silent, self.asked = srv, silent, []
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.bind(("127.0.0.1", 53))
        self.start()

    @staticmethod
    def name(text):
        return b"".join(bytes([len(p)]) + p.encode() for p in text.split(".")) + b"\0"

    def run(self):
        while True:
            q, peer = self.s.recvfrom(2000)
            at, parts = 12, []
            while q[at]:
                parts.append(q[at + 1:at + 1 + q[at]].decode())
                at += 1 + q[at]
            kind = struct.unpack(">H", q[at + 1:at + 3])[0]
            name = ".".join(parts)
            self.asked.append((kind, name))
            if self.silent:
                continue
            answers = []
            if kind == 33:
                for prio, port, host in self.srv.get(name, []):
                    answers.append(struct.pack(">HHHLH", 0xc00c, 33, 1, 60, 6 + len(self.name(host))) +
                                   struct.pack(">HHH", prio, 0, port) + self.name(host))
            elif kind == 1 and name == "xmpp." + DOMAIN:
                answers.append(struct.pack(">HHHLH", 0xc00c, 1, 1, 60, 4) + socket.inet_aton("127.0.0.1"))
            code = 0x8180 if answers or name == "xmpp." + DOMAIN else 0x8183
            self.s.sendto(q[:2] + struct.pack(">HHHHH", code, 1, len(answers), 0, 0) + q[12:at + 5] + b"".join(answers), peer)


def no_server(lab, user="romeo", **sections):
    """A configuration that leaves the server to the DNS."""
    path = lab.config(user, **sections)
    text = "".join(l for l in open(path).read().splitlines(True) if not l.startswith("server"))
    open(path, "w").write(text)
    return path


def test_server_is_found_by_srv_records():
    in_namespace()
    with Lab() as lab:
        dns = Dns({f"_xmpp-client._tcp.{DOMAIN}": [(10, lab.port, "xmpp." + DOMAIN)]})
        romeo = lab.dial("romeo", "juliet", config=no_server(lab))
        romeo.wait("connected")
        romeo.exit()
        assert (33, f"_xmpps-client._tcp.{DOMAIN}") in dns.asked


def test_direct_tls_is_preferred_and_a_dead_target_is_passed_over():
    in_namespace()
    with Lab() as lab:
        Dns({f"_xmpps-client._tcp.{DOMAIN}": [(1, 1, "xmpp." + DOMAIN), (5, lab.direct_port, "xmpp." + DOMAIN)]})
        romeo = lab.dial("romeo", "juliet", config=no_server(lab))
        romeo.wait("connected")
        romeo.exit()


def test_direct_tls_on_port_5223():
    in_namespace()
    with Lab() as lab:
        lab.stop_server()
        lab.direct_port = 5223
        lab.start_server()
        path = lab.config("romeo")
        text = open(path).read().replace(f"127.0.0.1:{lab.port}", "127.0.0.1:5223")
        open(path, "w").write(text)
        romeo = lab.dial("romeo", "juliet", config=path)
        romeo.wait("connected")
        romeo.exit()


def test_silent_resolver_stalls_neither_interrupt_nor_exit():
    in_namespace()
    with Lab() as lab:
        dns = Dns({}, silent=True)
        romeo = lab.dial("romeo", "juliet", config=no_server(lab))
        end = time.monotonic() + PATIENCE
        while not dns.asked and time.monotonic() < end:
            time.sleep(0.01)
        t = time.monotonic()
        romeo.signal(signal.SIGINT)
        assert romeo.exit() == 14
        assert time.monotonic() - t < 8, "it waited for the resolver"


class Cheat(threading.Thread):
    """A false server: TLS by the Lab's own certificate, then a script of what to say. Keeps all it was told."""

    def __init__(self, lab, mechanisms=None, starttls=True, hang=False, jid=None, bombs=(), until=b"never"):
        super().__init__(daemon=True)
        self.jid, self.bombs, self.until, self.reached = jid, bombs, until, threading.Event()
        self.lab, self.mechanisms, self.starttls, self.hang, self.heard = lab, mechanisms, starttls, hang, b""
        self.s = socket.create_server(("127.0.0.1", 0))
        self.port = self.s.getsockname()[1]
        self.start()

    def take(self, c, until):
        got = b""
        while until not in got:
            d = c.recv(65536)
            if not d:
                raise EOFError
            got += d
            self.heard += d
        return got

    HEAD = b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' " \
           b"id='x' from='lab.test' version='1.0'>"

    def serve(self, c):
        self.take(c, b"stream:stream")
        tls = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>" if self.starttls else b""
        plain = b"<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>" if not self.starttls else b""
        c.sendall(self.HEAD + b"<stream:features>" + tls + plain + b"</stream:features>")
        if not self.starttls:
            self.take(c, b"never")
        self.take(c, b"starttls")
        c.sendall(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        if self.hang:
            self.take(c, b"never")
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ctx.load_cert_chain(self.lab.path("server.pem"), self.lab.path("server.key"))
        c = ctx.wrap_socket(c, server_side=True)
        self.take(c, b"stream:stream")
        m = "".join(f"<mechanism>{x}</mechanism>" for x in self.mechanisms).encode()
        c.sendall(self.HEAD + b"<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" + m + b"</mechanisms></stream:features>")
        if self.jid is not None:
            self.login(c, self.jid)
            for bomb in self.bombs:
                c.sendall(bomb)
            self.take(c, self.until)
            self.reached.set()
            self.take(c, b"never")
        while True:
            got = self.take(c, b">")
            if b"<auth" in got or b"<response" in got:
                c.sendall(b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><temporary-auth-failure/></failure>")

    def login(self, c, jid):
        """Lets anybody in, as a server that knows no password can: libstrophe does not check SCRAM's other half."""
        import re
        scram = lambda kind, text: c.sendall(f"<{kind} xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>".encode() + base64.b64encode(text.encode()) +
                                             f"</{kind}>".encode())
        got = self.take(c, b"</auth>")
        nonce = re.search(r"r=([^,]+)", base64.b64decode(re.search(rb">([^<]+)</auth>", got).group(1)).decode()).group(1)
        scram("challenge", f"r={nonce}xyz,s={base64.b64encode(b'salt').decode()},i=4096")
        self.take(c, b"</response>")
        scram("success", "v=" + base64.b64encode(b"x" * 20).decode())
        self.take(c, b"stream:stream")
        c.sendall(self.HEAD + b"<stream:features>" + (b"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>" if jid else b"") + b"</stream:features>")
        got = self.take(c, b"</iq>")
        ident = re.search(rb'id="([^"]+)"', got).group(1).decode()
        c.sendall(f"<iq type='result' id='{ident}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>{jid}</jid></bind></iq>".encode())

    def run(self):
        while True:
            c, _ = self.s.accept()
            try:
                self.serve(c)
            except (EOFError, OSError):
                c.close()


def refused(lab, cheat, status, limit=PATIENCE):
    path = lab.config("romeo")
    text = open(path).read().replace(f"127.0.0.1:{lab.port}", f"127.0.0.1:{cheat.port}")
    open(path, "w").write(text)
    romeo = lab.dial("romeo", "juliet", config=path)
    got = romeo.exit(limit)
    assert got in status, (got, romeo.lines)
    assert len(romeo.lines) == 1, romeo.lines
    for secret in (b"romeo-secret", base64.b64encode(b"\0romeo\0romeo-secret")):
        assert secret not in cheat.heard
    return romeo


def test_server_that_strips_starttls_gets_no_password():
    with Lab() as lab:
        cheat = Cheat(lab, starttls=False)
        refused(lab, cheat, (SERVER,))
        assert b"<auth" not in cheat.heard


def test_no_login_but_scram():
    with Lab() as lab:
        for mechanisms in (["PLAIN"], ["DIGEST-MD5", "PLAIN"]):
            cheat = Cheat(lab, mechanisms)
            refused(lab, cheat, (SERVER,))
            assert b"<auth" not in cheat.heard


def test_failed_scram_is_not_followed_by_plain():
    with Lab() as lab:
        cheat = Cheat(lab, ["SCRAM-SHA-1", "PLAIN"])
        refused(lab, cheat, (SERVER,))
        assert b"PLAIN" not in cheat.heard


def test_server_that_hangs_in_the_handshake_is_given_up():
    with Lab() as lab:
        refused(lab, Cheat(lab, hang=True), (SERVER,), 40)


def test_server_that_logs_us_in_as_somebody_else_is_left():
    with Lab() as lab:
        refused(lab, Cheat(lab, ["SCRAM-SHA-1"], jid="victim@bank.example/x"), (SERVER,))


def test_features_without_bind_do_no_harm():
    with Lab() as lab:
        refused(lab, Cheat(lab, ["SCRAM-SHA-1"], jid=""), (SERVER,))


def test_closed_standard_files_are_not_taken_by_sockets():
    with Lab() as lab:
        argv = [JCALL, "answer", "--auto", "--allow-contacts", "-c", lab.config("juliet"), "-i", "null", "-o", "null"]
        p = subprocess.Popen(argv, env=lab.env(), preexec_fn=lambda: os.closerange(0, 3), close_fds=False)
        try:
            lab.wait_log("juliet", p)
            assert [os.readlink(f"/proc/{p.pid}/fd/{fd}") for fd in range(3)] == ["/dev/null"] * 3
            p.send_signal(signal.SIGTERM)
            assert p.wait(PATIENCE) == 0
        finally:
            p.kill()


def survives(lab, bomb):
    """After BOMB a ping of our own account is still answered, on this stream or on the next."""
    ping = b"<iq type='get' id='after' from='romeo@lab.test/other'><ping xmlns='urn:xmpp:ping'/></iq>"
    lab.judged = False
    cheat = Cheat(lab, ["SCRAM-SHA-1"], jid="romeo@lab.test/x", bombs=(bomb, ping), until=b"after")
    path = lab.config("romeo")
    text = open(path).read().replace(f"127.0.0.1:{lab.port}", f"127.0.0.1:{cheat.port}")
    open(path, "w").write(text)
    p = lab.jcall("romeo", "answer", "--auto", "--allow", DOMAIN, "-i", "null", "-o", "null", config=path)
    assert cheat.reached.wait(4 * PATIENCE), (p.p.poll(), p.lines)      # libstrophe is slow with many children
    assert p.p.poll() is None
    p.signal(signal.SIGTERM)
    assert p.exit() == 0, p.lines
    return p


def test_stanza_bombs_end_nothing_but_themselves():
    with Lab() as lab:
        head = b"<message from='a@b/c' type='chat'>"
        for bomb in (head + b"<x>" * 70000 + b"</x>" * 70000 + b"</message>",
                     b"<message from='a@b/c' x='" + b"y" * (1 << 20) + b"'/>",
                     head + b"<body>" + b"z" * (1 << 20) + b"</body></message>",
                     head + b"<y/>" * 100000 + b"</message>",
                     b"<iq type='set' id='q' from='a@b/c'><jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='" +
                     b"s" * 100000 + b"'/></iq>",
                     "<message from='&#x202e;&#x9b;31m'/>".encode()):
            p = survives(lab, bomb)
            assert all(len(l) < 500 for l in p.lines), p.lines


if __name__ == "__main__":
    run_tests(globals())
