"""Lemma 3: a Lipschitz constant and a bound of ‖∇f‖, the defect in its proof, and what becomes of it for f̂."""

from fractions import Fraction as F

from gnref.claims.claim import Claim, Prose, Step, at, equal
from gnref.claims.kinks import jump_at_a_kink
from gnref.claims.witnesses import AFFINE, JUMP, LEAKY, REFLECTION


def _forward() -> list[Prose | Step]:
    f, squared, _ = at(AFFINE, 3, 4)
    g, _, _ = at(AFFINE, 0, 0)
    return [
        Prose("f(x, y) = 3x + 4y - 5"),
        equal("‖∇f‖² = 3² + 4²", squared, 25),
        equal("from (0, 0) along ∇f to (3, 4): f rises by", f - g, 25),
        Step(
            "over a distance of 5: the quotient is 25/5 = 5 = ‖∇f‖, so no constant below 5 will do",
            (f - g) / 5 == 5 and squared == 5**2,
        ),
    ]


def _backward() -> list[Prose | Step]:
    (a, before, _), (b, after, _) = at(LEAKY, -3, -4), at(LEAKY, 3, 4)
    return [
        Step(
            "f(x, y) = leaky_½(6x + 8y) + 5; ‖∇f‖ = 10 where 6x + 8y > 0, 5 elsewhere",
            [after, before] == [10**2, 5**2],
        ),
        equal("f(3, 4)", b, 55),
        equal("f(-3, -4)", a, -20),
        Step(
            f"|f(3, 4) - f(-3, -4)| = {b - a} ≤ 10 · 10 = max ‖∇f‖ · distance",
            abs(b - a) <= 100 and (b - a) ** 2 <= max(before, after) * (6**2 + 8**2),
        ),
    ]


def _discontinuous() -> list[Prose | Step]:
    return [
        *jump_at_a_kink(),
        Prose("so ‖∇f̂‖ ≤ 1 holds at every x ≠ 0, and (1) for no L: f̂ is not continuous, and Lemma 3 is silent"),
    ]


def _equation_4() -> list[Prose | Step]:
    (a, _, _), (b, _, _) = at(REFLECTION, 0), at(REFLECTION, 1)
    (gradient,) = REFLECTION.exactly((F(0),)).gradient
    return [
        Prose("f(x) = -x, at x = 0, with y = 1"),
        equal("⟨∇f, (y - x)/‖y - x‖⟩", gradient, -1),
        equal("|f(y) - f(x)|/‖x - y‖", abs(b - a), 1),
        Step(
            "-1 ≠ 1: the absolute value belongs on both sides, and the limit along a fixed direction",
            gradient != abs(b - a),
        ),
    ]


def _minimum() -> list[Prose | Step]:
    squares = [F(n) ** 2 for n in (10, 11)]
    return [
        Prose("The L that satisfy (1) are a closed set bounded below by 0, so where there is one there is a least."),
        Prose("relu(x) + 1 from -1 to 1: 1 = max ‖∇f‖ satisfies (1), and from 0 to 1 nothing less does."),
        equal("   f(1) - f(0)", at(JUMP, 1)[0] - at(JUMP, 0)[0], 1),
        Step("x² has none: from 10 to 11 it rises by 21, and by more farther out", squares[1] - squares[0] == 21),
    ]


def _equation_6() -> list[Prose | Step]:
    f = [at(LEAKY, *point)[0] for point in ((-3, -4), (0, 0), (3, 4))]
    before, after = (LEAKY.exactly((F(x), F(y))).gradient for x, y in ((-3, -4), (3, 4)))
    inner = [sum(v * d for v, d in zip(gradient, (3, 4), strict=True)) for gradient in (before, after)]
    return [
        Prose("leaky_½(6x + 8y) + 5 along the segment from (-3, -4) to (3, 4), which crosses the kink at (0, 0)"),
        Step("⟨∇f, (3, 4)⟩ is 25 before it and 50 behind it", inner == [25, 50]),
        Step(
            "their sum is f(3, 4) - f(-3, -4) = 75: 6b is a sum over pieces where ∇f jumps",
            sum(inner) == f[2] - f[0] == 75,
        ),
    ]


CLAIMS = (
    Claim(
        "equation-1-minimum",
        "Appendix A, Eq. 1",
        "L_f is the minimum number with |f(x) - f(y)| ≤ L_f‖x - y‖ for all x, y.",
        "The minimum exists where any number will do; where none will, L_f = ∞. On a piecewise-linear f of one "
        "variable "
        "it is the largest |slope|.",
        "f Lipschitz",
        "holds under an extra assumption",
        'The admissible L are a closed set. "Minimum real number" needs that it is not empty: x² has none.',
        _minimum,
    ),
    Claim(
        "equation-6",
        "Lemma 3, Eq. 6a-6f",
        "|f(x) - f(y)| = |∫ ∇f(r) dr| = |∫₀¹ ⟨∇f(xt + y(1 - t)), x - y⟩ dt| ≤ L_f‖x - y‖.",
        "Along the straight line, also for a continuous piecewise-linear f, whose ∇f jumps at finitely many t.",
        "f absolutely continuous along the line, which lies in no kink",
        "holds",
        "The fundamental theorem of calculus. dr in 6b is a vector along the line; 6d is the Cauchy-Schwarz "
        "inequality.",
        _equation_6,
    ),
    Claim(
        "lemma-3-forward",
        "Lemma 3, (1) ⇒ (2)",
        "If |f(x) - f(y)| ≤ L‖x - y‖ for all x, y, then ‖∇f(x)‖ ≤ L for all x.",
        "f continuously differentiable, ℓ2 norms (any pair of dual norms); on a piecewise-linear f, inside regions.",
        "f differentiable at x",
        "holds",
        "The difference quotient along ∇f tends to ‖∇f‖. The proof's Eq. 4 has a wrong sign; the lemma stands.",
        _forward,
    ),
    Claim(
        "equation-4",
        "Lemma 3, Eq. 4",
        "⟨∇f(x), (y - x)/‖y - x‖⟩ = lim |f(y) - f(x)|/‖x - y‖ as y → x.",
        "As printed, an equality for every y near x.",
        "f differentiable at x",
        "false as printed",
        "A signed number is equated with an absolute value, and the limit over free y need not exist. With the sign, "
        "and y on a fixed ray, it is right.",
        _equation_4,
    ),
    Claim(
        "lemma-3-backward",
        "Lemma 3, (2) ⇒ (1)",
        "If ‖∇f(x)‖ ≤ L for all x, then |f(x) - f(y)| ≤ L‖x - y‖ for all x, y.",
        "f continuously differentiable on a convex domain, or continuous and piecewise linear with L the largest ‖∇f‖.",
        "a convex domain; f absolutely continuous along segments; dual norms",
        "holds",
        "The fundamental theorem along the segment, and Hölder's inequality. Continuity is not optional: see "
        "lemma-3-almost-everywhere.",
        _backward,
    ),
    Claim(
        "lemma-3-almost-everywhere",
        "Lemma 3 as Theorem 6 uses it",
        "A bound ‖∇f̂‖ ≤ 1 wherever f̂ is differentiable makes f̂ 1-Lipschitz.",
        "f̂ of a ReLU network, differentiable almost everywhere but discontinuous at kinks.",
        "f piecewise linear with regions of different ‖∇f‖",
        "false as used",
        "Lemma 3 needs f̂ continuous; f̂ jumps wherever ‖∇f‖ changes and f ≠ 0.",
        _discontinuous,
    ),
)
