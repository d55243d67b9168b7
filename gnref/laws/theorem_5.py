"""Theorem 5: with 1-Lipschitz layers and activations no layer raises the Lipschitz constant. In fractions."""

from fractions import Fraction

import numpy as np

from gnref.laws.along import Line
from gnref.laws.law import law_of_f

Vector = list[Fraction]


def _constrained(case: Line) -> list[tuple[list[Vector], Vector]]:
    """The network's layers with W divided by a power of two so that ‖W‖₁‖W‖∞ ≤ 1, which bounds ‖W‖₂² without an SVD."""
    layers = []
    for weight, bias in case.network.matrices():
        size = np.abs(weight).sum(axis=0).max() * np.abs(weight).sum(axis=1).max()
        divisor = 1
        while divisor**2 < size:
            divisor *= 2
        layers.append(([[Fraction(w) / divisor for w in row] for row in weight.tolist()], [Fraction(b) for b in bias]))
    return layers


def _apply(weight: list[Vector], bias: Vector, slope: Fraction, h: Vector) -> Vector:
    z = [sum((w * c for w, c in zip(row, h, strict=True)), b) for row, b in zip(weight, bias, strict=True)]
    return [c if c > 0 else slope * c for c in z]


def _apart(a: Vector, b: Vector) -> Fraction:
    return sum(((p - q) ** 2 for p, q in zip(a, b, strict=True)), Fraction(0))


def _never_rises(case: Line, residual: bool) -> float:
    x, y = ([Fraction(c) for c in point] for point in (case.start, case.end))
    slope = Fraction(case.network.slope)
    for depth, (weight, bias) in enumerate(_constrained(case), start=1):
        before = _apart(x, y)
        images = [_apply(weight, bias, slope, h) for h in (x, y)]
        if residual and len(images[0]) == len(x):
            images = [[a + b for a, b in zip(h, image, strict=True)] for h, image in zip((x, y), images, strict=True)]
        x, y = images
        if _apart(x, y) > before:
            raise AssertionError(
                f"‖f_k(x) - f_k(y)‖² ≤ ‖f_(k-1)(x) - f_(k-1)(y)‖² at layer {depth}: "
                f"got {_apart(x, y)} > {before}\n{case.snippet()}"
            )
    return 0.0


@law_of_f("theorem-5", drawn="lines")
def layers_do_not_expand(case: Line) -> float:
    """‖f_k(x) - f_k(y)‖² ≤ ‖f_{k-1}(x) - f_{k-1}(y)‖² at every layer of a plain chain with ‖W‖₂ ≤ 1: no tolerance."""
    return _never_rises(case, residual=False)


@law_of_f("theorem-5-residual", drawn="lines", refuted=True)
def residual_layers_do_not_expand(case: Line) -> float:
    """The same for layers h + φ(W h + b), as in a residual discriminator whose layers are each normalized."""
    return _never_rises(case, residual=True)
