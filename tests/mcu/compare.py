#!/usr/bin/env python3
"""Compares what tests/mcu/answers.c said on two machines.

usage: compare.py LIMIT ONE OTHER     fails where a class differs, or a probability by more than LIMIT
"""
import struct
import sys


def read(path):
    rows = [line.split() for line in open(path, encoding="ascii")]
    return [(row[0], [struct.unpack(">f", bytes.fromhex(x))[0] for x in row[1:]]) for row in rows if len(row[0]) == 8]


def main():
    limit, one, other = float(sys.argv[1]), read(sys.argv[2]), read(sys.argv[3])
    if not one or len(one) != len(other):
        sys.exit(f"{len(one)} and {len(other)} answers")
    differences = [max(abs(x - y) for x, y in zip(a[1], b[1])) for a, b in zip(one, other)]
    same = sum(a[0] == b[0] for a, b in zip(one, other))
    bits = sum(difference == 0 for difference in differences)
    print(f"{len(one)} sounds, {same} the same answer, {bits} bit for bit, largest difference {max(differences):.2g}")
    sys.exit(same != len(one) or max(differences) > limit)


if __name__ == "__main__":
    main()
