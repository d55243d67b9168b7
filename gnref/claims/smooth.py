"""Theorem 6 for smooth activations, and Eq. 13, its derivatives."""

from fractions import Fraction as F

from gnref.claims.claim import Claim, Prose, Step, equal


def _smooth() -> list[Prose | Step]:
    u = 3 * F(1, 3)
    f, g, h = u / (1 + u), 3 / (1 + u) ** 2, -18 / (1 + u) ** 3
    e = F(1, 2)
    elu_f, elu_g, elu_h = e - 1, 3 * e, 9 * e
    softsign = (g * g - f * h) / (g + abs(f)) ** 2
    elu = (elu_g**2 - elu_f * elu_h) / (elu_g + abs(elu_f)) ** 2
    return [
        Prose("f(x) = softsign(3x) = 3x/(1 + 3x) for x > 0, at x = 1/3"),
        Step("f = 1/2, f' = 3/(1 + 3x)² = 3/4, f'' = -18/(1 + 3x)³ = -9/4", (f, g, h) == (F(1, 2), F(3, 4), F(-9, 4))),
        equal("f̂' = (g² - f f'')/(g + f)² = (9/16 + 9/8)/(25/16)", softsign, F(27, 25)),
        Step(
            "f(x) = ELU(3x) where e^(3x) = 1/2: f = -1/2, f' = 3/2, f'' = 9/2",
            (elu_f, elu_g, elu_h) == (F(-1, 2), F(3, 2), F(9, 2)),
        ),
        equal("f̂' = (9/4 + 9/4)/(3/2 + 1/2)²", elu, F(9, 8)),
        Step("27/25 > 1 and 9/8 > 1: the Hessian is not zero and Eq. 14 does not follow.", softsign > 1 and elu > 1),
    ]


def _equation_13() -> list[Prose | Step]:
    def square(x: F) -> F:
        return x * x

    def norm(x: F) -> F:
        return abs(square(x + 1) - square(x - 1)) / 2  # the derivative of a quadratic is its central difference

    curvature = square(F(1)) - 2 * square(F(0)) + square(F(-1))
    return [
        Step(
            "f(x) = x²: ‖∇f‖ = 2|x|, H = 2, u = sign(x): at x = 1, ∇‖∇f‖ = 2 = Hu",
            norm(F(2)) - norm(F(1)) == curvature == 2,
        ),
        Step(
            "at x = 0: ‖∇f‖ = 2|x| has slope -2 on the left and 2 on the right, and u = ∇f/‖∇f‖ is 0/0",
            [norm(F(0)) - norm(F(-1)), norm(F(1)) - norm(F(0)), norm(F(0))] == [-2, 2, 0],
        ),
    ]


CLAIMS = (
    Claim(
        "theorem-6-smooth",
        "Theorem 6 with the ELU and Softplus of Figure 1",
        "‖∇f̂‖ ≤ 1 for networks with smooth activations.",
        "GN applied to ELU, softsign or tanh units.",
        "an activation with curvature",
        "does not extend to",
        "Theorem 6 asks for piecewise-linear activations; Figure 1 uses others with GN, without a claim. ∇f̂ = "
        "(g²I - fH)u/(g + |f|)²: the Hessian's term is unbounded over networks.",
        _smooth,
    ),
    Claim(
        "equation-13",
        "Theorem 6, Eq. 13",
        "∇‖∇f‖ = Hu with u = ∇f/‖∇f‖, and ∇|f| = ∇f · f/|f|.",
        "f twice differentiable near x.",
        "‖∇f‖ > 0 for 13a, f ≠ 0 for 13b (harmless: f/(g + |f|) is differentiable across f = 0)",
        "holds under an extra assumption",
        "The chain rule, where the norm and the absolute value are differentiable. The paper states 13a for g ≠ "
        "0 and 13b "
        "for f ≠ 0 without saying so.",
        _equation_13,
    ),
)
