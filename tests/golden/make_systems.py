#!/usr/bin/env python3
"""Reference for tests/nn/test_systems.c: the networks of configs/systems/networks in torchvision.

torch 2.15, torchvision 0.29, numpy 2.4. Weights, states and inputs follow from a formula (noise below), in the order of
PyTorch's named_parameters and named_buffers, so that only logits, and of each gradient its norm and some of its
numbers, need to be stored. VGG19 is narrowed, as the C test narrows it: at its full width it has 140 million weights.
"""
import numpy as np
import torch
import torchvision
from torch import nn
from torchvision.models import vgg
from torchvision.ops import StochasticDepth

import golden

BATCH, CHANNELS, MELS, FRAMES, CLASSES, SAMPLES = 2, 2, 64, 96, 5, 4
COUNTS = {"vgg19": 143667240, "resnet34": 21797672, "efficientnet_b0": 5288548, "efficientnet_b1": 7794184,
          "efficientnet_b2": 9109994}
FACTOR = {"vgg19": 2, "resnet34": 2}  # of the variance: what relu takes away; the gates are happier without


def noise(stream, n):
    """Numbers in [-1, 1) that the C test makes in the same way."""
    with np.errstate(over="ignore"):
        x = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(6364136223846793005)
        x += np.uint64((stream + 1) * 1442695040888963407 % 2**64)
        x ^= x >> np.uint64(33)
        x *= np.uint64(0xFF51AFD7ED558CCD)
        x ^= x >> np.uint64(33)
    return (x >> np.uint64(40)).astype(np.float64) / 2.0**23 - 1.0


def narrow_vgg():
    widths = [8, 16, 32, 64, 64]
    layers = [w for w, n in zip(widths, [2, 2, 4, 4, 4]) for w in [w] * n + ["M"]]
    net = vgg.VGG(vgg.make_layers(layers), num_classes=CLASSES, init_weights=False)
    net.classifier[0] = nn.Linear(64 * 7 * 7, 128)
    net.classifier[3] = nn.Linear(128, 128)
    net.classifier[6] = nn.Linear(128, CLASSES)
    return net


def first_layer(net):
    """The convolution that sees the input, and where it is kept."""
    holder = net.features if hasattr(net, "features") else net
    name = "0" if hasattr(net, "features") else "conv1"
    conv = getattr(holder, name)
    return (conv, "0") if isinstance(conv, nn.Sequential) else (holder, name)


def make(name):
    net = narrow_vgg() if name == "vgg19" else getattr(torchvision.models, name)(num_classes=CLASSES)
    holder, key = first_layer(net)
    old = getattr(holder, key)
    setattr(holder, key, nn.Conv2d(CHANNELS, old.out_channels, old.kernel_size, old.stride, old.padding,
                                   bias=old.bias is not None))
    return net.double()


def set_numbers(net, factor):
    stream = 0
    for _, p in net.named_parameters():
        values, fan_in = noise(stream, p.numel()), p[0].numel() if p.dim() > 1 else 1
        scale = np.sqrt(3 * factor / fan_in) if p.dim() > 1 else 0.1
        p.data = torch.from_numpy(np.float32(scale) * values.astype(np.float32)).double().reshape(p.shape)
        stream += 1
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data += 1
            for state, start in ((module.running_mean, 0), (module.running_var, 1)):
                values = noise(stream, state.numel()).astype(np.float32) * np.float32(0.1)
                state.data = torch.from_numpy(values).double() + start
                stream += 1


def record(name, arrays):
    net = make(name)
    set_numbers(net, FACTOR.get(name, 1))
    x = torch.from_numpy(noise(1000, BATCH * CHANNELS * MELS * FRAMES)).reshape(BATCH, CHANNELS, MELS, FRAMES)
    dy = torch.from_numpy(noise(1001, BATCH * CLASSES)).reshape(BATCH, CLASSES)
    with torch.no_grad():
        arrays[f"{name}/logits_eval"] = net.eval()(x).float().numpy()
    net.train()
    for module in net.modules():
        if isinstance(module, (nn.Dropout, StochasticDepth)):
            module.eval()
    logits = net(x)
    (logits * dy).sum().backward()
    arrays[f"{name}/logits_train"] = logits.detach().float().numpy()
    gradients = [p.grad.flatten() for p in net.parameters()]
    arrays[f"{name}/norms"] = np.float32([g.norm().item() for g in gradients])
    arrays[f"{name}/samples"] = np.float32([[g[(7919 * (k + 1)) % len(g)].item() for k in range(SAMPLES)]
                                            for g in gradients])


def main():
    torch.manual_seed(0)
    arrays = {}
    for name, count in COUNTS.items():
        net = getattr(torchvision.models, name)()
        assert sum(p.numel() for p in net.parameters()) == count, name
        record(name, arrays)
        print(name, arrays[f"{name}/logits_eval"][0], arrays[f"{name}/logits_train"][0])
    golden.write("systems", arrays)


if __name__ == "__main__":
    main()
