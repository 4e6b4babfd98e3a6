#!/usr/bin/python3
"""Commands that are started when something happens: --on-event and [hooks]."""
import json, os, signal, subprocess
from lab import *


def script(lab, name, text):
    path = lab.path(name)
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return path


def lines(path):
    return open(path).read().splitlines() if os.path.exists(path) else []


def test_each_event_starts_its_hook_in_order():
    with Lab() as lab:
        tell = script(lab, "tell", f'echo "$1 $JCALL_EVENT $JCALL_CALL $JCALL_PEER $JCALL_DIGIT $JCALL_STATUS $JCALL_REASON" >> {lab.path("told")}\n')
        config = lab.config("juliet", hooks={"on_incoming": f"{tell} in", "on_answered": f"{tell} 'a b'", "on_dtmf": f"{tell} key", "on_ended": f"{tell} end"})
        juliet = lab.answer("juliet", "--once", config=config)
        romeo = lab.dial("romeo", "juliet", "--dtmf", "1*#", "--for", "2")
        assert romeo.exit() == 0 and juliet.exit() == 0
        full = juliet.seen("incoming")[0]["peer"]
        assert lines(lab.path("told")) == [f"in incoming 1 {full}   ", f"a b accepted 1 {full}   ", *[f"key dtmf 1 {full} {d}  " for d in ("1", "star", "hash")],
                                           f"end ended 1 {full}  0 ok"], lines(lab.path("told"))


def test_every_event_is_told_with_its_json():
    with Lab() as lab:
        tell = script(lab, "tell", f'cat >> {lab.path("told")}\n')
        juliet = lab.answer("juliet")
        romeo = lab.dial("romeo", "juliet", "--on-event", tell, "--for", "1")
        assert romeo.exit() == 0
        told = [json.loads(line) for line in lines(lab.path("told"))]
        assert told == romeo.events, "the hooks had their turn before it ended"


def test_what_others_say_stays_harmless():
    with Lab() as lab:
        tell = script(lab, "tell", f'env | grep ^JCALL_ >> {lab.path("told")}\n')
        juliet = lab.answer("juliet", "--once", "--on-event", tell)
        config = lab.config("romeo")
        with open(config) as f:
            text = f.read().replace(f"jid = romeo@{DOMAIN}", f"jid = romeo@{DOMAIN}/$(touch hacked) `x`; '\" \\\\ é")
        with open(config, "w") as f:
            f.write(text)
        romeo = lab.dial("romeo", "juliet", "--for", "1", config=config)
        assert romeo.exit() == 0 and juliet.exit() == 0
        for line in lines(lab.path("told")):
            name, value = line.split("=", 1)
            assert not set(value) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@._+:/=-"), line
            assert "secret" not in value
        peers = {line.split("=", 1)[1] for line in lines(lab.path("told")) if line.startswith("JCALL_PEER=")}
        assert peers == {"romeo@" + DOMAIN + "/__touch_hacked___x_______" + "_" * 3}, peers


def test_nothing_of_ours_is_open_in_them():
    with Lab() as lab:
        look = script(lab, "look", f'ls /proc/self/fd | tr "\\n" " " >> {lab.path("open")}; echo $1 >> {lab.path("open")}\n')
        juliet = lab.answer("juliet", "--on-event", f"{look} hook", "--events", lab.path("events"))
        command = lab.jcall("romeo", "answer", "--auto", "--allow-contacts", "--exec", f"{look} exec")
        command.wait("waiting")
        assert lab.dial("romeo", "juliet", "--for", "1").exit() == 0        # sockets, sound, a log: all there is
        assert lab.dial("juliet", "romeo").exit() == 0
        juliet.signal(signal.SIGTERM)
        assert juliet.exit() == 0
        found = set(lines(lab.path("open")))
        assert found == {"0 1 2 3 hook", "0 1 2 3 4 exec"}, found           # the last is where ls reads from


def test_no_shell_unless_it_is_asked_for():
    with Lab() as lab:
        juliet = lab.answer("juliet")
        romeo = lab.dial("romeo", "juliet", "--for", "1", "--on-event", f"touch {lab.path('a')};x $(touch {lab.path('b')})",
                         "--on-event", f"sh -c 'touch {lab.path('c')}; touch {lab.path('d')}'", cwd=lab.dir)
        assert romeo.exit() == 0
        assert not os.path.exists(lab.path("a")) and not os.path.exists(lab.path("b"))
        assert os.path.exists(lab.path("c")) and os.path.exists(lab.path("d"))


def test_what_a_hook_prints_is_not_in_the_sound_nor_in_the_events():
    with Lab() as lab:
        juliet = lab.answer("juliet")
        romeo = lab.dial("romeo", "juliet", "--for", "1", "-o", "-", "--on-event", "echo it has happened", json_events=False, stdout=subprocess.DEVNULL)
        assert romeo.exit() == 0
        assert "it has happened" in romeo.lines


def test_a_hook_that_fails_or_is_not_there_does_no_harm():
    with Lab() as lab:
        juliet = lab.answer("juliet")
        romeo = lab.dial("romeo", "juliet", "--for", "1", "--on-event", "false", "--on-event", "/does/not/exist")
        assert romeo.exit() == 0
        assert any("/does/not/exist" in line for line in romeo.lines)
        romeo = lab.dial("romeo", "juliet", "--on-event", "'")
        assert romeo.exit() == 2 and len(romeo.lines) == 1, romeo.lines
        romeo = lab.dial("romeo", "juliet", config=lab.config("romeo", hooks={"on_ended": "'"}))
        assert romeo.exit() == 3
        romeo = lab.dial("romeo", "juliet", config=lab.config("romeo", hooks={"on_lunch": "true"}))
        assert romeo.exit() == 3


def test_the_end_of_a_call_is_told_though_the_login_is_lost_for_good():
    with Lab() as lab:
        config = lab.config("juliet")
        text = open(config).read()
        with open(config, "w") as f:
            f.write(text.replace(f"jid = juliet@{DOMAIN}", f"jid = juliet@{DOMAIN}/same"))
        tell = script(lab, "tell", f'echo $JCALL_EVENT >> {lab.path("told")}\n')
        juliet = lab.answer("juliet", "--on-event", tell, config=config)
        romeo = lab.dial("romeo", "juliet")
        juliet.wait("heard")
        other = lab.answer("juliet", config=config)             # which takes the resource, for good
        assert juliet.exit() == 24, juliet.lines
        assert lines(lab.path("told")) == [e["event"] for e in juliet.events] and juliet.seen("ended")


def test_a_slow_hook_holds_up_the_others_but_not_the_call():
    with Lab() as lab:
        slow = script(lab, "slow", f'sleep 0.3; echo $JCALL_EVENT >> {lab.path("told")}\n')
        juliet = lab.answer("juliet")
        romeo = lab.dial("romeo", "juliet", "--for", "1", "--on-event", slow)
        romeo.wait("ended")
        before = len(lines(lab.path("told")))
        assert romeo.exit() == 0
        assert before < len(romeo.events) and lines(lab.path("told")) == [e["event"] for e in romeo.events]


run_tests(globals())
