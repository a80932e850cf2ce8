"""Compares onnxruntime's answers with this crate's, for the models that tests write.

    FEEDFORWARD_ONNX_OUT=/tmp/models cargo test --test onnx --test onnx_tabular \\
        --test onnx_quantized
    python tests/onnx_check.py /tmp/models

Needs onnx, onnxruntime and numpy. Differences are relative to max(|y|, floor). tests/onnx.rs writes
the floors beside the models, and says why:

- For an activation of exact pre-activations, the floor is the smallest normal number. It is larger
  if the formula cancels, and times |x| if a gate may be subnormal.
- For a network's sums, it is the largest result.

Labels and infinities must be equal. Predictions for tables are relative to |y| alone. Each model
predicts all samples at once, one at a time, and none at all if it is of a table.

Differences of quantized networks are in steps: of int8 outputs, or of their range divided by 255.
Those of models in integers must be zero, unless an activation in f32 follows.
"""

import json
import pathlib
import sys

import numpy
import onnx
import onnxruntime

TOLERANCE = {"f32": 1e-6, "f64": 1e-12}
TABLES = 1e-5
# Mean and maximum in steps. Two roundings where onnxruntime has one change hidden integers by 1.
STEPS = {"Single": (1e-3, 1), "Double": (0.5, 12)}
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


def numbers(values):
    """Returns numbers from JSON, in which null is NaN and infinities are words."""
    return numpy.array([numpy.nan if value is None else float(value) for value in values])


def cells_of(column):
    """Returns the input for a column."""
    cells = column["cells"]
    cells = numbers(cells) if column["is_number"] else numpy.array(cells, object)
    return cells.reshape(-1, 1)


def check_table(folder, model):
    """Returns the largest difference of one model of a table, and True if it passes."""
    path = folder / f"{model['name']}.onnx"
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    given = {column["name"]: cells_of(column) for column in model["columns"]}
    x = {column.name: given[column.name] for column in session.get_inputs()}
    rows = len(next(iter(x.values())))
    y = numbers(model["values"]).reshape(rows, -1)
    names = [output.name for output in session.get_outputs()]
    assert names == model["outputs"], f"{names}"

    batch = session.run(names, x)
    single = [session.run(names, {n: v[i : i + 1] for n, v in x.items()}) for i in range(rows)]
    single = [numpy.concatenate(parts) for parts in zip(*single)]
    none = session.run(names, {n: v[:0] for n, v in x.items()})
    assert none[-1].shape == (0, y.shape[1]), f"{model['name']}: no rows"
    worst = 0.0
    for got in (batch, single):
        assert got[-1].shape == y.shape and got[-1].dtype == y.dtype, f"{model['name']}: shape"
        worst = max(worst, difference(got[-1], y, 0))
        if model["labels"] and list(got[0]) != model["labels"]:
            worst = numpy.inf
    return worst, worst <= TABLES


def sessions(path, model):
    """Returns sessions with default and without optimizations."""
    usual, plain = onnxruntime.SessionOptions(), onnxruntime.SessionOptions()
    if model["may_saturate"]:
        # Without this, kernels for CPUs with AVX2 and without VNNI limit sums to 16 bits.
        usual.add_session_config_entry("session.x64quantprecision", "1")
    plain.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    make, providers = onnxruntime.InferenceSession, ["CPUExecutionProvider"]
    return [make(path, options, providers=providers) for options in (usual, plain)]


def check_quantized(folder, model):
    """Returns the largest difference of a quantized network in steps, and True if it passes."""
    name = model["name"]
    path = folder / f"{name}.onnx"
    onnx.checker.check_model(onnx.load(path), full_check=True)
    worst, good = 0.0, True
    for session in sessions(path, model):
        width = session.get_inputs()[0].shape[1]
        x = numpy.fromfile(folder / f"{name}.x.bin", FLOAT["f32"]).reshape(-1, width)
        y = numpy.fromfile(folder / f"{name}.y.bin", FLOAT["f32"]).reshape(len(x), -1)
        got = session.run(["y"], {"x": x})[0]
        assert got.shape == y.shape and got.dtype == y.dtype, f"{name}: shape or type"
        some = range(0, len(x), 10)
        single = [session.run(["y"], {"x": x[i : i + 1]})[0] for i in some]
        difference = abs(got.astype(numpy.float64) - y)
        step = model["step"] or (float(y.max()) - float(y.min())) / 255 or 1.0
        worst = max(worst, (difference / step).max())
        if model["form"] == "integers":
            largest = abs(y).max() if model["has_activation"] else 0
            good = good and difference.max() <= TOLERANCE["f32"] * largest
        elif model["is_wild"]:
            good = good and numpy.isfinite(got).all()
        else:
            mean, most = STEPS[model["rounding"]]
            steps = difference / step
            good = good and steps.mean() <= mean and steps.max() <= most
        alone = abs(numpy.concatenate(single) - got[some])
        good = good and alone.max() <= step * 1e-3
    return worst, good


def main():
    folder = pathlib.Path(sys.argv[1])
    checks = {
        "models.jsonl": check,
        "tables.jsonl": check_table,
        "quantized.jsonl": check_quantized,
    }
    checks = {folder / name: check for name, check in checks.items()}
    lines = [
        (line, check)
        for path, check in checks.items()
        if path.exists()
        for line in path.read_text().splitlines()
    ]
    failed = 0
    for line, check_line in lines:
        model = json.loads(line)
        worst, good = check_line(folder, model)
        failed += not good
        print(f"{'ok  ' if good else 'FAIL'} {worst:.1e}  {model['name']}", flush=True)
    print(f"{len(lines)} models, {failed} failed, onnxruntime {onnxruntime.__version__}")
    sys.exit(failed > 0 or not lines)


if __name__ == "__main__":
    main()
