"""Cases for tests/data/test_folds.c: labels, groups, and how far scikit-learn's
StratifiedGroupKFold(shuffle=True) stays from ideal folds on them.

Pinned: numpy 1.26, scikit-learn 1.9.1. Writes folds.bin.
"""
import warnings

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

import golden


def singles_and_pairs(rng, counts, n_groups):
    """Imbalanced classes; n_groups duplicate groups of 2 to 4 clips of one class, the rest alone."""
    label = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    group = np.arange(len(label))
    free = rng.permutation(len(label)).tolist()
    for _ in range(n_groups):
        first = free.pop()
        same = [i for i in free if label[i] == label[first]][: rng.choice([1, 1, 1, 2, 3])]
        for i in same:
            group[i] = group[first]
            free.remove(i)
    return label, group


def kits(rng, n, n_kits, n_classes, spread):
    """Kits of uneven size, each with its own mixture of classes."""
    size = rng.multinomial(n - 8 * n_kits, rng.dirichlet(np.full(n_kits, spread))) + 8
    group = np.repeat(np.arange(n_kits), size)
    prior = rng.dirichlet(np.full(n_classes, 4.0))
    label = np.concatenate(
        [rng.choice(n_classes, s, p=rng.dirichlet(10 * prior)) for s in size])
    return label, group


def deviations(label, group, k, seed):
    """Largest |share - 1/k| and sum of squares, over folds and classes; size of the folds."""
    share = []
    split = StratifiedGroupKFold(k, shuffle=True, random_state=seed).split(label, label, group)
    total = np.bincount(label)
    for _, test in split:
        share.append(np.bincount(label[test], minlength=len(total)) / total)
    off = np.array(share) - 1 / k
    return np.abs(off).max(), (off**2).sum()


def main():
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(7)
    cases = {
        "h3": (*singles_and_pairs(rng, [341, 744, 869, 554, 238], 200), 5),
        "rare": (*singles_and_pairs(rng, [600, 90, 21, 12, 7], 40), 5),
        "ten": (*singles_and_pairs(rng, [120, 75, 33, 41], 25), 10),
        "kits14": (*kits(rng, 500, 14, 5, 3.0), 5),
        "kits40": (*kits(rng, 1200, 40, 7, 1.0), 5),
        "kits9": (*kits(rng, 300, 9, 3, 2.0), 3),
    }
    arrays = {}
    for name, (label, group, k) in cases.items():
        found = np.array([deviations(label, group, k, seed) for seed in range(10)])
        arrays[f"{name}.label"] = label
        arrays[f"{name}.group"] = group
        arrays[f"{name}.k"] = np.array([k])
        arrays[f"{name}.largest"] = found[:, 0].min(keepdims=True)
        arrays[f"{name}.squares"] = found[:, 1].min(keepdims=True)
        print(name, len(label), len(set(group)), found.min(axis=0), found.mean(axis=0))
    golden.write("folds", arrays)


if __name__ == "__main__":
    main()
