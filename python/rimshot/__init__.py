"""rimshot: classifiers of drum sounds, trained and used from Python.

    import rimshot
    model = rimshot.Model.load("runs/demo/model.h5")
    model.classify("kick.wav").best
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rimshot._library import Error, FileError, InputError, Status, __version__
from rimshot.model import Classification, Classifications, Model
from rimshot.run import Folds, Predictions, Run, Table
from rimshot.sound import DESCRIPTORS, descriptors, log_mel, read
from rimshot.training import Event, TrainingError, TrainingStopped, print_epochs, train

if TYPE_CHECKING:
    import torch

__all__ = [
    "DESCRIPTORS",
    "Classification",
    "Classifications",
    "Error",
    "Event",
    "FileError",
    "Folds",
    "InputError",
    "Model",
    "Predictions",
    "Run",
    "Status",
    "Table",
    "TrainingError",
    "TrainingStopped",
    "__version__",
    "descriptors",
    "log_mel",
    "print_epochs",
    "read",
    "to_torch",
    "train",
]


def to_torch(model: Model, network: int = 0) -> "torch.nn.Module":
    """A model's network in PyTorch, with its weights: see `rimshot.torch.Network`."""
    from rimshot.torch import Network

    return Network(model, network)
