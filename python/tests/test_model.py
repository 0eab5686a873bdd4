from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from conftest import run_program

import rimshot


def test_classify_is_what_the_program_says(model, files, home):
    lines = run_program("classify", "--json", model.path, *files, cwd=home).splitlines()
    told = [json.loads(line) for line in lines]
    expected = [[row["probability"][name] for name in model.classes] for row in told]
    result = model.classify(files)
    np.testing.assert_allclose(np.asarray(result), expected, rtol=0, atol=1e-6)
    assert result.best == [row["class"] for row in told]
    assert len(result) == len(files) and not result.errors


def test_one_sound(model, files):
    result = model.classify(files[0])
    assert result.best == model.classes[int(np.argmax(result.probabilities))]
    assert result.confidence == result.top(1)[0][1] == max(result.as_dict().values())
    assert [name for name, _ in result.top(2)][0] == result.best
    assert result["kick"] == pytest.approx(result.as_dict()["kick"])
    assert np.asarray(result).shape == (len(model.classes),)
    assert result.probabilities.sum() == pytest.approx(1, abs=1e-5)
    with pytest.raises(KeyError):
        result["gong"]
    np.testing.assert_allclose(
        model.classify(Path(files[0])).probabilities, result.probabilities, rtol=0, atol=0
    )


def test_arrays_are_what_their_file_is(model, files):
    samples, rate = rimshot.read(files[3])
    expected = model.classify(files[3]).probabilities
    for same in (samples, samples[:, 0], samples.astype(np.float64), samples[:, [0, 0]]):
        np.testing.assert_allclose(
            model.classify(same, rate).probabilities, expected, rtol=0, atol=1e-6
        )
    whole = np.round(samples * 32768).clip(-32768, 32767).astype(np.int16)
    np.testing.assert_allclose(
        model.classify(whole, rate).probabilities, expected, rtol=0, atol=2e-3
    )


def test_a_list_is_its_sounds(model, files):
    sounds = [rimshot.read(name) for name in files[:40]]
    batch = model.classify([samples for samples, _ in sounds], sounds[0][1])
    for one, (samples, rate) in zip(batch, sounds):
        np.testing.assert_allclose(
            one.probabilities, model.classify(samples, rate).probabilities, rtol=0, atol=1e-6
        )
    assert len(batch[3:7]) == 4 and batch[-1].best == batch.best[-1]
    assert len(model.classify([])) == 0


def test_what_cannot_be_used(model, files, tmp_path):
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    cases = [
        (("none.wav",), rimshot.FileError, "none.wav"),
        ((str(text),), rimshot.FileError, "text.wav"),
        ((files[0], 44100), rimshot.InputError, "leave `rate` out"),
        ((np.ones(100),), rimshot.InputError, "sample rate"),
        ((np.zeros(1000), 44100), rimshot.InputError, "silent"),
        ((np.array([]), 44100), rimshot.InputError, "no samples"),
        ((np.array([0.5, np.nan]), 44100), rimshot.InputError, "not a finite number"),
        ((np.ones(100), -1), rimshot.InputError, "-1 Hz"),
        ((np.ones((2, 1000)), 44100), rimshot.InputError, "transpose"),
        ((np.ones((2, 2, 2)), 44100), rimshot.InputError, "shape"),
        ((np.ones(10, np.uint8), 44100), rimshot.InputError, "uint8"),
        ((np.array("x"), 44100), rimshot.InputError, "type"),
    ]
    for arguments, kind, part in cases:
        with pytest.raises(kind, match=part):
            model.classify(*arguments)
    with pytest.raises(rimshot.FileError) as caught:
        model.classify([files[0], "none.wav", files[1]])
    assert caught.value.status == rimshot.Status.NOT_FOUND


def test_skip_keeps_the_rest(model, files, tmp_path):
    from_silence = tmp_path / "text.wav"
    from_silence.write_text("no sound")
    result = model.classify([files[0], "none.wav", str(from_silence), files[1]], skip=True)
    assert sorted(result.errors) == [1, 2]
    assert result.best[1] is None and result.best[3] == model.classify(files[1]).best
    assert np.isnan(result.probabilities[1]).all() and "none.wav" in str(result.errors[1])
    with pytest.raises(rimshot.FileError):
        result[1]
    assert list(result[1:].errors) == [0, 1]
    silent = model.classify([np.zeros(500), np.ones(500)], 8000, skip=True)
    assert list(silent.errors) == [0] and "silent" in str(silent.errors[0])


def test_embeddings_and_features(model, files):
    weights = model.weights()
    embedding = model.embed(files[:3])
    assert embedding.shape == (3, model.embedding_size) == (3, 16)
    logits = embedding @ weights["7.weight"].T + weights["7.bias"]
    p = np.exp(logits / model.temperature)
    np.testing.assert_allclose(
        p / p.sum(1, keepdims=True), model.classify(files[:3]).probabilities, atol=1e-5
    )
    np.testing.assert_array_equal(embedding[1], model.embed(files[1]))
    features = model.features(files[:3])
    assert features.shape == (3, *model.features_shape) == (3, 1, 16, 26)
    frames = model.frames(files[:3])
    assert frames.dtype == np.int64 and (frames >= 1).all() and (frames <= 26).all()
    assert model.frames(np.r_[np.ones(1000), np.zeros(3000)], 22050) == 1 + 999 // 256


def test_what_a_model_tells(model, run):
    assert model.classes == run.classes and "kick" in model.classes
    assert model.record["name"] == "tiny" and "max_pool" in model.config
    assert (model.sample_rate, model.channels, model.seconds) == (22050, 1, 0.3)
    assert model.n_networks == 1 and model.format >= 1 and model.temperature > 0
    assert model.weights()["0.weight"].shape == (4, 1, 3, 3)
    with pytest.raises(rimshot.InputError, match="no network 1"):
        model.weights(1)


def test_which_model_is_loaded(model, monkeypatch, tmp_path):
    monkeypatch.delenv("RIMSHOT_MODEL", raising=False)
    monkeypatch.setattr("rimshot.model._installed_models", lambda: [tmp_path / "none.h5"])
    with pytest.raises(rimshot.FileError, match="RIMSHOT_MODEL"):
        rimshot.Model.load()
    monkeypatch.setattr("rimshot.model._installed_models", lambda: [Path(model.path)])
    assert rimshot.Model.load().path == model.path
    monkeypatch.setenv("RIMSHOT_MODEL", "other.h5")
    with pytest.raises(rimshot.FileError, match="other.h5"):
        rimshot.Model.load()


def test_the_model_that_comes_along(monkeypatch):
    monkeypatch.delenv("RIMSHOT_MODEL", raising=False)
    model = rimshot.Model.load()
    assert len(model.classes) == 14 and "other" in model.classes
    assert model.classify(np.zeros(100) + 0.5, 44100).probabilities.shape == (14,)


def test_threads_give_the_same_bits(model):
    rng = np.random.default_rng(1)
    n = rng.integers(500, 6000, 1000)
    sounds = [rng.standard_normal(k).astype(np.float32) * 0.1 for k in n]
    expected = [model.classify(sound, 22050).probabilities for sound in sounds]

    def ask(i: int):
        return model.classify(sounds[i], 22050).probabilities

    with ThreadPoolExecutor(4) as pool:
        np.testing.assert_array_equal(list(pool.map(ask, range(1000))), expected)
    together = np.asarray(model.classify(sounds, 22050))
    np.testing.assert_allclose(together, expected, rtol=0, atol=1e-6)


def test_close_waits_for_calls(model, files):
    own = rimshot.Model.load(model.path, threads=1)
    results = []
    workers = [
        threading.Thread(target=lambda: results.append(own.classify(files))) for _ in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == 3
    with own:
        pass
    with pytest.raises(rimshot.InputError, match="closed"):
        own.classify(files[0])
    own.close()


def test_pickle(model, files):
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.embed(files[0]), model.embed(files[0]))


def test_ctrl_c_is_heard(model):
    code = f"""
import rimshot, numpy
model = rimshot.Model.load({model.path!r})
sounds = [numpy.random.default_rng(i).standard_normal(20000) for i in range(100)] * 1000
try:
    print("begin", flush=True)
    model.classify(sounds, 44100)
except KeyboardInterrupt:
    print("interrupted")
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdout is not None and child.stdout.readline() == "begin\n"
    time.sleep(0.3)  # until it is at work; it would take a minute
    child.send_signal(signal.SIGINT)
    assert child.communicate(timeout=60)[0] == "interrupted\n"
