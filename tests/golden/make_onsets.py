"""Reference for tests/dsp/test_onset.c: numpy 2.4.6, librosa 0.11.0.

    python3 tests/golden/make_onsets.py

The filter bank is made here, by the description in dsp/onset.h; the maximum filter, the difference
and the picking of peaks are librosa's.
"""
import librosa
import numpy as np

import golden

FRAMES_HZ = 200


def filters(rate, n_fft):
    """[band, bin]: triangles between neighbouring bins out of those nearest to 24 tones an octave."""
    tones = 440 * 2 ** (np.arange(-200, 200) / 24)
    tones = tones[(tones >= 30) & (tones <= min(17000, rate / 2))]
    bins = np.unique(np.floor(tones * n_fft / rate + 0.5).astype(int))
    bins = bins[(bins >= 1) & (bins <= n_fft // 2)]
    place = np.arange(n_fft // 2 + 1)
    return np.array([np.interp(place, (a, b, c), (0, 1, 0), left=0, right=0)
                     for a, b, c in zip(bins, bins[1:], bins[2:])])


def strength(x, rate):
    n_fft = 2 ** round(np.log2(0.0464 * rate))
    n = int(np.ceil(len(x) * FRAMES_HZ / rate))
    centres = np.floor(np.arange(n) * rate / FRAMES_HZ + 0.5).astype(int)
    centres = centres[centres < len(x)]
    padded = np.pad(x.astype(np.float64), n_fft)
    window = librosa.filters.get_window("hann", n_fft)
    frames = np.stack([padded[c + n_fft // 2:][:n_fft] * window for c in centres])
    bands = np.log10(1 + np.abs(np.fft.rfft(frames)) @ filters(rate, n_fft).T).T
    lag = max(1, round(n_fft / 4 * FRAMES_HZ / rate))
    rise = librosa.onset.onset_strength(S=bands, lag=lag, max_size=3, center=False, detrend=False,
                                        aggregate=np.sum)
    levels = [np.abs(x[a:b]).max() for a, b in zip(centres, [*centres[1:], len(x)])]
    return rise, np.array(levels)


def performance(rate, seconds, seed):
    """Kicks, snares and hats, a fifth of a second apart, that ring on; some noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(rate * seconds)) / rate
    x = 1e-3 * rng.standard_normal(len(t))
    for i, at in enumerate(np.arange(0.1, seconds - 0.1, 0.2)):
        since = t - at - rng.uniform(0, 0.01)
        on = np.where(since >= 0, 1.0, 0.0)
        noise = rng.standard_normal(len(t))
        if i % 2 == 0:
            x += 0.6 * on * np.exp(-12 * since * on) * np.sin(2 * np.pi * 60 * since)
        if i % 4 == 2:
            x += 0.2 * on * np.exp(-20 * since * on) * noise
        x += rng.uniform(0.02, 0.1) * on * np.exp(-40 * since * on) * (noise - np.roll(noise, 1))
    return (np.round(x / np.abs(x).max() * 32767) / 32768).astype(np.float32)


arrays = {}
for name, rate, seconds in (("low", 8000, 2.0), ("high", 44100, 0.9)):
    x = performance(rate, seconds, 5)
    rise, levels = strength(x, rate)
    onsets = librosa.util.peak_pick(rise, pre_max=6, post_max=11, pre_avg=20, post_avg=15,
                                    delta=1.25, wait=6)
    arrays |= {f"{name}/x": x, f"{name}/rate": np.float32([rate]), f"{name}/strength": rise,
               f"{name}/level": levels, f"{name}/onsets": onsets.astype(np.float32)}
    print(name, len(rise), onsets / FRAMES_HZ)
golden.write("dsp_onset", arrays)
