#!/usr/bin/python3
"""A call goes on with another device of one side (XEP-0353 "Existing session"), however busy the machines are."""
import signal, time
from lab import *

OK, BUSY, MOVED = 0, 10, 15


def test_whose_call_went_on_with_another_device_says_so_and_ends_with_15():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once")
        romeo = lab.dial("romeo", "juliet", "--for", "60")
        romeo.wait("heard")
        tablet = lab.dial("romeo", "juliet", "--for", "1")
        ended = romeo.wait("ended")
        assert romeo.exit() == MOVED and (ended["reason"], ended["status"]) == ("moved", MOVED)
        assert any("another device" in line for line in romeo.lines) and not any("Call ended" in line for line in romeo.lines), romeo.lines
        assert (tablet.exit(), juliet.exit()) == (OK, OK)


def test_a_call_exists_from_the_proceed_on():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once")
        romeo = lab.dial("romeo", "juliet", "--for", "60")
        romeo.wait("calling")
        end = time.monotonic() + PATIENCE
        romeo.signal(signal.SIGSTOP)            # has not offered its session yet, or just did
        while not juliet.seen("incoming"):      # nor has the proposal left: it gets some milliseconds more for that
            assert time.monotonic() < end, juliet.events
            romeo.signal(signal.SIGCONT)
            time.sleep(0.005)
            romeo.signal(signal.SIGSTOP)
            time.sleep(0.2)
        tablet = lab.dial("romeo", "juliet")
        tablet.wait("heard")
        romeo.signal(signal.SIGCONT)
        assert romeo.exit() == MOVED, romeo.events
        tablet.signal(signal.SIGINT)
        assert (tablet.exit(), juliet.exit()) == (OK, OK)


def test_a_command_does_not_go_on_with_the_next_device():
    with Lab() as lab:
        command = f"sh -c 'echo $JCALL_PEER >>{lab.path('began')}; cat >/dev/null; echo $JCALL_PEER >>{lab.path('over')}'"
        juliet = lab.jcall("juliet", "answer", "--auto", "--allow-contacts", "--once", "--exec", command)
        juliet.wait("waiting")
        romeo = lab.dial("romeo", "juliet", "--for", "60")
        romeo.wait("media")
        tablet = lab.dial("romeo", "juliet")
        assert romeo.exit() == MOVED, romeo.events
        tablet.wait("media")
        tablet.signal(signal.SIGINT)
        assert (tablet.exit(), juliet.exit()) == (OK, OK)
        began = open(lab.path("began")).read().split()
        assert len(set(began)) == 2, began


def test_with_migrate_off_a_second_call_of_the_account_finds_us_busy():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once", config=lab.config("juliet", answer={"migrate": "no"}))
        romeo = lab.dial("romeo", "juliet")
        romeo.wait("heard")
        assert lab.dial("romeo", "juliet").exit() == BUSY
        assert not romeo.seen("ended")
        romeo.signal(signal.SIGINT)
        assert (romeo.exit(), juliet.exit()) == (OK, OK)


def move(lab, late, seconds):
    """The callee goes on from another device while one of the three stands still; the one held up is stopped at the moment from
    which the old session and the new one are under way together."""
    juliet = lab.answer("juliet", "--once", "-i", "tone:440")
    romeo = lab.dial("romeo", "juliet")
    romeo.wait("heard"), juliet.wait("heard")
    tablet = lab.dial("juliet", "romeo", "-i", "tone:1000")
    tablet.wait("calling" if late == "tablet" else "connected")
    who = {"romeo": romeo, "juliet": juliet, "tablet": tablet}[late]
    who.signal(signal.SIGSTOP)
    time.sleep(seconds)
    who.signal(signal.SIGCONT)
    tablet.wait("heard")
    romeo.wait("heard")
    assert juliet.exit() == MOVED, juliet.events
    romeo.signal(signal.SIGINT)
    assert (romeo.exit(), tablet.exit()) == (OK, OK), (romeo.events, tablet.events)


def test_a_call_moves_while_the_side_that_stays_is_held_up():
    for seconds in (1.2, 3.2):
        with Lab() as lab:
            move(lab, "romeo", seconds)


def test_a_call_moves_while_the_device_that_leaves_it_is_held_up():
    with Lab() as lab:
        move(lab, "juliet", 3.2)


def test_a_call_moves_while_the_device_that_takes_it_is_held_up():
    with Lab() as lab:
        move(lab, "tablet", 3.2)


if __name__ == "__main__":
    run_tests(globals())
