"""The network of configs/demo.yaml in PyTorch, with the weights of a model.h5 made by rimshot.

    python3 docs/crnn.py runs/demo/model.h5 SOUND...

prints what `rimshot classify --top 1 runs/demo/model.h5 SOUND...` prints. Tried with Python 3.11,
torch 1.13.0, numpy 1.26.4, h5py 3.16.0, soundfile 0.14.0, librosa 0.11.0 with soxr.
"""
import sys

import h5py
import librosa
import numpy as np
import soundfile
import torch
from torch import nn

RATE, SAMPLES, FADE, BEFORE = 44100, 44100, 221, 44  # 44.1 kHz; 1 s, 5 ms and 1 ms of it


def block(n_in, n_out):
    return [nn.Conv2d(n_in, n_out, 3, padding="same", bias=False), nn.BatchNorm2d(n_out),
            nn.ReLU(), nn.MaxPool2d(2)]


def make_network(n_classes):
    """One entry per layer of the unfolded list, so that the names match: 0 to 16."""
    return nn.Sequential(
        *block(1, 16), *block(16, 32), *block(32, 64),
        nn.Identity(),  # to_sequence
        nn.GRU(512, 64, bidirectional=True, batch_first=True),
        nn.Identity(),  # time_pool
        nn.Dropout(0.3),
        nn.Linear(256, n_classes)).eval()


def load_sound(path):
    """Mono, trimmed 50 dB below the peak, at most one second, peak 1."""
    x, rate = soundfile.read(path, dtype="float32", always_2d=True)
    x = x.mean(axis=1)
    if rate != RATE:
        x = librosa.resample(x, orig_sr=rate, target_sr=RATE, res_type="soxr_vhq")
    loud = np.flatnonzero(np.abs(x) > np.abs(x).max() * 10 ** (-50 / 20))
    x = x[max(loud[0] - BEFORE, 0):loud[-1] + 1]
    if len(x) > SAMPLES:
        x = x[:SAMPLES].copy()
        x[-FADE:] *= np.arange(FADE - 1, -1, -1) / FADE
    return x / np.abs(x).max()


def make_features(x, offset, scale):
    """Normalised log-mel spectrum [64, 101] and the number of frames that carry sound."""
    mel = librosa.feature.melspectrogram(y=np.pad(x, (0, SAMPLES - len(x))), sr=RATE, n_fft=2048,
                                         hop_length=441, n_mels=64, pad_mode="reflect")
    mel = 10 * np.log10(np.maximum(mel, 1e-10))
    return (mel - offset[:, None]) / scale[:, None], 1 + (len(x) - 1) // 441


@torch.no_grad()
def logits(network, features, n_frames):
    """Frames past the sound are zero behind every layer; the sequence layers leave them out."""
    x = torch.tensor(features, dtype=torch.float32)[None, None]
    for layer in network[:12]:
        x = layer(x)
        if isinstance(layer, nn.MaxPool2d):
            n_frames = max(n_frames // 2, 1)
        x[..., n_frames:] = 0
    x, _ = network[13](x.flatten(1, 2).transpose(1, 2)[:, :n_frames])
    return network[16](torch.cat([x.mean(1), x.amax(1)], 1))[0]


def main(model, paths):
    with h5py.File(model) as h5:
        classes = h5["classes"].asstr()[:]
        temperature = h5["temperature"][()]
        member = h5["members/0"]
        offset, scale = member["norm_offset"][:], member["norm_scale"][:]
        weights = {name: torch.tensor(data[()]) for name, data in member["weights"].items()}
    network = make_network(len(classes))
    network.load_state_dict(weights)
    for path in paths:
        z = logits(network, *make_features(load_sound(path), offset, scale))
        p = torch.softmax(z / temperature, 0)
        print(f"{classes[p.argmax()]:<10} {p.max():.2f}  {path}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
