"""Theorem 6: as printed, and inside regions."""

from fractions import Fraction as F

from gnref.claims.claim import Claim, Prose, Step, at, equal
from gnref.claims.kinks import jump_at_a_kink
from gnref.claims.witnesses import AFFINE, JUMP, LEAKY


def _as_printed() -> list[Prose | Step]:
    left, right = JUMP.exactly((F(-1),)).gradient[0], JUMP.exactly((F(1),)).gradient[0]
    f, squared, value = at(AFFINE, 3, 4)
    other = at(AFFINE, 0, 0)[2]
    return [
        Prose("The hypotheses: f is continuously differentiable, and piecewise linear."),
        Prose("1. On each piece ∇f is one of finitely many vectors."),
        Prose("2. ∇f is continuous on R^n, which is connected; with finitely many values it is constant."),
        Prose("3. So ∇f is one vector w, and f(x) = ⟨w, x⟩ + b: the hypotheses admit affine f and nothing else."),
        Step(
            f"A network with a kink is not among them: relu(x) + 1 has ∇f = {left} at -1 and {right} at 1.",
            left != right,
        ),
        Prose("For affine f the theorem is true. f(x, y) = 3x + 4y - 5:"),
        equal("   ‖∇f‖²", squared, 25),
        equal("   f(3, 4)", f, 20),
        equal("   f̂(3, 4) = 20/(5 + 20)", value, F(4, 5)),
        equal("   f̂(0, 0) = -5/(5 + 5)", other, F(-1, 2)),
        Step(
            f"   |f̂(3, 4) - f̂(0, 0)| = {value - other} ≤ 5, the distance",
            abs(value - other) <= 5 and 3**2 + 4**2 == 5**2,
        ),
        Prose("For the ReLU networks it is applied to, the same conclusion fails:"),
        *(line._replace(text="   " + line.text) for line in jump_at_a_kink()),
        Prose("What is true of them: theorem-6-almost-everywhere; when it is true everywhere: theorem-6-equal-norms."),
    ]


def _almost_everywhere() -> list[Prose | Step]:
    f, squared, value = at(LEAKY, 3, 4)
    slope = squared / (10 + f) ** 2
    return [
        Prose("f(x, y) = leaky_½(6x + 8y) + 5 at (3, 4), inside the region 6x + 8y > 0"),
        equal("f", f, 55),
        equal("g² = ‖∇f‖²", squared, 100),
        equal("f̂ = 55/(10 + 55)", value, F(11, 13)),
        equal("∇f̂ = g ∇f/(g + |f|)², of norm g²/(g + |f|)² = 100/4225", slope, F(4, 169)),
        equal("(1 - |f̂|)² = (2/13)²", (1 - value) ** 2, F(4, 169)),
        Step("the two are the same, and at most 1", slope == (1 - value) ** 2 <= 1),
    ]


CLAIMS = (
    Claim(
        "theorem-6",
        "Theorem 6, Eq. 11-14",
        "If f is continuously differentiable and piecewise linear, f̂ = f/(‖∇f‖ + |f|) is 1-Lipschitz.",
        "Word for word: both hypotheses at once, on all of R^n.",
        "f continuously differentiable and piecewise linear, hence affine",
        "vacuous as printed",
        "Both hypotheses together admit affine f only, where it is true. With kinks: see the claims beside it. Eq. 12a "
        "lacks the first bar of ‖∇f̂‖, and the outer ‖ ‖² of Eq. 11 and 14 is the square of a number.",
        _as_printed,
    ),
    Claim(
        "theorem-6-almost-everywhere",
        "Theorem 6, Eq. 14, inside regions",
        "‖∇f̂‖ = (‖∇f‖/(‖∇f‖ + |f|))² = (1 - |f̂|)² ≤ 1 inside every linear region with ‖∇f‖ > 0.",
        "f continuous and piecewise linear; x off the kinks.",
        "x inside a region; ‖∇f‖ > 0",
        "holds almost everywhere",
        "There ∇f is constant, so the Hessian is zero and Eq. 14 follows; kinks have measure zero.",
        _almost_everywhere,
    ),
)
