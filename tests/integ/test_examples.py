#!/usr/bin/python3
"""examples/: each of the scripts does what its first lines promise, in real calls."""
import glob, os, re, shlex, signal, stat, subprocess, time
import numpy as np
from lab import *
from sounds import decoded, purity, tone

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples")


def example(*words):
    """The command line of an example, for --exec."""
    return shlex.join([os.path.join(os.path.realpath(EXAMPLES), words[0]), *map(str, words[1:])])


def environment(lab, user, **more):
    """That of a script: this jcall is found, and has USER's account in its usual configuration."""
    env = lab.env(PATH=os.path.dirname(os.path.realpath(JCALL)) + ":" + os.environ["PATH"], **more)
    os.makedirs(os.path.join(env["XDG_CONFIG_HOME"], "jcall"), exist_ok=True)
    shutil.copy2(lab.config(user), os.path.join(env["XDG_CONFIG_HOME"], "jcall", "config"))
    return env


def run(lab, user, *words, limit=120, **more):
    """(exit status, what it printed, its errors) of an example that calls by itself."""
    r = subprocess.run([os.path.join(EXAMPLES, words[0]), *map(str, words[1:])], env=environment(lab, user, **more), cwd=lab.dir,
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit)
    return r.returncode, r.stdout, r.stderr


def serve(lab, *words, **kw):
    """Juliet's jcall, which starts an example for each call."""
    p = lab.jcall("juliet", "answer", "--auto", "--allow-contacts", "--exec", example(*words), env=environment(lab, "juliet", **kw), cwd=lab.dir)
    p.wait("waiting")
    return p


def test_echo_lets_the_caller_hear_himself():
    with Lab() as lab:
        juliet = serve(lab, "echo")
        romeo = lab.dial("romeo", "juliet", "-i", tone(lab.path("say.wav"), 700, 6), "-o", lab.path("heard.wav"), "--at-end", "silence", "--for", "5")
        assert romeo.exit() == 0
        share = purity(read_wav(lab.path("heard.wav")), 700)
        assert share > 0.9, share
        assert juliet.wait("exec-ended")["status"] in (0, 141)


def messages(lab):
    return sorted(os.listdir(lab.path("messages"))) if os.path.exists(lab.path("messages")) else []


def test_voicemail_keeps_what_was_said_after_the_tone_though_the_caller_hangs_up():
    with Lab() as lab:
        juliet = serve(lab, "voicemail", "messages", "Speak now.")
        config = lab.config("romeo")
        text = open(config).read().replace(f"jid = romeo@{DOMAIN}", f"jid = romeo@{DOMAIN}/../../$(touch x);'\" é")
        open(config, "w").write(text)
        # He says nothing to the greeting, then a tone, and hangs up in the midst of it.
        romeo = lab.dial("romeo", "juliet", "-i", tone(lab.path("say.wav"), 700, 20, before=6), "-o", lab.path("heard.wav"), "--for", "12", config=config)
        assert romeo.exit() == 0
        assert juliet.wait("exec-ended")["status"] == 0
        [name] = messages(lab)
        assert re.fullmatch(rf"\d{{4}}-\d\d-\d\d_\d{{6}}_romeo@{DOMAIN}_1\.opus", name), name
        assert stat.S_IMODE(os.stat(lab.path("messages", name)).st_mode) == 0o600
        said = decoded(lab.path("messages", name))
        share = purity(said, 700)
        assert share > 0.9 and len(said) > 4 * 48000, (share, len(said))
        heard = read_wav(lab.path("heard.wav"))
        assert purity(heard, 880) > 0.2, "there was a beep"
        assert np.abs(heard[:3 * 48000]).max() > 1000, "and a greeting"


def test_voicemail_ends_at_its_limit_and_greets_by_a_file():
    with Lab() as lab:
        juliet = serve(lab, "voicemail", "messages", tone(lab.path("greeting.wav"), 500, 2), "3")
        romeo = lab.dial("romeo", "juliet", "-i", tone(lab.path("say.wav"), 700, 30), "-o", lab.path("heard.wav"))
        assert romeo.exit() == 0 and romeo.seen("ended")[0]["duration_s"] < 20, "hung up by the machine"
        assert juliet.wait("exec-ended")["status"] == 0
        [name] = messages(lab)
        said = decoded(lab.path("messages", name))
        assert abs(len(said) / 48000 - 3) < 0.2 and purity(said, 700) > 0.9, len(said)
        assert purity(read_wav(lab.path("heard.wav")), 500) > 0.9


def test_voicemail_stores_nothing_when_the_caller_does_not_wait():
    with Lab() as lab:
        juliet = serve(lab, "voicemail", "messages", "This is a greeting that goes on and on, so that nobody can bear to hear the end of it, and hangs up.")
        romeo = lab.dial("romeo", "juliet", "--for", "1")
        assert romeo.exit() == 0
        juliet.wait("exec-ended")
        assert messages(lab) == []


def test_ivr_says_what_is_pressed_for_and_hangs_up():
    with Lab() as lab:
        juliet = serve(lab, "ivr", "Press 1, or 0 to end.", "1=From nine to five.", "*=Verona.", "0=Bye.")
        romeo = lab.dial("romeo", "juliet", "-o", lab.path("heard.wav"))

        def said(what, whole=True):
            while True:
                e = juliet.wait("played")
                if e["whole"] or not whole:
                    assert e["file"].endswith("/" + what), (e, what)
                    return
        said("menu")
        for digit, answer in (("1", "1"), ("*", "*"), ("7", "menu")):
            assert lab.ctl("--account", "romeo", "dtmf", digit) == ""
            said(answer)
        # A key interrupts what is being said, and after 0 it ends.
        assert lab.ctl("--account", "romeo", "dtmf", "1w0") == ""
        assert romeo.exit() == 0 and romeo.seen("ended")[0]["reason"] == "ok"
        assert [e["file"].rsplit("/", 1)[1] for e in juliet.seen("played")][-1] == "0"
        assert juliet.wait("exec-ended")["status"] == 0
        heard = read_wav(lab.path("heard.wav"))
        assert np.abs(heard).max() > 2000
        folder = os.path.dirname(juliet.seen("played")[0]["file"])
        assert not os.path.exists(folder), "it has tidied up"


def test_ivr_leaves_nothing_behind_when_the_caller_hangs_up():
    with Lab() as lab:
        juliet = serve(lab, "ivr", "Press 1 if you have the patience to listen to all of this.", "1=Yes.")
        romeo = lab.dial("romeo", "juliet")
        folder = os.path.dirname(juliet.wait("playing")["file"])
        romeo.wait("heard")
        romeo.signal(signal.SIGINT)
        assert romeo.exit() == 0
        assert juliet.wait("exec-ended")["status"] == 0
        assert not os.path.exists(folder)


def test_intercom_opens_by_the_right_code_alone():
    with Lab() as lab:
        door = lab.path("door")
        open(door, "w").write(f"#!/bin/sh\necho open $# >>{lab.path('opened')}\n")
        os.chmod(door, 0o755)
        env = environment(lab, "juliet")
        juliet = Proc([os.path.join(EXAMPLES, "intercom"), "4711", door, "--allow-contacts", "-i", "null", "-o", "null", "--json"],
                      env, "intercom", cwd=lab.dir)
        lab.procs.append(juliet)
        juliet.wait("waiting")
        opened = lambda: open(lab.path("opened")).read() if os.path.exists(lab.path("opened")) else ""

        # The wrong code ends the call, with the right one in the midst of it or behind it, too.
        for digits in ("4712", "5471", "1111"):
            romeo = lab.dial("romeo", "juliet", "--dtmf", digits)
            assert romeo.exit() == 0
            juliet.wait("ended")
        # A code that is not complete does nothing, neither does its other half in the next call.
        for half in ("47", "11"):
            romeo = lab.dial("romeo", "juliet", "--dtmf", half, "--for", "3")
            assert romeo.exit() == 0
            juliet.wait("ended")
        assert opened() == ""
        romeo = lab.dial("romeo", "juliet", "--dtmf", "4711", "--for", "4")
        assert romeo.exit() == 0
        juliet.wait("ended")
        assert opened() == "open 0\n" and romeo.seen("ended")[0]["duration_s"] > 3.5, "and the talk goes on"
        juliet.signal(signal.SIGTERM)
        assert juliet.exit() == 0
        assert not [f for f in os.listdir(lab.path("run")) if f.startswith("intercom")]


def test_alert_tells_who_has_acknowledged():
    with Lab(users=("monitor", "nurse", "doctor")) as lab:
        people = lab.jid("nurse"), lab.jid("doctor")
        nurse, doctor = lab.answer("nurse", "--dtmf", "w1", "-o", lab.path("nurse.wav")), lab.answer("doctor", "--dtmf", "w1")
        assert run(lab, "monitor", "alert", "The pump has stopped", *people) == (0, people[0] + "\n", "")
        assert not doctor.seen("incoming"), "the first has acknowledged: nobody else is called"
        assert np.abs(read_wav(lab.path("nurse.wav"))).max() > 2000
        # The nurse is not there: the doctor is called.
        nurse.stop()
        assert run(lab, "monitor", "alert", "The pump has stopped", *people, RING="5")[:2] == (1, people[1] + "\n")


def test_alert_tells_that_nobody_has():
    with Lab(users=("monitor", "nurse", "doctor")) as lab:
        people = lab.jid("nurse"), lab.jid("doctor")
        nurse = lab.answer("nurse", "--dtmf", "2", "--for", "4")
        doctor = lab.jcall("doctor", "answer", "-i", "null", "-o", "null")
        doctor.wait("waiting")
        status, out, _ = run(lab, "monitor", "alert", "The pump has stopped", *people, RING="3")
        assert (status, out) == (100, "")
        assert nurse.seen("accepted") and doctor.seen("incoming"), "each has been called"
        assert run(lab, "monitor", "alert")[0] == 101


def perf(line):
    """The performance data of a line: {label: (value, unit, warn, crit, min, max)}, by the Monitoring Plugins guidelines."""
    text, data = line.split(" | ")
    found = {}
    for word in data.split():
        m = re.fullmatch(r"([^='\s]+)=(-?[\d.]+)(s|%)?((?:;[\d.]*)*)", word)
        assert m, word
        found[m[1]] = (float(m[2]), m[3], *m[4].split(";")[1:])
    return found


def test_check_tells_how_calls_are():
    with Lab(users=("monitor", "juliet")) as lab:
        serve(lab, "echo")
        jid = lab.jid("juliet")
        status, out, err = run(lab, "monitor", "check_xmpp_call", "-H", jid, "-w", "25,50", "-c", "28,60")
        assert status == 0 and out.startswith("XMPP CALL OK - ") and out.count("\n") == 1 and err == "", (status, out, err)
        data = perf(out.strip())
        assert set(data) == {"setup", "loss"} and data["setup"][1:] == ("s", "25", "28", "0") and data["loss"][1:] == ("%", "50", "60", "0", "100"), data
        assert 0 < data["setup"][0] < 25
        for limits, expected, word in ((("--warning", "0,50", "--critical", "28,60"), 1, "WARNING"), (("-w", "0,50", "-c", "0,60"), 2, "CRITICAL"),
                                       (("-w", "25,0", "-c", "28"), 1, "WARNING")):
            status, out, _ = run(lab, "monitor", "check_xmpp_call", "--hostname", jid, "-d", "1", *limits)
            assert status == expected and out.startswith(f"XMPP CALL {word} - "), (limits, status, out)
            perf(out.strip())


def test_check_tells_why_there_is_no_call():
    with Lab(users=("monitor", "juliet")) as lab:
        status, out, _ = run(lab, "monitor", "check_xmpp_call", "-H", lab.jid("juliet"), "-t", "60")
        assert status == 2 and re.fullmatch(r"XMPP CALL CRITICAL - (unavailable|no-answer): .+\n", out), out
        juliet = lab.jcall("juliet", "answer", "-i", "null", "-o", "null")
        juliet.wait("waiting")
        assert run(lab, "monitor", "check_xmpp_call", "-H", lab.jid("juliet"), "-t", "4")[:2] == (2, "XMPP CALL CRITICAL - no end in time\n")
        for wrong in ((), ("-H",), ("-H", "x@y", "-w", "soon"), ("-H", "x@y", "--nonsense"), ("-H", "x@y", "-a", "nobody")):
            status, out, _ = run(lab, "monitor", "check_xmpp_call", *wrong)
            assert status == 3 and out.startswith("XMPP CALL UNKNOWN - ") and out.count("\n") == 1, (wrong, status, out)
        status, out, _ = run(lab, "monitor", "check_xmpp_call", "--help")
        assert status == 0 and "-w, --warning" in out
        assert run(lab, "monitor", "check_xmpp_call", "-V")[1].startswith("jcall ")


class Phone:
    """A SIP phone on loopback, by a baresip of its own: says a tone, writes down what it hears, takes calls by itself."""

    def __init__(self, lab, hz, answermode="auto"):
        self.lab, self.dir, self.port = lab, lab.path("phone"), free_port()
        os.makedirs(os.path.join(self.dir, "heard"))
        tone(os.path.join(self.dir, "say.wav"), hz, 60, 8000)
        modules = "".join(f"module {m}.so\n" for m in ("stdio", "g711", "aufile", "alsa", "sndfile"))
        open(os.path.join(self.dir, "config"), "w").write(f"""module_path /usr/lib/baresip/modules
{modules}module_tmp account.so
module_app menu.so
net_interface 127.0.0.1
sip_listen 127.0.0.1:{self.port}
audio_source aufile,{self.dir}/say.wav
audio_player alsa,null
audio_alert alsa,null
snd_path {self.dir}/heard
""")
        open(os.path.join(self.dir, "accounts"), "w").write(f"<sip:phone@127.0.0.1>;regint=0;answermode={answermode}\n")

    def __enter__(self):
        self.p = subprocess.Popen(["baresip", "-f", self.dir], env=dict(self.lab.env(), HOME=self.dir), cwd=self.dir, stdin=subprocess.PIPE,
                                  stdout=open(os.path.join(self.dir, "log"), "wb"), stderr=subprocess.STDOUT)
        self.until("baresip is ready")
        return self

    def __exit__(self, *_):
        self.p.terminate()
        self.p.wait(PATIENCE)

    def until(self, text):
        end = time.monotonic() + PATIENCE
        while text not in self.log():
            assert time.monotonic() < end and self.p.poll() is None, f"the phone does not say '{text}': {self.log()[-2000:]}"
            time.sleep(0.05)

    def log(self):
        return open(os.path.join(self.dir, "log"), errors="replace").read()

    def press(self, keys):
        self.p.stdin.write(keys.encode())
        self.p.stdin.flush()

    def heard(self):
        [name] = glob.glob(os.path.join(self.dir, "heard", "*-dec.wav"))
        return decoded(name)


def bridge(lab, phone):
    os.makedirs(lab.path("tmp"))
    return serve(lab, "sip-bridge", f"sip:phone@127.0.0.1:{phone.port}", SIP_ACCOUNT="<sip:bridge@127.0.0.1>;regint=0",
                 SIP_CONFIG="net_interface 127.0.0.1\nsip_listen 127.0.0.1:0", TMPDIR=lab.path("tmp"))


def test_sip_bridge_joins_sound_and_keys():
    with Lab() as lab, Phone(lab, 600) as phone:
        juliet = bridge(lab, phone)
        romeo = lab.dial("romeo", "juliet", "-i", tone(lab.path("say.wav"), 1000, 60), "-o", lab.path("heard.wav"))
        phone.until("Call established")
        phone.press("7")
        assert romeo.wait("dtmf")["digit"] == "7"
        assert lab.ctl("--account", "romeo", "dtmf", "4#") == ""
        for digit in "4#":
            phone.until(f"received event: '{digit}' (end=0)")
        time.sleep(3)
        romeo.signal(signal.SIGINT)
        assert romeo.exit() == 0
        phone.until("terminated")
        assert juliet.wait("exec-ended")["status"] == 0 and os.listdir(lab.path("tmp")) == []
        assert purity(read_wav(lab.path("heard.wav")), 600) > 0.8, "the phone is heard by Jingle"
        assert purity(phone.heard(), 1000) > 0.8, "and the other way round"
        assert sum(1 for line in phone.log().splitlines() if "received event" in line and "end=0" in line) == 2


def test_sip_bridge_ends_when_the_phone_does():
    with Lab() as lab, Phone(lab, 600) as phone:
        juliet = bridge(lab, phone)
        romeo = lab.dial("romeo", "juliet")
        phone.until("Call established")
        romeo.wait("heard")
        phone.press("b")
        assert romeo.exit() == 0 and romeo.seen("ended")[0]["reason"] == "ok"
        assert juliet.wait("exec-ended")["status"] == 0 and os.listdir(lab.path("tmp")) == []
    with Lab() as lab, Phone(lab, 600) as phone:
        phone.__exit__()
        juliet = bridge(lab, phone)         # nobody is there
        romeo = lab.dial("romeo", "juliet")
        assert romeo.exit(60) == 0
        assert juliet.wait("exec-ended")["status"] == 0 and os.listdir(lab.path("tmp")) == []


def test_who_leaves_out_what_is_needed_is_told_what():
    with Lab() as lab:
        for name, word, status in (("alert", "ADDRESS", 101), ("intercom", "CODE", 2), ("ivr", "MENU", 2), ("sip-bridge", "SIP-ADDRESS", 2),
                                   ("voicemail", "FOLDER", 2), ("check_xmpp_call", "--help", 3)):
            code, out, err = run(lab, "romeo", name)
            assert code == status and word in out + err and (out + err).count("\n") == 1, (name, code, out, err)


def test_every_example_is_tested_and_told_of():
    here, readme = open(__file__).read(), open(os.path.join(EXAMPLES, "README")).read()
    main = open(os.path.join(EXAMPLES, "../README")).read()
    for path in sorted(glob.glob(os.path.join(EXAMPLES, "*"))):
        name = os.path.basename(path)
        if name == "README":
            continue
        assert os.access(path, os.X_OK), f"{name} cannot be started"
        assert f'"{name}"' in here, f"{name} is not tested"
        assert re.search(rf"^    {name} ", readme, re.M), f"examples/README does not tell of {name}"
        assert re.search(rf"\b{name}\b", main), f"README does not tell of {name}"


run_tests(globals())
