"""Writes nn_contrastive.bin: NT-Xent and its gradient by PyTorch's own functions.

Made with Python 3.11, torch 1.13.0 (CPU), numpy 1.26.4. Run: python3 tests/golden/make_contrastive.py
"""
import torch
from torch.nn import functional as F

import golden

torch.manual_seed(3)
torch.set_num_threads(1)
arrays = {}
for name, n_clips, width, temperature in [("small", 2, 3, 0.5), ("large", 9, 20, 0.1)]:
    y = torch.randn(2 * n_clips, width, dtype=torch.double)
    y[1::2] += 0.8 * y[::2]  # the views of a clip are alike
    y = y.float().double().requires_grad_()
    unit = F.normalize(y, dim=1)
    similarity = (unit @ unit.T / temperature).masked_fill(torch.eye(2 * n_clips).bool(), -torch.inf)
    partner = torch.arange(2 * n_clips) ^ 1
    loss = F.cross_entropy(similarity, partner)
    (gradient,) = torch.autograd.grad(loss, y)
    arrays |= {f"{name}/y": y.detach().float(), f"{name}/dy": gradient,
               f"{name}/temperature": torch.tensor(temperature, dtype=torch.double),
               f"{name}/loss": loss.detach(),
               f"{name}/found": (similarity.argmax(1) == partner).sum().double()}
golden.write("nn_contrastive", arrays)
