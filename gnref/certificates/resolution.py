"""Whether units that pass nearer to a vertex than rounding can tell pass exactly through it, by `fractions`.

Where they do not, a region thinner than rounding lies between them, and what an arrangement in floats says there is of
the regions around it only.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from gnref.certificates.arrangement import tolerance
from gnref.certificates.chain import Array, Chain

Point = tuple[Fraction, Fraction]


def unresolved(network: Chain, points: Array, low: float, high: float) -> Array:
    """Those of the vertices `points` (n, 2) at which units that count as zero do not all vanish in one exact point."""
    exact, radius = network.exact(), max(abs(low), abs(high))
    small = [tolerance(network, depth, radius) for depth in range(len(network.weights) - 1)]
    points = np.unique(points, axis=0)
    close = [np.abs(z) <= row for z, row in zip(network.preactivations(points), small, strict=False)]
    doubtful = []
    for i, point in enumerate(points):
        zero = [layer[i] for layer in close]
        where = _common_point(exact.weights[0][zero[0]], exact.biases[0][zero[0]], point, (low, high))
        at = exact.preactivations(np.array([where], dtype=object))[:-1]
        if any((z[0][units] != 0).any() for z, units in zip(at, zero, strict=True)):
            doubtful.append(point)
    return np.array(doubtful).reshape(-1, 2)


def _common_point(weight: Array, bias: Array, point: Sequence[float], sides: tuple[float, float]) -> Point:
    """The point where lines that pass near `point` would meet: of the first two that cross, else on the first."""
    x, y = (Fraction(float(c)) for c in point)
    lines = list(zip(weight, bias, strict=True))
    # A vertex on the square's border stays there: the border is one more line.
    for c, row in ((x, (1, 0)), (y, (0, 1))):
        if float(c) in sides:
            lines.append((np.array([Fraction(r) for r in row], dtype=object), -c))
    lines = [(row, c) for row, c in lines if any(row)]
    for i, ((a, b), c) in enumerate(lines):
        for (d, e), f in lines[i + 1 :]:
            if (across := a * e - b * d) != 0:
                return (b * f - c * e) / across, (c * d - a * f) / across
    if not lines:
        return x, y
    (a, b), c = lines[0]
    return ((-b * y - c) / a, y) if abs(a) >= abs(b) else (x, (-a * x - c) / b)
