"""Fits the polynomials of `math` by weighted minimax approximation (Remez).

If the argument comes near zero, the lowest coefficients are rounded one by one. After each, the
higher coefficients are fitted again to the remainder.

    python3 -m venv venv && venv/bin/pip install mpmath numpy
    venv/bin/python fit.py [exp|tanh|ln|sin|erf]
"""

import sys

import mpmath as mp
import numpy as np

mp.mp.dps = 60
POINTS = 400
TYPES = {32: np.float32, 64: np.float64}


def remez(xs, values, weights, terms):
    """Returns the c that minimizes max |weight (value - sum c[k] x^k)| over the points xs."""
    at = [round((len(xs) - 1) * (i + 0.5) / (terms + 1)) for i in range(terms + 1)]
    for _ in range(60):
        rows = mp.matrix(terms + 1, terms + 1)
        right = mp.matrix(terms + 1, 1)
        for i, j in enumerate(at):
            for k in range(terms):
                rows[i, k] = xs[j] ** k * weights[j]
            rows[i, terms] = (-1) ** i
            right[i] = values[j] * weights[j]
        c = list(mp.lu_solve(rows, right))[:terms]
        errors = [w * (mp.polyval(c[::-1], x) - v) for x, v, w in zip(xs, values, weights)]
        peaks = []
        for i, e in enumerate(errors):
            if not peaks or (e > 0) != (errors[peaks[-1]] > 0):
                peaks.append(i)
            elif abs(e) > abs(errors[peaks[-1]]):
                peaks[-1] = i
        while len(peaks) > terms + 1:
            peaks.pop(0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else -1)
        if len(peaks) < terms + 1 or peaks == at:
            break
        at = peaks
    return c


def fit(name, f, weight, lo, hi, degree, bits, given=(), alone=3):
    lo, hi = mp.mpf(lo), mp.mpf(hi)
    # An even number of Chebyshev nodes avoids the ends and the middle, where f may be 0/0.
    xs = [lo + (hi - lo) * (1 - mp.cos(mp.pi * (i + 0.5) / POINTS)) / 2 for i in range(POINTS)]
    values, weights = [f(x) for x in xs], [weight(x) for x in xs]
    done = [mp.mpf(x) for x in given]
    least = hi / 100 if lo < 0 else 0  # weights must not vanish near zero
    for k in range(len(done), degree + 1):
        rest = [(v - mp.polyval(done[::-1], x)) / x**k if done else v for x, v in zip(xs, values)]
        c = remez(xs, rest, [w * max(abs(x), least) ** k for x, w in zip(xs, weights)], degree + 1 - k)
        c = [mp.mpf(float(TYPES[bits](mp.nstr(x, 30)))) for x in c]
        done += c[:1] if k < alone else c
        if len(done) > degree:
            break
    error = max(w * abs(mp.polyval(done[::-1], x) - v) for x, v, w in zip(xs, values, weights))
    print(f"// f{bits} {name} on [{mp.nstr(lo, 6)}, {mp.nstr(hi, 6)}], degree {degree}: 2^{float(mp.log(error, 2)):.1f}")
    for c in done:
        print(f"    {np.format_float_scientific(TYPES[bits](float(c)), unique=True)},")


def exp():
    """Fits q in e^r = 1 + r + r^2 q(r). The error is that of e^r - 1 over max(|r|, 0.05)."""
    end = mp.log(2) / 2 * mp.mpf("1.0001")
    for bits, degree in [(32, 4), (64, 9)]:
        fit("(e^r - 1 - r) / r^2", lambda r: (mp.expm1(r) - r) / r**2,
            lambda r: max(abs(r), 0.05), -end, end, degree, bits, [0.5], alone=0)


def tanh():
    """Fits q in tanh x = x + x^3 q(x^2) for |x| <= 0.55. The error is relative."""
    def f(z):
        x = mp.sqrt(z)
        return (mp.tanh(x) - x) / x**3
    for bits, degree in [(32, 4)]:
        fit("(tanh x - x) / x^3 in x^2", f, lambda z: mp.sqrt(z)**3 / mp.tanh(mp.sqrt(z)),
            0, mp.mpf("0.55") ** 2, degree, bits)


def ln():
    """Fits q in ln((1+s)/(1-s)) = 2s + s^3 q(s^2). The error is relative."""
    def f(z):
        s = mp.sqrt(z)
        return (2 * mp.atanh(s) - 2 * s) / s**3
    end = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * mp.mpf("1.0001")
    for bits, degree in [(32, 2), (64, 6)]:
        fit("(2 atanh s - 2s) / s^3 in s^2", f, lambda z: mp.sqrt(z)**3 / (2 * mp.atanh(mp.sqrt(z))),
            0, end, degree, bits)


def sin():
    """Fits q in sin r = r - r^3 q(r^2). The error is relative. f32 uses degree 3."""
    def f(z):
        r = mp.sqrt(z)
        return (r - mp.sin(r)) / r**3
    end = (mp.pi / 2 * mp.mpf("1.0001")) ** 2
    for bits, degree in [(64, 3), (64, 7)]:
        fit("(r - sin r) / r^3 in r^2", f, lambda z: mp.sqrt(z)**3 / mp.sin(mp.sqrt(z)),
            0, end, degree, bits)


def erf():
    """Fits q in erf x = x + x q(x^2) below 0.92, and in erf x = 1 - e^q(x - 1) above it.

    Both errors are relative to erf x.
    """
    start = mp.mpf("0.92")
    def near(z):
        x = mp.sqrt(z)
        return mp.erf(x) / x - 1
    for bits, degree in [(32, 5), (64, 11)]:
        fit("erf x / x - 1 in x^2", near, lambda z: mp.sqrt(z) / mp.erf(mp.sqrt(z)),
            0, start**2, degree, bits)
    for bits, degree, end in [(32, 6, "3.95"), (64, 18, "5.95")]:
        fit("ln erfc(1 + t)", lambda t: mp.log(mp.erfc(1 + t)), lambda t: mp.erfc(1 + t) / mp.erf(1 + t),
            start - 1, mp.mpf(end) - 1, degree, bits, alone=0)


for job in [exp, tanh, ln, sin, erf]:
    if job.__name__ in sys.argv[1:] or not sys.argv[1:]:
        job()
