"""A trained model: probabilities, embeddings, features and weights."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ctypes import POINTER, byref, c_float, c_int64, c_void_p, cast
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Optional, TypeVar, Union, overload

import numpy as np
from numpy.typing import NDArray

from rimshot._library import CAudio, CReason, CTensor, Error, FileError, InputError, Status
from rimshot._library import call, library, text
from rimshot.sound import OpenSound, Sound, is_path

_CHUNK = 32  # sounds of one call: between two, Ctrl-C is heard
_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class Classification:
    """What a model makes of one sound. ``numpy.asarray`` gives the probabilities."""

    classes: tuple[str, ...]
    probabilities: NDArray[np.float32]  #: ``[n_classes]``

    @property
    def best(self) -> str:
        """The most probable class."""
        return self.classes[int(np.argmax(self.probabilities))]

    @property
    def confidence(self) -> float:
        """Its probability."""
        return float(np.max(self.probabilities))

    def top(self, n: int = 3) -> list[tuple[str, float]]:
        """The `n` most probable classes with their probabilities, most probable first."""
        order = np.argsort(-self.probabilities, kind="stable")[:n]
        return [(self.classes[i], float(self.probabilities[i])) for i in order]

    def as_dict(self) -> dict[str, float]:
        """Probabilities by class, in the model's order."""
        return dict(zip(self.classes, self.probabilities.tolist()))

    def __getitem__(self, name: str) -> float:
        try:
            return float(self.probabilities[self.classes.index(name)])
        except ValueError:
            raise KeyError(name) from None

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> NDArray[Any]:
        array = self.probabilities if dtype is None else self.probabilities.astype(dtype)
        return array.copy() if copy else array

    def __repr__(self) -> str:
        told = ", ".join(f"{name}: {p:.3f}" for name, p in self.top())
        return f"<{told}{', ...' if len(self.classes) > 3 else ''}>"


@dataclass(frozen=True, eq=False)
class Classifications(Sequence[Classification]):
    """What a model makes of several sounds, in their order. ``numpy.asarray`` gives the matrix."""

    classes: tuple[str, ...]
    probabilities: NDArray[np.float32]  #: ``[n, n_classes]``; NaN in the rows of `errors`
    errors: dict[int, Error] = field(default_factory=dict)  #: of sounds that could not be used

    @property
    def best(self) -> list[Optional[str]]:
        """The most probable class of each sound, None where there is an error."""
        rows = np.argmax(self.probabilities, axis=1) if len(self) else []
        return [None if i in self.errors else self.classes[k] for i, k in enumerate(rows)]

    def __len__(self) -> int:
        return len(self.probabilities)

    @overload
    def __getitem__(self, index: int) -> Classification: ...
    @overload
    def __getitem__(self, index: slice) -> Classifications: ...
    def __getitem__(self, index: Union[int, slice]) -> Union[Classification, Classifications]:
        if isinstance(index, slice):
            kept = range(len(self))[index]
            errors = {i: self.errors[old] for i, old in enumerate(kept) if old in self.errors}
            return Classifications(self.classes, self.probabilities[index], errors)
        row = range(len(self))[index]
        if row in self.errors:
            raise self.errors[row]
        return Classification(self.classes, self.probabilities[row])

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> NDArray[Any]:
        array = self.probabilities if dtype is None else self.probabilities.astype(dtype)
        return array.copy() if copy else array

    def __repr__(self) -> str:
        return f"<{len(self)} sounds, {len(self.classes)} classes, {len(self.errors)} errors>"


def _installed_models() -> list[Path]:
    """Where the model is that comes along: in the package, the checkout, or beside a program."""
    package = Path(__file__).resolve().parent
    roots = [package, package.parent.parent, Path(sys.prefix) / "share" / "rimshot"]
    roots += [Path("/usr/local/share/rimshot"), Path("/usr/share/rimshot")]
    return [root / "models" / "rimshot.h5" for root in roots]


def find_model() -> Path:
    """The model that `Model.load` takes without a path: the one RIMSHOT_MODEL names, else the one
    that comes with rimshot."""
    named = os.environ.get("RIMSHOT_MODEL")
    if named:
        return Path(named)
    for path in _installed_models():
        if path.is_file():
            return path
    raise FileError(
        "no model is installed: name a file, as `rimshot train` leaves it in its run folder "
        "(model.h5), or set RIMSHOT_MODEL to one",
        Status.NOT_FOUND,
    )


class Model:
    """A model file as ``rimshot train`` leaves it. Open one with `Model.load`.

    Any number of threads may use a model at the same time; each result has the same bits in
    whatever thread. The interpreter's lock is released while the library computes, and Ctrl-C is
    heard between chunks of 32 sounds.
    """

    _handle: Optional[int] = None

    def __init__(self, path: Union[str, "os.PathLike[str]"], *, threads: Optional[int] = None):
        if threads is None:
            threads = min(os.cpu_count() or 1, 8)
        self._path, self._threads = os.fspath(path), threads
        self._idle = threading.Condition()
        self._n_calls = 0
        handle = c_void_p()
        call("rimshot_open", os.fsencode(self._path), threads, byref(handle))
        self._handle = handle.value
        count = library.rimshot_n_classes(self._handle)
        names = (library.rimshot_class_name(self._handle, i) for i in range(count))
        self._classes = tuple(text(name) for name in names)

    @classmethod
    def load(
        cls,
        path: Optional[Union[str, "os.PathLike[str]"]] = None,
        *,
        threads: Optional[int] = None,
    ) -> Model:
        """Opens a model file; without a path the one that RIMSHOT_MODEL names, else the one that
        comes with rimshot.

        `threads`: how many calls may compute at the same time (further ones wait), and how many
        threads a list of sounds is shared among; by default as many as there are processors, at
        most 8. Each takes memory for one copy of the weights.
        """
        return cls(find_model() if path is None else path, threads=threads)

    # -- life

    def close(self) -> None:
        """Frees the model once the calls under way have returned. It cannot be used afterwards."""
        with self._idle:
            while self._n_calls > 0:
                self._idle.wait()
            handle, self._handle = self._handle, None
        if handle:
            library.rimshot_close(handle)

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        handle, self._handle = self._handle, None
        if handle:
            library.rimshot_close(handle)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (os.path.abspath(self._path), self._threads)

    @contextmanager
    def _in_use(self) -> Iterator[int]:
        with self._idle:
            if self._handle is None:
                raise InputError("the model is closed")
            self._n_calls += 1
            handle = self._handle
        try:
            yield handle
        finally:
            with self._idle:
                self._n_calls -= 1
                self._idle.notify_all()

    def decide(self, result: Classification) -> Optional[str]:
        """The class that a result says, or None: unknown. A model that was trained with sounds that
        are no drums has a class for them, which is never the answer."""
        row = np.ascontiguousarray(result.probabilities, dtype=np.float32)
        best = self._ask("rimshot_decide", row.ctypes.data_as(POINTER(c_float)))
        return None if best < 0 else self._classes[best]

    def reason(self, result: Classification) -> Optional[tuple[str, float]]:
        """Why a result is unknown, or None: it is not. The class whose probability was against an
        answer, and the bound that it missed: the class for what is no drum has exceeded it, any
        other has not reached it."""
        row = np.ascontiguousarray(result.probabilities, dtype=np.float32)
        said = CReason()
        self._ask("rimshot_decide_why", row.ctypes.data_as(POINTER(c_float)), byref(said))
        return None if said.class_index < 0 else (self._classes[said.class_index], said.bound)

    # -- what it is

    def _ask(self, function: str, *arguments: Any) -> Any:
        with self._in_use() as handle:
            return getattr(library, function)(handle, *arguments)

    @property
    def path(self) -> str:
        """The file it was opened from."""
        return self._path

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the probabilities."""
        return self._classes

    @property
    def config(self) -> str:
        """The configuration it was trained by, YAML."""
        return text(self._ask("rimshot_model_config"))

    @property
    def record(self) -> dict[str, Any]:
        """How it was trained and what it scored (``docs/formats.md``)."""
        loaded: dict[str, Any] = json.loads(text(self._ask("rimshot_model_record")))
        return loaded

    @property
    def format(self) -> int:
        """Version of the file's format."""
        return int(self._ask("rimshot_model_format"))

    @property
    def sample_rate(self) -> float:
        """Hz that clips are resampled to."""
        return float(self._ask("rimshot_model_sample_rate_hz"))

    @property
    def channels(self) -> int:
        """Channels that clips are mixed to."""
        return int(self._ask("rimshot_model_n_channels"))

    @property
    def seconds(self) -> float:
        """Longest clip; what is beyond is cut."""
        return float(self._ask("rimshot_model_seconds"))

    @property
    def temperature(self) -> float:
        """What logits are divided by before they become probabilities."""
        return float(self._ask("rimshot_model_temperature"))

    @property
    def embedding_size(self) -> int:
        """Numbers of an embedding; 0: a network of one layer has none."""
        return int(self._ask("rimshot_embedding_size"))

    @property
    def features_shape(self) -> tuple[int, int, int]:
        """Channels, rows and frames of the network's input."""
        shape = (c_int64 * 3)()
        self._ask("rimshot_features_shape", shape)
        return shape[0], shape[1], shape[2]

    @property
    def n_networks(self) -> int:
        """1, or how many networks an ensemble averages."""
        return int(self._ask("rimshot_n_networks"))

    def weights(self, network: int = 0) -> dict[str, NDArray[np.float32]]:
        """Copies of a network's parameters and states, under PyTorch's names (``13.weight_ih_l0``)
        and in its shapes."""
        tensors = {}
        with self._in_use() as handle:
            if not 0 <= network < library.rimshot_n_networks(handle):
                raise InputError(f"the model has no network {network}")
            for i in range(library.rimshot_n_tensors(handle, network)):
                tensor = CTensor()
                call("rimshot_get_tensor", handle, network, i, byref(tensor))
                shape = tuple(tensor.shape[: tensor.n_axes])
                data = cast(tensor.data, POINTER(c_float))
                tensors[text(tensor.name)] = np.ctypeslib.as_array(data, shape).copy()
        return tensors

    def __repr__(self) -> str:
        return f"Model({self._path!r}: {', '.join(self._classes)})"

    # -- what it does

    @overload
    def classify(
        self, sound: Union[str, "os.PathLike[str]", NDArray[Any]], rate: Optional[float] = None
    ) -> Classification: ...
    @overload
    def classify(
        self,
        sound: Union[list[Any], tuple[Any, ...]],
        rate: Optional[float] = None,
        *,
        skip: bool = False,
    ) -> Classifications: ...
    def classify(
        self, sound: Any, rate: Optional[float] = None, *, skip: bool = False
    ) -> Union[Classification, Classifications]:
        """Class probabilities of a sound, or of each of a list of sounds.

        A sound is a path or an array ``[frames]`` or ``[frames, channels]`` at `rate` Hz, full
        scale 1. It needs no preparation: mixing, resampling, trimming and padding are done as in
        training.

        Of a list, the first sound that cannot be used (not audio, silent, empty) raises; with
        `skip` its row is NaN and the result's `errors` says why.
        """
        if not isinstance(sound, (list, tuple)):
            row = self._classify_chunk([sound], rate, False)[0][0]
            return Classification(self._classes, row)
        chunks = [sound[i : i + _CHUNK] for i in range(0, len(sound), _CHUNK)]
        probabilities = np.empty((len(sound), len(self._classes)), np.float32)
        errors: dict[int, Error] = {}
        work = self._each(chunks, lambda chunk: self._classify_chunk(chunk, rate, skip))
        for k, (rows, failed) in enumerate(work):
            first = k * _CHUNK
            probabilities[first : first + len(rows)] = rows
            errors.update((first + i, error) for i, error in failed.items())
        return Classifications(self._classes, probabilities, errors)

    def embed(self, sound: Any, rate: Optional[float] = None) -> NDArray[np.float32]:
        """What the network's last layer reads, a vector in which similar sounds lie close
        ``[size]``; of a list of sounds ``[n, size]``. Of an ensemble: all networks' side by
        side."""
        return self._fill(sound, rate, (self.embedding_size,), "rimshot_embed")

    def features(
        self, sound: Any, rate: Optional[float] = None, *, network: int = 0
    ) -> NDArray[np.float32]:
        """What the network is given for a sound ``[channels, rows, frames]``, normalised as in
        training; of a list ``[n, ...]``. Each `network` of an ensemble has a normalisation of its
        own."""
        return self._fill(sound, rate, self.features_shape, "rimshot_network_features", network)

    def frames(self, sound: Any, rate: Optional[float] = None) -> Any:
        """How many frames of `features` the sound fills; the network leaves out what lies past
        them. An int, of a list an array ``[n]``."""

        def ask(one: Any) -> int:
            opened, count = OpenSound(one, rate), c_int64()
            with self._in_use() as handle, opened as audio:
                call("rimshot_features_frames", handle, byref(audio), byref(count),
                     about=opened.name)
            return count.value

        if not isinstance(sound, (list, tuple)):
            return ask(sound)
        return np.array(list(self._each(sound, ask)), np.int64)

    def _fill(
        self,
        sound: Any,
        rate: Optional[float],
        shape: tuple[int, ...],
        function: str,
        *arguments: int,
    ) -> NDArray[np.float32]:
        """What a function of the library writes for a sound or for each of a list."""

        def ask(one: Any) -> NDArray[np.float32]:
            out = np.empty(shape, np.float32)
            opened = OpenSound(one, rate)
            with self._in_use() as handle, opened as audio:
                call(function, handle, *arguments, byref(audio), out.ctypes.data,
                     about=opened.name)
            return out

        if not isinstance(sound, (list, tuple)):
            return ask(sound)
        rows = np.empty((len(sound), *shape), np.float32)
        for i, row in enumerate(self._each(sound, ask)):
            rows[i] = row
        return rows

    def _each(self, items: Sequence[Any], work: Callable[[Any], _T]) -> Iterator[_T]:
        """The results in order, computed by as many threads as the model serves."""
        if self._threads == 1 or len(items) < 2:
            yield from map(work, items)
            return
        pool = ThreadPoolExecutor(self._threads)
        try:
            futures = [pool.submit(work, item) for item in items]
            for future in futures:
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _classify_chunk(
        self, sounds: Sequence[Any], rate: Optional[float], skip: bool
    ) -> tuple[NDArray[np.float32], dict[int, Error]]:
        opened: dict[int, OpenSound] = {}
        errors: dict[int, Error] = {}
        try:
            for i, sound in enumerate(sounds):
                try:
                    opened[i] = OpenSound(sound, rate)
                except Error as error:
                    if not skip or (rate is None) != is_path(sound):
                        raise
                    errors[i] = error
            rows, statuses = self._classify_opened(list(opened.values()))
        finally:
            for one in opened.values():
                one.close()
        probabilities = np.full((len(sounds), len(self._classes)), np.nan, np.float32)
        for i, row, status in zip(opened, rows, statuses):
            if status == Status.OK:
                probabilities[i] = row
            elif skip:
                errors[i] = self._why(sounds[i], rate)
            else:
                raise self._why(sounds[i], rate)
        return probabilities, errors

    def _classify_opened(
        self, opened: Sequence[OpenSound]
    ) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        audio = (CAudio * max(len(opened), 1))(*(one.audio for one in opened))
        rows = np.empty((len(opened), len(self._classes)), np.float32)
        statuses = np.zeros(len(opened), np.int32)
        with self._in_use() as handle:
            call("rimshot_classify_batch", handle, audio, len(opened), rows.ctypes.data,
                 statuses.ctypes.data)
        return rows, statuses

    def _why(self, sound: Any, rate: Optional[float]) -> Error:
        """A batch says how each sound fared, but describes the first failure only."""
        try:
            self.frames(sound, rate)
        except Error as error:
            return error
        return InputError("the sound could not be used")


def _reopen(path: str, threads: int) -> Model:
    return Model(path, threads=threads)
