"""Reference for tests/dsp/test_descriptors.c, test_pitch.c and test_loudness.c: numpy 1.26.4,
scipy 1.17.1, librosa 0.11.0, pyloudnorm 0.2.0.

    python3 tests/golden/make_descriptors.py
"""
import warnings

import librosa
import numpy as np
import pyloudnorm

import golden

warnings.simplefilter("ignore")  # empty mel filters at low rates: meant
LOWEST_HZ, HIGHEST_HZ, TROUGH = 32, 3000, 0.4


def clip(rate, seconds, make, seed):
    t = np.arange(int(rate * seconds)) / rate
    noise = np.random.default_rng(seed).standard_normal(len(t))
    return rate, (np.round(make(t, noise) * 32767) / 32768).astype(np.float32)


def sine(phase):
    return np.sin(2 * np.pi * phase)


CLIPS = {
    "kick": clip(16000, 0.5, lambda t, u: 0.9 * np.exp(-9 * t)
                 * sine(50 * t + 4 * (1 - np.exp(-30 * t))), 1),
    "snare": clip(22050, 0.3, lambda t, u: 0.5 * np.exp(-20 * t) * sine(190 * t)
                  + 0.1 * np.exp(-15 * t) * u, 2),
    "hat": clip(44100, 0.1, lambda t, u: 0.2 * np.exp(-60 * t) * (u - np.roll(u, 1)), 3),
    "tom": clip(8000, 1.3, lambda t, u: 0.4 * np.minimum(t / 0.02, 1) * np.exp(-3 * t)
                * sine(110 * t + 0.5 * (1 - np.exp(-20 * t))), 4),
    "quiet": clip(8000, 0.9, lambda t, u: np.where(t < 0.5, 0.3, 0.002) * u / 4, 5),
}


def tone(x, rate):
    """The rows of the table from centroid_hz to mfcc_12."""
    feature = librosa.feature
    magnitude = np.abs(librosa.stft(x))
    rows = [feature.spectral_centroid(S=magnitude, sr=rate),
            feature.spectral_bandwidth(S=magnitude, sr=rate),
            feature.spectral_rolloff(S=magnitude, sr=rate, roll_percent=0.85),
            feature.spectral_flatness(S=magnitude), feature.zero_crossing_rate(x),
            feature.mfcc(y=x, sr=rate, n_mfcc=13)]
    return np.concatenate(rows).mean(axis=1)


def frames_of(x, rate):
    """Every 10 ms two of the longest periods; behind the end come zeros."""
    length, hop = 2 * int(np.ceil(rate / LOWEST_HZ)), int(rate / 100 + 0.5)
    padded = np.concatenate([x.astype(np.float64), np.zeros(length)])
    return length, hop, padded, -(-len(x) // hop)


def pitch(x, rate):
    length, hop, padded, n = frames_of(x, rate)
    return librosa.yin(padded, fmin=LOWEST_HZ, fmax=HIGHEST_HZ, sr=rate, frame_length=length,
                       hop_length=hop, center=False, trough_threshold=TROUGH)[:n]


def normalized(d, lags):
    """Equation 8 of the paper."""
    return d * lags / (np.cumsum(d) + 1e-300)


def confidence(x, rate, hz):
    """1 - d' at librosa's period before its parabola moved it, by less than a lag, d being the mean
    over the samples that have a partner."""
    length, hop, padded, n = frames_of(x, rate)
    lags = np.arange(1, int(np.ceil(rate / LOWEST_HZ)) + 1)
    result = []
    for t in range(n):
        y = padded[t * hop:t * hop + length]
        pairs = np.array([np.sum((y[lag:] - y[:-lag]) ** 2) for lag in lags])
        lost = np.array([np.sum(y[-lag:] ** 2) for lag in lags])
        trough, ratio = normalized(pairs + lost, lags), normalized(pairs / (length - lags), lags)
        near = np.clip([np.floor(rate / hz[t]), np.ceil(rate / hz[t])], 1, lags[-1]).astype(int)
        result.append(np.clip(1 - ratio[min(near, key=lambda lag: trough[lag - 1]) - 1], 0, 1))
    return np.array(result)


def loudness(x, rate):
    """De Man's filters are those of the recommendation at 48 kHz; a short clip gets silence."""
    meter = pyloudnorm.Meter(rate, filter_class="DeMan")
    n_step = int(rate / 10 + 0.5)
    n = max(len(x) // n_step, 4) * n_step  # pyloudnorm would count a part of a block
    return meter.integrated_loudness(np.pad(x.astype(np.float64), (0, max(n - len(x), 0)))[:n])


def levels(x):
    rms, peak = np.sqrt(np.mean(x.astype(np.float64) ** 2)), np.abs(x).max()
    return 20 * np.log10(np.array([rms, peak, peak / rms]))


def times(x, rate):
    """Milliseconds from 10 to 90 % of the largest so far, and from there to -20 dB to come."""
    magnitude = np.abs(x)
    so_far = np.maximum.accumulate(magnitude) / magnitude.max()
    to_come = np.maximum.accumulate(magnitude[::-1])[::-1] / magnitude.max()
    attack = np.argmax(so_far >= 0.9) - np.argmax(so_far >= 0.1)
    decay = np.nonzero(to_come >= 0.1)[0][-1] - np.argmax(magnitude)
    return np.array([attack, decay]) * 1000 / rate


if __name__ == "__main__":
    arrays = {}
    for name, (rate, x) in CLIPS.items():
        hz = pitch(x, rate)
        arrays |= {f"{name}/x": x, f"{name}/rate": np.array(float(rate)), f"{name}/tone": tone(x, rate),
                   f"{name}/hz": hz, f"{name}/confidence": confidence(x, rate, hz),
                   f"{name}/levels": np.concatenate([[loudness(x, rate)], levels(x), times(x, rate)])}
    golden.write("dsp_descriptors", arrays)
