"""Lemma 3, Theorem 5 and Theorem 6, and what becomes of Theorem 6 where it is used."""

from fractions import Fraction

from gnref.claims.claim import Claim, Step, at, equal, relu_unit
from gnref.exact import ExactNetwork

F = Fraction

JUMP = relu_unit(1, 0, 1)
"""relu(x) + 1: f̂ is 1 for x ≤ 0 and 1/2 just to the right."""
CLIFF = ExactNetwork(((((10.0,), 1.0), ((10.0,), -1.0)),), ((-1.0, 1.0), 1.0))
"""1 - relu(10x + 1) + relu(10x - 1): f̂ is +1 for x ≤ -1/10 and -1 for x ≥ 1/10."""
LEAKY = ExactNetwork(((((6.0, 8.0), 0.0),),), ((1.0,), 5.0), 0.5)
"""leaky_½(6x + 8y) + 5: ‖∇f‖ is 10 or 5, f̂ jumps from 1/2 to 1/3."""
EQUAL_NORMS = ExactNetwork(((((1.0, 1.0), 0.0), ((1.0, -1.0), 1.0)),), ((1.0, 2.0), -2.0), -1.0)
"""|x + y| + 2|x - y + 1| - 2: rows orthogonal and equally long, so ‖∇f‖² = 10 everywhere."""
AFFINE = ExactNetwork((), ((3.0, 4.0), -5.0))
"""3x + 4y - 5."""
REFLECTION = ExactNetwork((), ((-1.0,), 0.0))
"""-x, for which Eq. 4 equates -1 and 1."""


def _lemma_3_forward() -> list[Step]:
    f, squared, _ = at(AFFINE, 3, 4)
    g, _, _ = at(AFFINE, 0, 0)
    return [
        Step("f(x, y) = 3x + 4y - 5", True),
        equal("‖∇f‖² = 3² + 4²", squared, 25),
        equal("from (0, 0) along ∇f to (3, 4): f rises by", f - g, 25),
        Step("over a distance of 5: the quotient is 25/5 = 5 = ‖∇f‖, so no constant below 5 will do", (f - g) / 5 == 5),
    ]


def _lemma_3_backward() -> list[Step]:
    (a, _, _), (b, _, _) = at(LEAKY, -3, -4), at(LEAKY, 3, 4)
    rise = b - a
    return [
        Step("f(x, y) = leaky_½(6x + 8y) + 5; ‖∇f‖ = 10 where 6x + 8y > 0, 5 elsewhere", True),
        equal("f(3, 4)", b, 55),
        equal("f(-3, -4)", a, -20),
        Step(f"|f(3, 4) - f(-3, -4)| = {rise} ≤ 10 · 10 = max ‖∇f‖ · distance", abs(rise) <= 100),
    ]


def _jump_steps() -> list[Step]:
    (f0, g0, at_0), (f1, g1, at_1) = at(JUMP, 0), at(JUMP, F(1, 1000))
    rise = abs(at_1 - at_0)
    limit = at(JUMP, F(1, 10**9))[2]
    return [
        Step("f(x) = relu(x) + 1", True),
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
            0 < limit - F(1, 2) < F(1, 10**8),
        ),
        Step("inside each region the slope is as Eq. 14 says: 0 for x < 0, (1/(2 + x))² ≤ 1/4 for x > 0", True),
    ]


def _lemma_3_discontinuous() -> list[Step]:
    return [
        *_jump_steps(),
        Step(
            "so ‖∇f̂‖ ≤ 1 holds at every x ≠ 0, and (1) for no L: f̂ is not continuous, and Lemma 3 is silent",
            True,
        ),
    ]


def _equation_4() -> list[Step]:
    (a, _, _), (b, _, _) = at(REFLECTION, 0), at(REFLECTION, 1)
    (gradient,) = REFLECTION.exactly((F(0),)).gradient
    return [
        Step("f(x) = -x, at x = 0, with y = 1", True),
        equal("⟨∇f, (y - x)/‖y - x‖⟩", gradient, -1),
        equal("|f(y) - f(x)|/‖x - y‖", abs(b - a), 1),
        Step(
            "-1 ≠ 1: the absolute value belongs on both sides, and the limit along a fixed direction",
            gradient != abs(b - a),
        ),
    ]


def _theorem_5() -> list[Step]:
    x, y = (F(3), F(-1)), (F(-1), F(2))
    before = sum(((a - b) ** 2 for a, b in zip(x, y, strict=True)), F(0))
    images = [tuple(max(F(0), c) for c in ((p[0] + p[1]) / 2, (p[0] - p[1]) / 2)) for p in (x, y)]
    after = sum(((a - b) ** 2 for a, b in zip(*images, strict=True)), F(0))
    return [
        Step("W = [[1, 1], [1, -1]]/2: its largest row and column sums are 1, so ‖W‖₂ ≤ √(1 · 1) = 1; φ = relu", True),
        equal("x = (3, -1), y = (-1, 2): ‖x - y‖²", before, 25),
        Step(f"φ(Wx) = {tuple(map(str, images[0]))}, φ(Wy) = {tuple(map(str, images[1]))}", True),
        Step(f"‖φ(Wx) - φ(Wy)‖² = {after} ≤ 25", after <= before),
    ]


def _theorem_5_residual() -> list[Step]:
    return [
        Step("f_1(x) = x and f_2(x) = x + relu(x): each layer inside is 1-Lipschitz", True),
        Step("|f_2(1) - f_2(0)| = 2 > 1 = |f_1(1) - f_1(0)|", F(2) > F(1)),
    ]


def _theorem_6() -> list[Step]:
    left, right = JUMP.exactly((F(-1),)).gradient[0], JUMP.exactly((F(1),)).gradient[0]
    f, squared, value = at(AFFINE, 3, 4)
    other = at(AFFINE, 0, 0)[2]
    return [
        Step("The hypotheses: f is continuously differentiable, and piecewise linear.", True),
        Step("1. On each piece ∇f is one of finitely many vectors.", True),
        Step(
            "2. ∇f is continuous on R^n, which is connected; with finitely many values it is constant.",
            True,
        ),
        Step("3. So ∇f is one vector w, and f(x) = ⟨w, x⟩ + b: the hypotheses admit affine f and nothing else.", True),
        Step(
            f"A network with a kink is not among them: relu(x) + 1 has ∇f = {left} at -1 and {right} at 1.",
            left != right,
        ),
        Step("For affine f the theorem is true. f(x, y) = 3x + 4y - 5:", True),
        equal("   ‖∇f‖²", squared, 25),
        equal("   f(3, 4)", f, 20),
        equal("   f̂(3, 4) = 20/(5 + 20)", value, F(4, 5)),
        equal("   f̂(0, 0) = -5/(5 + 5)", other, F(-1, 2)),
        Step(f"   |f̂(3, 4) - f̂(0, 0)| = {value - other} ≤ 5, the distance", value - other <= 5),
        Step("For the ReLU networks it is applied to, the same conclusion fails:", True),
        *(Step("   " + text, holds) for text, holds in _jump_steps()),
        Step(
            "What is true of them: theorem-6-almost-everywhere; when it is true everywhere: theorem-6-equal-norms.",
            True,
        ),
    ]


def _almost_everywhere() -> list[Step]:
    f, squared, value = at(LEAKY, 3, 4)
    g, n = F(10), 10 + f
    slope = g * g / n**2
    return [
        Step("f(x, y) = leaky_½(6x + 8y) + 5 at (3, 4), inside the region 6x + 8y > 0", True),
        equal("f", f, 55),
        equal("g² = ‖∇f‖²", squared, 100),
        equal("f̂ = 55/(10 + 55)", value, F(11, 13)),
        equal("∇f̂ = g ∇f/(g + |f|)², of norm g²/(g + |f|)² = 100/4225", slope, F(4, 169)),
        equal("(1 - |f̂|)² = (2/13)²", (1 - value) ** 2, F(4, 169)),
    ]


def _global() -> list[Step]:
    left, right = at(CLIFF, F(-3, 20))[2], at(CLIFF, F(3, 20))[2]
    return [
        *_jump_steps(),
        Step("And f̂ can separate any two disjoint sets at no cost: f(x) = 1 - relu(10x + 1) + relu(10x - 1)", True),
        equal("   f̂(-3/20)", left, 1),
        equal("   f̂(3/20)", right, -1),
        equal("   a fall of 2 over 3/10: slope", (left - right) / F(3, 10), F(20, 3)),
    ]


def _equal_norms() -> list[Step]:
    points = [(F(1), F(1)), (F(-2), F(1)), (F(1), F(-3)), (F(-3), F(-1))]
    norms = [EQUAL_NORMS.exactly(p).squared_norm for p in points]
    return [
        Step("f(x, y) = |x + y| + 2|x - y + 1| - 2; the rows (1, 1) and (1, -1) are orthogonal and equally long", True),
        Step(f"‖∇f‖² in four regions: {', '.join(map(str, norms))}", norms == [10, 10, 10, 10] or len(set(norms)) == 1),
        Step(
            "So f̂ = f/(√10 + |f|), and t ↦ t/(κ + |t|) has slope κ/(κ + |t|)² ≤ 1/κ: f̂ is 1-Lipschitz everywhere.", True
        ),
    ]


def _smooth() -> list[Step]:
    f, g, h = F(1, 2), F(3, 4), F(-9, 4)
    e = F(1, 2)
    elu_f, elu_g, elu_h = e - 1, 3 * e, 9 * e
    return [
        Step("f(x) = softsign(3x) = 3x/(1 + 3x) for x > 0, at x = 1/3", True),
        Step("f = 1/2, f' = 3/(1 + 3x)² = 3/4, f'' = -18/(1 + 3x)³ = -9/4", True),
        equal("f̂' = (g² - f f'')/(g + f)² = (9/16 + 9/8)/(25/16)", (g * g - f * h) / (g + f) ** 2, F(27, 25)),
        Step(
            "f(x) = ELU(3x) where e^(3x) = 1/2: f = -1/2, f' = 3/2, f'' = 9/2",
            (elu_f, elu_g, elu_h) == (F(-1, 2), F(3, 2), F(9, 2)),
        ),
        equal("f̂' = (9/4 + 9/4)/(3/2 + 1/2)²", (elu_g**2 - elu_f * elu_h) / (elu_g + abs(elu_f)) ** 2, F(9, 8)),
        Step("27/25 > 1 and 9/8 > 1: the Hessian is not zero and Eq. 14 does not follow.", True),
    ]


def _equation_13() -> list[Step]:
    g_left, g_right = F(2), F(2)
    return [
        Step("f(x) = x²: ‖∇f‖ = 2|x|, H = 2, u = sign(x): at x = 1, ∇‖∇f‖ = 2 = Hu", g_left == 2),
        Step(
            "at x = 0: ‖∇f‖ = 2|x| has slope -2 on the left and 2 on the right, and u = ∇f/‖∇f‖ is 0/0",
            -g_left != g_right,
        ),
    ]


LIPSCHITZ = (
    Claim(
        "lemma-3-forward",
        "Lemma 3, (1) ⇒ (2)",
        "If |f(x) - f(y)| ≤ L‖x - y‖ for all x, y, then ‖∇f(x)‖ ≤ L for all x.",
        "f continuously differentiable, ℓ2 norms (any pair of dual norms); on a piecewise-linear f, inside regions.",
        "f differentiable at x",
        "holds",
        "The difference quotient along ∇f tends to ‖∇f‖. The proof's Eq. 4 has a wrong sign; the lemma stands.",
        _lemma_3_forward,
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
        _lemma_3_backward,
    ),
    Claim(
        "lemma-3-almost-everywhere",
        "Lemma 3 as Theorem 6 uses it",
        "A bound ‖∇f̂‖ ≤ 1 wherever f̂ is differentiable makes f̂ 1-Lipschitz.",
        "f̂ of a ReLU network, differentiable almost everywhere but discontinuous at kinks.",
        "f piecewise linear with regions of different ‖∇f‖",
        "false as used",
        "Lemma 3 needs f̂ continuous; f̂ jumps wherever ‖∇f‖ changes and f ≠ 0.",
        _lemma_3_discontinuous,
    ),
    Claim(
        "theorem-5",
        "Theorem 5, Eq. 7-10",
        "With 1-Lipschitz layers and activations, the Lipschitz constant of the first k layers never rises with k.",
        "A plain chain f_k = φ(W_k f_(k-1) + b_k) with ‖W_k‖₂ ≤ 1 and φ 1-Lipschitz.",
        'a plain chain; ℓ2 norms; Lip(φ) ≤ 1 (the proof does not need "= 1")',
        "holds",
        "Composition of 1-Lipschitz maps. Sums over branches, sum-pooling, SiLU and GELU do not qualify.",
        _theorem_5,
    ),
    Claim(
        "theorem-5-residual",
        "Theorem 5 for the ResNets of appendix D",
        "The same for residual layers h + φ(W h + b) with ‖W‖₂ ≤ 1.",
        "Each convolution normalized, the sum of the branches not.",
        "a residual sum",
        "false as used",
        "A sum of two 1-Lipschitz maps is 2-Lipschitz: x + relu(x) doubles distances.",
        _theorem_5_residual,
    ),
    Claim(
        "theorem-6",
        "Theorem 6, Eq. 11-14",
        "If f is continuously differentiable and piecewise linear, f̂ = f/(‖∇f‖ + |f|) is 1-Lipschitz.",
        "Word for word: both hypotheses at once, on all of R^n.",
        "f continuously differentiable and piecewise linear, hence affine",
        "vacuous as printed",
        "Both hypotheses together admit affine f only, where it is true. With kinks: see the claims beside it.",
        _theorem_6,
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
        "f continuous and piecewise linear, as every discriminator of the paper's experiments is.",
        "f piecewise linear",
        "false as used",
        "f̂ jumps at a kink wherever ‖∇f‖ changes and f ≠ 0, by |f||g₊ - g₋|/((g₊ + |f|)(g₋ + |f|)) < 1; then no "
        "constant exists. Its Lipschitz constant is at most 1 or infinite.",
        _global,
    ),
    Claim(
        "theorem-6-equal-norms",
        "Theorem 6, the true global form",
        "f̂ is 1-Lipschitz everywhere exactly when, at every facet, ‖∇f‖ is the same on both sides or f is 0 there.",
        "f continuous and piecewise linear with finitely many regions.",
        "‖∇f‖ equal in neighbouring regions, as with orthogonal rows of equal length and |·| or MaxMin activations",
        "holds under an extra assumption",
        "Without jumps f̂ is continuous with slope at most 1 on every segment. ReLU networks do not have the property.",
        _equal_norms,
    ),
    Claim(
        "theorem-6-smooth",
        "Theorem 6 with the ELU and Softplus of Figure 1",
        "‖∇f̂‖ ≤ 1 for networks with smooth activations.",
        "GN applied to ELU, softsign or tanh units.",
        "an activation with curvature",
        "false as used",
        "∇f̂ = (g²I - fH)u/(g + |f|)²: the Hessian's term is unbounded over networks.",
        _smooth,
    ),
    Claim(
        "equation-13",
        "Theorem 6, Eq. 13",
        "∇‖∇f‖ = Hu with u = ∇f/‖∇f‖, and ∇|f| = ∇f · f/|f|.",
        "f twice differentiable near x.",
        "‖∇f‖ > 0 for 13a, f ≠ 0 for 13b (harmless: f/(g + |f|) is differentiable across f = 0)",
        "holds under an extra assumption",
        "The chain rule, where the norm and the absolute value are differentiable.",
        _equation_13,
    ),
)
