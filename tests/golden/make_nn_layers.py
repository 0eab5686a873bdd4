"""Goldens of the plain layers from PyTorch 1.13 in double precision: python3 make_nn_layers.py"""
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import golden

torch.manual_seed(20)
torch.set_default_dtype(torch.float64)


def record(out, case, module, x, training=True, pad=None, length=None):
    """Runs `module` (after zero padding `pad`, PyTorch's order) and stores all it gives."""
    module.train(training)
    with torch.no_grad():
        for tensor in module.parameters():
            tensor.copy_(torch.randn_like(tensor))
        for name, tensor in module.named_buffers():
            if name == "running_mean":
                tensor.normal_()
            if name == "running_var":
                tensor.uniform_(0.5, 2)
    if length is not None:
        for i, n in enumerate(length):
            x[i, ..., n:] = 0
        out[f"{case}/length"] = np.array(length)
    out[f"{case}/x"] = x.numpy().copy()
    for name, tensor in module.named_parameters():
        out[f"{case}/param.{name}"] = tensor.detach().numpy().copy()
    for name, tensor in module.named_buffers():
        out[f"{case}/state.{name}"] = tensor.numpy().reshape(-1).copy()
    x.requires_grad_()
    y = module(x if pad is None else F.pad(x, pad))
    out[f"{case}/y"] = y.detach().numpy()
    if not training:
        return
    dy = torch.randn_like(y)
    if length is not None:
        for i, n in enumerate(length):
            dy[i, ..., n:] = 0
    y.backward(dy)
    out[f"{case}/dy"] = dy.numpy()
    out[f"{case}/dx"] = x.grad.numpy()
    for name, tensor in module.named_parameters():
        out[f"{case}/dparam.{name}"] = tensor.grad.numpy()
    for name, tensor in module.named_buffers():
        out[f"{case}/state_after.{name}"] = tensor.numpy().reshape(-1).copy()


def write(name, out):
    golden.write(name, {key: np.asarray(value, dtype=np.float32) for key, value in out.items()})


def conv2d():
    out = {}
    record(out, "plain", nn.Conv2d(3, 5, 3), torch.randn(2, 3, 7, 9))
    record(out, "same", nn.Conv2d(2, 4, 3, padding=1, bias=False), torch.randn(3, 2, 6, 11))
    record(out, "same_even", nn.Conv2d(2, 3, (2, 4), padding="same"), torch.randn(2, 2, 5, 8))
    record(out, "same_stride", nn.Conv2d(3, 2, 3, stride=2), torch.randn(2, 3, 6, 7),
           pad=(1, 1, 0, 1))
    record(out, "stride_2x1", nn.Conv2d(3, 4, (3, 5), stride=(2, 1), padding=(1, 2)),
           torch.randn(2, 3, 8, 9))
    record(out, "dilated", nn.Conv2d(2, 3, 3, dilation=(2, 3), padding=(2, 1)),
           torch.randn(2, 2, 9, 10))
    record(out, "groups", nn.Conv2d(6, 4, 3, groups=2, stride=(1, 2), padding=1),
           torch.randn(2, 6, 5, 8))
    record(out, "depthwise", nn.Conv2d(5, 5, 3, groups=5, padding=1), torch.randn(2, 5, 6, 19))
    record(out, "depthwise_2", nn.Conv2d(3, 6, (3, 5), groups=3, stride=(1, 2), padding=(0, 2)),
           torch.randn(2, 3, 6, 9))
    record(out, "pointwise", nn.Conv2d(6, 5, 1), torch.randn(2, 6, 4, 7))
    record(out, "pointwise_groups", nn.Conv2d(6, 4, 1, groups=2, bias=False),
           torch.randn(1, 6, 4, 7))
    record(out, "uneven", nn.Conv2d(2, 3, 3), torch.randn(1, 2, 4, 5), pad=(0, 3, 2, 1))
    record(out, "extent_1", nn.Conv2d(4, 3, 3, padding=1), torch.randn(1, 4, 1, 1))
    record(out, "tiles", nn.Conv2d(24, 8, 3, padding=1), torch.randn(1, 24, 12, 30))
    write("nn_conv2d", out)


def linear():
    out = {}
    record(out, "vector", nn.Linear(7, 5), torch.randn(9, 7))
    record(out, "sequence", nn.Linear(19, 33, bias=False), torch.randn(2, 11, 19))
    record(out, "one", nn.Linear(1, 1), torch.randn(1, 1))
    write("nn_linear", out)


class Sequences(nn.Module):
    """PyTorch keeps the features of sequences before the time."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        return self.module(x.transpose(1, 2)).transpose(1, 2)

    def named_parameters(self, *_, **__):
        return self.module.named_parameters()

    def named_buffers(self, *_, **__):
        return self.module.named_buffers()


class Valid(nn.Module):
    """Batch norm of images of several lengths: the valid frames laid end to end."""

    def __init__(self, module, length):
        super().__init__()
        self.module, self.length = module, length

    def forward(self, x):
        parts = [x[i : i + 1, :, :, :n] for i, n in enumerate(self.length)]
        y = torch.split(self.module(torch.cat(parts, 3)), self.length, 3)
        return torch.cat([F.pad(p, (0, x.shape[3] - p.shape[3])) for p in y], 0)

    named_parameters = Sequences.named_parameters
    named_buffers = Sequences.named_buffers


def batch_norm():
    out = {}
    record(out, "image", nn.BatchNorm2d(3), 3 * torch.randn(4, 3, 5, 7) + 2)
    record(out, "image_eval", nn.BatchNorm2d(3), torch.randn(2, 3, 5, 7), training=False)
    record(out, "plain", nn.BatchNorm2d(2, eps=1e-3, momentum=0.3, affine=False),
           torch.randn(1, 2, 4, 3))
    record(out, "vector", nn.BatchNorm1d(70), torch.randn(5, 70))
    record(out, "vector_eval", nn.BatchNorm1d(6), torch.randn(1, 6), training=False)
    record(out, "sequence", Sequences(nn.BatchNorm1d(5)), torch.randn(3, 8, 5))
    record(out, "sequence_eval", Sequences(nn.BatchNorm1d(5)), torch.randn(3, 8, 5),
           training=False)
    length = [9, 4, 1]
    record(out, "length", Valid(nn.BatchNorm2d(3), length), torch.randn(3, 3, 2, 9), length=length)
    write("nn_batch_norm", out)


def layer_norm():
    out = {}
    record(out, "vector", nn.LayerNorm(7), torch.randn(3, 7) + 4)
    record(out, "sequence", nn.LayerNorm(21), torch.randn(2, 5, 21))
    record(out, "image", nn.LayerNorm((3, 4, 5)), torch.randn(9, 3, 4, 5))
    record(out, "plain", nn.LayerNorm(6, eps=1e-3, elementwise_affine=False), torch.randn(2, 6))
    write("nn_layer_norm", out)


def activation():
    out = {}
    x = 3 * torch.randn(3, 2, 5, 7)
    for name, module in {
        "relu": nn.ReLU(), "leaky_relu": nn.LeakyReLU(0.2), "gelu": nn.GELU(),
        "gelu_tanh": nn.GELU(approximate="tanh"), "silu": nn.SiLU(), "sigmoid": nn.Sigmoid(),
        "tanh": nn.Tanh(),
    }.items():
        record(out, name, module, x.clone())
    write("nn_activation", out)


class Global(nn.Module):
    def __init__(self, pool, length=None):
        super().__init__()
        self.pool, self.length = pool, length

    def forward(self, x):
        length = self.length or [x.shape[3]] * x.shape[0]
        return torch.stack([self.pool(x[i, :, :, :n].flatten(1)) for i, n in enumerate(length)])


def pool():
    out = {}
    x = torch.randn(2, 3, 7, 9)
    record(out, "max_2", nn.MaxPool2d(2), x.clone())
    record(out, "max_ties", nn.MaxPool2d(2), torch.randint(0, 2, (2, 3, 6, 9)).double())
    record(out, "max_4x2", nn.MaxPool2d((4, 2)), torch.randn(1, 2, 9, 40))
    record(out, "max_3x1", nn.MaxPool2d((3, 1)), x.clone())
    record(out, "max_overlap", nn.MaxPool2d((3, 2), stride=(1, 2), padding=(1, 0)), x.clone())
    record(out, "max_pad", nn.MaxPool2d(3, stride=2, padding=1), x.clone())
    record(out, "avg_2", nn.AvgPool2d(2), x.clone())
    record(out, "avg_pad", nn.AvgPool2d((3, 2), stride=(2, 1), padding=(1, 1)), x.clone())
    mean, top = lambda x: x.mean(1), lambda x: x.max(1).values
    record(out, "global_mean", Global(mean), x.clone())
    record(out, "global_max", Global(top), x.clone())
    outside = nn.ConstantPad2d((1, 2, 0, 1), -np.inf)
    record(out, "max_same", nn.Sequential(outside, nn.MaxPool2d((4, 6))), x.clone())
    record(out, "avg_same", nn.AvgPool2d((3, 4), stride=2), x.clone(), pad=(1, 2, 1, 1))
    write("nn_pool", out)


for make in (conv2d, linear, batch_norm, layer_norm, activation, pool):
    make()
