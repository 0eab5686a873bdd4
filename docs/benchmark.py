#!/usr/bin/env python3
"""The table of docs/benchmark.md from finished runs; the first is what the others are compared with.

usage: docs/benchmark.py RUN... [--lose 0.05]

Each run is of configs/model.yaml with overrides, each fold a source. Seven classes are summed up
from thirteen (hats; crash and ride as cymbal), and only sounds of these count. Needs nothing but Python.
"""
import argparse
import random

from predictions import read

SEVEN = {"kick": "kick", "snare": "snare", "clap": "clap", "closedhat": "hat", "openhat": "hat", "tom": "tom",
         "ride": "cymbal", "crash": "cymbal", "cowbell": "cowbell"}
DRAWS = 1000


def most_probable(p):
    return max(sorted(p), key=p.get)


def in_seven(p):
    joined = dict.fromkeys(SEVEN.values(), 0.0)
    for name, whole in SEVEN.items():
        joined[whole] += p[name]
    return most_probable(joined)


def balanced(rows):
    recalls = [[right for truth, right in rows if truth == name] for name in {truth for truth, _ in rows}]
    return sum(sum(r) / len(r) for r in recalls) / len(recalls)


def interval(values):
    draw = random.Random(0)
    means = sorted(sum(draw.choices(values, k=len(values))) / len(values) for _ in range(DRAWS))
    return f"[{means[24]:.3f}, {means[974]:.3f}]"


def refused(rows, lose):
    drums = sorted(p["other"] for _, truth, p in rows if truth != "other")
    others = [p["other"] for _, truth, p in rows if truth == "other"]
    bound = drums[len(drums) - 1 - int(lose * len(drums))]
    return sum(v > bound for v in others) / len(others)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--lose", type=float, default=0.05)
    arguments, first = parser.parse_args(), {}
    for run in arguments.runs:
        rows = list(read(run))
        right = {(fold, i): (SEVEN[truth], in_seven(p) == SEVEN[truth])
                 for i, (fold, truth, p) in enumerate(rows) if truth in SEVEN}
        folds = list(dict.fromkeys(fold for fold, _ in right))
        sources = [balanced([v for (f, _), v in right.items() if f == fold]) for fold in folds]
        hits = {key: float(hit) for key, (_, hit) in right.items()}
        drums = [(truth, {c: v for c, v in p.items() if c != "other"}) for _, truth, p in rows if truth != "other"]
        thirteen = sum(most_probable(p) == truth for truth, p in drums) / len(drums)
        apart = [hits[key] - first[key] for key in hits if key in first]
        first = first or hits
        cells = [run, f"{sum(sources) / len(sources):.3f}", *(f"{v:.3f}" for v in sources),
                 f"{sum(hits.values()) / len(hits):.3f} {interval(list(hits.values()))}", f"{thirteen:.3f}",
                 f"{refused(rows, arguments.lose):.3f}",
                 f"{sum(apart) / len(apart):+.3f} {interval(apart)}" if apart else ""]
        print("| " + " | ".join(cells) + " |")


main()
