"""Reference arrays for tests/dsp. Made with numpy 1.26.4, scipy 1.17.1, librosa 0.11.0.

    python3 tests/golden/make_dsp.py
"""
import warnings

import librosa
import numpy as np
import scipy.signal

import golden

RATE = 44100
warnings.simplefilter("ignore")  # librosa's, about signals shorter than a frame: meant


def hit(n, seed):
    """Silence, then a decaying tone with noise, as 16-bit recording gives it."""
    rng = np.random.default_rng(seed)
    t = np.arange(n) / RATE
    at = t - 0.03 * (1 + seed)
    sound = np.where(at > 0, np.exp(-40 * np.maximum(at, 0)), 0) * (
        0.6 * np.sin(2 * np.pi * 180 * t) + 0.2 * rng.standard_normal(n))
    return (np.round(sound * 32767) / 32768).astype(np.float32)


def decibels(power, amin=1e-10):
    return 10 * np.log10(np.maximum(amin, power))


def levelled(value):
    """Decibels below the clip's loudest, down to -80, as OpenL3's encoder takes them."""
    level = decibels(value)
    return np.maximum(level - level.max(), -80)


def fft():
    rng = np.random.default_rng(1)
    arrays = {}
    for n in (1, 2, 7, 16, 30, 64):
        x = rng.standard_normal(n)
        spectrum = np.fft.rfft(x)
        arrays[f"x{n}"] = x
        arrays[f"X{n}"] = np.stack([spectrum.real, spectrum.imag], axis=-1)
    golden.write("dsp_fft", arrays)


STFT_CASES = [  # n, n_fft, hop, win_length, window, center, pad_mode
    (100, 32, 8, 32, "hann", True, "reflect"),
    (100, 32, 8, 32, "hann", True, "constant"),
    (100, 32, 8, 20, "hamming", True, "reflect"),
    (100, 32, 7, 31, "boxcar", False, "reflect"),
    (5, 32, 4, 32, "hann", True, "reflect"),
    (1, 16, 4, 16, "hann", True, "reflect"),
    (40, 15, 4, 15, "hann", True, "constant"),
]


def stft():
    rng = np.random.default_rng(2)
    arrays = {f"{w}{n}": scipy.signal.get_window(w, n)
              for w in ("hann", "hamming", "boxcar") for n in (1, 2, 15, 16)}
    for i, (n, n_fft, hop, length, window, center, pad) in enumerate(STFT_CASES):
        x = rng.standard_normal(n).astype(np.float32)
        half = n_fft // 2
        if center:  # numpy extends as often as it takes; librosa refuses very short signals
            padded = np.pad(x, half, mode=pad)
        spectrum = librosa.stft(padded if center else x, n_fft=n_fft, hop_length=hop,
                                win_length=length, window=window, center=False)
        arrays[f"x{i}"] = x
        arrays[f"X{i}"] = np.stack([spectrum.real, spectrum.imag], axis=-1)
        arrays[f"options{i}"] = np.array(
            [n_fft, hop, length, ("hann", "hamming", "boxcar").index(window), center,
             pad == "constant"])
    golden.write("dsp_stft", arrays)


def mel():
    arrays = {}
    for i, (rate, n_fft, n_mels, fmin, fmax, htk, area) in enumerate([
            (44100, 512, 20, 0, 0, False, True),
            (16000, 256, 12, 50, 7000, True, False),
            (22050, 512, 16, 300, 8000, False, False),
            (8000, 256, 10, 0, 0, True, True)]):
        arrays[f"options{i}"] = np.array([rate, n_fft, n_mels, fmin, fmax, htk, area])
        arrays[f"rows{i}"] = librosa.filters.mel(
            sr=rate, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax or None, htk=htk,
            norm="slaney" if area else None)
    hz = np.array([0.0, 20, 440, 999.9, 1000, 1500, 22050])
    arrays["hz"] = hz
    arrays["slaney"] = librosa.hz_to_mel(hz)
    arrays["htk"] = librosa.hz_to_mel(hz, htk=True)
    golden.write("dsp_mel", arrays)


def features():
    x = np.stack([hit(6000, 0), hit(6000, 1)])
    common = dict(y=x, sr=RATE, n_fft=2048, hop_length=441, n_mels=64, power=2)
    reflect = librosa.feature.melspectrogram(pad_mode="reflect", **common)
    zero = librosa.feature.melspectrogram(pad_mode="constant", **common)
    log_mel = decibels(reflect)
    spectrum = np.abs(librosa.stft(x, n_fft=512, hop_length=200, pad_mode="reflect"))
    mfcc = librosa.feature.mfcc(S=log_mel, n_mfcc=13)
    n_fft, hop = 512, 121
    missing = -(-x.shape[1] // hop) * hop - hop + n_fft - x.shape[1]  # 441: one more behind
    same = np.pad(x, ((0, 0), (missing // 2, missing - missing // 2)))
    narrow = librosa.feature.melspectrogram(y=same, sr=RATE, n_fft=n_fft, hop_length=hop, n_mels=96,
                                            htk=True, center=False)
    assert narrow.shape[2] == 50 and (narrow.sum(axis=(0, 2)) == 0).any()  # has empty filters
    uncentered = np.abs(librosa.stft(x, n_fft=128, hop_length=hop, center=False))
    arrays = {
        "x": x,
        "log_mel": log_mel,
        "log_mel_zero_pad": decibels(zero),
        "log_mel_max": librosa.power_to_db(reflect, ref=np.max, amin=1e-10, top_db=60),
        "log_mel_uncentered": decibels(
            librosa.feature.melspectrogram(center=False, **common)),
        "log_mel_htk": decibels(librosa.feature.melspectrogram(
            y=x, sr=RATE, n_fft=1024, hop_length=300, win_length=800, window="hamming", n_mels=24,
            fmin=100, fmax=12000, htk=True, norm=None, pad_mode="reflect"), 1e-5),
        "root_same": levelled(np.sqrt(narrow)),
        "stft_decibels": levelled(uncentered),
        "mel_power": reflect,
        "stft": spectrum,
        "stft_power": spectrum[:, :-1] ** 2 / 512,
        "mfcc": mfcc,
        "delta1": librosa.feature.delta(mfcc, mode="nearest"),
        "delta2": librosa.feature.delta(mfcc, order=2, mode="nearest"),
    }
    golden.write("dsp_features", arrays)


def effects():
    x = np.concatenate([np.zeros(3000, np.float32), hit(9000, 0), np.zeros(2500, np.float32)])
    x += 1e-5 * np.random.default_rng(3).standard_normal(x.size).astype(np.float32)
    stereo = np.stack([x, np.roll(x, 1500) * 0.1])
    arrays = {"stereo": stereo}  # its first channel is the mono clip
    cases = [(60, 2048, 512), (30, 2048, 512), (20, 512, 128), (40, 1000, 100)]
    arrays["cases"] = np.array(cases)
    arrays["mono_spans"] = np.array(
        [librosa.effects.trim(x, top_db=d, frame_length=f, hop_length=h)[1] for d, f, h in cases])
    arrays["stereo_spans"] = np.array(
        [librosa.effects.trim(stereo, top_db=d, frame_length=f, hop_length=h)[1]
         for d, f, h in cases])
    golden.write("dsp_effects", arrays)


if __name__ == "__main__":
    fft()
    stft()
    mel()
    features()
    effects()
