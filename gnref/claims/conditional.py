"""Appendix D, Eq. 16: the conditional discriminator."""

from fractions import Fraction as F

from gnref.claims.claim import Claim, Prose, Step, at, equal
from gnref.claims.witnesses import TWO_LABELS


def _two_labels() -> list[Prose | Step]:
    values = [at(TWO_LABELS.at(y), 3, 4) for y in (0, 1)]
    return [
        Prose("h = relu(3x + 4y), D_0 = h, D_1 = h + ⟨e_1, h⟩ = 2h, at (3, 4)"),
        equal("D_0", values[0][0], 25),
        equal("‖∇D_0‖²", values[0][1], 25),
        equal("D̂_0 = 25/(5 + 25)", values[0][2], F(5, 6)),
        equal("D_1", values[1][0], 50),
        equal("‖∇D_1‖²", values[1][1], 100),
        equal("D̂_1 = 50/(10 + 50)", values[1][2], F(5, 6)),
    ]


CLAIMS = (
    Claim(
        "eq-16-conditional",
        "Appendix D, Eq. 16",
        "D̂_y(x) = D_y(x)/(‖∇ₓD_y(x)‖ + |D_y(x)|) is Lipschitz constrained in x.",
        "For each fixed y, ‖∇ₓD̂_y‖ ≤ 1 inside regions. (The text cites Theorem 5; Theorem 6 is meant.)",
        "as theorem-6-almost-everywhere, for each label; nothing is said about a change of label",
        "holds almost everywhere",
        "D_y is a network for each y, so the claim is Theorem 6's inside regions, with the same jumps at kinks.",
        _two_labels,
    ),
)
