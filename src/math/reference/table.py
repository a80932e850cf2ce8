"""Writes table.txt, which has arguments and correctly rounded f64 values of the functions.

    python3 -m venv venv && venv/bin/pip install mpmath && venv/bin/python table.py

Each line contains a function's name, or the bits of x and of f(x) in hexadecimal.
"""

import math
import pathlib
import random
import struct

import mpmath as mp

# Enough bits for f(x) - 1 and x - n pi to keep 53 bits of the smallest difference.
mp.mp.prec = 1200

FUNCTIONS = {
    "exp": mp.exp,
    "exp_m1": mp.expm1,
    "ln": mp.log,
    "ln_1p": mp.log1p,
    "tanh": mp.tanh,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "softplus": lambda x: mp.log1p(mp.exp(x)),
    "log_sigmoid": lambda x: -mp.log1p(mp.exp(-x)),
    "erf": mp.erf,
    "sin": mp.sin,
    "cos": mp.cos,
}

# Lower and upper end of the interesting part of each function.
RANGES = {
    "exp": (-745, 709.7),
    "exp_m1": (-40, 709.7),
    "ln": (0, 1e300),
    "ln_1p": (-1, 1e300),
    "tanh": (-20, 20),
    "sigmoid": (-745, 38),
    "softplus": (-745, 100),
    "log_sigmoid": (-100, 745),
    "erf": (-6, 6),
    "sin": (-1e4, 1e4),
    "cos": (-1e4, 1e4),
}

# Arguments at which one formula replaces another. The table has arguments on both sides.
SEAMS = {
    "ln": [2.0 ** -1022, 2.0**0.5, 0.5**0.5, 1.0, 2.0],
    "ln_1p": [2.0**0.5 - 1, 0.5**0.5 - 1, 2.0**53, 2.0**54],
    "erf": [0.92, 5.95],
    "tanh": [0.55, 20.0],
}


def arguments(name, rng):
    low, high = RANGES[name]
    for _ in range(60):
        yield rng.uniform(max(low, -750), min(high, 1e4))
    for _ in range(60):
        yield rng.uniform(max(low, -3), min(high, 3))
    # Cover every magnitude, down to subnormal numbers.
    for exponent in list(range(-1074, -60, 60)) + list(range(-60, 14)):
        x = math.ldexp(rng.uniform(1, 2), exponent) * rng.choice([-1, 1])
        yield x if low <= x <= high else -x
    for seam in SEAMS.get(name, []) + [k * math.log(2) / 2 for k in range(-5, 6, 2)]:
        yield from (math.nextafter(seam, -math.inf), seam, math.nextafter(seam, math.inf))
    if name in ("sin", "cos"):
        # Numbers nearest to a zero or a peak lose most in the reduction.
        for k in sorted(rng.sample(range(1, 6366), 80)):
            yield float(k * mp.pi / 2)
    if name in ("ln", "ln_1p"):
        for _ in range(40):
            yield math.ldexp(rng.uniform(1, 2), rng.randrange(-3, 900))
        for k in range(2, 40):
            yield (1.0 if name == "ln" else 0.0) + rng.choice([-1, 1]) * rng.uniform(1, 2) * 2.0**-k
    if low == -745 or high == 745:
        # Cover subnormal results.
        for _ in range(20):
            x = -rng.uniform(708, 745)
            yield x if low == -745 else -x


def bits(x):
    return struct.pack(">d", x).hex()


def rounded(x):
    # Python rounds the quotient of two integers correctly, to a subnormal number too.
    mantissa, exponent = abs(x).man_exp
    y = float(mantissa * 2**exponent) if exponent >= 0 else mantissa / 2**-exponent
    return math.copysign(y, mp.sign(x))


lines = []
for name, function in FUNCTIONS.items():
    rng = random.Random(name)
    low, high = RANGES[name]
    lines.append(name)
    for x in sorted({x for x in arguments(name, rng) if low < x < high and x != 0}):
        lines.append(f"{bits(x)} {bits(rounded(function(mp.mpf(x))))}")
pathlib.Path(__file__).with_name("table.txt").write_text("\n".join(lines) + "\n")
