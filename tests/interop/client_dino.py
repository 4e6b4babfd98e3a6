"""client_dino.py - Dino 0.4, the desktop client, headless. Contract: README beside this.

A driver program, which is not part of jcall, runs the unmodified Dino with a plug-in that presses its buttons:
  DRIVER -n NAME up JID PASSWORD --server A:P --ca FILE --domain D     env     dir     down
and a unix socket DIR/run/ctl that takes `status`, `can JID`, `dial JID`, `accept`, `reject`, `hangup`. What Dino plays
goes to the PulseAudio sink `spk`, its microphone is fed by the sink `micfeed`."""
import os, shutil, socket, subprocess, threading, time, wave
import numpy as np
from lab import DOMAIN, PATIENCE

NAME = "dino"
HERE = os.path.dirname(os.path.abspath(__file__))
LOUD = 500
FORMAT = ("--format=s16le", "--rate=48000", "--channels=1", "--latency-msec=20", "--raw")
CONNECTED = ("in-progress",)
OPENING = 0.2           # [s] a sound card takes to open: see _microphone
OVER = ("ended", "declined", "missed", "failed", "other-device", "none")


def driver():
    return os.environ.get("DINO_PEER") or os.path.join(HERE, "../../../shared/dino/dino-peer")


def missing():
    path = driver()
    if not os.access(path, os.R_OK):
        return "there is no driver for it: DINO_PEER names the program"
    for tool in ("dino-im", "Xvfb", "pulseaudio", "parec", "dbus-daemon", "make", "gcc"):
        if not shutil.which(tool):
            return f"{tool} is not installed: run tests/deps --interop"
    return None


class Peer:
    def __init__(self, lab, user, say, hear):
        self.lab, self.hear, self.tools, self.up = lab, hear, [], False
        self.lock, self.pcm, self.first = threading.Lock(), bytearray(), None
        self._find_driver()
        self._driver("up", f"{user}@{DOMAIN}", f"{user}-secret", "--server", f"127.0.0.1:{lab.port}",
                     "--ca", lab.path("ca.pem"), "--domain", DOMAIN, limit=120)
        self.up = True
        try:
            self.dir = self._driver("dir").strip()
            self.jid = self._status()["account"]
            lines = [l[len("export "):] for l in self._driver("env").splitlines() if l.startswith("export ")]
            self.pulse = dict(os.environ, **{k: v.strip("'") for k, v in (l.split("=", 1) for l in lines)})
            self._speak(say)
            self._listen()
            self._microphone()
            self._warm_up()
        except BaseException:
            self.stop()
            raise

    def _find_driver(self):
        """It builds its plug-in beside itself: where nothing can be written it is used from a copy in our folder."""
        path = os.path.realpath(driver())
        folder = self.lab.path("dino-driver")
        if not os.path.isdir(folder):
            shutil.copytree(os.path.dirname(path), folder)
            for where, _, _ in os.walk(folder):
                os.chmod(where, 0o700)
        self.program = os.path.join(folder, os.path.basename(path))

    def _driver(self, *args, limit=PATIENCE):
        base = self.lab.path("dino")
        os.makedirs(base, exist_ok=True)
        env = dict({"DINO_PEER_DEBUG": "none"}, **os.environ)
        env.update(TMPDIR=base, DINO_PEER_BASE=base)
        done = subprocess.run([self.program, "-n", "dino", *args], capture_output=True, text=True, timeout=limit,
                              stdin=subprocess.DEVNULL, env=env)
        if done.returncode:
            raise AssertionError(f"Dino's driver: {args[0]}: {done.stderr.strip()[-500:]}")
        return done.stdout

    def _tell(self, line):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(PATIENCE)
            s.connect(os.path.join(self.dir, "run", "ctl"))
            s.sendall(line.encode() + b"\n")
            answer = b""
            while data := s.recv(65536):
                answer += data
        return answer.decode("utf8", "replace").strip()

    def _press(self, line):
        """A button; it appears a moment after the call that it is for."""
        end = time.monotonic() + 5
        while (answer := self._tell(line)).startswith("err"):
            if time.monotonic() > end:
                raise AssertionError(f"Dino, {line}: {answer}; {self._tell('status')}")
            time.sleep(0.02)

    def _status(self):
        words = self._tell("status").split(" last=[")[0].split()
        return dict(w.split("=", 1) for w in words if "=" in w)

    def _wait(self, what, done, limit):
        end = time.monotonic() + limit
        while not done():
            if time.monotonic() > end:
                raise AssertionError(f"Dino does not come to '{what}' in {limit} s: {self._tell('status')}")
            time.sleep(0.02)

    def _warm_up(self):
        """Before its first offer Dino tries each of its encoders, once in its life, for 0.9 s: not measured here."""
        callee = self.lab.jcall("jcall", "answer", "--auto", "--allow-contacts", "--once", "-i", "null", "-o", "null")
        try:
            self.dial(callee.wait("waiting")["jid"])
            self.wait_state("connected")
            self.hangup()
            self.wait_state("ended")
            callee.exit()
        finally:
            callee.stop()

    def _speak(self, wav):
        with wave.open(wav) as w:
            say = w.readframes(w.getnframes())
        p = subprocess.Popen(["pacat", "-p", "-d", "micfeed", *FORMAT], env=self.pulse, stdin=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
        self.tools.append(p)

        def feed():
            try:
                while True:
                    p.stdin.write(say)
            except (OSError, ValueError):
                pass
        threading.Thread(target=feed, daemon=True).start()

    def _microphone(self):
        """Silent until Dino has opened it for a moment. When sound is there at once, as a virtual one has it and no real
        one, Dino's pipeline may not be linked yet, the first buffer is refused ("flushing"), and Dino is mute for
        the whole call: in 1 of 24 calls, in 8 of 24 on a busy machine; with 0.1 s in 1 of 56 on a very busy one."""
        p = subprocess.Popen(["pactl", "subscribe"], env=self.pulse, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             stdin=subprocess.DEVNULL)
        self.tools.append(p)

        def loop():
            for line in p.stdout:
                if b"'new' on source-output" in line:
                    time.sleep(OPENING)
                    self._suspend_microphone(0)
        threading.Thread(target=loop, daemon=True).start()

    def _suspend_microphone(self, yes):
        subprocess.run(["pactl", "suspend-source", "mic", str(yes)], env=self.pulse, timeout=PATIENCE)

    def _listen(self):
        p = subprocess.Popen(["parec", "-d", "spk.monitor", *FORMAT], env=self.pulse, stdout=subprocess.PIPE, bufsize=0,
                             stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.tools.append(p)

        def loop():
            odd = b""
            while data := p.stdout.read(8192):
                now, data = time.time(), odd + data
                odd = data[len(data) // 2 * 2:]
                x = np.frombuffer(data[:len(data) // 2 * 2], "<i2").astype(int)
                with self.lock:
                    if self.first is None and len(x) and np.abs(x).max() > LOUD:
                        self.first = now
                    if self.pcm is not None:
                        self.pcm += x.astype("<i2").tobytes()
        threading.Thread(target=loop, daemon=True).start()

    def _begin(self):
        self._suspend_microphone(1)
        with self.lock:
            self.first, self.pcm = None, bytearray()

    def _write_heard(self):
        with self.lock:
            pcm, self.pcm = self.pcm, None
        if pcm is not None:
            with wave.open(self.hear, "wb") as w:
                w.setnchannels(1)
                w.setsampwidth(2)
                w.setframerate(48000)
                w.writeframes(bytes(pcm))

    def dial(self, jid):
        """Its button is there once it has asked the callee's client for its features."""
        self._begin()
        bare = jid.split("/")[0]
        self._wait(f"a call button for {bare}", lambda: self._tell(f"can {bare}") == "yes", 15)
        self._press(f"dial {bare}")

    def wait_incoming(self, limit=PATIENCE):
        self._begin()
        self._wait("rings", lambda: (s := self._status()).get("call") == "ringing" and s.get("dir") == "in", limit)

    def accept(self):
        self.first = None           # a rest of the call before
        self._press("accept")

    def decline(self):
        self._press("reject")

    def hangup(self):
        self._press("hangup")

    def wait_state(self, state, limit=PATIENCE):
        wanted = CONNECTED if state == "connected" else OVER
        self._wait(state, lambda: self._status().get("call") in wanted, limit)
        if state == "ended":
            self._write_heard()

    def shown(self):
        """Without its lock for an encrypted call it is none that we want."""
        s = self._status()
        word = {"ended": "talked"}.get(s["call"], s["call"])
        return word if word != "talked" or s["enc"] == "dtls-srtp" else "not encrypted: " + s["enc"]

    def tell(self):
        with open(os.path.join(self.dir, "events.log")) as f:
            return self._tell("status") + "; " + "; ".join(line.strip() for line in f.readlines()[-6:])

    def first_heard(self):
        return self.first

    def stop(self):
        for p in self.tools:
            if p.poll() is None:
                p.terminate()
                p.wait(10)
        self.tools = []
        if self.up:
            self.up = False
            self._driver("down")
