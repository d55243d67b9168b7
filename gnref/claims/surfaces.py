"""Figure 3: D*, the optimal discriminator of the log loss."""

from fractions import Fraction as F

from gnref.claims.claim import Claim, Prose, Step, equal


def _optimum() -> list[Prose | Step]:
    a, b = F(3, 10), F(1, 10)

    def derivative(d: F) -> F:
        return a / d - b / (1 - d)

    best = a / (a + b)
    return [
        Prose("p_r = 3/10 and p_g = 1/10 at some x"),
        equal("d = p_r/(p_r + p_g)", best, F(3, 4)),
        equal("derivative p_r/d - p_g/(1 - d) there", derivative(best), 0),
        Step(
            "at d = 1/2 it is 2/5 > 0, at d = 9/10 it is -2/3 < 0: a maximum, and the only one",
            (derivative(F(1, 2)), derivative(F(9, 10))) == (F(2, 5), F(-2, 3)),
        ),
    ]


def _steep() -> list[Prose | Step]:
    real, fake, t = (F(1), F(4)), (F(4), F(1)), F(4)
    # log p_r - log p_g = Σ (1/fake - 1/real) x²/2, and σ' = 1/4 where that is 0.
    exponents = [(1 / f - 1 / r) / 2 for r, f in zip(real, fake, strict=True)]
    gradient = [F(1, 4) * 2 * e * t for e in exponents]
    return [
        Step(
            "p_r = N(0, diag(1, 4)), p_g = N(0, diag(4, 1)): log p_r - log p_g = 3(y² - x²)/8",
            exponents == [F(-3, 8), F(3, 8)],
        ),
        Step(
            "D* = σ of that; on the diagonal D* = 1/2 and ∇D* = ¼ · ¾ · (-x, y)",
            gradient == [-F(1, 4) * F(3, 4) * t, F(1, 4) * F(3, 4) * t],
        ),
        equal("‖∇D*(4, 4)‖²", sum((c * c for c in gradient), F(0)), F(9, 8)),
        Step(
            "9/8 > 1, and 9t²/128 has no bound in t", 9 * t * t / 128 == sum((c * c for c in gradient), F(0)) == F(9, 8)
        ),
    ]


CLAIMS = (
    Claim(
        "d-star",
        "Figure 3 (a)",
        "D*(x) = p_r(x)/(p_r(x) + p_g(x)) is the optimal discriminator.",
        "The maximum of E log D + E log(1 - D) over all measurable D (p_q in the caption is p_g).",
        "unconstrained D, log loss, densities rather than the fixed sample of the experiment",
        "holds",
        "Pointwise: p_r log d + p_g log(1 - d) is largest at d = p_r/(p_r + p_g).",
        _optimum,
    ),
    Claim(
        "d-star-lipschitz",
        "Figure 3, D* as what a smooth discriminator should learn",
        "D* has slope at most 1.",
        "For two Gaussians with unequal covariances.",
        "unequal covariances",
        "does not extend to",
        "The appendix shows D* and does not say so. Its slope has no bound there; for equal covariances s²I it "
        "is at most ‖Δm‖/(4s²).",
        _steep,
    ),
)
