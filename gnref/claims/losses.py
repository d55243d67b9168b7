"""B.4: the range of f̂, the loss without a sigmoid, and the hinge loss that is the Wasserstein loss."""

from fractions import Fraction as F
from math import factorial

from gnref.claims.claim import Claim, Prose, Step, at, equal
from gnref.claims.witnesses import SHIFT, relu_unit
from gnref.exact import ExactNetwork, normalized


def _output_range() -> list[Prose | Step]:
    dead = at(relu_unit(1, 0, 1), -1)[2]
    return [
        Prose("|f| ≤ ‖∇f‖ + |f| since ‖∇f‖ ≥ 0, so |f̂| ≤ 1; rounding is monotone and keeps both inequalities"),
        equal("f(x) = x + 3 at 0: f̂ = 3/(1 + 3), inside (-1, 1)", at(SHIFT, 0)[2], F(3, 4)),
        equal("f(x) = relu(x) + 1 at -1, where ∇f = 0: f̂", dead, 1),
    ]


def _ns() -> list[Prose | Step]:
    value = at(SHIFT, -5)[2]
    p = (1 + value) / 2
    e = sum((F(1, factorial(k)) for k in range(9)), F(0)) + F(2, factorial(9))
    return [
        Prose("-1 ≤ f̂ ≤ 1, so p = (1 + f̂)/2 lies in [0, 1]: log p and log(1 - p) need no sigmoid"),
        equal("f(x) = x + 3 at -5: f̂", value, F(-2, 3)),
        Step(f"p = {p}, in [0, 1]", 0 <= p <= 1),
        equal(
            "of t = f/‖∇f‖ = -2 instead: p = 1/(2(1 + |t|)), so that -log p = log 2 + log(1 + |t|)",
            F(1, 2 * (1 + 2)),
            p,
        ),
        Step("e ≤ 1/0! + 1/1! + ... + 1/8! + 2/9! < 3, so σ(1) = e/(1 + e) < 3/4", e < 3 and e / (1 + e) < F(3, 4)),
        Prose(
            "With a sigmoid p would lie in [σ(-1), σ(1)] ⊂ (1/4, 3/4): a different objective, not the same one twice"
        ),
    ]


def _hinge() -> list[Prose | Step]:
    real, fake = at(SHIFT, 0)[2], at(SHIFT, -5)[2]
    hinge = max(F(0), 1 - real) + max(F(0), 1 + fake)
    return [
        Prose("f(x) = x + 3; a real sample at 0, a fake one at -5"),
        equal("f̂(0)", real, F(3, 4)),
        equal("f̂(-5)", fake, F(-2, 3)),
        equal("hinge: max(0, 1 - 3/4) + max(0, 1 - 2/3)", hinge, F(7, 12)),
        equal("Wasserstein: -2/3 - 3/4", fake - real, F(-17, 12)),
        equal("their difference, whatever the parameters", hinge - (fake - real), 2),
    ]


def _hinge_variants() -> list[Prose | Step]:
    def at_zero(bias: float, zeta: str) -> F:
        found = ExactNetwork((), ((1.0,), bias)).exactly((0,))
        return normalized(found.score, found.squared_norm, zeta)

    f, squared, _ = at(SHIFT, 0)
    one, zero = at_zero(3.0, "one"), at_zero(3.0, "zero")
    rises = [at_zero(4.0, zeta) - at_zero(3.0, zeta) for zeta in ("one", "zero")]
    return [
        Step("f(x) = x + 3 on a real sample at 0: f = 3, ‖∇f‖ = 1", [f, squared] == [3, 1]),
        equal("GN_1: f̂ = 3/(1 + 1)", one, F(3, 2)),
        equal("GN_0: f̂ = 3/1", zero, 3),
        equal("hinge of GN_1: max(0, 1 - 3/2), flat, so its gradient is 0", max(F(0), 1 - one), 0),
        equal("hinge of GN_0: max(0, 1 - 3)", max(F(0), 1 - zero), 0),
        Step(
            "The Wasserstein loss -f̂ is linear in the bias b, with ∂(-f̂)/∂b = -1/2 and -1: not 0",
            [-rise for rise in rises] == [F(-1, 2), -1],
        ),
    ]


CLAIMS = (
    Claim(
        "output-range",
        "B.4, first sentence",
        "GN makes outputs saturate in [-1, 1].",
        "|f̂| ≤ 1, in real numbers and with no tolerance in IEEE arithmetic; inside (-1, 1) exactly where ∇f ≠ 0.",
        "f finite, not both f = 0 and ∇f = 0",
        "holds",
        "|f| ≤ ‖∇f‖ + |f|, and rounding is monotone. In floating point f̂ rounds to ±1 once |f|/‖∇f‖ passes about 2/ε.",
        _output_range,
    ),
    Claim(
        "ns-without-sigmoid",
        "B.4, Table 2",
        "With GN the non-saturating loss needs no sigmoid.",
        "p = (1 + f̂)/2 is a probability; the loss made of it is finite with the logarithm clamped, and its gradient is "
        "right while 1 - |f̂| is more than rounding.",
        "log clamped (at -100, as PyTorch does); |f|/‖∇f‖ well below 1/ε for the gradient",
        "float-limited",
        "A statement about the domain; the objective differs from the one with a sigmoid. In float32, where f = -4·10⁷ "
        "and ‖∇f‖ = 1, f̂ rounds to -1, p to 0, and the gradient in f is 10⁴ times what it should be. The "
        "same loss of t = f/‖∇f‖, log 2 + log(1 + |t|) for t < 0 and log(1 + 1/(1 + 2t)) for t ≥ 0, is right wherever "
        "t is: gnref.non_saturating_of_ratio, of gradient_normalize(..., zeta='zero').",
        _ns,
    ),
    Claim(
        "eq-15-hinge-wasserstein",
        "B.4, Eq. 15",
        "With GN the hinge and the Wasserstein loss have the same gradients.",
        "L_hinge = L_W + 2 for all parameters, so gradients are equal where they exist; by autograd bitwise equal "
        "where every computed |f̂| < 1.",
        "GN (ζ = |f|); in floating point |f̂| < 1, that is |f|/‖∇f‖ below about 2/ε",
        "float-limited",
        "|f̂| ≤ 1 makes max(0, 1 ± f̂) = 1 ± f̂. Where f̂ rounds to ±1 on the right side the hinge's gradient is 0 and the "
        "Wasserstein loss's is not.",
        _hinge,
    ),
    Claim(
        "eq-15-other-zetas",
        "B.4, Eq. 15 for GN_1 and GN_0",
        "The hinge and the Wasserstein loss have the same gradients with GN_1 or GN_0 too.",
        "Figure 2 compares GN_1 and GN_0 under the hinge loss; Eq. 15 speaks of GN alone.",
        "ζ = 1 or ζ = 0",
        "does not extend to",
        "Their outputs are unbounded, so the hinge clips where the Wasserstein loss does not.",
        _hinge_variants,
    ),
)
