#!/usr/bin/python3
"""Files played into a call, and other ends in mid-call."""
import os, signal, subprocess, time
import numpy as np
from lab import *


def tone(path, hz, seconds):
    import numpy as np
    write_wav(path, 8000 * np.sin(2 * np.pi * hz * np.arange(int(seconds * 48000)) / 48000))


def heard(path):
    """[(hz, seconds), ...] one after the other; 0 Hz: silence. Moments between two are left out."""
    import numpy as np
    x = read_wav(path)
    frames = x[:len(x) // 1920 * 1920].reshape(-1, 1920) * np.hanning(1920)
    hz = np.abs(np.fft.rfft(frames)).argmax(1) * 25
    hz[np.sqrt((frames ** 2).mean(1)) < 300] = 0
    runs = []
    for f in hz:
        if runs and abs(runs[-1][0] - f) <= 25:
            runs[-1][1] += 0.04
        else:
            runs.append([int(f), 0.04])
    return [(f, s) for f, s in runs if s > 0.2]


def parts(path, *wanted):
    """What was heard between the silence before and after: WANTED, each (hz, seconds or None)."""
    got = [(f, s) for f, s in heard(path) if f]
    print(got)
    assert [25 * round(f / 25) for f, _ in wanted] == [f for f, _ in got], (got, wanted)
    for (_, seconds), (_, s) in zip(wanted, got):
        assert seconds is None or abs(s - seconds) < 0.2, (got, wanted)
    return got


def files(lab, **kinds):
    for name, (hz, seconds) in kinds.items():
        tone(lab.path(name + ".wav"), hz, seconds)


def test_a_file_is_heard_once_and_whole_and_the_input_goes_on_from_where_it_was():
    with Lab() as lab:
        files(lab, input=(400, 5), music=(1000, 2))
        juliet = lab.answer("juliet", "--once", "-o", lab.path("heard.wav"))
        romeo = lab.dial("romeo", "juliet", "-i", lab.path("input.wav"))
        romeo.wait("heard")
        time.sleep(1)
        assert lab.ctl("--account", "romeo", "play", lab.path("music.wav")) == ""
        assert romeo.wait("playing")["file"] == lab.path("music.wav")
        played = romeo.wait("played")
        assert played["whole"] and "text" not in played, played
        assert romeo.exit() == 0 and juliet.exit() == 0
        got = parts(lab.path("heard.wav"), (400, None), (1000, 2), (400, None))
        assert abs(got[0][1] + got[2][1] - 5) < 0.3, got


def test_a_file_that_is_stopped_or_replaced_gives_way():
    with Lab() as lab:
        files(lab, first=(600, 60), second=(1000, 60))
        juliet = lab.answer("juliet", "--once", "-o", lab.path("heard.wav"))
        romeo = lab.dial("romeo", "juliet", "-i", "tone:400")
        romeo.wait("heard")
        for name in ("first", "second"):
            time.sleep(1)
            assert lab.ctl("--account", "romeo", "play", lab.path(name + ".wav")) == ""
            romeo.wait("playing")
        time.sleep(1)
        assert lab.ctl("--account", "romeo", "stop", "play") == ""
        romeo.wait("played")
        time.sleep(1)
        assert lab.ctl("--account", "romeo", "stop")[0] == 7
        romeo.signal(signal.SIGINT)
        assert romeo.exit() == 0 and juliet.exit() == 0
        assert [(os.path.basename(e["file"]), e["whole"]) for e in romeo.seen("played")] == [("first.wav", False), ("second.wav", False)]
        parts(lab.path("heard.wav"), (400, None), (600, None), (1000, None), (400, None))


def test_a_file_that_the_end_of_the_call_cuts_off_is_told_of():
    with Lab() as lab:
        write_wav(lab.path("long.wav"), np.zeros(48000 * 60))
        juliet = lab.answer("juliet")
        romeo = lab.dial("romeo", "juliet")
        juliet.wait("heard")
        lab.ctl("--account", "juliet", "play", lab.path("long.wav"))
        juliet.wait("playing")
        romeo.signal(signal.SIGINT)
        assert romeo.exit() == 0
        assert juliet.wait("played")["whole"] is False
        juliet.wait("ended")
        assert len(juliet.seen("played")) == 1


def test_what_cannot_be_played_is_one_line_and_the_call_goes_on():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once")
        romeo = lab.dial("romeo", "juliet", "-i", "tone")
        romeo.wait("heard")
        status, words = lab.ctl("--account", "romeo", "play", lab.path("nowhere.wav"))
        assert status == 7 and words == f"jcall: cannot read '{lab.path('nowhere.wav')}': No such file or directory\n", words
        open(lab.path("noise.wav"), "w").write("no sound at all")
        lab.ctl("--account", "romeo", "play", lab.path("noise.wav"))
        played = romeo.wait("played")
        assert not played["whole"] and "noise.wav" in played["text"], played
        lab.ctl("--account", "romeo", "device", "out", "/nonexistent/x.wav")
        assert "text" in romeo.wait("output")
        assert not romeo.seen("ended") and not romeo.seen("playing")
        romeo.signal(signal.SIGINT)
        assert romeo.exit() == 0 and juliet.exit() == 0
        print(*romeo.lines, sep="\n")
        assert len(romeo.lines) == 2 and "noise.wav" in romeo.lines[0] and "/nonexistent/x.wav" in romeo.lines[1], romeo.lines


def test_a_muted_call_stays_muted_while_a_file_is_played():
    with Lab() as lab:
        files(lab, music=(1000, 2))
        juliet = lab.answer("juliet", "--once", "-o", lab.path("heard.wav"))
        romeo = lab.dial("romeo", "juliet", "-i", "tone:400")
        romeo.wait("heard")
        time.sleep(1)
        lab.ctl("--account", "romeo", "mute")
        lab.ctl("--account", "romeo", "play", lab.path("music.wav"))
        assert romeo.wait("played")["whole"]
        lab.ctl("--account", "romeo", "unmute")
        time.sleep(1)
        romeo.signal(signal.SIGINT)
        assert romeo.exit() == 0 and juliet.exit() == 0
        parts(lab.path("heard.wav"), (400, None), (400, None))


def test_another_output_goes_on_where_the_last_one_stopped_and_that_is_complete():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once", "-i", "tone:400")
        romeo = lab.dial("romeo", "juliet", "-o", lab.path("first.wav"))
        romeo.wait("heard")
        time.sleep(1)
        assert lab.ctl("--account", "romeo", "device", "out", lab.path("second.flac")) == ""
        assert romeo.wait("output")["device"] == lab.path("second.flac")
        lab.ctl("--account", "juliet", "device", "in", "tone:1000")
        juliet.wait("input")
        time.sleep(1)
        assert sum(s for f, s in heard(lab.path("first.wav")) if f == 400) > 0.5
        romeo.signal(signal.SIGINT)
        assert romeo.exit() == 0 and juliet.exit() == 0
        subprocess.run(["sox", lab.path("second.flac"), lab.path("second.wav")], check=True)
        assert [f for f, _ in heard(lab.path("second.wav"))][-1] == 1000


if __name__ == "__main__":
    run_tests(globals())
