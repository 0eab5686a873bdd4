#!/usr/bin/env python3
"""How well scores tell drums from what is none, on the tests of a run: docs/refusal.md.

usage: docs/refusal.py RUN [--other other] [--lose 0.05] [--svg docs/img/refusal.svg]

RUN: the folder of a run whose folds tested both; each fold is a source that it did not train on. Needs
nothing but Python. A score says how much a sound is of no class:

    other       the probability of the class for what is no drum
    1 - max     one minus the largest probability of a drum
    1 - max'    the same of the drums alone, whose probabilities then sum to 1
    sum         the first two together
    entropy     of all probabilities
"""
import argparse
import bisect
import math
import pathlib

from predictions import read

COLOURS = {"other": "#10618e", "1 - max": "#c2571a", "1 - max'": "#6b8e23", "sum": "#7b4fa3", "entropy": "#888888"}


def scores(p, other):
    drums = [v for c, v in p.items() if c != other]
    outlier, top = p[other], max(drums)
    return {"other": outlier, "1 - max": 1 - top, "1 - max'": 1 - top / max(sum(drums), 1e-12),
            "sum": outlier + 1 - top, "entropy": -sum(v * math.log(max(v, 1e-12)) for v in p.values())}


def curve(drums, others):
    """(share of drums lost, share of others refused) for every bound."""
    return [((len(drums) - bisect.bisect_right(drums, b)) / len(drums),
             (len(others) - bisect.bisect_right(others, b)) / len(others)) for b in [-1] + sorted(set(drums))]


def area(drums, others):
    below = sum(bisect.bisect_left(drums, v) + bisect.bisect_right(drums, v) for v in others)
    return below / 2 / len(drums) / len(others)


def at(drums, others, lose):
    """Others refused by the least bound that loses no more than this share of drums."""
    bound = drums[len(drums) - 1 - int(lose * len(drums))]
    return (len(others) - bisect.bisect_right(others, bound)) / len(others), bound


def draw(curves, path):
    left, top, size = 60, 20, 400
    x, y = (lambda v: left + size * v / 0.3), (lambda v: top + size * (1 - v))
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="680" height="480" font-family="sans-serif" font-size="13">',
           '<rect width="680" height="480" fill="#fff"/>']
    for i in range(7):
        share, high = i * 0.05, i / 6
        out.append(f'<path d="M{x(share):.1f} {top}v{size}" stroke="#ddd"/>'
                   f'<text x="{x(share):.1f}" y="{top + size + 18}" text-anchor="middle">{share:.2f}</text>')
    for i in range(6):
        high = i / 5
        out.append(f'<path d="M{left} {y(high):.1f}h{size}" stroke="#ddd"/>'
                   f'<text x="{left - 8}" y="{y(high) + 4:.1f}" text-anchor="end">{high:.1f}</text>')
    for i, (name, points) in enumerate(curves.items()):
        shown = [p for p in points if p[0] <= 0.3]
        line = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in shown)
        out.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>')
        out.append(f'<path d="M480 {40 + 24 * i}h26" stroke="{COLOURS[name]}" stroke-width="3"/>'
                   f'<text x="514" y="{44 + 24 * i}">{name}</text>')
    out.append(f'<text x="{left + size / 2}" y="470" text-anchor="middle">drums lost</text>')
    out.append(f'<text x="16" y="{top + size / 2}" text-anchor="middle" '
               f'transform="rotate(-90 16 {top + size / 2})">others refused</text></svg>')
    pathlib.Path(path).write_text("\n".join(out) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("run")
    parser.add_argument("--other", default="other")
    parser.add_argument("--lose", type=float, default=0.05)
    parser.add_argument("--svg")
    arguments = parser.parse_args()
    rows = [(fold, truth == arguments.other, scores(p, arguments.other)) for fold, truth, p in read(arguments.run)]
    folds, curves = list(dict.fromkeys(fold for fold, _, _ in rows)), {}
    print(f"| score | area | refused | bound | {' | '.join(folds)} |\n|---|---|---|---|{'---|' * len(folds)}")
    for name in COLOURS:
        drums = sorted(s[name] for _, is_other, s in rows if not is_other)
        others = sorted(s[name] for _, is_other, s in rows if is_other)
        refused, bound = at(drums, others, arguments.lose)
        curves[name] = curve(drums, others)
        parts = []
        for fold in folds:
            both = [[s[name] > bound for f, o, s in rows if f == fold and o == kind] for kind in (False, True)]
            parts.append(" / ".join(f"{sum(b) / len(b):.2f}" if b else "-" for b in both))
        print(f"| {name} | {area(drums, others):.3f} | {refused:.3f} | {bound:.3f} | {' | '.join(parts)} |")
    if arguments.svg:
        draw(curves, arguments.svg)


main()
