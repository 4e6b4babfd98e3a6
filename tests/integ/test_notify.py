#!/usr/bin/python3
"""An incoming call on the desktop: what the notification server is asked, and what its user does there."""
import os, signal, socket, subprocess, time
from desktop import Bus
from lab import *

NO_ANSWER, DECLINED = 12, 11


def waiting(lab, *args, **kw):
    """jcall answer with nobody at a terminal."""
    juliet = lab.jcall("juliet", "answer", "-i", "null", "-o", "null", *args, **kw)
    juliet.wait("waiting")
    return juliet


def bus_of(lab, name="bus"):
    lab.env()
    return Bus(lab.path("run", name))


def ends(process):
    process.signal(signal.SIGTERM)
    assert process.exit() == 0


def answered(lab, juliet, desk=None):
    """A call is taken by jcall ctl; DESK shows it as long as it rings."""
    romeo = lab.dial("romeo", "juliet")
    juliet.wait("incoming")
    note = desk and desk.next("Notify")
    assert lab.ctl("--pid", juliet.p.pid, "answer") == ""
    romeo.wait("heard")
    assert not desk or desk.next("CloseNotification")["id"] == note["id"]
    romeo.signal(signal.SIGINT)
    assert romeo.exit() == 0
    juliet.wait("ended")
    return note


def test_the_call_is_taken_by_its_button():
    with Lab() as lab, bus_of(lab) as bus:
        desk, juliet = bus.server(), waiting(lab)
        romeo = lab.dial("romeo", "juliet")
        note = desk.next("Notify")
        assert (note["app"], note["replaces"], note["expires"]) == ("jcall", 0, 0), note
        assert note["summary"] == f"romeo@{DOMAIN} is calling" and note["body"] == "", note
        assert note["actions"] == ["answer", "Answer", "decline", "Decline"]
        assert note["hints"] == {"urgency": 2, "category": "call.incoming", "resident": True, "suppress-sound": True}, note
        # Buttons of other programs' notifications, and others than ours, do nothing.
        for words in (("action", note["id"] + 1, "answer"), ("action", note["id"], "default"), ("closed", note["id"] + 1)):
            desk.tell(*words)
        time.sleep(0.5)
        assert "ringing" in lab.ctl("--pid", juliet.p.pid, "status")
        desk.tell("action", note["id"], "answer")
        romeo.wait("heard")
        assert desk.next("CloseNotification")["id"] == note["id"]
        romeo.signal(signal.SIGINT)
        assert romeo.exit() == 0
        juliet.wait("ended")
        ends(juliet)
        assert (desk.count("Notify"), desk.count("CloseNotification")) == (1, 1), "a call that was taken is not missed"


def test_the_call_is_declined_by_its_button():
    with Lab() as lab, bus_of(lab) as bus:
        desk, juliet = bus.server(first=4000000000), waiting(lab)
        romeo = lab.dial("romeo", "juliet")
        note = desk.next("Notify")
        desk.tell("action", note["id"], "decline")
        assert romeo.exit() == DECLINED and juliet.wait("ended")["reason"] == "declined"
        assert desk.next("CloseNotification")["id"] == note["id"]
        ends(juliet)
        assert desk.count("Notify") == 1


def test_a_call_that_is_given_up_is_taken_back_and_told_as_missed():
    with Lab() as lab, bus_of(lab) as bus:
        desk, juliet = bus.server(), waiting(lab)
        for closed_by_user in (False, True):
            romeo = lab.dial("romeo", "juliet")
            note = desk.next("Notify")
            if closed_by_user:
                desk.tell("closed", note["id"])
                desk.tell("action", note["id"], "answer")       # too late
                time.sleep(0.5)
                assert "ringing" in lab.ctl("--pid", juliet.p.pid, "status"), "the call rings on"
            romeo.signal(signal.SIGINT)
            romeo.exit()
            juliet.wait("ended")
            asked = {a["method"]: a for a in [desk.next("Notify", "CloseNotification") for _ in range(1 if closed_by_user else 2)]}
            missed = asked["Notify"]
            assert missed["summary"] == f"Missed call from romeo@{DOMAIN}" and missed["actions"] == [] and missed["expires"] == -1, missed
            assert missed["hints"] == {"urgency": 1, "category": "call.unanswered"}, missed
            assert closed_by_user or asked["CloseNotification"]["id"] == note["id"]
        ends(juliet)
        assert (desk.count("Notify"), desk.count("CloseNotification")) == (4, 1), "what was missed is left to the server"


def test_nobody_comes_and_one_who_leaves():
    with Lab() as lab, bus_of(lab) as bus:
        desk, juliet = bus.server(), waiting(lab, "--ring-timeout", "1")
        romeo = lab.dial("romeo", "juliet", "--ring-timeout", "10")
        note = desk.next("Notify")
        assert juliet.wait("ended")["reason"] == "no-answer"
        assert {desk.next("Notify", "CloseNotification")["method"] for _ in range(2)} == {"Notify", "CloseNotification"}
        ends(juliet)
        romeo.stop()
        # Told to end while it rings, jcall declines, and takes the notification with it.
        juliet = waiting(lab)
        romeo = lab.dial("romeo", "juliet")
        note = desk.next("Notify")
        ends(juliet)
        assert desk.next("CloseNotification")["id"] == note["id"] and romeo.exit() == DECLINED
        assert desk.count("Notify") == 3


def test_a_call_that_is_taken_elsewhere_is_taken_back():
    with Lab() as lab, bus_of(lab) as bus:
        desk, juliet = bus.server(), waiting(lab)
        answered(lab, juliet, desk)
        # On another device of the account, which takes it while this one rings.
        env = {**lab.env(), "XDG_STATE_HOME": lab.path("elsewhere"), "XDG_RUNTIME_DIR": lab.path("elsewhere")}
        os.makedirs(lab.path("elsewhere"), 0o700)
        phone = lab.jcall("juliet", "answer", "-i", "null", "-o", "null", env=env)
        phone.wait("waiting")
        romeo = lab.dial("romeo", "juliet")
        note = desk.next("Notify")
        phone.wait("incoming")
        subprocess.run([JCALL, "ctl", "answer"], env=env, check=True)
        romeo.wait("heard")
        assert juliet.wait("ended")["reason"] == "elsewhere"
        assert desk.next("CloseNotification")["id"] == note["id"]
        romeo.signal(signal.SIGINT)
        assert romeo.exit() == 0
        ends(juliet)
        ends(phone)
        assert desk.count("Notify") == 2, "neither was missed"


class Named(Lab):
    """Romeo has a name on Juliet's contact list, who did not choose it well."""
    NAME = r"<b>R & J</b> \226\128\174" + "x" * 300

    def _accounts(self):
        super()._accounts()
        path = self.path("data", DOMAIN.replace(".", "%2e"), "roster", "juliet.dat")
        with open(path) as f:
            text = f.read().replace('["subscription"]', f'["name"] = "{self.NAME}"; ["subscription"]')
        with open(path, "w") as f:
            f.write(text)


def test_names_do_no_harm():
    shown = r"<b>R & J</b> \u{202e}"
    escaped = r"&lt;b&gt;R &amp; J&lt;/b&gt; \u{202e}"
    for capabilities, written in (((), escaped), (("body", "actions"), shown)):
        with Named(modules=["mam"]) as lab, bus_of(lab) as bus:
            desk = bus.server(*capabilities)
            juliet = waiting(lab)
            romeo = lab.dial("romeo", "juliet")
            note = desk.next("Notify")
            assert note["summary"].startswith(shown) and len(note["summary"]) < 200 and note["summary"].isprintable(), note
            assert note["body"] == f"romeo@{DOMAIN}", note
            desk.tell("action", note["id"], "decline")
            assert romeo.exit() == DECLINED
            desk.next("CloseNotification")
            # One that he gives up himself is told by the same name.
            romeo = lab.dial("romeo", "juliet")
            desk.next("Notify")
            romeo.signal(signal.SIGINT)
            romeo.exit()
            missed = [a for a in (desk.next("Notify", "CloseNotification") for _ in range(2)) if a["method"] == "Notify"][0]
            assert missed["summary"].startswith("Missed call from " + shown) and missed["body"] == f"romeo@{DOMAIN}", missed
            ends(juliet)
            # A summary is plain text to every server, but a body may be markup.
            for _ in range(7):
                lab.dial("romeo", "juliet", "--ring-timeout", "1").exit()
            juliet = waiting(lab)
            note = desk.next("Notify")
            lines = note["body"].split("\n")
            assert note["summary"] == "7 missed calls" and len(lines) == 6 and lines[5] == "and 2 more", note
            assert all(line.startswith(written) and line.isprintable() for line in lines[:5]), lines
            ends(juliet)


def test_a_server_without_buttons_shows_the_call_all_the_same():
    with Lab() as lab, bus_of(lab) as bus:
        desk, juliet = bus.server("body"), waiting(lab)
        assert answered(lab, juliet, desk)["actions"] == []


def test_neither_with_auto_nor_when_it_is_switched_off():
    with Lab() as lab, bus_of(lab) as bus:
        desk = bus.server()
        for juliet in (lab.answer("juliet"), waiting(lab, config=lab.config("juliet", answer={"notify": "false"}))):
            romeo = lab.dial("romeo", "juliet")
            juliet.wait("incoming")
            romeo.signal(signal.SIGINT)
            romeo.exit()
            juliet.wait("ended")
            ends(juliet)
        assert desk.asked == [{"method": "ready"}], desk.asked


def test_without_a_bus_and_without_a_server_nothing_is_lacking():
    with Lab() as lab:
        os.makedirs(lab.path("bin"))
        with open(lab.path("bin", "dbus-launch"), "w") as f:
            f.write(f"#!/bin/sh\ntouch {lab.path('launched')}\n")
        os.chmod(lab.path("bin", "dbus-launch"), 0o755)
        path = lab.path("bin") + ":" + os.environ["PATH"]
        for env in ({}, {"DBUS_SESSION_BUS_ADDRESS": "autolaunch:"}, {"DBUS_SESSION_BUS_ADDRESS": "garbage"},
                    {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/does/not/exist"}):
            juliet = waiting(lab, "-v", env={**lab.env(), **env, "PATH": path, "DISPLAY": ":9"})
            answered(lab, juliet)
            ends(juliet)
            assert [line for line in juliet.lines if "there is no session bus" in line], (env, juliet.lines)
            assert not [line for line in juliet.lines if "rror" in line and "bus" not in line], juliet.lines
        assert not os.path.exists(lab.path("launched")), "no bus is started"
        with bus_of(lab) as bus:
            juliet = waiting(lab)
            answered(lab, juliet)
            assert not juliet.lines, juliet.lines
            desk = bus.server()                         # it comes when jcall is there already
            answered(lab, juliet, desk)
            ends(juliet)


def test_a_bus_that_dies_and_comes_back():
    with Lab() as lab:
        with bus_of(lab) as bus:
            desk, juliet = bus.server(), waiting(lab)
            romeo = lab.dial("romeo", "juliet")
            desk.next("Notify")
        assert lab.ctl("--pid", juliet.p.pid, "answer") == ""
        romeo.wait("heard")
        romeo.signal(signal.SIGINT)
        assert romeo.exit() == 0
        juliet.wait("ended")
        answered(lab, juliet)
        with bus_of(lab) as bus:
            desk = bus.server()
            answered(lab, juliet, desk)
            ends(juliet)
            assert desk.count("Notify") == 1


def test_another_server_takes_over():
    with Lab() as lab, bus_of(lab) as bus:
        desk, juliet = bus.server(), waiting(lab)
        romeo = lab.dial("romeo", "juliet")
        note = desk.next("Notify")
        desk.stop()
        other = bus.server()
        other.tell("action", note["id"], "answer")      # of somebody else's notification, by the same number
        time.sleep(0.5)
        assert "ringing" in lab.ctl("--pid", juliet.p.pid, "status")
        assert lab.ctl("--pid", juliet.p.pid, "answer") == ""
        romeo.wait("heard")
        romeo.signal(signal.SIGINT)
        assert romeo.exit() == 0
        juliet.wait("ended")
        assert other.count("CloseNotification") == 0
        answered(lab, juliet, other)
        ends(juliet)


def test_a_server_that_hangs_holds_up_nobody():
    with Lab() as lab, bus_of(lab) as bus:
        desk, juliet = bus.server(), waiting(lab)
        desk.tell("hang")
        answered(lab, juliet)
        answered(lab, juliet)
        romeo = lab.dial("romeo", "juliet")
        juliet.wait("incoming")
        ends(juliet)
        assert romeo.exit() == DECLINED


def test_what_is_shown_too_late_is_taken_back():
    with Lab() as lab, bus_of(lab) as bus:
        desk, juliet = bus.server("actions", "slow"), waiting(lab)
        romeo = lab.dial("romeo", "juliet")
        note = desk.next("Notify")
        assert lab.ctl("--pid", juliet.p.pid, "reject") == ""
        assert juliet.wait("ended") and romeo.exit() == DECLINED
        assert desk.next("CloseNotification")["id"] == note["id"]
        romeo = lab.dial("romeo", "juliet")
        note = desk.next("Notify")
        ends(juliet)                                    # it waits for that
        assert desk.next("CloseNotification")["id"] == note["id"] and romeo.exit() == DECLINED


def test_a_server_that_talks_nonsense_does_no_harm():
    with Lab() as lab, bus_of(lab) as bus:
        juliet = waiting(lab, "-v")
        for lie in ("lie-about-capabilities", "lie-about-ids"):
            desk = bus.server("actions", lie)
            romeo = lab.dial("romeo", "juliet")
            desk.next("GetCapabilities" if lie == "lie-about-capabilities" else "Notify")
            assert lab.ctl("--pid", juliet.p.pid, "answer") == ""
            romeo.wait("heard")
            romeo.signal(signal.SIGINT)
            assert romeo.exit() == 0
            juliet.wait("ended")
            assert desk.count("CloseNotification") == 0
            desk.stop()
        ends(juliet)


def test_a_bus_that_never_answers_holds_up_nobody():
    with Lab() as lab, socket.socket(socket.AF_UNIX) as deaf:
        lab.env()
        deaf.bind(lab.path("run", "bus"))
        deaf.listen(1)
        juliet = waiting(lab)
        answered(lab, juliet)
        ends(juliet)


def test_missed_while_away_is_one_notification():
    with Lab(modules=["mam"]) as lab, bus_of(lab) as bus:
        desk = bus.server()
        ends(waiting(lab))                              # what is older is not told
        for _ in range(2):
            romeo = lab.dial("romeo", "juliet", "--ring-timeout", "1")
            romeo.exit()
        juliet = waiting(lab)
        note = desk.next("Notify")
        assert note["summary"] == "2 missed calls" and note["body"].count(f"romeo@{DOMAIN}, ") == 2, note
        ends(juliet)


run_tests(globals())
