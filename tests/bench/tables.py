"""Markdown tables of what run.py measured."""
PASSES_TRAINED = 3  # see run.py
SOUNDS = {"second": "one second, mono", "s1": "four seconds, stereo (S1)"}


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
    if not rows:
        return
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


# ---------------------------------------------------------------- how we compare

def network_comparisons(report):
    """What is measured, ours, theirs, ratio, the peer: for every figure that has a peer."""
    figures = (("training, samples/s", "train_samples_per_s"),
               ("inference, samples/s", "infer_samples_per_s"), ("one sample, ms", "single_ms"))
    for row in report["networks"]:
        where = f"{row['level']}, {row['threads']} thread{'s' if row['threads'] > 1 else ''}"
        for what, figure in figures:
            for peer in ("torch", "onnxruntime"):
                if figure not in row.get(peer, {}):
                    continue
                ours, theirs = row["rimshot"][figure], row[peer][figure]
                ratio = theirs / ours if figure == "single_ms" else ours / theirs
                by = f" {row['torch']['by'][figure]}" if peer == "torch" else ""
                yield [f"{row['network']} {what}", where, ours, theirs, ratio, peer + by]


def sound_comparisons(report):
    for sound, times in report["sound_ms"].items():
        for work, ours in times["rimshot"].items():
            theirs = {who: t[work] for who, t in times.items() if who != "rimshot" and work in t}
            if theirs:
                best = min(theirs, key=theirs.get)
                yield [f"{work.replace('_', ' ')}, {SOUNDS[sound]}, ms", "1 thread", ours,
                       theirs[best], theirs[best] / ours, best]


def experiment_comparisons(report):
    for name, programs in report["experiment"].items():
        ours = programs["rimshot"]["clips_per_s"]
        peers = {who: r["clips_per_s"] for who, r in programs.items() if who != "rimshot"}
        if peers:
            best = max(peers, key=peers.get)
            yield [f"experiment, {name}, clips trained/s", f"{report['threads'][-1]} threads",
                   ours, peers[best], ours / peers[best],
                   f"librosa, audiomentations, torch, {best}"]


def print_summary(report):
    rows = [*network_comparisons(report), *sound_comparisons(report),
            *experiment_comparisons(report)]
    print_table("Beside the best peer, worst first",
                ["work", "with", "rimshot", "peer", "ratio", "which peer"],
                sorted(rows, key=lambda row: row[4]))


# ---------------------------------------------------------------- networks

def print_networks(report):
    has_torch = any("torch" in n for n in report["networks"])
    for what, title, key in (("train", "Training, samples/s", "train_samples_per_s"),
                             ("infer", "Inference, samples/s", "infer_samples_per_s"),
                             ("single", "One sample, ms", "single_ms")):
        head, rows = ["network", "level", "batch", "threads", "rimshot"], []
        head += ["PyTorch", "ratio", "PyTorch's best"] if has_torch else []
        head += ["GFLOP/s", "% of sgemm"] if what != "single" else []
        for n in report["networks"]:
            ours, batch = n["rimshot"][key], 1 if what == "single" else n["batch"]
            row = [n["network"], n["level"], str(batch), str(n["threads"]), ours]
            if torch := n.get("torch"):
                ratio = torch[key] / ours if what == "single" else ours / torch[key]
                row += [torch[key], ratio, torch["by"][key]]
            elif has_torch:
                row += [None, None, ""]
            if what != "single":
                row += [n["rimshot"][f"{what}_gflops"], 100 * n["rimshot"][f"{what}_share"]]
            rows.append(row)
        print_table(title, head, rows)
    rows = [[n["network"], n["level"], str(n["batch"]), str(n["threads"]), n["rimshot"]["peak_mib"],
             n.get("torch", {}).get("peak_mib")] for n in report["networks"]]
    print_table("Peak memory of training and inference, MiB",
                ["network", "level", "batch", "threads", "rimshot", "PyTorch"], rows)


def print_variants(report):
    """PyTorch's ways, and why one was not possible."""
    rows, reasons = [], []
    for n in report["networks"]:
        for variant, r in n.get("torch", {}).get("variants", {}).items():
            row = [n["network"], n["level"], str(n["threads"]), variant]
            if "skipped" in r:
                reasons.append(f"{', '.join(row[:3])} threads, {variant}: {r['skipped']}")
            else:
                rows.append([*row, r["train_samples_per_s"], r["infer_samples_per_s"],
                             r["single_ms"]])
    print_table("Ways to use PyTorch", ["network", "level", "threads", "way", "training, samples/s",
                                        "inference, samples/s", "one sample, ms"], rows)
    if reasons:
        print("\nNot possible here:\n")
        print("\n".join(f"- {reason}" for reason in reasons))


def print_runtime(report):
    rows = []
    for n in report["networks"]:
        if other := n.get("onnxruntime"):
            ours = n["rimshot"]
            rows.append([n["network"], str(n["threads"]), str(n["batch"]),
                         ours["infer_samples_per_s"], other["infer_samples_per_s"],
                         ours["infer_samples_per_s"] / other["infer_samples_per_s"],
                         ours["single_ms"], other["single_ms"],
                         other["single_ms"] / ours["single_ms"]])
    print_table("Beside onnxruntime on the exported network",
                ["network", "threads", "batch", "rimshot, samples/s", "onnxruntime", "ratio",
                 "one sample, ms", "onnxruntime", "ratio"], rows)


def print_layers(name, result, batch, n_threads):
    rows, total = [], {"forward_ms": 0, "backward_ms": 0}
    for layer in result["layers"]:
        what = layer["layer"] + (f" + {layer['fused']}" if layer["fused"] else "")
        gflops = None
        if layer["macs"]:
            took = layer["forward_ms"] + layer["backward_ms"]
            gflops = 2e-6 * layer["macs"] * batch * PASSES_TRAINED / took
        rows.append([what, layer["output"], layer["forward_ms"], layer["backward_ms"], gflops])
        for key in total:
            total[key] += layer[key]
    rows.append(["all layers", "", total["forward_ms"], total["backward_ms"], None])
    rows.append(["loss, update", "", result["step_ms"] - sum(total.values()), None, None])
    print_table(f"{name} by layer, ms per training step of {batch}, {n_threads} threads",
                ["layer", "output", "forward", "backward", "GFLOP/s"], rows)


# ---------------------------------------------------------------- sounds and files

def print_sound(sound, times):
    names = list(times["rimshot"])
    rows = [[name.replace("_", " "), *(times[who].get(name) for who in times)] for name in names]
    print_table(f"{SOUNDS[sound]}: ms per clip, 1 thread", ["work", *times], rows)


def print_files(report):
    n_threads = report["threads"][-1]
    rows = [[name, e["clips"], e["decode_s"], e["open_s"], e["train_s"], e["clips_per_s"],
             e["peak_mib"]] for name, e in report["epoch"].items()]
    print_table(f"One epoch of crnn from cache to weights, {n_threads} threads",
                ["data", "clips", "filling the cache, s", "opening it, s", "training, s", "clips/s",
                 "peak, MiB"], rows)
    rows = [[name, f["files"], f["unreadable"], f["files_per_s"], f["peak_mib"]]
            for name, f in report["folder"].items()]
    print_table(f"Classification of a folder by crnn, {n_threads} threads",
                ["data", "files", "unreadable", "files/s", "peak, MiB"], rows)


def print_experiments(report):
    rows = [[name, who, r["seconds"], r["clips_per_s"], r["accuracy"], r["peak_mib"]]
            for name, programs in report["experiment"].items() for who, r in programs.items()]
    print_table("The experiment of h3.yaml: decoding, five folds, their tests, the final model; "
                f"{report['threads'][-1]} threads",
                ["data", "by", "s", "clips trained/s", "accuracy", "peak, MiB"], rows)


def print_report(report):
    m = report["machine"]
    peers = [f"{name} {m[name]}" for name in ("torch", "onnxruntime", "librosa", "audiomentations")
             if m.get(name)]
    print(f"{m['processor']}; OpenBLAS {m['kernel']}, kernels of level v{m['level']:g}; "
          f"{', '.join(peers) or 'no peers (PEER_PYTHON names a Python that has them)'}; "
          f"medians of {report['rounds']} rounds of {report['seconds']} s.")
    print_summary(report)
    print_table("sgemm 1024 x 1024 x 1024, the limit", ["level", "threads", "GFLOP/s"],
                [[level, str(n), gflops] for level, n, gflops in report["sgemm_gflops"]])
    print_networks(report)
    print_variants(report)
    print_runtime(report)
    for name, result in report["layers"].items():
        print_layers(name, result, report["layers_batch"][name], report["threads"][-1])
    for sound, times in report["sound_ms"].items():
        print_sound(sound, times)
    print_files(report)
    print_experiments(report)
