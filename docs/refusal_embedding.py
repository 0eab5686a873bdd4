#!/usr/bin/env python3
"""Scores for what is no drum that need logits or embeddings, on the tests of a run: docs/refusal.md.

usage: docs/refusal_embedding.py RUN [--program build/rimshot] [--other other] [--lose 0.05]
                                 [--sources configs/benchmark/folds.csv]

RUN: the folder of a run with train.final=ensemble, so that its model.h5 holds the networks of all
folds. Needs NumPy. A score is larger the less a sound is a drum:

    other         the logarithm of the odds of the class for what is no drum
    energy        minus the logarithm of the sum of exp(logit), over all classes (Liu et al. 2020)
    drum energy   the same over the drums alone
    max logit     minus the largest logit of a drum (Hendrycks et al. 2022)
    mahalanobis   the least distance to the mean of a class of drums, by the covariance that these share
                  (Lee et al. 2018)
    relative      the same less the distance to the mean of the class for what is no drum
    knn           the distance to the tenth nearest drum, of embeddings of length 1 (Sun et al. 2022)
    knn share     the share of what is no drum among the ten nearest sounds

Means, covariance and neighbours are those of the sounds that the fold's network was trained on. "a + b" is
the sum of two scores, each less its mean over the training's drums and divided by its deviation there.
Per score: the area under the curve, the share of others refused where --lose of the drums are lost, both
with one bound for all; the same share with a bound for each source, in the mean over sources and for each;
and what a bootstrap over sounds (1,000) says of the difference of that mean to `other`: 95 %.
"""
import argparse
import csv
import pathlib
import subprocess
import tempfile

import numpy as np

NEIGHBOURS, DRAWS = 10, 1000
SUMS = ("energy", "mahalanobis", "relative", "knn", "knn share")


def keys(path):
    """Rows of a table by what names a sound."""
    with open(path, encoding="utf-8", newline="") as file:
        return {(r["path"], float(r.get("begin_s") or 0), float(r.get("end_s") or 0)): r for r in csv.DictReader(file)}


def embed(program, model, config, n_folds):
    """The sounds' names and classes, and for each fold its embeddings and its last layer."""
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/all.npz"
        subprocess.run([program, "embed", model, config, "-o", file, "--quiet"], check=False)
        table = dict(np.load(file, allow_pickle=True))
        layers = []
        for k in range(n_folds):
            subprocess.run([program, "export", model, "--to", "npz", "--member", str(k), "-o", file, "--quiet"], check=True)
            with np.load(file, allow_pickle=True) as weights:
                name = [n for n in weights.files if n.endswith(".weight")][-1][:-len(".weight")]
                layers.append((weights[name + ".weight"].astype(float), weights[name + ".bias"].astype(float)))
    names = list(zip(table["path"].tolist(), table["begin_s"].tolist(), table["end_s"].tolist()))
    return names, table["class"], table["classes"].tolist(), np.split(table["embedding"].astype(float), n_folds, axis=1), layers


def log_sum(x):
    top = x.max(axis=1)
    return top + np.log(np.exp(x - top[:, None]).sum(axis=1))


def distances(z, means, inverse):
    return np.stack([np.einsum("ij,jk,ik->i", z - m, inverse, z - m) for m in means], axis=1)


def nearest(z, others):
    """The numbers of `others` by distance, and these, for each row of z; itself left out."""
    square = (z ** 2).sum(1)[:, None] + (others ** 2).sum(1) - 2 * z @ others.T
    square[square < 1e-9] = np.inf
    order = np.argpartition(square, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    return order, np.sqrt(np.take_along_axis(square, order, axis=1))


def score(z, truth, train, layer, other):
    """All scores of all sounds, by one fold's network."""
    logits = z @ layer[0].T + layer[1]
    drums = np.delete(logits, other, axis=1)
    known = train & (truth != other)
    means = [z[known & (truth == c)].mean(0) for c in np.unique(truth[known])]
    spread = np.concatenate([z[known & (truth == c)] - m for c, m in zip(np.unique(truth[known]), means)])
    inverse = np.linalg.pinv(spread.T @ spread / len(spread), rcond=1e-6, hermitian=True)
    far = distances(z, means, inverse).min(1)
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    all_order, _ = nearest(unit, unit[train])
    s = {"other": logits[:, other] - log_sum(drums), "energy": -log_sum(logits), "drum energy": -log_sum(drums),
         "max logit": -drums.max(1), "mahalanobis": far,
         "relative": far - distances(z, [z[train & (truth == other)].mean(0)], inverse)[:, 0],
         "knn": nearest(unit, unit[known])[1].max(1), "knn share": (truth[train][all_order] == other).mean(1)}
    scaled = {name: (v - v[known].mean()) / v[known].std() for name, v in s.items()}
    s.update({f"other + {name}": scaled["other"] + scaled[name] for name in SUMS})
    return {name: v if name in ("other", "knn share") or "+" in name else scaled[name] for name, v in s.items()}


def refused(drums, others, lose):
    bound = np.sort(drums)[len(drums) - 1 - int(lose * len(drums))]
    return (others > bound).mean()


def area(drums, others):
    order = np.sort(drums)
    return (np.searchsorted(order, others, "left") + np.searchsorted(order, others, "right")).sum() / 2 / len(drums) / len(others)


def mean_refused(values, groups, lose, draws=None):
    """Over sources; groups: pairs of (drums, others), numbers of sounds."""
    pick = (lambda rows: rows) if draws is None else (lambda rows: draws.choice(rows, len(rows)))
    return [refused(values[pick(d)], values[pick(o)], lose) for d, o in groups]


def show(all_scores, is_other, sources, lose):
    names = [s for s in dict.fromkeys(sources) if all((is_other[sources == s] == k).sum() >= 20 for k in (False, True))]
    groups = [(np.flatnonzero((sources == s) & ~is_other), np.flatnonzero((sources == s) & is_other)) for s in names]
    print(f"| score | area | refused | by source | less `other` | {' | '.join(map(str, names))} |\n|{'---|' * (5 + len(names))}")
    for name, values in all_scores.items():
        each = mean_refused(values, groups, lose)
        differences = []
        for i in range(DRAWS):
            a, b = (np.mean(mean_refused(v, groups, lose, np.random.default_rng(i))) for v in (values, all_scores["other"]))
            differences.append(a - b)
        low, high = np.percentile(differences, [2.5, 97.5])
        print(f"| {name} | {area(values[~is_other], values[is_other]):.3f} | {refused(values[~is_other], values[is_other], lose):.3f} "
              f"| {np.mean(each):.3f} | {low:+.3f} to {high:+.3f} | {' | '.join(f'{v:.2f}' for v in each)} |")


def compare(names, truth, classes, folds, arguments):
    """folds: of each, its predictions.csv, embeddings and last layer."""
    other = classes.index(arguments.other)
    table = keys(arguments.sources) if arguments.sources else {}
    collected, is_other, sources, worst = {}, [], [], 0.0
    for fold, (path, z, layer) in enumerate(folds):
        tested = keys(path)
        test = np.array([n in tested for n in names])
        scores = score(z, truth, ~test, layer, other)
        for name, values in scores.items():
            collected.setdefault(name, []).append(values[test])
        is_other.append(truth[test] == other)
        of_test = [n for n in names if n in tested]
        sources += [table[n]["fold"] if n in table else str(fold) for n in of_test]
        stated = np.array([float(tested[n][arguments.other]) for n in of_test])
        worst = max(worst, np.abs(1 / (1 + np.exp(-scores["other"][test])) - stated).max())
    if worst > 1e-4:
        raise SystemExit(f"the networks are not those of the predictions: probabilities differ by {worst:.1g}")
    show({n: np.concatenate(v) for n, v in collected.items()}, np.concatenate(is_other), np.array(sources), arguments.lose)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("--program", default="build/rimshot")
    parser.add_argument("--other", default="other")
    parser.add_argument("--lose", type=float, default=0.05)
    parser.add_argument("--sources", help="a table path,fold: sounds are grouped by its folds, not by the run's")
    arguments = parser.parse_args()
    paths = sorted(arguments.run.glob("fold*/predictions.csv"), key=lambda p: int(p.parent.name[4:]))
    names, truth, classes, embeddings, layers = embed(arguments.program, arguments.run / "model.h5",
                                                      arguments.run / "config.yaml", len(paths))
    compare(names, truth, classes, list(zip(paths, embeddings, layers)), arguments)


if __name__ == "__main__":
    main()
