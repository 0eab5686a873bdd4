"""Rows, and what scikit-learn's classifiers say of them, for tests/nn/test_classifier*.c.

The rows are principal components of scikit-learn's digits, of five classes of uneven size. Row i is tested
in fold i % 3. Pinned: numpy 1.26, scipy 1.17, scikit-learn 1.9.1. Writes nn_classifiers.bin.
"""
import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import AdaBoostClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

import golden

FOLDS = 3
TIGHT = 1e-9
SEEDS = 5


def rows():
    x, y = load_digits(return_X_y=True)
    x = PCA(24, svd_solver="full").fit_transform(x).astype(np.float32)
    keep = [np.flatnonzero(y == digit)[:n]
            for digit, n in [(8, 170), (1, 150), (3, 120), (9, 90), (5, 70)]]
    label = np.repeat(np.arange(5), [len(k) for k in keep])
    order = np.random.default_rng(1).permutation(len(label))
    return x[np.concatenate(keep)][order], label[order]


def standardized(x, train):
    scaler = StandardScaler().fit(x[train].astype(np.float64))
    return scaler.transform(x.astype(np.float64)).astype(np.float32).astype(np.float64)


def balanced(y):
    return len(y) / (y.max() + 1) / np.bincount(y)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def decisions(make, x, y, t, weight):
    """One class against the rest; LIBLINEAR weighs the rest only if there are but two classes."""
    n = y.max() + 1
    fits = 1 if n == 2 else n
    values = [make({1: weight[k], 0: weight[1] if n == 2 else 1}).fit(x, y == k).decision_function(t)
              for k in range(fits)]
    return np.stack(values + ([-values[0]] if n == 2 else []), axis=1)


def logistic(x, y, t, penalty, c, weight):
    def make(weights):
        return LogisticRegression(l1_ratio=int(penalty == "l1"), C=c, solver="liblinear", tol=TIGHT,
                                  max_iter=100000, class_weight=weights, random_state=0)
    p = 1 / (1 + np.exp(-decisions(make, x, y, t, weight)))
    return p / p.sum(axis=1, keepdims=True)


def hinge(x, y, t, c, weight):
    def make(weights):
        return LinearSVC(C=c, dual=False, tol=TIGHT, max_iter=100000, class_weight=weights)
    return softmax(decisions(make, x, y, t, weight))


def sigmoid(values, first):
    n = first.sum()
    target = np.where(first, (n + 1) / (n + 2), 1 / (len(first) - n + 2))

    def loss(ab):
        z = ab[0] * values + ab[1]
        slope = target - 1 / (1 + np.exp(z))
        return np.sum(target * z + np.logaddexp(0, -z)), [slope @ values, slope.sum()]
    start = [0, np.log((len(first) - n + 1) / (n + 1))]
    return minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-9}).x


def couple(r):
    """The quadratic programme of Wu, Lin and Weng (2004), by its linear system."""
    n = len(r)
    q = -r.T * r
    q[np.diag_indices(n)] = (r.T**2).sum(axis=1) - np.diag(r)**2
    system = np.block([[q, np.ones((n, 1))], [np.ones((1, n)), np.zeros((1, 1))]])
    return np.linalg.solve(system, np.append(np.zeros(n), 1))[:n]


def machine(x, y, t, weight, **options):
    svc = SVC(tol=1e-7, class_weight={True: weight[0], False: weight[1]}, **options)
    return svc.fit(x, y).decision_function(t)


def svm(x, y, t, weight, **options):
    n = y.max() + 1
    r = np.full((len(t), n, n), 0.5)
    for i in range(n):
        for j in range(i + 1, n):
            row = np.concatenate([np.flatnonzero(y == i), np.flatnonzero(y == j)])
            part = np.concatenate([np.arange((y == k).sum()) % 5 for k in (i, j)])
            first, values, w = y[row] == i, np.zeros(len(row)), (weight[i], weight[j])
            for p in range(5):
                kept, out = row[part != p], row[part == p]
                values[part == p] = machine(x[kept], y[kept] == i, x[out], w, **options)
            a, b = sigmoid(values, first)
            z = a * machine(x[row], first, t, w, **options) + b
            r[:, i, j] = 1 / (1 + np.exp(z))
            r[:, j, i] = 1 - r[:, i, j]
    return np.array([couple(np.clip(m, 1e-7, 1 - 1e-7)) for m in r])


def accuracy(make, x, y):
    """Mean over folds and seeds."""
    fold = np.arange(len(y)) % FOLDS
    return np.mean([[make(s).fit(x[fold != f], y[fold != f]).score(x[fold == f], y[fold == f])
                     for s in range(SEEDS)] for f in range(FOLDS)])


def forest(**options):
    return lambda seed: RandomForestClassifier(500, random_state=seed, n_jobs=1, **options)


def boosted(depth, rounds, **options):
    return lambda seed: AdaBoostClassifier(DecisionTreeClassifier(max_depth=depth), n_estimators=rounds,
                                           random_state=seed, **options)


def main():
    x, y = rows()
    train = np.arange(len(y)) % FOLDS != 0
    plain = x.astype(np.float64)
    z = standardized(x, train)
    a, b, t = z[train], y[train], z[~train]
    two = train & (y < 2)
    z2 = standardized(x, two)
    a2, b2, t2 = z2[two], y[two], z2[~train]
    ones, heavy = np.ones(5), balanced(b)
    scale = 1 / (a.shape[1] * a.var())
    knn = KNeighborsClassifier
    arrays = {
        "x": x, "label": y,
        "logistic": logistic(a, b, t, "l2", 1, ones),
        "logistic_balanced": logistic(a, b, t, "l2", 0.05, heavy),
        "logistic_l1": logistic(a, b, t, "l1", 0.2, ones),
        "logistic_two": logistic(a2, b2, t2, "l2", 1, ones),
        "linear_svm": hinge(a, b, t, 0.1, ones),
        "linear_svm_balanced": hinge(a, b, t, 0.01, heavy),
        "svm": svm(a, b, t, ones, C=1, gamma=scale),
        "svm_two": svm(a2, b2, t2, ones, C=1, gamma=1 / (a2.shape[1] * a2.var())),
        "svm_balanced": svm(a, b, t, heavy, C=0.3, gamma=1 / a.shape[1]),
        "svm_linear": svm(a, b, t, ones, C=0.1, kernel="linear"),
        "svm_poly": svm(a, b, t, ones, C=2, kernel="poly", degree=2, gamma=0.05, coef0=1),
        "nearest": knn(5).fit(a, b).predict_proba(t),
        "nearest_distance": knn(7, weights="distance").fit(plain[train], b).predict_proba(plain[~train]),
        "nearest_cosine": knn(9, metric="cosine").fit(a, b).predict_proba(t),
        "tree": DecisionTreeClassifier(max_depth=3, min_samples_leaf=5, class_weight="balanced",
                                       random_state=0).fit(x[train], b).predict_proba(x[~train]),
        "boosted": boosted(1, 30)(0).fit(x[train], b).predict_proba(x[~train]),
        "forest_accuracy": accuracy(forest(), x, y),
        "forest_small_accuracy": accuracy(
            forest(max_depth=4, min_samples_leaf=3, max_features="log2", class_weight="balanced"), x, y),
        "forest_all_accuracy": accuracy(forest(max_features=12, bootstrap=False), x, y),
        "boosted_accuracy": accuracy(boosted(1, 200), x, y),
        "boosted_deep_accuracy": accuracy(boosted(3, 100, learning_rate=0.5), x, y),
        "svm_accuracy": accuracy(lambda seed: SVC(), z, y),
    }
    for name, value in arrays.items():
        if np.ndim(value) == 0:
            print(f"{name} {value:.4f}")
    golden.write("nn_classifiers", {k: np.float32(v) for k, v in arrays.items()})


if __name__ == "__main__":
    main()
