#!/usr/bin/env python3
"""Drum performances rendered from one-shots: what is struck when is known to the sample.

    tests/onsets/performances.py TABLE FOLDER [--songs N] [--seed N] [--every N]

writes them with annotations that `rimshot slice` and `source: slices` read.

A song is 16 bars or less on a grid of eighths (sixteenths below 100 beats a minute): bass drum,
snare with ghost strokes, a timekeeper, fills on toms and crashes. Strokes are up to 8 ms early or
late, up to 18 dB soft, ring on under those that follow, and stand in a room: its reverberation, and
noise that falls by 3 dB an octave, 45 to 60 dB below the peak.
"""
import argparse
import csv
import pathlib

import numpy as np
import soundfile

RATE = 44100
SECONDS = 20  # of a song
ATTACK = 0.05  # an onset is where a one-shot first reaches this share of its peak
TIMEKEEPERS = ("closedhat", "hat", "openhat", "ride", "shaker", "tambourine", "cowbell", "perc")


def read_kits(table):
    """{kit: {class: [path]}} of a table with the columns path, class or label, and group."""
    kits, folder = {}, pathlib.Path(table).parent
    with open(table, newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            kit = kits.setdefault(row["group"], {})
            kit.setdefault(row.get("class") or row["label"], []).append(
                str(folder / row["path"]))
    return {name: kit for name, kit in sorted(kits.items()) if "kick" in kit and "snare" in kit
            and any(c in kit for c in TIMEKEEPERS)}


def read_one_shot(path):
    """Mono at RATE and full scale, from 1 ms before its attack on; None if it is silent."""
    x, rate = soundfile.read(path, dtype="float64", always_2d=True)
    x = x.mean(axis=1)[:4 * rate]
    if rate != RATE:
        times = np.arange(int(len(x) * RATE / rate)) * rate / RATE
        x = np.interp(times, np.arange(len(x)), x)
    peak = np.abs(x).max(initial=0)
    if peak < 1e-3:
        return None
    x = x / peak
    before = RATE // 1000
    x = np.concatenate([np.zeros(before), x])
    attack = int(np.argmax(np.abs(x) >= ATTACK))
    return x[max(attack - before, 0):]


def write_pattern(rng, n_steps, per_beat):
    """[(step, part, gain in dB)]"""
    strokes = []
    for step in range(n_steps):
        beat, within = divmod(step, per_beat)
        bar_end = beat % 16 == 15
        if beat % 4 == 0 and within == 0 and rng.random() < 0.25:
            strokes.append((step, "crash", -3))
        if (beat % 4 in (0, 2) and within == 0) or rng.random() < 0.08:
            strokes.append((step, "kick", -rng.uniform(0, 6)))
        if beat % 4 in (1, 3) and within == 0:
            strokes.append((step, "snare", -rng.uniform(0, 4)))
        elif bar_end:
            strokes.append((step, "tom" if within else "snare", -rng.uniform(0, 6)))
        elif rng.random() < 0.06:
            strokes.append((step, "snare", -rng.uniform(9, 14)))  # a ghost stroke
        if within % (per_beat // 2) == 0 or rng.random() < 0.4:
            strokes.append((step, "time", -rng.uniform(6, 18 if within else 10)))
    return strokes


def write_turns(rng, steps, parts):
    """One stroke a step, of a part drawn anew each time."""
    return [(step, parts[rng.integers(len(parts))], -rng.uniform(0, 6)) for step in steps]


def room(rng, x):
    seconds = rng.uniform(0.2, 0.5)
    t = np.arange(int(seconds * RATE)) / RATE
    response = rng.standard_normal(len(t)) * np.exp(-6.9 * t / seconds)
    response *= 10 ** (-12 / 20) / np.sqrt(np.sum(response ** 2))
    n = 1 << (len(x) + len(t)).bit_length()
    wet = np.fft.irfft(np.fft.rfft(x, n) * np.fft.rfft(response, n), n)[:len(x)]
    noise = np.fft.rfft(rng.standard_normal(len(x)))
    noise[1:] /= np.sqrt(np.arange(1, len(noise)))
    noise[0] = 0
    noise = np.fft.irfft(noise, len(x))
    y = x + wet
    y /= np.abs(y).max()
    return y + noise / np.sqrt(np.mean(noise ** 2)) * 10 ** (-rng.uniform(45, 60) / 20)


def render(seed, number, kit, bpm, every):
    """Samples, and the strokes [(time in s, class, path)] in time."""
    rng = np.random.default_rng([seed, number])
    per_beat = 4 if bpm < 100 and every == 0 else 2
    step_s = 60 / bpm / per_beat
    sounds = {}
    for name, files in sorted(kit.items()):
        path = files[rng.integers(len(files))]
        sound = read_one_shot(path)
        if sound is not None:
            sounds[name] = (name, path, sound)
    keepers = [c for c in TIMEKEEPERS if c in sounds]
    sounds["time"] = sounds[keepers[rng.integers(len(keepers))]]
    n_steps = int(SECONDS / step_s)
    x = np.zeros(int((SECONDS + 2) * RATE))
    strokes = []
    if every > 0:
        pattern = write_turns(rng, range(0, n_steps, every), sorted(sounds))
    else:
        pattern = write_pattern(rng, n_steps, per_beat)
    for step, part, gain in pattern:
        part = "cymbal" if part == "crash" and part not in sounds else part
        name, path, sound = sounds.get(part, sounds["time"])
        at = int((0.5 + step * step_s + rng.uniform(-0.008, 0.008)) * RATE)
        end = min(len(x), at + len(sound))
        x[at:end] += sound[:end - at] * 10 ** (gain / 20)
        strokes.append((at / RATE + 0.001, name, path))
    return room(rng, x * 0.3).astype(np.float32), sorted(strokes)


def songs(table, n=20, seed=7, every=0):
    """n of them, of all kits in turn, from 60 to 200 beats a minute. every > 0: single strokes, one in
    so many eighths, which may ring on into each other but are never struck together."""
    kits = list(read_kits(table).values())
    for number in range(n):
        bpm = 60 + 140 * number / max(n - 1, 1)
        yield number, bpm, *render(seed, number, kits[number % len(kits)], bpm, every)


def onsets(strokes, together_s=0.03):
    """Strokes closer than that are one onset, at the first of them."""
    times = []
    for time, *_ in strokes:
        if not times or time - times[-1] > together_s:
            times.append(time)
    return np.array(times)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("table")
    parser.add_argument("folder")
    parser.add_argument("--songs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--every", type=int, default=0, help="single strokes, one in N eighths")
    given = parser.parse_args()
    folder = pathlib.Path(given.folder)
    folder.mkdir(parents=True, exist_ok=True)
    for number, _, x, strokes in songs(given.table, given.songs, given.seed, given.every):
        name = folder / f"song_{given.seed}_{number:03}"
        soundfile.write(f"{name}.flac", np.clip(x, -1, 1), RATE, subtype="PCM_16")
        with open(f"{name}.txt", "w", encoding="utf-8") as lines:
            lines.writelines(f"{time:.6f}\t{label}\n" for time, label, _ in strokes)


if __name__ == "__main__":
    main()
