"""Goldens of the deep neural decision forest from PyTorch 1.13 in double precision, leaf by leaf
along the paths from the root: python3 make_forest.py"""
import numpy as np
import torch
from torch import nn

import golden

torch.manual_seed(21)
torch.set_default_dtype(torch.float64)


class Forest(nn.Module):
    """Split n of tree t sends a sample left with probability sigmoid(x[unit[t, n]]); its children
    are 2 n + 1 and 2 n + 2. leaves: [classes, trees * leaves], tree after tree."""

    def __init__(self, features, classes, trees, depth, trained):
        super().__init__()
        self.trees, self.depth, self.trained = trees, depth, trained
        n = 2**depth - 1
        self.register_buffer("unit", torch.randint(features, (trees, n)).double())
        leaves = torch.randn(classes, trees * 2**depth)
        if trained:
            self.leaves = nn.Parameter(leaves)
        else:
            self.register_buffer("leaves", leaves.softmax(0))

    def reach(self, x):
        """mu [B, trees, leaves]"""
        trees = []
        for unit in self.unit.long():
            left = torch.sigmoid(x[:, unit])
            leaves = []
            for leaf in range(2**self.depth):
                mu, node = torch.ones(len(x)), 0
                for level in reversed(range(self.depth)):
                    right = leaf >> level & 1
                    mu = mu * (1 - left[:, node] if right else left[:, node])
                    node = 2 * node + 1 + right
                leaves.append(mu)
            trees.append(torch.stack(leaves, 1))
        return torch.stack(trees, 1)

    def forward(self, x):
        pi = self.leaves.softmax(0) if self.trained else self.leaves
        pi = pi.reshape(len(pi), self.trees, -1)
        p = torch.einsum("btl,ctl->btc", self.reach(x), pi)
        return p.mean(1).log()


def record(out, case, module, x, training=True):
    out[f"{case}/x"] = x.numpy().copy()
    for name, tensor in module.named_parameters():
        out[f"{case}/param.{name}"] = tensor.detach().numpy().copy()
    for name, tensor in module.named_buffers():
        out[f"{case}/state.{name}"] = tensor.numpy().copy()
    x.requires_grad_()
    y = module(x)
    out[f"{case}/y"] = y.detach().numpy()
    if not training:
        return
    dy = torch.randn_like(y)
    y.backward(dy)
    out[f"{case}/dy"] = dy.numpy()
    out[f"{case}/dx"] = x.grad.numpy()
    for name, tensor in module.named_parameters():
        out[f"{case}/dparam.{name}"] = tensor.grad.numpy()
    for name, tensor in module.named_buffers():
        out[f"{case}/state_after.{name}"] = tensor.numpy().copy()


def learn(out, case, module, x, label, weight, iterations):
    """Equation 11 of the paper for each tree, from equal classes on."""
    mu = module.reach(x)
    classes = len(module.leaves)
    pi = torch.full((classes, *mu.shape[1:]), 1 / classes)
    one_hot = torch.nn.functional.one_hot(label, classes).double() * weight
    for _ in range(iterations):
        p = torch.einsum("btl,ctl->btc", mu, pi)
        share = torch.einsum("bc,ctl,btl,btc->ctl", one_hot, pi, mu, 1 / p)
        pi = share / share.sum(0, keepdim=True)
    out[f"{case}/x"] = x.numpy()
    out[f"{case}/label"] = label.numpy()
    out[f"{case}/weight"] = weight.numpy()
    out[f"{case}/unit"] = module.unit.numpy()
    out[f"{case}/leaves"] = pi.reshape(classes, -1).numpy()


out = {}
record(out, "update", Forest(9, 4, 3, 3, False), 2 * torch.randn(5, 9))
record(out, "gradient", Forest(9, 4, 3, 3, True), 2 * torch.randn(5, 9))
record(out, "stump", Forest(2, 3, 1, 1, True), torch.randn(4, 2))
record(out, "shared", Forest(3, 5, 2, 4, False), torch.randn(3, 3))
record(out, "certain", Forest(7, 3, 2, 3, False), 30 * torch.randn(6, 7))
record(out, "eval", Forest(6, 2, 4, 5, True), torch.randn(2, 6), False)
x, label = 2 * torch.randn(60, 8), torch.randint(3, (60,))
x[:, :3] += 2 * torch.nn.functional.one_hot(label, 3)
forest = Forest(8, 3, 4, 3, False)
learn(out, "once", forest, x, label, torch.ones(3), 1)
learn(out, "often", forest, x, label, torch.ones(3), 20)
learn(out, "weighted", forest, x, label, torch.tensor([0.5, 1, 2.5]), 20)
golden.write("nn_forest", {key: np.asarray(value, dtype=np.float32) for key, value in out.items()})
