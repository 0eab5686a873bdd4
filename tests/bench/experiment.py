#!/usr/bin/env python3
"""Runs `rimshot train` on the work of peer_experiment.py, and says how fast it was.

usage: experiment.py RIMSHOT CONFIG RUN [KEY=VALUE...] [--threads N]

Prints one JSON object. The run folder RUN is removed; every sound is decoded, as the peer does it.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time


def n_trained(summary):
    """Clips that were trained on, each as often as it was: in the folds, and for the model."""
    n, folds = summary["facts"]["n_clips"], summary["result"]["folds"]
    return sum((n - fold["clips"]) * fold["epochs"] for fold in folds) + n * folds[0]["epochs"]


def main():
    program, config, folder, *arguments = sys.argv[1:]
    with tempfile.TemporaryDirectory() as cache:
        begin = time.perf_counter()
        output = subprocess.run([program, "train", config, "--out", folder, "--json", *arguments],
                                env={**os.environ, "RIMSHOT_CACHE": cache}, check=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        took = time.perf_counter() - begin
    shutil.rmtree(folder)
    summary = json.loads(output)
    print(json.dumps({"seconds": took, "clips_per_s": n_trained(summary) / took,
                      "accuracy": summary["result"]["pooled"]["accuracy"]}))


if __name__ == "__main__":
    main()
