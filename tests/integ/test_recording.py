#!/usr/bin/python3
"""--record: both sides of a call in one file or two, aligned in time, whole after whatever ended the call, playable after kill -9."""
import glob, os, random, re, shutil, signal, subprocess, time
import numpy as np
from lab import *

RATE = 48000


def read(path):
    """A recording by other eyes than jcall's: [frames, channels]."""
    if path.endswith(".wav"):
        raw = subprocess.run(["sox", path, "-t", "raw", "-e", "signed", "-b", "16", "-L", "-"], capture_output=True, check=True)
        channels = int(subprocess.run(["soxi", "-c", path], capture_output=True, text=True, check=True).stdout)
    else:
        out = path + ".wav"
        decode = ["flac", "-s", "-f", "-d", "-F", "-o", out, path] if path.endswith(".flac") else ["opusdec", "--quiet", path, out]
        subprocess.run(decode, check=not path.endswith(".flac"), capture_output=True)   # flac tells of a cut frame by its status
        assert os.path.exists(out), path
        return read(out)
    return np.frombuffer(raw.stdout, "<i2").reshape(-1, channels)


def assert_players_read(path, least_s, channels=2):
    """libsndfile's tools, sox (Debian's cannot read Opus) and the format's own."""
    play = subprocess.run(["sndfile-info", path], capture_output=True, text=True)
    assert play.returncode == 0 and re.search(rf"Channels\s*: {channels}", play.stdout), play.stdout
    length = len(read(path)) / RATE
    assert length >= least_s, (path, length, least_s)
    if not path.endswith(".opus"):
        stat = subprocess.run(["sox", path, "-n", "stat"], capture_output=True, text=True)
        seconds = float(re.search(r"Length \(seconds\):\s*([\d.]+)", stat.stderr).group(1))
        assert seconds >= least_s, (path, stat.stderr)
    return length


def tone_of(x):
    """[Hz] of the loudest part of X, and how loud that is."""
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x))))
    return np.argmax(spectrum) * RATE / len(x), np.sqrt((x.astype(float) ** 2).mean())


def assert_sides(us, them, hz_us, hz_them):
    middle = slice(len(us) // 2, len(us) // 2 + RATE // 2)
    for side, hz in ((us, hz_us), (them, hz_them)):
        found, loud = tone_of(side[middle])
        assert abs(found - hz) < 5 and loud > 500, (found, hz, loud)


def test_left_is_us_and_right_is_them_in_each_format():
    for name in ("x.wav", "x.flac", "x.opus", "x.ogg"):
        with Lab() as lab:
            juliet = lab.answer("juliet", "--once", "-i", "tone:1000")
            romeo = lab.dial("romeo", "juliet", "-i", "tone:440", "--record", lab.path(name), "--for", "3")
            assert romeo.exit() == 0 and juliet.exit() == 0
            assert [e["file"] for e in romeo.seen("recording")] == [lab.path(name)]
            assert [e["file"] for e in romeo.seen("recorded")] == [lab.path(name)] and "text" not in romeo.seen("recorded")[0]
            events = [e["event"] for e in romeo.events]
            assert events.index("accepted") < events.index("recording") < events.index("recorded") < events.index("ended")
            if name == "x.ogg":
                os.rename(lab.path(name), lab.path("x.opus"))
                name = "x.opus"
            length = assert_players_read(lab.path(name), 2)
            assert length < 4, length
            x = read(lab.path(name))
            assert_sides(x[:, 0], x[:, 1], 440, 1000)


def test_split_gives_each_side_its_own_file():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once", "-i", "tone:1000")
        romeo = lab.dial("romeo", "juliet", "-i", "tone:440", "--record", lab.path("x.y.wav"), "--split", "--for", "2")
        assert romeo.exit() == 0 and juliet.exit() == 0
        event = romeo.wait("recorded")
        assert (event["file"], event["file_them"]) == (lab.path("x.y-us.wav"), lab.path("x.y-them.wav"))
        us, them = read(event["file"]), read(event["file_them"])
        assert us.shape == them.shape and us.shape[1] == 1
        assert_sides(us[:, 0], them[:, 0], 440, 1000)
        assert not os.path.exists(lab.path("x.y.wav"))


if __name__ == "__main__":
    run_tests(globals())
