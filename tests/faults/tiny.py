"""A data set, configurations and commands so small that a training takes a fifth of a second; what
tests/faults/faults.py and tests/kills/kills.py share."""
import hashlib
import os
import shutil
import subprocess
import tempfile

CONFIG = """name: tiny
dataset: {source: folder, path: sounds}
audio: {sample_rate: 8000, seconds: 0.25}
features: {n_fft: 256, hop: 256, n_mels: 8}
augment: [{gain: {p: 0.5, db: [-6, 0]}}]
network:
  - {conv2d: {out: 2, kernel: 3, pad: same}, name: conv}
  - {batch_norm: {}, name: norm}
  - relu
  - max_pool: 2
  - to_sequence
  - time_pool: mean
  - {linear: classes, name: out}
train: {epochs: 2, batch: 4}
folds: {k: 2}
"""
SWEEP = """name: sweep
config: tiny.yaml
set: [train.epochs=1, train.final=none]
grid:
  train.batch: [4, 3]
"""
IMAGE = """name: image
dataset: {source: synth, per_class: 2, classes: [kick, snare, hat]}
audio: {sample_rate: 8000, channels: 2, seconds: 0.1}
features: {kind: stft, n_fft: 16, hop: 16, drop_last: true, frames: 9, normalize: none}
network:
  - {batch_norm: {eps: 1e-3}, name: norm}
  - {conv2d: {out: 3, kernel: [3, 2], pad: same}, name: conv}
  - relu
  - max_pool: {kernel: [3, 4], pad: same}
  - {conv2d: {out: 6, kernel: 3, pad: same, groups: 3}, name: depth}
  - {conv2d: {out: 6, kernel: 3, pad: same, groups: 6, bias: false}, name: separable_1}
  - {conv2d: {out: 4, kernel: 1}, name: separable_2}
  - permute: [1, 2, 0]
  - flatten
  - {linear: classes, name: out}
"""
NAMES = "{separable.depthwise: separable_1, separable.pointwise: separable_2, optimizer: ~}\n"
SONGS = """name: songs
dataset: {source: performance, songs: 1, bars: 1, pools: 2, classes: [B, S, rest], parts: {source: folder, path: kit}}
audio: {sample_rate: 8000, seconds: 0.2}
"""


def text(path, content):
    with open(path, "w") as file:
        file.write(content)


def make(folder, program):
    """Sounds of three classes, as many to test with, a pool without labels, and configurations."""
    def sounds(name, seed):
        subprocess.run([program, "data", "synth", name, "--per-class", "2", "--seed", str(seed),
                        "--quiet"], cwd=folder, check=True)
        for class_name in os.listdir(os.path.join(folder, name)):
            if class_name not in ("kick", "snare", "clap"):
                shutil.rmtree(os.path.join(folder, name, class_name))
    os.makedirs(folder)
    sounds("sounds", 1)
    sounds("tests", 5)
    sounds("made", 9)
    os.mkdir(os.path.join(folder, "pool"))
    for class_name in os.listdir(os.path.join(folder, "made")):
        for i, name in enumerate(sorted(os.listdir(os.path.join(folder, "made", class_name)))):
            os.rename(os.path.join(folder, "made", class_name, name),
                      os.path.join(folder, "pool", "%s-%d.wav" % (class_name, i)))
    shutil.rmtree(os.path.join(folder, "made"))
    for part, class_name in zip("B S CH OH R FT MT C".split(), ("kick", "snare", "clap") * 3):
        shutil.copytree(os.path.join(folder, "sounds", class_name), os.path.join(folder, "kit", part))
    both = "dataset: [{source: folder, path: sounds}, {source: folder, path: tests, use: test}]"
    text(os.path.join(folder, "tiny.yaml"), CONFIG)
    text(os.path.join(folder, "sweep.yaml"), SWEEP)
    text(os.path.join(folder, "tested.yaml"),
         CONFIG.replace("dataset: {source: folder, path: sounds}", both))
    text(os.path.join(folder, "pretrain.yaml"),
         CONFIG.replace("path: sounds}", "path: pool, label: any}")
         .replace("{linear: classes, name: out}", "linear: 4").replace("folds: {k: 2}\n", ""))
    text(os.path.join(folder, "image.yaml"), IMAGE)
    text(os.path.join(folder, "names.yaml"), NAMES)
    text(os.path.join(folder, "songs.yaml"), SONGS)
    golden = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden")
    shutil.copy(os.path.join(golden, "keras_image.h5"), os.path.join(folder, "keras.h5"))


def tree(folder):
    """Every file below the folder: its path and a digest of its bytes."""
    files = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as file:
                digest = hashlib.blake2b(file.read(), digest_size=16).hexdigest()
            files[os.path.relpath(path, folder)] = digest
    return files


def environment(**more):
    """What rimshot runs in: a cache in the folder it works in, one thread, no second start."""
    env = {name: value for name, value in os.environ.items()
           if not name.startswith(("RIMSHOT_", "FAULTS_", "POWER_"))}
    env.update(RIMSHOT_CACHE="cache", RIMSHOT_THREADS="1", RIMSHOT_STARTED="1", LC_ALL="C.UTF-8")
    env.update(more)
    return env


def scratch():
    """A new folder in memory, where there is one: syncing costs nothing there."""
    memory = "/dev/shm"
    return tempfile.mkdtemp(prefix="rimshot-", dir=memory if os.access(memory, os.W_OK) else None)
