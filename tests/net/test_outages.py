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
        call.talk(1)
        begin, end = net.wan.outage("romeo", "*" if whole else "juliet", 0.1, seconds)
        call.until(end + 3)
        said = call.hang_up()
        gaps, back, later = call.gaps(begin, end + 1), call.back_after(end), call.gaps(end + 1, end + 2.8)
        for who, gap, late, more, p, e in zip(("caller", "callee"), gaps, back, later, (call.caller, call.callee), said):
            print(f"outage of {seconds} s: the {who} heard nothing for {gap:.2f} s, was back {late * 1000:.0f} ms after the network, "
                  f"and lacked {more * 1000:.0f} ms of the 1.8 s after that; {[e['event'] for e in p.events][8:]} buffer {e['buffer_ms']:.0f} ms")
        for gap, late, more in zip(gaps, back, later):
            assert gap > seconds - 0.5, gap
            assert late <= BACK, back
            assert more <= 0.2, later


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
