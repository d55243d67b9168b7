"""Theorem 6 across kinks: everywhere, with equal norms, and on a kink itself."""

from fractions import Fraction as F

from gnref.claims.claim import Claim, Prose, Step, at, difference, equal
from gnref.claims.witnesses import AT_A_KINK, CLIFF, EQUAL_NORMS, JUMP


def jump_at_a_kink() -> list[Prose | Step]:
    """relu(x) + 1 on both sides of 0."""
    (f0, g0, at_0), (f1, g1, at_1) = at(JUMP, 0), at(JUMP, F(1, 1000))
    rise = abs(at_1 - at_0)
    limit = at(JUMP, F(1, 10**9))[2]
    return [
        Prose("f(x) = relu(x) + 1"),
        equal("at x = 0: f", f0, 1),
        equal("           ‖∇f‖² (left of the kink)", g0, 0),
        equal("           f̂ = 1/(0 + 1)", at_0, 1),
        equal("at x = 1/1000: f", f1, F(1001, 1000)),
        equal("           ‖∇f‖²", g1, 1),
        equal("           f̂ = (1001/1000)/(1 + 1001/1000)", at_1, F(1001, 2001)),
        equal("|f̂(1/1000) - f̂(0)|", rise, F(1000, 2001)),
        Step(
            f"divided by the distance 1/1000: {rise * 1000}, more than 499 times what a 1-Lipschitz f̂ allows",
            rise * 1000 > 499,
        ),
        Step(
            "as x falls to 0, f̂ tends to 1/2 and not to f̂(0) = 1: no constant L satisfies (1)",
            0 < limit - F(1, 2) < F(1, 10**8) and at_0 == 1,
        ),
        Step("left of the kink f̂ is constant, of slope 0: f̂(-1) - f̂(-2) = 0", difference(JUMP, -2, -1) == 0),
        Step(
            "right of it f̂(b) - f̂(a) = (b - a)/((2 + a)(2 + b)), so the slope is 1/(2 + x)² ≤ 1/4 as Eq. 14 says; "
            "from 1 to 2 it rises by 1/12",
            difference(JUMP, 1, 2) == F(1, (2 + 1) * (2 + 2)) == F(1, 12),
        ),
    ]


def _everywhere() -> list[Prose | Step]:
    left, right = at(CLIFF, F(-3, 20))[2], at(CLIFF, F(3, 20))[2]
    return [
        *jump_at_a_kink(),
        Prose("And f̂ can separate any two disjoint sets at no cost: f(x) = 1 - relu(10x + 1) + relu(10x - 1)"),
        equal("   f̂(-3/20)", left, 1),
        equal("   f̂(3/20)", right, -1),
        equal("   a fall of 2 over 3/10: slope", (left - right) / F(3, 10), F(20, 3)),
    ]


def _equal_norms() -> list[Prose | Step]:
    points = [(F(1), F(1)), (F(-2), F(1)), (F(1), F(-3)), (F(0), F(2))]
    exact = [EQUAL_NORMS.exactly(p) for p in points]
    norms = [found.squared_norm for found in exact]
    (first, _), (second, _) = EQUAL_NORMS.layers[0]
    inner = sum(a * b for a, b in zip(first, second, strict=True))
    return [
        Step(
            "f(x, y) = |x + y| + 2|x - y + 1| - 2; the rows (1, 1) and (1, -1) are orthogonal and equally long",
            inner == 0 and sum(a * a for a in first) == sum(b * b for b in second),
        ),
        Step(
            f"‖∇f‖² in four regions: {', '.join(map(str, norms))}",
            norms == [10, 10, 10, 10] and len({found.pattern for found in exact}) == 4,
        ),
        Prose("So f̂ = f/(√10 + |f|), and t ↦ t/(κ + |t|) has slope κ/(κ + |t|)² ≤ 1/κ: f̂ is 1-Lipschitz everywhere."),
    ]


def _kink_values() -> list[Prose | Step]:
    f, squared, value = at(AT_A_KINK, 0)
    sides = [at(AT_A_KINK, sign * F(1, 10**9))[2] for sign in (1, -1)]
    corner = EQUAL_NORMS.exactly((F(1), F(-1)))
    near = EQUAL_NORMS.exactly((1 + F(1, 10**9), -1 + F(1, 10**10)))
    return [
        Prose("f(x) = relu(x) - relu(-x) + 1, which is x + 1, with ‖∇f‖ = 1 on both sides of 0"),
        Step("f̂ tends to 1/2 from both sides", all(abs(side - F(1, 2)) < F(1, 10**8) for side in sides)),
        equal("at 0 both units are off: f", f, 1),
        equal("   ‖∇f‖²", squared, 0),
        equal("   f̂", value, 1),
        Step(
            "|x + y| + 2|x - y + 1| - 2 has ‖∇f‖² = 10 in every region; at (1, -1), on the kink of |x + y|, it "
            "is 10 too: "
            "with |z| both sides have one length",
            corner.squared_norm == near.squared_norm == 10,
        ),
        Prose("but PyTorch's derivative of |z| at 0 is 0, which leaves ‖∇f‖² = 8 there: f̂(1, -1) = 4/(√8 + 4) for"),
        Prose("4/(√10 + 4), .5858 for .5585."),
    ]


CLAIMS = (
    Claim(
        "theorem-6-global",
        "Theorem 6 for ReLU networks",
        "f̂ of a ReLU network satisfies |f̂(x) - f̂(y)| ≤ ‖x - y‖ for all x, y.",
        "f continuous and piecewise linear, as the networks with ReLU and leaky ReLU of appendix D are.",
        "f piecewise linear",
        "false as used",
        "f̂ jumps at a kink wherever ‖∇f‖ changes and f ≠ 0, by |f||g₊ - g₋|/((g₊ + |f|)(g₋ + |f|)) < 1; then no "
        "constant exists. Its Lipschitz constant is at most 1 or infinite.",
        _everywhere,
    ),
    Claim(
        "theorem-6-equal-norms",
        "Theorem 6, the true global form",
        "f̂ is 1-Lipschitz off the kinks exactly when, at every facet, ‖∇f‖ is the same on both sides or f is 0 there.",
        "f continuous and piecewise linear with finitely many regions; |f̂(x) - f̂(y)| ≤ ‖x - y‖ for all x, y "
        "on no kink. "
        "What an implementation gives on a kink is another matter: see kink-values.",
        "‖∇f‖ equal in neighbouring regions, as with orthogonal rows of equal length and |·| or MaxMin activations",
        "holds under an extra assumption",
        "Without jumps f̂ extends to a continuous function with slope at most 1 on every segment; one facet where f ≠ 0 "
        "and ‖∇f‖ changes is a jump, and no constant is left. ReLU networks do not have the property.",
        _equal_norms,
    ),
    Claim(
        "kink-values",
        "Theorem 6, values on kinks",
        "On a kink f̂ is its limit from one of the regions that meet there.",
        "f̂ as automatic differentiation gives it: every unit at 0 counts as off, whatever that makes of the others.",
        "x on a kink",
        "false as used",
        "The pattern of signs found on a kink may belong to no region around it, and the gradient to none: of "
        "relu(x) - relu(-x) + 1, which is x + 1, f̂(0) is 1 and both limits are 1/2.",
        _kink_values,
    ),
)
