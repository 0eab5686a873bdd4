"""The package against infer/rimshot.h."""

from __future__ import annotations

import re
import subprocess
import sys
from ctypes import sizeof
from pathlib import Path

import rimshot
from rimshot import _library

ROOT = Path(__file__).resolve().parents[2]
HEADER = (ROOT / "infer" / "rimshot.h").read_text()


def test_every_declared_function_exists():
    declared = set(re.findall(r"\b(rimshot_\w+)\(", HEADER))
    assert set(_library._FUNCTIONS) <= declared
    missing = declared - set(_library._FUNCTIONS)
    # What there is a better way to in Python.
    assert missing == {"rimshot_classify", "rimshot_classify_file", "rimshot_features"}


def test_arguments_are_the_headers():
    for name, (_, arguments) in _library._FUNCTIONS.items():
        found = re.search(rf"\b{name}\(([^)]*)\)", HEADER)
        assert found
        listed = [a for a in found.group(1).split(",") if a.strip() != "void"]
        assert len(listed) == len(arguments), name


def test_structs_have_the_abis_size():
    abi = (ROOT / "tests" / "infer" / "abi.txt").read_text()
    structs = {
        "rimshot_error": _library.CError,
        "rimshot_audio": _library.CAudio,
        "rimshot_log_mel_options": _library.CLogMelOptions,
        "rimshot_tensor": _library.CTensor,
    }
    for line in abi.splitlines():
        if not line.startswith("struct "):
            continue
        _, name, size, *fields = line.split()
        struct = structs.pop(name)
        assert sizeof(struct) == int(size)
        for field in fields:
            key, offset = field.split("@")
            assert getattr(struct, key).offset == int(offset), (name, key)
    assert not structs


def test_statuses_are_the_headers():
    numbers = [int(n) for n in re.findall(r"RIMSHOT_E?\w+ = (\d+)", HEADER)]
    assert sorted(numbers) == sorted(rimshot.Status)


def test_version_is_the_makefiles():
    found = re.search(r"^VERSION\s*:=\s*(\S+)", (ROOT / "Makefile").read_text(), re.M)
    assert found and rimshot.__version__ == found.group(1)


def test_import_needs_numpy_alone():
    code = "import sys, rimshot; print(*(set(sys.modules) & {'torch','pandas','sklearn','yaml'}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin"},
    )
    assert done.stdout == "\n"


def test_errors_are_also_pythons():
    assert issubclass(rimshot.FileError, OSError) and issubclass(rimshot.InputError, ValueError)
    assert isinstance(_library.error_of(rimshot.Status.MEMORY, "x"), MemoryError)
    assert rimshot.FileError.__module__ == "rimshot"
