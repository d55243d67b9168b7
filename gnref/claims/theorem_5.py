"""Theorem 5: with 1-Lipschitz layers the Lipschitz constant never rises with depth, but for residual layers it does."""

from fractions import Fraction as F

from gnref.claims.claim import Claim, Prose, Step, at, equal
from gnref.claims.witnesses import HALF, IDENTITY, RESIDUAL

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
            f"φ(Wx) = ({', '.join(map(str, images[0]))}), φ(Wy) = ({', '.join(map(str, images[1]))})",
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


def _last_sign() -> list[Prose | Step]:
    before = at(IDENTITY, 2)[0] - at(IDENTITY, 0)[0]
    after = at(HALF, 2)[0] - at(HALF, 0)[0]
    return [
        Prose("f_(k-1)(x) = x, W_k = 1/2, φ = identity: Eq. 8 holds, for ‖W x - W y‖ = ‖x - y‖/2 ≤ ‖x - y‖"),
        equal("‖f_(k-1)(2) - f_(k-1)(0)‖", before, 2),
        equal("L_φ L_k ‖f_(k-1)(2) - f_(k-1)(0)‖ with L_k = 1/2", after, 1),
        Step("1 ≠ 2: the last sign of Eq. 9 is ≤, for Eq. 8 asks for L_k ≤ 1 and not for L_k = 1", after < before),
    ]


def _kernel() -> list[Prose | Step]:
    kernel = [[F(1, 3)] * 3 for _ in range(3)]
    norm = sum((w * w for row in kernel for w in row), F(0))
    out = sum((w for row in kernel for w in row), F(0))
    return [
        Prose("Spectral normalization divides a kernel by the norm of the matrix it is reshaped to, (out, in·3·3)."),
        equal("The kernel of nine 1/3: its matrix has one row, of squared norm", norm, 1),
        equal("On an image of ones, but for its border, the convolution gives 9 · 1/3", out, 3),
        Step("so distances grow by nearly 3 on large images: the operator's norm is not the matrix's", out > 1 == norm),
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
        "does not extend to",
        "The theorem speaks of chains, and the appendix trains ResNets without quoting it for them. A sum of "
        "two 1-Lipschitz maps is 2-Lipschitz: x + relu(x) doubles distances.",
        _residual,
    ),
    Claim(
        "equation-9-last-sign",
        "Theorem 5, Eq. 9",
        "L_φ L_k ‖f_(k-1)(x) - f_(k-1)(y)‖ = ‖f_(k-1)(x) - f_(k-1)(y)‖.",
        "As printed, an equality, under Eq. 8, which gives L_k ≤ 1.",
        "Eq. 8",
        "false as printed",
        "It is an equality where L_φ = L_k = 1 only; ≤ is what holds, and all that Eq. 10 needs.",
        _last_sign,
    ),
    Claim(
        "equation-8-convolutions",
        "Theorem 5, Eq. 8, for convolutions with spectral normalization",
        "A convolution divided by the norm of its reshaped kernel satisfies ‖W x - W y‖ ≤ ‖x - y‖.",
        "The kernel (out, in, h, w) as a matrix (out, in·h·w), as spectral normalization of SN-GAN takes it.",
        "a kernel of more than one pixel",
        "does not extend to",
        "The convolution uses each pixel up to h·w times: its norm is up to √(h w) times the matrix's; 3 for 3 x 3.",
        _kernel,
    ),
)
