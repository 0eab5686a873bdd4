from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import run_program

import rimshot
from rimshot.training import as_yaml

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("name", ["tiny", "demo"])
def test_bytes_are_those_of_the_command(name, home, config):
    """Of the demo configuration, too, with synthesised drums in place of the kits."""
    overrides = {"train.epochs": 1, "folds.k": 2}
    if name == "demo":
        overrides.update({"dataset": {"source": "synth", "per_class": 4}, "folds.compare": []})
        path = CONFIGS / "demo.yaml"
    else:
        path = home / "written.yaml"
        path.write_text(yaml.safe_dump(config, sort_keys=False))
    run_program(
        "train", path, *(f"{k}={as_yaml(v)}" for k, v in overrides.items()),
        "--out", home / f"{name}-command", "--quiet", cwd=home,
    )
    run = rimshot.train(path, overrides, out=home / f"{name}-python")
    assert content(run.folder) == content(home / f"{name}-command")
    assert "model.h5" in content(run.folder)


def test_classes_come_back_as_texts_with_pyyaml(home, config):
    """Names that readers of YAML 1.1 take for truth values, numbers and times."""
    names = ["no", "on", "1e-10", "808", "12:30", "Null"]
    for name in names:
        shutil.copytree(home / "drums" / "kick", home / "odd" / name)
    config = {
        **config,
        "dataset": {"source": "folder", "path": str(home / "odd"), "classes": names},
        "folds": {"k": 2, "group": []},
    }
    run = rimshot.train(config, out=home / "odd-names", train__epochs=1)
    for text in (run.config, run.model().config):
        assert yaml.safe_load(text)["dataset"]["classes"] == names
    assert list(run.model().classes) == names


def test_a_mapping_is_its_file(home, config, run):
    path = home / "mapping.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    again = rimshot.train(path, out=home / "mapping", threads=1)
    way = {"paths_from.txt"}  # a mapping's paths begin in the working folder
    files, of_mapping = content(again.folder), content(run.folder)
    assert {k: files[k] for k in files.keys() - way} == {
        k: of_mapping[k] for k in of_mapping.keys() - way
    }
    assert not list(Path.cwd().glob(".rimshot-*"))


def test_events_come_as_the_history_has_them(home, config):
    events: list[rimshot.Event] = []
    run = rimshot.train(
        config, out=home / "events", callbacks=events.append, train__epochs=2, folds__k=2
    )
    epochs = [e for e in events if e.kind == "epoch" and e.stage == "fold"]
    assert [(e.fold, e.epoch) for e in epochs] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    for name in ("lr", "train_loss", "loss", "accuracy", "balanced"):
        assert [e.values[name] for e in epochs] == list(run.history[name])
    data = next(e for e in events if e.kind == "data")
    assert tuple(data.classes) == run.classes and data.folds == 2
    assert [e.accuracy for e in events if e.kind == "fold"] == list(run.per_fold["accuracy"])
    final = [e for e in events if e.kind == "epoch" and e.stage == "final"]
    assert len(final) == 2 and final[0].accuracy is None
    with pytest.raises(AttributeError, match="no nonsense"):
        data.nonsense


def test_printed_epochs(capsys, home, config):
    rimshot.train(config, out=home / "printed", callbacks=[rimshot.print_epochs], train__epochs=1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("fold 1/3  epoch 1/1  train loss ")
    assert lines[-1].startswith("final model  epoch 1/1  train loss ")


def test_stopped_and_resumed_to_the_same_bytes(home, config, run):
    def stop(event: rimshot.Event) -> bool:
        return not (event.kind == "epoch" and event.fold == 2)

    out = home / "stopped"
    with pytest.raises(rimshot.TrainingStopped) as caught:
        rimshot.train(config, out=out, callbacks=stop)
    assert caught.value.folder == str(out)
    with pytest.raises(rimshot.FileError, match="not finished"):
        rimshot.Run(out)
    with pytest.raises(rimshot.TrainingError, match="resume=True goes on"):
        rimshot.train(config, out=out)
    again = rimshot.train(config, out=out, resume=True)
    assert content(again.folder) == content(run.folder)


def test_a_callbacks_exception_stops_the_run(home, config):
    def fail(event: rimshot.Event) -> None:
        if event.kind == "epoch":
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rimshot.train(config, out=home / "failed", callbacks=fail)
    assert not (home / "failed" / "model.h5").exists()
    rimshot.train(config, out=home / "failed", resume=True)


def test_ctrl_c_leaves_a_run_to_resume(home, config):
    code = f"""
import json, rimshot
try:
    rimshot.train(json.loads({json.dumps(json.dumps(config))}), out="interrupted",
                  callbacks=lambda e: print(e.kind, flush=True), train__epochs=2000)
except KeyboardInterrupt:
    print("interrupted")
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        cwd=home,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdout is not None
    for line in child.stdout:
        if line == "epoch\n":
            break
    child.send_signal(signal.SIGINT)
    assert child.communicate(timeout=60)[0].splitlines()[-1] == "interrupted"
    assert (home / "interrupted" / "fold1" / "last.h5").is_file()
    assert not (home / "interrupted" / ".lock").exists()


def test_mistakes_are_told(home, config):
    cases = [
        ({"train.epocs": 5}, "did you mean 'epochs'"),
        ({"train.epochs": "many"}, "not a whole number"),
        ({"dataset.path": "nowhere"}, "nowhere"),
        ({"train.epochs": float("nan")}, "no place"),
        ({"train.epochs": object()}, "no place"),
    ]
    for overrides, part in cases:
        with pytest.raises(rimshot.TrainingError, match=part):
            rimshot.train(config, overrides, out=home / "never")
    with pytest.raises(rimshot.TrainingError, match="twice"):
        rimshot.train(config, {"train.epochs": 1}, train__epochs=2)
    with pytest.raises(rimshot.TrainingError, match="none.yaml"):
        rimshot.train("none.yaml")
    assert not (home / "never").exists()


def test_yaml_reads_back():
    value = {
        "a": [1, 2.5, 1e-9, True, None, "x", "no", "On", "1e3", "two words", "ü", "a: b"],
        "b": {"c": [], "d e": {}},
        "e": np.float64(0.25),
        "f": np.arange(3),
        "g": Path("x/y"),
    }
    expected = {**value, "e": 0.25, "f": [0, 1, 2], "g": "x/y"}
    assert yaml.load(as_yaml(value), Loader=yaml.CSafeLoader) == expected or (
        yaml.safe_load(as_yaml({**value, "a": value["a"][3:]}))
        == {**expected, "a": expected["a"][3:]}
    )
