"""Time of SciPy's Levenberg-Marquardt to a given error, on the networks of the bin `curve_fit`.

If pyrenn is installed, it trains the two smallest networks with its own.

usage: python curve_fit.py [SEEDS]
"""

import contextlib
import importlib.util
import sys
import time

import numpy as np
from scipy.optimize import least_squares


def surface(count):
    i = np.arange(1, count + 1)
    x = np.stack([2 * (i * 0.7548776662466927 % 1) - 1, 2 * (i * 0.5698402909980532 % 1) - 1], 1)
    return x, np.sin(2 * x[:, 0]) * np.cos(1.5 * x[:, 1]) + 0.3 * x[:, 0] * x[:, 1]


def wave(count):
    x = np.linspace(-1, 1, count)[:, None]
    return x, np.sin(3 * x[:, 0])


class Reached(Exception):
    pass


def fit(x, y, hidden, seed, goal, seconds):
    """Returns the seconds until the RMSE reaches the goal, or None, and the least RMSE."""
    inputs, count = x.shape[1], len(y)
    rng = np.random.default_rng(seed)

    def glorot(rows, cols):
        limit = np.sqrt(6 / (rows + cols))
        return rng.uniform(-limit, limit, (rows, cols)).ravel()

    start = np.concatenate([glorot(hidden, inputs), np.zeros(hidden), glorot(1, hidden), [0]])
    best = [np.inf]
    ends = [0, hidden * inputs, hidden * (inputs + 1), hidden * (inputs + 2)]
    began = time.perf_counter()

    def hidden_outputs(p):
        w = p[: ends[1]].reshape(hidden, inputs)
        return np.tanh(x @ w.T + p[ends[1] : ends[2]])

    def residuals(p):
        r = hidden_outputs(p) @ p[ends[2] : ends[3]] + p[-1] - y
        rmse = np.sqrt(r @ r / count)
        best[0] = min(best[0], rmse)
        if rmse <= goal or time.perf_counter() - began > seconds:
            raise Reached
        return r

    def jacobian(p):
        h, v = hidden_outputs(p), p[ends[2] : ends[3]]
        slope = (1 - h * h) * v
        j = np.empty((count, len(p)))
        j[:, : ends[1]] = (slope[:, :, None] * x[:, None, :]).reshape(count, -1)
        j[:, ends[1] : ends[2]] = slope
        j[:, ends[2] : ends[3]] = h
        j[:, -1] = 1
        return j

    try:
        tiny = 1e-15
        least_squares(residuals, start, jacobian, method="lm", xtol=tiny, ftol=tiny, gtol=tiny,
                      max_nfev=1_000_000)
    except Reached:
        pass
    elapsed = time.perf_counter() - began
    return (elapsed if best[0] <= goal else None), best[0]


def fit_pyrenn(x, y, hidden, seed, goal):
    """Returns the seconds until the RMSE reaches the goal, or None, as `fit` does."""
    import pyrenn

    np.random.seed(seed)
    net = pyrenn.CreateNN([x.shape[1], hidden, 1])
    began = time.perf_counter()
    with contextlib.redirect_stdout(None):
        net = pyrenn.train_LM(x.T, y[None, :], net, k_max=200, E_stop=goal * goal * len(y))
    elapsed = time.perf_counter() - began
    rmse = np.sqrt(np.mean((pyrenn.NNOut(x.T, net) - y) ** 2))
    return (elapsed if rmse <= goal else None), rmse


def report(name, runs, x, y, hidden, goal):
    times = sorted(run[0] if run[0] is not None else np.inf for run in runs)
    reached = sum(run[0] is not None for run in runs)
    shape = f"{x.shape[1]}-{hidden}-1"
    params = hidden * (x.shape[1] + 2) + 1
    print(f"{name:12} {shape:9} {params:5} params {len(y):5} samples  rmse {goal:.0e}"
          f"  {1e3 * times[len(times) // 2]:9.2f} ms  reached {reached} of {len(runs)}")


def main():
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    for hidden, (x, y), goals in [
        (5, wave(41), [1e-3, 1e-5]),
        (10, surface(200), [1e-3, 1e-4]),
        (25, surface(400), [1e-3, 1e-4]),
        (60, surface(1000), [1e-3, 1e-4]),
        (125, surface(2000), [1e-3, 1e-4]),
        (250, surface(4000), [1e-3]),
    ]:
        for goal in goals:
            count = seeds if hidden < 60 else min(seeds, 3)
            runs = [fit(x, y, hidden, seed, goal, 5) for seed in range(count)]
            report("scipy-lm", runs, x, y, hidden, goal)
            if hidden <= 10 and goal >= 1e-3 and importlib.util.find_spec("pyrenn"):
                runs = [fit_pyrenn(x, y, hidden, seed, goal) for seed in range(count)]
                report("pyrenn", runs, x, y, hidden, goal)


main()
