#!/usr/bin/env python3
"""The front ends and effects of sound/*.yaml in librosa, torchaudio and audiomentations.

usage: peer_sound.py second|s1 [--seconds S]

Prints one JSON object: for each library that is installed, milliseconds per clip in one thread,
under the names that `bench sound` gives. Tried with librosa 0.11.0, audiomentations 0.43.1.
"""
import argparse
import json
import sys
from importlib.util import find_spec

import numpy as np
from timing import seconds_of

RATE, CHAIN_CLIPS = 44100, 64
SOUNDS = {"second": (1, 1), "s1": (2, 4)}  # channels, seconds


def make_clip(n_channels, n_seconds):
    """A decaying tone over faint noise, [channels, samples]."""
    t = np.arange(RATE * n_seconds) / RATE
    noise = np.random.default_rng(1).standard_normal((n_channels, t.size))
    return (0.8 * np.exp(-12 * t) * np.sin(2 * np.pi * 60 * t) + 1e-4 * noise).astype(np.float32)


def librosa_work(sound, clip):
    import librosa

    def log_mel():
        power = librosa.feature.melspectrogram(y=clip[0], sr=RATE, n_fft=2048, hop_length=441,
                                               n_mels=64, pad_mode="reflect")
        librosa.power_to_db(power, top_db=None)

    def stft():
        bins = librosa.stft(clip, n_fft=4096, hop_length=1024, pad_mode="reflect")
        np.abs(bins[:, :-1]) / 64

    def pitch_shift():
        librosa.effects.pitch_shift(clip, sr=RATE, n_steps=np.random.uniform(-3, 3))

    return {"features": log_mel if sound == "second" else stft, "pitch_shift": pitch_shift}


def torchaudio_work(sound, clip):
    import torch
    import torchaudio

    torch.set_num_threads(1)
    x = torch.from_numpy(clip)
    mel = torchaudio.transforms.MelSpectrogram(RATE, n_fft=2048, hop_length=441, n_mels=64,
                                               norm="slaney", mel_scale="slaney")
    decibels = torchaudio.transforms.AmplitudeToDB("power")
    spectrogram = torchaudio.transforms.Spectrogram(n_fft=4096, hop_length=1024, power=1)

    def pitch_shift():
        torchaudio.functional.pitch_shift(x, RATE, np.random.choice([-3, -2, -1, 1, 2, 3]))

    return {"features": (lambda: decibels(mel(x))) if sound == "second"
            else (lambda: spectrogram(x)[:, :-1] / 64), "pitch_shift": pitch_shift}


class ChannelSwap:
    def __call__(self, samples, sample_rate):
        return samples[::-1].copy()


class StereoImage:
    def __call__(self, samples, sample_rate):
        side = np.random.uniform(0.001, 0.5) * (samples[0] - samples[1]) / 2
        return np.stack([samples[0] + side, samples[1] - side])


class Sometimes:
    """A transform of our own with a probability, as the library's have it."""

    def __init__(self, transform, p):
        self.transform, self.p = transform, p

    def __call__(self, samples, sample_rate):
        return self.transform(samples, sample_rate) if np.random.rand() < self.p else samples


def make_effects(sound, p):
    """The effects of sound/*.yaml that the library has, each with its probability p(name); mp3
    needs fast_mp3_augment beside it."""
    import audiomentations as am

    low, high = (3, 20) if sound == "s1" else (10, 40)
    longest = 0.1 if sound == "s1" else 0.05
    makers = {
        "polarity": lambda p: am.PolarityInversion(p=p),
        "gain": lambda p: am.Gain(-6, 6, p=p),
        "pitch_shift": lambda p: am.PitchShift(-3, 3, p=p),
        "time_shift": lambda p: am.Shift(0, longest, "seconds", rollover=False, p=p),
        "distortion": lambda p: am.TanhDistortion(p=p),
        "noise": lambda p: am.AddGaussianSNR(low, high, p=p),
        "mp3": lambda p: am.Mp3Compression(32, 128, p=p),
    }
    if not find_spec("fast_mp3_augment"):
        del makers["mp3"]
    if sound == "second":
        steep = {"min_rolloff": 12, "max_rolloff": 12}
        makers["lowpass"] = lambda p: am.LowPassFilter(2000, 16000, **steep, p=p)
        makers["highpass"] = lambda p: am.HighPassFilter(30, 300, **steep, p=p)
    else:
        del makers["gain"]
        makers = {"channel_swap": lambda p: Sometimes(ChannelSwap(), p),
                  "stereo_image": lambda p: Sometimes(StereoImage(), p), **makers}
    return {name: make(p(name)) for name, make in makers.items()}


def audiomentations_work(sound, clip):
    odds = {"channel_swap": 0.3, "polarity": 0.1, "stereo_image": 0.05, "pitch_shift": 0.1,
            "time_shift": 0.05, "distortion": 0.1, "noise": 0.01, "mp3": 0.01}
    always = make_effects(sound, lambda name: 1.0)
    chain = make_effects(sound, lambda name: odds.get(name, 0.5)).values()

    def run(effects):
        x = clip.copy()
        for effect in effects:
            x = effect(samples=x, sample_rate=RATE)

    work = {name: lambda effect=effect: run([effect]) for name, effect in always.items()}
    if sound == "s1" and "mp3" in always:
        work["chain"] = lambda: [run(chain) for _ in range(CHAIN_CLIPS)]
        work["every_effect"] = lambda: run(always.values())
    return work


def measure(make_work, sound, clip, seconds):
    result = {}
    for name, run in make_work(sound, clip).items():
        n_clips = CHAIN_CLIPS if name == "chain" else 1
        result[name] = 1e3 * seconds_of(run, seconds) / n_clips
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sound", choices=SOUNDS)
    parser.add_argument("--seconds", type=float, default=1)
    a = parser.parse_args()
    clip, result = make_clip(*SOUNDS[a.sound]), {}
    np.random.seed(1)
    for name, work in (("librosa", librosa_work), ("torchaudio", torchaudio_work),
                       ("audiomentations", audiomentations_work)):
        if find_spec(name):
            try:
                result[name] = measure(work, a.sound, clip, a.seconds)
            except (ImportError, RuntimeError) as error:  # there, but not for this torch
                print(f"peer_sound.py: {name}: {error}", file=sys.stderr)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
