"""Golden cases of gru, lstm, rnn and time_pool: nn_recurrent.bin.

torch 1.13.1, numpy 1.26.4; everything in double, stored as float32.
"""
import numpy as np
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from golden import write

ARRAYS = {}


def store(case, **arrays):
    for key, value in arrays.items():
        value = value.detach() if isinstance(value, torch.Tensor) else value
        ARRAYS[f"{case}/{key}"] = np.asarray(value, dtype=np.float32)


def store_parameters(case, module, rename=lambda name: name):
    for name, p in module.named_parameters():
        store(case, **{f"param.{rename(name)}": p, f"dparam.{rename(name)}": p.grad})


def inputs(case, shape, length):
    x = torch.randn(shape, dtype=torch.float64)
    for b, n in enumerate(length or []):
        x[b, n:] = 0
    store(case, x=x)
    if length:
        store(case, length=np.array(length))
    return x.requires_grad_()


def finish(case, x, y):
    dy = torch.randn_like(y) * (y != 0)  # zero past the lengths
    y.backward(dy)
    store(case, y=y, dy=dy, dx=x.grad)


def recurrent(case, kind, shape, hidden, length=None, last=False, **options):
    torch.manual_seed(len(ARRAYS))
    module = getattr(torch.nn, kind)(shape[2], hidden, batch_first=True, **options).double()
    x = inputs(case, shape, length)
    packed = x
    if length:
        packed = pack_padded_sequence(x, length, batch_first=True, enforce_sorted=False)
    y, state = module(packed)
    if length:
        y, _ = pad_packed_sequence(y, batch_first=True, total_length=shape[1])
    if last:
        h = state[0] if kind == "LSTM" else state
        n = 2 if options.get("bidirectional") else 1
        y = torch.cat(list(h[-n:]), dim=1)
    finish(case, x, y)
    store_parameters(case, module)


for kind in ("GRU", "LSTM", "RNN"):
    name = kind.lower()
    recurrent(f"{name}/plain", kind, (3, 5, 4), 6)
    recurrent(f"{name}/one", kind, (1, 1, 3), 5)
    recurrent(f"{name}/bidirectional", kind, (2, 4, 5), 7, bidirectional=True)
    recurrent(f"{name}/stacked", kind, (2, 6, 5), 4, num_layers=2, bidirectional=True)
    recurrent(f"{name}/packed", kind, (10, 6, 3), 4, length=[6, 1, 4, 2, 3, 6, 5, 1, 2, 4],
              num_layers=2, bidirectional=True)
    recurrent(f"{name}/last", kind, (3, 5, 4), 4, last=True, num_layers=2, bidirectional=True)
    recurrent(f"{name}/last_packed", kind, (3, 5, 4), 4, length=[2, 5, 1], last=True,
              num_layers=2, bidirectional=True)
recurrent("rnn/relu", "RNN", (3, 5, 4), 6, bidirectional=True, nonlinearity="relu")


def pool_part(kind, x, length, attention):
    valid = torch.arange(x.shape[1])[None, :] < torch.tensor(length)[:, None]
    if kind == "mean":
        return x.masked_fill(~valid[:, :, None], 0).sum(1) / torch.tensor(length, dtype=x.dtype)[:, None]
    if kind == "max":
        return x.masked_fill(~valid[:, :, None], -torch.inf).max(1).values
    if kind == "last":
        return x[torch.arange(len(x)), torch.tensor(length) - 1]
    score = attention(x)[:, :, 0].masked_fill(~valid, -torch.inf)
    return (torch.softmax(score, 1)[:, :, None] * x).sum(1)


def pool(case, shape, kinds, length=None):
    torch.manual_seed(len(ARRAYS))
    attention = torch.nn.Linear(shape[2], 1).double()
    x = inputs(case, shape, length)
    given = length or [shape[1]] * shape[0]
    finish(case, x, torch.cat([pool_part(kind, x, given, attention) for kind in kinds], 1))
    if "attention" in kinds:
        store_parameters(case, attention, lambda name: f"attention_{name}")


ALL = ("mean", "max", "last", "attention")
for kind in ALL:
    pool(f"time_pool/{kind}", (3, 5, 4), [kind])
pool("time_pool/all", (2, 6, 5), ALL)
pool("time_pool/lengths", (9, 6, 3), ("attention", "max", "mean", "last"),
     length=[6, 1, 4, 2, 3, 6, 5, 1, 2])
pool("time_pool/one", (1, 1, 3), ALL)

write("nn_recurrent", ARRAYS)
