#!/usr/bin/env python3
"""Holds classify, the library, the C header and ONNX against each other; not part of the test suite.

usage: PYTHONPATH=python RIMSHOT_LIBRARY=build/librimshot.so check_answers.py RIMSHOT MODEL PATH... [--count 200]

Pins: numpy 2.4.6, onnxruntime 1.32.0. Of the sounds below the paths those at the model's rate are taken, which
the header and ONNX do not change, at even distances. Compared are probabilities (at most 1e-4 apart), what is
unknown, and for which reason. tests/infer/check_web.mjs does the same for the page. 0: all agree.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime as ort
import rimshot

TOLERANCE = 1e-4
PROGRAM = """
#define DRUM_IMPLEMENTATION
#include "drum.h"
#include <stdio.h>
#include <stdlib.h>
int main(void) {
    static drum_work work;
    int head[2];
    while (fread(head, sizeof head, 1, stdin) == 1) {
        const size_t n = (size_t)head[0] * (size_t)head[1];
        float *x = malloc((n + 1) * sizeof *x), p[DRUM_N_CLASSES];
        if (x == NULL || fread(x, sizeof *x, n, stdin) != n) return 1;
        const int heard = drum_classify(x, head[0], head[1], &work, p);
        int answer[2] = {DRUM_UNKNOWN, -1};
        if (heard) answer[0] = drum_decide(p, &answer[1]);
        fwrite(p, sizeof p, 1, stdout);
        fwrite(answer, sizeof answer, 1, stdout);
        free(x);
    }
    return 0;
}
"""


def from_header(program, folder, model, sounds, n_classes):
    subprocess.run([program, "export", model, "--to", "c", "-o", folder / "drum.h", "--quiet"], check=True)
    (folder / "main.c").write_text(PROGRAM)
    subprocess.run(["cc", "-std=c99", "-O2", folder / "main.c", "-lm", "-o", folder / "main"], check=True)
    data = b"".join(np.int32(x.shape).tobytes() + x.tobytes() for x in sounds)
    said = subprocess.run([folder / "main"], input=data, capture_output=True, check=True).stdout
    rows = np.frombuffer(said, np.dtype([("p", np.float32, n_classes), ("answer", np.int32, 2)]))
    return rows["p"], rows["answer"][:, 0], rows["answer"][:, 1]


def from_onnx(program, folder, model, sounds):
    path = folder / "drum.onnx"
    subprocess.run([program, "export", model, "--to", "onnx", "--with-features", "-o", path, "--quiet"], check=True)
    ort.set_default_logger_severity(4)
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    said = [session.run(None, {"waveform": x[None]}) for x in sounds]
    return np.concatenate([p for p, _ in said]), np.concatenate([d for _, d in said])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("model")
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--count", type=int, default=200)
    arguments = parser.parse_args()
    lines = subprocess.run([arguments.program, "classify", arguments.model, *arguments.paths, "--json", "--quiet"],
                           capture_output=True, check=False, text=True).stdout.splitlines()
    results, model = [json.loads(line) for line in lines], rimshot.Model(arguments.model)
    sounds = []
    for result in results:
        samples, rate = rimshot.read(result["path"]) if "probability" in result else (None, 0)
        if rate == model.sample_rate:
            sounds.append((result, np.ascontiguousarray(np.atleast_2d(samples.T))))
    step = max(1, len(sounds) / arguments.count)
    sounds = [sounds[int(i * step)] for i in range(min(len(sounds), arguments.count))]
    classes = list(model.classes)
    wanted = np.array([[r["probability"][c] for c in classes] for r, _ in sounds])
    answers = np.array([classes.index(r["class"]) if "reason" not in r else -1 for r, _ in sounds])
    said = [model.classify(x.T, model.sample_rate) for _, x in sounds]
    decided = [model.decide(row) for row in said]
    causes = np.array([-1 if model.reason(row) is None else classes.index(model.reason(row)[0]) for row in said])
    with tempfile.TemporaryDirectory() as name:
        folder, waves = pathlib.Path(name), [x for _, x in sounds]
        header = from_header(arguments.program, folder, arguments.model, waves, len(classes))
        graph = from_onnx(arguments.program, folder, arguments.model, waves)
    library = np.array([row.probabilities for row in said])
    rows = {"library": (library, [-1 if d is None else classes.index(d) for d in decided]),
            "C header": header[:2], "ONNX": graph}
    print(f"{len(sounds)} sounds, {np.count_nonzero(answers < 0)} unknown")
    good = np.array_equal(header[2], causes)
    for place, (p, decision) in rows.items():
        apart, same = np.abs(p - wanted).max(), np.count_nonzero(decision == answers)
        print(f"{place:9} largest difference from classify {apart:.1e}, same answer {same} of {len(sounds)}")
        good &= apart <= TOLERANCE and same == len(sounds)
    sys.exit(0 if good else "they differ")


main()
