"""Reference arrays for effects of dsp/. Made with numpy 1.26.4, scipy 1.17.1.

    python3 make_effects.py
"""
import numpy as np
import scipy.signal

import golden

RATE = 44100
N = 1200


def clip(seed):
    """Two channels of decaying noise, the second softer."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((2, N)) * np.exp(-np.arange(N) / 600.0)
    return (0.3 * x * [[1.0], [0.5]]).astype(np.float32)


def analogue(kind, q, gain_db):
    """The cookbook's prototypes H(s), highest power first."""
    a = 10 ** (gain_db / 40)
    return {
        0: ([1], [1, 1 / q, 1]),
        1: ([1, 0, 0], [1, 1 / q, 1]),
        2: (a * np.array([1, a**0.5 / q, a]), [a, a**0.5 / q, 1]),
        3: ([1, a / q, 1], [1, 1 / (a * q), 1]),
        4: (a * np.array([a, a**0.5 / q, 1]), [1, a**0.5 / q, a]),
    }[kind]


def biquad(kind, hz, q, gain_db):
    """scipy's bilinear transform, with the frequency prewarped."""
    warped = 1 / (2 * np.tan(np.pi * hz / RATE))
    return scipy.signal.bilinear(*analogue(kind, q, gain_db), fs=warped)


FILTERS = [  # kind in the order of dsp_filter_kind, hz, q, gain in dB
    (0, 3000, 0.7071067811865476, 0),
    (0, 9000, 1.4, 0),
    (1, 40, 0.5, 0),
    (1, 300, 0.7071067811865476, 0),
    (2, 100, 0.7071067811865476, 9),
    (2, 400, 1.0, -9),
    (3, 150, 0.5, 6),
    (3, 5000, 3.0, -12),
    (4, 2500, 0.7071067811865476, -6),
    (4, 15000, 0.7071067811865476, 9),
]


def filters():
    x = clip(1)
    frequencies = np.array([10.0, 50, 200, 1000, 4000, 12000, 20000])
    arrays = {"x": x, "cases": np.array(FILTERS, np.float64), "frequencies": frequencies}
    all_in_turn = x.astype(np.float64)
    for i, case in enumerate(FILTERS):
        b, a = biquad(*case)
        arrays[f"y{i}"] = scipy.signal.lfilter(b, a, x.astype(np.float64)).astype(np.float32)
        arrays[f"gain{i}"] = np.abs(scipy.signal.freqz(b, a, frequencies, fs=RATE)[1])
        if i in (4, 7, 8):
            all_in_turn = scipy.signal.lfilter(b, a, all_in_turn)
    arrays["turn"] = np.array([4.0, 7, 8])
    arrays["y_turn"] = all_in_turn.astype(np.float32)
    golden.write("dsp_filter", arrays)


COMPRESSORS = [  # threshold in dB under the peak, ratio, knee, attack, release in seconds
    (-20, 4, 6, 0.001, 0.05),
    (-30, 10, 6, 0.0001, 0.3),
    (-12, 2, 6, 0.03, 0.02),
    (-24, 8, 0, 0.005, 0.1),
]


def compressed(x, threshold, ratio, knee, attack, release):
    """Giannoulis, Massberg and Reiss (2012), equations 4 and 17, linked channels."""
    peak = np.abs(x).max()
    with np.errstate(divide="ignore"):
        level = 20 * np.log10(np.abs(x).max(axis=0) / peak)
    over = level - threshold
    out = np.where(2 * over < -knee, level, threshold + over / ratio)
    if knee > 0:
        bend = level + (1 / ratio - 1) * (over + knee / 2) ** 2 / (2 * knee)
        out = np.where(2 * np.abs(over) <= knee, bend, out)
    wanted = np.where(np.isfinite(level), level - out, 0)
    alpha_a, alpha_r = np.exp(-1 / (attack * RATE)), np.exp(-1 / (release * RATE))
    held = smooth = 0.0
    gain = np.empty(x.shape[1])
    for i, w in enumerate(wanted):
        held = max(w, alpha_r * held + (1 - alpha_r) * w)
        smooth = alpha_a * smooth + (1 - alpha_a) * held
        gain[i] = 10 ** (-smooth / 20)
    y = x * gain
    return y * peak / np.abs(y).max()


def compressors():
    x = clip(2)
    arrays = {"x": x, "cases": np.array(COMPRESSORS, np.float64)}
    for i, case in enumerate(COMPRESSORS):
        arrays[f"y{i}"] = compressed(x.astype(np.float64), *case).astype(np.float32)
    golden.write("dsp_compressor", arrays)


if __name__ == "__main__":
    filters()
    compressors()
