"""stage.py - the examples in the manuals and the README, and where they are run: a home with a configuration at the usual place,
sound devices, and the files they name; the people they name have accounts at a server of the test's own."""
import contextlib, glob, json, os, pty, re, shutil, signal, subprocess, termios, threading, time
from lab import *
from sounds import decoded, purity, tone
from test_sound import Pulse

TOP = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
PEOPLE = ("romeo@montague.lit", "juliet@capulet.lit", "nurse@ward.lit", "doctor@ward.lit", "x@y.lit", "mum@family.lit", "+15551234567@cheogram.com")
ROMEO, JULIET, NURSE, DOCTOR, X, MUM, PHONE = PEOPLE
COLUMNS = 70
MICROPHONE, FILE, THEIRS = 440, 660, 880      # Hz: what Romeo's microphone hears, his files say, and the others say


# ---- the examples in the texts

def shown(page):
    """A manual page as it is read, in very long lines."""
    text = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=1000", page], check=True, capture_output=True, text=True).stdout
    return re.sub(".\b", "", text)


def literals(page):
    """The literal displays of a manual page."""
    for block in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", open(page).read(), re.M | re.S):
        yield block.replace(r"\(dq", '"').replace(r"\e", "\\").replace(r"\&", "").replace("\\-", "-")


def commands(text):
    """What stands behind "$ ". A line that asks for $? belongs to the one before; the rest of the line is a comment."""
    found = []
    for line in re.findall(r"^ +\$ (.*)$", text, re.M):
        if line.startswith("echo $?"):
            found[-1] += "\n" + line
        else:
            found.append(line)
    return found


def of_script(path):
    """The command in the first lines of a script of examples/."""
    lines = re.findall(r"^#     ( *)(\S.*)$", open(path).read(), re.M)
    return "\n".join(indent + line for indent, line in lines)


def examples():
    """{text: where it stands}"""
    found = {}
    for page in sorted(glob.glob(f"{TOP}/man/*.[1-9]")):
        name = os.path.basename(page)
        source = open(page).read()
        assert not re.search(r"^\.Dl (?!\$ )", source, re.M), f"{name}: a displayed line without $ in front"
        found.update({c: name for c in commands(shown(page))})
        found.update({b: name for b in literals(page)})
    readme = open(f"{TOP}/README").read()
    found.update({re.sub(r" {2,}#.*$", "", c, flags=re.M): "README" for c in commands(readme)})
    found.update({b.rstrip() + "\n": "README" for b in configurations(readme)})
    scripts = [p for p in sorted(glob.glob(f"{TOP}/examples/*")) if not p.endswith("README")]
    found.update({of_script(p): "examples/" + os.path.basename(p) for p in scripts})
    return found


def configurations(readme):
    """The paragraphs of the README that are a configuration, less their indentation."""
    for block in re.findall(r"^( +\[\w.*\]\n(?: +.*\n)+)", readme, re.M):
        yield re.sub(r"^ +", "", block, flags=re.M)


# ---- the stage

class Stage:
    def __init__(self):
        self.lab = Lab(users=PEOPLE, modules=("mam",))

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.lab)
            pulse = stack.enter_context(Pulse(self.lab))
            pulse.feed("feed_ab", tone(self.lab.path("microphone.wav"), MICROPHONE, 20))
            env = pulse.env("mic_ab", "ear_ba")
            with open(env["HOME"] + "/.asoundrc", "a") as f:
                f.write("".join(f"pcm.{name} {{ type asym playback.pcm spk capture.pcm mic hint {{ show on description {name} }} }}\n"
                                for name in ("Headset", "Door")))
            env.pop("XDG_CONFIG_HOME")
            env = {k: v for k, v in env.items() if not k.startswith(("MAKE", "MFLAGS"))}      # of the make that runs the tests
            self.env = dict(env, PATH=os.path.dirname(os.path.realpath(JCALL)) + ":" + os.environ["PATH"], TERM="xterm")
            self.home, self.number = env["HOME"], 0
            os.makedirs(self.home + "/.config/jcall")
            self.configure()
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        return self.stack.__exit__(*error)

    def configure(self, more="", **sections):
        sections.setdefault("contact julie", {"jid": JULIET})
        shutil.copy2(self.lab.config(ROMEO, account="gateway = cheogram.com", **sections), self.home + "/.config/jcall/config")

    def room(self):
        """A new folder with the files that the examples name."""
        self.number += 1
        self.cwd = os.path.join(self.home, f"room{self.number}")
        os.makedirs(self.cwd)
        for name in ("announcement.wav", "alarm.wav", "say.wav", "talk.wav"):
            tone(self.path(name), FILE, 3)
        for name in ("talk.flac", "talk.ogg", "greeting.ogg", "music.ogg"):
            subprocess.run(["sox", self.path("talk.wav"), self.path(name)], check=True)
        subprocess.run(["sox", self.path("say.wav"), "-t", "raw", self.path("say.raw")], check=True)
        os.symlink(f"{TOP}/examples", self.path("examples"))

    def path(self, name):
        return os.path.join(self.cwd, name)

    def run(self, text, limit=60):
        """(exit status, what it printed, its errors)"""
        r = subprocess.run(["sh", "-c", text], cwd=self.cwd, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit)
        return r.returncode, r.stdout, r.stderr

    @contextlib.contextmanager
    def started(self, text, waits=True):
        """The example, at a terminal: a Running. Interrupted at the end as by Control-C, if it still runs."""
        running = Running(["sh", "-c", text], self.cwd, self.env)
        try:
            if waits:
                self.until_waiting(running)
            yield running
        finally:
            running.stop()

    def until_waiting(self, running):
        end = time.monotonic() + PATIENCE
        while True:
            r = subprocess.run([JCALL, "ctl", "--account", ROMEO, "--json", "status"], env=self.env, capture_output=True, text=True)
            if r.returncode == 0 and json.loads(r.stdout).get("online"):
                return
            assert time.monotonic() < end and running.p.poll() is None, f"it does not wait for calls: {running.said()}"
            time.sleep(0.1)

    @contextlib.contextmanager
    def at_home(self, jid, *args):
        """Somebody who takes the call, says a tone, and writes down what he hears: his Proc, its file."""
        heard = self.path(jid.split("@")[0] + "-heard.wav")
        who = self.lab.answer(jid, "-i", f"tone:{THEIRS}", "-o", heard, *args)
        who.file = heard
        try:
            yield who
        finally:
            who.stop()

    def abroad(self):
        folder = self.lab.path("abroad")
        os.makedirs(folder, 0o700, exist_ok=True)
        return dict(self.lab.env(), XDG_RUNTIME_DIR=folder)

    @contextlib.contextmanager
    def declining(self, jid):
        """Somebody who declines."""
        who = self.lab.jcall(jid, "answer", "-i", "null", "-o", "null", "--once", "--on-event",
                             f"sh -c '[ $JCALL_EVENT != incoming ] || {JCALL} ctl --pid $PPID reject'")
        who.wait("waiting")
        try:
            yield who
        finally:
            who.stop()

    def caller(self, jid, *args):
        """Somebody who calls Romeo; his sockets are elsewhere, as if he were at another machine."""
        heard = self.path(jid.split("@")[0] + "-heard.wav")
        who = self.lab.dial(jid, ROMEO, "-i", f"tone:{THEIRS}", "-o", heard, *args, env=self.abroad())
        who.file = heard
        return who

    def called_in_vain(self):
        assert self.lab.dial(JULIET, ROMEO, "--ring-timeout", "1").exit() in (12, 13)


class Running:
    """A command on a terminal of its own."""

    def __init__(self, argv, cwd, env):
        self.master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, COLUMNS))
        self.p = subprocess.Popen(argv, cwd=cwd, env=env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        self.text = b""
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        with contextlib.suppress(OSError):
            while data := os.read(self.master, 4096):
                self.text += data

    def said(self):
        return self.text.decode("utf8", "replace").replace("\r\n", "\n")

    def until(self, pattern):
        end = time.monotonic() + PATIENCE
        while not re.search(pattern, self.said(), re.M):
            assert time.monotonic() < end, f"not said: {pattern}; but {self.said()}"
            time.sleep(0.05)

    def type(self, keys):
        os.write(self.master, keys.encode())

    def exit(self):
        status = self.p.wait(PATIENCE)
        self.reader.join(5)
        return status

    def stop(self):
        if self.p.poll() is None:
            os.killpg(self.p.pid, signal.SIGINT)
            try:
                self.p.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self.p.pid, signal.SIGKILL)
                self.p.wait()
                raise AssertionError(f"it does not end: {self.said()}")
        self.reader.join(5)
        with contextlib.suppress(OSError):
            os.close(self.master)


def hears(who, hz):
    """WHO has written down this tone and nothing else."""
    assert purity(decoded(who.file), hz) > 0.8, f"{who.name} has not heard {hz} Hz"


# ---- what is known of each example

KNOWN, GROUP = {}, {}


def example(group, *texts):
    def add(function):
        for text in texts:
            assert text not in KNOWN, f"twice: {text}"
            KNOWN[text], GROUP[text] = function, group
        return function
    return add


def run_group(group):
    with Stage() as stage:
        found, env = examples(), stage.env
        for text, function in KNOWN.items():
            if GROUP[text] == group:
                assert text in found, f"no longer in the manuals: {text}"
                stage.room()
                try:
                    function(stage, text)
                except Exception as e:
                    raise AssertionError(f"{found[text]}: {text}\n{e}") from e
                stage.configure()
                stage.env = env
        assert stage.number
