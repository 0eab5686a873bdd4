"""Holds the ONNX files of tests/infer/export/test_networks.c against what the program found.

usage: networks_onnx.py FOLDER

The folder has net*.onnx (features to probabilities), wave*.onnx (waveform to probabilities) and for each
number the arrays features, frames and usable (what is wanted of them), waves, samples, wanted and decision. For
each kind a line with the number of files and the largest difference. Exit status 3: there is no onnxruntime.
"""
import pathlib
import sys

try:
    import numpy as np
    import onnxruntime as ort
except ImportError:
    sys.exit(3)

TOLERANCE = 1e-4
FORMS = {"net": ("features", "frames", "usable"), "wave": ("waves", "samples", "wanted")}


def answers(session, x, length):
    """All clips in a batch, then each alone."""
    names = [i.name for i in session.get_inputs() + session.get_overridable_initializers()]
    shape = session.get_inputs()[0].shape[1:] if names[0] == "features" else [1, -1]
    x = x.reshape(len(length), *shape)

    def run(part):
        feed = {names[0]: x[part]}
        if "length" in names:
            feed["length"] = length[part]
        return session.run(None, feed)

    alone = zip(*[run(slice(i, i + 1)) for i in range(len(x))])
    return run(slice(None)), [np.concatenate(parts) for parts in alone]


def largest(folder, form):
    """The number of files and the largest difference in all of them."""
    n, most = 0, 0.0
    for path in sorted(folder.glob(form + "*.onnx")):
        number = path.stem[len(form):]
        x, length, wanted = (
            np.fromfile(folder / f"{name}{number}.bin", kind)
            for name, kind in zip(FORMS[form], (np.float32, np.int64, np.float32))
        )
        session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        decision = np.fromfile(folder / f"decision{number}.bin", np.int64)
        for y, said in answers(session, x, length):
            if form == "wave" and (said != decision).any():
                sys.exit(f"{path.name}: clip {int((said != decision).argmax())} is decided otherwise")
            difference = np.abs(y.reshape(-1) - wanted)
            if not difference.max() <= TOLERANCE:
                clip = int(difference.argmax()) // y.shape[1]
                sys.exit(f"{path.name}: clip {clip} of length {length[clip]} differs by {difference.max():.2g}")
            most = max(most, float(difference.max()))
        n += 1
    return n, most


ort.set_default_logger_severity(4)
for name in FORMS:
    print(*largest(pathlib.Path(sys.argv[1]), name))
