"""What the appendix claims around Theorem 6: outputs, losses, labels, variants, limits, D*, costs."""

from fractions import Fraction

from gnref.claims.claim import Claim, Step, at, equal, relu_unit
from gnref.exact import ExactConditional, ExactNetwork, normalized

F = Fraction

SHIFT = ExactNetwork((), ((1.0,), 3.0))
"""x + 3."""
TWO_LABELS = ExactConditional(ExactNetwork(((((3.0, 4.0), 0.0),),), ((1.0,), 0.0)), ((0.0,), (1.0,)))
"""h = relu(3x + 4y); D_0 = h, D_1 = 2h."""


def _definition() -> list[Step]:
    f, squared, value = at(SHIFT, -5)
    return [
        Step("f(x) = x + 3 at x = -5", True),
        equal("f", f, -2),
        equal("‖∇f‖²", squared, 1),
        equal("f̂ = -2/(1 + 2)", value, F(-2, 3)),
        equal("of 4f: f̂ = -8/(4 + 8), the same", normalized(4 * f, 16 * squared), F(-2, 3)),
        equal("of -f: the negative", normalized(-f, squared), F(2, 3)),
    ]


def _output_range() -> list[Step]:
    dead = at(relu_unit(1, 0, 1), -1)[2]
    return [
        Step("|f| ≤ ‖∇f‖ + |f| since ‖∇f‖ ≥ 0, so |f̂| ≤ 1; rounding is monotone and keeps both inequalities", True),
        equal("f(x) = x + 3 at 0: f̂ = 3/(1 + 3), inside (-1, 1)", at(SHIFT, 0)[2], F(3, 4)),
        equal("f(x) = relu(x) + 1 at -1, where ∇f = 0: f̂", dead, 1),
    ]


def _ns() -> list[Step]:
    value = at(SHIFT, -5)[2]
    p = (1 + value) / 2
    return [
        Step("-1 ≤ f̂ ≤ 1, so p = (1 + f̂)/2 lies in [0, 1]: log p and log(1 - p) need no sigmoid", True),
        equal("f(x) = x + 3 at -5: f̂", value, F(-2, 3)),
        Step(f"p = {p}, in [0, 1]", 0 <= p <= 1),
        Step(
            "With a sigmoid p would lie in [σ(-1), σ(1)] ⊂ (1/4, 3/4): a different objective, not the same one twice",
            True,
        ),
    ]


def _hinge() -> list[Step]:
    real, fake = at(SHIFT, 0)[2], at(SHIFT, -5)[2]
    hinge = max(F(0), 1 - real) + max(F(0), 1 + fake)
    return [
        Step("f(x) = x + 3; a real sample at 0, a fake one at -5", True),
        equal("f̂(0)", real, F(3, 4)),
        equal("f̂(-5)", fake, F(-2, 3)),
        equal("hinge: max(0, 1 - 3/4) + max(0, 1 - 2/3)", hinge, F(7, 12)),
        equal("Wasserstein: -2/3 - 3/4", fake - real, F(-17, 12)),
        equal("their difference, whatever the parameters", hinge - (fake - real), 2),
    ]


def _hinge_variants() -> list[Step]:
    f, squared, _ = at(SHIFT, 0)
    one, zero = normalized(f, squared, "one"), normalized(f, squared, "zero")
    return [
        Step("f(x) = x + 3 on a real sample at 0: f = 3, ‖∇f‖ = 1", True),
        equal("GN_1: f̂ = 3/(1 + 1)", one, F(3, 2)),
        equal("GN_0: f̂ = 3/1", zero, 3),
        equal("hinge of GN_1: max(0, 1 - 3/2), flat, so its gradient is 0", max(F(0), 1 - one), 0),
        equal("hinge of GN_0: max(0, 1 - 3)", max(F(0), 1 - zero), 0),
        Step("The Wasserstein loss -f̂ has ∂(-f̂)/∂b = -1/2 and -1: not 0", True),
    ]


def _softplus() -> list[Step]:
    return [
        Step("softplus_β(x) - relu(x) = ln(1 + e^(-β|x|))/β, largest at x = 0: ln 2/β", True),
        Step("ln 2 < 7/10, so for β = 20 the two differ by less than 7/200 everywhere", F(7, 10) / 20 == F(7, 200)),
    ]


def _softplus_slopes() -> list[Step]:
    s, beta = F(1, 3), F(20)
    g, h = s, beta * s * (1 - s)
    return [
        Step(
            "softplus_β'(x) = 1/(1 + e^(-βx)); at 0 it is 1/2 for every β, where relu' is 0 or 1",
            F(1, 2) not in (0, 1),
        ),
        Step(
            "f = softplus_β(x) + 1 where e^(βx) = 1/2: f' = 1/3, f'' = 2β/9, f = 1 + ln(3/2)/β ≥ 1", h == 2 * beta / 9
        ),
        Step("f̂' = (g² - f f'')/(g + f)²; with 1 ≤ f ≤ 1 + (1/2)/20 at β = 20:", True),
        Step(
            f"   |f̂'| ≥ (40/9 - 1/9)/(1/3 + 41/40)² = {(h - g * g) / (g + 1 + F(1, 40)) ** 2} > 2; it grows as β/8",
            (h - g * g) / (g + 1 + F(1, 40)) ** 2 > 2,
        ),
    ]


def _conditional() -> list[Step]:
    values = [at(TWO_LABELS.at(y), 3, 4) for y in (0, 1)]
    return [
        Step("h = relu(3x + 4y), D_0 = h, D_1 = h + ⟨e_1, h⟩ = 2h, at (3, 4)", True),
        equal("D_0", values[0][0], 25),
        equal("‖∇D_0‖²", values[0][1], 25),
        equal("D̂_0 = 25/(5 + 25)", values[0][2], F(5, 6)),
        equal("D_1", values[1][0], 50),
        equal("‖∇D_1‖²", values[1][1], 100),
        equal("D̂_1 = 50/(10 + 50)", values[1][2], F(5, 6)),
    ]


def _gn_1() -> list[Step]:
    f, squared, _ = at(SHIFT, 0)
    big = at(ExactNetwork((), ((1.0,), 600.0)), 0)
    return [
        equal("f(x) = x + 3 at 0: f̂ = 3/(1 + 1)", normalized(f, squared, "one"), F(3, 2)),
        equal("slope g/(1 + g)", F(1) / 2, F(1, 2)),
        equal("x + 600: f̂ = 600/2, so the output has no bound", normalized(big[0], big[1], "one"), 300),
    ]


def _gn_0() -> list[Step]:
    f, squared, _ = at(SHIFT, 0)
    return [
        equal("f(x) = x + 3 at 0: f̂ = 3/1, outside [-1, 1]", normalized(f, squared, "zero"), 3),
        equal("slope g/g", F(1), 1),
        Step(
            "where ∇f = 0 it is f/0: undefined, and 0 by this package's convention", normalized(F(1), F(0), "zero") == 0
        ),
    ]


def _d_star() -> list[Step]:
    a, b = F(3, 10), F(1, 10)
    best = a / (a + b)
    return [
        Step("p_r = 3/10 and p_g = 1/10 at some x", True),
        equal("d = p_r/(p_r + p_g)", best, F(3, 4)),
        equal("derivative p_r/d - p_g/(1 - d) there", a / best - b / (1 - best), 0),
        Step(
            "at d = 1/2 it is 2/5 > 0, at d = 9/10 it is -2/3 < 0: a maximum, and the only one",
            a * 2 - b * 2 > 0 > a / F(9, 10) - b * 10,
        ),
    ]


def _d_star_lipschitz() -> list[Step]:
    t = F(4)
    gradient = (-t * F(3, 16), t * F(3, 16))
    return [
        Step("p_r = N(0, diag(1, 4)), p_g = N(0, diag(4, 1)): log p_r - log p_g = 3(y² - x²)/8", True),
        Step("D* = σ of that; on the diagonal D* = 1/2 and ∇D* = ¼ · ¾ · (-x, y)", True),
        equal("‖∇D*(4, 4)‖²", gradient[0] ** 2 + gradient[1] ** 2, F(9, 8)),
        Step("9/8 > 1, and 9t²/128 has no bound in t", F(9, 8) > 1),
    ]


def _inference() -> list[Step]:
    return [
        Step("Sampling evaluates the generator alone, which no normalization of D touches", True),
        Step("A value of f̂ needs f and ∇ₓf: 1 + 1 = 2 passes where f needs 1", 1 + 1 == 2),
    ]


def _training() -> list[Step]:
    return [
        Step("f: forward, adjoint, weight gradients = 3 passes of the matrix products", 1 + 1 + 1 == 3),
        Step("f̂ by double backward: each of forward and ∇ₓf is differentiated, 3 · 2 = 6; by replay, 4", 3 * 2 == 6),
        Step("Table 1: 15.73/6.48 = 2.43 times slower for D", F(242, 100) < F(1573, 648) < F(243, 100)),
    ]


AROUND = (
    Claim(
        "normalized-function",
        "Theorem 6, the definition",
        "f̂(x) = f(x)/(‖∇ₓf(x)‖ + |f(x)|), per sample, over all inputs of the sample.",
        "The value, its parameter gradients and its invariances, as an implementation computes them.",
        "not both f = 0 and ∇f = 0 (0/0; this package says 0, with zero gradient)",
        "holds",
        "A definition: what is checked is that an implementation computes it, and nothing beside it.",
        _definition,
    ),
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
        "p = (1 + f̂)/2 is a probability; the loss made of it is finite with the logarithm clamped.",
        "log clamped (at -100, as PyTorch does)",
        "holds",
        "A statement about the domain; the objective differs from the one with a sigmoid.",
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
        "Figure 2 compares GN_1 and GN_0 under the hinge loss.",
        "ζ = 1 or ζ = 0",
        "false as used",
        "Their outputs are unbounded, so the hinge clips where the Wasserstein loss does not.",
        _hinge_variants,
    ),
    Claim(
        "softplus-limit",
        "B.1, Figure 1",
        "Softplus becomes similar to ReLU as β increases.",
        "0 ≤ softplus_β - relu ≤ ln2/β, uniformly in x: values.",
        "none",
        "holds",
        "The difference is ln(1 + e^(-β|x|))/β.",
        _softplus,
    ),
    Claim(
        "softplus-limit-gradients",
        "B.1, as an explanation of Figure 1",
        "Softplus becomes similar to ReLU in its slopes too, so f̂ of a steep softplus is as smooth as Theorem 6 says.",
        "Uniform convergence of derivatives, and ‖∇f̂‖ ≤ 1.",
        "β large",
        "false as used",
        "The slopes differ by 1/2 at 0 for every β, and f̂ of softplus_β(x) + 1 has slope about β/8: the jump.",
        _softplus_slopes,
    ),
    Claim(
        "eq-16-conditional",
        "Appendix D, Eq. 16",
        "D̂_y(x) = D_y(x)/(‖∇ₓD_y(x)‖ + |D_y(x)|) is Lipschitz constrained in x.",
        "For each fixed y, ‖∇ₓD̂_y‖ ≤ 1 inside regions. (The text cites Theorem 5; Theorem 6 is meant.)",
        "as theorem-6-almost-everywhere, for each label; nothing is said about a change of label",
        "holds almost everywhere",
        "D_y is a network for each y, so the claim is Theorem 6's inside regions, with the same jumps at kinks.",
        _conditional,
    ),
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
        "d-star",
        "Figure 3 (a)",
        "D*(x) = p_r(x)/(p_r(x) + p_g(x)) is the optimal discriminator.",
        "The maximum of E log D + E log(1 - D) over all measurable D (p_q in the caption is p_g).",
        "unconstrained D, log loss, densities rather than the fixed sample of the experiment",
        "holds",
        "Pointwise: p_r log d + p_g log(1 - d) is largest at d = p_r/(p_r + p_g).",
        _d_star,
    ),
    Claim(
        "d-star-lipschitz",
        "Figure 3, D* as what a smooth discriminator should learn",
        "D* has slope at most 1.",
        "For two Gaussians with unequal covariances.",
        "unequal covariances",
        "false as used",
        "Its slope has no bound there; for equal covariances s²I it is at most ‖Δm‖/(4s²).",
        _d_star_lipschitz,
    ),
    Claim(
        "inference-cost",
        "B.3, last sentence",
        "The inference speed is the same for all approaches.",
        "Inference is sampling from the generator. A value of f̂ costs two passes where f costs one.",
        "inference means the generator",
        "holds under an extra assumption",
        "The generator is untouched; evaluating the normalized discriminator is twice the work.",
        _inference,
    ),
    Claim(
        "training-cost",
        "B.3, Table 1",
        "A training step needs additional computation with GN.",
        "Matrix products of one D step: at most 3 passes for f, more and at most 6 for f̂.",
        "cost counted in multiply-adds of matrix products",
        "holds",
        "Counted, not timed; the milliseconds of Table 1 are empirical.",
        _training,
    ),
)
