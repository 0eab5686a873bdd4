#!/usr/bin/env python3
"""Writes sounds.h: WAV files of 16 bits or floats, their first channel, as arrays for tests/mcu/answers.c.

usage: sounds.py RATE FILE... > sounds.h
"""
import struct
import sys

FORMATS = {(1, 16): ("h", 1), (3, 32): ("f", 32768)}


def chunks(data):
    at = 12
    while at + 8 <= len(data):
        name, n = struct.unpack_from("<4sI", data, at)
        yield name, data[at + 8 : at + 8 + n]
        at += 8 + n + n % 2


def read(path, rate):
    with open(path, "rb") as file:
        parts = dict(chunks(file.read()))
    kind, channels, found, _, _, bits = struct.unpack_from("<HHIIHH", parts[b"fmt "])
    if (kind, bits) not in FORMATS or found != rate:
        sys.exit(f"{path}: not of 16 bits or floats at {rate} Hz")
    code, scale = FORMATS[kind, bits]
    samples = struct.unpack(f"<{len(parts[b'data']) * 8 // bits}{code}", parts[b"data"])
    return [max(-32768, min(32767, round(scale * x))) for x in samples[::channels]]


def main():
    rate, sounds = int(float(sys.argv[1])), []
    for i, path in enumerate(sys.argv[2:]):
        sounds.append(read(path, rate))
        numbers = ",".join(map(str, sounds[-1]))
        print(f"static const int16_t sound_{i}[] __attribute__((section(\".sounds\"))) = {{{numbers}}};")
    print(f"enum {{ N_SOUNDS = {len(sounds)} }};")
    print(f"static const int16_t *const sound_pcm[] = {{{', '.join(f'sound_{i}' for i in range(len(sounds)))}}};")
    print(f"static const int sound_n[] = {{{', '.join(str(len(x)) for x in sounds)}}};")


if __name__ == "__main__":
    main()
