"""Theorem 6 across kinks: where f̂ jumps and by how much, where it does not, and what f̂ is on a kink itself."""

from collections.abc import Iterator
from fractions import Fraction

import torch

from gnref.claims.witnesses import AT_A_KINK, EQUAL_NORMS
from gnref.exact import ExactNetwork, normalized, square_root
from gnref.laws.along import Facet, Line, distance_squared, ends_apart, hold, moved
from gnref.laws.case import Normalize, judge
from gnref.laws.law import law, law_of_f


@law_of_f("theorem-6-global", drawn="lines", refuted=True)
def one_lipschitz_everywhere(case: Line) -> float:
    """|f̂(x) - f̂(y)| ≤ ‖x - y‖ for all x and y of a segment: f̂ must not jump at a kink, as Theorem 6 is used."""
    return _no_jump(case)


@law_of_f("theorem-6-equal-norms", drawn="equal_norm_lines")
def one_lipschitz_with_equal_norms(case: Line) -> float:
    """Where ‖∇f‖ is the same in all regions f̂ has no jump, so |f̂(x) - f̂(y)| ≤ ‖x - y‖ for all x and y."""
    norms = set(case.segment().norms_squared)
    hold(len(norms) == 1, lambda: f"‖∇f‖² is the same on all pieces: got {norms}", case)
    _no_jump(case)
    return ends_apart(case)


@law_of_f("theorem-6-equal-norms", drawn="facets", fixed=lambda: (*facet_cases(), *silent_facets()))
def jump_exactly_where_norms_differ(case: Facet) -> float:
    """At a facet f̂'s two limits differ if and only if ‖∇f‖ differs there and f is not 0: both directions."""
    x, limits, squares = [Fraction(c) for c in case.point], [], []
    direction = tuple(Fraction(c) for c in case.direction)
    for sign in (1, -1):
        side = case.network.exactly(moved(x, Fraction(sign, 2**24), direction))
        at_facet = case.network.exactly(x, pattern=side.pattern)
        limits.append(normalized(at_facet.score, at_facet.squared_norm))
        squares.append(at_facet.squared_norm)
    score = case.network.exactly(x).score
    expected = squares[0] != squares[1] and score != 0
    return hold(
        (limits[0] != limits[1]) == expected,
        lambda: f"‖∇f‖² is {squares} and f is {score}: f̂ jumps is {expected}, with the limits {limits}",
        case,
    )


def silent_facets() -> Iterator[Facet]:
    """relu(x), which is 0 at its kink, and |x + y| + 2|x - y + 1| - 2, whose norm does not change."""
    yield Facet(ExactNetwork(((((1.0,), 0.0),),), ((1.0,), 0.0)), (0.0,), (1.0,))
    yield Facet(EQUAL_NORMS, (1.0, -1.0), (1.0, 1.0))


@law("kink-values", level="refuted", dtypes=(torch.float64,))
def kink_value_is_a_limit(normalize: Normalize, case: Facet) -> float:
    """f̂ on a kink is one of the limits from its two sides, within 16 roundings."""
    x = torch.tensor([case.point], dtype=torch.float64)
    got = normalize(case.network.to_torch(), x).item()
    point = [Fraction(c) for c in case.point]
    sides = (moved(point, Fraction(sign, 2**40), tuple(map(Fraction, case.direction))) for sign in (1, -1))
    found = [case.network.exactly(point, pattern=case.network.exactly(side).pattern) for side in sides]
    limits = [float(normalized(side.score, side.squared_norm)) for side in found]
    nearest = min(limits, key=lambda limit: abs(limit - got))
    return judge("f̂ on the kink", got, nearest, 16 * 2.0**-53, case.snippet())


@law("kink-values", level="robustness", fixed=lambda: kink_facets(), dtypes=(torch.float64,))
def kink_value_is_that_of_one_mask(normalize: Normalize, case: Facet) -> float:
    """What f̂ is on a kink: f/(g + |f|) with the gradient of all units at 0 off, ∇|z| = 0 at 0; within 16 roundings.

    Usual cause: The gradient is taken by differences, or at a point beside x.
    Remedy: Take ∇ₓf by automatic differentiation at x itself.
    """
    x = torch.tensor([case.point], dtype=torch.float64, requires_grad=True)
    module = case.network.to_torch()
    score = module(x)
    (gradient,) = torch.autograd.grad(score.sum(), x)
    f, g = score.item(), float(gradient.norm())
    return judge("f̂ on the kink", normalize(module, x.detach()).item(), f / (g + abs(f)), 16 * 2.0**-53, case.snippet())


def kink_facets() -> Iterator[Facet]:
    """Kinks on which the signs found belong to no region around them."""
    yield Facet(AT_A_KINK, (0.0,), (1.0,))
    yield Facet(EQUAL_NORMS, (1.0, -1.0), (1.0, 1.0))


def _no_jump(case: Line) -> float:
    segment = case.segment()
    largest = segment.largest_jump()
    if largest is None or largest.value == 0:
        return 0.0
    kink = next(t for t, jump in zip(segment.t[1:-1], segment.jumps(), strict=True) if jump == largest.value)
    where = ", ".join(str(p + kink * (q - p)) for p, q in zip(segment.p, segment.q, strict=True))
    raise AssertionError(
        f"f̂ is continuous: at x = ({where}) it jumps by {float(largest.value):.6g}, so that |f̂(x) - f̂(y)|/‖x - y‖ "
        f"exceeds every constant there\n{case.snippet()}"
    )


def facet_cases() -> Iterator[Facet]:
    """relu(x) + 1 and leaky_½(6x + 8y) + 5 at their kinks."""
    yield Facet(ExactNetwork(((((1.0,), 0.0),),), ((1.0,), 1.0)), (0.0,), (1.0,))
    yield Facet(ExactNetwork(((((6.0, 8.0), 0.0),),), ((1.0,), 5.0), 0.5), (4.0, -3.0), (6.0, 8.0))


@law("theorem-6-global", drawn="facets", fixed=facet_cases, dtypes=(torch.float64,))
def jump(normalize: Normalize, case: Facet) -> float:
    """Across a facet f̂ jumps by f/(g₊ + |f|) - f/(g₋ + |f|), of size |f||g₊ - g₋|/((g₊ + |f|)(g₋ + |f|)). In float64.

    The two points lie h = 2^-24 directions off the facet; within its region f̂ changes by at most h‖d‖ on the way
    (its slope is at most 1), and each score is (n/2 + 4) + 3 roundings off.

    Usual cause: Something smooths or clips f̂ at a kink: an ε, a clamp, a spectral norm beside it.
    Remedy: Leave the quotient as it stands, f / (g + |f|).
    """
    step, sides, limits = Fraction(1, 2**24), [], []
    d = tuple(Fraction(c) for c in case.direction)
    x = [Fraction(c) for c in case.point]
    for sign in (1, -1):
        side = moved(x, sign * step, d)
        near, nearer = case.network.exactly(side), case.network.exactly(moved(x, sign * step / 2, d))
        hold(near.pattern == nearer.pattern, lambda: "both points lie in regions that meet at the facet", case)
        sides.append([float(c) for c in side])
        at_facet = case.network.exactly(x, pattern=near.pattern)
        limits.append(normalized(at_facet.score, at_facet.squared_norm))
    scores = normalize(case.network.to_torch(), torch.tensor(sides, dtype=torch.float64))[:, 0].detach()
    length = float(square_root(distance_squared(case.direction, (0,) * len(d))))
    tolerance = 2 * float(step) * length + 2 * (len(d) / 2 + 7) * 2.0**-53
    return judge("f̂₊ - f̂₋", float(scores[0] - scores[1]), float(limits[0] - limits[1]), tolerance, case.snippet())


@law_of_f("theorem-6-global", drawn="facets")
def jump_bound(case: Facet) -> float:
    """A jump has one sign on both sides and is at most |√g₊ - √g₋|/(√g₊ + √g₋) < 1; it is 0 where f = 0 or g₊ = g₋."""
    x, limits, norms = [Fraction(c) for c in case.point], [], []
    for sign in (1, -1):
        side = case.network.exactly(moved(x, Fraction(sign, 2**24), tuple(Fraction(c) for c in case.direction)))
        at_facet = case.network.exactly(x, pattern=side.pattern)
        limits.append(normalized(at_facet.score, at_facet.squared_norm))
        norms.append(square_root(at_facet.squared_norm))
    roots = [square_root(g, bits=400) for g in norms]
    allowed = abs(roots[0] - roots[1]) / (sum(roots, Fraction(0)) or 1) + Fraction(1, 2**80)
    got = abs(limits[0] - limits[1])
    return hold(
        limits[0] * limits[1] >= 0 and got <= allowed,
        lambda: f"|f̂₊ - f̂₋| ≤ {float(allowed)}: got {float(got)}",
        case,
    )
