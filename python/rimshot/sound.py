"""Sounds: files or arrays, and what can be measured of them without a model."""

from __future__ import annotations

import os
from ctypes import byref, c_float, cast, POINTER
from typing import Any, Optional, Union

import numpy as np
from numpy.typing import NDArray

from rimshot._library import CAudio, CLogMelOptions, InputError, Status, call, library, text

#: A sound: the path of a file, or samples ``[frames]`` or ``[frames, channels]``. Full scale is 1
#: for floats and the type's own for signed integers.
Sound = Union[str, "os.PathLike[str]", "NDArray[Any]"]

MAX_CHANNELS = 64


def is_path(sound: object) -> bool:
    return isinstance(sound, (str, os.PathLike))


def as_samples(samples: Any) -> NDArray[np.float32]:
    """Float samples [frames, channels], contiguous."""
    array = np.asarray(samples)
    if array.dtype.kind == "i" and array.dtype.itemsize > 1:
        array = array / -float(np.iinfo(array.dtype).min)
    elif array.dtype.kind != "f":
        raise InputError(
            f"samples of type {array.dtype}: they must be floats, with full scale at 1, or signed "
            "integers of 16 bits or more"
        )
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise InputError(f"samples of shape {array.shape}: [frames] or [frames, channels]")
    if array.shape[1] > MAX_CHANNELS:
        raise InputError(
            f"samples of shape {array.shape} have {array.shape[1]} channels, at most {MAX_CHANNELS}: "
            "the first axis must be time (transpose them?)"
        )
    return np.ascontiguousarray(array, dtype=np.float32)


class OpenSound:
    """A sound in memory as the library takes it; a file's samples are the library's own."""

    def __init__(self, sound: Sound, rate: Optional[float]) -> None:
        self.audio = CAudio()
        self.name: Optional[str] = None
        self._samples: Optional[NDArray[np.float32]] = None
        if is_path(sound):
            if rate is not None:
                raise InputError("a file knows its sample rate: leave `rate` out")
            self.name = os.fspath(sound)  # type: ignore[arg-type]
            call("rimshot_audio_read", os.fsencode(self.name), byref(self.audio))
            return
        if rate is None:
            raise InputError("an array needs its sample rate: rate=44100")
        self._samples = as_samples(sound)
        self.audio.samples = self._samples.ctypes.data if self._samples.size else None
        self.audio.n_frames, self.audio.n_channels = self._samples.shape
        self.audio.sample_rate_hz = float(rate)

    def close(self) -> None:
        if self._samples is None:
            library.rimshot_audio_free(byref(self.audio))

    def __enter__(self) -> CAudio:
        return self.audio

    def __exit__(self, *_: object) -> None:
        self.close()


def read(path: Union[str, "os.PathLike[str]"]) -> tuple[NDArray[np.float32], float]:
    """Decodes a sound file (WAV, AIFF, FLAC, Ogg, MP3 and whatever else libsndfile reads) of up to
    600 s. Gives samples ``[frames, channels]`` and the sample rate in Hz."""
    with OpenSound(path, None) as audio:
        shape = (audio.n_frames, audio.n_channels)
        view = np.ctypeslib.as_array(cast(audio.samples, POINTER(c_float)), shape)
        return view.copy(), float(audio.sample_rate_hz)


def log_mel(
    sound: Sound,
    rate: Optional[float] = None,
    *,
    n_fft: int = 2048,
    hop: int = 441,
    n_mels: int = 64,
    fmin: float = 0.0,
    fmax: Optional[float] = None,
) -> NDArray[np.float32]:
    """Log-mel spectrogram in decibels, as librosa's: 10 log10(max(power, 1e-10)) of Slaney mel
    filters from `fmin` to `fmax` Hz (half the rate), Hann window, centred frames, the ends
    reflected.

    Gives ``[n_mels, frames]``, of a sound with several channels ``[channels, n_mels, frames]``.
    """
    for name, value in (("n_fft", n_fft), ("hop", hop), ("n_mels", n_mels)):
        if value < 1:
            raise InputError(f"{name} is {value}, not at least 1", Status.CONFIG)
    if fmax is not None and not fmax > 0:
        raise InputError(f"fmax is {fmax}, not above 0", Status.CONFIG)
    options = CLogMelOptions(n_fft, hop, n_mels, fmin, fmax or 0.0)
    opened = OpenSound(sound, rate)
    with opened as audio:
        frames = library.rimshot_log_mel_frames(byref(options), audio.n_frames)
        decibel = np.empty((audio.n_channels, n_mels, frames), np.float32)
        call("rimshot_log_mel", byref(options), byref(audio), decibel.ctypes.data,
             about=opened.name)
    return decibel[0] if len(decibel) == 1 else decibel


#: Names of what `descriptors` measures, in order.
DESCRIPTORS: tuple[str, ...] = tuple(
    text(library.rimshot_descriptor_name(i)) for i in range(library.rimshot_n_descriptors())
)


def descriptors(sound: Sound, rate: Optional[float] = None) -> dict[str, float]:
    """Pitch, tone and loudness of a sound of one or two channels in numbers, by name; NaN for what
    it does not have, such as the pitch of noise. ``docs/formats.md`` says how each is measured.

    The sound is taken as it is; ``rimshot data descriptors`` first brings sounds into a common
    form (resampled, trimmed, cut to a second).
    """
    values = np.empty(len(DESCRIPTORS), np.float64)
    opened = OpenSound(sound, rate)
    with opened as audio:
        call("rimshot_descriptors", byref(audio), values.ctypes.data, about=opened.name)
    return dict(zip(DESCRIPTORS, values.tolist()))
