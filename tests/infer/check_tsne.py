"""The map of a data set beside scikit-learn's t-SNE: check_tsne.py [--program build/rimshot] FOLDER

Prints for both the trustworthiness (are neighbours on the map neighbours of the embeddings?) for 10 neighbours by cosine
distance, and which share of the 10 nearest has the same class; fails if ours is more than 0.02 below. FOLDER has a
labels.csv. Needs NumPy and scikit-learn (1.9.1)."""
import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from sklearn.manifold import TSNE, trustworthiness
from sklearn.neighbors import NearestNeighbors

parser = argparse.ArgumentParser()
parser.add_argument("--program", default="build/rimshot")
parser.add_argument("folder")
options = parser.parse_args()


def same_class(xy, label):
    nearest = NearestNeighbors(n_neighbors=11).fit(xy).kneighbors(return_distance=False)[:, 1:]
    return (label[nearest] == label[:, None]).mean()


with tempfile.TemporaryDirectory() as place:
    place = Path(place)
    for command in (["embed", options.folder, "--out", place / "x.npz"],
                    ["map", options.folder, "--index", place / "i.h5", "--out", place / "m.csv"]):
        subprocess.run([options.program, *map(str, command), "--quiet"], stderr=subprocess.DEVNULL, check=False)
    heard = np.load(place / "x.npz")
    with open(place / "m.csv", newline="") as file:
        places = {Path(row["path"]).name: (float(row["x"]), float(row["y"])) for row in csv.DictReader(file)}
names = [Path(str(path)).name for path in heard["path"]]
assert len(set(names)) == len(names)
ours = np.array([places[name] for name in names])
x = heard["embedding"]
theirs = TSNE(perplexity=30, metric="cosine", init="random", random_state=1).fit_transform(x)
results = [(trustworthiness(x, xy, n_neighbors=10, metric="cosine"), same_class(xy, heard["class"])) for xy in (ours, theirs)]
for name, (trust, share) in zip(("rimshot", "scikit-learn"), results):
    print(f"{name:14} trustworthiness {trust:.4f}  same class {share:.3f}")
sys.exit(any(a < b - 0.02 for a, b in zip(*results)))
