#!/usr/bin/python3
"""answer --exec: a command of its own for each call."""
import json, os, signal, stat, time
import numpy as np
from lab import *

NO_PATH = 20


def script(lab, name, text):
    path = lab.path(name)
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return path


def serve(lab, text, *args, **kw):
    p = lab.jcall("juliet", "answer", "--auto", "--allow-contacts", "--exec", script(lab, "command", text), *args, **kw)
    p.wait("waiting")
    return p


def tone(path, hz, seconds=3, rate=48000):
    write_wav(path, (8000 * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)).astype(np.int16))


def loudest(samples):
    """The frequency that is loudest in the middle of what was heard, and how much of all there is it has."""
    part = samples[len(samples) // 3: 2 * len(samples) // 3].astype(float)
    power = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
    f = np.fft.rfftfreq(len(part), 1 / 48000)
    peak = f[power.argmax()]
    return peak, power[np.abs(f - peak) < 20].sum() / power.sum()


def test_what_the_caller_says_comes_back():
    with Lab() as lab:
        juliet = serve(lab, "exec cat\n")
        tone(lab.path("say.wav"), 700)
        romeo = lab.dial("romeo", "juliet", "-i", lab.path("say.wav"), "-o", lab.path("heard.wav"), "--at-end", "silence", "--for", "5")
        assert romeo.exit() == 0
        heard = read_wav(lab.path("heard.wav"))
        peak, share = loudest(heard)
        assert abs(peak - 700) < 5 and share > 0.9, (peak, share)
        assert juliet.wait("exec")["call"] == 1
        assert juliet.wait("exec-ended")["status"] in (0, 141), "cat has read the end, or its reader was gone"


def test_ten_at_once_each_hear_only_their_own():
    users = [f"u{n}" for n in range(10)]
    with Lab(users=("juliet", *users)) as lab:
        juliet = serve(lab, "exec cat\n", "--max-calls", "10")
        callers = []
        for n, user in enumerate(users):
            tone(lab.path(f"{user}.wav"), 400 + 100 * n, 12)
            callers.append(lab.dial(user, "juliet", "-i", lab.path(f"{user}.wav"), "-o", lab.path(f"{user}-heard.wav"), "--for", "8"))
        assert [p.exit(60) for p in callers] == [0] * 10
        for n, user in enumerate(users):
            heard = read_wav(lab.path(f"{user}-heard.wav"))
            peak, share = loudest(heard)
            assert abs(peak - (400 + 100 * n)) < 5 and share > 0.9, (user, peak, share)
        for _ in users:
            juliet.wait("exec-ended", 30)
        assert sorted(e["call"] for e in juliet.seen("exec-ended")) == list(range(1, 11))


def test_its_environment_is_told_and_harmless():
    with Lab(users=("juliet", "romeo"), contacts=()) as lab:
        juliet = serve(lab, f"env | grep ^JCALL_ | sort > {lab.path('env')}; echo $0 $# >> {lab.path('env')}\n")
        romeo = lab.dial("romeo", "juliet")
        assert romeo.exit() == 0, "it has ended, and with its sound the call"
        juliet.wait("exec-ended")
        told = dict(line.split("=", 1) for line in open(lab.path("env")).read().splitlines()[:-1])
        assert told["JCALL_CALL"] == "1" and told["JCALL_PEER"].startswith("romeo@" + DOMAIN + "/"), told
        assert (told["JCALL_FORMAT"], told["JCALL_RATE"], told["JCALL_CHANNELS"], told["JCALL_CONTROL_FD"]) == ("s16le", "48000", "1", "3"), told
        assert "JCALL_PASSWORD" not in told


def test_it_asks_and_hears_at_its_descriptor_3():
    with Lab() as lab:
        juliet = serve(lab, """
say() { echo "$1" >&3; }
say "dtmf 42"; say '{"command":"status","id":"a"}'; say "mute"; say "call 9"; say '{"command":"mute","call":2}'
while read -r line <&3; do
	echo "$line"
	case $line in *'"dtmf"'*) say hangup;; esac
done > %s
""" % lab.path("told"))
        romeo = lab.dial("romeo", "juliet")
        assert [romeo.wait("dtmf")["digit"] for _ in range(2)] == ["4", "2"]
        assert [e["muted"] for e in romeo.seen("peer")] == [True]
        assert lab.ctl("--account", "romeo", "dtmf", "7") == ""
        assert romeo.exit() == 0
        juliet.wait("exec-ended")
        told = [json.loads(line) for line in open(lab.path("told"))]
        replies = [t for t in told if "ok" in t]
        assert [r["ok"] for r in replies] == [True, True, True, False, False, True], replies
        assert replies[1]["id"] == "a" and [c["call"] for c in replies[1]["calls"]] == [1]
        assert "no other can be reached" in replies[4]["error"]
        events = [t for t in told if "event" in t]
        assert {e["call"] for e in events} == {1} and "dtmf" in [e["event"] for e in events], events


def test_a_call_that_is_not_taken_starts_nothing():
    with Lab() as lab:
        juliet = lab.jcall("juliet", "answer", "--exec", script(lab, "command", f"touch {lab.path('started')}; cat\n"))
        juliet.wait("waiting")
        romeo = lab.dial("romeo", "juliet")
        juliet.wait("incoming")
        assert lab.ctl("--account", "juliet", "reject") == ""
        assert romeo.exit() == 11
        time.sleep(0.3)
        assert not os.path.exists(lab.path("started"))
        # A second one is taken, and the first did no harm.
        romeo = lab.dial("romeo", "juliet", "--for", "1")
        juliet.wait("incoming")
        assert lab.ctl("--account", "juliet", "answer") == ""
        assert romeo.exit() == 0
        assert os.path.exists(lab.path("started"))


def test_what_cannot_be_started_ends_the_call_and_is_told():
    with Lab() as lab:
        with open(os.open(lab.path("broken"), os.O_CREAT | os.O_WRONLY, 0o755), "w") as f:
            f.write("#!/does/not/exist\n")
        juliet = lab.jcall("juliet", "answer", "--auto", "--allow-contacts", "--exec", lab.path("broken"))
        juliet.wait("waiting")
        romeo = lab.dial("romeo", "juliet")
        romeo.exit()
        ended = juliet.wait("ended")
        assert ended["status"] == 31 and lab.path("broken") in ended["text"], ended
        p = lab.jcall("juliet", "answer", "--auto", "--allow-contacts", "--exec", "/does/not/exist now")
        assert p.exit() == 2 and "'/does/not/exist'" in p.lines[0] and not p.events, p.lines
        for wrong in ("'unfinished", "", "   "):
            p = lab.jcall("juliet", "answer", "--auto", "--allow-contacts", "--exec", wrong)
            assert p.exit() == 2 and "--exec" in p.lines[0], p.lines
        p = lab.jcall("juliet", "answer", "--auto", "--allow-contacts", "--exec", "cat", "-o", "x.wav")
        assert p.exit() == 2


def test_it_has_time_to_store_what_it_heard():
    with Lab() as lab:
        juliet = serve(lab, f"cat > {lab.path('raw')}; sleep 1; mv {lab.path('raw')} {lab.path('done')}\n")
        tone(lab.path("say.wav"), 500, 2)
        romeo = lab.dial("romeo", "juliet", "-i", lab.path("say.wav"))
        assert romeo.exit() == 0
        juliet.wait("ended")
        assert juliet.wait("exec-ended")["status"] == 0
        assert os.path.getsize(lab.path("done")) > 2 * 48000 * 1.5


def test_one_that_is_silent_or_does_not_listen_holds_nothing_up():
    with Lab() as lab:
        juliet = serve(lab, "sleep 4\n", "--max-calls", "2")        # reads nothing, writes nothing
        romeo = lab.dial("romeo", "juliet", "--stats", "1")
        romeo.wait("heard")
        started = time.monotonic()
        assert romeo.exit() == 0
        assert time.monotonic() - started > 2, "it was hung up before the command ended"
        assert romeo.seen("ended")[0]["rx_packets"] > 100, "silence was sent meanwhile"
        assert not romeo.seen("unstable")


def test_one_that_speaks_when_the_call_ends_is_no_warning():
    with Lab() as lab:
        juliet = serve(lab, "exec cat /dev/zero\n")
        assert lab.dial("romeo", "juliet", "--for", "1").exit() == 0
        assert juliet.wait("exec-ended")["status"] == 141
        juliet.signal(signal.SIGTERM)
        juliet.exit()
        assert not juliet.lines, juliet.lines


def test_short_calls_leave_nothing_behind():
    """Descriptors and threads, whoever ends the call: the caller, the command's end, or both in one moment."""
    with Lab() as lab:
        write_wav(lab.path("music.wav"), np.zeros(48000, np.int16))
        juliet = serve(lab, f"""
echo 'play {lab.path("music.wav")}' >&3
case $((JCALL_CALL % 3)) in
0) exec timeout 1 cat;;
1) echo 'stop' >&3; echo 'record {lab.path("again.opus")}' >&3; echo 'stop record' >&3; echo 'device in tone' >&3; exec cat;;
2) echo hangup >&3; exec cat;;
esac
""", "--record", lab.path("%n.opus"))
        count = lambda: (len(os.listdir(f"/proc/{juliet.pid}/fd")), len(os.listdir(f"/proc/{juliet.pid}/task")))
        before = count()
        for n in range(6):
            status = lab.dial("romeo", "juliet", "--for", "1").exit()
            assert status == 0 or (status == NO_PATH and n % 3 == 1), (n, status)  # hung up before there was a way
            juliet.wait("exec-ended")
        end = time.monotonic() + PATIENCE
        while any(now > then for now, then in zip(count(), before)) and time.monotonic() < end:
            time.sleep(0.2)
        assert all(now <= then for now, then in zip(count(), before)), (before, count())
        assert not [e for e in juliet.seen("recorded") if "text" in e]


run_tests(globals())
