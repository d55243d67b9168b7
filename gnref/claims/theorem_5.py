"""Theorem 5: with 1-Lipschitz layers the Lipschitz constant never rises with depth, but for residual layers it does."""

from fractions import Fraction as F

from gnref.claims.claim import Claim, Prose, Step, at, equal
from gnref.claims.witnesses import IDENTITY, RESIDUAL

_HALVES = ((F(1, 2), F(1, 2)), (F(1, 2), F(-1, 2)))


def _chain() -> list[Prose | Step]:
    x, y = (F(3), F(-1)), (F(-1), F(2))
    sums = [sum(map(abs, row), F(0)) for row in (*_HALVES, *zip(*_HALVES, strict=True))]
    images = [tuple(max(F(0), row[0] * p[0] + row[1] * p[1]) for row in _HALVES) for p in (x, y)]
    before, after = (sum(((a - b) ** 2 for a, b in zip(*pair, strict=True)), F(0)) for pair in ((x, y), images))
    return [
        Step(
            "W = [[1, 1], [1, -1]]/2: its largest row and column sums are 1, so ‖W‖₂ ≤ √(1 · 1) = 1; φ = relu",
            max(sums) == 1,
        ),
        equal("x = (3, -1), y = (-1, 2): ‖x - y‖²", before, 25),
        Step(
            f"φ(Wx) = {tuple(map(str, images[0]))}, φ(Wy) = {tuple(map(str, images[1]))}",
            images == [(F(1), F(2)), (F(1, 2), F(0))],
        ),
        Step(f"‖φ(Wx) - φ(Wy)‖² = {after} ≤ 25", after <= before == 25),
    ]


def _residual() -> list[Prose | Step]:
    one, two = (at(network, 1)[0] - at(network, 0)[0] for network in (IDENTITY, RESIDUAL))
    return [
        Prose("f_1(x) = x and f_2(x) = x + relu(x): each layer inside is 1-Lipschitz"),
        equal("|f_1(1) - f_1(0)|", abs(one), 1),
        equal("|f_2(1) - f_2(0)|", abs(two), 2),
        Step("2 > 1: the sum of the branches doubles the distance", abs(two) > abs(one)),
    ]


CLAIMS = (
    Claim(
        "theorem-5",
        "Theorem 5, Eq. 7-10",
        "With 1-Lipschitz layers and activations, the Lipschitz constant of the first k layers never rises with k.",
        "A plain chain f_k = φ(W_k f_(k-1) + b_k) with ‖W_k‖₂ ≤ 1 and φ 1-Lipschitz.",
        'a plain chain; ℓ2 norms; Lip(φ) ≤ 1 (the proof does not need "= 1")',
        "holds",
        "Composition of 1-Lipschitz maps. Sums over branches, sum-pooling, SiLU and GELU do not qualify.",
        _chain,
    ),
    Claim(
        "theorem-5-residual",
        "Theorem 5 for the ResNets of appendix D",
        "The same for residual layers h + φ(W h + b) with ‖W‖₂ ≤ 1.",
        "Each convolution normalized, the sum of the branches not.",
        "a residual sum",
        "false as used",
        "A sum of two 1-Lipschitz maps is 2-Lipschitz: x + relu(x) doubles distances.",
        _residual,
    ),
)
