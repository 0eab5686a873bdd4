"""Every layer and every network of configs/ in PyTorch against rimshot."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rimshot
from rimshot._library import program
from rimshot.training import as_yaml

torch = pytest.importorskip("torch")
pytest.importorskip("yaml")

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
CLASSES = "a,b,c,d,other"  # which a configuration may refuse
LARGE = {"s1", "s4", "openl3", "openl3-embed", "openl3-frozen"}  # half a minute each
FITTED = {  # a classifier is fitted on what their network gives
    "s0-adaboost", "s0-embedding-forest", "s0-forest", "s0-logistic", "s0-nearest", "s0-svm",
}


def sounds() -> list[np.ndarray]:
    rng = np.random.default_rng(7)
    result = []
    for i, n in enumerate((3000, 12000, 50000, 44100, 800)):
        t = np.arange(n) / 44100
        hit = np.exp(-8 * t) * np.sin(2 * np.pi * (80 + 200 * i) * t)
        result.append((hit + 0.05 * rng.standard_normal(n)).astype(np.float32))
    return result


def import_weights(*arguments: Any) -> str:
    command = [str(program()), "import", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stderr


def drawn_model(config: Path, folder: Path) -> rimshot.Model:
    """A model with random weights, statistics and biases."""
    none, first, drawn = folder / "none.npz", folder / "first.h5", folder / "drawn.h5"
    np.savez(none)
    new = (config, none, "--out", first, "--classes", CLASSES)
    complaint = import_weights(*new)
    missing = [line[9:] for line in complaint.splitlines() if line[:9] == "missing: "]
    kept = sorted({name.split(".")[0] for name in missing})
    if kept:
        complaint = import_weights(*new, "--keep", ",".join(kept))
    assert first.is_file(), complaint
    weights = rimshot.Model.load(first, threads=1).weights()
    if not weights:
        return rimshot.Model.load(first, threads=2)
    rng = np.random.default_rng(3)
    for name, x in weights.items():
        if x.ndim == 1 and not name.endswith(("running_var", "num_batches_tracked")):
            x[:] = x + 0.2 * rng.standard_normal(x.shape)
    with_weights(first, weights, drawn)
    let_through(drawn)
    return rimshot.Model.load(drawn, threads=2)


def with_weights(model: Path, weights: Any, out: Path) -> None:
    np.savez(out.with_suffix(".npz"), **weights)
    complaint = import_weights(out.with_suffix(".npz"), "--into", model, "--out", out)
    assert not complaint, complaint


def let_through(path: Path) -> None:
    """Gives every batch norm the statistics of the sounds, so that these reach the end of a deep
    network neither as zeros nor as infinities."""
    model = rimshot.Model.load(path, threads=1)
    network = rimshot.to_torch(model).train()
    for module in network.modules():
        if hasattr(module, "_momentum"):
            module._momentum = 1.0
        if hasattr(module, "_p"):
            module._p = 0.0
    with torch.no_grad():
        heard = sounds()
        network(torch.from_numpy(model.features(heard, 44100)),
                torch.from_numpy(model.frames(heard, 44100)))
    state = {name: x.numpy() for name, x in network.state_dict().items()}
    with_weights(path, state, path)


def compare(model: rimshot.Model, lengths: bool = True) -> None:
    """Logits, up to what softmax takes away, within 1e-4."""
    network = rimshot.to_torch(model)
    assert set(network.state_dict()) == set(model.weights())
    heard = sounds()
    features = torch.from_numpy(model.features(heard, 44100))
    frames = torch.from_numpy(model.frames(heard, 44100))
    with torch.no_grad():
        logits = network(features, frames if lengths else None) / model.temperature
    said = np.log(np.asarray(model.classify(heard, 44100), dtype=np.float64))
    own = torch.log_softmax(logits.double(), 1).numpy()
    np.testing.assert_allclose(own, said, rtol=0, atol=1e-4)
    assert np.ptp(logits.numpy(), axis=0).max() > 1e-3  # the sounds play a part


NETWORKS = sorted(
    path
    for path in [*CONFIGS.glob("*.yaml"), *CONFIGS.glob("systems/*.yaml")]
    if path.stem not in FITTED | LARGE and path.stem != "s0-pretrain"
)


@pytest.mark.parametrize("config", NETWORKS, ids=lambda path: path.stem)
def test_networks_of_configs(config, tmp_path):
    compare(drawn_model(config, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LARGE))
def test_large_networks_of_configs(name, tmp_path):
    compare(drawn_model(CONFIGS / "systems" / f"{name}.yaml", tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(CONFIGS.glob("systems/networks/*.yaml")), ids=lambda p: p.stem)
def test_parts_of_configs(path, tmp_path):
    """Networks that several systems include, by themselves."""
    if path.stem == "openl3_layers":
        pytest.skip("part of the others")
    text = path.read_text()
    layers: list[Any] = [{"include": str(path)}]
    if "linear: classes" not in text:
        layers.append({"linear": "classes"})
    mels = 128 if "mel128" in path.stem else 256
    features: dict[str, Any] = {"kind": "log_mel", "n_fft": 2048, "hop": 242, "n_mels": mels,
                                "pad": "same", "empty": True, "mask_padding": False}
    if "linear" in path.stem.split("_"):
        features = {"kind": "stft", "n_fft": 512, "hop": 242, "pad": "same", "mask_padding": False}
    config = {"name": "part", "dataset": {"source": "synth"}, "audio": {"sample_rate": 48000, "seconds": 1.0},
              "features": features, "network": layers}
    (tmp_path / "part.yaml").write_text(as_yaml(config))
    compare(drawn_model(tmp_path / "part.yaml", tmp_path))


IMAGE = [
    {"conv2d": {"out": 6, "kernel": [3, 5], "stride": [1, 2], "pad": "half"}},
    {"batch_norm": {"affine": False}},
    {"leaky_relu": 0.2},
]
SEQUENCE: list[Any] = [*IMAGE, {"max_pool": {"kernel": [4, 2]}}, "to_sequence"]
END = [{"time_pool": "mean"}, {"linear": "classes"}]
CASES: dict[str, list[Any]] = {
    "conv2d": [
        {"conv2d": {"out": 8, "kernel": [2, 3], "dilation": [1, 2], "pad": [0, 1, 2, 1], "bias": False}},
        {"conv2d": {"out": "x2", "kernel": 3, "pad": "same", "groups": 4, "stride": 2}},
        "silu",
        {"conv2d": {"out": "/2", "kernel": 3, "pad": [1, 2], "groups": 1}},
        {"conv2d": {"out": "x1", "kernel": 3, "groups": 0}},
        "global_pool", {"linear": {"out": 5, "bias": False}},
    ],
    "pooling": [
        *IMAGE,
        {"max_pool": {"kernel": 3, "stride": 2, "pad": "same"}},
        {"conv2d": {"out": 6, "kernel": 3, "pad": 1}},
        {"avg_pool": {"kernel": 3, "stride": [2, 1], "pad": 1}},
        {"max_pool": {"kernel": [1, 3], "stride": 1, "pad": [0, 1]}},
        {"adaptive_pool": [3, 4]}, "flatten", {"linear": "classes"},
    ],
    "global_pool": [
        {"concat": [
            [*IMAGE, {"global_pool": "max"}],
            [*IMAGE, {"global_pool": {"kind": "mean", "keep": True}}, "flatten"],
        ]},
        {"linear": "classes"},
    ],
    "recurrent": [
        *SEQUENCE,
        {"gru": {"hidden": 5, "layers": 2, "bidirectional": True, "dropout": 0.2}},
        {"lstm": {"hidden": 4, "bidirectional": True}},
        {"rnn": {"hidden": 6, "nonlinearity": "relu"}},
        *END,
    ],
    "last": [
        *SEQUENCE,
        {"concat": [
            [{"gru": {"hidden": 5, "layers": 2, "bidirectional": True, "output": "last"}}],
            [{"lstm": {"hidden": 4, "bidirectional": True, "output": "last"}}],
            [{"rnn": {"hidden": 3, "output": "last"}}],
        ]},
        {"linear": "classes"},
    ],
    "time_pool": [
        *SEQUENCE, {"layer_norm": {"eps": 1e-3}},
        {"time_pool": ["last", "attention", "max", "mean"]}, {"linear": "classes"},
    ],
    "lists": [
        *IMAGE,
        {"residual": {"body": [{"conv2d": {"out": 6, "kernel": 3, "pad": 1}}, "batch_norm", "gelu"]}},
        {"residual": {
            "body": [{"conv2d": {"out": 8, "kernel": 3, "pad": 1}}, {"stochastic_depth": 0.1}],
            "shortcut": [{"conv2d": {"out": 8, "kernel": 1}}],
        }},
        {"gate": [{"global_pool": {"keep": True}}, {"conv2d": {"out": 8, "kernel": 1}}, "sigmoid"]},
        {"concat": [[], [{"conv2d": {"out": 3, "kernel": 1}, "name": "side"}]]},
        {"layer_norm": {"affine": True}}, {"gelu": "tanh"}, "to_sequence",
        {"concat": [[{"linear": 4}], [{"linear": 3}, "tanh"]]},
        *END,
    ],
    "shapes": [
        *IMAGE, "to_sequence", {"linear": 6}, "to_image",
        {"conv2d": {"out": 2, "kernel": 3, "pad": 1}, "name": "stem"}, {"permute": [1, 0, 2]},
        {"permute": [2, 1, 0]}, "flatten", {"reshape": [4, -1, 3]}, {"dropout": 0.3},
        "flatten", {"linear": "classes"},
    ],
    "forest": [*SEQUENCE, {"time_pool": "mean"}, {"linear": 20}, {"forest": {"out": 5, "trees": 3, "depth": 4}}],
    "forest by gradient": [
        *SEQUENCE, {"time_pool": "mean"}, {"forest": {"out": 5, "trees": 2, "depth": 3, "leaves": "gradient"}},
    ],
}


@pytest.mark.parametrize("masked", [True, False], ids=["masked", "whole"])
@pytest.mark.parametrize("name", CASES)
def test_layers(name, masked, tmp_path):
    config = {
        "name": "case",
        "dataset": {"source": "synth"},
        "audio": {"sample_rate": 22050, "seconds": 0.6},
        "features": {"kind": "log_mel", "n_fft": 512, "hop": 256, "n_mels": 16, "mask_padding": masked},
        "network": CASES[name],
    }
    (tmp_path / "case.yaml").write_text(as_yaml(config))
    model = drawn_model(tmp_path / "case.yaml", tmp_path)
    compare(model)
    if not masked:
        compare(model, lengths=False)


def test_a_fitted_classifier_reads_what_the_network_gives(home):
    run = rimshot.train(
        CONFIGS / "systems" / "s0-logistic.yaml",
        {"dataset": {"source": "synth", "per_class": 4}, "folds.k": 2},
        out=home / "logistic",
    )
    model = run.model()
    features = torch.from_numpy(model.features(sounds(), 44100))
    given = rimshot.to_torch(model)(features)
    np.testing.assert_allclose(given.numpy(), model.embed(sounds(), 44100), rtol=1e-6)


def test_an_ensembles_networks(home, config, files):
    """Each on features of its own; the model's probabilities are their mean."""
    run = rimshot.train(
        config, {"train.final": "ensemble", "train.epochs": 1, "folds.k": 2}, out=home / "ensemble"
    )
    model = run.model()
    assert model.n_networks == 2
    frames, parts = torch.from_numpy(model.frames(files)), []
    for number in range(2):
        features = torch.from_numpy(model.features(files, network=number))
        with torch.no_grad():
            logits = rimshot.to_torch(model, number)(features, frames)
        parts.append(torch.softmax(logits / model.temperature, 1).numpy())
    assert not np.array_equal(model.features(files[0]), model.features(files[0], network=1))
    np.testing.assert_allclose(np.mean(parts, 0), model.classify(files), rtol=0, atol=1e-5)
    with pytest.raises(rimshot.InputError, match="no network 2"):
        rimshot.to_torch(model, 2)
    with pytest.raises(rimshot.InputError, match="no network 2"):
        model.features(files[0], network=2)


def test_training_goes_on(model, files):
    """Gradients reach every parameter, and the weights go back into a model."""
    network = rimshot.to_torch(model).train()
    features = torch.from_numpy(model.features(files))
    frames = torch.from_numpy(model.frames(files))
    truth = torch.tensor([model.classes.index(Path(name).parent.name) for name in files])
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(features, frames), truth)
        loss.backward()
        assert all(p.grad is not None for p in network.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_weights_go_back(model, files, tmp_path):
    network = rimshot.to_torch(model)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter *= 1.5
    state = {name: x.numpy() for name, x in network.state_dict().items()}
    np.savez(tmp_path / "w.npz", **state)
    import_weights(tmp_path / "w.npz", "--into", model.path, "--out", tmp_path / "back.h5")
    back = rimshot.Model.load(tmp_path / "back.h5")
    features = torch.from_numpy(back.features(files))
    with torch.no_grad():
        logits = network(features, torch.from_numpy(back.frames(files))) / back.temperature
    np.testing.assert_allclose(
        torch.softmax(logits, 1).numpy(), np.asarray(back.classify(files)), rtol=0, atol=1e-5
    )


def test_device_and_type_move_with_the_module(model, files):
    network = rimshot.to_torch(model).double()
    features = torch.from_numpy(model.features(files)).double()
    frames = torch.from_numpy(model.frames(files))
    with torch.no_grad():
        p = torch.softmax(network(features, frames) / model.temperature, 1)
    np.testing.assert_allclose(p.numpy(), np.asarray(model.classify(files)), rtol=0, atol=1e-6)
