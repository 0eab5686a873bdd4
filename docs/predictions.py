"""Reads the predictions of a run's folds, for the scripts beside it."""
import csv
import pathlib


def read(run):
    """(fold, truth, probabilities by class) of each sound, in an order that all runs share."""
    for path in sorted(pathlib.Path(run).glob("fold*/predictions.csv"), key=lambda p: int(p.parent.name[4:])):
        with open(path, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                names = [c for c in row if c not in ("path", "begin_s", "end_s", "truth", "predicted")]
                yield path.parent.name, row["truth"], {c: float(row[c]) for c in names}
