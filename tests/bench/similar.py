"""Precision at 10 of similar sounds: embeddings beside descriptors.

usage: similar.py [--program build/rimshot] [--model FILE] FOLDER...

Each FOLDER is a data set with a labels.csv (path, label and, if there are any, group: the kit). For every sound the ten
nearest others are looked up, and counted is which share of them has its class, and its kit; copies (equal embeddings) are
left out. Distances: the cosine of embeddings, which rimshot similar uses; and of what `rimshot data descriptors` writes,
logarithms where it is a frequency or a time, standardised: Euclidean over all 28, over the 13 cepstral coefficients, and
over pitch and loudness alone. "by chance" is the share among all. `short`: sounds below 100 ms alone ask. Needs NumPy."""
import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np

N = 10


def table(program, command, folder, model):
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "x.npz"
        arguments = [program, *command, folder, "--out", out, "--quiet"]
        if model:
            arguments += ["--model", model]
        subprocess.run([str(a) for a in arguments], check=False, stderr=subprocess.DEVNULL)
        return dict(np.load(out))


def standardised(x, columns):
    x = x.astype(float)
    for c, name in enumerate(columns):
        if name.endswith(("_hz", "_ms", "_s")) or name == "flatness":
            x[:, c] = np.log2(np.maximum(x[:, c], 1e-6))
    x = x - np.nanmean(x, axis=0)
    x = np.nan_to_num(x)
    return x / np.maximum(x.std(axis=0), 1e-12)


def nearness(x, cosine):
    if cosine:
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
        return x @ x.T
    square = (x * x).sum(axis=1)
    return 2 * x @ x.T - square[:, None] - square[None, :]


def precision(near, copies, label, asks):
    near = near.copy()
    near[copies] = -np.inf
    nearest = np.argpartition(-near, N, axis=1)[:, :N]
    return (label[nearest] == label[:, None])[asks].mean()


def chance(label, asks):
    same = (label[:, None] == label[None, :]).sum(axis=1) - 1
    return (same / (len(label) - 1))[asks].mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default="build/rimshot")
    parser.add_argument("--model")
    parser.add_argument("folders", nargs="+")
    options = parser.parse_args()
    for folder in options.folders:
        heard = table(options.program, ["embed"], folder, options.model)
        measured = table(options.program, ["data", "descriptors"], folder, None)
        assert (heard["path"] == measured["path"]).all()
        columns = [str(c) for c in measured["columns"]]
        x = standardised(measured["descriptors"], columns)
        pick = lambda names: x[:, [c for c, name in enumerate(columns) if name.startswith(names)]]
        embedding = heard["embedding"]
        cosine = nearness(embedding, True)
        copies = cosine > 1 - 1e-6
        np.fill_diagonal(copies, True)
        measures = {"embedding, cosine": cosine, "all 28 descriptors": nearness(x, False),
                    "13 MFCCs": nearness(pick("mfcc"), False), "pitch and loudness": nearness(pick(("pitch", "loud")), False)}
        everything = np.ones(len(embedding), bool)
        duration = measured["descriptors"][:, columns.index("duration_s")]
        asked = {"all": everything, "short": duration < 0.1}
        labels = {"class": heard["class"], "kit": heard["group"]}
        if len(set(labels["kit"])) < 2:
            del labels["kit"]
        print(f"{folder}: {len(embedding)} sounds, {int((duration < 0.1).sum())} of them short; {copies.sum() - len(copies)} pairs of copies")
        print("  " + "".join(f"{kind + ' ' + who:>14}" for kind in labels for who in asked))
        for name, near in measures.items():
            print("  " + "".join(f"{precision(near, copies, labels[k], asked[w]):14.3f}" for k in labels for w in asked) + "  " + name)
        print("  " + "".join(f"{chance(labels[k], asked[w]):14.3f}" for k in labels for w in asked) + "  by chance")


main()
