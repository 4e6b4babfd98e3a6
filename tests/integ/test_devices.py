#!/usr/bin/python3
"""Several devices of one account: which of them takes a call, what the others hear of it, and what they do meanwhile."""
import signal
from lab import *

OK, DECLINED, NO_ANSWER, ELSEWHERE = 0, 11, 12, 15


def rings(lab, *extra):
    """Romeo's call rings at two phones of Juliet's: (romeo, first, its keys, second, its keys)."""
    first, first_keys = lab.typed("juliet", "--once", *extra)
    second, second_keys = lab.typed("juliet", "--once", *extra)
    romeo = lab.dial("romeo", "juliet", "--for", "1")
    first.wait("incoming")
    second.wait("incoming")
    return romeo, first, first_keys, second, second_keys


def test_who_declines_declines_for_all():
    with Lab() as lab:
        romeo, first, keys, second, _ = rings(lab)
        keys("n")
        assert (romeo.exit(), first.exit(), second.exit()) == (DECLINED,) * 3


def test_what_another_takes_has_words_and_a_status_of_its_own():
    with Lab() as lab:
        romeo, first, keys, second, _ = rings(lab)
        keys("y")
        assert (romeo.exit(), first.exit(), second.exit()) == (OK, OK, ELSEWHERE)
        assert second.seen("ended")[0]["reason"] == "elsewhere", second.events


def test_of_two_that_answer_by_themselves_one_does():
    """Both take it in the same moment: the caller has the first, and the other is told."""
    for seconds in (5, 1, 1, 1, 1, 1):      # at first longer than the other needs to find out
        with Lab() as lab:
            both = [lab.answer("juliet"), lab.answer("juliet")]
            romeo = lab.dial("romeo", "juliet", "--for", str(seconds))
            assert romeo.exit() == OK, romeo.lines
            assert romeo.seen("ended")[0]["duration_s"] >= seconds - 0.5
            ends = [p.wait("ended") for p in both]
            assert sorted(e["reason"] for e in ends) == ["elsewhere", "ok"], ends
            again = lab.dial("romeo", "juliet", "--for", "1")
            assert again.exit() == OK, again.lines


def test_a_device_that_is_in_a_call_leaves_the_next_to_the_other():
    with Lab(users=("romeo", "juliet", "nurse")) as lab:
        romeo, first, keys, second, second_keys = rings_on(lab)
        nurse = lab.dial("nurse", "juliet", "--for", "1")
        second.wait("incoming")
        second_keys("y")
        assert nurse.exit() == OK, nurse.lines
        romeo.signal(signal.SIGINT)
        assert (romeo.exit(), first.exit(), second.exit()) == (OK, OK, OK)


def rings_on(lab):
    """Juliet's first phone talks with Romeo; her second has just come."""
    first, keys = lab.typed("juliet", "--once")
    romeo = lab.dial("romeo", "juliet")
    first.wait("incoming")
    keys("y")
    romeo.wait("accepted")
    second, second_keys = lab.typed("juliet", "--once")
    return romeo, first, keys, second, second_keys


def test_who_dials_while_another_device_of_his_talks_disturbs_nobody():
    with Lab(users=("romeo", "juliet", "nurse")) as lab:
        nurse, juliet = lab.answer("nurse", "--once"), lab.answer("juliet", "--once")
        romeo = lab.dial("romeo", "juliet")
        romeo.wait("accepted")
        other = lab.dial("romeo", "nurse", "--for", "1")
        assert (other.exit(), nurse.exit()) == (OK, OK)
        assert not romeo.seen("ended") and not juliet.seen("ended")
        romeo.signal(signal.SIGINT)
        assert (romeo.exit(), juliet.exit()) == (OK, OK)


def test_who_gives_up_stops_the_ringing_of_all():
    with Lab() as lab:
        first, _ = lab.typed("juliet", "--once")
        second, _ = lab.typed("juliet", "--once")
        romeo = lab.dial("romeo", "juliet")
        first.wait("incoming")
        second.wait("incoming")
        romeo.signal(signal.SIGINT)
        assert (first.exit(), second.exit()) == (NO_ANSWER, NO_ANSWER)


if __name__ == "__main__":
    run_tests(globals())
