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


@law_of_f("equation-9-last-sign", drawn="lines", refuted=True)
def layers_keep_distances(case: Line) -> float:
    """‖W x - W y‖² = ‖x - y‖² for the first layer with ‖W‖₂ ≤ 1, as the last sign of Eq. 9 has it with L_φ = 1."""
    (weight, _), *_ = _constrained(case)
    x, y = ([Fraction(c) for c in point] for point in (case.start, case.end))
    before = _apart(x, y)
    after = _apart(*(_apply(weight, [Fraction(0)] * len(weight), Fraction(1), h) for h in (x, y)))
    if after != before:
        raise AssertionError(f"‖W x - W y‖² = ‖x - y‖² = {before}: got {after}\n{case.snippet()}")
    return 0.0


@law_of_f("equation-8-convolutions", drawn="kernels", refuted=True)
def reshaped_norm_bounds_a_convolution(case: tuple[tuple[int, ...], ...]) -> float:
    """‖k ∗ x‖² ≤ ‖k‖²‖x‖² for an image x, with ‖k‖ the norm of the kernel as a matrix of one row. `case` is k, 3 x 3.

    On a torus, where a constant image of n² ones becomes one of n² times the kernel's sum: (Σ k)² ≤ Σ k².
    """
    entries = [Fraction(w) for row in case for w in row]
    total, squared = sum(entries, Fraction(0)) ** 2, sum((w * w for w in entries), Fraction(0))
    if total > squared:
        raise AssertionError(f"‖k ∗ 1‖²/‖1‖² ≤ ‖k‖² = {squared}: got {total} for the kernel {case}")
    return 0.0


@law_of_f("equation-8-convolutions", drawn="kernels")
def kernel_size_bounds_a_convolution(case: tuple[tuple[int, ...], ...]) -> float:
    """The true form: ‖k ∗ x‖² ≤ 9‖k‖²‖x‖² for a 3 x 3 kernel, here on an image of 5 x 5 on a torus, in integers."""
    n = 5
    image = [[(3 * i + j * j) % 7 - 3 for j in range(n)] for i in range(n)]
    out = [
        sum(case[a][b] * image[(i + a) % n][(j + b) % n] for a in range(3) for b in range(3))
        for i in range(n)
        for j in range(n)
    ]
    before, after = sum(c * c for row in image for c in row), sum(c * c for c in out)
    squared = sum(w * w for row in case for w in row)
    if after > 9 * squared * before:
        raise AssertionError(f"‖k ∗ x‖² ≤ 9‖k‖²‖x‖² = {9 * squared * before}: got {after} for the kernel {case}")
    return 0.0


@law_of_f("theorem-5-residual", drawn="lines", refuted=True)
def residual_layers_do_not_expand(case: Line) -> float:
    """The same for layers h + φ(W h + b), as in a residual discriminator whose layers are each normalized."""
    return _never_rises(case, residual=True)
