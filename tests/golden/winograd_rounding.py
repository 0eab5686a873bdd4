#!/usr/bin/env python3
"""Rounding errors of Winograd's convolutions in float, beside a sum in order: what
docs/performance.md and nn/kernels/winograd4.h say of points.

usage: winograd_rounding.py        (NumPy 2)

A tile of random numbers is convolved with random kernels of 3 x 3 and summed over input channels,
with fused multiply-adds: by the definition, one product after the other, and by F(m x m, 3 x 3) at
the points given and infinity. Errors are against the definition in double, as deviations."""
import numpy as np

KERNEL = 3
TILES = 150


def matrices(points, m):
    """A^T, G and B^T of the Toom-Cook algorithm."""
    n = m + KERNEL - 1
    powers = np.zeros((n, n))
    for i, point in enumerate(points):
        powers[i] = point ** np.arange(n)
    a, g = powers[:, :m].copy(), powers[:, :KERNEL].copy()
    powers[-1, -1] = a[-1, -1] = g[-1, -1] = 1  # infinity
    return a.T, g, np.linalg.inv(powers).T


def add(total, factor, x):
    """total + factor x, rounded once."""
    return (total.astype(float) + float(np.float32(factor)) * x.astype(float)).astype(np.float32)


def transform(matrix, x, axis):
    columns = np.moveaxis(x, axis, 0)
    rows = []
    for row in matrix:
        total = np.zeros(columns.shape[1:], np.float32)
        for factor, column in zip(row, columns):
            if abs(factor) > 1e-12:
                total = add(total, factor, column)
        rows.append(total)
    return np.moveaxis(np.array(rows), 0, axis)


def errors(points, m, channels):
    """Of a sum in order, and of F(m x m, 3 x 3), in parts of the outputs' deviation."""
    rng = np.random.default_rng(0)
    n = m + KERNEL - 1
    x = rng.standard_normal((TILES, channels, n, n)).astype(np.float32)
    weight = rng.standard_normal((channels, KERNEL, KERNEL)).astype(np.float32)
    exact = np.zeros((TILES, m, m))
    in_order = np.zeros((TILES, m, m), np.float32)
    for c in range(channels):
        for f in range(KERNEL):
            for t in range(KERNEL):
                part = x[:, c, f:f + m, t:t + m]
                exact += float(weight[c, f, t]) * part.astype(float)
                in_order = add(in_order, weight[c, f, t], part)
    a, g, b = matrices(points, m)
    kernels = transform(g, transform(g, weight, 1), 2)
    tiles = transform(b, transform(b, x, 2), 3)
    sums = np.zeros((TILES, n, n), np.float32)
    for c in range(channels):
        product = kernels[c].astype(float) * tiles[:, c].astype(float)
        sums = (sums.astype(float) + product).astype(np.float32)
    y = transform(a, transform(a, sums, 1), 2)
    return [np.sqrt(((got - exact) ** 2).mean()) / exact.std() for got in (in_order, y)]


def main():
    for channels in (64, 256):
        for m, points in ((2, (0, 1, -1)), (4, (0, .625, -.625, 1.5, -1.5)), (4, (0, 1, -1, 2, -2))):
            in_order, y = errors(points, m, channels)
            print(f"{channels} channels, F({m}x{m}, 3x3) at {points}: {y:.2g}, in order {in_order:.2g}: "
                  f"{y / in_order:.2f} times")


if __name__ == "__main__":
    main()
