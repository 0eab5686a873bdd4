#!/usr/bin/env python3
"""The networks of crnn.yaml, s1.yaml and s3.yaml in PyTorch, timed as `bench network` does it.

usage: peer.py crnn|s1|s3 [--threads N] [--batch N] [--seconds S]

Prints one JSON object. Tried with Python 3.11 and torch 1.13.0.
"""
import argparse
import json

import torch
from timing import seconds_of
from torch import nn

N_CLASSES = 5


def recurrent(cell, x):
    return cell(x)[0]


def to_sequence(x):
    """Image [B,C,F,T] to sequence [B,T,C*F]."""
    return x.permute(0, 3, 1, 2).flatten(2)


class Crnn(nn.Module):
    shape = (1, 64, 101)

    def __init__(self):
        super().__init__()
        layers = []
        for n_in, n_out in ((1, 16), (16, 32), (32, 64)):
            layers += [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out),
                       nn.ReLU(), nn.MaxPool2d(2)]
        self.convolutions = nn.Sequential(*layers)
        self.gru = nn.GRU(512, 64, batch_first=True, bidirectional=True)
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(256, N_CLASSES))

    def forward(self, x):
        y = recurrent(self.gru, to_sequence(self.convolutions(x)))
        return self.head(torch.cat([y.mean(1), y.amax(1)], 1))


class S1(nn.Module):
    shape = (2, 2048, 173)

    def __init__(self):
        super().__init__()
        layers = []
        for n in (2, 8, 32):
            layers += [nn.Conv2d(n, 4 * n, (4, 5), (2, 1), (1, 2)), nn.BatchNorm2d(4 * n),
                       nn.Dropout(0.1), nn.GELU()]
        self.convolutions = nn.Sequential(*layers)
        self.along_time = nn.RNN(128 * 256, 256, batch_first=True, bidirectional=True)
        self.along_frequency = nn.RNN(173, 64, batch_first=True)
        self.between = nn.Sequential(nn.Dropout(0.2), nn.GELU())
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(512 * 64, 512), nn.Dropout(0.3),
                                  nn.GELU(), nn.Linear(512, 256), nn.Dropout(0.3), nn.GELU(),
                                  nn.Linear(256, N_CLASSES))

    def forward(self, x):
        y = recurrent(self.along_time, to_sequence(self.convolutions(x)))
        y = recurrent(self.along_frequency, self.between(y).transpose(1, 2))
        return self.head(self.between(y))


class S3(nn.Sequential):
    shape = (3, 128, 100)

    def __init__(self):
        super().__init__(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.2),
                         nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.2),
                         nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten(),
                         nn.Linear(64 * 28 * 21, 64), nn.ReLU(), nn.Dropout(0.2),
                         nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, N_CLASSES))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", choices=("crnn", "s1", "s3"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=1)
    a = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(a.threads)
    network = {"crnn": Crnn, "s1": S1, "s3": S3}[a.model]()
    x, label = torch.randn(a.batch, *network.shape), torch.randint(0, N_CLASSES, (a.batch,))
    one = x[:1].clone()
    optimizer, loss = torch.optim.AdamW(network.parameters(), 1e-3), nn.CrossEntropyLoss()

    def step():
        optimizer.zero_grad()
        loss(network(x), label).backward()
        optimizer.step()

    result = {"parameters": sum(p.numel() for p in network.parameters())}
    network.train()
    result["train_samples_per_s"] = a.batch / seconds_of(step, a.seconds)
    network.eval()
    with torch.inference_mode():
        result["infer_samples_per_s"] = a.batch / seconds_of(lambda: network(x), a.seconds / 2)
        result["single_ms"] = 1e3 * seconds_of(lambda: network(one), a.seconds / 2)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
