"""Weight files as Keras writes them, with what its layers make of an input.

Made with tensorflow-cpu 2.15.1 (Keras 2.15.0) and h5py 3.16.0: python3 tests/golden/make_keras.py
"""
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import h5py
import keras
import numpy as np
from keras import layers

import golden

rng = np.random.default_rng(5)


def scramble(model):
    """Random weights; variances stay positive."""
    for weight in model.weights:
        x = 0.5 * rng.standard_normal(weight.shape)
        weight.assign(np.abs(x) + 0.5 if "variance" in weight.name else x)


def image():
    """Channels last: [frequency, time, channel]."""
    model = keras.Sequential([
        layers.Input((8, 9, 2)),
        layers.BatchNormalization(name="norm"),
        layers.Conv2D(3, (3, 2), padding="same", activation="relu", name="conv"),
        layers.MaxPooling2D((3, 4), padding="same"),
        layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, name="depth"),
        layers.SeparableConv2D(4, 3, padding="same", name="separable"),
        layers.Flatten(),
        layers.Dense(3, name="out"),
    ])
    scramble(model)
    x = rng.standard_normal((1, 8, 9, 2)).astype(np.float32)
    model.save_weights(golden.HERE / "keras_image.h5")
    return {"image_x": x[0].transpose(2, 0, 1), "image_y": model.predict(x, verbose=0)[0]}


def sequence():
    model = keras.Sequential([
        layers.Input((7, 5)),
        layers.Bidirectional(layers.GRU(4, return_sequences=True), name="both"),
        layers.LSTM(3, return_sequences=True, name="memory"),
        layers.SimpleRNN(3, name="plain"),
        layers.Dense(2, name="out"),
    ])
    scramble(model)
    x = rng.standard_normal((1, 7, 5)).astype(np.float32)
    model.save(golden.HERE / "keras_sequence.h5", include_optimizer=False)
    return {"sequence_x": x[0], "sequence_y": model.predict(x, verbose=0)[0]}


def old():
    """Old ways: names of fixed length, in parts, and a model within a model."""
    numbers = np.arange(6, dtype=np.float64).reshape(2, 3)
    with h5py.File(golden.HERE / "keras_old.h5", "w") as f:
        f.attrs["layer_names0"] = np.array([b"input_1", b"model_1"])
        f.attrs["layer_names1"] = np.array([b"dense_2"])
        f.create_group("input_1").attrs["weight_names"] = []
        f.create_group("model_1").attrs["weight_names"] = np.array([b"dense_1/kernel:0"])
        f["model_1/dense_1/kernel:0"] = numbers
        f.create_group("dense_2").attrs["weight_names"] = np.array([b"dense_2/kernel:0", b"scale"])
        f["dense_2/dense_2/kernel:0"] = numbers.T.astype(np.float16)
        f["dense_2/scale"] = np.float32(3)


def one_layer(name, fill):
    with h5py.File(golden.HERE / name, "w") as f:
        f.attrs["layer_names"] = [b"a"]
        f.create_group("a").attrs["weight_names"] = [b"kernel:0", b"recurrent_kernel:0", b"bias:0"]
        fill(f["a"])


def bad():
    def unlike(group):
        group["kernel:0"] = np.zeros((2, 6), np.float32)
        group["recurrent_kernel:0"] = np.zeros((2, 6), np.float32)
        group["bias:0"] = np.zeros(6, np.float32)

    def link(group):
        group["kernel:0"] = h5py.ExternalLink("keras_image.h5", "/out/out/kernel:0")

    def storage(group):
        group.create_dataset("kernel:0", (2, 2), np.float32, external=[("keras_image.h5", 0, 16)])

    def huge(group):
        group.create_dataset("kernel:0", (1 << 20, 1 << 12), np.float32, chunks=(1 << 10, 1 << 10))

    one_layer("keras_reset_before.h5", unlike)
    one_layer("keras_link.h5", link)
    one_layer("keras_storage.h5", storage)
    one_layer("keras_huge.h5", huge)


golden.write("keras", {**image(), **sequence()})
old()
bad()
