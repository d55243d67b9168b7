"""How far f̂ is from 1-Lipschitz along a segment: its slope, at most 1, and its jumps at kinks."""

from fractions import Fraction as F

from gnref.claims.claim import Claim, Prose, Step, at, equal
from gnref.claims.witnesses import JUMP, LEAKY, TANH_BOUND


def leap(f: F, g_before: F, g_after: F) -> F:
    """|f| |g₊ - g₋| / ((g₊ + |f|)(g₋ + |f|))."""
    return abs(f) * abs(g_after - g_before) / ((g_after + abs(f)) * (g_before + abs(f)))


def _segment() -> list[Prose | Step]:
    start, end = at(LEAKY, -3, -4)[2], at(LEAKY, 3, 4)[2]
    before, after = F(5) / (5 + 5), F(5) / (10 + 5)
    jump = leap(F(5), F(5), F(10))
    slope = (before - start) + (end - after)
    return [
        Prose("f(x, y) = leaky_½(6x + 8y) + 5 from (-3, -4) to (3, 4), a distance of 10; ‖∇f‖ is 5, then 10"),
        equal("f̂ at the start: -20/(5 + 20)", start, F(-4, 5)),
        equal("f̂ at the kink from before: 5/(5 + 5)", before, F(1, 2)),
        equal("f̂ at the kink from behind: 5/(10 + 5)", after, F(1, 3)),
        equal("f̂ at the end: 55/(10 + 55)", end, F(11, 13)),
        equal("by slope: |1/2 + 4/5| + |11/13 - 1/3|", slope, F(13, 10) + F(20, 39)),
        equal("by jump: 5 · 5/((10 + 5)(5 + 5))", jump, F(1, 6)),
        Step("the jump is the difference of the two limits", jump == abs(after - before)),
        Step("|f̂(3, 4) - f̂(-3, -4)| is at most their sum, which is at most 10 + the jump's bound",
             abs(end - start) <= slope + jump <= 10 + jump),
    ]  # fmt: skip


def _jump() -> list[Prose | Step]:
    f, right, _ = at(TANH_BOUND, 0)[0], at(TANH_BOUND, 1)[1], 0
    left = at(TANH_BOUND, -1)[1]
    flat = at(JUMP, -1)[1]
    return [
        Step("f(x) = leaky_¼(4x) + 2: ‖∇f‖ = 1 left of 0 and 4 right of it", [left, right] == [1, 16]),
        equal("f(0) = √(1 · 4)", f, 2),
        equal("J = 2 · 3/((4 + 2)(1 + 2))", leap(f, F(1), F(4)), F(1, 3)),
        equal("tanh(|log 4 - log 1|/4) = (√4 - √1)/(√4 + √1)", F(2 - 1, 2 + 1), F(1, 3)),
        Step("for other f at the same kink J is less", all(leap(F(n), F(1), F(4)) < F(1, 3) for n in (1, 3, 9))),
        Step("where one side is flat, as in relu(x) + c, J = 1/(1 + c): near 1 for small c, and never 1",
             flat == 0 and [leap(F(1, n), F(0), F(1)) for n in (1, 9, 99)] == [F(1, 2), F(9, 10), F(99, 100)]),
    ]  # fmt: skip


CLAIMS = (
    Claim(
        "segment-law",
        "Theorem 6, between two points",
        "|f̂(x) - f̂(y)| ≤ ‖x - y‖ + Σ over the kinks between x and y of tanh(|log ‖∇f₊‖ - log ‖∇f₋‖|/4).",
        "What f̂ changes is what it changes by slope, at most ‖x - y‖, and what it jumps at kinks; 1 for the tanh where "
        "one side's gradient is 0.",
        "f continuous and piecewise linear; the segment lies in no kink",
        "holds",
        "f̂ is monotone in each piece with slope at most 1, and at a kink it jumps by "
        "|f||g₊ - g₋|/((g₊ + |f|)(g₋ + |f|)).",
        _segment,
    ),
    Claim(
        "jump-bound",
        "Theorem 6, at one kink",
        "|f||g₊ - g₋|/((g₊ + |f|)(g₋ + |f|)) ≤ tanh(|log g₊ - log g₋|/4), with equality exactly where |f| = √(g₊g₋).",
        "The jump of f̂ at a kink with the norms g₊ and g₋ on its sides, for any f there.",
        "g₊, g₋ > 0; where one of them is 0 the jump is below 1, and has no smaller bound",
        "holds",
        "J rises in |f| up to √(g₊g₋) and falls beyond; there it is (√g₊ - √g₋)/(√g₊ + √g₋).",
        _jump,
    ),
)
