"""The segment law and the bound of a jump, in fractions: f̂ at the ends against what a certificate says of between."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from gnref.claims.segments import leap
from gnref.claims.witnesses import CLIFF, JUMP, LEAKY, TANH_BOUND
from gnref.exact import normalized, square_root
from gnref.laws.along import SLACK, Line, distance_squared, hold
from gnref.laws.law import law_of_f


def kinked_lines() -> Iterator[Line]:
    """Segments across the kinks of the worked examples."""
    yield Line(JUMP, (-1.0,), (1.0,))
    yield Line(CLIFF, (-0.5,), (0.5,))
    yield Line(LEAKY, (-3.0, -4.0), (3.0, 4.0))
    yield Line(TANH_BOUND, (-1.0,), (1.0,))


def _side(case: Line, t: Fraction, towards: Fraction) -> tuple[Fraction, Fraction]:
    """f̂ and ‖∇f‖² in the limit at t, from the side of `towards`, by the exact network alone."""
    p, q = ([Fraction(c) for c in point] for point in (case.start, case.end))

    def x(at: Fraction) -> list[Fraction]:
        return [a + at * (b - a) for a, b in zip(p, q, strict=True)]

    limit = case.network.exactly(x(t), pattern=case.network.exactly(x((t + towards) / 2)).pattern)
    return normalized(limit.score, limit.squared_norm), limit.squared_norm


@law_of_f("segment-law", drawn="lines", fixed=kinked_lines)
def slope_and_jumps(case: Line) -> float:
    """f̂'s change over each piece, and its jump at each kink, are the certificate's; their sum bounds |f̂(x) - f̂(y)|.

    The limits on both sides of every kink are those of the exact network's own affine pieces. Every piece changes f̂ by
    at most its length, and the whole by at most ‖x - y‖ and the jumps' bounds.
    """
    segment = case.segment()
    t, jumps, bounds = segment.t, segment.jumps(), segment.jump_bounds()
    ends = [(_side(case, a, b), _side(case, b, a)) for a, b in pairwise(t)]
    length = square_root(distance_squared(case.start, case.end))
    for i, ((start, _), (stop, _)) in enumerate(ends):
        allowed = (t[i + 1] - t[i]) * length + SLACK
        hold(abs(stop - start) <= allowed, lambda i=i: f"f̂ changes by at most the length of piece {i}", case)  # type: ignore[misc]
    for i, ((_, before), (after, _)) in enumerate(pairwise(ends)):
        jump = abs(after[0] - before[0])
        hold(abs(jump - jumps[i]) <= SLACK, lambda i=i, jump=jump: f"kink {i}: f̂ jumps by {float(jump)}", case)  # type: ignore[misc]
        hold(jump <= bounds[i] + SLACK, lambda i=i: f"kink {i}: the jump is at most {float(bounds[i])}", case)  # type: ignore[misc]
    change = abs(ends[-1][1][0] - ends[0][0][0])
    slope = sum((abs(stop[0] - start[0]) for start, stop in ends), Fraction(0))
    hold(abs(slope - segment.variation()) <= SLACK * len(ends), lambda: f"by slope f̂ changes by {float(slope)}", case)
    limits = [(t[i + k], piece[k][0]) for i, piece in enumerate(ends) for k in (0, 1)]
    pairs = [abs(v - u) - (b - a) * length for i, (a, u) in enumerate(limits) for b, v in limits[i:]]
    excess = segment.excess()
    hold(abs(max(pairs) - excess) <= SLACK, lambda: f"|Δf̂| ≤ ‖Δx‖ + {float(excess)} on the segment, and no less", case)
    hold(
        max(jumps.tolist(), default=0) <= excess + SLACK and excess <= sum(jumps.tolist(), SLACK),
        lambda: f"the excess {float(excess)} is at least the largest jump and at most their sum",
        case,
    )
    total = slope + sum(jumps.tolist(), Fraction(0)) + SLACK * len(ends)
    widest = length + sum(bounds.tolist(), Fraction(0)) + SLACK * len(ends)
    return hold(
        change <= total <= widest + SLACK,
        lambda: f"|f̂(x) - f̂(y)| = {float(change)} ≤ {float(total)} ≤ {float(widest)}",
        case,
    )


@law_of_f("jump-bound", drawn="kinks")
def jump_is_largest_at_the_geometric_mean(case: tuple[Fraction, Fraction, Fraction]) -> float:
    """J(f) ≤ |a - b|/(a + b) for g₊ = a², g₋ = b², with equality at f = ab alone. `case` is (a, b, f), > 0."""
    a, b, f = case
    bound = abs(a - b) / (a + b)
    jump, peak = leap(f, b * b, a * a), leap(a * b, b * b, a * a)
    # The jump as the difference of f/(g + |f|), not as the formula for it.
    difference = abs(f / (a * a + f) - f / (b * b + f))
    if jump != difference or peak != bound or jump > bound or ((jump == bound) != (f == a * b or a == b)):
        raise AssertionError(
            f"J ≤ {bound} at g₊ = {a}², g₋ = {b}², f = {f}, with equality at {a * b}: got {jump}, {peak}"
        )
    return 0.0


@law_of_f("jump-bound", drawn="lines", fixed=kinked_lines)
def jump_bound_on_segments(case: Line) -> float:
    """J ≤ tanh(log(g/h)/4) at each kink with norms g ≥ h, without roots: ((1 + J)/(1 - J))² ≤ g/h."""
    segment = case.segment()
    for i, jump in enumerate(segment.jumps()):
        low, high = sorted(segment.norms_squared[i : i + 2])
        if low > 0:
            # ((1 + J)/(1 - J))⁴ ≤ g₊²/g₋², in which no root is left but those in J.
            excess = (1 + jump) ** 4 * low - (1 - jump) ** 4 * high
            hold(excess <= high * 2**8 * SLACK, lambda i=i: f"the jump at kink {i} is within its bound", case)  # type: ignore[misc]
        else:
            hold(jump < 1 or segment.values[i + 1] == 0, lambda i=i: f"the jump at kink {i} is below 1", case)  # type: ignore[misc]
    return 0.0
