"""Reference figures for train/metrics and train/compare: scikit-learn 1.9.1, scipy 1.17.1,
numpy 1.26.4.

Writes metrics.bin (probabilities and truths) and metrics.csv (name, then the figures as shortest
decimals, so that they are read back exactly)."""
import csv
import warnings

import numpy as np
from scipy import stats
from sklearn import metrics

from golden import HERE, write

warnings.simplefilter("ignore")  # classes that do not occur


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def calibration(probability, truth):
    top = probability.max(axis=1).astype(np.float64)
    right = probability.argmax(axis=1) == truth
    total = 0.0
    for b in range(15):
        inside = (top > b / 15) & (top <= (b + 1) / 15)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - top[inside].mean())
    return total


def case(name, n, k, skill, absent=()):
    rng = np.random.default_rng(len(name))
    present = [c for c in range(k) if c not in absent]
    truth = rng.choice(present, n)
    logits = rng.normal(size=(n, k)) * 2
    logits[np.arange(n), truth] += skill
    probability = softmax(logits).astype(np.float32)
    probability[0] = np.eye(k, dtype=np.float32)[(truth[0] + 1) % k]  # certain and wrong
    labels = list(range(k))
    eps = np.finfo(np.float32).eps  # what log_loss clips float32 by; then it sums in double here
    clipped = np.clip(probability, eps, 1 - eps).astype(np.float64)
    predicted = probability.argmax(axis=1)
    each = dict(labels=labels, average=None, zero_division=0)
    arrays[f"{name}.probability"] = probability
    arrays[f"{name}.truth"] = truth.astype(np.float32)
    figures[f"{name}.accuracy"] = [metrics.accuracy_score(truth, predicted)]
    figures[f"{name}.balanced"] = [metrics.balanced_accuracy_score(truth, predicted)]
    figures[f"{name}.macro_f1"] = [metrics.f1_score(truth, predicted, average="macro", zero_division=0)]
    figures[f"{name}.log_loss"] = [metrics.log_loss(truth, clipped, labels=labels)]
    figures[f"{name}.calibration"] = [calibration(probability, truth)]
    figures[f"{name}.precision"] = metrics.precision_score(truth, predicted, **each)
    figures[f"{name}.recall"] = metrics.recall_score(truth, predicted, **each)
    figures[f"{name}.f1"] = metrics.f1_score(truth, predicted, **each)
    figures[f"{name}.confusion"] = metrics.confusion_matrix(truth, predicted, labels=labels).ravel()


arrays, figures = {}, {}
case("two", 40, 2, 2.0)
case("seven", 300, 7, 3.0)
case("guessed", 60, 5, 0.0)
case("sparse", 25, 6, 1.5, absent=(0, 4))

values = np.array([0.906, 0.871, 0.914, 0.889, 0.902])
figures["interval.values"] = values
figures["interval.mean_deviation"] = [values.mean(), values.std(ddof=1)]
figures["mcnemar"] = [b for a in ((5, 12), (0, 0), (40, 3), (7, 7), (150, 190))
                      for b in (*a, stats.binomtest(a[0], sum(a)).pvalue if sum(a) else 1.0)]

other = np.array([0.861, 0.842, 0.902])
welch = stats.ttest_ind(values, other, equal_var=False)
interval = welch.confidence_interval(0.95)
figures["welch.other"] = other
figures["welch.low_high_p"] = [interval.low, interval.high, welch.pvalue]

write("metrics", arrays)
with open(HERE / "metrics.csv", "w", newline="") as out:
    csv.writer(out, lineterminator="\n").writerows(
        [name, *map(repr, map(float, row))] for name, row in figures.items())
