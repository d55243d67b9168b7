"""Figure 2: GN_1 and GN_0."""

from fractions import Fraction as F

from gnref.claims.claim import Claim, Prose, Step, at, difference, equal
from gnref.claims.witnesses import SHIFT, relu_unit
from gnref.exact import ExactNetwork, normalized


def _gn_1() -> list[Prose | Step]:
    f, squared, _ = at(SHIFT, 0)
    big = at(ExactNetwork((), ((1.0,), 600.0)), 0)
    return [
        equal("f(x) = x + 3 at 0: f̂ = 3/(1 + 1)", normalized(f, squared, "one"), F(3, 2)),
        equal("slope g/(1 + g): from 0 to 1 f̂ rises by", difference(SHIFT, 0, 1, "one"), F(1, 2)),
        equal("x + 600: f̂ = 600/2, so the output has no bound", normalized(big[0], big[1], "one"), 300),
    ]


def _gn_0() -> list[Prose | Step]:
    f, squared, _ = at(SHIFT, 0)
    flat, zero, _ = at(relu_unit(1, 0, 1), -1)
    return [
        equal("f(x) = x + 3 at 0: f̂ = 3/1, outside [-1, 1]", normalized(f, squared, "zero"), 3),
        equal("slope g/g: from 0 to 1 f̂ rises by", difference(SHIFT, 0, 1, "zero"), 1),
        Step(
            "relu(x) + 1 at -1, where ∇f = 0: f̂ is 1/0, undefined, and 0 by this package's convention",
            [flat, zero] == [1, 0] and normalized(flat, zero, "zero") == 0,
        ),
    ]


CLAIMS = (
    Claim(
        "gn-1",
        "Figure 2, ζ(x) = 1",
        "f/(‖∇f‖ + 1) has slope ‖∇f‖/(1 + ‖∇f‖) < 1.",
        "Inside linear regions; its output has no bound and its jumps have none.",
        "x inside a region",
        "holds almost everywhere",
        "∇f is constant in a region. Unlike GN, neither the output nor a jump is bounded.",
        _gn_1,
    ),
    Claim(
        "gn-0",
        "Figure 2, ζ(x) = 0",
        "f/‖∇f‖ has slope exactly 1.",
        "Inside linear regions with ∇f ≠ 0; its output has no bound.",
        "x inside a region; ∇f ≠ 0",
        "holds almost everywhere",
        "∇f is constant in a region. Undefined where ∇f = 0.",
        _gn_0,
    ),
)
