#!/usr/bin/env python3
"""Measures rimshot and what else is installed, in turn, and prints Markdown tables.

usage: run.py [--program build/bench] [--json build/bench.json] [--data FOLDER] [--batch N]
       run.py --show build/bench.json

Every figure is the median of several rounds; a round runs every program once, rimshot and its peers
one after the other. PyTorch is used in several ways (peer.py), and the fastest counts; after the
first round those are left out that are far from it. --data takes a folder with sounds and a
labels.csv beside the synthesised drums. The environment may set

    PEER_PYTHON      the Python that has what requirements.txt lists, or some of it (python3)
    BENCH_ROUNDS     (5), BENCH_SECONDS per figure (2)
    BENCH_PARTS      of networks,layers,sound,files,experiment: what is measured (all)
    BENCH_NETWORKS   of crnn,s1,s3,resnet34,efficientnet_b0,openl3 (all)
    BENCH_THREADS    (1,2)
    BENCH_LEVELS     of v3,v4: instruction sets for networks (those the processor has)
    BENCH_VARIANTS   of PyTorch's, see peer.py (all)
    BENCH_EPOCHS     of the experiment (1), BENCH_PER_CLASS: its sounds (40)

so BENCH_PARTS=networks BENCH_NETWORKS=s3 BENCH_THREADS=1 BENCH_ROUNDS=1 BENCH_SECONDS=0.2 measures
one row in a minute.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tables import print_report

HERE = Path(__file__).resolve().parent
CONFIGS = HERE.parent.parent / "configs"
CONFIG = CONFIGS / "h3.yaml"
SYSTEMS = CONFIGS / "systems"
# What ONNX files are made from, and the batch: 32 clips of s1 take PyTorch many gigabytes.
NETWORKS = {"crnn": ([CONFIG], 32), "s1": ([SYSTEMS / "s1.yaml"], 8),
            "s3": ([SYSTEMS / "s3.yaml"], 32),
            "resnet34": ([SYSTEMS / "s4.yaml", "network[0].include=networks/resnet34.yaml"], 8),
            "efficientnet_b0": ([SYSTEMS / "s4.yaml"], 8),
            "openl3": ([SYSTEMS / "openl3.yaml"], 8)}
PARTS = ("networks", "layers", "sound", "files", "experiment")
VARIANTS = ("contiguous", "channels_last", "fused", "channels_last fused", "compiled",
            "channels_last compiled")
SOUNDS = ("second", "s1")
WORKERS = (0, 2)
FIGURES = {"train_samples_per_s": max, "infer_samples_per_s": max, "single_ms": min}
NEAR_THE_BEST = 0.8  # what is slower in all figures is not measured again
EXPERIMENT_ROUNDS = 3
PASSES_TRAINED = 3  # a training step costs a forward pass and a backward pass of twice its size
AVX2 = {"RIMSHOT_LEVEL": "v3", "OPENBLAS_CORETYPE": "Haswell", "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}


@dataclass
class Job:
    key: tuple
    command: list
    env: dict
    rounds: int
    results: list = field(default_factory=list)


# ---------------------------------------------------------------- running

def run_child(command, env):
    """What the child prints as JSON, and the most memory it had."""
    child = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, env=env)
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"run.py: {' '.join(str(c) for c in command)}: exit code {child.returncode}")
    return {**json.loads(output), "peak_mib": usage.ru_maxrss / 1024}


def median_of(results):
    """One result like those given, each number the median of theirs."""
    first = results[0]
    if isinstance(first, dict):
        return {key: median_of([r[key] for r in results]) for key in first}
    if isinstance(first, list):
        return [median_of(list(items)) for items in zip(*results)]
    return first if isinstance(first, str) else statistics.median(results)


def versions_of(modules, python, env):
    """None for what cannot be imported."""
    ask = ("import importlib, json, sys\n"
           "found = dict.fromkeys(sys.argv[1:])\n"
           "for name in found:\n"
           "    try: found[name] = importlib.import_module(name).__version__\n"
           "    except Exception: pass\n"
           "print(json.dumps(found))")
    answer = run_child([python, "-c", ask, *modules], env)
    return {module: answer[module] for module in modules}


def processor_name():
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return "unknown"


def data_sets(s):
    """Name, arguments of `bench epoch` and of `bench folder`."""
    sets = [("synthesised", ["dataset={source: synth, per_class: 128}"], [])]
    if s.data:
        sets.append((s.data.name, [f"dataset.path={s.data}"], [s.data]))
    return sets


# ---------------------------------------------------------------- what is run

def network_jobs(s, folder):
    for level, env in s.levels.items():
        for n in s.threads:
            common = ["--threads", n, "--seconds", s.seconds]
            yield Job(("sgemm", level, n), [s.program, "sgemm", *common], env, s.rounds)
            for name, batch in s.networks.items():
                of_network, key = [*common, "--batch", batch], (level, name, n)
                yield Job(("rimshot", *key), [s.program, "network", HERE / f"{name}.yaml",
                                              *of_network], env, s.rounds)
                for variant in s.variants if s.machine["torch"] else ():
                    peer = [s.python, HERE / "peer.py", name, "--variant", variant, *of_network]
                    yield Job(("torch", *key, variant), peer, env, s.rounds)
                # onnxruntime cannot be kept from what the processor has
                if s.machine["onnxruntime"] and level == s.level:
                    peer = [s.python, HERE / "peer_onnx.py", folder / name, *of_network]
                    yield Job(("onnxruntime", *key), peer, env, s.rounds)


def layer_jobs(s):
    for name, batch in s.networks.items():
        yield Job(("layers", name), [s.program, "layers", HERE / f"{name}.yaml", "--threads",
                                     s.threads[-1], "--seconds", s.seconds, "--batch", batch],
                  s.env, s.rounds)


def sound_jobs(s):
    brief = ["--seconds", s.seconds / 4]
    for sound in SOUNDS:
        file = HERE / "sound" / f"{sound}.yaml"
        yield Job(("sound", sound), [s.program, "sound", file, *brief], s.env, s.rounds)
        yield Job(("peers", sound), [s.python, HERE / "peer_sound.py", sound, *brief],
                  {**s.env, "OMP_NUM_THREADS": "1"}, s.rounds)


def file_jobs(s):
    common = ["--threads", s.threads[-1], "--seconds", s.seconds]
    for name, overrides, sounds in data_sets(s):
        yield Job(("epoch", name), [s.program, "epoch", CONFIG, *overrides, *common], s.env,
                  s.rounds)
        yield Job(("folder", name), [s.program, "folder", CONFIG, *sounds, *common], s.env,
                  s.rounds)


def experiment_jobs(s, folder):
    """The whole of configs/h3.yaml, but for its epochs."""
    sounds = folder / "sounds"
    subprocess.run([s.rimshot, "data", "synth", sounds, "--per-class", str(s.per_class), "--quiet"],
                   env=s.env, check=True)
    sets = [("synthesised", sounds, f"dataset={{source: folder, path: {sounds}}}")]
    if s.data:
        sets.append((s.data.name, s.data, f"dataset.path={s.data}"))
    n, rounds = s.threads[-1], min(s.rounds, EXPERIMENT_ROUNDS)
    for name, path, override in sets:
        own = [sys.executable, HERE / "experiment.py", s.rimshot, CONFIG, folder / "run", override,
               f"train.epochs={s.epochs}", "--threads", n]
        yield Job(("experiment", name, "rimshot"), own, s.env, rounds)
        for workers in WORKERS if s.machine["torch"] and s.machine["audiomentations"] else ():
            peer = [s.python, HERE / "peer_experiment.py", path, "--workers", workers, "--threads",
                    n, "--epochs", s.epochs]
            yield Job(("experiment", name, f"{workers} workers"), peer, s.env, rounds)


def make_jobs(s, folder):
    """In the order in which a round runs them. folder: for what they read."""
    makers = {"networks": lambda: network_jobs(s, folder), "layers": lambda: layer_jobs(s),
              "sound": lambda: sound_jobs(s), "files": lambda: file_jobs(s),
              "experiment": lambda: experiment_jobs(s, folder)}
    return [job for part in s.parts for job in makers[part]()]


def drop_slow_variants(jobs):
    """After the first round: what this PyTorch cannot do, and what is far from its best."""
    for job in jobs:
        if job.key[0] != "torch":
            continue
        rivals = [j.results[0] for j in jobs
                  if j.key[:-1] == job.key[:-1] and "skipped" not in j.results[0]]
        mine = job.results[0]
        near = [] if "skipped" in mine else [
            best(mine[f] / r[f] for r in rivals) for f, best in
            (("train_samples_per_s", min), ("infer_samples_per_s", min), ("single_ms", max))]
        if not near or (near[0] < NEAR_THE_BEST and near[1] < NEAR_THE_BEST
                        and near[2] > 1 / NEAR_THE_BEST):
            job.rounds = 1


def measure(jobs, n_rounds):
    for number in range(n_rounds):
        for job in jobs:
            if number >= job.rounds:
                continue
            end = "" if sys.stderr.isatty() else "\n"
            name = " ".join(str(k) for k in job.key)
            print(f"\rround {number + 1} of {n_rounds}: {name:<50}", end=end, file=sys.stderr)
            job.results.append(run_child(job.command, job.env))
        if number == 0:
            drop_slow_variants(jobs)
    print(file=sys.stderr)
    return {job.key: median_of(job.results) for job in jobs}


# ---------------------------------------------------------------- what follows from it

def with_arithmetic(result, macs, limit):
    """Adds GFLOP/s and their share of sgemm's."""
    for what, passes in (("train", PASSES_TRAINED), ("infer", 1)):
        gflops = 2e-9 * macs * passes * result[f"{what}_samples_per_s"]
        result[f"{what}_gflops"] = gflops
        result[f"{what}_share"] = gflops / limit
    return result


def best_of(variants):
    """Each figure by the variant that is best in it, with its name in `by`; memory: as trained."""
    able = {name: r for name, r in variants.items() if "skipped" not in r}
    if not able:
        return None
    best, by = {}, {}
    for figure, choose in FIGURES.items():
        by[figure] = choose(able, key=lambda name: able[name][figure])
        best[figure] = able[by[figure]][figure]
    trained = able[by["train_samples_per_s"]]
    return {**best, "by": by, "parameters": trained["parameters"], "peak_mib": trained["peak_mib"],
            "variants": variants}


def network_rows(s, results):
    rows = []
    for kind, *key in [k for k in results if k[0] == "rimshot"]:
        level, name, n = key
        ours = results[(kind, *key)]
        macs = ours.pop("macs")
        row = {"network": name, "level": level, "threads": n, "batch": s.networks[name],
               "macs": macs,
               "rimshot": with_arithmetic(ours, macs, results["sgemm", level, n]["gflops"])}
        variants = {k[-1]: r for k, r in results.items() if k[:-1] == ("torch", *key)}
        if torch := best_of(variants):
            if torch["parameters"] != ours["parameters"]:
                sys.exit(f"run.py: {name}: the networks differ in their parameters")
            row["torch"] = torch
        if runtime := results.get(("onnxruntime", *key)):
            row["onnxruntime"] = runtime
        rows.append(row)
    return rows


def sound_times(results, sound):
    peers = {k: v for k, v in results["peers", sound].items() if k != "peak_mib"}
    return {"rimshot": results["sound", sound]["ms"], **peers}


def by_name(results, kind):
    return {key[1]: result for key, result in results.items() if key[0] == kind}


def make_report(s):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for network in s.networks if s.machine["onnxruntime"] and "networks" in s.parts else ():
            config, *overrides = NETWORKS[network][0]
            run_child([s.program, "onnx", config, folder / network, *overrides], s.env)
        results = measure(make_jobs(s, folder), s.rounds)
    experiments = {}
    for key, result in results.items():
        if key[0] == "experiment" and "skipped" not in result:
            experiments.setdefault(key[1], {})[key[2]] = result
    return {"machine": {"processor": processor_name(), **s.machine},
            "rounds": s.rounds, "seconds": s.seconds, "threads": s.threads,
            "sgemm_gflops": [[*key[1:], r["gflops"]] for key, r in results.items()
                             if key[0] == "sgemm"],
            "networks": network_rows(s, results), "layers": by_name(results, "layers"),
            "layers_batch": s.networks,
            "sound_ms": {sound: sound_times(results, sound) for sound in by_name(results, "sound")},
            "epoch": by_name(results, "epoch"), "folder": by_name(results, "folder"),
            "experiment": experiments}


# ---------------------------------------------------------------- the command line

def best_environment(program):
    """OpenBLAS takes some new processors for old ones; all programs get the best kernels."""
    env = dict(os.environ)
    if "OPENBLAS_CORETYPE" not in env:
        env["OPENBLAS_CORETYPE"] = run_child([program, "kernel"], env)["best"]
    return env


def chosen(name, all_there_are):
    """A list of the environment, in the order of what there is."""
    wanted = os.environ.get(name, ",".join(all_there_are)).split(",")
    if unknown := [w for w in wanted if w not in all_there_are]:
        sys.exit(f"run.py: {name}: no {unknown[0]!r} in {', '.join(all_there_are)}")
    return [item for item in all_there_are if item in wanted]


def read_settings(a):
    """The command line and the environment."""
    s = argparse.Namespace(program=a.program.resolve(), data=a.data and a.data.resolve())
    s.rimshot = s.program.parent / "rimshot"
    s.rounds = int(os.environ.get("BENCH_ROUNDS", "5"))
    s.seconds = float(os.environ.get("BENCH_SECONDS", "2"))
    s.epochs = int(os.environ.get("BENCH_EPOCHS", "1"))
    s.per_class = int(os.environ.get("BENCH_PER_CLASS", "40"))
    s.threads = [int(n) for n in os.environ.get("BENCH_THREADS", "1,2").split(",")]
    s.python = os.environ.get("PEER_PYTHON", "python3")
    s.parts, s.variants = chosen("BENCH_PARTS", PARTS), chosen("BENCH_VARIANTS", VARIANTS)
    s.networks = {n: a.batch or NETWORKS[n][1] for n in chosen("BENCH_NETWORKS", NETWORKS)}
    s.env = best_environment(s.program)
    s.machine = run_child([s.program, "kernel"], s.env)
    del s.machine["peak_mib"]
    modules = ("torch", "torchvision", "onnxruntime", "librosa", "audiomentations")
    s.machine.update(versions_of(modules, s.python, s.env))
    s.level = f"v{s.machine['level']:g}"
    levels = {"v3": {**s.env, **AVX2}, s.level: s.env} if s.level > "v3" else {s.level: s.env}
    s.levels = {level: levels[level] for level in chosen("BENCH_LEVELS", list(levels))}
    return s


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", type=Path, default=Path("build/bench"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--show", type=Path)
    a = parser.parse_args()
    if a.show:
        print_report(json.loads(a.show.read_text()))
        return
    report = make_report(read_settings(a))
    if a.json:
        a.json.write_text(json.dumps(report, indent=1) + "\n")
    print_report(report)


if __name__ == "__main__":
    main()
