#!/usr/bin/python3
"""Two jcalls that dial each other at the same moment: one call, whoever was first (XEP-0353 "Tie Breaking").

CROSSINGS=n in the environment makes n rounds instead of a few."""
import os, random, time
from lab import *

OK = 0
ROUNDS = int(os.environ.get("CROSSINGS", "12"))


def cross(lab, delay):
    """Both processes, after a call of a second."""
    romeo = lab.dial("romeo", "juliet", "--for", "1")
    time.sleep(delay)
    juliet = lab.dial("juliet", "romeo", "--for", "1")
    return romeo, juliet, romeo.exit(), juliet.exit()


def test_two_who_dial_each_other_are_in_one_call():
    chance = random.Random(os.environ.get("CROSSINGS_SEED", "1"))
    with Lab() as lab:
        for i in range(ROUNDS):
            delay = chance.choice((0, 0, chance.random() * 0.1, chance.random() * 0.4))
            romeo, juliet, r, j = cross(lab, delay)
            assert (r, j) == (OK, OK), f"round {i}, {delay:.3f} s apart: {r}, {j}"
            for p in (romeo, juliet):
                assert len(p.seen("accepted")) == 1 and len(p.seen("heard")) == 1, f"round {i}: {p.events}"
            crossed = len(romeo.seen("crossed")) + len(juliet.seen("crossed"))
            assert crossed == 1, f"round {i}: {crossed} gave way"


def test_who_calls_somebody_else_is_busy_for_third_parties():
    with Lab(users=("romeo", "juliet", "paris")) as lab:
        juliet = lab.answer("juliet", "--once")
        romeo = lab.dial("romeo", "juliet")
        romeo.wait("heard")
        paris = lab.dial("paris", "romeo")
        assert paris.exit() in (10, 13)     # its client says busy, or the server that nobody takes messages there
        assert not romeo.seen("ended")
        romeo.signal(2)
        assert (romeo.exit(), juliet.exit()) == (OK, OK)


if __name__ == "__main__":
    run_tests(globals())
