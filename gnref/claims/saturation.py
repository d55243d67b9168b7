"""How strong a gradient f̂ leaves to a loss, and what the range of the pixels has to do with it."""

from fractions import Fraction as F

from gnref.claims.claim import Claim, Prose, Step, equal


def ratio(t: F) -> F:
    """f̂ as a function of t = f/‖∇f‖."""
    return t / (1 + abs(t))


def _losses() -> list[Prose | Step]:
    def quotient(a: F, b: F) -> F:
        return (ratio(b) - ratio(a)) / (b - a)

    near = quotient(F(3), F(3) + F(1, 1000))
    return [
        Prose("f̂ = t/(1 + |t|) with t = f/‖∇f‖, so df̂/dt = 1/(1 + |t|)², and the hinge's and the Wasserstein loss's"),
        Prose("gradients in t have that size: 1 at t = 0, 1/4 at 1, 1/16 at 3."),
        Step(f"from 3 to 3.001 f̂ rises by {near} per unit, near 1/16", abs(near - F(1, 16)) < F(1, 10**4)),
        Prose("NS without sigmoid, -log p with p = (1 + f̂)/2, on a real sample with t < 0: p = 1/(2(1 + |t|)),"),
        equal("as at t = -3: p", (1 + ratio(F(-3))) / 2, F(1, 8)),
        Prose("so the loss is log 2 + log(1 + |t|), whose slope is 1/(1 + |t|): 1/4 at -3, where the hinge's is 1/16."),
        Step("the ratio of the two slopes is 1 + |t| = 4", F(1, 4) / F(1, 16) == 1 + abs(F(-3))),
    ]


def _unit() -> list[Prose | Step]:
    t = F(3)
    return [
        Prose("f(x) of pixels x in [-1, 1], and the same function of pixels X = 255 (x + 1)/2: F(X) = f(2X/255 - 1)."),
        Prose("F has the values of f, and ‖∇F‖ = (2/255)‖∇f‖: F/‖∇F‖ is 127.5 times f/‖∇f‖. It has the unit of x."),
        equal("at f/‖∇f‖ = 3: f̂", ratio(t), F(3, 4)),
        equal("          and F̂ = 382.5/383.5", ratio(t * F(255, 2)), F(765, 767)),
        Step(
            f"1/(1 + |t|)² is 1/16 for f̂ and {(1 - ratio(t * F(255, 2))) ** 2} for F̂: GN's strength depends on "
            "the range",
            (1 - ratio(t)) ** 2 == F(1, 16) and (1 - ratio(t * F(255, 2))) ** 2 == F(4, 767**2),
        ),
    ]  # fmt: skip


CLAIMS = (
    Claim(
        "saturation",
        "B.4, outputs in [-1, 1], what that does to a loss",
        "|dL/dt| with t = f/‖∇f‖ is 1/(1 + |t|)² for hinge and Wasserstein, and 1/(1 + |t|) for the "
        "non-saturating loss "
        "without sigmoid on the wrong side.",
        "L of one sample; on the right side the latter is 1/((1 + |t|)(1 + 2|t|)).",
        "‖∇f‖ > 0",
        "holds",
        "f̂ = t/(1 + |t|). A discriminator that is sure of itself, |t| large, hands on little gradient.",
        _losses,
    ),
    Claim(
        "unit",
        "Theorem 6, the definition",
        "f/‖∇f‖ has the unit of x: of the same function of pixels spread c times as wide, t is c times as large.",
        "f̂ of x ↦ f(x/c) at cx is ct/(1 + c|t|) where f̂ of f at x is t/(1 + |t|).",
        "c > 0",
        "holds",
        "‖∇(f(x/c))‖ = ‖∇f‖/c. Pixels in [0, 1], [-1, 1] or [0, 255] make three different methods of GN.",
        _unit,
    ),
)
