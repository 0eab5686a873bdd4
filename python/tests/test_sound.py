from __future__ import annotations

import csv
import math

import numpy as np
import pytest
from conftest import run_program

import rimshot


def test_read(files):
    samples, rate = rimshot.read(files[0])
    assert rate == 44100 and samples.dtype == np.float32 and samples.shape[1] == 1
    with pytest.raises(rimshot.FileError):
        rimshot.read("none.wav")


def test_log_mel_of_a_tone():
    rate, n = 22050, 8192
    tone = np.sin(2 * np.pi * 1000 * np.arange(n) / rate)
    decibel = rimshot.log_mel(tone, rate, n_fft=1024, hop=256, n_mels=40)
    assert decibel.shape == (40, 1 + n // 256)
    edges = mel_edges(0, rate / 2, 40)
    loudest = int(decibel[:, 10].argmax())
    assert edges[loudest] < 1000 < edges[loudest + 2]
    twice = rimshot.log_mel(np.stack([tone, tone], 1), rate, n_fft=1024, hop=256, n_mels=40)
    np.testing.assert_array_equal(twice, [decibel, decibel])
    louder = rimshot.log_mel(tone * 10, rate, n_fft=1024, hop=256, n_mels=40)
    np.testing.assert_allclose(louder[loudest], decibel[loudest] + 20, atol=1e-3)


def mel_edges(low: float, high: float, n: int) -> np.ndarray:
    """Slaney's scale: linear up to 1 kHz, logarithmic above."""

    def mel(hz: float) -> float:
        return hz * 3 / 200 if hz < 1000 else 15 + math.log(hz / 1000) * 27 / math.log(6.4)

    mels = np.linspace(mel(low), mel(high), n + 2)
    return np.where(mels < 15, mels * 200 / 3, 1000 * np.exp((mels - 15) * math.log(6.4) / 27))


def test_log_mel_against_its_definition(files):
    samples, rate = rimshot.read(files[0])
    n_fft, hop, n_mels = 1024, 300, 20
    padded = np.pad(samples[:, 0].astype(float), n_fft // 2, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    n_frames = 1 + len(samples) // hop
    frames = np.stack([padded[i * hop : i * hop + n_fft] * window for i in range(n_frames)])
    power = np.abs(np.fft.rfft(frames)) ** 2
    hz, edges = np.fft.rfftfreq(n_fft, 1 / rate), mel_edges(50, 12000, n_mels)
    up = (hz - edges[:-2, None]) / np.diff(edges)[:-1, None]
    down = (edges[2:, None] - hz) / np.diff(edges)[1:, None]
    filters = np.maximum(0, np.minimum(up, down)) * (2 / (edges[2:] - edges[:-2]))[:, None]
    expected = 10 * np.log10(np.maximum(filters @ power.T, 1e-10))
    measured = rimshot.log_mel(
        files[0], n_fft=n_fft, hop=hop, n_mels=n_mels, fmin=50, fmax=12000
    )
    np.testing.assert_allclose(measured, expected, atol=1e-3)


def test_log_mel_refuses(files):
    for options in ({"n_fft": 0}, {"hop": -1}, {"n_mels": 2000}, {"fmax": -5}, {"fmin": 1e9}):
        with pytest.raises(rimshot.InputError, match=next(iter(options))):
            rimshot.log_mel(files[0], **options)


def test_descriptors_are_the_programs(files, home):
    run_program(
        "data", "descriptors", home / "drums", "audio.trim_db=0", "audio.seconds=3",
        "-o", home / "drums.csv", "--quiet", cwd=home,
    )
    with open(home / "drums.csv", newline="") as file:
        rows = {row["path"].rsplit("/", 1)[-1]: row for row in csv.DictReader(file)}
    for name in files[::7]:
        values = rimshot.descriptors(name)
        row = rows[name.rsplit("/", 1)[-1]]
        assert tuple(values) == rimshot.DESCRIPTORS
        for key, value in values.items():
            expected = float(row[key]) if row[key] else math.nan
            assert value == pytest.approx(expected, rel=1e-5, abs=1e-6, nan_ok=True), (name, key)


def test_descriptors_of_a_tone():
    tone = 0.5 * np.sin(2 * np.pi * 220 * np.arange(22050) / 44100)
    values = rimshot.descriptors(tone, 44100)
    assert values["pitch_hz"] == pytest.approx(220, rel=5e-3)
    assert values["duration_s"] == pytest.approx(0.5, rel=1e-3)
    assert values["peak_db"] == pytest.approx(20 * math.log10(0.5), abs=1e-3)
    with pytest.raises(rimshot.InputError, match="at most 2"):
        rimshot.descriptors(np.ones((100, 3)), 44100)
