"""Times a job of src/lib.rs in a Python library.

usage: peers.py {scikit-learn,torch,torch-compiled,jax} [f32|f64] [EPOCHS] [JOB]
       peers.py versions

Uses as many threads as it may use cores: pin it with taskset.
"""

import os
import sys
import time
from importlib import metadata

LIBRARY = sys.argv[1] if len(sys.argv) > 1 else ""
DTYPE = sys.argv[2] if len(sys.argv) > 2 else "f32"
EPOCHS = int(sys.argv[3]) if len(sys.argv) > 3 else 10
JOB = sys.argv[4] if len(sys.argv) > 4 else "tutorial"
THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()

# Before any import of a library, which reads them once.
for name in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{name}_NUM_THREADS"] = str(THREADS)
os.environ.pop("OPENBLAS_CORETYPE", None)  # may force a slow kernel
os.environ["JAX_PLATFORMS"] = "cpu"

# Sizes, samples and minibatch, as in src/lib.rs.
JOBS = {
    "tutorial": ([2] + [100] * 10 + [3], 10_000, 200),
    "4-16-3_b32": ([4, 16, 3], 10_240, 32),
    "13-64-64-1_b32": ([13, 64, 64, 1], 10_240, 32),
    "13-64-64-1_b256": ([13, 64, 64, 1], 10_240, 256),
    "784-128-10_b64": ([784, 128, 10], 5_120, 64),
    "64-512-512-8_b256": ([64, 512, 512, 8], 5_120, 256),
}
SIZES, SAMPLES, BATCH = JOBS.get(JOB, JOBS["tutorial"])
LEARNING_RATE = 1e-3


class Clock:
    """Seconds that each epoch took. The first is warm-up, and not counted."""

    def __init__(self):
        self.started, self.laps = time.perf_counter(), []

    def lap(self):
        now = time.perf_counter()
        self.laps.append(now - self.started)
        self.started = now

    def report(self, loss):
        """Prints one line, which `run` reads. `loss` is the last epoch's mean."""
        unit, scale = ("ms/epoch", 1e3) if JOB == "tutorial" else ("us/step", 1e6 * BATCH / SAMPLES)
        laps = sorted(scale * lap for lap in self.laps[1:])
        print(
            f"{LIBRARY} {DTYPE} threads {THREADS} {unit}: median {laps[len(laps) // 2]:.2f} "
            f"min {laps[0]:.2f} max {laps[-1]:.2f} loss {loss:.5f}"
        )


def data():
    """Inputs and targets, one row a sample."""
    import numpy as np

    float_type = np.float32 if DTYPE == "f32" else np.float64
    inputs, targets = picture(np) if JOB == "tutorial" else waves(np)
    return inputs.astype(float_type), targets.astype(float_type)


def picture(np):
    """The coordinates of each pixel, in [-1, 1), and its colors: a disk, a bar and waves."""
    y, x = np.array(np.divmod(np.arange(SAMPLES), 100)) / 50 - 1
    colors = [np.hypot(y, x) < 0.7, np.abs(y) < 0.3, np.sin(5 * x) > 0]
    return np.stack([y, x], 1), np.stack(colors, 1)


def waves(np):
    """Random inputs in [-1, 1), and smooth targets in [0, 1]: waves along the inputs' sum."""
    inputs = np.random.default_rng(1).uniform(-1, 1, (SAMPLES, SIZES[0]))
    waves = np.outer(inputs.sum(1), np.arange(1, SIZES[-1] + 1))
    return inputs, 0.5 + 0.5 * np.sin(waves)


def scikit_learn():
    from sklearn.neural_network import MLPRegressor

    x, y = data()
    y = y.squeeze()  # a single output is a vector
    net = MLPRegressor(
        hidden_layer_sizes=SIZES[1:-1],
        learning_rate_init=LEARNING_RATE,
        batch_size=BATCH,
        alpha=0,
        random_state=0,
    )
    clock = Clock()
    for _ in range(1 + EPOCHS):
        net.partial_fit(x, y)
        clock.lap()
    clock.report(2 * net.loss_)  # it halves the squared error


def torch(compiled):
    import torch
    from torch import nn

    torch.set_num_threads(THREADS)
    x, y = map(torch.from_numpy, data())
    layers = []
    for inputs, outputs in zip(SIZES, SIZES[1:]):
        layers += [nn.Linear(inputs, outputs, dtype=x.dtype), nn.ReLU()]
    net = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(net.parameters(), LEARNING_RATE, fused=True)

    def loss_and_gradient(x, y):
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        return loss.detach()

    if compiled:
        loss_and_gradient = torch.compile(loss_and_gradient)
    clock = Clock()
    for _ in range(1 + EPOCHS):
        order, loss = torch.randperm(SAMPLES), 0
        for batch in order.split(BATCH):
            optimizer.zero_grad(set_to_none=True)
            loss += loss_and_gradient(x[batch], y[batch])
            optimizer.step()
        clock.lap()
    clock.report(loss.item() * BATCH / SAMPLES)


def jax():
    eigen = "true" if THREADS > 1 else "false"
    os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={eigen}"
    import jax
    import jax.numpy as jnp
    import numpy as np

    jax.config.update("jax_enable_x64", DTYPE == "f64")
    x, y = map(jnp.asarray, data())
    rng = np.random.default_rng(0)

    def layer(inputs, outputs):
        bound = np.sqrt(6 / (inputs + outputs))
        weights = rng.uniform(-bound, bound, (inputs, outputs))
        return jnp.asarray(weights, x.dtype), jnp.zeros(outputs, x.dtype)

    def mean_squared_error(params, x, y):
        *hidden, (weights, biases) = params
        for w, b in hidden:
            x = jax.nn.relu(x @ w + b)
        return jnp.mean((x @ weights + biases - y) ** 2)

    def step(state, batch):
        params, m, v, t = state
        t += 1
        loss, g = jax.value_and_grad(mean_squared_error)(params, x[batch], y[batch])
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        rate = LEARNING_RATE * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        params = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), params, m, v)
        return (params, m, v, t), loss

    @jax.jit
    def epoch(state, order):
        return jax.lax.scan(step, state, order.reshape(-1, BATCH))

    params = [layer(*pair) for pair in zip(SIZES, SIZES[1:])]
    zeros = jax.tree.map(jnp.zeros_like, params)
    state = params, zeros, zeros, jnp.asarray(0, x.dtype)
    clock = Clock()
    for _ in range(1 + EPOCHS):
        state, losses = epoch(state, rng.permutation(SAMPLES))
        losses.block_until_ready()
        clock.lap()
    clock.report(losses.mean().item())


def versions():
    for library in ("scikit-learn", "torch", "jax"):
        try:
            print(library, metadata.version(library))
        except metadata.PackageNotFoundError:
            pass


if __name__ == "__main__":
    libraries = {
        "scikit-learn": scikit_learn,
        "torch": lambda: torch(compiled=False),
        "torch-compiled": lambda: torch(compiled=True),
        "jax": jax,
        "versions": versions,
    }
    if LIBRARY not in libraries or JOB not in JOBS or DTYPE not in ("f32", "f64") or EPOCHS < 1:
        sys.exit(__doc__)
    libraries[LIBRARY]()
