from __future__ import annotations

import json

import numpy as np
import pytest

import rimshot

FIGURES = ("accuracy", "balanced", "macro_f1", "log_loss", "calibration")


def test_figures_are_the_runs_own(run):
    told = json.loads((run.folder / "summary.json").read_text())["result"]
    for name in FIGURES:
        assert run.metrics[name] == pytest.approx(told["pooled"][name], abs=1e-12)
    np.testing.assert_array_equal(run.confusion, told["confusion"])
    for i, fold in enumerate(told["folds"]):
        predictions = run.fold(i + 1)
        assert predictions.n_rows == fold["clips"] == run.per_fold["clips"][i]
        for name in FIGURES:
            assert predictions.metrics[name] == pytest.approx(fold[name], abs=1e-12)
    for row, told_row in zip(zip(*run.predictions.per_class.values()), told["classes"]):
        assert row[0] == told_row["class"]
        np.testing.assert_allclose(row[1:], list(told_row.values())[1:], atol=1e-12)
    assert run.interval("accuracy")["mean"] == pytest.approx(np.mean(run.per_fold["accuracy"]))


def test_figures_are_scikit_learns(run):
    metrics = pytest.importorskip("sklearn.metrics")
    p = run.predictions
    assert run.metrics["accuracy"] == metrics.accuracy_score(p.truth, p.predicted)
    assert run.metrics["balanced"] == pytest.approx(
        metrics.balanced_accuracy_score(p.truth, p.predicted)
    )
    assert run.metrics["macro_f1"] == pytest.approx(
        metrics.f1_score(p.truth, p.predicted, average="macro")
    )
    rows = p.probabilities.astype(float)
    assert run.metrics["log_loss"] == pytest.approx(
        metrics.log_loss(p.truth, rows / rows.sum(1, keepdims=True)), rel=1e-5
    )
    np.testing.assert_array_equal(run.confusion, metrics.confusion_matrix(p.truth, p.predicted))


def test_tables(run):
    p = run.predictions
    assert p.n_rows == run.facts["n_clips"] == len(run.manifest["path"])
    assert set(p["fold"]) == {1, 2, 3} and set(p["truth"]) == set(run.classes)
    np.testing.assert_allclose(p.probabilities.sum(1), 1, atol=1e-5)
    np.testing.assert_array_equal(p.probabilities.argmax(1), p.predicted)
    assert list(run.history) == [
        "fold", "epoch", "lr", "train_loss", "loss", "accuracy", "balanced"
    ]
    assert list(run.history["epoch"]) == [1, 2, 3] * 3
    last = run.history["accuracy"][run.history["epoch"] == 3]
    np.testing.assert_allclose(last, run.per_fold["accuracy"])
    assert list(run.final_history["epoch"]) == [1, 2, 3]
    wrong = p.mistakes()
    assert wrong.n_rows == (p.truth != p.predicted).sum()
    assert (np.diff(wrong["confidence"]) <= 0).all() and p.mistakes(2).n_rows <= 2


def test_pandas(run):
    pandas = pytest.importorskip("pandas")
    frame = run.predictions.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    crossed = pandas.crosstab(frame["truth"], frame["predicted"])
    for truth in crossed.index:
        for said in crossed.columns:
            i, j = run.classes.index(truth), run.classes.index(said)
            assert crossed.loc[truth, said] == run.confusion[i, j]
    assert list(run.history.to_pandas().columns) == list(run.history)


def test_other_parts_of_a_run(home, config, run):
    assert run.compare is None and run.unseen is None and run.name == "tiny"
    assert run.model().classes == run.classes and "network:" in run.config
    mixed = rimshot.train(
        config,
        {
            "dataset": [
                {"source": "synth", "per_class": 6, "seed": 3},
                {"source": "synth", "per_class": 2, "seed": 4, "use": "test"},
            ],
            "folds": {"k": 2, "compare": ["kit"]},
            "train.epochs": 1,
        },
        out=home / "mixed",
    )
    told = mixed.summary["unseen_by_model"]
    assert mixed.unseen.n_rows == told["clips"]
    for name in FIGURES:
        assert mixed.unseen.metrics[name] == pytest.approx(told[name], abs=1e-12)
    if mixed.compare is not None:
        pooled = mixed.summary["compare"]["pooled"]
        assert mixed.compare.metrics["accuracy"] == pytest.approx(pooled["accuracy"])


def test_what_is_no_run(tmp_path, run):
    with pytest.raises(rimshot.FileError, match="no run folder"):
        rimshot.Run(tmp_path)
    with pytest.raises(rimshot.InputError, match="no fold 4"):
        run.fold(4)
