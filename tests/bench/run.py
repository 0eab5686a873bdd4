#!/usr/bin/env python3
"""Measures rimshot and what else is installed, in turn, and prints Markdown tables.

usage: run.py [--program build/bench] [--json build/bench.json] [--data FOLDER] [--batch N]
       run.py --show build/bench.json

Every figure is the median of several rounds; a round runs every program once, rimshot and its peer
one after the other. --data takes a folder with sounds and a labels.csv beside the synthesised drums.
The environment may set BENCH_ROUNDS (5), BENCH_SECONDS per figure (2), and PEER_PYTHON, the
interpreter that has torch, onnxruntime, librosa, torchaudio or audiomentations (python3).
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
BATCH = {"crnn": 32, "s1": 8, "s3": 32}  # 32 clips of s1 take PyTorch many gigabytes
THREADS = (1, 2)
SOUNDS = {"second": "one second, mono", "s1": "four seconds, stereo (S1)"}
CONFIGS = HERE.parent.parent / "configs"
CONFIG = CONFIGS / "h3.yaml"
CONFIG_OF = {"crnn": CONFIG, "s1": CONFIGS / "systems/s1.yaml", "s3": CONFIGS / "systems/s3.yaml"}
PASSES_TRAINED = 3  # a training step costs a forward pass and a backward pass of twice its size


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


def version_of(module, python, env):
    ask = f"import {module} as m, sys; sys.stdout.write(m.__version__)"
    answer = subprocess.run([python, "-c", ask], env=env, capture_output=True, text=True)
    return answer.stdout if answer.returncode == 0 else None


def processor_name():
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return "unknown"


def data_sets(folder):
    """Name, arguments of `bench epoch` and of `bench folder`."""
    sets = [("synthesised", ["dataset={source: synth, per_class: 128}"], [])]
    if folder:
        sets.append((folder.name, [f"dataset.path={folder.resolve()}"], [folder]))
    return sets


def make_jobs(a, batch, seconds, python, machine, onnx):
    """Pairs of a name and a command, in the order in which a round runs them. onnx: where the
    networks lie."""
    jobs = []
    for n in THREADS:
        common = ["--threads", n, "--seconds", seconds]
        jobs.append((f"sgemm {n}", [a.program, "sgemm", *common]))
        for model, size in batch.items():
            of_model = [*common, "--batch", size]
            file = HERE / f"{model}.yaml"
            jobs.append((f"rimshot {model} {n}", [a.program, "network", file, *of_model]))
            if machine["torch"]:
                peer = [python, HERE / "peer.py", model, *of_model]
                jobs.append((f"torch {model} {n}", peer))
            if machine["onnxruntime"]:
                peer = [python, HERE / "peer_onnx.py", onnx / model, *of_model]
                jobs.append((f"onnxruntime {model} {n}", peer))
            if n == THREADS[-1]:
                jobs.append((f"layers {model}", [a.program, "layers", file, *of_model]))
    for sound in SOUNDS:
        brief = ["--seconds", seconds / 4]
        file = HERE / "sound" / f"{sound}.yaml"
        jobs.append((f"sound {sound}", [a.program, "sound", file, *brief]))
        jobs.append((f"peers {sound}", [python, HERE / "peer_sound.py", sound, *brief]))
    for name, overrides, sounds in data_sets(a.data):
        common = ["--threads", THREADS[-1], "--seconds", seconds]
        jobs.append((f"epoch {name}", [a.program, "epoch", CONFIG, *overrides, *common]))
        jobs.append((f"folder {name}", [a.program, "folder", CONFIG, *sounds, *common]))
    return jobs


def measure(jobs, n_rounds, env):
    results = {name: [] for name, _ in jobs}
    single = {**env, "OMP_NUM_THREADS": "1"}
    for number in range(n_rounds):
        for name, command in jobs:
            end = "" if sys.stderr.isatty() else "\n"
            print(f"\rround {number + 1} of {n_rounds}: {name:<24}", end=end, file=sys.stderr)
            results[name].append(run_child(command, single if "peers" in name else env))
    print(file=sys.stderr)
    return {name: median_of(r) for name, r in results.items()}


# ---------------------------------------------------------------- what follows from it

def with_arithmetic(result, macs, limit):
    """Adds GFLOP/s and their share of sgemm's."""
    for what, passes in (("train", PASSES_TRAINED), ("infer", 1)):
        gflops = 2e-9 * macs * passes * result[f"{what}_samples_per_s"]
        result[f"{what}_gflops"] = gflops
        result[f"{what}_share"] = gflops / limit
    return result


def ratios(ours, theirs):
    """How many times as fast as the peer."""
    return {"train": ours["train_samples_per_s"] / theirs["train_samples_per_s"],
            "infer": ours["infer_samples_per_s"] / theirs["infer_samples_per_s"],
            "single": theirs["single_ms"] / ours["single_ms"]}


def network_rows(results, batch):
    rows = []
    for model in batch:
        for n in THREADS:
            limit = results[f"sgemm {n}"]["gflops"]
            ours, theirs = results[f"rimshot {model} {n}"], results.get(f"torch {model} {n}")
            macs = ours.pop("macs")
            row = {"model": model, "threads": n, "batch": batch[model], "macs": macs,
                   "rimshot": with_arithmetic(ours, macs, limit)}
            if theirs:
                if theirs["parameters"] != ours["parameters"]:
                    sys.exit(f"run.py: {model}: the networks differ in their parameters")
                row["torch"] = with_arithmetic(theirs, macs, limit)
                row["ratio"] = ratios(ours, theirs)
            if runtime := results.get(f"onnxruntime {model} {n}"):
                row["onnxruntime"] = runtime
            rows.append(row)
    return rows


def sound_times(results, sound):
    peers = {k: v for k, v in results[f"peers {sound}"].items() if k != "peak_mib"}
    return {"rimshot": results[f"sound {sound}"]["ms"], **peers}


def make_report(a, env, batch, n_rounds, seconds, python):
    machine = run_child([a.program, "kernel"], env)
    del machine["peak_mib"]
    machine.update({m: version_of(m, python, env) for m in ("torch", "onnxruntime")})
    with tempfile.TemporaryDirectory() as folder:
        onnx = Path(folder)
        for model in batch if machine["onnxruntime"] else ():
            run_child([a.program, "onnx", CONFIG_OF[model], onnx / model], env)
        results = measure(make_jobs(a, batch, seconds, python, machine, onnx), n_rounds, env)
    names = [name for name, _, _ in data_sets(a.data)]
    return {"machine": {"processor": processor_name(), **machine},
            "rounds": n_rounds, "seconds": seconds,
            "sgemm_gflops": {str(n): results[f"sgemm {n}"]["gflops"] for n in THREADS},
            "networks": network_rows(results, batch),
            "layers": {model: results[f"layers {model}"] for model in batch},
            "sound_ms": {sound: sound_times(results, sound) for sound in SOUNDS},
            "epoch": {name: results[f"epoch {name}"] for name in names},
            "folder": {name: results[f"folder {name}"] for name in names}}


# ---------------------------------------------------------------- tables

def number(x):
    """Three digits that count; nothing for what was not measured."""
    if x is None:
        return ""
    if x == 0:
        return "0"
    for limit, digits in ((100, 0), (10, 1), (1, 2)):
        if abs(x) >= limit:
            return f"{x:,.{digits}f}"
    return f"{x:.3f}"


def print_table(title, head, rows):
    rows = [[c if isinstance(c, str) else number(c) for c in row] for row in rows]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    is_text = [isinstance(c, str) and not c[:1].isdigit() and c != "" for c in rows[0]]

    def line(cells):
        aligned = [c.ljust(w) if t else c.rjust(w) for c, w, t in zip(cells, widths, is_text)]
        return "| " + " | ".join(aligned) + " |"

    print(f"\n### {title}\n\n{line(head)}")
    rules = ["-" * w if t else "-" * (w - 1) + ":" for w, t in zip(widths, is_text)]
    print("| " + " | ".join(rules) + " |")
    for row in rows:
        print(line(row))


def print_networks(report):
    has_torch = "torch" in report["networks"][0]
    for what, title, key in (("train", "Training, samples/s", "train_samples_per_s"),
                             ("infer", "Inference, samples/s", "infer_samples_per_s"),
                             ("single", "One sample, ms", "single_ms")):
        head, rows = ["network", "batch", "threads", "rimshot"], []
        head += ["PyTorch", "ratio"] if has_torch else []
        head += ["GFLOP/s", "% of sgemm"] if what != "single" else []
        for n in report["networks"]:
            batch = 1 if what == "single" else n["batch"]
            row = [n["model"], str(batch), str(n["threads"]), n["rimshot"][key]]
            row += [n["torch"][key], n["ratio"][what]] if has_torch else []
            if what != "single":
                row += [n["rimshot"][f"{what}_gflops"], 100 * n["rimshot"][f"{what}_share"]]
            rows.append(row)
        print_table(title, head, rows)
    rows = [[n["model"], str(n["batch"]), str(n["threads"]), n["rimshot"]["peak_mib"],
             n.get("torch", {}).get("peak_mib")] for n in report["networks"]]
    print_table("Peak memory of training and inference, MiB",
                ["network", "batch", "threads", "rimshot", "PyTorch"], rows)


def print_runtime(report):
    rows = []
    for n in report["networks"]:
        if other := n.get("onnxruntime"):
            ours = n["rimshot"]
            rows.append([n["model"], str(n["threads"]), str(n["batch"]),
                         ours["infer_samples_per_s"], other["infer_samples_per_s"],
                         ours["infer_samples_per_s"] / other["infer_samples_per_s"],
                         ours["single_ms"], other["single_ms"],
                         other["single_ms"] / ours["single_ms"]])
    if rows:
        print_table("Beside onnxruntime on the exported network",
                    ["network", "threads", "batch", "rimshot, samples/s", "onnxruntime", "ratio",
                     "one sample, ms", "onnxruntime", "ratio"], rows)


def print_layers(model, result, batch):
    rows, total = [], {"forward_ms": 0, "backward_ms": 0}
    for layer in result["layers"]:
        name = layer["layer"] + (f" + {layer['fused']}" if layer["fused"] else "")
        gflops = None
        if layer["macs"]:
            took = layer["forward_ms"] + layer["backward_ms"]
            gflops = 2e-6 * layer["macs"] * batch * PASSES_TRAINED / took
        rows.append([name, layer["output"], layer["forward_ms"], layer["backward_ms"], gflops])
        for key in total:
            total[key] += layer[key]
    rows.append(["all layers", "", total["forward_ms"], total["backward_ms"], None])
    rows.append(["loss, update", "", result["step_ms"] - sum(total.values()), None, None])
    print_table(f"{model} by layer, ms per training step of {batch}, {THREADS[-1]} threads",
                ["layer", "output", "forward", "backward", "GFLOP/s"], rows)


def print_sound(sound, times):
    names = list(times["rimshot"])
    rows = [[name.replace("_", " "), *(times[who].get(name) for who in times)] for name in names]
    print_table(f"{SOUNDS[sound]}: ms per clip, 1 thread", ["work", *times], rows)


def print_files(report):
    rows = [[name, e["clips"], e["decode_s"], e["open_s"], e["train_s"], e["clips_per_s"],
             e["peak_mib"]] for name, e in report["epoch"].items()]
    print_table(f"One epoch of crnn from cache to weights, {THREADS[-1]} threads",
                ["data", "clips", "filling the cache, s", "opening it, s", "training, s", "clips/s",
                 "peak, MiB"], rows)
    rows = [[name, f["files"], f["unreadable"], f["files_per_s"], f["peak_mib"]]
            for name, f in report["folder"].items()]
    print_table(f"Classification of a folder by crnn, {THREADS[-1]} threads",
                ["data", "files", "unreadable", "files/s", "peak, MiB"], rows)


def print_report(report):
    m = report["machine"]
    print(f"{m['processor']}; OpenBLAS {m['kernel']}, kernels of level {m['level']}; "
          f"{'torch ' + m['torch'] if m['torch'] else 'no torch (PEER_PYTHON names a Python)'}; "
          f"{'onnxruntime ' + m['onnxruntime'] + '; ' if m.get('onnxruntime') else ''}"
          f"medians of {report['rounds']} rounds of {report['seconds']} s.")
    rows = [[n, gflops] for n, gflops in report["sgemm_gflops"].items()]
    print_table("sgemm 1024 x 1024 x 1024, the limit", ["threads", "GFLOP/s"], rows)
    print_networks(report)
    print_runtime(report)
    batch = {n["model"]: n["batch"] for n in report["networks"]}
    for model, result in report["layers"].items():
        print_layers(model, result, batch[model])
    for sound, times in report["sound_ms"].items():
        print_sound(sound, times)
    print_files(report)


# ---------------------------------------------------------------- the command line

def best_environment(program):
    """OpenBLAS takes some new processors for old ones; all programs get the best kernels."""
    env = dict(os.environ)
    if "OPENBLAS_CORETYPE" not in env:
        env["OPENBLAS_CORETYPE"] = run_child([program, "kernel"], env)["best"]
    return env


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
    n_rounds = int(os.environ.get("BENCH_ROUNDS", "5"))
    seconds = float(os.environ.get("BENCH_SECONDS", "2"))
    python = os.environ.get("PEER_PYTHON", "python3")
    batch = {model: a.batch or size for model, size in BATCH.items()}
    a.program, a.data = a.program.resolve(), a.data and a.data.resolve()
    report = make_report(a, best_environment(a.program), batch, n_rounds, seconds, python)
    if a.json:
        a.json.write_text(json.dumps(report, indent=1) + "\n")
    print_report(report)


if __name__ == "__main__":
    main()
