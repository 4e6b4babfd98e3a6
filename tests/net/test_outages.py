#!/usr/bin/python3
"""The network is dead for a while in mid-call: the call goes on, and both hear each other soon after its return. What is heard is
judged by its samples, on both sides, with 50 ms of delay one way."""
import time
from heard import Call
from netlab import NetLab, run_tests, slow

BACK = 0.5              # [s] after the return of the network, sound both ways


def outage(seconds, whole):
    """Between the two (and, if WHOLE, of romeo's line to everything)."""
    with NetLab(delay=50, romeo="none", juliet="none") as net:
        call = Call(net, "romeo", "juliet")
        call.connect()
        call.talk(2)
        begin, end = net.wan.outage("romeo", "*" if whole else "juliet", 0.1, seconds)
        call.until(end + 5)
        said = call.hang_up()
        gaps, back = call.gaps(begin, end + 4), call.back_after(end)
        print(f"outage of {seconds} s: caller heard nothing for {gaps[0]:.2f} s, and again after {back[0]:.3f} s; callee {gaps[1]:.2f} s, {back[1]:.3f} s")
        print([e["event"] for e in call.caller.events], [e["event"] for e in call.callee.events], said)
        for gap, late in zip(gaps, back):
            assert gap > seconds - 0.5, gap
            assert late <= BACK, back


def test_one_second_without_a_path():
    outage(1, False)


def test_five_seconds_without_a_path():
    outage(5, False)


@slow
def test_five_seconds_without_any_network():
    outage(5, True)


@slow
def test_twenty_five_seconds_without_a_path():
    outage(25, False)


@slow
def test_twenty_five_seconds_without_any_network():
    outage(25, True)


if __name__ == "__main__":
    run_tests(globals())
