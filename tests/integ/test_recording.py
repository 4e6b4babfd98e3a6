#!/usr/bin/python3
"""--record: both sides of a call in one file or two, aligned in time, whole after whatever ended the call, playable after kill -9."""
import glob, os, random, re, shutil, signal, subprocess, time
import numpy as np
from lab import *

RATE = 48000
MOVED = 15              # the call goes on with another device


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


def test_the_second_recording_of_a_call_has_a_name_of_its_own():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once")
        romeo = lab.dial("romeo", "juliet")
        romeo.wait("heard")
        for _ in range(2):
            assert lab.ctl("--account", "romeo", "record", lab.path("%t.wav")) == ""
            time.sleep(1.1)
            assert lab.ctl("--account", "romeo", "stop", "record") == ""
            romeo.wait("recorded")
        romeo.signal(signal.SIGINT)
        assert (romeo.exit(), juliet.exit()) == (0, 0)
        files = glob.glob(lab.path("*.wav"))
        assert len(files) == 2, files
        for f in files:
            assert_players_read(f, 0.8)


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


def pulse(at_s, length_s, hz=2000):
    """Silence but for one short tone."""
    t = np.arange(int(length_s * RATE)) / RATE
    return (12000 * np.sin(2 * np.pi * hz * t) * ((t >= at_s) & (t < at_s + 0.05))).astype("<i2")


def onset(x):
    """[s] where it becomes loud."""
    loud = np.nonzero(np.abs(np.asarray(x, float)) > 3000)[0]
    assert len(loud), "nothing was heard"
    return loud[0] / RATE


def test_both_sides_are_aligned_in_time():
    """Romeo's input and output are files, whose samples follow one clock from the same moment on: they say by how much the pulses
    are apart. The first frame of an input is due at once, and is sound of the 20 ms before."""
    with Lab() as lab:
        write_wav(lab.path("us.wav"), pulse(1.5, 5))
        write_wav(lab.path("them.wav"), pulse(2.5, 6))
        juliet = lab.answer("juliet", "--once", "-i", lab.path("them.wav"), "--record", lab.path("juliet.wav"))
        romeo = lab.dial("romeo", "juliet", "-i", lab.path("us.wav"), "-o", lab.path("heard.wav"), "--record", lab.path("romeo.wav"))
        assert romeo.exit(60) == 0 and juliet.exit() == 0
        x, y = read(lab.path("romeo.wav")), read(lab.path("juliet.wav"))
        apart = onset(x[:, 1]) - onset(x[:, 0])
        expected = onset(read_wav(lab.path("heard.wav"))) - 1.5 + 0.02
        there = onset(y[:, 1]) - onset(y[:, 0])
        print(f"romeo's: {1000 * apart:.1f} ms apart, {1000 * expected:.1f} expected; there and back {1000 * (apart + there):.1f} ms")
        assert abs(apart - expected) < (0.05 if SANITIZED else 0.015), (apart, expected)
        assert 0 < apart + there < 0.6, (apart, there)    # what is answered comes after what was heard, on both sides


def test_killed_process_leaves_a_recording_that_plays():
    for name in ("x.wav", "x.flac", "x.opus"):
        with Lab() as lab:
            juliet = lab.answer("juliet", "--once", "-i", "tone:1000")
            romeo = lab.dial("romeo", "juliet", "-i", "tone:440", "--record", lab.path(name))
            romeo.wait("heard")
            begun = time.monotonic()
            time.sleep(random.uniform(2, 3.5))
            lasted = time.monotonic() - begun
            romeo.signal(signal.SIGKILL)
            romeo.exit()
            length = assert_players_read(lab.path(name), lasted - (2.5 if SANITIZED else 1.2))
            print(f"{name}: {length:.2f} s left of {lasted:.2f} s")
            x = read(lab.path(name))
            assert_sides(x[:, 0], x[:, 1], 440, 1000)


def test_any_end_of_a_recording_cut_off_still_plays():
    """A machine that loses power leaves less than a killed process: any beginning of a file."""
    with Lab() as lab:
        for name in ("x.wav", "x.flac", "x.opus"):
            juliet = lab.answer("juliet", "--once", "-i", "tone:1000")
            romeo = lab.dial("romeo", "juliet", "-i", "tone:440", "--record", lab.path(name), "--for", "3")
            assert romeo.exit() == 0 and juliet.exit() == 0
            whole = open(lab.path(name), "rb").read()
            for _ in range(5):
                cut = lab.path("cut" + name)
                with open(cut, "wb") as f:
                    f.write(whole[:random.randrange(len(whole) * 2 // 3, len(whole))])
                assert_players_read(cut, 1.2)


def test_full_disk_ends_the_recording_and_not_the_call():
    for name in ("x.wav", "x.flac", "x.opus"):
        with Lab() as lab:
            os.symlink("/dev/full", lab.path(name))
            juliet = lab.answer("juliet", "--once", "-i", "tone:1000", "-o", lab.path("heard.wav"))
            romeo = lab.dial("romeo", "juliet", "-i", "tone:440", "--record", lab.path(name), "--for", "4")
            event = romeo.wait("recorded")
            assert "No space left" in event["text"] and lab.path(name) in event["text"], event
            assert romeo.exit() == 31, romeo.lines      # as with --out: the file is not what was asked for
            assert juliet.exit() == 0
            assert len(romeo.seen("recorded")) == 1 and len(read_wav(lab.path("heard.wav"))) > 3 * RATE
            assert sum("recording has ended" in l for l in romeo.lines) == 1, romeo.lines


def test_each_answered_call_has_its_own_file():
    with Lab() as lab:
        juliet = lab.answer("juliet", "-i", "tone:1000", "--at-end", "silence", "--record", lab.path("%n-%p-%t-100%%.wav"),
                            "-o", lab.path("out-%n.wav"))
        for _ in range(2):
            assert lab.dial("romeo", "juliet", "-i", "tone:440", "--for", "1").exit() == 0
            juliet.wait("recorded")
            juliet.wait("ended")
        juliet.signal(signal.SIGTERM)
        assert juliet.exit() == 0
        for n in "12":
            names = [os.path.basename(p) for p in glob.glob(lab.path(f"{n}-*.wav"))]
            assert len(names) == 1 and re.fullmatch(rf"{n}-romeo@[a-z0-9.]+-\d{{8}}-\d{{6}}-100%\.wav", names[0]), names
            assert_players_read(lab.path(names[0]), 0.5)
            assert len(read_wav(lab.path(f"out-{n}.wav"))) > RATE / 2


def test_recording_goes_on_with_the_next_device_of_the_peer():
    with Lab() as lab:
        juliet = lab.answer("juliet", "--once", "-i", "tone:700", "--record", lab.path("x.wav"))
        romeo = lab.dial("romeo", "juliet", "-i", "tone:440")
        juliet.wait("heard")
        romeo.wait("heard")
        time.sleep(1)
        tablet = lab.dial("romeo", "juliet", "-i", "tone:1000")
        tablet.wait("heard")
        assert romeo.exit() == MOVED
        juliet.wait("heard")
        time.sleep(1)
        tablet.signal(signal.SIGINT)
        assert (tablet.exit(), juliet.exit()) == (0, 0)
        assert [len(juliet.seen(e)) for e in ("accepted", "recording", "recorded")] == [2, 1, 1]
        x, found = read(lab.path("x.wav")), []
        for at in range(0, len(x) - RATE // 4, RATE // 8):
            hz, loud = tone_of(x[at:at + RATE // 4, 1])
            if loud > 500 and (not found or abs(found[-1] - hz) > 20):
                found.append(round(hz, -1))
        assert found == [440, 1000], found


def test_what_cannot_be_recorded_to_is_said_before_anybody_is_rung():
    with Lab() as lab:
        speech(lab.path("in.wav"), "Hello")
        os.mkdir(lab.path("folder.wav"))
        for args, status, words in (
                (("--record", "x.mp3"), 2, ".wav, .flac, .opus, .ogg"), (("--record", "%x.wav"), 2, "neither n, p, t nor %"),
                (("-o", "%x.wav"), 2, "neither n, p, t nor %"), (("--record", lab.path("none/x.wav")), 31, "No such file"),
                (("--record", lab.path("folder.wav")), 31, "directory"),
                (("-i", lab.path("in.wav"), "--record", lab.path("./in.wav")), 2, "--record and --in are the same"),
                (("-o", lab.path("o.wav"), "--record", lab.path("o.wav")), 2, "--record and --out are the same"),
                (("-o", lab.path("o-us.wav"), "--record", lab.path("o.wav"), "--split"), 2, "--record and --out are the same")):
            romeo = lab.dial("romeo", "juliet", *args)
            assert romeo.exit() == status, (args, romeo.lines)
            assert len(romeo.lines) == 1 and words in romeo.lines[0] and not romeo.events, (romeo.lines, romeo.events)


def test_nothing_is_recorded_of_a_call_that_nobody_takes():
    with Lab() as lab:
        with open(lab.path("x.wav"), "w") as f:
            f.write("an older recording")
        romeo = lab.dial("romeo", "juliet", "--record", lab.path("x.wav"), "--ring-timeout", "1")
        assert romeo.exit() != 0
        assert open(lab.path("x.wav")).read() == "an older recording" and not romeo.seen("recording")


if __name__ == "__main__":
    run_tests(globals())
