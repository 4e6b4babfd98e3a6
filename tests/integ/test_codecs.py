#!/usr/bin/python3
"""Calls with each codec, and which of them two sides agree upon."""
from lab import *
from test_sound import COUNT, FOX, judge

NO_COMMON_CODEC = 22


def call(lab, his, hers, dial=(), answer=()):
    """Romeo, with HIS codecs, calls Juliet, who has HERS."""
    juliet = lab.answer("juliet", "--once", *answer, config=lab.config("juliet", audio={"codecs": hers}))
    return lab.dial("romeo", "juliet", *dial, config=lab.config("romeo", audio={"codecs": his})), juliet


def used(*processes):
    return [e["codec"] for p in processes for e in p.seen("media")]


def test_the_codecs_of_the_telephone_carry_speech_both_ways():
    with Lab() as lab:
        fox, count = speech(lab.path("fox.wav"), FOX), speech(lab.path("count.wav"), COUNT, "en-us")
        for key, name in (("g722", "G.722"), ("pcma", "PCMA")):
            romeo, juliet = call(lab, key, "opus g722 pcmu pcma", ("-i", lab.path("count.wav"), "-o", lab.path("heard1.wav")),
                                 ("-i", lab.path("fox.wav"), "-o", lab.path("heard2.wav"), "--at-end", "silence"))
            assert romeo.exit(60) == 0, romeo.lines
            assert juliet.exit() == 0, juliet.lines
            assert used(romeo, juliet) == [name, name]
            judge(count, read_wav(lab.path("heard2.wav")), 500)
            judge(fox, read_wav(lab.path("heard1.wav")), 500)


def test_the_callee_sends_what_she_likes_best_and_the_caller_obeys():
    with Lab() as lab:
        for his, hers, name in (("opus pcmu pcma", "pcma opus", "PCMA"), ("pcmu opus", "opus pcmu", "Opus")):
            romeo, juliet = call(lab, his, hers, ("--for", "1"))
            assert (romeo.exit(), juliet.exit()) == (0, 0)
            assert used(romeo, juliet) == [name, name]
            assert romeo.seen("heard") and juliet.seen("heard")


def test_without_a_common_codec_there_is_no_call():
    with Lab() as lab:
        romeo, juliet = call(lab, "pcma", "opus")
        assert romeo.exit() == NO_COMMON_CODEC
        assert romeo.seen("ended")[0]["status"] == NO_COMMON_CODEC
        assert not romeo.seen("accepted") and not juliet.seen("accepted")


if __name__ == "__main__":
    run_tests(globals())
