"""Along a segment of a piecewise-linear network, and across its kinks: Lemma 3 and Theorem 6, in fractions."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import torch

from gnref.certificates.chain import Chain
from gnref.certificates.segment import Segment
from gnref.exact import ExactNetwork, normalized, square_root
from gnref.laws.case import Normalize, judge, law

_SLACK = Fraction(1, 2**120)
"""Square roots are rounded down: a segment's norms and length by less than 2^-128 of themselves, f̂ to 2^-190."""


@dataclass(frozen=True)
class Line:
    """A network and the segment between two points of its input space; its repr pastes."""

    network: ExactNetwork
    start: tuple[float, ...]
    end: tuple[float, ...]

    def segment(self) -> Segment:
        """All linear pieces from start to end, in fractions."""
        chain = Chain.of(self.network.matrices(), self.network.slope).exact()
        return Segment.of(chain, self.start, self.end)

    def snippet(self) -> str:
        """Lines that rebuild the case."""
        return f"from gnref.exact import ExactNetwork\nfrom gnref.laws import Line\ncase = {self!r}"


@dataclass(frozen=True)
class Facet:
    """A network, a point on the facet of exactly one unit, and a direction that crosses it; its repr pastes."""

    network: ExactNetwork
    point: tuple[float, ...]
    direction: tuple[float, ...]

    def snippet(self) -> str:
        """Lines that rebuild the case."""
        return f"from gnref.exact import ExactNetwork\nfrom gnref.laws import Facet\ncase = {self!r}"


def _claim(holds: bool, what: Callable[[], str], case: Line | Facet) -> float:
    if not holds:
        raise AssertionError(f"{what()}\n{case.snippet()}")
    return 0.0


def _distance_squared(p: tuple[float, ...], q: tuple[float, ...]) -> Fraction:
    return sum(((Fraction(b) - Fraction(a)) ** 2 for a, b in zip(p, q, strict=True)), Fraction(0))


@law("lemma-3-forward", level="mathematics", cases="segment", evidence="fractions")
def constant_bounds_gradient(normalize: Normalize, case: Line) -> float:
    """On the steepest piece the difference quotient along ∇f is ‖∇f‖: no smaller constant satisfies (1). Equality."""
    segment = case.segment()
    steepest = max(range(len(segment.slopes)), key=lambda k: segment.norms_squared[k])
    middle = (segment.t[steepest] + segment.t[steepest + 1]) / 2
    x = [p + middle * (q - p) for p, q in zip(segment.p, segment.q, strict=True)]
    here, step = case.network.exactly(x), Fraction(1)
    while case.network.exactly(_moved(x, step, here.gradient)).pattern != here.pattern:
        step /= 2
    difference = case.network.exactly(_moved(x, step, here.gradient)).score - here.score
    return _claim(
        difference == step * here.squared_norm and here.squared_norm == segment.norms_squared[steepest],
        lambda: f"f(x + h∇f) - f(x) = h‖∇f‖² at x = {x}, h = {step}: got {difference}",
        case,
    )


def _moved(x: list[Fraction], step: Fraction, direction: tuple[Fraction, ...]) -> list[Fraction]:
    return [c + step * d for c, d in zip(x, direction, strict=True)]


@law("lemma-3-backward", level="mathematics", cases="segment", evidence="fractions")
def gradient_bounds_constant(normalize: Normalize, case: Line) -> float:
    """|f(x) - f(y)|² ≤ max g² ‖x - y‖², the largest over the segment's pieces: no tolerance."""
    segment = case.segment()
    rise, length = (segment.values[-1] - segment.values[0]) ** 2, _distance_squared(case.start, case.end)
    bound = max(segment.norms_squared) * length
    return _claim(rise <= bound, lambda: f"|f(x) - f(y)|² ≤ max g²‖x - y‖²: got {rise} > {bound}", case)


@law("equation-4", level="refuted", cases="segment", evidence="fractions")
def equation_4_as_printed(normalize: Normalize, case: Line) -> float:
    """⟨∇f(x), (y - x)/‖y - x‖⟩ = |f(y) - f(x)|/‖x - y‖ for y near x, as Eq. 4 has it."""
    return _directional(case, signed=False)


@law("lemma-3-forward", level="mathematics", cases="segment", evidence="fractions")
def directional_derivative(normalize: Normalize, case: Line) -> float:
    """⟨∇f(x), d⟩ = (f(x + hd) - f(x))/h for a fixed direction d and small h > 0: Eq. 4 with its sign."""
    return _directional(case, signed=True)


def _directional(case: Line, signed: bool) -> float:
    x = [Fraction(c) for c in case.start]
    direction = tuple(Fraction(b) - Fraction(a) for a, b in zip(case.start, case.end, strict=True))
    here, step = case.network.exactly(x), Fraction(1)
    while case.network.exactly(_moved(x, step, direction)).pattern != here.pattern:
        step /= 2
    rise = (case.network.exactly(_moved(x, step, direction)).score - here.score) / step
    inner = sum((v * d for v, d in zip(here.gradient, direction, strict=True)), Fraction(0))
    limit = rise if signed else abs(rise)
    return _claim(inner == limit, lambda: f"⟨∇f, y - x⟩ = {inner}, but the limit is {limit}", case)


@law("theorem-6", level="mathematics", cases="segment", evidence="fractions")
def smooth_and_piecewise_linear_is_affine(normalize: Normalize, case: Line) -> float:
    """Where ∇f is continuous along a segment, f is affine on it: no kink survives "continuously differentiable"."""
    segment = case.segment()
    middles = (segment.t[:-1] + segment.t[1:]) / 2
    gradients = {
        case.network.exactly([p + t * (q - p) for p, q in zip(segment.p, segment.q, strict=True)]).gradient
        for t in middles
    }
    if len(gradients) > 1:
        return 0.0  # ∇f jumps: the network is not C¹ and Theorem 6 does not speak of it
    (gradient,) = gradients
    rise = sum((v * (q - p) for v, p, q in zip(gradient, segment.p, segment.q, strict=True)), Fraction(0))
    got = segment.values[-1] - segment.values[0]
    return _claim(rise == got, lambda: f"f(y) - f(x) = ⟨∇f, y - x⟩ = {rise}: got {got}", case)


@law("theorem-6", level="mathematics", cases="segment", evidence="fractions")
def affine_is_lipschitz(normalize: Normalize, case: Line) -> float:
    """For affine f, the functions Theorem 6 speaks of, |f̂(x) - f̂(y)| ≤ ‖x - y‖ for all x and y."""
    return _endpoints(Line(ExactNetwork((), _last(case.network)), case.start, case.end))


def _last(network: ExactNetwork) -> tuple[tuple[float, ...], float]:
    return network.layers[0][0] if network.layers else network.head


def _endpoints(case: Line) -> float:
    ends = [case.network.exactly(p) for p in (case.start, case.end)]
    first, second = (normalized(end.score, end.squared_norm) for end in ends)
    allowed = square_root(_distance_squared(case.start, case.end)) + _SLACK
    return _claim(
        abs(second - first) <= allowed,
        lambda: f"|f̂(x) - f̂(y)| ≤ ‖x - y‖: got {float(abs(second - first))} over {float(allowed)}",
        case,
    )


@law("theorem-6-almost-everywhere", level="mathematics", cases="segment", evidence="fractions")
def one_lipschitz_in_a_region(normalize: Normalize, case: Line) -> float:
    """Inside each piece of a segment |df̂/ds| = g|s|/(g + |f|)² ≤ 1 per unit of length, up to its ends."""
    slope = case.segment().lipschitz().value
    return _claim(slope <= 1 + _SLACK, lambda: f"the slope of f̂ inside a piece is at most 1: got {float(slope)}", case)


@law("theorem-6-global", level="refuted", cases="segment", evidence="fractions")
def one_lipschitz_everywhere(normalize: Normalize, case: Line) -> float:
    """|f̂(x) - f̂(y)| ≤ ‖x - y‖ for all x and y of a segment: f̂ must not jump at a kink, as Theorem 6 is used."""
    return _no_jump(case)


@law("lemma-3-almost-everywhere", level="refuted", cases="segment", evidence="fractions")
def almost_everywhere_is_enough(normalize: Normalize, case: Line) -> float:
    """Since ‖∇f̂‖ ≤ 1 inside every piece of a segment, |f̂(x) - f̂(y)| ≤ ‖x - y‖ for its ends."""
    one_lipschitz_in_a_region.check(normalize, case)
    return _endpoints(case)


@law("theorem-6-equal-norms", level="mathematics", cases="segment", evidence="fractions")
def one_lipschitz_with_equal_norms(normalize: Normalize, case: Line) -> float:
    """Where ‖∇f‖ is the same in all regions f̂ has no jump, so |f̂(x) - f̂(y)| ≤ ‖x - y‖ for all x and y."""
    norms = set(case.segment().norms_squared)
    _claim(len(norms) == 1, lambda: f"‖∇f‖² is the same on all pieces: got {norms}", case)
    _no_jump(case)
    return _endpoints(case)


def _no_jump(case: Line) -> float:
    segment = case.segment()
    largest = segment.largest_jump()
    if largest is None or largest.value == 0:
        return one_lipschitz_in_a_region.check(_nothing, case)
    kink = next(t for t, jump in zip(segment.t[1:-1], segment.jumps(), strict=True) if jump == largest.value)
    where = ", ".join(str(p + kink * (q - p)) for p, q in zip(segment.p, segment.q, strict=True))
    raise AssertionError(
        f"f̂ is continuous: at x = ({where}) it jumps by {float(largest.value):.6g}, so that |f̂(x) - f̂(y)|/‖x - y‖ "
        f"exceeds every constant there\n{case.snippet()}"
    )


def _nothing(*_: object) -> torch.Tensor:
    raise AssertionError("a law of f alone does not normalize")


@law("theorem-6-global", cases="facet")
def jump(normalize: Normalize, case: Facet) -> float:
    """Across a facet f̂ jumps by f/(g₊ + |f|) - f/(g₋ + |f|), of size |f||g₊ - g₋|/((g₊ + |f|)(g₋ + |f|)). In float64.

    The two points lie h = 2^-24 directions off the facet; within its region f̂ changes by at most h‖d‖ on the way
    (its slope is at most 1), and each score is (n/2 + 4) + 3 roundings off.
    """
    step, sides, limits = Fraction(1, 2**24), [], []
    d = tuple(Fraction(c) for c in case.direction)
    x = [Fraction(c) for c in case.point]
    for sign in (1, -1):
        side = _moved(x, sign * step, d)
        near, nearer = case.network.exactly(side), case.network.exactly(_moved(x, sign * step / 2, d))
        _claim(near.pattern == nearer.pattern, lambda: "both points lie in regions that meet at the facet", case)
        sides.append([float(c) for c in side])
        at_facet = case.network.exactly(x, pattern=near.pattern)
        limits.append(normalized(at_facet.score, at_facet.squared_norm))
    scores = normalize(case.network.to_torch(), torch.tensor(sides, dtype=torch.float64))[:, 0].detach()
    length = float(square_root(_distance_squared(case.direction, (0,) * len(d))))
    tolerance = 2 * float(step) * length + 2 * (len(d) / 2 + 7) * 2.0**-53
    return judge("f̂₊ - f̂₋", float(scores[0] - scores[1]), float(limits[0] - limits[1]), tolerance, case.snippet())


@law("theorem-6-global", level="mathematics", cases="facet", evidence="fractions")
def jump_bound(normalize: Normalize, case: Facet) -> float:
    """A jump has one sign on both sides and is at most |√g₊ - √g₋|/(√g₊ + √g₋) < 1; it is 0 where f = 0 or g₊ = g₋."""
    x, limits, norms = [Fraction(c) for c in case.point], [], []
    for sign in (1, -1):
        side = case.network.exactly(_moved(x, Fraction(sign, 2**24), tuple(Fraction(c) for c in case.direction)))
        at_facet = case.network.exactly(x, pattern=side.pattern)
        limits.append(normalized(at_facet.score, at_facet.squared_norm))
        norms.append(square_root(at_facet.squared_norm))
    roots = [square_root(g, bits=400) for g in norms]
    allowed = abs(roots[0] - roots[1]) / (sum(roots, Fraction(0)) or 1) + Fraction(1, 2**80)
    got = abs(limits[0] - limits[1])
    return _claim(
        limits[0] * limits[1] >= 0 and got <= allowed,
        lambda: f"|f̂₊ - f̂₋| ≤ {float(allowed)}: got {float(got)}",
        case,
    )
