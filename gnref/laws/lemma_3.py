"""Lemma 3: a Lipschitz constant and a bound of ‖∇f‖ are the same for a continuous piecewise-linear f. In fractions."""

from fractions import Fraction
from itertools import combinations, pairwise

from gnref.laws.along import Line, distance_squared, ends_apart, hold, moved
from gnref.laws.law import law_of_f
from gnref.laws.theorem_6 import one_lipschitz_in_a_region


@law_of_f("equation-1-minimum", drawn="profiles")
def least_constant(case: Line) -> float:
    """Of one variable, max |slope| is the largest quotient of all pairs of breakpoints: the least L."""
    segment = case.segment()
    x = [segment.p[0] + t * (segment.q[0] - segment.p[0]) for t in segment.t]
    f = [case.network.exactly([point]).score for point in x]
    pairs = list(combinations(range(len(x)), 2))
    largest = max(abs((f[j] - f[i]) / (x[j] - x[i])) for i, j in pairs)
    middles = [(a + b) / 2 for a, b in pairwise(x)]
    steepest = max(abs(case.network.exactly([point]).gradient[0]) for point in middles)
    return hold(largest == steepest, lambda: f"the least L is max |f'| = {steepest}: got {largest}", case)


@law_of_f("equation-6", drawn="lines")
def line_integral(case: Line) -> float:
    """f(x) - f(y) = Σ ⟨∇f on a piece, x - y⟩ Δt: Eq. 6b and 6c on a function whose gradient jumps. Equality.

    Breakpoints are the certificate's; ∇f in the middle of each piece and f at the ends are the exact network's.
    """
    segment = case.segment()
    p, q = ([Fraction(c) for c in point] for point in (case.start, case.end))
    direction = [b - a for a, b in zip(p, q, strict=True)]
    total = Fraction(0)
    for start, stop in pairwise(segment.t):
        gradient = case.network.exactly(moved(p, (start + stop) / 2, tuple(direction))).gradient
        total += (stop - start) * sum((v * d for v, d in zip(gradient, direction, strict=True)), Fraction(0))
    rise = case.network.exactly(q).score - case.network.exactly(p).score
    return hold(total == rise, lambda: f"∫⟨∇f, x - y⟩dt = f(x) - f(y) = {rise}: got {total}", case)


@law_of_f("lemma-3-forward", drawn="lines")
def constant_bounds_gradient(case: Line) -> float:
    """On the steepest piece the difference quotient along ∇f is ‖∇f‖: no smaller constant satisfies (1). Equality."""
    segment = case.segment()
    steepest = max(range(len(segment.slopes)), key=lambda k: segment.norms_squared[k])
    middle = (segment.t[steepest] + segment.t[steepest + 1]) / 2
    x = [p + middle * (q - p) for p, q in zip(segment.p, segment.q, strict=True)]
    here, step = case.network.exactly(x), Fraction(1)
    while case.network.exactly(moved(x, step, here.gradient)).pattern != here.pattern:
        step /= 2
    difference = case.network.exactly(moved(x, step, here.gradient)).score - here.score
    return hold(
        difference == step * here.squared_norm and here.squared_norm == segment.norms_squared[steepest],
        lambda: f"f(x + h∇f) - f(x) = h‖∇f‖² at x = {x}, h = {step}: got {difference}",
        case,
    )


@law_of_f("lemma-3-forward", drawn="lines")
def directional_derivative(case: Line) -> float:
    """⟨∇f(x), d⟩ = (f(x + hd) - f(x))/h for a fixed direction d and small h > 0: Eq. 4 with its sign."""
    return _directional(case, signed=True)


@law_of_f("lemma-3-backward", drawn="lines")
def gradient_bounds_constant(case: Line) -> float:
    """|f(x) - f(y)|² ≤ max g² ‖x - y‖², the largest over the segment's pieces: no tolerance."""
    segment = case.segment()
    rise, length = (segment.values[-1] - segment.values[0]) ** 2, distance_squared(case.start, case.end)
    bound = max(segment.norms_squared) * length
    return hold(rise <= bound, lambda: f"|f(x) - f(y)|² ≤ max g²‖x - y‖²: got {rise} > {bound}", case)


@law_of_f("equation-4", drawn="lines", refuted=True)
def equation_4_as_printed(case: Line) -> float:
    """⟨∇f(x), (y - x)/‖y - x‖⟩ = |f(y) - f(x)|/‖x - y‖ for y near x, as Eq. 4 has it."""
    return _directional(case, signed=False)


def _directional(case: Line, signed: bool) -> float:
    x = [Fraction(c) for c in case.start]
    direction = tuple(Fraction(b) - Fraction(a) for a, b in zip(case.start, case.end, strict=True))
    here, step = case.network.exactly(x), Fraction(1)
    while case.network.exactly(moved(x, step, direction)).pattern != here.pattern:
        step /= 2
    rise = (case.network.exactly(moved(x, step, direction)).score - here.score) / step
    inner = sum((v * d for v, d in zip(here.gradient, direction, strict=True)), Fraction(0))
    limit = rise if signed else abs(rise)
    return hold(inner == limit, lambda: f"⟨∇f, y - x⟩ = {inner}, but the limit is {limit}", case)


@law_of_f("lemma-3-almost-everywhere", drawn="lines", refuted=True)
def almost_everywhere_is_enough(case: Line) -> float:
    """Since ‖∇f̂‖ ≤ 1 inside every piece of a segment, |f̂(x) - f̂(y)| ≤ ‖x - y‖ for its ends."""
    one_lipschitz_in_a_region(case)
    return ends_apart(case)
