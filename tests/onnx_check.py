"""Compares onnxruntime's answers with this crate's, for the models that tests/onnx.rs writes.

    FEEDFORWARD_ONNX_OUT=/tmp/models cargo test --test onnx
    python tests/onnx_check.py /tmp/models

Needs onnx, onnxruntime and numpy. Differences are relative to max(|y|, floor). tests/onnx.rs writes
the floors beside the models, and says why:

- For an activation of exact pre-activations, the floor is the smallest normal number. It is larger
  if the formula cancels, and times |x| if a gate may be subnormal.
- For a network's sums, it is the largest result.

Labels and infinities must be equal.
"""

import json
import pathlib
import sys

import numpy
import onnx
import onnxruntime

TOLERANCE = {"f32": 1e-6, "f64": 1e-12}
FLOAT = {"f32": numpy.dtype("<f4"), "f64": numpy.dtype("<f8")}


def difference(got, want, floors):
    """Returns the largest relative difference, infinite if only one side is finite."""
    got, want = got.astype(numpy.float64), want.astype(numpy.float64)
    same = (got == want) | (numpy.isnan(got) & numpy.isnan(want))
    with numpy.errstate(all="ignore"):
        relative = abs(got - want) / numpy.maximum(abs(want), floors)
    relative[~(numpy.isfinite(got) & numpy.isfinite(want))] = numpy.inf
    relative[same] = 0
    return relative.max()


def check(folder, model):
    """Returns the largest difference of one model, and True if it passes."""
    name = model["name"]
    path = folder / f"{name}.onnx"
    onnx.checker.check_model(onnx.load(path), full_check=True)

    def read(kind, dtype):
        return numpy.fromfile(folder / f"{name}.{kind}.bin", dtype)

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    width = session.get_inputs()[0].shape[1]
    x = read("x", FLOAT[model["type"]]).reshape(-1, width)
    y = read("y", FLOAT[model["type"]]).reshape(len(x), -1)
    floors = read("floors", "<f8").reshape(y.shape)
    names = [model["output"]] + ([model["labels"]] if model["labels"] else [])
    labels = None
    if model["labels"]:
        labels = read("labels", "<i8").reshape([len(x), -1])
        labels = labels[:, 0] if model["labels"] == "label" else labels

    batch = session.run(names, {"x": x})
    single = [session.run(names, {"x": x[i : i + 1]}) for i in range(len(x))]
    single = [numpy.concatenate(parts) for parts in zip(*single)]
    # Without AVX-512, onnxruntime's Softmax flushes subnormal numbers to zero.
    smallest = numpy.finfo(y.dtype).tiny if model["output"] == "probabilities" else 0
    worst = 0.0
    for got in (batch, single):
        assert got[0].shape == y.shape and got[0].dtype == y.dtype, f"{name}: shape or type"
        flushed = (got[0] == 0) & (abs(y) < smallest)
        worst = max(worst, difference(got[0], numpy.where(flushed, 0, y), floors))
        if labels is not None:
            assert got[1].shape == labels.shape, f"{name}: shape of labels"
            if (got[1] != labels).any():
                worst = numpy.inf
    return worst, worst <= TOLERANCE[model["type"]]


def main():
    folder = pathlib.Path(sys.argv[1])
    lines = (folder / "models.jsonl").read_text().splitlines()
    failed = 0
    for line in lines:
        model = json.loads(line)
        worst, good = check(folder, model)
        failed += not good
        print(f"{'ok  ' if good else 'FAIL'} {worst:.1e}  {model['name']}", flush=True)
    print(f"{len(lines)} models, {failed} failed, onnxruntime {onnxruntime.__version__}")
    sys.exit(failed > 0 or not lines)


if __name__ == "__main__":
    main()
