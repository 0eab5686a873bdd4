#!/usr/bin/env python3
"""Exports checked against onnxruntime, PyTorch and C compilers; not part of the test suite.

usage: check_exports.py RIMSHOT [--folder FOLDER]
       check_exports.py RIMSHOT --model MODEL --sounds CSV [--count 500] [--folder FOLDER]

Pins: onnx 1.23.2, onnxruntime 1.31.1, safetensors 0.8.0, numpy 1.26.4, torch 1.13.0,
librosa 0.11.0, soundfile 0.14.0.
The first form trains models for a few epochs on a few synthesised drums, then exports them. Checked
are: onnx.checker with full check and strict shape inference, `rimshot export --verify` (the
program's probabilities against onnxruntime's, for the network and from the waveform), batches of
other sizes, and the weights in a PyTorch network whose input librosa makes, against
`rimshot classify`.
The second form takes a model with the network of configs/demo.yaml and a CSV with the columns path
and label (paths from its folder), of which it picks sounds at even distances. It installs the
library into a folder, whose probabilities are the ones compared with: those of onnxruntime, of
docs/crnn.py, of the C header and of docs/examples. Sounds are decoded, trimmed and levelled by
docs/crnn.py for all but the last two.
"""
import argparse
import csv
import ctypes
import importlib.util
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile

import librosa
import numpy as np
import onnx
import onnx.shape_inference
import onnxruntime as ort
import soundfile
import torch
from safetensors import safe_open
from torch import nn

TOLERANCE = 1e-4
ort.set_default_logger_severity(3)

CRNN = """
  - repeat:
      for: {out: [16, 32, 64]}
      body:
        - conv2d: {kernel: 3, pad: same, bias: false}
        - batch_norm
        - relu
        - max_pool: 2
  - to_sequence
  - gru: {hidden: 64, bidirectional: true}
  - time_pool: [mean, max]
  - dropout: 0.3
  - linear: classes
"""
EVERY_LAYER = """
  - conv2d: {out: 6, kernel: 3, pad: same, stride: [2, 2]}
  - batch_norm
  - leaky_relu: 0.1
  - residual:
      body:
        - conv2d: {out: 6, kernel: [3, 4], pad: [1, 1, 1, 2], groups: 3, bias: false}
        - batch_norm: {affine: false}
        - gelu
      shortcut: [{conv2d: {out: 6, kernel: 1}}]
  - gate: [global_pool, {linear: 6}, sigmoid]
  - gate: [{global_pool: {kind: max, keep: true}}, {conv2d: {out: 6, kernel: 1}}, sigmoid]
  - max_pool: {kernel: [2, 3], stride: [2, 1], pad: [0, 1]}
  - max_pool: {kernel: [2, 3], stride: [1, 2], pad: same}
  - avg_pool: {kernel: 3, stride: [2, 1], pad: 1}
  - concat:
      - [{conv2d: {out: 4, kernel: [3, 3], dilation: [1, 2], pad: [1, 2]}}, relu]
      - [{conv2d: {out: 6, kernel: 3, groups: 6, pad: 1}}, silu]
      - []
  - layer_norm
  - permute: [1, 0, 2]
  - permute: [1, 0, 2]
  - to_sequence
  - layer_norm: {affine: false}
  - batch_norm
  - linear: {out: 12, bias: false}
  - tanh
  - residual: {body: [{linear: 12}, {gelu: tanh}]}
  - gru: {hidden: 8, layers: 2, bidirectional: true}
  - lstm: {hidden: 7, bidirectional: true, layers: 2}
  - rnn: {hidden: 6, nonlinearity: relu}
  - rnn: {hidden: 6, bidirectional: true}
  - to_image
  - residual: {body: [stochastic_depth]}
  - to_sequence
  - concat:
      - [{time_pool: [mean, max, last, attention]}]
      - [{time_pool: last}]
      - [{gru: {hidden: 5, output: last, bidirectional: true}}]
      - [{lstm: {hidden: 4, output: last}}]
  - reshape: [2, 37, 1]
  - permute: [1, 0, 2]
  - flatten
  - batch_norm
  - layer_norm
  - dropout: 0.2
  - linear: 20
  - concat:
      - [{forest: {out: classes, trees: 3, depth: 4}}]
      - []
  - linear: classes
"""
PICTURE = """
  - conv2d: {out: 8, kernel: 3, stride: 2, pad: half, init: he}
  - relu
  - conv2d: {out: x1, kernel: 5, stride: 2, pad: half, groups: 0}
  - adaptive_pool: [5, 3]
  - flatten
  - linear: classes
"""
WAVE = """
  - conv2d: {out: 8, kernel: [1, 64], stride: [1, 16], pad: same}
  - batch_norm
  - relu
  - conv2d: {out: 16, kernel: [1, 9], stride: [1, 4]}
  - relu
  - max_pool: [1, 4]
  - global_pool
  - linear: classes
"""
FULL = "{sample_rate: 44100, channels: 1, seconds: 1.0, trim_db: 0, normalize: none}"
SHORT = "{sample_rate: 22050, channels: %d, seconds: 0.3}"
MODELS = {
    "crnn": (FULL, "{kind: log_mel, n_fft: 2048, hop: 441, n_mels: 64}", CRNN, ""),
    "crnn_unmasked": (FULL, "{kind: log_mel, n_fft: 2048, hop: 441, n_mels: 64, "
                            "mask_padding: false}", CRNN, ""),
    "crnn_ensemble": (FULL, "{kind: log_mel, n_fft: 2048, hop: 441, n_mels: 64, frames: 110}", CRNN,
                      "  final: ensemble\n"),
    "every_layer": (SHORT % 1, "{kind: log_mel, n_fft: 512, hop: 100, n_mels: 24, "
                               "top_db: 80}", EVERY_LAYER, ""),
    "every_layer_unmasked": (SHORT % 2, "{kind: mfcc, n_fft: 500, hop: 110, n_mels: 30, "
                             "n_mfcc: 20, deltas: 2, pad: zero, reference: max, "
                             "normalize: dataset, frames: 70, mask_padding: false}",
                             EVERY_LAYER, ""),
    "every_layer_stft": (SHORT % 2, "{kind: stft, n_fft: 125, hop: 50, win_length: 100, "
                         "window: hamming, centered: false, scale: true, drop_last: true, "
                         "normalize: clip}", EVERY_LAYER, ""),
    "mel_power": (SHORT % 1, "{kind: mel_power, n_fft: 512, hop: 128, n_mels: 20, frames: 30, "
                             "normalize: minmax}", EVERY_LAYER, ""),
    "raster": (SHORT % 2, "{kind: raster, hop: 110, n_mels: 32, frames: 70, normalize: dataset}",
               PICTURE, ""),
    "raster_log_mel": (SHORT % 1, "{kind: raster_log_mel, n_fft: 512, hop: 110, n_mels: 32, "
                       "frames: 48}", PICTURE, ""),
    "raster_log_mel_clip": (SHORT % 2, "{kind: raster_log_mel, n_fft: 512, hop: 200, n_mels: 20, "
                            "normalize: clip, mask_padding: false}", PICTURE, ""),
    "waveform": (SHORT % 1, "{kind: waveform, normalize: none}", WAVE,
                 "  loss: binary_cross_entropy\n"),
}


class Crnn(nn.Module):
    """The network of the model `crnn`, written by hand."""

    def __init__(self, classes, channels=(16, 32, 64), hidden=64):
        super().__init__()
        blocks, c = [], 1
        for k in channels:
            blocks += [nn.Conv2d(c, k, 3, padding=1, bias=False), nn.BatchNorm2d(k), nn.ReLU(),
                       nn.MaxPool2d(2)]
            c = k
        self.conv = nn.Sequential(*blocks)
        self.gru = nn.GRU(c * 8, hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(4 * hidden, classes)

    def forward(self, x):
        z = self.conv(x)
        b, c, f, t = z.shape
        y, _ = self.gru(z.permute(0, 3, 1, 2).reshape(b, t, c * f))
        return self.out(torch.cat([y.mean(1), y.amax(1)], 1))


def run(*arguments):
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{arguments}: {done.stderr}{done.stdout}")
    return done.stdout


def train(rimshot, folder, name):
    audio, features, network, more = MODELS[name]
    final = "" if "final:" in more else "  final: best_fold\n"
    config = folder / f"{name}.yaml"
    config.write_text(f"name: {name}\ndataset: {{source: synth, per_class: 6}}\naudio: {audio}\n"
                      f"features: {features}\nnetwork:{network}"
                      f"train:\n  epochs: 4\n  batch: 16\n{final}"
                      f"  optimizer: {{adamw: {{lr: 0.01}}}}\n{more}"
                      "folds: {k: 2, seed: 7}\n")
    run(rimshot, "train", config, "--out", folder / name, "--overwrite", "--quiet")
    return folder / name / "model.h5"


def stir(rimshot, folder, name, model):
    """Weights that carry the input through to the end: training this short leaves deep networks
    all but constant, and then any export would agree."""
    rng = np.random.default_rng(3)
    run(rimshot, "export", model, "--to", "npz", "-o", folder / "stir.npz")
    with np.load(folder / "stir.npz") as archive:
        state = {n: archive[n] for n in archive.files if n != "metadata.json"}
    for key, value in state.items():
        if key.endswith(".unit"):
            continue  # which inputs a tree looks at
        if key.endswith(".leaves"):  # distributions over the classes
            n_classes, n_leaves = value.shape
            leaves = rng.dirichlet([0.1] * n_classes, n_leaves).astype(np.float32)
            state[key] = np.ascontiguousarray(leaves.T)
        elif value.ndim >= 2:
            fan_in = value.size / value.shape[0]
            state[key] = (rng.standard_normal(value.shape) * 1.4 / fan_in ** 0.5).astype(np.float32)
        elif "running" not in key and value.ndim == 1:
            state[key] = (value + 0.3 * rng.standard_normal(value.shape)).astype(np.float32)
    np.savez(folder / "stir.npz", **state)
    stirred = folder / f"{name}_stirred.h5"
    run(rimshot, "import", folder / "stir.npz", "--into", model, "-o", stirred)
    return stirred


def check_graph(path):
    """Checker, shape inference, batches of 1 and 3; the input `length` may be left out. Returns how
    far probabilities of different inputs are apart, too."""
    model = onnx.load(str(path))
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    x = session.get_inputs()[0]
    data = np.random.default_rng(1).standard_normal([3] + x.shape[1:]).astype(np.float32)
    data[1] *= np.exp(-np.linspace(0, 20, data.shape[-1], dtype=np.float32))
    data[2] = np.cumsum(data[2], axis=-1) / data.shape[-1] ** 0.5
    three = session.run(None, {x.name: data})[0]
    one = np.concatenate([session.run(None, {x.name: data[i:i + 1]})[0] for i in range(3)])
    assert np.abs(three - one).max() < TOLERANCE, path
    return len(model.graph.node), path.stat().st_size, np.ptp(three, axis=0).max()


def check_onnx(rimshot, folder, name, model):
    for form in ([], ["--with-features"]):
        path = folder / f"{name}{'_wave' if form else ''}.onnx"
        said = run(rimshot, "export", model, "--to", "onnx", "-o", path, "--verify", *form)
        difference = float(re.search(r"at most ([-0-9.e+]+)", said).group(1))
        nodes, size, spread = check_graph(path)
        assert spread > 1e-4, (path, spread)
        print(f"{name:22} {'waveform' if form else 'network':9} {nodes:4} nodes {size:9,} bytes  "
              f"inputs differ by {spread:.1e}  "
              f"rimshot - onnxruntime {difference:.1e}")
        assert difference <= TOLERANCE


def load_safetensors(path):
    with safe_open(str(path), "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()


def check_npz(path, state):
    with np.load(path) as archive:
        meta = json.loads(archive["metadata.json"])
        names = [n for n in archive.files if n != "metadata.json"]
        assert sorted(names) == sorted(state) and json.loads(meta["classes"])
        for name in names:
            assert np.array_equal(archive[name], state[name].numpy()), name
    assert zipfile.ZipFile(path).testzip() is None


def check_torch(rimshot, folder, model):
    """librosa's features through PyTorch's network, against the program on the same files."""
    run(rimshot, "export", model, "--to", "safetensors", "-o", folder / "crnn.safetensors")
    run(rimshot, "export", model, "--to", "npz", "-o", folder / "crnn.npz")
    state, meta = load_safetensors(folder / "crnn.safetensors")
    check_npz(folder / "crnn.npz", state)
    classes = json.loads(meta["classes"])
    places = {"13": "gru", "16": "out"}
    renamed = {(places[k.split(".")[0]] if k.split(".")[0] in places else "conv." + k.split(".")[0])
               + k[k.index("."):]: v for k, v in state.items()}
    net = Crnn(len(classes)).eval()
    net.load_state_dict(renamed, strict=True)
    rng, waves = np.random.default_rng(5), []
    (folder / "wav").mkdir(exist_ok=True)
    for i in range(12):
        t = np.arange(44100) / 44100
        x = np.sin(2 * np.pi * rng.uniform(50, 4000) * t)
        x += rng.uniform(0, 1) * rng.standard_normal(44100)
        x = (0.5 * x * np.exp(-t * rng.uniform(1, 20))).astype(np.float32)
        soundfile.write(folder / "wav" / f"{i:02}.wav", x, 44100, subtype="FLOAT")
        waves.append(x)
    mel = librosa.feature.melspectrogram(y=np.stack(waves), sr=44100, n_fft=2048, hop_length=441,
                                         n_mels=64, pad_mode="reflect")
    x = 10 * np.log10(np.maximum(mel, 1e-10))
    offset, scale = (np.array(json.loads(meta[k]))[:, None] for k in ("norm_offset", "norm_scale"))
    with torch.inference_mode():
        logits = net(torch.tensor((x - offset) / scale, dtype=torch.float32)[:, None])
        ours = torch.softmax(logits / float(meta["temperature"]), 1).numpy()
    lines = run(rimshot, "classify", model, folder / "wav", "--format", "json").splitlines()
    theirs = np.array([[json.loads(line)["probability"][c] for c in classes] for line in lines])
    difference = np.abs(ours - theirs).max()
    print(f"{'crnn_unmasked':22} safetensors in PyTorch on librosa's features: rimshot - PyTorch "
          f"{difference:.1e}")
    assert difference <= TOLERANCE
    return renamed


def check_import(rimshot, folder, model, renamed):
    """PyTorch's weights, as it names them, come back as the same model."""
    np.savez(folder / "torch.npz", **{k: v.numpy() for k, v in renamed.items()})
    (folder / "names.yaml").write_text('conv: ""\ngru: "13"\nout: "16"\n')
    run(rimshot, "import", folder / "torch.npz", "--into", model, "--names", folder / "names.yaml",
        "-o", folder / "again.h5")
    run(rimshot, "export", folder / "again.h5", "--to", "safetensors", "-o",
        folder / "again.safetensors")
    before, _ = load_safetensors(folder / "crnn.safetensors")
    after, _ = load_safetensors(folder / "again.safetensors")
    assert all(torch.equal(before[k], after[k]) for k in before) and len(before) == len(after)
    print(f"{'crnn_unmasked':22} PyTorch's names imported from NPZ: equal bit for bit")


def check_small_models(rimshot, folder):
    for name in MODELS:
        model = train(rimshot, folder, name)
        if not name.startswith("crnn"):
            model = stir(rimshot, folder, name, model)
        check_onnx(rimshot, folder, name, model)
        if name == "crnn_unmasked":
            check_import(rimshot, folder, model, check_torch(rimshot, folder, model))


# ---- one model on real sounds ----

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK_BYTES = """
#define DRUM_IMPLEMENTATION
#include "drum.h"
const int work_bytes = (int)sizeof(drum_work);
"""


def load_crnn():
    spec = importlib.util.spec_from_file_location("crnn", ROOT / "docs/crnn.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pick_sounds(table, count):
    with open(table, newline="") as file:
        rows = [str(table.parent / row["path"]) for row in csv.DictReader(file)]
    count = min(count, len(rows))
    return [rows[i * len(rows) // count] for i in range(count)]


class Library:
    """librimshot, as installed."""

    class Audio(ctypes.Structure):
        _fields_ = [("samples", ctypes.c_void_p), ("n_frames", ctypes.c_int64),
                    ("n_channels", ctypes.c_int32), ("sample_rate_hz", ctypes.c_double)]

    def __init__(self, prefix, model):
        self.so = ctypes.CDLL(str(prefix / "lib/librimshot.so"))
        self.model, self.error = ctypes.c_void_p(), ctypes.create_string_buffer(2048)
        self.call("rimshot_open", str(model).encode(), 1, ctypes.byref(self.model))
        self.n_classes = self.so.rimshot_n_classes(self.model)
        shape = (ctypes.c_int64 * 3)()
        self.so.rimshot_features_shape(self.model, shape)
        self.shape = tuple(shape)

    def call(self, name, *arguments):
        status = getattr(self.so, name)(*arguments, self.error)
        if status != 0:
            sys.exit(f"{name}: {self.error.raw[4:].split(bytes(1))[0].decode()}")

    def classify(self, path):
        y = np.zeros(self.n_classes, np.float32)
        self.call("rimshot_classify_file", self.model, path.encode(),
                  y.ctypes.data_as(ctypes.c_void_p))
        return y

    def features(self, path):
        x, audio = np.zeros(self.shape, np.float32), self.Audio()
        self.call("rimshot_audio_read", path.encode(), ctypes.byref(audio))
        self.call("rimshot_features", self.model, ctypes.byref(audio),
                  x.ctypes.data_as(ctypes.c_void_p))
        self.so.rimshot_audio_free(ctypes.byref(audio))
        return x


def install(rimshot, folder):
    """The library, and docs/examples built against it outside of the tree."""
    build, prefix = pathlib.Path(rimshot).resolve().parent, folder / "prefix"
    run("make", "-s", "-C", ROOT, f"BUILD={os.path.relpath(build, ROOT)}", f"PREFIX={prefix}",
        "install-lib")
    examples = folder / "examples"
    shutil.rmtree(examples, ignore_errors=True)
    shutil.copytree(ROOT / "docs/examples", examples)
    os.environ["PKG_CONFIG_PATH"] = str(prefix / "lib/pkgconfig")
    run("make", "-s", "-C", examples, "classify_file")
    return prefix, examples / "classify_file"


def tell(name, ours, theirs, more=""):
    """A line of the table."""
    ours, theirs = np.stack(ours), np.stack(theirs)
    same = np.mean(ours.argmax(1) == theirs.argmax(1))
    print(f"{name:44} {np.abs(ours - theirs).max():8.1e}  same answer {100 * same:6.2f} %{more}",
          flush=True)


def run_onnx(path, inputs):
    """Probabilities for pairs of input and length."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return [session.run(None, {name: x[None], "length": np.array([n])})[0][0] for x, n in inputs]


class Header:
    """A model's C header, compiled."""

    def __init__(self, compiler, path):
        source, library = path.parent / "use.c", path.parent / f"{compiler}.so"
        source.write_text(WORK_BYTES)
        flags = ["-std=c99", "-O3", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
        run(compiler, *flags, "-fPIC", "-shared", source, "-lm", "-o", library)
        run(compiler, *flags, "-c", source, "-o", path.parent / "use.o")
        run(compiler, *flags, "-DDRUM_TEST", "-x", "c", path, "-lm", "-o", path.parent / "self")
        run(path.parent / "self")
        sections = run("size", "-A", path.parent / "use.o")
        sizes = re.findall(r"^\.(?:text|rodata|data)\S*\s+(\d+)", sections, re.M)
        self.object_bytes = sum(int(n) for n in sizes)
        self.so = ctypes.CDLL(str(library))
        self.work_bytes = ctypes.c_int.in_dll(self.so, "work_bytes").value
        self.work = ctypes.create_string_buffer(self.work_bytes + 64)
        self.aligned = ctypes.c_void_p((ctypes.addressof(self.work) + 63) // 64 * 64)

    def classify(self, x, n_classes):
        y = np.zeros(n_classes, np.float32)
        self.so.drum_classify(x.ctypes.data_as(ctypes.c_void_p), x.shape[0], x.shape[1],
                              self.aligned, y.ctypes.data_as(ctypes.c_void_p))
        return y


def read_channels(crnn, path):
    x, rate = soundfile.read(path, dtype="float32", always_2d=True)
    if rate != crnn.RATE:
        x = librosa.resample(x, orig_sr=rate, target_sr=crnn.RATE, res_type="soxr_vhq", axis=0)
    return np.ascontiguousarray(x.T)


def fastest_ms(headers, x, n_classes, rounds=100, runs=10):
    """The least time of each over rounds far apart, since other programs come and go."""
    least = dict.fromkeys(headers, float("inf"))
    for _ in range(rounds):
        time.sleep(0.3)
        for name, header in headers.items():
            for _ in range(runs):
                start = time.perf_counter()
                header.classify(x, n_classes)
                least[name] = min(least[name], 1e3 * (time.perf_counter() - start))
    return least


def check_headers(rimshot, folder, model, sounds, longest, wanted):
    headers, n_classes = {}, len(wanted[0])
    for form in ("floats", "integers"):
        path = folder / form / "drum.h"
        path.parent.mkdir(exist_ok=True)
        run(rimshot, "export", model, "--to", "c", "-o", path, *["--int8"][:form == "integers"])
        for compiler in ("gcc", "clang"):
            if shutil.which(compiler) is None:
                continue
            header = Header(compiler, path)
            tell(f"C header, {form}, {compiler}", wanted,
                 [header.classify(x, n_classes) for x in sounds],
                 f", header {path.stat().st_size:,}, object {header.object_bytes:,}, work "
                 f"{header.work_bytes:,} bytes")
            headers[f"{form}, {compiler}"] = header
    for name, ms in fastest_ms(headers, longest, n_classes).items():
        print(f"C header, {name}: least time of the longest sound {ms:.2f} ms")


def parse_six_decimals(lines, classes):
    rows = []
    for line in lines.splitlines():
        found = dict(cell.rsplit(" ", 1) for cell in line.split("\t")[1:])
        rows.append(np.array([float(found[c]) for c in classes]))
    return rows


def check_real_sounds(rimshot, folder, model, paths):
    crnn = load_crnn()
    prefix, example = install(rimshot, folder)
    library = Library(prefix, model)
    wanted = [library.classify(path) for path in paths]
    clips = [crnn.load_sound(path).astype(np.float32) for path in paths]

    print(f"{len(paths)} sounds, largest difference of a probability from rimshot's")
    for form, name in (["--with-features"], "wave.onnx"), ([], "network.onnx"):
        run(rimshot, "export", model, "--to", "onnx", "-o", folder / name, *form)
        check_graph(folder / name)
    waves = [(np.pad(x, (0, crnn.SAMPLES - len(x)))[None], len(x)) for x in clips]
    tell("onnxruntime, from the waveform", wanted, run_onnx(folder / "wave.onnx", waves))
    images = [(library.features(p), 1 + (len(x) - 1) // 441) for p, x in zip(paths, clips)]
    tell("onnxruntime, network on rimshot's features", wanted,
         run_onnx(folder / "network.onnx", images))

    run(rimshot, "export", model, "--to", "safetensors", "-o", folder / "real.safetensors")
    state, meta = load_safetensors(folder / "real.safetensors")
    classes = json.loads(meta["classes"])
    network = crnn.make_network(len(classes))
    network.load_state_dict(state)
    offset, scale = (np.array(json.loads(meta[k])) for k in ("norm_offset", "norm_scale"))
    logits = [crnn.logits(network, *crnn.make_features(x, offset, scale)) for x in clips]
    tell("PyTorch, safetensors in docs/crnn.py", wanted,
         [torch.softmax(z / float(meta["temperature"]), 0).numpy() for z in logits])

    sounds = [read_channels(crnn, path) for path in paths]
    longest = sounds[int(np.argmax([len(x) for x in clips]))]  # once silence is off
    check_headers(rimshot, folder, model, sounds, longest, wanted)

    lines = run(rimshot, "classify", model, *paths, "--format", "json").splitlines()
    program = [np.array([json.loads(x)["probability"][c] for c in classes]) for x in lines]
    os.environ["LD_LIBRARY_PATH"] = str(prefix / "lib")
    tell("installed library, docs/examples (6 decimals)", program,
         parse_six_decimals(run(example, model, *paths), classes))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rimshot")
    parser.add_argument("--model", type=pathlib.Path)
    parser.add_argument("--sounds", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--folder", type=pathlib.Path)
    arguments = parser.parse_args()
    folder = arguments.folder or pathlib.Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    if arguments.model is None:
        check_small_models(arguments.rimshot, folder.resolve())
    else:
        check_real_sounds(arguments.rimshot, folder.resolve(), arguments.model,
                          pick_sounds(arguments.sounds, arguments.count))


if __name__ == "__main__":
    main()
