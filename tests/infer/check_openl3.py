"""OpenL3's encoders in Keras against `rimshot import` and `rimshot embed`, from a waveform to the
embedding, with random weights. Not part of `make test`.

    python3 tests/infer/check_openl3.py build/rimshot

Needs tensorflow-cpu 2.15.1 (Keras 2.15.0), numpy 1.26.4, librosa 0.11.0, soundfile.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
warnings.simplefilter("ignore")  # librosa's, about empty filters: OpenL3 has such

import keras
import librosa
import numpy as np
import soundfile
from keras import layers

RATE, HOP = 48000, 242
NETWORKS = pathlib.Path(__file__).resolve().parents[2] / "configs/systems/networks"
LEVEL = "hop: 242, reference: max, top_db: 80, normalize: none, mask_padding: false"
MEL = "kind: log_mel, n_fft: 2048, pad: same, htk: true, empty: true, root: true"
CASES = [  # name, bands (0: linear), pooling, features
    ("openl3_mel256", 256, (32, 24), f"{MEL}, n_mels: 256, {LEVEL}"),
    ("openl3_mel256_6144", 256, (8, 8), f"{MEL}, n_mels: 256, {LEVEL}"),
    ("openl3_mel128", 128, (16, 24), f"{MEL}, n_mels: 128, {LEVEL}"),
    ("openl3_linear", 0, (32, 24),
     f"kind: stft, n_fft: 512, centered: false, decibels: true, {LEVEL}"),
]


def sound():
    t = np.arange(RATE) / RATE
    noise = np.random.default_rng(0).standard_normal(RATE)
    x = 0.5 * np.exp(-8 * t) * (np.sin(2 * np.pi * 90 * t) + 0.3 * noise)
    return np.round(np.clip(x, -1, 1) * 32767) / 32768


def spectrogram(x, n_mels):
    """As kapre 0.1.4 does it, in double precision: [bands, frames]."""
    n_fft = 2048 if n_mels else 512
    if n_mels:
        missing = (-(-len(x) // HOP) - 1) * HOP + n_fft - len(x)
        x = np.pad(x, (missing // 2, missing - missing // 2))
    frames = np.lib.stride_tricks.sliding_window_view(x, n_fft)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(n_fft + 1)[:-1], axis=1).T) ** 2
    if n_mels:
        power = librosa.filters.mel(sr=RATE, n_fft=n_fft, n_mels=n_mels, htk=True) @ power
    level = 10 * np.log10(np.maximum(np.sqrt(power), 1e-10))
    return np.maximum(level - level.max(), -80)


def encoder(shape, pooling):
    """The model whose weights are published, and the one that gives the embedding."""
    x = entry = layers.Input(shape)
    norms = iter(range(1, 9))
    convolutions = iter(range(1, 8))

    def norm(x):
        return layers.BatchNormalization(name=f"batch_normalization_{next(norms)}")(x)

    def block(x, n):
        x = layers.Conv2D(n, 3, padding="same", name=f"conv2d_{next(convolutions)}")(x)
        return layers.Activation("relu")(norm(x))

    x = norm(x)
    for n in (64, 128, 256):
        x = layers.MaxPooling2D(2)(block(block(x, n), n))
    x = layers.Conv2D(512, 3, padding="same", name="audio_embedding_layer")(block(x, 512))
    pooled = layers.MaxPooling2D(pooling, padding="same")(x)
    return keras.Model(entry, x), keras.Model(entry, layers.Flatten()(pooled))


def scramble(model):
    """Weights that keep numbers near 1; the first norm is given decibels."""
    rng = np.random.default_rng(1)
    for weight in model.weights:
        first = weight.name.startswith("batch_normalization_1/")
        x = 0.1 * rng.standard_normal(weight.shape)
        if "kernel" in weight.name:
            x *= 10 * np.sqrt(2 / np.prod(weight.shape[:-1]))
        elif "gamma" in weight.name:
            x += 1
        elif "variance" in weight.name:
            x = (1 + x) * (900 if first else 1)
        elif "mean" in weight.name and first:
            x -= 50
        weight.assign(x)


def check(rimshot, folder, name, n_mels, pooling, features):
    keras.backend.clear_session()
    level = spectrogram(sound(), n_mels)
    model, embedding = encoder((*level.shape, 1), pooling)
    scramble(model)
    model.save_weights(folder / "weights.h5")
    expected = embedding.predict(level[None, :, :, None].astype(np.float32), verbose=0)[0]
    (folder / "config.yaml").write_text(
        "name: a\ndataset: {source: synth}\n"
        "audio: {sample_rate: 48000, seconds: 1.0, trim_db: 0, normalize: none}\n"
        f"features: {{{features}}}\n"
        f"network: [{{include: {NETWORKS / name}.yaml}}, {{linear: classes, name: head}}]\n")
    run = lambda *words: subprocess.run([rimshot, *words], cwd=folder, check=True)
    run("import", "config.yaml", "weights.h5", "--classes", "a,b", "--keep", "head", "-o", "m.h5")
    run("embed", "m.h5", "sounds", "-o", "rows.npz", "--quiet")
    arrays = np.load(folder / "rows.npz")
    row = next(a for a in (arrays[n] for n in arrays.files) if a.ndim == 2 and a.dtype == np.float32)
    difference = np.abs(row[0] - expected).max()
    print(f"{name:20} {expected.size:5} numbers up to {np.abs(expected).max():.1f}, "
          f"largest difference {difference:.1e}")
    assert difference < 1e-4


def main():
    rimshot = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "sounds/a").mkdir(parents=True)
        soundfile.write(folder / "sounds/a/x.wav", sound(), RATE, subtype="PCM_16")
        for case in CASES:
            check(rimshot, folder, *case)


if __name__ == "__main__":
    main()
