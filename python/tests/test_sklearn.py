from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rimshot

pytest.importorskip("sklearn")

from sklearn.base import clone  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402

from rimshot.sklearn import DrumClassifier  # noqa: E402

# The checks' rows are a few numbers, which are no sounds: taken as they are, without trimming,
# levelling or spectra.
NUMBERS: dict[str, Any] = {
    "audio": {"sample_rate": 8000, "seconds": 0.05, "trim_db": 0, "normalize": "none"},
    "features": {"kind": "waveform", "normalize": "dataset", "frames": 20, "mask_padding": False},
    "network": ["flatten", {"linear": 16}, "relu", {"linear": "classes"}],
    "train": {"epochs": 1, "batch": 16, "optimizer": {"adamw": {"lr": 1e-2}}},
}
SMALL: dict[str, Any] = {
    "audio": {"sample_rate": 22050, "seconds": 0.3},
    "features": {"kind": "log_mel", "n_fft": 512, "hop": 256, "n_mels": 16},
    "network": [
        {"conv2d": {"out": 8, "kernel": 3, "pad": "same"}}, "batch_norm", "relu", {"max_pool": 2},
        "to_sequence", {"time_pool": ["mean", "max"]}, {"linear": "classes"},
    ],
    "train": {"epochs": 20, "batch": 8, "optimizer": {"adamw": {"lr": 2e-2}}},
}
# Nothing fails. Whether it learns is asked with sounds, below: `poor_score` tells scikit-learn that
# clouds of points are no test of it.
EXPECTED_FAILED_CHECKS: dict[str, str] = {}


def test_scikit_learns_own_checks():
    results = check_estimator(
        DrumClassifier(NUMBERS, rate=8000),
        expected_failed_checks=EXPECTED_FAILED_CHECKS,
        on_skip=None,
    )
    skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
    assert len(results) > 40 and skipped <= {"check_array_api_input"}


@pytest.fixture(scope="module")
def data(files: list[str]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Paths, the same as waveforms [n, 13230], and labels."""
    kept = [f for f in files if Path(f).parent.name in ("kick", "snare", "closedhat")]
    X = np.zeros((len(kept), 13230))
    for row, path in zip(X, kept):
        samples = rimshot.read(path)[0][:13230, 0]
        row[: len(samples)] = samples
    return kept, X, np.array([Path(f).parent.name for f in kept])


def test_learns_drums(data):
    paths, X, y = data
    classifier = DrumClassifier(SMALL).fit(X, y)
    assert list(classifier.classes_) == ["closedhat", "kick", "snare"]
    assert classifier.score(X, y) > 0.9
    assert classifier.predict_proba(X).shape == (len(X), 3)
    assert classifier.held_out_.n_rows >= 3 and classifier.model_.classes == tuple(
        classifier.classes_
    )
    by_path = DrumClassifier(SMALL).fit(paths, y)
    assert by_path.score(paths, y) > 0.9
    np.testing.assert_array_equal(by_path.predict_proba(paths[:2]), by_path.predict_proba(np.array(paths[:2])))


def test_equal_seeds_give_equal_bits(data):
    _, X, y = data
    first = DrumClassifier(SMALL, epochs=2, random_state=5).fit(X, y).predict_proba(X)
    again = DrumClassifier(SMALL, epochs=2, random_state=5).fit(X, y).predict_proba(X)
    other = DrumClassifier(SMALL, epochs=2, random_state=6).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_numbers_as_labels_and_silence(data):
    _, X, y = data
    numbers = np.where(y == "kick", 10, np.where(y == "snare", 9, -1))
    classifier = DrumClassifier(SMALL, epochs=2, overrides={"train.batch": 4}).fit(X, numbers)
    assert list(classifier.classes_) == [-1, 9, 10]
    assert classifier.model_.classes == ("-1", "9", "10")
    shares = [np.mean(numbers == label) for label in classifier.classes_]
    np.testing.assert_allclose(classifier.predict_proba(np.zeros((1, 13230)))[0], shares, rtol=1e-6)


def test_pickle_and_clone(data):
    _, X, y = data
    classifier = DrumClassifier(SMALL, epochs=1).fit(X, y)
    back = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(back.predict_proba(X), classifier.predict_proba(X))
    assert clone(classifier).get_params() == classifier.get_params()
    with pytest.raises(ValueError, match="13230 features"):
        back.predict(X[:, :100])


def test_mistakes_are_told(data):
    paths, X, y = data
    with pytest.raises(ValueError, match="labels"):
        DrumClassifier(SMALL).fit(paths, y[:3])
    with pytest.raises(rimshot.TrainingError, match="epochs"):
        DrumClassifier(SMALL, epochs=0).fit(X, y)
    with pytest.raises(rimshot.FileError, match="none.wav"):
        DrumClassifier(SMALL, epochs=1).fit(X, y)._ask("none.wav")
