"""What gradient normalization makes of one affine piece of f along a line, and of the kink between two."""

import numpy as np

from gnref.certificates.chain import Array


def normalized(f: Array, g: Array) -> Array:
    """f̂ = f / (g + |f|), and 0 where f = g = 0 [GN, Eq. 11]; arrays that broadcast, of floats or of Fractions."""
    return ratio(f, g + np.abs(f))


def steepest(f_start: Array, f_end: Array, g: Array, slopes: Array) -> Array:
    """max |df̂/dt| over closed pieces on which f runs affinely from f_start to f_end: g |s| / (g + min|f|)²."""
    crosses = np.sign(f_start) * np.sign(f_end) <= 0
    smallest = np.where(crosses, 0 * g, np.minimum(np.abs(f_start), np.abs(f_end)))
    return ratio(g * np.abs(slopes), (g + smallest) ** 2)


def leap(f: Array, g_before: Array, g_after: Array) -> Array:
    """J = |f| |g₊ - g₋| / ((g₊ + |f|)(g₋ + |f|)): how far f̂ jumps at a kink with value f; 0 where f = 0."""
    f = np.abs(f)
    return ratio(f * np.abs(g_after - g_before), (g_after + f) * (g_before + f))


def ratio(above: Array, below: Array) -> Array:
    """above / below, and 0 where both are 0."""
    return np.asarray(above / np.where(below == 0, below + 1, below))
