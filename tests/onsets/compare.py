#!/usr/bin/env python3
"""Onsets of rimshot, aubio and librosa on rendered performances, and whether slices are classified
as their one-shots are.

    tests/onsets/compare.py TABLE [--songs N] [--seed N] [--every N] [--rimshot PROGRAM]
        [--classes A=B+C,..]

TABLE is CSV with the columns path, label (or class) and group (the kit): labels.csv of a data set,
or what `rimshot data descriptors` writes. An onset is found if it lies within 50 ms of a stroke;
strokes within 30 ms are one. The F-measure is mir_eval's, its mean over the songs is printed, and
the exit status is 1 if rimshot's is below 0.95, or below another's.

Python 3.11, numpy 2.4.6, soundfile 0.14.0, librosa 0.11.0, mir_eval 0.8.2; aubioonset of Debian 12's
aubio-tools (0.4.9), whose methods are all tried.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import librosa
import mir_eval
import numpy as np
import soundfile

import performances

AUBIO = ("default", "energy", "hfc", "complex", "phase", "specdiff", "kl", "mkl", "specflux")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def slices_of(rimshot, path, folder):
    lines = run(rimshot, "slice", path, "--dry-run", "--json", "--out", folder).splitlines()
    return [json.loads(line) for line in lines]


def detections(path, x, slices):
    """{detector: onsets in s}"""
    found = {"rimshot": [s["onset_s"] for s in slices], "rimshot cut": [s["from_s"] for s in slices]}
    for name, kind in (("librosa", False), ("librosa backtrack", True)):
        found[name] = librosa.onset.onset_detect(y=x, sr=performances.RATE, units="time",
                                                 backtrack=kind)
    for method in AUBIO:
        found["aubio " + method] = [float(t) for t in run("aubioonset", "-i", path, "-O",
                                                          method).split()]
    return found


def f_measure(reference, onsets):
    return mir_eval.onset.f_measure(reference, np.unique(np.asarray(onsets, dtype=float)))[0]


def merge(name, classes):
    return next((into for into, names in classes.items() if name in names), name)


def single_strokes(strokes, slices):
    """(true class, one-shot, slice's class) where one thing was struck, and one slice is there."""
    times = np.array([s[0] for s in strokes])
    for slice_ in slices:
        near = np.flatnonzero(np.abs(times - slice_["onset_s"]) < 0.05)
        inside = np.flatnonzero((times > slice_["from_s"] - 0.03) & (times < slice_["to_s"]))
        if len(near) == 1 and len(inside) == 1:
            _, name, path = strokes[near[0]]
            yield name, path, slice_["class"]


def accuracy(rimshot, pairs, classes):
    paths = sorted({path for _, path, _ in pairs})
    lines = subprocess.run([rimshot, "classify", "--json", *paths], capture_output=True, text=True,
                           check=False).stdout.splitlines()
    alone = {r["path"]: r.get("class", "") for r in map(json.loads, lines)}
    hits = np.array([[merge(alone[path], classes) == merge(name, classes),
                      merge(found, classes) == merge(name, classes)]
                     for name, path, found in pairs], dtype=float)
    names = np.array([merge(name, classes) for name, _, _ in pairs])
    balanced = np.mean([hits[names == c].mean(axis=0) for c in sorted(set(names))], axis=0)
    print(f"{len(pairs)} strokes alone in their slices, of {len(paths)} one-shots")
    print("accuracy of one-shots {:.3f}, of slices {:.3f}".format(*hits.mean(axis=0)))
    print("balanced, of one-shots {:.3f}, of slices {:.3f}".format(*balanced))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("table")
    parser.add_argument("--songs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--every", type=int, default=0, help="single strokes, one in N eighths")
    parser.add_argument("--rimshot", default="build/rimshot")
    parser.add_argument("--classes", default="", help="joined: hat=closedhat+openhat,cymbal=crash+ride")
    given = parser.parse_args()
    classes = {k: v.split("+") for k, v in (e.split("=") for e in given.classes.split(",") if e)}
    scores, pairs = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder) / "song.wav")
        for number, bpm, x, strokes in performances.songs(given.table, given.songs,
                                                               given.seed, given.every):
            soundfile.write(path, x, performances.RATE, subtype="FLOAT")
            slices = slices_of(given.rimshot, path, folder)
            reference = performances.onsets(strokes)
            scores.append({k: f_measure(reference, v)
                           for k, v in detections(path, x, slices).items()})
            pairs += single_strokes(strokes, slices)
            print(f"song {number + 1}: {bpm:.0f} beats a minute, {len(reference)} onsets, "
                  f"rimshot {scores[-1]['rimshot']:.3f}", flush=True)
    means = {k: np.mean([s[k] for s in scores]) for k in scores[0]}
    for name, mean in sorted(means.items(), key=lambda m: -m[1]):
        print(f"{mean:.4f}  {name}")
    accuracy(given.rimshot, pairs, classes)
    others = max(v for k, v in means.items() if not k.startswith("rimshot"))
    return 0 if min(means["rimshot"], means["rimshot cut"]) >= max(0.95, others) else 1


if __name__ == "__main__":
    sys.exit(main())
