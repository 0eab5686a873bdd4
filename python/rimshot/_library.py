"""The shared library, by ctypes: what infer/rimshot.h declares, and where library and program lie."""

from __future__ import annotations

import ctypes
import enum
import os
import shutil
from ctypes import POINTER, Structure, byref, c_char, c_char_p, c_double, c_float
from ctypes import c_int, c_int32, c_int64, c_void_p
from pathlib import Path
from typing import Any, Optional

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent.parent


class Status(enum.IntEnum):
    """What a call came to; the numbers of ``rimshot_status``."""

    OK = 0
    MEMORY = 1
    IO = 2
    NOT_FOUND = 3
    EXISTS = 4
    FORMAT = 5
    DIGEST = 6
    CONFIG = 7
    SHAPE = 8
    DATA = 9
    NUMERIC = 10
    MISMATCH = 11
    STOPPED = 12
    USAGE = 13


class Error(Exception):
    """What rimshot refuses or fails at: one line that names what is at fault."""

    def __init__(self, text: str, status: Status = Status.USAGE) -> None:
        super().__init__(text)
        self.status = status


class FileError(Error, OSError):
    """A file that is not there, cannot be read, or is not what it should be."""


class InputError(Error, ValueError):
    """Sound, options or shapes that cannot be used."""


for _kind in (Status, Error, FileError, InputError):
    _kind.__module__ = "rimshot"

_FILE_STATUSES = (Status.IO, Status.NOT_FOUND, Status.EXISTS, Status.FORMAT, Status.DIGEST)


def error_of(status: int, text: str) -> Exception:
    """The exception for a status and its message."""
    if status == Status.MEMORY:
        return MemoryError(text)
    kind = FileError if status in _FILE_STATUSES else InputError
    return kind(text, Status(status))


class CError(Structure):
    _fields_ = [("status", c_int), ("text", c_char * 1024)]


class CReason(Structure):
    _fields_ = [("class_index", c_int32), ("bound", c_double)]


class CAudio(Structure):
    _fields_ = [
        ("samples", c_void_p),
        ("n_frames", c_int64),
        ("n_channels", c_int32),
        ("sample_rate_hz", c_double),
    ]


class CLogMelOptions(Structure):
    _fields_ = [
        ("n_fft", c_int64),
        ("hop", c_int64),
        ("n_mels", c_int64),
        ("fmin_hz", c_double),
        ("fmax_hz", c_double),
    ]


class CTensor(Structure):
    _fields_ = [
        ("name", c_char_p),
        ("data", c_void_p),
        ("shape", c_int64 * 4),
        ("n_axes", c_int32),
    ]


_FLOATS = POINTER(c_float)
_AUDIO = POINTER(CAudio)
_OPTIONS = POINTER(CLogMelOptions)
_ERROR = POINTER(CError)

# name: what it gives, what it takes
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "rimshot_version": (c_char_p, []),
    "rimshot_status_text": (c_char_p, [c_int]),
    "rimshot_open": (c_int, [c_char_p, c_int32, POINTER(c_void_p), _ERROR]),
    "rimshot_close": (None, [c_void_p]),
    "rimshot_n_classes": (c_int32, [c_void_p]),
    "rimshot_class_name": (c_char_p, [c_void_p, c_int32]),
    "rimshot_model_config": (c_char_p, [c_void_p]),
    "rimshot_model_record": (c_char_p, [c_void_p]),
    "rimshot_model_format": (c_int32, [c_void_p]),
    "rimshot_model_sample_rate_hz": (c_double, [c_void_p]),
    "rimshot_model_n_channels": (c_int32, [c_void_p]),
    "rimshot_model_seconds": (c_double, [c_void_p]),
    "rimshot_model_temperature": (c_double, [c_void_p]),
    "rimshot_audio_read": (c_int, [c_char_p, _AUDIO, _ERROR]),
    "rimshot_audio_free": (None, [_AUDIO]),
    "rimshot_classify_batch": (
        c_int,
        [c_void_p, _AUDIO, c_int64, c_void_p, c_void_p, _ERROR],
    ),
    "rimshot_decide": (c_int32, [c_void_p, _FLOATS]),
    "rimshot_decide_why": (c_int32, [c_void_p, _FLOATS, POINTER(CReason)]),
    "rimshot_embedding_size": (c_int64, [c_void_p]),
    "rimshot_embed": (c_int, [c_void_p, _AUDIO, c_void_p, _ERROR]),
    "rimshot_features_shape": (None, [c_void_p, POINTER(c_int64)]),
    "rimshot_network_features": (
        c_int,
        [c_void_p, c_int32, _AUDIO, c_void_p, _ERROR],
    ),
    "rimshot_features_frames": (c_int, [c_void_p, _AUDIO, POINTER(c_int64), _ERROR]),
    "rimshot_log_mel_frames": (c_int64, [_OPTIONS, c_int64]),
    "rimshot_log_mel": (c_int, [_OPTIONS, _AUDIO, c_void_p, _ERROR]),
    "rimshot_n_descriptors": (c_int32, []),
    "rimshot_descriptor_name": (c_char_p, [c_int32]),
    "rimshot_descriptors": (c_int, [_AUDIO, c_void_p, _ERROR]),
    "rimshot_n_networks": (c_int32, [c_void_p]),
    "rimshot_n_tensors": (c_int32, [c_void_p, c_int32]),
    "rimshot_get_tensor": (c_int, [c_void_p, c_int32, c_int32, POINTER(CTensor), _ERROR]),
}


def _find(variable: str, *places: Path) -> Path:
    """The file that an environment variable names, or the first of `places` that is there."""
    named = os.environ.get(variable)
    if named:
        return Path(named)
    for place in places:
        if place.is_file():
            return place
    raise ImportError(
        f"{places[0].name} is neither in {places[0].parent} nor in {places[1].parent}: install "
        "the package with `pip install ./python` from a checkout, or run `make` there"
    )


def _load() -> ctypes.CDLL:
    path = _find(
        "RIMSHOT_LIBRARY",
        _PACKAGE / "native" / "librimshot.so",
        _CHECKOUT / "build" / "librimshot.so",
    )
    try:
        loaded = ctypes.CDLL(str(path))
    except OSError as why:
        raise ImportError(f"{path} cannot be loaded: {why}") from why
    for name, (result, arguments) in _FUNCTIONS.items():
        try:
            function = getattr(loaded, name)
        except AttributeError:
            raise ImportError(f"{path} is of another version: it has no {name}") from None
        function.restype = result
        function.argtypes = arguments
    return loaded


library = _load()


def program() -> Path:
    """The program `rimshot` that trains: the one installed with the package, or the checkout's."""
    try:
        return _find(
            "RIMSHOT_PROGRAM",
            _PACKAGE / "native" / "rimshot",
            _CHECKOUT / "build" / "rimshot",
        )
    except ImportError:
        found = shutil.which("rimshot")
        if found is None:
            raise
        return Path(found)


def call(function: str, *arguments: Any, about: Optional[str] = None) -> None:
    """Calls a function that takes a rimshot_error last; raises what it tells. The interpreter's
    lock is released while it runs."""
    error = CError()
    status: int = getattr(library, function)(*arguments, byref(error))
    if status != Status.OK:
        text = error.text.decode("utf-8", "replace")
        raise error_of(status, f"{about}: {text}" if about else text)


def text(value: Optional[bytes]) -> str:
    """What the library says, as str."""
    return (value or b"").decode("utf-8", "surrogateescape")


__version__ = text(library.rimshot_version())
