#!/usr/bin/python3
"""Every example of the manuals and of the README is run as written, and does what is said of it.

An example is what stands behind "$ " in a displayed line, and each literal display (stage.py). Each is run by sh. What must have
happened is told by the function below whose decorator has the example's text; an example without one fails, and so does one
that is no longer in the manuals."""
import contextlib, json, os, re, signal, subprocess, time
from lab import *
from sounds import decoded, loudness, purity
from manual_more import Service
from stage import *
from test_systemd import User, under_systemd


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
    with s.declining(JULIET):
        assert "heard" not in s.run(text)[1]
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
    with s.declining(NURSE):
        assert s.run(text)[1] == "11\n"


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
    with s.declining(NURSE):
        assert s.run(text)[1] == "declined\n"


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


@example("answer", "jcall answer --record '%t-%p.opus'")
def records_each_call(s, text):
    with s.started(text) as romeo:
        for _ in range(2):
            juliet = s.caller(JULIET, "--for", "3")
            romeo.until(JULIET)
            juliet.wait("ringing")
            time.sleep(0.3)
            romeo.type("y")
            assert juliet.exit() == 0
    names = [f for f in os.listdir(s.cwd) if f.endswith(".opus")]
    assert len(names) == 2 and all(JULIET in n for n in names), names
    for name in names:
        subprocess.run(["opusdec", "--quiet", "--rate", "48000", s.path(name), s.path("both.wav")], check=True)
        for side, hz in (("1", MICROPHONE), ("2", THEIRS)):
            subprocess.run(["sox", s.path("both.wav"), s.path("side.wav"), "remix", side], check=True)
            assert purity(decoded(s.path("side.wav")), hz) > 0.8, (side, hz)


@example("answer", "jcall answer --auto --allow-contacts --max-calls 10 --exec cat", "jcall answer --auto --allow-contacts --max-calls 9 --exec cat")
def echoes(s, text):
    with s.started(text):
        both = [s.caller(who, "--for", "4") for who in (JULIET, MUM)]
        for who in both:
            assert who.exit() == 0
            hears(who, THEIRS)


@example("answer", """jcall answer --on-event 'sh -c "echo $JCALL_EVENT $JCALL_PEER >>calls.txt"'""")
def does_something_whenever_something_happens(s, text):
    with s.started(text) as romeo:
        juliet = s.caller(JULIET, "--for", "1")
        romeo.until(JULIET)
        juliet.wait("ringing")
        time.sleep(0.3)
        romeo.type("y")
        assert juliet.exit() == 0
    said = open(s.path("calls.txt")).read()
    assert re.search(rf"^incoming {JULIET}/\S+$", said, re.M) and re.search(rf"^ended {JULIET}/\S+$", said, re.M), said


# ---- ctl

@contextlib.contextmanager
def in_call(s, *callers):
    """Romeo's jcall is in calls with these: their Procs."""
    with s.started("jcall answer --auto --allow-contacts --max-calls 2 -i null -o null"):
        procs = []
        for who in callers:
            procs.append(s.caller(who))
            procs[-1].wait("heard")
        yield procs


@example("ctl", "jcall ctl answer")
def takes_the_call_that_rings(s, text):
    with s.started("jcall answer -i null -o null") as romeo:
        juliet = s.caller(JULIET, "--for", "1")
        romeo.until(JULIET)
        assert s.run(text)[0] == 0
        assert juliet.exit() == 0


@example("ctl", "jcall ctl mute; sleep 5; jcall ctl unmute")
def mutes_for_a_while(s, text):
    with in_call(s, JULIET) as (juliet,):
        assert s.run(text)[0] == 0
        assert juliet.wait("peer")["muted"] and not juliet.wait("peer")["muted"]


@example("ctl", "jcall ctl dtmf 42#")
def presses_keys(s, text):
    with in_call(s, JULIET) as (juliet,):
        assert s.run(text)[0] == 0
        assert [juliet.wait("dtmf")["digit"] for _ in range(3)] == list("42#")


@example("ctl", "jcall ctl --json status | jq -r '.calls[] | .peer'", "jcall ctl status",
         "echo status | socat - UNIX-CONNECT:$(echo $XDG_RUNTIME_DIR/jcall/*.sock)")
def tells_who_talks(s, text):
    with in_call(s, JULIET, MUM):
        status, out, _ = s.run(text)
        assert status == 0 and JULIET in out and MUM in out, out


@example("ctl", "jcall ctl --call 2 hangup")
def ends_one_of_two(s, text):
    with in_call(s, JULIET, MUM) as (juliet, mum):
        assert s.run(text)[0] == 0
        assert mum.exit() == 0 and juliet.p.poll() is None


@example("ctl", """jcall ctl events | jq -r --unbuffered 'select(.event == "dtmf") | .digit' | head -n 1""")
def waits_for_a_key(s, text):
    with in_call(s, JULIET) as (juliet,):
        with s.started(text, waits=False) as asker:
            time.sleep(1)
            subprocess.run([JCALL, "ctl", "--pid", str(juliet.pid), "dtmf", "5"], env=s.abroad(), check=True)
            asker.until("^5$")


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
    s.env = dict(s.env, ASAN_OPTIONS="detect_leaks=0")      # ALSA's plugins lose memory when they are unloaded
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


# ---- displays

@example("dial", "0:12  you ####----  peer ###-----  loss 0.4 %  delay 84 ms  DTLS-SRTP\n")
def is_the_line_of_a_call(s, text):
    line = re.escape(text.strip())
    for figure, any_such in (("0:12", r"\\d:\\d\\d"), ("84", r"\\d+"), (r"0\.4", r"\\d+\\.\\d"), ("[\\\\#-]{16}", "[#-]{8}")):
        line, changed = re.subn(figure if figure.startswith("[") else re.escape(figure), any_such, line)
        assert changed, (figure, line)
    with s.at_home(JULIET), s.started("LC_ALL=C NO_COLOR=1 jcall dial juliet@capulet.lit", waits=False) as romeo:
        romeo.until(line)


# ---- all of them

def test_examples_of_the_service():
    under_systemd()
    with Lab() as lab, User(lab, lab.env(), audio={"in": "null", "out": "null"}) as user:
        for text, function in KNOWN.items():
            if GROUP[text] == "service":
                function(Service(user), text)


def test_examples_of_dial():
    run_group("dial")


def test_examples_of_answer():
    run_group("answer")


def test_examples_of_scripts():
    run_group("scripts")


def test_examples_of_make():
    run_group("make")


def test_examples_of_ctl():
    run_group("ctl")


def test_examples_of_lists():
    run_group("lists")


def test_every_example_has_an_expectation():
    found = examples()
    assert len(found) > 20, "the manuals are not understood any more"
    missing = [f"{where}: {text}" for text, where in found.items() if text not in KNOWN]
    assert not missing, "no test knows:\n" + "\n".join(missing)
    gone = set(KNOWN) - set(found)
    assert not gone, "no longer in the manuals:\n" + "\n".join(gone)


run_tests(globals())
