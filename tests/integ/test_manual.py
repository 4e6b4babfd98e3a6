#!/usr/bin/python3
"""Every example of the manuals and of the README is run as written, and does what is said of it.

An example is what stands behind "$ " in a displayed line, and each literal display that is a configuration or commands. Each
is run by sh in a home of its own: a configuration at the usual place, jcall in PATH, sound devices, the files it names; the
people it names have accounts at a server of the test's own. What must have happened is told by the function below whose
decorator has the example's text; an example without one fails, and so does one that is no longer in the manuals."""
import contextlib, glob, json, os, pty, re, shutil, signal, subprocess, time
from lab import *
from sounds import decoded, loudness, purity, tone
from test_sound import Pulse

TOP = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
ROMEO, JULIET, NURSE, X, MUM, PHONE = PEOPLE = ("romeo@montague.lit", "juliet@capulet.lit", "nurse@ward.lit", "x@y.lit", "mum@family.lit",
                                                "+15551234567@cheogram.com")
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


def indented(text):
    """The indented paragraphs of the README that are no "$ " lines: (the words before, the paragraph)."""
    return re.findall(r"^    +((?:make|systemctl|loginctl|sudo|apt)\b.*)$", text, re.M)


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
    return found


def configurations(readme):
    """The paragraphs of the README that are a configuration, less their indentation."""
    for block in re.findall(r"^( +\[\w.*\]\n(?: +.*\n)+)", readme, re.M):
        yield re.sub(r"^ +", "", block, flags=re.M)


KNOWN, GROUP = {}, {}


def example(group, *texts):
    def add(function):
        for text in texts:
            assert text not in KNOWN, f"twice: {text}"
            KNOWN[text], GROUP[text] = function, group
        return function
    return add


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
                f.write("pcm.Headset { type asym playback.pcm spk capture.pcm mic hint { show on description Headset } }\n")
            env.pop("XDG_CONFIG_HOME")
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

    def caller(self, jid, *args):
        heard = self.path(jid.split("@")[0] + "-heard.wav")
        who = self.lab.dial(jid, ROMEO, "-i", f"tone:{THEIRS}", "-o", heard, *args)
        who.file = heard
        return who

    def called_in_vain(self):
        assert self.lab.dial(JULIET, ROMEO, "--ring-timeout", "1").exit() in (12, 13)


class Running:
    """A command on a terminal of its own."""

    def __init__(self, argv, cwd, env):
        self.master, slave = pty.openpty()
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


# ---- dial

@example("dial", "jcall dial juliet@capulet.lit")
def talks_by_the_default_devices(s, text):
    with s.at_home(JULIET) as juliet, s.started(text, waits=False) as romeo:
        juliet.wait("heard")
        time.sleep(3)
        romeo.type("q")
        assert romeo.exit() == 0, romeo.said()
        juliet.wait("ended")
        hears(juliet, MICROPHONE)


@example("dial", "jcall dial jul", "jcall dial julie", "jcall dial -i device:Headset -o device:Headset juliet@capulet.lit")
def calls_juliet(s, text):
    with s.at_home(JULIET, "--for", "3") as juliet:
        assert s.run(text)[0] == 0
        juliet.wait("ended")
        hears(juliet, MICROPHONE)


@example("dial", "jcall dial +15551234567")
def calls_the_gateway(s, text):
    with s.at_home(PHONE, "--for", "1") as phone:
        assert s.run(text)[0] == 0
        phone.wait("ended")


@example("dial", "jcall dial -i announcement.wav juliet@capulet.lit && echo heard")
def announces(s, text):
    assert "heard" not in s.run(text)[1], "nobody is there"
    with s.at_home(JULIET) as juliet:
        assert s.run(text)[:2] == (0, "heard\n")
        juliet.wait("ended")
        hears(juliet, FILE)


@example("dial", "jcall dial -i alarm.wav --ring-timeout 30 nurse@ward.lit\necho $?")
def alarms(s, text):
    with s.at_home(NURSE) as nurse:
        assert s.run(text)[:2] == (0, "0\n")
        nurse.wait("ended")
        hears(nurse, FILE)
    nurse = s.lab.jcall(NURSE, "answer", "-i", "null", "-o", "null", "--once")
    nurse.wait("waiting")
    with s.started(text, waits=False) as romeo:
        nurse.wait("incoming")
        s.lab.ctl("--pid", nurse.pid, "reject")
        romeo.until("^11$")


@example("dial", 'espeak-ng -w say.wav "The pump has stopped"; jcall dial -i say.wav nurse@ward.lit')
def speaks(s, text):
    with s.at_home(NURSE) as nurse:
        assert s.run(text)[0] == 0
        nurse.wait("ended")
        assert loudness(nurse.file) > 3000


@example("dial", "jcall dial --json -i say.wav -o reply.flac nurse@ward.lit | jq -r .event", "jcall dial --json -i say.wav x@y.lit | jq -r .event")
def tells_its_events(s, text):
    who = NURSE if NURSE in text else X
    with s.at_home(who) as callee:
        status, out, _ = s.run(text)
        said = out.split()
        assert status == 0 and said[0] == "connected" and said[-1] == "ended" and "heard" in said, out
        callee.wait("ended")
        hears(callee, FILE)
        if "reply.flac" in text:
            assert purity(decoded(s.path("reply.flac")), THEIRS) > 0.8


@example("dial", "sox talk.ogg -t raw -r 48000 -e signed -b 16 -c 1 - | jcall dial -i - juliet@capulet.lit")
def pipes_sound_in(s, text):
    with s.at_home(JULIET) as juliet:
        assert s.run(text)[0] == 0
        juliet.wait("ended")
        hears(juliet, FILE)


@example("dial", "arecord -t raw -f S16_LE -r 48000 | jcall dial -i - -o - x@y.lit | sox -t raw -r 48000 -e s -b 16 - heard.flac")
def pipes_sound_both_ways(s, text):
    with s.at_home(X, "--for", "4") as x:
        s.run(text)
        x.wait("ended")
        hears(x, MICROPHONE)
        assert purity(decoded(s.path("heard.flac")), THEIRS) > 0.8


@example("dial", """jcall dial --json -i say.wav nurse@ward.lit | jq -r 'select(.event == "ended").reason'""")
def tells_what_became_of_it(s, text):
    with s.at_home(NURSE):
        assert s.run(text)[:2] == (0, "ok\n")
    assert s.run(text)[1] == "unavailable\n"


@example("dial", "jcall dial --events call.json -i - -o - nurse@ward.lit < say.raw > reply.raw")
def has_sound_and_events_apart(s, text):
    with s.at_home(NURSE) as nurse:
        assert s.run(text)[:2] == (0, "")
        nurse.wait("ended")
        hears(nurse, FILE)
    events = [json.loads(line)["event"] for line in open(s.path("call.json"))]
    assert events[0] == "connected" and events[-1] == "ended"
    assert os.path.getsize(s.path("reply.raw")) > 2 * 48000


# ---- answer

@example("answer", "jcall answer")
def asks_and_talks(s, text):
    with s.started(text) as romeo:
        juliet = s.caller(JULIET)
        romeo.until(JULIET)
        romeo.type("y")
        juliet.wait("heard")
        time.sleep(3)
        romeo.type("q")
        assert juliet.exit() == 0
        hears(juliet, MICROPHONE)
        juliet = s.caller(JULIET)
        juliet.wait("ringing")
        time.sleep(0.5)
        romeo.type("n")
        assert juliet.exit() == 11


@example("answer", "jcall answer --auto --allow-contacts -i music.ogg -o call.opus")
def takes_calls_by_itself(s, text):
    with s.started(text):
        juliet = s.caller(JULIET)
        assert juliet.exit() == 0
        hears(juliet, FILE)
    assert purity(decoded(s.path("call.opus")), THEIRS) > 0.8


@example("answer", "jcall answer --auto --allow family.lit -o null")
def watches_the_baby(s, text):
    with s.started(text):
        mum = s.caller(MUM, "--for", "3")
        assert mum.exit() == 0
        hears(mum, MICROPHONE)
        assert s.caller(JULIET, "--ring-timeout", "2").exit() in (12, 13), "she is not of the family"


@example("answer", "jcall answer --auto --allow-contacts --once -i greeting.ogg --at-end silence -o message.flac")
def records_what_a_caller_says(s, text):
    with s.started(text) as romeo:
        juliet = s.caller(JULIET, "--for", "5")
        assert juliet.exit() == 0 and romeo.exit() == 0
        hears(juliet, FILE)
    said = decoded(s.path("message.flac"))
    assert purity(said, THEIRS) > 0.8 and len(said) > 4 * 48000


@example("answer", """jcall answer --auto --allow-contacts --json | jq --unbuffered -r 'select(.event == "dtmf").digit'""")
def tells_the_keys(s, text):
    with s.started(text) as romeo:
        juliet = s.caller(JULIET, "--dtmf", "47#")
        romeo.until(r"^4\n7\n#$")
        juliet.signal(signal.SIGINT)
        assert juliet.exit() == 0


@example("answer", '''jcall answer --auto --allow-contacts --json |
jq --unbuffered -r '[.event, .peer // ""] | @tsv' |
while IFS="$(printf '\\t')" read -r event peer; do
        case $event in
        incoming) echo "calling: $peer" ;;
        ended)    echo "gone: $peer" ;;
        esac
done
''')
def does_something_for_each_event(s, text):
    with s.started(text) as romeo:
        assert s.caller(JULIET, "--for", "1").exit() == 0
        romeo.until(rf"^calling: {JULIET}/\S+\ngone: {JULIET}/\S+$")


# ---- lists

@example("lists", "jcall history --missed")
def lists_who_has_called_in_vain(s, text):
    assert s.run(text)[:2] == (0, "")
    s.called_in_vain()
    status, out, _ = s.run(text)
    assert status == 0 and out.count(JULIET) == 1, out
    assert s.run(text)[1] == ""


@example("lists", "jcall history --missed >>missed.txt")
def notes_who_has_called_in_vain(s, text):
    s.called_in_vain()
    for _ in range(2):
        assert s.run(text)[:2] == (0, "")
    assert open(s.path("missed.txt")).read().count(JULIET) == 1


@example("lists", "jcall history -n 10")
def lists_the_latest_calls(s, text):
    for _ in range(2):
        s.called_in_vain()
    s.run("jcall history --missed")
    status, out, _ = s.run(text)
    assert status == 0 and 0 < out.count(JULIET) <= 10, out


@example("lists", "jcall history --json | jq -r '[.at, .direction, .peer, .duration_s] | @tsv'")
def lists_calls_as_a_table(s, text):
    s.called_in_vain()
    s.run("jcall history --missed")
    status, out, _ = s.run(text)
    assert status == 0 and re.fullmatch(rf"(\d+\t(in|out)\t\S+@\S+\t\d+\n)+", out), out


@example("lists", "jcall contacts")
def lists_the_contacts(s, text):
    with s.at_home(JULIET):
        status, out, _ = s.run(text)
    assert status == 0 and all(jid in out for jid in PEOPLE if jid != ROMEO), out


@example("lists", """jcall contacts --json | jq -r 'select(.state == "callable").peer'""")
def lists_who_can_be_called(s, text):
    with s.at_home(JULIET):
        assert s.run(text)[:2] == (0, JULIET + "\n")


@example("lists", "jcall devices")
def lists_the_devices(s, text):
    status, out, _ = s.run(text)
    assert status == 0 and "Headset" in out, out


@example("lists", "jcall doctor", "jcall doctor --peer juliet@capulet.lit")
def looks_what_is_wrong(s, text):
    with s.at_home(JULIET):
        status, out, _ = s.run(text)
    assert status == 0 and "Calls can be made" in out and ("would ring" in out) == ("--peer" in text), out


@example("lists", """jcall doctor --json | jq -r 'select(.result == "failed") | .fix // empty'""")
def tells_what_to_do(s, text):
    assert s.run(text)[:2] == (0, "")
    right = s.env["HOME"] + "/.config/jcall/config"
    kept = open(right).read()
    open(right, "w").write(kept.replace("-secret", "-wrong"))
    try:
        assert "password" in s.run(text)[1]
    finally:
        open(right, "w").write(kept)


@example("lists", "jcall help answer")
def helps(s, text):
    status, out, _ = s.run(text)
    assert status == 0 and "--allow-contacts" in out


@example("lists", """[account home]
jid = romeo@montague.lit
password_command = pass show xmpp/romeo@montague.lit

[answer]
allow = juliet@capulet.lit; friends.example
""", """[account home]
jid = romeo@montague.lit
password_command = pass show xmpp/romeo
""")
def is_a_configuration(s, text):
    with open(s.path("config"), "w") as f:
        f.write(text)
    assert s.run("jcall history --config config")[0] == 0
    with open(s.path("config"), "a") as f:
        f.write("nonsense = 1\n")
    assert s.run("jcall history --config config")[0] == 3, "a wrong one would not have passed"


# ---- what is told elsewhere

def elsewhere(*texts):
    """Displays that are not for a shell, and commands that change the whole machine: WHY stands behind each."""
    return example("elsewhere", *texts)


@example("picture", "0:12  you ####----  peer ###-----  loss 0.4 %  delay 84 ms  DTLS-SRTP\n")
def is_shown_during_a_call(s, text):
    s.env["LANG"] = s.env["LC_ALL"] = "C"
    with s.at_home(JULIET) as juliet, s.started("jcall dial juliet@capulet.lit", waits=False) as romeo:
        line = re.escape(text.strip())
        for figure, any_figure in ((r"0:12", r"\d:\d\d"), (r"\#\#\#\#\-\-\-\-", "[#-]{8}"), (r"\#\#\#\-\-\-\-\-", "[#-]{8}"), (r"0\.4", r"[\d.]+"), ("84", r"\d+")):
            assert figure in line, (figure, line)
            line = line.replace(figure, any_figure)
        romeo.until(line)


def run_group(group):
    with Stage() as stage:
        found = examples()
        for text, function in KNOWN.items():
            if GROUP[text] == group:
                assert text in found, f"no longer in the manuals: {text}"
                stage.room()
                try:
                    function(stage, text)
                except Exception as e:
                    raise AssertionError(f"{found[text]}: {text}\n{e}") from e
                stage.configure()
        assert stage.number


def test_examples_of_dial():
    run_group("dial")


def test_examples_of_answer():
    run_group("answer")


def test_examples_of_lists():
    run_group("lists")


def test_what_a_terminal_shows():
    run_group("picture")


def test_every_example_has_an_expectation():
    found = examples()
    assert len(found) > 20, "the manuals are not understood any more"
    missing = [f"{where}: {text}" for text, where in found.items() if text not in KNOWN]
    assert not missing, "no test knows:\n" + "\n".join(missing)
    gone = set(KNOWN) - set(found)
    assert not gone, "no longer in the manuals:\n" + "\n".join(gone)


run_tests(globals())
