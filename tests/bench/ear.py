"""ear.py - what a recording tells: delay by windows, jumps, STOI (Taal et al. 2011, own implementation)."""
import numpy as np
from scipy.signal import fftconvolve, resample_poly


def lags(ref, heard, rate=48000, window=1.0):
    """[(second, delay ms, similarity)] of each window of REF that holds sound, found in HEARD on the same clock."""
    out, n, reach = [], int(window * rate), int(0.6 * rate)
    loud = np.mean(ref ** 2) * 0.05
    for s in range(0, min(len(ref), len(heard)) - n - reach, n // 2):
        a = ref[s:s + n]
        if np.mean(a ** 2) < loud:
            continue
        b = heard[s:s + n + reach]
        c = fftconvolve(b, a[::-1], "valid")
        k = int(np.argmax(np.abs(c)))
        q = abs(c[k]) / (np.linalg.norm(a) * np.linalg.norm(b[k:k + n]) + 1e-9)
        if q > 0.5:
            out.append((s / rate, k * 1000 / rate, q))
    return out


def stoi(ref, heard, rate=48000):
    """REF and HEARD aligned to the sample, of one length."""
    x, y = resample_poly(ref, 5, 24), resample_poly(heard, 5, 24)       # 10 kHz
    n, hop, fft = 256, 128, 512
    win = np.hanning(n + 2)[1:-1]
    cut = lambda s: np.array([win * s[i:i + n] for i in range(0, len(s) - n, hop)])
    fx, fy = cut(x), cut(y)
    energy = 20 * np.log10(np.linalg.norm(fx, axis=1) + 1e-9)
    keep = energy > energy.max() - 40

    def join(frames):
        s = np.zeros((len(frames) + 1) * hop)
        for i, f in enumerate(frames):
            s[i * hop:i * hop + n] += f
        return s
    fx, fy = cut(join(fx[keep])), cut(join(fy[keep]))
    freq = np.arange(fft // 2 + 1) * 10000 / fft
    bands = np.zeros((15, len(freq)))
    for b in range(15):
        lo, hi = 150 * 2 ** ((2 * b - 1) / 6), 150 * 2 ** ((2 * b + 1) / 6)
        bands[b, np.argmin((freq - lo) ** 2):np.argmin((freq - hi) ** 2)] = 1
    spec = lambda f: np.sqrt(bands @ (np.abs(np.fft.rfft(f, fft)) ** 2).T)
    sx, sy, d = spec(fx), spec(fy), []
    for m in range(30, sx.shape[1] + 1):
        a, b = sx[:, m - 30:m], sy[:, m - 30:m]
        b = b * np.linalg.norm(a, axis=1, keepdims=True) / (np.linalg.norm(b, axis=1, keepdims=True) + 1e-12)
        b = np.minimum(b, a * (1 + 10 ** 0.75))
        a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
        d.append(((a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1) + 1e-12)).mean())
    return float(np.mean(d)) if d else None


def judge(ref, heard, rate=48000):
    """Delay (median, least, most), jumps of more than 2 ms between windows, STOI at the median delay."""
    ref, heard = np.asarray(ref, float), np.asarray(heard, float)
    w = lags(ref, heard, rate)
    if not w:
        return None
    d = np.array([x[1] for x in w])
    lag = int(round(np.median(d) * rate / 1000))
    n = min(len(ref), len(heard) - lag)
    return dict(delay=float(np.median(d)), least=float(d.min()), most=float(d.max()), windows=w,
                jumps=int((np.abs(np.diff(d)) > 2).sum()), stoi=stoi(ref[:n], heard[lag:lag + n], rate))
