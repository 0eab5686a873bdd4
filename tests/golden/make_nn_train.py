"""Writes nn_train.bin: losses, optimisers, gradient clipping and schedules as PyTorch has them.

Made with Python 3.11, torch 1.13.0 (CPU), numpy 1.26.4. Run: python3 tests/golden/make_nn_train.py
"""
import warnings

import numpy as np
import torch
from torch.optim import lr_scheduler as schedulers

import golden

torch.manual_seed(7)
torch.set_num_threads(1)
warnings.simplefilter("error")
arrays = {}

# Losses: 6 samples, 5 classes.
logits = (torch.randn(6, 5) * 3).requires_grad_()
labels = torch.tensor([0, 4, 2, 2, 1, 3])
one_hot = torch.nn.functional.one_hot(labels, 5).float()
mixed = 0.7 * one_hot + 0.3 * one_hot.flip(0)
many = (torch.rand(6, 5) < 0.4).float() * 0.9 + 0.05
weight = torch.tensor([0.5, 2.0, 1.0, 0.25, 3.0])
arrays |= {"logits": logits, "one_hot": one_hot, "mixed": mixed, "many": many, "weight": weight}
for name, module, target in [
    ("plain", torch.nn.CrossEntropyLoss(), labels),
    ("smooth", torch.nn.CrossEntropyLoss(label_smoothing=0.2), labels),
    ("weighted", torch.nn.CrossEntropyLoss(weight=weight), labels),
    ("weighted_smooth", torch.nn.CrossEntropyLoss(weight=weight, label_smoothing=0.2), labels),
    ("soft", torch.nn.CrossEntropyLoss(), mixed),
    ("soft_smooth", torch.nn.CrossEntropyLoss(label_smoothing=0.2), mixed),
    ("soft_weighted_sum", torch.nn.CrossEntropyLoss(weight=weight, reduction="sum"), mixed),
    ("binary", torch.nn.BCEWithLogitsLoss(), many),
    ("binary_weighted", torch.nn.BCEWithLogitsLoss(weight=weight), many),
]:
    loss = module(logits, target)
    (gradient,) = torch.autograd.grad(loss, logits)
    arrays |= {f"loss/{name}": loss.detach().double(), f"dlogits/{name}": gradient}
arrays["softmax"] = torch.softmax(logits, 1)

# Optimisers: 12 steps on a weight [3,4] and a bias [3]; the rate changes from step to step.
N_STEPS = 12
weight0, bias0 = torch.randn(3, 4), torch.randn(3)
grads = torch.randn(N_STEPS, 15)
rates = 0.05 * 0.9 ** np.arange(N_STEPS)
arrays |= {"weight0": weight0, "bias0": bias0, "grads": grads, "rates": rates}
for name, kind, options, decay_all in [
    ("sgd", torch.optim.SGD, {"weight_decay": 0.1}, True),
    ("momentum", torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.1}, True),
    ("nesterov", torch.optim.SGD, {"momentum": 0.8, "nesterov": True}, True),
    ("adam", torch.optim.Adam, {"betas": (0.8, 0.95), "eps": 1e-6}, True),
    ("adam_decay", torch.optim.Adam, {"weight_decay": 0.1}, True),
    ("adamw", torch.optim.AdamW, {"weight_decay": 0.1}, True),
    ("adamw_weights", torch.optim.AdamW, {"weight_decay": 0.1}, False),
]:
    w, b = torch.nn.Parameter(weight0.clone()), torch.nn.Parameter(bias0.clone())
    groups = [{"params": [w]}, {"params": [b]} | ({} if decay_all else {"weight_decay": 0.0})]
    optimizer = kind(groups, lr=1.0, **options)
    after = []
    for step in range(N_STEPS):
        for group in optimizer.param_groups:
            group["lr"] = rates[step]
        w.grad, b.grad = grads[step, :12].reshape(3, 4).clone(), grads[step, 12:].clone()
        optimizer.step()
        after.append(torch.cat([w.detach().flatten(), b.detach()]))
    arrays[f"steps/{name}"] = torch.stack(after)

# Clipping.
for name, max_norm in [("clipped", 1.5), ("left", 100.0)]:
    w, b = torch.nn.Parameter(weight0.clone()), torch.nn.Parameter(bias0.clone())
    w.grad, b.grad = grads[0, :12].reshape(3, 4).clone(), grads[0, 12:].clone()
    norm = torch.nn.utils.clip_grad_norm_([w, b], max_norm)
    arrays[f"clip/{name}"] = torch.cat([w.grad.flatten(), b.grad])
    arrays[f"clip/{name}_norm"] = norm.double()

# Schedules: 10 epochs of 4 steps, the base rate 1.
EPOCHS, STEPS = 10, 4
TOTAL = EPOCHS * STEPS
val_losses = np.array([1.0, 0.9, 0.95, 0.9, 0.89999, 0.91, 0.5, 0.6, 0.6, 0.6])
arrays["val_losses"] = val_losses


def curve(make, per_step, loss=None):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    factors = []
    for step in range(TOTAL):
        factors.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        epoch_ends = (step + 1) % STEPS == 0
        if per_step and step + 1 < TOTAL:
            scheduler.step()
        elif not per_step and epoch_ends:
            scheduler.step(*([] if loss is None else [loss[step // STEPS]]))
    return np.array(factors)


def warm_cosine(optimizer):
    warm = schedulers.LinearLR(optimizer, start_factor=0.1, total_iters=8)
    cosine = schedulers.CosineAnnealingLR(optimizer, T_max=TOTAL - 8, eta_min=0.05)
    return schedulers.SequentialLR(optimizer, [warm, cosine], milestones=[8])


warnings.simplefilter("ignore")  # SequentialLR itself steps in a way it warns of
arrays |= {
    "curve/step": curve(lambda o: schedulers.StepLR(o, 3, 0.5), False),
    "curve/exponential": curve(lambda o: schedulers.ExponentialLR(o, 0.9), False),
    "curve/cosine": curve(lambda o: schedulers.CosineAnnealingLR(o, TOTAL, 0.05), True),
    "curve/warm_cosine": curve(warm_cosine, True),
    "curve/warm": curve(lambda o: schedulers.LinearLR(o, 0.1, total_iters=8), True),
    "curve/one_cycle": curve(lambda o: schedulers.OneCycleLR(o, 1.0, TOTAL), True),
    "curve/plateau": curve(
        lambda o: schedulers.ReduceLROnPlateau(o, factor=0.3, patience=1, min_lr=0.05), False, val_losses
    ),
}

golden.write("nn_train", {k: v.detach().numpy() if torch.is_tensor(v) else v for k, v in arrays.items()})
