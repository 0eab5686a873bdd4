"""Front-end conformance files. Made with numpy 1.26.4, scipy 1.17.1, librosa 0.11.0.

    python3 tests/conformance/make_conformance.py

The clips are formulas, so that any implementation can make them itself; the features are librosa's,
computed in double precision from the clips as 32-bit floats. docs/formats.md describes the files.
"""
import csv
import pathlib

import librosa
import numpy as np

HERE = pathlib.Path(__file__).parent
RATE = 44100
N = 4410
I = np.arange(N)
T = I / RATE


def noise():
    """u[i] in [-1, 1) from the generator s <- (1664525 s + 1013904223) mod 2^32, s = 1 before u[0]."""
    s, u = 1, []
    for _ in range(N):
        s = (1664525 * s + 1013904223) % 2**32
        u.append(s / 2**31 - 1)
    return np.array(u)


def clips():
    u = noise()
    before = np.concatenate([[0.0], u[:-1]])
    sin, exp, pi = np.sin, np.exp, np.pi
    return {
        "tone": 0.5 * sin(2 * pi * 440 * T),
        "click": np.where(I == 1000, 1.0, 0.0),
        "noise": 0.5 * u,
        "sweep": 0.5 * sin(2 * pi * (50 * T + 40000 * T**2)),
        "kick": 0.9 * exp(-25 * T) * sin(2 * pi * (50 * T + 3.75 * (1 - exp(-40 * T)))),
        "snare": 0.5 * exp(-20 * T) * sin(2 * pi * 190 * T) + 0.4 * exp(-30 * T) * u,
        "hat": 0.4 * exp(-60 * T) * (u - before),
    }


def log_mel(x, **options):
    power = librosa.feature.melspectrogram(y=x, sr=RATE, **options)
    return librosa.power_to_db(power, ref=1.0, amin=1e-10, top_db=80.0)


FEATURES = {
    "log_mel": lambda x: log_mel(x, n_fft=2048, hop_length=441, n_mels=64, pad_mode="reflect"),
    "log_mel_htk": lambda x: log_mel(x, n_fft=1024, hop_length=300, win_length=800,
                                     window="hamming", n_mels=40, fmin=30, fmax=16000, htk=True,
                                     norm=None, pad_mode="constant"),
    "mfcc": lambda x: librosa.feature.mfcc(S=FEATURES["log_mel"](x), n_mfcc=20),
}


def write(name, header, rows):
    with open(HERE / f"{name}.csv", "w", newline="") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(header)
        table.writerows(rows)


def main():
    sounds = {name: x.astype(np.float32).astype(np.float64) for name, x in clips().items()}
    write("clips", ["clip", "sum_of_squares", "x100", "x1000", "x4000"],
          ([name, *(f"{v:.9g}" for v in (np.sum(x**2), x[100], x[1000], x[4000]))]
           for name, x in sounds.items()))
    for feature, compute in FEATURES.items():
        arrays = {name: compute(x) for name, x in sounds.items()}
        n_frames = next(iter(arrays.values())).shape[1]
        write(feature, ["clip", "row", *range(n_frames)],
              ([name, i, *(f"{v:.4f}" for v in row)]
               for name, array in arrays.items() for i, row in enumerate(array)))


main()
