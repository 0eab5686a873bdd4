"""A scikit-learn estimator: waveforms or files in, classes out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np
from numpy.typing import NDArray

try:
    from scipy.io import wavfile
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data
except ImportError as why:
    raise ImportError(f"{why}; this module needs scikit-learn 1.6 or newer") from why

from rimshot._library import Error
from rimshot.model import Model
from rimshot.sound import is_path
from rimshot.training import as_yaml, print_epochs, train_apart

#: What `DrumClassifier` trains without a configuration: the network of ``configs/demo.yaml``.
DEFAULT_CONFIG: dict[str, Any] = {
    "audio": {"sample_rate": 44100, "channels": 1, "seconds": 1.0, "trim_db": -50},
    "features": {"kind": "log_mel", "n_fft": 2048, "hop": 441, "n_mels": 64},
    "augment": [
        {"polarity": {"p": 0.5}},
        {"time_shift": {"p": 0.5, "ms": [0, 60]}},
        {"gain": {"p": 0.5, "db": [-12, 0]}},
        {"noise": {"p": 0.2, "snr_db": [10, 40]}},
    ],
    "network": [
        {
            "repeat": {
                "for": {"out": [16, 32, 64]},
                "body": [
                    {"conv2d": {"kernel": 3, "pad": "same", "bias": False}},
                    "batch_norm",
                    "relu",
                    {"max_pool": 2},
                ],
            }
        },
        "to_sequence",
        {"gru": {"hidden": 64, "bidirectional": True}},
        {"time_pool": ["mean", "max"]},
        {"dropout": 0.3},
        {"linear": "classes"},
    ],
    "train": {
        "epochs": 25,
        "batch": 32,
        "optimizer": {"adamw": {"lr": 2e-3, "weight_decay": 0.01}},
        "schedule": "one_cycle",
    },
}


class DrumClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc, unused-ignore]
    """A classifier of sounds, trained by rimshot.

    X is an array of waveforms of equal length ``[n, samples]`` at `rate` Hz (shorter sounds end in
    zeros), or a list of paths of sound files. `fit` holds a fifth of the sounds out, trains on the
    rest, fits the temperature of the probabilities on what is held out, and then trains anew on
    all. Every class needs two sounds that are not silent.

    Parameters
    ----------
    config : path or mapping, optional
        A configuration; its ``dataset`` and ``folds`` are not used. By default a
        convolutional-recurrent network, `DEFAULT_CONFIG`.
    rate : float
        Sample rate of the waveforms in Hz.
    epochs : int, optional
        Instead of the configuration's.
    overrides : mapping, optional
        Keys of the configuration to replace, such as ``{"features.n_mels": 32}``.
    random_state : int
        Seed of weights, order, augmentation and folds. Equal seeds give equal bits.
    verbose : bool
        Whether to print a line for every epoch.

    Attributes
    ----------
    classes_ : the labels, sorted
    model_ : the trained `rimshot.Model`, with ``str(label)`` as names
    held_out_ : what the network made of the sounds held out, `rimshot.Predictions`
    n_features_in_ : samples of a waveform, if it was fitted on such
    """

    def __init__(
        self,
        config: Optional[Union[str, "os.PathLike[str]", Mapping[str, Any]]] = None,
        *,
        rate: float = 44100,
        epochs: Optional[int] = None,
        overrides: Optional[Mapping[str, Any]] = None,
        random_state: int = 1,
        verbose: bool = False,
    ) -> None:
        self.config = config
        self.rate = rate
        self.epochs = epochs
        self.overrides = overrides
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any) -> "DrumClassifier":
        """Trains on sounds X with labels y ``[n]``."""
        if _are_paths(X):
            y = column_or_1d(y, warn=True)
            if len(y) != len(X):
                raise ValueError(f"{len(X)} sounds have {len(y)} labels")
        else:
            X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y has {len(self.classes_)} class; a classifier needs two or more")
        names = [str(label) for label in self.classes_]
        with tempfile.TemporaryDirectory(prefix="rimshot-") as folder:
            self._train(Path(folder), _files_of(X, Path(folder), self.rate), labels, names)
        counts = np.bincount(labels, minlength=len(names))
        self._prior = (counts / counts.sum()).astype(np.float32)
        return self

    def _train(
        self, folder: Path, files: list[str], labels: NDArray[np.int64], names: list[str]
    ) -> None:
        import csv

        with open(folder / "labels.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["path", "label"])
            writer.writerows((path, names[k]) for path, k in zip(files, labels))
        config: Any = DEFAULT_CONFIG if self.config is None else self.config
        if isinstance(config, Mapping):
            (folder / "config.yaml").write_text(as_yaml(dict(config)), encoding="utf-8")
            config = folder / "config.yaml"
        overrides: dict[str, Any] = {
            "name": "drums",
            "dataset": {"source": "csv", "path": str(folder), "classes": names},
            "folds": {"k": 1, "group": [], "seed": self.random_state},
            "train.final": "all",
            "train.seed": self.random_state,
        }
        if self.epochs is not None:
            overrides["train.epochs"] = int(self.epochs)
        overrides.update(self.overrides or {})
        run = train_apart(
            os.fspath(config), overrides, folder, print_epochs if self.verbose else None
        )
        self.held_out_ = run.predictions
        self._keep((run.folder / "model.h5").read_bytes())

    def _keep(self, content: bytes) -> None:
        """The model travels with the estimator (pickle, joblib), not as a file."""
        self._content = content
        with tempfile.TemporaryDirectory(prefix="rimshot-") as folder:
            path = Path(folder) / "model.h5"
            path.write_bytes(content)
            self.model_ = Model.load(path)

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        state.pop("model_", None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_content" in state:
            self._keep(state["_content"])

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """Probabilities ``[n, n_classes]``. A silent waveform gets the classes' shares among the
        sounds it was fitted on; a file that cannot be used is an error."""
        check_is_fitted(self)
        if not _are_paths(X):
            X = validate_data(self, X, reset=False, dtype=np.float64)
        rows: list[NDArray[np.float32]]
        with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
            rows = list(pool.map(self._ask, X))
        return np.stack(rows)

    def _ask(self, sound: Any) -> NDArray[np.float32]:
        """One by one, so that a sound's bits do not depend on its neighbours."""
        if is_path(sound):
            return np.asarray(self.model_.classify(sound), np.float32)
        try:
            return np.asarray(self.model_.classify(sound, self.rate), np.float32)
        except Error:
            if np.abs(sound).max() > 1e-9:
                raise
            return np.array(self._prior)

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable label of each sound ``[n]``."""
        rows = self.predict_proba(X)
        labels: NDArray[Any] = self.classes_[np.argmax(rows, axis=1)]
        return labels

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True  # paths
        tags.classifier_tags.poor_score = True  # on what is no sound
        return tags


def _are_paths(X: Any) -> bool:
    """Whether X is a list, or an array of one axis, of paths."""
    if not isinstance(X, (list, tuple)):
        if not hasattr(X, "__array__") or getattr(X, "ndim", None) != 1:
            return False
        X = list(X)
    return len(X) > 0 and all(is_path(item) for item in X)


def _files_of(X: Any, folder: Path, rate: float) -> list[str]:
    """Paths of the sounds; waveforms are written to the folder."""
    if _are_paths(X):
        return [os.path.abspath(path) for path in X]
    files = []
    for i, row in enumerate(X):
        files.append(f"{i}.wav")
        wavfile.write(folder / files[-1], int(rate), row.astype(np.float32))
    return files
