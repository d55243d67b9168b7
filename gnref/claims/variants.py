"""GN's relatives: Figure 2's GN_1 and GN_0, and GraN."""

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


def _gran() -> list[Prose | Step]:
    f, squared, _ = at(SHIFT, 0)
    big = at(ExactNetwork((), ((1.0,), 600.0)), 0)
    flat, zero, _ = at(relu_unit(1, 0, 1), -1)
    return [
        equal("f(x) = x + 3 at 0, g = 1: f̂ = 3·1/(1 + 1/10), above 1", normalized(f, squared, "gran"), F(30, 11)),
        equal("slope g²/(g² + ε): from 0 to 1 f̂ rises by", difference(SHIFT, 0, 1, "gran"), F(10, 11)),
        equal("x + 600: f̂ = 600/1.1, so the output has no bound", normalized(big[0], big[1], "gran"), F(6000, 11)),
        equal("relu(x) + 1 at -1, where f = 1 and ∇f = 0: f̂ = 1·0/(0 + 1/10)", normalized(flat, zero, "gran"), 0),
        equal(
            "and at 1, where f = 2 and ∇f = 1: 2/1.1; so f̂ leaps at 0 from 0 to 1/1.1, and with + 100 to 100/1.1",
            difference(relu_unit(1, 0, 1), -1, 1, "gran"),
            F(20, 11),
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
    Claim(
        "gran",
        "GraN (Bhaskara et al. 2022); not in the appendix",
        "K f‖∇f‖/(‖∇f‖² + ε) has slope K‖∇f‖²/(‖∇f‖² + ε) < K.",
        "Inside linear regions; its output has no bound and its jumps have none.",
        "x inside a region; ε > 0",
        "holds almost everywhere",
        "∇f is constant in a region. Its authors state it piecewise and no more. Unlike GN's, neither output nor jump "
        "is bounded; unlike GN_0's, it is defined where ∇f = 0: it is 0 there.",
        _gran,
    ),
)
