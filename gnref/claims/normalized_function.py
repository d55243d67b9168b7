"""The definition of f̂, as Theorem 6 gives it."""

from fractions import Fraction as F

from gnref.claims.claim import Claim, Prose, Step, at, equal
from gnref.claims.witnesses import SHIFT


def _definition() -> list[Prose | Step]:
    f, squared, value = at(SHIFT, -5)
    return [
        Prose("f(x) = x + 3 at x = -5"),
        equal("f", f, -2),
        equal("‖∇f‖²", squared, 1),
        equal("f̂ = -2/(1 + 2)", value, F(-2, 3)),
        equal("of 4f: f̂ = -8/(4 + 8), the same", at(SHIFT.scaled(4), -5)[2], F(-2, 3)),
        equal("of -f: the negative", at(SHIFT.scaled(-1), -5)[2], F(2, 3)),
    ]


CLAIMS = (
    Claim(
        "normalized-function",
        "Theorem 6, the definition",
        "f̂(x) = f(x)/(‖∇ₓf(x)‖ + |f(x)|), per sample, over all inputs of the sample.",
        "The value, its parameter gradients and its invariances, as an implementation computes them.",
        "not both f = 0 and ∇f = 0 (0/0; this package says 0, with zero gradient)",
        "holds",
        "A definition: what is checked is that an implementation computes it, and nothing beside it.",
        _definition,
    ),
)
