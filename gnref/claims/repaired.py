"""Theorem 6, repaired: a norm K that changes slowly in place of ‖∇f‖, and the rate at which it may change."""

from fractions import Fraction as F

from gnref.claims.claim import Claim, Prose, Step, equal


def tilde_slope(f: F, rise: F, k: F, growth: F) -> F:
    """The derivative of f/(K + |f|) along a line: (K f' - f K')/(K + |f|)², where f has slope f' and K has K'."""
    return (k * rise - f * growth) / (k + abs(f)) ** 2


def _repaired() -> list[Prose | Step]:
    k, f = F(1, 2), F(1)
    flat = tilde_slope(f, F(0), k, -2 * k)
    steep = tilde_slope(f, k, k, -(2 * k + f))
    return [
        Prose("f̃ = f/(K + |f|) is locally Lipschitz, for f and K are and K + |f| > 0. Where both are differentiable:"),
        Prose("1. f ≠ 0: ∇f̃ = (K∇f - f∇K)/(K + |f|)², for the terms with ∇|f| cancel;"),
        Prose("2. so ‖∇f̃‖ ≤ (K·K + |f|(2K + |f|))/(K + |f|)² = 1, by ‖∇f‖ ≤ K and ‖∇K‖ ≤ 2K + |f|;"),
        Prose("3. f = 0: ∇f̃ = ∇f/K, of norm at most 1."),
        Prose(
            "4. That is almost everywhere; f̃ is continuous, so it is 1-Lipschitz along almost every segment, hence on"
        ),
        Prose("   all of them. No jump is left: f̃ has no other values than those that its neighbours have."),
        Prose("relu(x) + 1, whose f̂ falls from 1 to 1/2 at 0. K(x) = 1 for x ≥ 0 and e^(2x) for x < 0 (rate 2):"),
        equal("   at 0 from the left: f̃ = 1/(1 + 1)", F(1) / (1 + 1), F(1, 2)),
        equal("   at 0 from the right, the same", F(1) / (1 + 1), F(1, 2)),
        Step(f"   left of 0 where e^(2x) = 1/2: f = 1, f' = 0, K' = 2K: |f̃'| = {abs(flat)} ≤ 1", abs(flat) == F(4, 9)),
        Step(
            f"and with f' = K and K' = -(2K + f), the most that is allowed, f̃' = {steep}: the bound is attained",
            steep == 1,
        ),
    ]


def _smallest() -> list[Prose | Step]:
    pieces = ((F(0), F(1)), (F(1), F(3)), (F(3), F(4)))
    slopes = (F(8), F(1), F(4))

    def powers(x: F) -> list[F]:
        """|s_i| 2^(-2 d), d the distance of x from piece i: rate 2 with base 2 for e keeps whole numbers whole."""
        return [abs(s) / 2 ** int(2 * max(a - x, x - b, F(0))) for s, (a, b) in zip(slopes, pieces, strict=True)]

    at_two = max(powers(F(2)))
    return [
        Prose("In one variable K(x) = max over pieces i of |s_i| e^(-2 d_i(x)), d_i the distance of x from piece i."),
        Prose("It is one of the K of the repaired theorem: K ≥ ‖∇f‖ takes d_i = 0, and a maximum of functions with"),
        Prose("|K'| = 2K or 0 has |K'| ≤ 2K. None is smaller: |K'| ≤ 2K means K(x) ≥ K(y) e^(-2‖x - y‖) ≥ ‖∇f(y)‖ ..."),
        Prose("Slopes 8, 1, 4 on [0, 1], [1, 3], [3, 4]; with 2 in place of e, at x = 2:"),
        Step(f"   the pieces give {', '.join(map(str, powers(F(2))))}", powers(F(2)) == [2, 1, 1]),
        equal("   so K(2)", at_two, 2),
        Step("   where ‖∇f‖ = 1: near a steep piece K is larger, and f̃ smaller, than GN's", at_two > slopes[1]),
    ]


def _rate() -> list[Prose | Step]:
    rate, k, rise = F(3), F(1), F(1)
    f = (rate - 2) / rate * k
    slope = tilde_slope(f, rise, k, -rate * k)
    allowed = tilde_slope(f, rise, k, -2 * k)
    return [
        Prose("A piece of slope 1 right of a steeper one; at the point where K, falling with K' = -rK, has come to 1,"),
        Prose("and f = u there: f̃' = (K f' - f K')/(K + f)² = (1 + r u)/(1 + u)², largest at u = (r - 2)/r."),
        equal("r = 3: u", f, F(1, 3)),
        equal("   f̃' = (1 + 3/3)/(1 + 1/3)²", slope, F(9, 8)),
        Step("   9/8 > 1: with rate 3 the theorem is false", slope > 1),
        equal("in general r²/(4(r - 1)), here 9/8", rate**2 / (4 * (rate - 1)), slope),
        Step(
            f"with rate 2 the same point has slope {allowed} ≤ 1; r²/(4(r - 1)) = 1 at r = 2 and nowhere else",
            allowed <= 1
            and F(2) ** 2 / (4 * (2 - 1)) == 1
            and all(F(r, 10) ** 2 > 4 * (F(r, 10) - 1) for r in (21, 19)),
        ),
    ]


CLAIMS = (
    Claim(
        "theorem-6-repaired",
        "Theorem 6, made true",
        "If K ≥ ‖∇f‖ and ‖∇K‖ ≤ 2K + |f| almost everywhere, then f/(K + |f|) is 1-Lipschitz everywhere.",
        "On all of R^n, or on a convex part of it; kinks of f and of K included.",
        "f and K > 0 locally Lipschitz; every piecewise-linear f is",
        "holds",
        "GN is K = ‖∇f‖, which keeps both inequalities inside regions and is not continuous across kinks: that is all "
        "that is wrong with Theorem 6. K = Lip(f), a constant, is the trivial case.",
        _repaired,
    ),
    Claim(
        "theorem-6-smallest-k",
        "Theorem 6, made true, the normalization nearest to GN",
        "K(x) = sup_y ‖∇f(y)‖ e^(-2‖x - y‖) is the smallest K ≥ ‖∇f‖ with ‖∇K‖ ≤ 2K, and f/(K + |f|) is 1-Lipschitz.",
        "f piecewise linear with finitely many regions, not constant; the supremum over the domain.",
        "f not constant, Lipschitz",
        "holds",
        "It scales with f, so f̃ is homogeneous of degree 0 as GN is, with values in (-1, 1). It asks for ‖∇f‖ "
        "elsewhere "
        "than at x: computable where the regions are known.",
        _smallest,
    ),
    Claim(
        "theorem-6-rate",
        "Theorem 6, made true, with a faster K",
        "The same with ‖∇K‖ ≤ rK for a rate r > 2.",
        "K(x) = sup_y ‖∇f(y)‖ e^(-r‖x - y‖), which is nearer to GN.",
        "r > 2",
        "does not extend to",
        "The largest slope is r²/(4(r - 1)) > 1, attained in the limit where K has just fallen to ‖∇f‖ and "
        "|f| = K(r - 2)/r.",
        _rate,
    ),
)
