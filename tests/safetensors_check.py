"""Loads the models that tests/checks/files.rs writes, as PyTorch does, and compares predictions.

    FEEDFORWARD_FILES_OUT=/tmp/files cargo test -p checks --test files
    python tests/safetensors_check.py /tmp/files

Needs numpy and safetensors. If torch is installed, torch.nn.Linear layers load the file and
predict. Otherwise NumPy computes x W^T + b, as those layers do.
"""

import pathlib
import sys

import numpy
from safetensors.numpy import load_file

try:
    import torch
    from safetensors.torch import load_file as load_torch
except ImportError:
    torch = None

TOLERANCE = {"f32": 1e-6, "f64": 1e-12}
FLOAT = {"f32": numpy.float32, "f64": numpy.float64}


def by_numpy(path, x):
    tensors = load_file(path)
    layers = len(tensors) // 2
    for i in range(layers):
        x = x @ tensors[f"layers.{i}.weight"].T + tensors[f"layers.{i}.bias"]
        if i + 1 < layers:
            x = numpy.tanh(x)
    return x


def by_torch(path, x):
    tensors = load_torch(path)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            weights = [tensors[f"layers.{i}.weight"] for i in range(len(tensors) // 2)]
            self.layers = torch.nn.ModuleList(
                torch.nn.Linear(w.shape[1], w.shape[0], dtype=w.dtype) for w in weights
            )

        def forward(self, x):
            for layer in self.layers[:-1]:
                x = torch.tanh(layer(x))
            return self.layers[-1](x)

    net = Net()
    net.load_state_dict(tensors)  # the names are those of a ModuleList
    with torch.no_grad():
        return net(torch.from_numpy(x)).numpy()


def main():
    folder = pathlib.Path(sys.argv[1])
    ways = [by_numpy] + ([by_torch] if torch else [])
    failed = 0
    for name in ("f32", "f64"):
        lines = (folder / f"{name}.txt").read_text().splitlines()
        x, y = (numpy.array(line.split(), FLOAT[name]) for line in lines)
        for way in ways:
            got = way(folder / f"{name}.safetensors", x.reshape(-1, 4))
            worst = abs(got - y.reshape(-1, 3)).max() / abs(y).max()
            good = got.dtype == y.dtype and worst <= TOLERANCE[name]
            failed += not good
            print(f"{'ok  ' if good else 'FAIL'} {worst:.1e}  {name} {way.__name__}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
