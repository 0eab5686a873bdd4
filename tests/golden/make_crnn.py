#!/usr/bin/env python3
"""Reference for tests/nn/test_crnn.c: the network of configs/h3.yaml in PyTorch.

torch 1.13, numpy 1.26. Weights, inputs and labels follow from a formula (noise below), so that only logits and losses
need to be stored.
"""
import numpy as np
import torch
from torch import nn

import golden

BATCH, STEPS, CLASSES = 8, 20, 5


def noise(stream, n):
    """Numbers in [-1, 1) that the C test makes in the same way."""
    with np.errstate(over="ignore"):
        x = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(6364136223846793005)
        x += np.uint64(stream + 1) * np.uint64(1442695040888963407 % 2**64)
        x ^= x >> np.uint64(33)
        x *= np.uint64(0xFF51AFD7ED558CCD)
        x ^= x >> np.uint64(33)
    return ((x >> np.uint64(40)).astype(np.float64) / 2.0**23 - 1.0).astype(np.float32)


class Crnn(nn.Module):
    def __init__(self):
        super().__init__()
        blocks, c = [], 1
        for k in (16, 32, 64):
            blocks += [nn.Conv2d(c, k, 3, padding=1, bias=False), nn.BatchNorm2d(k), nn.ReLU(), nn.MaxPool2d(2)]
            c = k
        self.conv = nn.Sequential(*blocks)
        self.gru = nn.GRU(512, 64, batch_first=True, bidirectional=True)
        self.out = nn.Linear(256, CLASSES)

    def forward(self, x):
        z = self.conv(x)
        b, c, f, t = z.shape
        y, _ = self.gru(z.permute(0, 3, 1, 2).reshape(b, t, c * f))
        return self.out(torch.cat([y.mean(1), y.amax(1)], 1))


def batch(step):
    x = torch.from_numpy(noise(1000 + step, BATCH * 64 * 101).reshape(BATCH, 1, 64, 101))
    # Each class is loud in its own band, so that there is something to learn.
    y = torch.arange(BATCH) % CLASSES
    for i in range(BATCH):
        x[i, :, 12 * y[i]:12 * y[i] + 12] += 1.0
    return x, y


def main():
    torch.manual_seed(0)
    net = Crnn()
    for stream, (name, p) in enumerate(net.named_parameters()):
        if name.startswith("conv") and p.dim() == 1:  # batch norm starts as PyTorch starts it
            continue
        scale = 1 / np.sqrt(np.prod(p.shape[1:])) if p.dim() > 1 else 0.1
        p.data = torch.from_numpy(noise(stream, p.numel()) * np.float32(scale)).reshape(p.shape)
    arrays = {}
    opt, loss = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=0.01), nn.CrossEntropyLoss()
    x, y = batch(0)
    with torch.no_grad():
        arrays["logits_train"] = net.train()(x).numpy()
        arrays["logits_eval"] = net.eval()(x).numpy()  # with running statistics after one batch
    net.train()
    losses = []
    for step in range(STEPS):
        x, y = batch(step)
        opt.zero_grad()
        value = loss(net(x), y)
        value.backward()
        opt.step()
        losses.append(value.item())
    arrays["losses"] = np.array(losses, np.float32)
    golden.write("crnn", arrays)


if __name__ == "__main__":
    main()
