"""What the tests share: synthesised drums and a small run on them, made once."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

import rimshot
from rimshot._library import program

TINY: dict[str, Any] = {
    "name": "tiny",
    "audio": {"sample_rate": 22050, "seconds": 0.3},
    "features": {"kind": "log_mel", "n_fft": 512, "hop": 256, "n_mels": 16},
    "network": [
        {"conv2d": {"out": 4, "kernel": 3, "pad": "same"}},
        "batch_norm",
        "relu",
        {"max_pool": 2},
        "to_sequence",
        {"gru": {"hidden": 8}},
        {"time_pool": ["mean", "max"]},
        {"linear": "classes"},
    ],
    "train": {"epochs": 3, "batch": 8, "optimizer": {"adamw": {"lr": 1e-2}}},
    "folds": {"k": 3, "seed": 7},
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the slow tests, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "slow" in item.keywords and not config.getoption("--slow"):
            item.add_marker(pytest.mark.skip(reason="slow: --slow runs it"))


def run_program(*arguments: Any, cwd: Path) -> str:
    """What `rimshot ...` prints."""
    command = [str(program()), *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with drums/CLASS/*.wav, where tests may put what they like."""
    folder = tmp_path_factory.mktemp("home")
    patch = pytest.MonkeyPatch()
    patch.setenv("RIMSHOT_CACHE", str(folder / "cache"))
    run_program("data", "synth", "drums", "--per-class", 6, "--quiet", cwd=folder)
    yield folder
    patch.undo()


@pytest.fixture(scope="session")
def config(home: Path) -> dict[str, Any]:
    return {**TINY, "dataset": {"source": "folder", "path": str(home / "drums")}}


@pytest.fixture(scope="session")
def run(home: Path, config: dict[str, Any]) -> rimshot.Run:
    return rimshot.train(config, out=home / "run")


@pytest.fixture(scope="session")
def model(run: rimshot.Run) -> rimshot.Model:
    return run.model(threads=2)


@pytest.fixture(scope="session")
def files(home: Path) -> list[str]:
    return [str(path) for path in sorted(home.glob("drums/*/*.wav"))]
