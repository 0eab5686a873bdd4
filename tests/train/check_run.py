#!/usr/bin/env python3
"""Checks a run folder against tools that nobody here wrote. Not part of the suite.

usage: check_run.py RUN
numpy 1.26, scikit-learn 1.9, h5py 3.16, PyYAML 6.0, tensorboard 2.21; h5dump from hdf5-tools.
"""
import csv
import json
import pathlib
import subprocess
import sys

import h5py
import numpy as np
import yaml
from sklearn import metrics
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2


def read_predictions(path):
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    classes = rows[0][5:]
    truth = np.array([classes.index(r[3]) for r in rows[1:]])
    probability = np.array([[float(p) for p in r[5:]] for r in rows[1:]], np.float32)
    return classes, truth, probability


def check_fold(fold, figures):
    classes, truth, probability = read_predictions(fold / "predictions.csv")
    predicted = probability.argmax(1)
    eps = np.finfo(np.float32).eps
    clipped = np.clip(probability.astype(np.float64), eps, 1 - eps)
    reference = {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "balanced": metrics.balanced_accuracy_score(truth, predicted),
        "macro_f1": metrics.f1_score(truth, predicted, average="macro", labels=range(len(classes)), zero_division=0),
        "log_loss": -np.log(clipped[np.arange(len(truth)), truth]).mean(),
    }
    worst = max(abs(figures[k] - v) for k, v in reference.items())
    assert worst < 1e-12, (fold, figures, reference)
    return worst


def check_events(fold):
    with open(fold / "history.csv", newline="") as file:
        history = list(csv.DictReader(file))
    events = EventAccumulator(str(fold))
    events.Reload()
    for tag, column in (("train/loss", "train_loss"), ("validation/accuracy", "accuracy"), ("lr", "lr")):
        if tag not in events.Tags()["scalars"]:
            continue
        got = [e.value for e in events.Scalars(tag)]
        assert np.allclose(got, [float(h[column]) for h in history], rtol=1e-6), (fold, tag)
    config = yaml.safe_load((fold.parent / "config.yaml").read_text())
    check_text(events, config)
    check_hyperparameters(events, config)
    return len(history)


def check_text(events, config):
    shown = events.Tensors("config")[0].tensor_proto.string_val[0].decode()
    assert yaml.safe_load(shown.removeprefix("```yaml\n").removesuffix("```\n")) == config


def check_hyperparameters(events, config):
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    start = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    assert start.group_name == config["name"]
    assert start.hparams["train.epochs"].number_value == config["train"]["epochs"]
    assert start.hparams["network"].string_value == ", ".join(next(iter(layer)) for layer in config["network"])


def check_h5(path):
    subprocess.run(["h5dump", "-H", str(path)], check=True, stdout=subprocess.DEVNULL)
    n = []
    with h5py.File(path) as file:
        file.visititems(lambda name, item: n.append(item[()]) if isinstance(item, h5py.Dataset) else None)
    return len(n)


def main():
    run = pathlib.Path(sys.argv[1])
    summary = json.loads((run / "summary.json").read_text())
    folds = sorted(run.glob("fold[0-9]*"))
    worst = max(check_fold(fold, summary["result"]["folds"][i]) for i, fold in enumerate(folds))
    epochs = [check_events(fold) for fold in folds]
    files = sorted(run.rglob("*.h5"))
    datasets = sum(check_h5(path) for path in files)
    print(f"{len(folds)} folds: metrics within {worst:.1e} of scikit-learn; events of {sum(epochs)} epochs read; "
          f"{len(files)} HDF5 files with {datasets} datasets read by h5py and h5dump")


if __name__ == "__main__":
    main()
