"""A run folder, read back from its files (``docs/formats.md``)."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np
from numpy.typing import NDArray

from rimshot._library import FileError, InputError, Status
from rimshot.model import Model

if TYPE_CHECKING:
    import pandas

_HISTORY = ("lr", "train_loss", "loss", "accuracy", "balanced")
_PREDICTION = ("path", "begin_s", "end_s", "truth", "predicted")
_BINS = 15


class Table(Mapping[str, NDArray[Any]]):
    """Columns of equal length by name; `to_pandas` makes a DataFrame of them."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        self._columns = {name: np.asarray(values) for name, values in columns.items()}

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def n_rows(self) -> int:
        return len(next(iter(self._columns.values()), ()))

    def to_pandas(self) -> "pandas.DataFrame":
        """The table as a pandas.DataFrame."""
        import pandas

        return pandas.DataFrame(self._columns)

    def __repr__(self) -> str:
        return f"<{self.n_rows} rows: {', '.join(self._columns)}>"


def _read_csv(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
            rows = list(csv.reader(file))
    except OSError as why:
        raise FileError(f"{path}: {why.strerror}", Status.NOT_FOUND) from None
    if not rows:
        raise FileError(f"{path}: empty", Status.FORMAT)
    return rows[0], rows[1:]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as why:
        raise FileError(f"{path}: {why.strerror}", Status.NOT_FOUND) from None
    return loaded


def _numbers(rows: Sequence[Sequence[str]], column: int) -> NDArray[np.float64]:
    return np.array([row[column] for row in rows], dtype=np.float64)


def _join(tables: Sequence[Table]) -> Table:
    return Table({name: np.concatenate([table[name] for table in tables]) for name in tables[0]})


def _history(folder: Path) -> Table:
    """One history.csv."""
    names, rows = _read_csv(folder / "history.csv")
    columns: dict[str, Any] = {"epoch": _numbers(rows, names.index("epoch")).astype(np.int64)}
    columns.update((name, _numbers(rows, names.index(name))) for name in _HISTORY)
    return Table(columns)


class Predictions(Table):
    """Tested clips, one row each: ``path``, ``begin_s``, ``end_s``, ``fold`` (from 1),
    ``truth``, ``predicted`` and one column of probabilities per class; the same as
    `probabilities`, with `truth` and `predicted` as numbers of classes."""

    def __init__(self, columns: Mapping[str, Any], classes: tuple[str, ...]) -> None:
        super().__init__(columns)
        self.classes = classes
        number = {name: i for i, name in enumerate(classes)}
        self.truth = np.array([number[name] for name in self["truth"]], np.int64)
        self.predicted = np.array([number[name] for name in self["predicted"]], np.int64)
        #: ``[n, n_classes]``, single precision as the network gave them
        self.probabilities = np.zeros((self.n_rows, len(classes)), np.float32)
        for i, name in enumerate(classes):
            self.probabilities[:, i] = self._columns[_column(name)]

    @property
    def confusion(self) -> NDArray[np.int64]:
        """Counts ``[n_classes, n_classes]``: rows are truths, columns predictions."""
        n = len(self.classes)
        counts = np.bincount(self.truth * n + self.predicted, minlength=n * n)
        return counts.reshape(n, n)

    @property
    def metrics(self) -> dict[str, float]:
        """``accuracy``, ``balanced`` (mean recall of the classes that occur), ``macro_f1``,
        ``log_loss`` and ``calibration`` (expected calibration error, 15 bins)."""
        counts = self.confusion.astype(np.float64)
        right, truths, said = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
        occurs = truths > 0
        f1 = _ratio(2 * right, truths + said)
        return {
            "accuracy": float(right.sum() / max(counts.sum(), 1)),
            "balanced": float(np.mean(right[occurs] / truths[occurs])) if occurs.any() else 0.0,
            "macro_f1": float(np.mean(f1[truths + said > 0])) if occurs.any() else 0.0,
            "log_loss": self._log_loss(),
            "calibration": self._calibration(),
        }

    def _log_loss(self) -> float:
        least = np.finfo(np.float32).eps
        p = self.probabilities[np.arange(self.n_rows), self.truth].astype(np.float64)
        return float(-np.mean(np.log(np.clip(p, least, 1 - least)))) if self.n_rows else 0.0

    def _calibration(self) -> float:
        top = self.probabilities.max(axis=1).astype(np.float64)
        right = (self.probabilities.argmax(axis=1) == self.truth).astype(np.float64)
        bins = np.clip((np.ceil(top * _BINS) - 1).astype(int), 0, _BINS - 1)
        gaps = np.abs(np.bincount(bins, top - right, _BINS))
        return float(gaps.sum() / max(self.n_rows, 1))

    @property
    def per_class(self) -> Table:
        """``class``, ``clips``, ``precision``, ``recall``, ``f1``; 0 where undefined."""
        counts = self.confusion
        right, truths, said = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
        return Table(
            {
                "class": np.array(self.classes, dtype=object),
                "clips": truths,
                "precision": _ratio(right, said),
                "recall": _ratio(right, truths),
                "f1": _ratio(2 * right, truths + said),
            }
        )

    def mistakes(self, n: Optional[int] = None) -> Table:
        """The rows that are wrong, most confident first; `n` of them."""
        wrong = np.flatnonzero(self.truth != self.predicted)
        confidence = self.probabilities.max(axis=1)
        wrong = wrong[np.argsort(-confidence[wrong], kind="stable")][:n]
        names = ["path", "begin_s", "end_s", "fold", "truth", "predicted"]
        columns: dict[str, Any] = {name: self[name][wrong] for name in names if name in self}
        return Table({**columns, "confidence": confidence[wrong]})


def _ratio(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    out = np.zeros(len(a), np.float64)
    np.divide(a, b, out=out, where=b > 0)
    return out


def _column(name: str) -> str:
    """The column of a class's probabilities, whatever the class is called."""
    return f"p({name})"


def _predictions(path: Path, classes: tuple[str, ...], fold: Optional[int]) -> Predictions:
    names, rows = _read_csv(path)
    if tuple(names[len(_PREDICTION) :]) != classes:
        raise FileError(f"{path}: not the columns of the run's classes", Status.FORMAT)
    columns: dict[str, Any] = {}
    for i, name in enumerate(_PREDICTION):
        texts = np.array([row[i] for row in rows], dtype=object)
        columns[name] = texts.astype(np.float64) if name.endswith("_s") else texts
    if fold is not None:
        columns["fold"] = np.full(len(rows), fold)
    for i, name in enumerate(classes, len(_PREDICTION)):
        columns[_column(name)] = _numbers(rows, i)
    return Predictions(columns, classes)


class Folds:
    """One set of folds of a run: each clip tested once, by a network that was not trained on it."""

    def __init__(self, folder: Path, classes: tuple[str, ...], figures: dict[str, Any]) -> None:
        self._folder = folder
        self._figures = figures
        self.classes = classes  #: names, in the order of the network's outputs

    @property
    def n_folds(self) -> int:
        return len(self._figures["folds"])

    def _of_fold(self, fold: int) -> Path:
        if not 1 <= fold <= self.n_folds:
            raise InputError(f"there is no fold {fold}: they are 1 to {self.n_folds}")
        return self._folder / f"fold{fold}"

    @cached_property
    def history(self) -> Table:
        """One row per epoch of each fold: ``fold``, ``epoch``, ``lr``, ``train_loss``, and of the
        tested clips after it ``loss``, ``accuracy``, ``balanced``."""
        tables = []
        for fold in range(1, self.n_folds + 1):
            table = _history(self._of_fold(fold))
            tables.append(Table({"fold": np.full(table.n_rows, fold), **table}))
        return _join(tables)

    @cached_property
    def predictions(self) -> Predictions:
        """What the folds' networks made of the clips they were tested with."""
        tables = [self.fold(number) for number in range(1, self.n_folds + 1)]
        return Predictions(_join(tables), self.classes)

    def fold(self, number: int) -> Predictions:
        """The predictions of one fold, from 1."""
        path = self._of_fold(number) / "predictions.csv"
        return _predictions(path, self.classes, number)

    @property
    def confusion(self) -> NDArray[np.int64]:
        """Counts over all folds ``[n_classes, n_classes]``: rows are truths, columns
        predictions."""
        return self.predictions.confusion

    @property
    def metrics(self) -> dict[str, float]:
        """Figures over all predictions together, see `Predictions.metrics`."""
        return self.predictions.metrics

    @property
    def per_fold(self) -> Table:
        """``fold``, ``clips``, the figures of `metrics`, ``epochs`` and ``best_epoch``."""
        rows = self._figures["folds"]
        return Table({name: np.array([row[name] for row in rows]) for name in rows[0]})

    def interval(self, figure: str) -> dict[str, float]:
        """``mean``, ``deviation``, ``low`` and ``high`` (95 %) over the folds of a figure such as
        ``accuracy``; one fold alone has a mean only, the rest is NaN."""
        found = self._figures[figure]
        return {k: float("nan") if v is None else float(v) for k, v in found.items()}


class Run(Folds):
    """A finished run folder. What it tells as `Folds` is about the main set of folds."""

    def __init__(self, folder: Union[str, "os.PathLike[str]"]) -> None:
        self.folder = Path(folder)
        summary = self.folder / "summary.json"
        if not summary.is_file():
            begun = (self.folder / "facts.json").is_file()
            raise FileError(
                f"{self.folder}: "
                + ("the run is not finished: resume it" if begun else "no run folder"),
                Status.NOT_FOUND,
            )
        self.summary = _read_json(summary)  #: summary.json
        self.facts: dict[str, Any] = self.summary["facts"]  #: facts.json
        super().__init__(self.folder, tuple(self.facts["classes"]), self.summary["result"])

    @property
    def name(self) -> str:
        return str(self.facts["name"])

    @property
    def config(self) -> str:
        """The configuration with overrides and defaults, YAML."""
        return (self.folder / "config.yaml").read_text(encoding="utf-8")

    @property
    def manifest(self) -> Table:
        """manifest.csv: every sound found, used or not, as texts."""
        names, rows = _read_csv(self.folder / "manifest.csv")
        columns = zip(*rows) if rows else ([] for _ in names)
        return Table({name: np.array(c, dtype=object) for name, c in zip(names, columns)})

    @property
    def compare(self) -> Optional[Folds]:
        """The second set of folds (``folds.compare``), if the run has one."""
        figures = self.summary["compare"]
        return None if figures is None else Folds(self.folder / "compare", self.classes, figures)

    @property
    def final_history(self) -> Optional[Table]:
        """``epoch``, ``lr``, ``train_loss`` of the training on all clips, if there was one."""
        if not (self.folder / "final" / "history.csv").is_file():
            return None
        table = _history(self.folder / "final")
        return Table({name: table[name] for name in ("epoch", "lr", "train_loss")})

    @property
    def unseen(self) -> Optional[Predictions]:
        """What model.h5 makes of the unseen sounds (``use: test``), if there are any."""
        path = self.folder / "unseen.csv"
        return _predictions(path, self.classes, None) if path.is_file() else None

    def model(self, *, threads: Optional[int] = None) -> Model:
        """The run's model.h5, opened."""
        return Model.load(self.folder / "model.h5", threads=threads)

    def __repr__(self) -> str:
        mean = self.interval("accuracy")["mean"]
        return f"Run({str(self.folder)!r}: {self.n_folds} folds, accuracy {mean:.3f})"
