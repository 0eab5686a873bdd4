#!/usr/bin/env python3
"""A network of this folder's YAML files in PyTorch, timed as `bench network` does it.

usage: peer.py NETWORK [--variant VARIANT] [--threads N] [--batch N] [--seconds S]

VARIANT is how PyTorch is used: `contiguous` (as it comes), `channels_last` (memory format),
`fused` and `channels_last fused` (with AdamW in one pass), `compiled` and `channels_last compiled`
(by torch.compile, AdamW fused). Prints one JSON object; {"skipped": REASON} where this PyTorch
cannot do it. Tried with Python 3.11, torch 2.15.0, torchvision 0.29.2, and torch 1.13.0.
"""
import argparse

import torch
from timing import print_result, seconds_of
from torch import nn

VARIANTS = ("contiguous", "channels_last", "fused", "channels_last fused", "compiled",
            "channels_last compiled")


def recurrent(cell, x):
    return cell(x)[0]


def to_sequence(x):
    """Image [B,C,F,T] to sequence [B,T,C*F]."""
    return x.permute(0, 3, 1, 2).flatten(2)


class Crnn(nn.Module):
    shape = (1, 64, 101)
    n_classes = 5

    def __init__(self, n_classes=n_classes):
        super().__init__()
        layers = []
        for n_in, n_out in ((1, 16), (16, 32), (32, 64)):
            layers += [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out),
                       nn.ReLU(), nn.MaxPool2d(2)]
        self.convolutions = nn.Sequential(*layers)
        self.gru = nn.GRU(512, 64, batch_first=True, bidirectional=True)
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(256, n_classes))

    def forward(self, x):
        y = recurrent(self.gru, to_sequence(self.convolutions(x)))
        return self.head(torch.cat([y.mean(1), y.amax(1)], 1))


class S1(nn.Module):
    shape = (2, 2048, 173)
    n_classes = 5

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
                                  nn.Linear(256, self.n_classes))

    def forward(self, x):
        y = recurrent(self.along_time, to_sequence(self.convolutions(x)))
        y = recurrent(self.along_frequency, self.between(y).transpose(1, 2))
        return self.head(self.between(y))


class S3(nn.Sequential):
    shape = (3, 128, 100)
    n_classes = 5

    def __init__(self):
        super().__init__(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.2),
                         nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.2),
                         nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten(),
                         nn.Linear(64 * 28 * 21, 64), nn.ReLU(), nn.Dropout(0.2),
                         nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, self.n_classes))


class OpenL3(nn.Sequential):
    shape = (1, 256, 199)
    n_classes = 7

    def __init__(self):
        layers, n_in = [nn.BatchNorm2d(1, eps=1e-3)], 1
        for n_out in (64, 128, 256, 512):
            for last in (False, True):
                layers.append(nn.Conv2d(n_in, n_out, 3, padding="same"))
                if n_out < 512 or not last:  # what the embedding is taken from has neither
                    layers += [nn.BatchNorm2d(n_out, eps=1e-3), nn.ReLU()]
                n_in = n_out
            if n_out < 512:
                layers.append(nn.MaxPool2d(2))
        # [32, 24] with padding `same` covers 32 x 24 places of 24 frames
        layers += [nn.MaxPool2d((32, 24)), nn.Flatten(), nn.Linear(512, 128), nn.ReLU(),
                   nn.Dropout(0.5), nn.Linear(128, self.n_classes)]
        super().__init__(*layers)


def torchvision_network(name):
    """On pictures of one plane."""
    import torchvision

    network = getattr(torchvision.models, name)(num_classes=23)
    if name == "resnet34":
        network.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
    else:
        network.features[0][0] = nn.Conv2d(1, 32, 3, 2, 1, bias=False)
    network.shape, network.n_classes = (1, 256, 384), 23
    return network


NETWORKS = {"crnn": Crnn, "s1": S1, "s3": S3, "openl3": OpenL3,
            "resnet34": lambda: torchvision_network("resnet34"),
            "efficientnet_b0": lambda: torchvision_network("efficientnet_b0")}


def make_adamw(network, fused):
    """Before torch 2.4, fused is for GPUs alone: making the optimiser then says so."""
    return torch.optim.AdamW(network.parameters(), 1e-3, **({"fused": True} if fused else {}))


def measure(a, network):
    result = {"parameters": sum(p.numel() for p in network.parameters())}
    layout = torch.channels_last if "channels_last" in a.variant else torch.contiguous_format
    optimized = "fused" in a.variant or "compiled" in a.variant
    network.to(memory_format=layout)
    x = torch.randn(a.batch, *network.shape).to(memory_format=layout)
    one, label = x[:1].clone(memory_format=layout), torch.randint(0, network.n_classes, (a.batch,))
    optimizer, loss = make_adamw(network, optimized), nn.CrossEntropyLoss()
    run = torch.compile(network, dynamic=False) if "compiled" in a.variant else network

    def step():
        optimizer.zero_grad()
        loss(run(x), label).backward()
        optimizer.step()

    network.train()
    result["train_samples_per_s"] = a.batch / seconds_of(step, a.seconds)
    network.eval()
    with torch.inference_mode() if run is network else torch.no_grad():
        result["infer_samples_per_s"] = a.batch / seconds_of(lambda: run(x), a.seconds / 2)
        result["single_ms"] = 1e3 * seconds_of(lambda: run(one), a.seconds / 2)
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("--variant", choices=VARIANTS, default=VARIANTS[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=1)
    a = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(a.threads)
    print_result(lambda: measure(a, NETWORKS[a.network]()))


if __name__ == "__main__":
    main()
