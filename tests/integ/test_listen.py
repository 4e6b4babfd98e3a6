#!/usr/bin/python3
"""What the judge of sound (listen.py) insists on: what a listener would not bear fails, what nobody minds passes."""
import contextlib, io
import numpy as np
from scipy.signal import butter, sosfilt
from lab import *
from listen import follow, judge
from test_sound import COUNT, FOX

FRAME = 960             # [samples] 20 ms


def sentences():
    with tempfile.TemporaryDirectory() as folder:
        yield "fox", speech(folder + "/fox.wav", FOX).astype(float)
        yield "count", speech(folder + "/count.wav", COUNT, "en-us").astype(float)


def verdict(sent, heard, **kw):
    """None: it passes; else what the judge says."""
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            judge(sent, np.concatenate([np.zeros(24000), heard, np.zeros(48000)]), 1000, **kw)
        except AssertionError as e:
            return str(e)


def as_loud_as(x, y):
    return y * np.sqrt((x ** 2).mean() / (y ** 2).mean())


def with_noise(x, db, seed=1):
    noise = as_loud_as(x, np.random.default_rng(seed).standard_normal(len(x)))
    return as_loud_as(x, x + noise * 10 ** (-db / 20))


def noise_that_speaks(x):
    """White noise with the envelope of speech: not one word is in it."""
    envelope = np.sqrt(np.convolve(x ** 2, np.ones(480) / 480, "same"))
    return as_loud_as(x, envelope * np.random.default_rng(2).standard_normal(len(x)))


def spoil_frames(x, share, how, length=FRAME, seed=3):
    """HOW: "lost" (silence) or "repeated" (the frame before once more)."""
    random, y = np.random.default_rng(seed), x.copy()
    for n in range(length, len(y) - length, length):
        if random.random() < share:
            y[n:n + length] = 0 if how == "lost" else y[n - length:n]
    return y


def every_fourth_repeated(x):
    y = x.copy()
    for n in range(3 * FRAME, len(y) - FRAME, 4 * FRAME):
        y[n:n + FRAME] = y[n - FRAME:n]
    return y


def muffled(x, hz):
    return as_loud_as(x, sosfilt(butter(6, hz, fs=48000, output="sos"), x))


def clipped(x):
    peak = np.abs(x).max() / 10
    return as_loud_as(x, np.clip(x, -peak, peak))


def stepped(x, ms, at):
    """The delay grows by MS (or falls, if it is negative) once."""
    n, k = int(at * len(x)), abs(ms) * 48
    return np.concatenate([x[:n], x[n - k:]] if ms > 0 else [x[:n], x[n + k:]])


def stretched(samples, tempo):
    """As a jitter buffer does it: at another speed, at the same pitch."""
    with tempfile.TemporaryDirectory() as folder:
        write_wav(folder + "/x.wav", samples.astype(np.int16), 48000)
        x, y = folder + "/x.wav", folder + "/y.wav"
        subprocess.run(["sox", x, y, "tempo", "-s", str(tempo)], check=True)
        return read_wav(y).astype(float)


def test_what_has_the_envelope_of_speech_but_no_words_fails():
    for name, x in sentences():
        assert "words" in (verdict(x, noise_that_speaks(x)) or ""), name


def test_other_words_fail():
    (_, fox), (_, count) = sentences()
    n = min(len(fox), len(count))
    assert verdict(fox[:n], as_loud_as(fox[:n], count[:n]))
    assert verdict(count[:n], as_loud_as(count[:n], fox[:n]))


def test_noise_fails():
    for name, x in sentences():
        for db in (3, 0, -3, -6):
            assert "words" in (verdict(x, with_noise(x, db)) or ""), (name, db)


def test_frames_that_are_lost_or_repeated_fail():
    for name, x in sentences():
        assert "words" in (verdict(x, every_fourth_repeated(x)) or ""), name
        for seed in (3, 4, 5):
            for share, how in ((0.25, "repeated"), (0.15, "lost"), (0.3, "lost")):
                said = verdict(x, spoil_frames(x, share, how, seed=seed)) or ""
                assert "words" in said, (name, how, share, seed, said)


def test_a_sound_that_is_muffled_or_clipped_fails():
    for name, x in sentences():
        assert verdict(x, muffled(x, 500)) and verdict(x, clipped(x)), name


def test_a_gap_a_wrong_level_and_half_a_sentence_fail():
    for name, x in sentences():
        loud = int(np.argmax(np.convolve(x ** 2, np.ones(9600), "same")))
        hole = x.copy()
        hole[loud - 4800:loud + 4800] = 0
        assert verdict(x, hole), name
        assert "level" in (verdict(x, x / 2) or ""), name
        assert verdict(x, x[:len(x) // 2]), name


def test_a_delay_beyond_the_limit_fails():
    for name, x in sentences():
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                judge(x, np.concatenate([np.zeros(48000 * 6 // 10), x]), 500)
            except AssertionError as e:
                assert "delay" in str(e), name
            else:
                raise AssertionError(name)


def test_one_step_of_delay_passes():
    for name, x in sentences():
        for ms in (10, 20, 40, 100, -10, -20, -40):
            for at in (0.25, 0.5, 0.75):
                said = verdict(x, stepped(x, ms, at))
                assert said is None, (name, ms, at, said)


def test_a_stretched_call_passes():
    for name, x in sentences():
        for tempo in (0.95, 0.98, 1.02, 1.05):
            said = verdict(x, stretched(x, tempo))
            assert said is None, (name, tempo, said)


def test_what_no_ear_can_tell_passes():
    for name, x in sentences():
        for what, y in (("as it was", x), ("reversed polarity", -x),
                        ("the band of the telephone", muffled(x, 3400)), ("noise at 20 dB", with_noise(x, 20)),
                        ("a frame in a hundred", spoil_frames(x, 0.01, "repeated"))):
            said = verdict(x, y)
            assert said is None, (name, what, said)


def test_the_delay_is_followed_through_its_steps():
    for name, x in sentences():
        delays = follow(x, np.concatenate([np.zeros(4800), stepped(x, 60, 0.5)])).delays
        assert abs(delays[0] - 100) < 1 and abs(delays[-1] - 160) < 1, (name, delays[0], delays[-1])


if __name__ == "__main__":
    run_tests(globals())
