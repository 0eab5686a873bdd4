#!/usr/bin/env python3
"""Prints which share of the lines the tests ran: of each folder, each file that parses input, all.

usage: coverage.py BUILD [--lines]     (--lines: also the lines of those files that no test ran)

BUILD was compiled with --coverage, and its tests ran (make coverage). A line of the kernels counts
as run if it ran at any level. Exit status 1 if less than LEAST of all lines or LEAST_PARSED of a
parsing file's were run.
"""
import collections
import json
import os
import subprocess
import sys
from pathlib import Path

LEAST, LEAST_PARSED = 85, 90
# What reads files that others wrote, and the builder of networks.
PARSERS = """base/csv.c base/h5_block.c base/h5_foreign.c base/h5_read.c base/options.c base/text.c
    base/yaml.c data/audio_file.c data/cache.c data/folds_file.c data/labels.c data/source.c
    data/annotation.c data/annotation_xml.c data/midi.c data/xml.c
    data/sources/csv.c data/sources/folder.c data/sources/hydrogen.c data/sfz.c data/sfz_text.c
    data/sources/sfz.c infer/import/keras.c
    infer/import/npz.c infer/import/safetensors.c infer/import/weights.c infer/model.c infer/tensors.c
    infer/zip.c nn/network_build.c nn/weights.c train/checkpoint.c train/config.c train/facts.c
    train/history.c train/include.c train/init.c train/predictions.c train/run.c
    train/study/curate_files.c train/study/sweep.c train/study/sweep_folder.c""".split()


def read_counts(build):
    """{file: {line: times run}} of the sources of the tree."""
    counts = collections.defaultdict(dict)
    notes = [str(p.resolve()) for p in sorted((build / "obj").rglob("*.gcno"))]
    if not notes:
        sys.exit(f"coverage.py: {build} was not compiled with --coverage (make coverage)")
    for at in range(0, len(notes), 50):
        gcov = subprocess.run([os.environ.get("GCOV", "gcov"), "--json-format", "--stdout", *notes[at:at + 50]],
                              capture_output=True, text=True, check=True)
        for text in gcov.stdout.splitlines():
            for file in json.loads(text)["files"]:
                lines = counts[os.path.normpath(file["file"])]
                for line in file["lines"]:
                    number = line["line_number"]
                    lines[number] = max(lines.get(number, 0), line["count"])
    return counts


def share(files):
    """(lines run, lines)"""
    return (sum(count > 0 for lines in files for count in lines.values()),
            sum(len(lines) for lines in files))


def show(name, run, lines):
    percent = 100 * run / lines if lines else 100
    print(f"{name:34} {run:6} of {lines:6}  {percent:5.1f} %")
    return percent


def ranges(numbers):
    text, begin = [], None
    for i, n in enumerate(numbers):
        begin = n if begin is None else begin
        if i + 1 == len(numbers) or numbers[i + 1] != n + 1:
            text.append(str(n) if n == begin else f"{begin}-{n}")
            begin = None
    return " ".join(text)


def main():
    counts = read_counts(Path(sys.argv[1]))
    folders = subprocess.run(["make", "-s", "folders"], capture_output=True, text=True,
                             check=True, env={**os.environ, "MAKEFLAGS": ""}).stdout.split()
    own = {f: lines for f, lines in counts.items() if os.path.dirname(f) in folders}
    fine = True
    for folder in folders:
        show(folder + "/", *share([n for f, n in own.items() if os.path.dirname(f) == folder]))
    print()
    for file in PARSERS:
        percent = show(file, *share([own.get(file, {0: 0})]))
        fine = fine and percent >= LEAST_PARSED
        if "--lines" in sys.argv:
            print("   ", ranges(sorted(n for n, count in own.get(file, {}).items() if count == 0)))
    print()
    show("parsing files", *share([own.get(f, {}) for f in PARSERS]))
    fine = show("all", *share(own.values())) >= LEAST and fine
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
