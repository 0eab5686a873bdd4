"""Training: runs of the program, followed as they go."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, NoReturn, Optional, Union

from rimshot._library import Error, Status, program
from rimshot.run import Run

_USAGE, _STOPPED = 2, 130  # exit codes

_WORD = re.compile("[A-Za-z/][A-Za-z0-9_./+-]*")
_NO_WORDS = {"true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"}


class TrainingError(Error):
    """A run that failed, or a configuration that cannot be."""


class TrainingStopped(Error):
    """A callback stopped the run; ``train(..., resume=True)`` goes on, to the same bits."""

    def __init__(self, text: str, folder: Optional[str]) -> None:
        super().__init__(text, Status.STOPPED)
        self.folder = folder


for _kind in (TrainingError, TrainingStopped):
    _kind.__module__ = "rimshot"


@dataclass(frozen=True)
class Event:
    """Something that happened in a run. Its values are attributes, too: ``event.accuracy``.

    ``docs/formats.md`` lists the kinds (``data``, ``step``, ``epoch``, ``fold``, ``stage``,
    ``decode``) and the values each has; what is not a finite number is None.
    """

    kind: str
    values: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "values" or name not in self.values:
            raise AttributeError(f"an event of kind {self.__dict__.get('kind')} has no {name}")
        return self.values[name]

    def __str__(self) -> str:
        return f"{self.kind}: " + ", ".join(f"{k} {v}" for k, v in self.values.items())


#: Called with every event; returning False (not None) stops the run where it can be resumed.
Callback = Callable[[Event], Optional[bool]]


def print_epochs(event: Event) -> None:
    """A callback: a line for every epoch and every fold."""
    if event.kind not in ("epoch", "fold"):
        return
    v = event.values
    where = "final model" if v["stage"] == "final" else f"{v['stage']} {v['fold']}/{v['folds']}"
    if event.kind == "epoch":
        where += f"  epoch {v['epoch']}/{v['epochs']}"
    names = ("train_loss", "loss", "accuracy", "balanced")
    told = (f"{name.replace('_', ' ')} {v[name]:.4f}" for name in names if v.get(name) is not None)
    print("  ".join([where, *told]))


def train(
    config: Union[str, "os.PathLike[str]", Mapping[str, Any]],
    overrides: Optional[Mapping[str, Any]] = None,
    *,
    out: Optional[Union[str, "os.PathLike[str]"]] = None,
    callbacks: Union[Callback, Iterable[Callback]] = (),
    resume: bool = False,
    overwrite: bool = False,
    threads: Optional[int] = None,
    parallel_folds: Optional[int] = None,
    memory: Optional[int] = None,
    **keys: Any,
) -> Run:
    """Runs an experiment: folds, evaluation, report, final model, into the run folder `out` (by
    default ``runs/NAME``). Every file has the bytes that ``rimshot train`` gives, which does the
    work in a process of its own.

    `config`: a YAML file, or a mapping that says the same, whose paths are then relative to the
    working folder. `overrides` replace keys of it (``{"train.epochs": 5}``), as do keyword
    arguments with two underscores for the dot (``train__epochs=5``).

    `callbacks`: functions that get each `Event` as it comes. One that returns False stops the run
    (`TrainingStopped`), as Ctrl-C does (KeyboardInterrupt) and an exception of a callback: the
    folder can be resumed from the last finished epoch with `resume`. A run folder that exists is
    refused unless `resume` or `overwrite`.

    `threads`, `parallel_folds`, `memory` (MiB): as of ``rimshot train``; no result depends on them.
    """
    listeners = [callbacks] if callable(callbacks) else list(callbacks)
    flags = ["--events", "--quiet"]
    flags += ["--resume"] if resume else []
    flags += ["--overwrite"] if overwrite else []
    numbers = {"threads": threads, "parallel-folds": parallel_folds, "memory": memory}
    for name, number in numbers.items():
        flags += [] if number is None else [f"--{name}", str(int(number))]
    flags += [] if out is None else ["--out", os.fspath(out)]
    changes = _overrides(overrides or {}, keys)
    with _file_of(config) as path:
        follower = _Follower(listeners, None if out is None else os.fspath(out))
        follower.follow([str(program()), "train", *flags, path, *changes])
    return Run(follower.folder or "")


def train_apart(
    config: str, overrides: Mapping[str, Any], folder: Path, callback: Optional[Callback]
) -> Run:
    """`train` for those who throw the run folder away: decoded sounds are kept beside it, not in
    the user's cache."""
    follower = _Follower([callback] if callback else [], str(folder / "run"))
    follower.environment = {**os.environ, "RIMSHOT_CACHE": str(folder / "cache")}
    command = [str(program()), "train", "--events", "--quiet", "--out", str(folder / "run")]
    follower.follow([*command, config, *_overrides(overrides, {})])
    return Run(folder / "run")


def _overrides(mapping: Mapping[str, Any], keys: Mapping[str, Any]) -> list[str]:
    named = {name.replace("__", "."): value for name, value in keys.items()}
    for name in named:
        if name in mapping:
            raise TrainingError(f"{name} is given twice")
    return [f"{key}={as_yaml(value)}" for key, value in {**mapping, **named}.items()]


def as_yaml(value: Any) -> str:
    """A value in one line of YAML. Words stand without quotes: `linear: classes` is no text."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{as_yaml(k)}: {as_yaml(v)}" for k, v in value.items()) + "}"
    if hasattr(value, "tolist"):  # NumPy's
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(as_yaml, value)) + "]"
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str) and _WORD.fullmatch(value) and value.lower() not in _NO_WORDS:
        return value
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as why:
        raise TrainingError(f"{value!r} has no place in a configuration: {why}") from None


@contextmanager
def _file_of(config: Union[str, "os.PathLike[str]", Mapping[str, Any]]) -> Iterator[str]:
    """A mapping is written to the working folder, which its paths are relative to."""
    if not isinstance(config, Mapping):
        yield os.fspath(config)
        return
    handle, path = tempfile.mkstemp(prefix=".rimshot-", suffix=".yaml", dir=".")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(as_yaml(dict(config)) + "\n")
        yield path
    finally:
        os.unlink(path)


class _Follower:
    """A run in a process of its own."""

    def __init__(self, listeners: list[Callback], folder: Optional[str]) -> None:
        self.listeners = listeners
        self.folder = folder
        self.environment: Optional[Mapping[str, str]] = None

    def follow(self, command: list[str]) -> None:
        """Runs the command to its end; raises what it fails at."""
        with tempfile.TemporaryFile() as said:
            # A session of its own: Ctrl-C on a terminal comes to this process alone, which passes
            # it on once. A second signal would end the run without a checkpoint.
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                env=self.environment,
                start_new_session=True,
            )
            try:
                wanted = self._listen(child)
            except BaseException:
                self._stop(child)
                raise
            if not wanted:
                self._stop(child)
            code = child.wait()
            if code != 0:
                said.seek(0)
                self._fail(code, said.read().decode("utf-8", "replace").strip(), wanted)

    def _listen(self, child: "subprocess.Popen[bytes]") -> bool:
        """False if a callback wants no more."""
        assert child.stdout is not None
        for line in child.stdout:
            values = json.loads(line)
            event = Event(values.pop("event"), values)
            if event.kind == "data" and self.folder is None:
                self.folder = str(Path("runs") / event.name)
            for listener in self.listeners:
                if listener(event) is False:
                    return False
        return True

    def _stop(self, child: "subprocess.Popen[bytes]") -> None:
        """Asks it to stop at the next batch and waits; a second Ctrl-C ends it at once."""
        child.send_signal(signal.SIGINT)
        try:
            child.communicate()
        except BaseException:
            child.kill()
            child.wait()
            raise

    def _fail(self, code: int, text: str, wanted: bool) -> NoReturn:
        if not wanted or code == _STOPPED:
            raise TrainingStopped(text.split(";", 1)[0] or "stopped", self.folder)
        text = text.replace("rimshot: ", "", 1) or f"the run ended with exit status {code}"
        text = re.sub(r"--(resume|overwrite)\b", r"\1=True", text).replace("--out ", "out= ")
        raise TrainingError(text, Status.CONFIG if code == _USAGE else Status.IO)

