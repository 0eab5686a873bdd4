"""mypy --strict finds nothing, and users' code is checked against the annotations."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")
HERE = Path(__file__).resolve().parents[1]

USE = '''
import numpy as np
import rimshot

model = rimshot.Model.load("x.h5")
one: rimshot.Classification = model.classify("kick.wav")
many: rimshot.Classifications = model.classify(["a.wav", np.zeros(3)], 44100, skip=True)
name: str = one.best
run: rimshot.Run = rimshot.train("x.yaml", {"a.b": 1}, callbacks=rimshot.print_epochs)
model.classify(3)  # error
model.clasify("x")  # error
'''


def mypy(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "mypy", "--no-incremental", *arguments]
    return subprocess.run(command, cwd=HERE, capture_output=True, text=True)


def test_the_package_is_strict():
    done = mypy()
    assert done.returncode == 0, done.stdout


def test_users_code(tmp_path):
    (tmp_path / "use.py").write_text(USE)
    done = mypy("--config-file=", "--strict", "--follow-imports=silent", str(tmp_path / "use.py"))
    lines = [line for line in done.stdout.splitlines() if ": error:" in line]
    wrong = [number for number, text in enumerate(USE.splitlines(), 1) if "# error" in text]
    assert [int(line.split(":")[1]) for line in lines] == wrong, done.stdout
