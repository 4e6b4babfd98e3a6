"""lab.py - a throw-away prosody on loopback, accounts on it, and jcall processes whose events can be waited for.

Each Lab has its own folder and its own ports and ends only what it started. Nothing here sleeps for a fixed time: every
wait is for an event, with a generous limit.
"""
import contextlib, os, pty, queue, re, shutil, signal, socket, subprocess, sys, tempfile, threading, time
import events as schema

JCALL = os.environ.get("JCALL", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/release/jcall"))
SANITIZED = "/asan/" in JCALL      # slower by half, and memory that was freed is kept for a while
DOMAIN = "lab.test"
CONFORMANCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../conformance")
PATIENCE = 30.0          # seconds; no test asserts a time tighter than what a loaded machine meets


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Proc:
    """A running jcall (or anything that prints JSON events on stdout or stderr). Each event is held against the schema: one that
    is wrong fails the next wait() or exit(), and the Lab's end."""

    def __init__(self, argv, env, name, events_on="stdout", stdin=subprocess.DEVNULL, stdout=None, **kw):
        self.name, self.events, self.lines, self.wrong, self.q = name, [], [], [], queue.Queue()
        schema.prepare()
        self.started = time.time()
        out = stdout if stdout is not None else subprocess.PIPE
        self.p = subprocess.Popen(argv, env=env, stdin=stdin, stdout=out, stderr=subprocess.PIPE, **kw)
        self.pid = self.p.pid
        self.readers = []
        if out == subprocess.PIPE and events_on == "stdout":
            self._read(self.p.stdout, True)
        self._read(self.p.stderr, events_on == "stderr")

    def _read(self, stream, has_events):
        def loop():
            for raw in stream:
                if not has_events or not raw.startswith(b"{"):
                    self.lines.append(raw.decode("utf8", "strict").rstrip("\n"))
                    continue
                event, fault = schema.read(raw)
                if event:
                    self.events.append(event)           # first, for checking takes its time
                    fault = schema.fault(event)
                if fault:
                    self.wrong.append(fault)
                self.q.put(event)               # which wakes wait(), whatever it is
            self.q.put(None)
        t = threading.Thread(target=loop, daemon=True)
        t.start()
        self.readers.append(t)

    def check_events(self):
        assert not self.wrong, f"{self.name}: " + "\n".join(self.wrong)

    def wait(self, event, limit=PATIENCE):
        """The next event of that name; every earlier one is passed over."""
        end = time.monotonic() + limit
        while True:
            try:
                e = self.q.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                e = False
            self.check_events()
            if e is None and self.p.poll() is None:
                continue
            if not e:
                raise AssertionError(f"{self.name}: no event '{event}'; it said {self.events} and {self.lines[-30:]}")
            if e["event"] == event:
                return e

    def exit(self, limit=PATIENCE):
        try:
            status = self.p.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs; it said {self.events[-5:]} and {self.lines[-30:]}")
        for t in self.readers:
            t.join(5)
        self.check_events()
        return status

    def signal(self, number):
        self.p.send_signal(number)

    def seen(self, event):
        return [e for e in self.events if e.get("event") == event]

    def stop(self):
        if self.p.poll() is None:
            self.p.send_signal(signal.SIGTERM)
            try:
                self.p.wait(5)
            except subprocess.TimeoutExpired:
                self.p.kill()
                self.p.wait()
        for t in self.readers:
            t.join(5)


class Lab:
    """USERS are names at DOMAIN, or addresses at other domains, which this server then has, too."""

    def __init__(self, users=("romeo", "juliet"), friends=True, tls=True, modules=(), offline=False, extra="", component=None, contacts=(),
                 websocket=False):
        self.dir = tempfile.mkdtemp(prefix="jcall-lab-")
        self.port, self.users, self.friends = free_port(), users, friends
        self.direct_port, self.component_port = free_port(), free_port()
        self.component, self.contacts = component, contacts     # a domain served by another program; JIDs on every contact list
        self.modules, self.extra, self.offline = list(modules), extra, offline
        self.host, self.interfaces, self.network = "127.0.0.1", ["127.0.0.1"], {"loopback": "true"}
        self.websocket_port = free_port() if websocket else None        # plain, which on loopback will do
        self.judged = True      # False: the jcalls here talk to another server, which records nothing
        self.procs, self.server, self.stack = [], None, contextlib.ExitStack()

    def __enter__(self):
        try:
            self._certificates()
            self._accounts()
            self.start_server()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, error, trace):
        for p in reversed(self.procs):
            p.stop()
        self.stop_server()
        self.stack.close()
        try:
            if not error:
                self.validate()
        finally:
            self.leave(error)

    def sent(self):
        """(full JID of the sender, the stanza as an ElementTree element) of all that clients have sent so far."""
        import xml.etree.ElementTree as ET
        lines = [line for line in open(self.path("sent"), encoding="utf8") if line.endswith("\n")]     # the last may be half written
        rows = [line.rstrip("\n").split("\t", 1) for line in lines]
        return [(sender, ET.fromstring(text)) for sender, text in rows]

    def validate(self):
        """The events that the jcalls here have told are valid by their schema, what they have sent by those of the specifications."""
        for p in self.procs:
            p.check_events()
        if not self.judged or not any(p.seen("connected") or p.seen("diagnosis") for p in self.procs) or \
                not os.path.exists(self.path("sent")):
            return
        done = subprocess.run([os.path.join(CONFORMANCE, "validate"), self.path("sent")], capture_output=True, text=True)
        assert done.returncode == 0, "invalid by tests/conformance/schema: " + done.stdout + done.stderr

    def leave(self, error):
        if error and os.path.exists(self.path("prosody.log")):
            print("--- the server's last words\n" + open(self.path("prosody.log")).read()[-3000:])
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def _openssl(self, *args):
        subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=self.dir)

    def _certificates(self):
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key",
                      "-out", "ca.pem", "-days", "30", "-subj", "/CN=jcall test CA")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "server.key",
                      "-out", "server.csr", "-subj", f"/CN={DOMAIN}")
        open(self.path("ext"), "w").write("subjectAltName=" + ",".join(f"DNS:{d}" for d in self.domains()) + "\n")
        self._openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                      "-out", "server.pem", "-days", "30", "-extfile", "ext")

    def domains(self):
        return list(dict.fromkeys([DOMAIN] + [self.jid(u).split("@")[1] for u in self.users]))

    def _accounts(self):
        encode = lambda name: re.sub(rb"\W", lambda c: b"%%%02x" % ord(c[0]), name.encode()).decode()
        for domain in self.domains():
            for folder in ("accounts", "roster"):
                os.makedirs(self.path("data", encode(domain), folder))
        for u in self.users:
            name, domain = self.jid(u).split("@")
            base, file = self.path("data", encode(domain)), encode(name) + ".dat"
            open(os.path.join(base, "accounts", file), "w").write(f'return {{ ["password"] = "{u}-secret" }};\n')
            rows = [f'["{self.jid(v)}"] = {{ ["subscription"] = "both"; ["groups"] = {{}}; }};' for v in self.users
                    if v != u and self.friends]
            rows += [f'["{jid}"] = {{ ["subscription"] = "both"; ["groups"] = {{}}; }};' for jid in self.contacts]
            open(os.path.join(base, "roster", file), "w").write(
                "return { " + " ".join(rows) + ' [false] = { ["version"] = 1; ["pending"] = {}; }; };\n')

    def _component(self):
        return f'Component "{self.component}"\n component_secret = "secret"' if self.component else ""

    def start_server(self):
        modules = ["roster", "saslauth", "tls", "disco", "ping", "smacks", "carbons", "presence", "message", "iq", "posix"]
        if self.offline:
            modules.append("offline")
        modules += self.modules + (["websocket"] if self.websocket_port else [])
        open(self.path("prosody.cfg.lua"), "w").write(f'''
run_as_root = true
daemonize = false
pidfile = "{self.path("prosody.pid")}"
data_path = "{self.path("data")}"
interfaces = {{ {", ".join('"%s"' % i for i in self.interfaces)} }}
c2s_ports = {{ {self.port} }}
c2s_direct_tls_ports = {{ {self.direct_port} }}
s2s_ports = {{ }}
component_ports = {{ {self.component_port if self.component else ""} }}
component_interfaces = {{ "127.0.0.1" }}
http_ports = {{ {self.websocket_port or ""} }}
http_default_host = "{DOMAIN}"
consider_websocket_secure = true
https_ports = {{ }}
plugin_paths = {{ "{os.path.join(CONFORMANCE, "prosody")}" }}
record_sent_file = "{self.path("sent")}"
modules_enabled = {{ "record_sent", {", ".join('"%s"' % m for m in modules)} }}
modules_disabled = {{ "s2s"{"" if self.offline else ', "offline"'} }}
authentication = "internal_plain"
storage = "internal"
c2s_require_encryption = true
allow_unencrypted_plain_auth = false
log = {{ debug = "{self.path("prosody.log")}" }}
ssl = {{ key = "{self.path("server.key")}"; certificate = "{self.path("server.pem")}"; }}
c2s_direct_tls_ssl = {{ key = "{self.path("server.key")}"; certificate = "{self.path("server.pem")}"; }}
{self.extra}
{"".join(f'VirtualHost "{d}"' + chr(10) for d in self.domains())}{self._component()}''')
        self.server = subprocess.Popen(["prosody", "--config", self.path("prosody.cfg.lua"), "-F"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        for port in filter(None, (self.port, self.direct_port, self.component and self.component_port, self.websocket_port)):
            while True:
                with socket.socket() as s:
                    if s.connect_ex(("127.0.0.1", port)) == 0:
                        break
                if self.server.poll() is not None or time.monotonic() > end:
                    log = open(self.path("prosody.log")).read() if os.path.exists(self.path("prosody.log")) else ""
                    raise AssertionError("prosody does not start: " + log[-2000:])
                time.sleep(0.02)

    def wait_log(self, text, process):
        """Until the server's log names TEXT as one that sent presence: it is ready to be called."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and process.poll() is None:
            if "Received[c2s]: <presence" in open(self.path("prosody.log")).read():
                return
            time.sleep(0.05)
        raise AssertionError(f"{text} does not come online")

    def stop_server(self, how=signal.SIGTERM):
        if self.server and self.server.poll() is None:
            self.server.send_signal(how)
            try:
                self.server.wait(10)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
        self.server = None

    def server_of(self, user):
        return f"{self.host}:{self.port}"

    def inside(self, user):
        """What a command line begins with that is to run where USER is; tests/net has namespaces."""
        return []

    def config(self, user, password=None, account="", **sections):
        """Writes a configuration for USER; keyword arguments are further groups: audio={"in": "null"}."""
        path = self.path(f"{user}.conf")
        text = f"[account {user}]\njid = {self.jid(user)}\npassword = {password or user + '-secret'}\n" \
               f"server = {self.server_of(user)}\nca_file = {self.path('ca.pem')}\n{account}\n"
        sections["network"] = {**self.network, **sections.get("network", {})}
        for name, keys in sections.items():
            text += f"[{name}]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items())
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as f:
            f.write(text)
        return path

    def env(self, **more):
        e = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "PULSE_", "JCALL_", "DBUS_"))}
        e.update(HOME=self.dir, XDG_CONFIG_HOME=self.path("xdg"), XDG_RUNTIME_DIR=self.path("run"), LANG="C.UTF-8", **more)
        os.makedirs(e["XDG_RUNTIME_DIR"], 0o700, exist_ok=True)
        return e

    def ctl(self, *args, limit=PATIENCE):
        """jcall ctl ARGS: what it printed, once it has ended well; else (status, words)."""
        r = subprocess.run([JCALL, "ctl", *map(str, args)], env=self.env(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit)
        return r.stdout if r.returncode == 0 else (r.returncode, r.stderr)

    def jcall(self, user, command, *args, config=None, json_events=True, **kw):
        argv = self.inside(user) + [JCALL, command, "-c", config or self.config(user)]
        events_on = "stderr" if ("-o", "-") in zip(args, args[1:]) or ("--out", "-") in zip(args, args[1:]) else "stdout"
        if json_events:
            argv.append("--json")
        p = Proc(argv + list(args), kw.pop("env", None) or self.env(), f"{user} {command}", events_on, **kw)
        self.procs.append(p)
        return p

    def jid(self, user):
        return user if "@" in user else f"{user}@{DOMAIN}"

    def answer(self, user, *args, **kw):
        """A jcall answer that takes calls by itself, once logged in. Its sound: null unless said otherwise."""
        if "-i" not in args and "--in" not in args:
            args += ("-i", "null")
        if "-o" not in args and "--out" not in args:
            args += ("-o", "null")
        p = self.jcall(user, "answer", "--auto", "--allow-contacts", *args, **kw)
        p.wait("waiting")
        return p

    def typed(self, user, *args):
        """jcall answer on a terminal of its own: a pty that the test types on by the function returned beside it."""
        master, slave = pty.openpty()
        p = self.jcall(user, "answer", "-i", "null", "-o", "null", *args, stdin=slave)
        os.close(slave)
        p.wait("waiting")
        return p, lambda keys: os.write(master, keys.encode())

    def dial(self, user, callee, *args, **kw):
        if "-i" not in args and "--in" not in args:
            args += ("-i", "null")
        if "-o" not in args and "--out" not in args:
            args += ("-o", "null")
        return self.jcall(user, "dial", *args, self.jid(callee) if "@" not in callee else callee, **kw)


def speech(path, text, voice="en", rate=48000):
    """Speech by espeak-ng, as a 48 kHz mono WAV with 0.3 s of silence before and after."""
    raw = path + ".raw.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "-a", "120", "-w", raw, text], check=True)
    import wave
    import numpy as np
    with wave.open(raw) as w:
        x, fs = np.frombuffer(w.readframes(w.getnframes()), "<i2").astype(float), w.getframerate()
    os.unlink(raw)
    t = np.arange(int(len(x) * rate / fs)) * fs / rate
    y = np.interp(t, np.arange(len(x)), x)
    pad = np.zeros(int(0.3 * rate))
    y = np.concatenate([pad, np.clip(y, -32768, 32767), pad]).astype("<i2")
    write_wav(path, y, rate)
    return y


def write_wav(path, samples, rate=48000):
    import wave
    with wave.open(path, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(rate)
        w.writeframes(samples.astype("<i2").tobytes())


def read_wav(path):
    import wave
    import numpy as np
    with wave.open(path) as w:
        assert w.getframerate() == 48000 and w.getnchannels() == 1, w.getparams()
        return np.frombuffer(w.readframes(w.getnframes()), "<i2").astype(float)


def run_tests(namespace):
    """`test_x.py NAME` runs that one; without a name all of them."""
    names = sys.argv[1:] or [n for n in namespace if n.startswith("test_")]
    for n in names:
        namespace[n]()
        print(n, "passed")
