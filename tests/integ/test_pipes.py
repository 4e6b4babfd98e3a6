#!/usr/bin/python3
"""Calls between pipes: what is promised of raw sound on standard input and output, with sox at each end, as a script has it.

Every sample that the producer gives is sent, in its order; only the last packet is filled up with silence. To the consumer goes one
sample for each 1/48000 s from the beginning of the sound to its end, none of them twice, none left out. What the other side sent
lies in there as long as it was, but for what the jitter buffer stretched or made up (stretched_ms and concealed_ms of ended)."""
import os, re, subprocess, sys, threading, time
from lab import *

RAW = ["-t", "raw", "-r", "48000", "-e", "signed", "-b", "16", "-c", "1"]
GONE = 32
TICK = 2400                             # [samples]


def ticks(seconds):
    """A chirp of 50 ms in each second, and silence between them."""
    import numpy as np
    tick = np.sin(2 * np.pi * np.cumsum(np.linspace(300, 3000, TICK)) / 48000) * np.hanning(TICK) * 12000
    x = np.zeros(seconds * 48000)
    for i in range(seconds):
        x[i * 48000 + 12000:][:TICK] = tick
    return x.astype("<i2"), tick


def found(heard, tick):
    """Where each tick lies in what was heard, in samples."""
    import numpy as np
    from scipy.signal import fftconvolve
    c = np.abs(fftconvolve(heard, tick[::-1]))
    loud, places, i = 0.4 * c.max(), [], 0
    while i < len(c):
        if c[i] > loud:
            best = i + int(np.argmax(c[i:i + TICK]))
            places.append(best)
            i = best + 24000
        else:
            i += 1
    return places


def producer(path, *more):
    return subprocess.Popen(["sox", path, *RAW, "-", *more], stdout=subprocess.PIPE)


def consumer(path, stall=""):
    """Sox writes down what comes; before it there may be somebody who stalls."""
    return subprocess.Popen(["sh", "-c", f"{stall} exec sox {' '.join(RAW)} - '{path}'" if not stall else
                             f"({stall}) | sox {' '.join(RAW)} - '{path}'"], stdin=subprocess.PIPE)


def finish(*consumers):
    for c in consumers:
        c.stdin.close()
        assert c.wait(PATIENCE) == 0


def said(process, pattern):
    """The number in the line that says so."""
    hits = [m for m in (re.search(pattern, l) for l in process.lines) if m]
    assert len(hits) == 1, (pattern, process.lines)
    return int(hits[0].group(1))


def in_place(process, heard, tick, seconds):
    """All ticks are there, and where they were, but for what the process says it stretched and made up."""
    ended = process.wait("ended")
    slack = (ended["stretched_ms"] + ended["concealed_ms"]) * 48 + 48
    places = found(heard, tick)
    assert len(places) == seconds, (len(places), seconds)
    off = [p - places[0] - i * 48000 for i, p in enumerate(places)]
    print(f"{process.name}: {len(heard)} samples, ticks at most {max(map(abs, off))} samples out of place; stretched "
          f"{ended['stretched_ms']} ms, made up {ended['concealed_ms']} ms")
    assert max(map(abs, off)) <= slack, (off, slack)


def test_sixty_seconds_between_sox_both_ways_with_a_consumer_that_stalls():
    seconds = 60
    with Lab() as lab:
        sound, tick = ticks(seconds)
        write_wav(lab.path("sent.wav"), sound)
        hers, his = producer(lab.path("sent.wav")), producer(lab.path("sent.wav"))
        she_hears = consumer(lab.path("juliet.wav"))
        he_hears = consumer(lab.path("romeo.wav"), "head -c 960000; sleep 3; cat")
        juliet = lab.answer("juliet", "--once", "-v", "-i", "-", "-o", "-", "--at-end", "silence", stdin=hers.stdout, stdout=she_hears.stdin)
        romeo = lab.dial("romeo", "juliet", "-v", "-i", "-", "-o", "-", "--at-end", "silence", "--for", str(seconds + 2),
                         stdin=his.stdout, stdout=he_hears.stdin)
        assert romeo.exit(seconds + PATIENCE) == 0, romeo.lines
        assert juliet.exit() == 0, juliet.lines
        finish(she_hears, he_hears)
        for process, name in ((romeo, "romeo.wav"), (juliet, "juliet.wav")):
            heard = read_wav(lab.path(name))
            assert said(process, r"(\d+) samples came by standard input") == seconds * 48000
            assert said(process, r"(\d+) samples went to standard output") == len(heard)
            in_place(process, heard, tick, seconds)


def test_a_producer_that_ends_early_is_heard_to_its_last_sample():
    for at_end in ("hangup", "silence"):
        with Lab() as lab:
            sound, tick = ticks(3)
            sound = sound[:2 * 48000 + 12000 + TICK]        # the last sample is that of the last tick
            write_wav(lab.path("sent.wav"), sound)
            his, he_hears = producer(lab.path("sent.wav")), consumer(lab.path("romeo.wav"))
            juliet = lab.answer("juliet", "--once", "-i", "null", "-o", lab.path("heard.wav"))
            romeo = lab.dial("romeo", "juliet", "-v", "-i", "-", "-o", "-", "--at-end", at_end, stdin=his.stdout, stdout=he_hears.stdin)
            romeo.wait("input-ended")
            if at_end == "silence":
                time.sleep(1)                               # and the call goes on
                assert not romeo.seen("ended")
                romeo.signal(signal.SIGINT)
            assert romeo.exit() == 0 and juliet.exit() == 0
            finish(he_hears)
            assert said(romeo, r"(\d+) samples came by standard input") == len(sound)
            assert len(found(read_wav(lab.path("heard.wav")), tick)) == 3


def test_a_producer_that_is_late_loses_nothing():
    with Lab() as lab:
        sound, tick = ticks(4)
        sound.tofile(lab.path("sent.raw"))
        slow = subprocess.Popen(["sh", "-c", f"head -c 192000 {lab.path('sent.raw')}; sleep 4; tail -c +192001 {lab.path('sent.raw')}"],
                                stdout=subprocess.PIPE)
        juliet = lab.answer("juliet", "--once", "-i", "null", "-o", lab.path("heard.wav"))
        romeo = lab.dial("romeo", "juliet", "-v", "-i", "-", stdin=slow.stdout)
        assert romeo.exit() == 0 and juliet.exit() == 0
        assert said(romeo, r"(\d+) samples came by standard input") == len(sound)
        places = found(read_wav(lab.path("heard.wav")), tick)
        assert len(places) == 4 and places[2] - places[1] > 2 * 48000, places


def test_a_closed_output_ends_the_call_with_a_status_of_its_own():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once", "-i", "tone")
        head = subprocess.Popen(["head", "-c", "20000"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        romeo = lab.dial("romeo", "juliet", "-o", "-", stdout=head.stdin)
        head.stdin.close()
        assert romeo.exit() == GONE, romeo.lines
        assert head.wait() == 0
        assert romeo.wait("ended")["reason"] == "reader-gone"
        assert len(romeo.lines) == 1 and "standard output was closed" in romeo.lines[0], romeo.lines
        assert juliet.exit() == 0, "to her it is a hang-up like any other"


if __name__ == "__main__":
    run_tests(globals())
