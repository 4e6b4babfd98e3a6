"""turn.py - a TURN server (coturn) on loopback, and how prosody names it by XEP-0215."""
import os, socket, subprocess, tempfile, time
from lab import *

SECRET = "turn-secret"


class Turn:
    """Started when entered; ALIVE FALSE: only its place, where nobody listens."""

    def __init__(self, secret=SECRET, alive=True, ip="127.0.0.1"):
        self.ip = ip
        self.port, self.tls_port, self.secret, self.alive = free_port(), free_port(), secret, alive
        self.dir, self.p = tempfile.mkdtemp(prefix="jcall-turn-"), None

    def services(self, *kinds, host=None):
        """The part of prosody's configuration that names it: of ("stun", "turn", "turn-tcp", "turns")."""
        rows = {"stun": f'type = "stun", transport = "udp", port = {self.port}',
                "turn": f'type = "turn", transport = "udp", port = {self.port}, secret = "{SECRET}", algorithm = "turn", ttl = 3600',
                "turn-tcp": f'type = "turn", transport = "tcp", port = {self.port}, secret = "{SECRET}", algorithm = "turn", ttl = 3600',
                "turns": f'type = "turns", transport = "tcp", port = {self.tls_port}, secret = "{SECRET}", algorithm = "turn", ttl = 3600'}
        return "external_services = { " + ", ".join(f'{{ host = "{host or self.ip}", {rows[k]} }}' for k in kinds) + " }"

    def __enter__(self):
        if not self.alive:
            return self
        key, cert = os.path.join(self.dir, "key.pem"), os.path.join(self.dir, "cert.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                        "-out", cert, "-days", "30", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
                       check=True, capture_output=True)
        self.p = subprocess.Popen(
            ["turnserver", "-n", "--no-cli", "--listening-ip", self.ip, "--relay-ip", self.ip, "--allow-loopback-peers",
             "--listening-port", str(self.port), "--tls-listening-port", str(self.tls_port), "--no-dtls", "--cert", cert, "--pkey", key,
             "--use-auth-secret", "--static-auth-secret", self.secret, "--realm", DOMAIN, "--no-multicast-peers", "--verbose",
             "--log-file", "stdout", "--pidfile", os.path.join(self.dir, "pid"), "--userdb", os.path.join(self.dir, "db")],
            stdout=open(os.path.join(self.dir, "log"), "w"), stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=self.dir)
        end = time.monotonic() + PATIENCE
        for port in (self.port, self.tls_port):
            while True:
                with socket.socket() as s:
                    if s.connect_ex((self.ip, port)) == 0:
                        break
                assert self.p.poll() is None and time.monotonic() < end, "coturn does not start: " + self.log()[-2000:]
                time.sleep(0.05)
        return self

    def __exit__(self, kind, error, trace):
        if self.p:
            self.p.terminate()
            try:
                self.p.wait(5)
            except subprocess.TimeoutExpired:
                self.p.kill()
                self.p.wait()
        if error and self.p:
            print("--- the relay's last words\n" + self.log()[-2000:])
        shutil.rmtree(self.dir, ignore_errors=True)

    def be_trusted_by(self, lab):
        """By the 'ca_file' of every account in LAB, beside the authority of its XMPP server."""
        with open(lab.path("ca.pem"), "a") as f:
            f.write(open(self.path("cert.pem")).read())

    def path(self, name):
        return os.path.join(self.dir, name)

    def log(self):
        return open(os.path.join(self.dir, "log")).read()
