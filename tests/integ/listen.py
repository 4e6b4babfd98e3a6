"""listen.py - does a recording still say the words that were sent?

The judge looks at what a listener would mind. It first follows the delay: the sent speech is cut into
pieces of 32 ms, and each piece is looked for in the recording, near the place where the piece before was
found. A jitter buffer may lengthen or shorten the delay on its way, and that alone is no fault. With the
delay taken out, both sounds lie side by side, and the words are compared by STOI (Taal et al. 2011;
tests/bench/ear.py), which tells how much of them could be understood.
"""
import os, sys
from collections import namedtuple

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bench"))
RATE = 16000            # [Hz] pieces are looked for at this rate; a telephone's codec leaves half of it
PIECE = RATE * 32 // 1000       # [samples] some periods of a vowel, but less than a syllable
HOP = RATE // 100       # [samples] from piece to piece
REACH = RATE // 2       # [samples] how far the delay may wander from the one that fits the whole best
JUMP = 0.5              # [pieces] what a change of delay costs: one that fits is no reason for it
FAINT = 1e-3            # pieces 30 dB below the loudest carry no word
STEADY = 51             # [pieces] half a second: through a gap the path leads to sound alike, for less

# Measured: calls through files and devices on a loaded machine 0.991-0.994 (16). Speech that was damaged
# on purpose: noise at 5 dB 0.95, every fourth frame repeated 0.89, noise at 0 dB 0.89, other words 0.33.
INTELLIGIBLE = 0.96

Followed = namedtuple("Followed", "delays sent heard steady")
# delays [ms] of each piece with sound; both sounds at RATE, side by side; what is heard where the delay
# may change slowly only


def _similarity(piece, place):
    """The normalised correlation of PIECE with each part of PLACE that is as long."""
    import numpy as np
    size = 1 << (len(place) - 1).bit_length()
    found = np.fft.irfft(np.fft.rfft(place, size) * np.conj(np.fft.rfft(piece, size)), size)
    found = found[:len(place) - len(piece) + 1]
    energy = np.concatenate([[0], np.cumsum(place ** 2)])
    energy = np.maximum(energy[len(piece):] - energy[:-len(piece)], 0)
    norm = np.linalg.norm(piece)
    return found / (norm * np.sqrt(energy + 1e-6 * norm ** 2) + 1e-9)


def _best_path(rows):
    """Through ROWS of similarities, one for each piece: the delays of the greatest sum; a change costs JUMP."""
    import numpy as np
    total, came_from, same = np.zeros(rows.shape[1]), [], np.arange(rows.shape[1])
    for row in rows:
        best = int(np.argmax(total))
        stays = total >= total[best] - JUMP
        came_from.append(np.where(stays, same, best))
        total = np.where(stays, total, total[best] - JUMP) + row
    path = [int(np.argmax(total))]
    for row in reversed(came_from[1:]):
        path.append(row[path[-1]])
    return np.array(path[::-1])


def _lay_beside(sent, heard, starts, delays):
    """The pieces of HEARD that belong to those of SENT, joined."""
    import numpy as np
    beside, weight = np.zeros(len(sent)), np.full(len(sent), 1e-3)
    window = np.hanning(PIECE + 2)[1:-1]
    for n, delay in zip(starts, delays):
        beside[n:n + PIECE] += window * heard[n + delay:n + delay + PIECE]
        weight[n:n + PIECE] += window
    return beside / weight


def follow(sent, heard):
    """SENT and HEARD (48 kHz): where each piece of SENT is heard. No ear can hear polarity."""
    import numpy as np
    from scipy.signal import fftconvolve, medfilt, resample_poly
    s, h = (resample_poly(np.asarray(x, float), 1, 48000 // RATE) for x in (sent, heard))
    whole = fftconvolve(h, s[::-1])
    at = int(np.argmax(np.abs(whole)))
    h = h * np.sign(whole[at])
    lag = at - len(s) + 1
    before = REACH + max(0, -lag)
    h = np.concatenate([np.zeros(before), h, np.zeros(REACH + PIECE + len(s))])
    starts = np.arange(0, len(s) - PIECE, HOP)
    power = np.array([(s[n:n + PIECE] ** 2).mean() for n in starts])
    loud = power > power.max() * FAINT
    rows = np.zeros((len(starts), 2 * REACH + 1))
    for row, n in enumerate(starts):
        if loud[row]:
            place = before + n + lag - REACH
            rows[row] = _similarity(s[n:n + PIECE], h[place:place + 2 * REACH + PIECE])
    delays = _best_path(rows) - REACH + lag
    slow = medfilt(delays[loud].astype(float), STEADY)
    steady = np.round(np.interp(starts, starts[loud], slow)).astype(int)
    return Followed(delays[loud] * 1000 / RATE, s, _lay_beside(s, h, starts, before + delays),
                    _lay_beside(s, h, starts, before + steady))


def longest_gap(sent, heard):
    """[ms] for which nothing was heard of what was loud; both at RATE, side by side."""
    import numpy as np
    step = RATE // 100

    def envelope(x):
        n = len(x) // step * step
        return np.sqrt((x[:n].reshape(-1, step) ** 2).mean(1))
    a, b = envelope(sent), envelope(heard)
    gap = longest = 0
    for is_gap in (a > a.max() * 0.1) & (b < a * 0.1):
        gap = gap + 10 if is_gap else 0
        longest = max(longest, gap)
    return longest


def judge(sent, heard, max_delay_ms=None, max_gap_ms=100):
    """Where SENT lies in HEARD (48 kHz) and how well: asserts on words, level, gaps and delay."""
    import numpy as np
    from scipy.signal import resample_poly
    import ear
    found = follow(sent, heard)
    least, median, most = np.percentile(found.delays, (5, 50, 95))       # a piece may be taken for another
    part = len(heard) - median * 48
    assert part > 0.9 * len(sent), f"only {part:.0f} of {len(sent)} samples were heard"
    loudness = [20 * np.log10(np.sqrt((x ** 2).mean()) + 1) for x in (found.sent, found.heard)]
    level = loudness[1] - loudness[0]
    gap = longest_gap(found.sent, found.steady)
    words = ear.stoi(*(resample_poly(x, 48000 // RATE, 1) for x in (found.sent, found.heard)))
    print(f"delay {least:.1f} to {most:.1f} ms, level {level:+.1f} dB, words {words:.3f}, "
          f"longest gap {gap} ms")
    assert words >= INTELLIGIBLE, f"of the words {words:.3f} can be understood"
    assert abs(level) < 3, f"the level is off by {level:+.1f} dB"
    assert gap <= max_gap_ms, f"a gap of {gap} ms"
    if max_delay_ms is not None:
        assert -1 <= least and median <= max_delay_ms, f"a delay of {least:.1f} to {most:.1f} ms"
