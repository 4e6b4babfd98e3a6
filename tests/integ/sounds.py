"""sounds.py - tones made, and found again in what was heard."""
import subprocess
import numpy as np
from lab import read_wav, write_wav


def tone(path, hz, seconds=3, rate=48000, before=0):
    """A WAV file with a tone, after so many seconds of silence."""
    t = np.arange(int(rate * seconds)) / rate
    write_wav(path, np.concatenate([np.zeros(int(before * rate)), 8000 * np.sin(2 * np.pi * hz * t)]).astype(np.int16), rate)
    return path


def purity(samples, hz, rate=48000):
    """How much of the sound is this tone, 0 to 1, in the second where it is purest; seconds that are all but silent do not count."""
    seconds = [samples[n:n + rate].astype(float) for n in range(0, max(1, len(samples) - rate), rate // 4)]
    frequencies = np.fft.rfftfreq(rate, 1 / rate)

    def share(part):
        power = np.abs(np.fft.rfft(part * np.hanning(len(part)), rate)) ** 2
        return power[np.abs(frequencies - hz) < 15].sum() / max(power.sum(), 1)
    return max((share(s) for s in seconds if len(s) and np.abs(s).max() > 500), default=0)


def decoded(path):
    """The samples of any sound file, as 48 kHz mono."""
    wav = path + ".decoded.wav"
    subprocess.run(["opusdec", "--quiet", "--rate", "48000", path, wav] if path.endswith(".opus") else
                   ["sox", path, "-r", "48000", "-c", "1", "-b", "16", wav], check=True, capture_output=True)
    return read_wav(wav)


def loudness(path):
    """The loudest sample of a sound file."""
    return int(np.abs(decoded(path)).max(initial=0))
