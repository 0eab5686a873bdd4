#!/usr/bin/env python3
"""How long a training step takes when K ranks share it, and what a job of N ranks gains.

usage: model.py LAYERS.json [--batch 32] [--latency US] [--gbit G] [--shards 64] [--trainings 75]

LAYERS.json is what `build/bench layers FILE --threads 1 --batch B` prints: the time of each layer on one thread.
The model (docs/cluster.md): layers up to the first recurrent one are cut, so that K ranks do ceil(B / K) of B samples
each; what is behind it, and backward of linear layers, is done whole by each rank. Batch norm costs two exchanges
of sums a step; the input of the first whole layer is gathered, and so is the gradient of what feeds a linear layer
that is not behind one. Gradients of the cut layers travel twice, behind backward as far as that lasts.
"""
import argparse
import json
import math

WHOLE = {"rnn", "gru", "lstm", "forest"}


def count(shape):
    return math.prod(int(n) for n in shape.strip("[]").split(",")[1:])


class Network:
    def __init__(self, bench, batch, measured):
        self.batch = batch
        scale = batch / measured
        self.cut_s = self.cut_backward_s = self.whole_s = 0
        self.exchanges, self.gathered, self.gradients, whole, before = 1, 0, 0, False, 0
        for layer in bench["layers"]:
            forward, backward = scale * layer["forward_ms"] / 1e3, scale * layer["backward_ms"] / 1e3
            if layer["layer"] in WHOLE and not whole:
                whole = True
                self.exchanges += 1
                self.gathered += before
            if whole:
                self.whole_s += forward + backward
            elif layer["layer"] == "linear":
                self.cut_s += forward
                self.whole_s += backward
                self.exchanges += 2
                self.gathered += before + count(layer["output"])
            else:
                self.cut_s += forward + backward
                self.cut_backward_s += backward
                self.gradients += layer["parameters"] if layer["layer"] != "batch_norm" else 0
            self.exchanges += 2 * (layer["layer"] == "batch_norm" and not whole)
            before = count(layer["output"])
        known = self.cut_s + self.whole_s
        self.whole_s += max(scale * bench["step_ms"] / 1e3 - known, 0)  # loss, optimiser

    def step(self, ranks, latency_s, bytes_per_s):
        if ranks == 1:
            return self.cut_s + self.whole_s
        share = math.ceil(self.batch / ranks) / self.batch
        rounds = math.ceil(math.log2(ranks))
        gather_s = 4 * self.gathered * self.batch * (ranks - 1) / ranks / bytes_per_s
        exchange_s = 2 * 4 * self.gradients * (ranks - 1) / ranks / bytes_per_s + 2 * latency_s
        seen_s = max(exchange_s - self.cut_backward_s * share, 2 * latency_s if self.gradients else 0)
        return self.cut_s * share + self.whole_s + self.exchanges * rounds * latency_s + gather_s + seen_s


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("layers")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--measured", type=int, help="batch of LAYERS.json, where it is another one")
    parser.add_argument("--latency", type=float, default=10, help="microseconds of one exchange between two ranks")
    parser.add_argument("--gbit", type=float, default=25, help="gigabits a second into each rank")
    parser.add_argument("--shards", type=int, default=64)
    parser.add_argument("--trainings", type=int, default=75)
    options = parser.parse_args()
    with open(options.layers) as file:
        network = Network(json.load(file), options.batch, options.measured or options.batch)
    latency_s, bytes_per_s = options.latency / 1e6, options.gbit * 1e9 / 8
    alone = network.step(1, latency_s, bytes_per_s)
    print(f"step {1e3 * alone:.1f} ms, {100 * network.cut_s / alone:.0f} % of it cut; {network.exchanges} exchanges, "
          f"{4 * network.gathered * network.batch / 1e6:.2f} MB gathered, {4 * network.gradients / 1e6:.2f} MB of gradients")
    print("ranks  dealt  shared  both (K)")
    for n in [2 ** i for i in range(1, 11)]:
        def gain(k):
            groups = n // k
            rounds = math.ceil(options.trainings / groups)
            return options.trainings / rounds * alone / network.step(k, latency_s, bytes_per_s)
        sizes = [k for k in [2 ** i for i in range(11)] if k <= min(n, options.shards)]
        best = max(sizes, key=gain)
        shared = alone / network.step(min(n, options.shards), latency_s, bytes_per_s)
        print(f"{n:5d}  {gain(1):5.1f}  {shared:6.1f}  {gain(best):6.1f} ({best})")


main()
