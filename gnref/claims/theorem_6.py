"""Theorem 6: as printed, inside regions, everywhere, with equal norms, and for smooth activations."""

from fractions import Fraction as F

from gnref.claims.claim import Claim, Prose, Step, at, difference, equal
from gnref.claims.witnesses import AFFINE, AT_A_KINK, CLIFF, EQUAL_NORMS, JUMP, LEAKY


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
