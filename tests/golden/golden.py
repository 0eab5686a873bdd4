"""Writes the array files that tests/golden.h reads."""
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent


def write(name, arrays):
    """arrays: {name without spaces: array}; stored as float32, or float64 if the array is float64."""
    with open(HERE / f"{name}.bin", "wb") as out:
        for key, value in arrays.items():
            value = np.asarray(value)
            kind = "f8" if value.dtype == np.float64 else "f4"
            value = np.array(value, dtype="<" + kind, order="C")
            out.write(" ".join([key, kind, *map(str, value.shape)]).encode() + b"\n")
            out.write(value.tobytes())
