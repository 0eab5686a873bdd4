#!/usr/bin/env python3
"""A network in onnxruntime, timed as `bench network` times inference.

usage: peer_onnx.py FILE.onnx [--threads N] [--batch N] [--seconds S]

Prints one JSON object. Tried with onnxruntime 1.23.2.
"""
import argparse
import json

import numpy as np
import onnxruntime
from timing import seconds_of


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=1)
    a = parser.parse_args()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = a.threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(a.file, options, providers=["CPUExecutionProvider"])
    first = session.get_inputs()[0]
    rng = np.random.default_rng(1)

    def seconds(n):
        x = rng.standard_normal((n, *first.shape[1:]), dtype=np.float32)
        return seconds_of(lambda: session.run(None, {first.name: x}), a.seconds / 2)

    print(json.dumps({"infer_samples_per_s": a.batch / seconds(a.batch),
                      "single_ms": 1e3 * seconds(1)}))


if __name__ == "__main__":
    main()
