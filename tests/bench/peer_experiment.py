#!/usr/bin/env python3
"""The experiment of configs/h3.yaml by librosa, audiomentations and PyTorch.

usage: peer_experiment.py FOLDER [--workers N] [--threads N] [--epochs N]

FOLDER has a labels.csv (path,label) or a folder of sounds for each class. As `rimshot train` does
it: every sound is decoded, five folds are trained and tested after every epoch, and a model is
trained on all. What PyTorch does best here is used: channels_last, AdamW fused, gradients set to
none. Augmentation and features run in the loader's worker processes (--workers 2) or in the
training loop (0). Prints one JSON object. Tried with Python 3.11 and requirements.txt.
"""
import argparse
import csv
import time
from pathlib import Path

import audiomentations as am
import librosa
import numpy as np
import soundfile
import soxr
import torch
from peer import Crnn
from timing import print_result
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset, Subset

RATE, BATCH, N_FOLDS = 44100, 32, 5


def list_sounds(folder):
    """Paths and labels."""
    if (folder / "labels.csv").exists():
        with open(folder / "labels.csv", newline="") as file:
            return [(folder / row["path"], row["label"]) for row in csv.DictReader(file)]
    return [(path, path.parent.name) for path in sorted(folder.glob("*/*.wav"))]


def decode(path):
    """One second, mono, from where it is not silent on."""
    x, rate = soundfile.read(path, dtype="float32", always_2d=True)
    x = x.mean(1)
    if rate != RATE:
        x = soxr.resample(x, rate, RATE)
    x = librosa.effects.trim(x, top_db=50)[0][:RATE]
    x = x / max(np.abs(x).max(), 1e-9)
    return np.pad(x, (0, RATE - len(x)))


def varispeed(samples, sample_rate):
    """Up to three semitones, as tape does it: resampled, read at the old rate."""
    ratio = 2 ** (np.random.uniform(-3, 3) / 12)
    y = soxr.resample(samples, sample_rate * ratio, sample_rate, quality="MQ")[:len(samples)]
    return np.pad(y, (0, len(samples) - len(y)))


class Augmentation:
    def __init__(self):
        self.before = am.PolarityInversion(p=0.5)
        self.after = am.Compose([am.Shift(0, 0.06, "seconds", rollover=False, p=0.5),
                                 am.Gain(-12, 0, p=0.5), am.AddGaussianSNR(10, 40, p=0.2),
                                 am.TanhDistortion(p=0.1)])

    def __call__(self, x):
        x = self.before(x, RATE)
        if np.random.rand() < 0.3:
            x = varispeed(x, RATE)
        return self.after(x, RATE)


class Clips(Dataset):
    def __init__(self, clips, labels, augmentation=None):
        self.clips, self.labels, self.augmentation = clips, labels, augmentation

    def __len__(self):
        return len(self.clips)

    def __getitem__(self, i):
        x = self.augmentation(self.clips[i]) if self.augmentation else self.clips[i]
        power = librosa.feature.melspectrogram(y=x, sr=RATE, n_fft=2048, hop_length=441, n_mels=64,
                                               pad_mode="reflect")
        level = librosa.power_to_db(power, top_db=None) / 20 + 2
        return torch.from_numpy(level.astype(np.float32))[None], self.labels[i]


def loader_of(data, a, shuffle):
    return DataLoader(data, BATCH, shuffle=shuffle, num_workers=a.workers,
                      persistent_workers=a.workers > 0)


def train(a, data, plain, n_classes):
    """data: what is trained on; plain: what is tested on, or None."""
    network = Crnn(n_classes).to(memory_format=torch.channels_last)
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.995), use_buffers=True)
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=0.01, fused=True)
    loss = nn.CrossEntropyLoss(label_smoothing=0.05)
    batches, tests = loader_of(data, a, True), loader_of(plain, a, False) if plain else ()
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, epochs=a.epochs,
                                                   steps_per_epoch=len(batches))
    n_right = 0
    for _ in range(a.epochs):
        network.train()
        for x, label in batches:
            optimizer.zero_grad()
            loss(network(x.to(memory_format=torch.channels_last)), label).backward()
            optimizer.step()
            schedule.step()
            average.update_parameters(network)
        average.eval()
        with torch.inference_mode():
            n_right = sum(int((average(x).argmax(1) == label).sum()) for x, label in tests)
    return n_right


def run(a):
    sounds = list_sounds(a.folder)
    classes = sorted({label for _, label in sounds})
    labels = [classes.index(label) for _, label in sounds]
    clips = [decode(path) for path, _ in sounds]
    data, plain = Clips(clips, labels, Augmentation()), Clips(clips, labels)
    fold_of = np.random.default_rng(7).permutation(len(clips)) % N_FOLDS
    n_right = 0
    for k in range(N_FOLDS):
        rest, held_out = np.flatnonzero(fold_of != k), np.flatnonzero(fold_of == k)
        n_right += train(a, Subset(data, rest), Subset(plain, held_out), len(classes))
    train(a, data, None, len(classes))
    return len(clips), n_right / len(clips)


def measure(a):
    begin = time.perf_counter()
    n_clips, accuracy = run(a)
    took = time.perf_counter() - begin
    n_trained = n_clips * a.epochs * N_FOLDS  # four fifths, five times, and all for the model
    return {"seconds": took, "clips_per_s": n_trained / took, "accuracy": accuracy}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=1)
    a = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(a.threads)
    print_result(lambda: measure(a))


if __name__ == "__main__":
    main()
