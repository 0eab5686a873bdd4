#!/usr/bin/env python3
"""Fits scikit-learn's classifiers on the very rows and folds of runs with a classifier, with the
same options, and compares accuracies. Not part of the suite.

usage: check_classifiers.py RIMSHOT RUN ...
numpy 1.26, scikit-learn 1.9, PyYAML 6.

The rows are what `rimshot embed RUN/model.h5` gives. Where features are normalised over the
training clips (features.normalize), those are of all clips and not of each fold's. Where chance
plays a part, scikit-learn has several turns. Fails if a mean accuracy is further from
scikit-learn's than TOLERANCE points.
"""
import csv
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import yaml
from sklearn.ensemble import AdaBoostClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

TOLERANCE = 1.0  # points
N_TURNS = 3


def weight(options):
    return "balanced" if options.get("class_weight") == "balanced" else None


def forest(o, seed):
    tried = int(o["features"]) if str(o["features"]).isdigit() else o["features"]
    return RandomForestClassifier(
        o["trees"], max_depth=o["max_depth"] or None, min_samples_leaf=o["min_leaf"],
        max_features=None if tried == "all" else tried, bootstrap=o["bootstrap"],
        class_weight=weight(o), random_state=seed)


def adaboost(o, seed):
    tree = DecisionTreeClassifier(max_depth=o["max_depth"])
    return AdaBoostClassifier(tree, n_estimators=o["rounds"], learning_rate=float(o["learning_rate"]), random_state=seed)


def logistic(o, seed):
    one = LogisticRegression(C=float(o["c"]), tol=float(o["tolerance"]), solver="liblinear", class_weight=weight(o), random_state=seed)
    return OneVsRestClassifier(one)


def linear_svm(o, seed):
    return LinearSVC(C=float(o["c"]), tol=float(o["tolerance"]), class_weight=weight(o), random_state=seed)


def svm(o, seed):
    gamma = o["gamma"] if o["gamma"] in ("scale", "auto") else float(o["gamma"])
    return SVC(C=float(o["c"]), kernel=o["kernel"], gamma=gamma, degree=o["degree"], coef0=float(o["coef0"]),
               tol=float(o["tolerance"]), class_weight=weight(o), random_state=seed)


def nearest(o, seed):
    return KNeighborsClassifier(o["k"], weights=o["weights"], metric=o["metric"])


KINDS = {
    "random_forest": (forest, True),
    "adaboost": (adaboost, True),
    "logistic_regression": (logistic, False),
    "linear_svm": (linear_svm, False),
    "svm": (svm, False),
    "nearest": (nearest, False),
}


def read_rows(path):
    with open(path, newline="") as file:
        return list(csv.reader(file))[1:]


def read_vectors(rimshot, run):
    """{(path, begin, end): row}"""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "rows.csv"
        command = [rimshot, "embed", run / "model.h5", run / "config.yaml", "--out", out, "--quiet"]
        subprocess.run(command, check=True)
        return {tuple(r[:3]): np.array(r[5:], np.float32) for r in read_rows(out)}


def accuracies(run):
    found = []
    for fold in sorted(run.glob("fold*/predictions.csv"), key=lambda p: int(p.parent.name[4:])):
        rows = read_rows(fold)
        found.append(np.mean([r[3] == r[4] for r in rows]))
    return np.array(found)


def fit_folds(make, options, x, y, fold, seed):
    scores = []
    for f in range(fold.max() + 1):
        model = make(options, seed)
        if options.get("standardize"):
            model = make_pipeline(StandardScaler(), model)
        train, test = fold != f, fold == f
        scores.append(model.fit(x[train], y[train]).score(x[test], y[test]))
    return np.array(scores)


def compare(rimshot, run):
    (name, options), = yaml.safe_load((run / "config.yaml").read_text())["classifier"].items()
    make, chance = KINDS[name]
    vectors = read_vectors(rimshot, run)
    rows = read_rows(run / "folds.csv")
    x = np.stack([vectors[tuple(r[:3])] for r in rows])
    y = np.array([r[3] for r in rows])
    fold = np.array([int(r[5]) for r in rows])
    ours = accuracies(run)
    theirs = np.stack([fit_folds(make, options, x, y, fold, seed) for seed in range(N_TURNS if chance else 1)])
    means = 100 * theirs.mean(1)
    difference = 100 * ours.mean() - means.mean()
    print(f"{run.name}: {name}, {x.shape[0]} x {x.shape[1]}: {100 * ours.mean():.2f} +- "
          f"{100 * ours.std(ddof=1):.2f}, scikit-learn {means.mean():.2f} ({means.min():.2f} to "
          f"{means.max():.2f}): {difference:+.2f} points", flush=True)
    return abs(difference) <= TOLERANCE


def main():
    rimshot, *runs = sys.argv[1:]
    fine = [compare(rimshot, pathlib.Path(run)) for run in runs]
    sys.exit(0 if fine and all(fine) else 1)


main()
