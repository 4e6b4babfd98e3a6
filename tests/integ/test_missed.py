#!/usr/bin/python3
"""Calls that came while nobody was there: found in the archive (XEP-0313), or among what the server had kept, shown once."""
import glob, os, signal, stat
from lab import *
from scripted import Scripted

OK, SERVER, NO_ARCHIVE, NO_ANSWER, UNAVAILABLE, CANCELLED, USAGE = 0, 5, 6, 12, 13, 14, 2


def archiving(**kw):
    return Lab(modules=("mam",), **kw)


def call_in_vain(lab):
    romeo = lab.dial("romeo", "juliet", "--ring-timeout", "2")
    assert romeo.exit() in (NO_ANSWER, UNAVAILABLE)
    return romeo


def history(lab, user, *args, status=OK, **kw):
    p = lab.jcall(user, "history", *args, **kw)
    got = p.exit()
    assert got == status, (got, p.lines)
    return p


def missed(lab, user="juliet", *args, **kw):
    return history(lab, user, "--missed", *args, **kw).seen("missed")


def test_missed_call_is_listed_once_and_again_when_all_are_asked_for():
    with archiving() as lab:
        assert missed(lab) == []
        call_in_vain(lab)
        calls = missed(lab)
        assert [(c["peer"], c["reason"]) for c in calls] == [(lab.jid("romeo"), "no-answer")]
        assert abs(calls[0]["at"] - time.time()) < 60
        assert missed(lab) == []
        assert len(missed(lab, "juliet", "--all")) == 1
        call_in_vain(lab)
        assert len(missed(lab)) == 1
        assert len(missed(lab, "juliet", "--all")) == 2
        assert missed(lab, "romeo") == []


if __name__ == "__main__":
    run_tests(globals())
