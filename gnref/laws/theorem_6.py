"""Theorem 6: as printed, inside regions, across kinks, with equal norms, and for smooth activations."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

import numpy as np
import torch

from gnref.claims.witnesses import AT_A_KINK, EQUAL_NORMS, JUMP
from gnref.exact import ExactNetwork, normalized, square_root
from gnref.laws.along import SLACK, Facet, Line, distance_squared, ends_apart, hold, moved
from gnref.laws.case import Case, Normalize, judge
from gnref.laws.examples import network_cases
from gnref.laws.expected import judge_input, largest_gradient, live, roundings
from gnref.laws.law import law, law_of_f
from gnref.laws.smooth import Smooth, slope_of, smooth_units


@law_of_f("theorem-6", drawn="lines", fixed=lambda: (Line(JUMP, (-1.0,), (1.0,)),))
def continuous_gradient_means_affine(case: Line) -> float:
    """∇f, along a segment, is the same on all pieces if and only if f's values lie on one straight line.

    So where ∇f is continuous, as Theorem 6 asks, no kink is left. The derivatives are those in the pieces' middles, the
    values those at their ends and thirds, so that a piece that is really two shows; both of the exact network.
    """
    segment = case.segment()
    p, q = ([Fraction(c) for c in point] for point in (case.start, case.end))
    direction = tuple(b - a for a, b in zip(p, q, strict=True))
    middles = [case.network.exactly(moved(p, (a + b) / 2, direction)).gradient for a, b in pairwise(segment.t)]
    slopes = {sum((v * d for v, d in zip(gradient, direction, strict=True)), Fraction(0)) for gradient in middles}
    times = [*segment.t, *((2 * a + b) / 3 for a, b in pairwise(segment.t))]
    times += [(a + 2 * b) / 3 for a, b in pairwise(segment.t)]
    values = {t: case.network.exactly(moved(p, t, direction)).score for t in times}
    first, rise = values[segment.t[0]], values[segment.t[-1]] - values[segment.t[0]]
    straight = all(value == first + t * rise for t, value in values.items())
    return hold(
        straight == (len(slopes) == 1),
        lambda: f"f is affine exactly where its derivative is constant: {straight} with derivatives {slopes}",
        case,
    )


@law_of_f("theorem-6", drawn="lines")
def affine_is_lipschitz(case: Line) -> float:
    """For affine f, the functions Theorem 6 speaks of, |f̂(x) - f̂(y)| ≤ ‖x - y‖ for all x and y."""
    return ends_apart(Line(ExactNetwork((), _last(case.network)), case.start, case.end))


def _last(network: ExactNetwork) -> tuple[tuple[float, ...], float]:
    return network.layers[0][0] if network.layers else network.head


@law("theorem-6-almost-everywhere", drawn="cases", fixed=network_cases, needs=("input gradient",))
def slope_identity(normalize: Normalize, case: Case) -> float:
    """‖∇ₓf̂‖ = (1 - |f̂|)² inside every region, and so at most 1, within m roundings of it.

    ∂f̂/∂f is right within some of 1/N, and every term of α v is bounded by that of the network of absolute values: m
    roundings of ‖v‖ so bounded over N. (1 - |f̂|)² moves by at most 2|δf̂| ≤ (n + 8)U. N ≥ |f| > 0.

    Usual cause: The norm is detached or too small, so that f̂ is steeper in x than it should be.
    Remedy: Pass create_graph=True to torch.autograd.grad, and take the norm over all inputs of a sample.
    """
    case = live(case)
    if not case.points:
        return 0.0
    x = case.x().requires_grad_()
    scores = normalize(case.module(), x, *case.arguments())
    (slope,) = torch.autograd.grad(scores.sum(), x)
    expected = (1 - scores.detach().double().abs().flatten()) ** 2
    got = torch.linalg.vector_norm(slope.double(), dim=1)
    total = case.norm + np.abs(case.exact.score)
    tolerance = case.unit * (roundings(case) * np.linalg.norm(largest_gradient(case), axis=1) / total + len(x.T) + 8)
    return judge("‖∇ₓf̂‖", got, expected, tolerance, case.snippet())


@law("theorem-6-almost-everywhere", drawn="cases", fixed=network_cases, needs=("input gradient",))
def generator_gradient(normalize: Normalize, case: Case) -> float:
    """A generator's step: for x = 2z - 1, ∂f̂/∂z = 2 (g/N²) ∇ₓf; x is not a leaf, and the gradient flows through it.

    Usual cause: The input is detached before D sees it, or a closed form assumes that the loss is a mean.
    Remedy: Differentiate with x itself; where x is no leaf, use it as it is, without x.detach().
    """
    case = live(case)
    if not case.points:
        return 0.0
    total = case.norm + np.abs(case.exact.score)
    return judge_input(normalize, case, case.norm / total**2, 1 / total)


@law_of_f("theorem-6-almost-everywhere", drawn="lines", fixed=lambda: (Line(JUMP, (-1.0,), (1.0,)),))
def one_lipschitz_in_a_region(case: Line) -> float:
    """Inside each piece |f̂(x) - f̂(y)| ≤ ‖x - y‖, and the steepest part of it has the slope g|s|/(g + |f|)² it should.

    f̂ at three inner points of every piece is the exact network's. Near the end with the smaller |f| its quotient is
    within 2^-20 of the certificate's largest slope of that piece, relatively: f changes by 2^-24 of the piece.
    """
    segment, slopes = case.segment(), case.segment().slopes_normalized()
    p, q = ([Fraction(c) for c in point] for point in (case.start, case.end))
    direction = tuple(b - a for a, b in zip(p, q, strict=True))
    length = square_root(distance_squared(case.start, case.end))

    def f_hat(t: Fraction) -> Fraction:
        found = case.network.exactly(moved(p, t, direction))
        return normalized(found.score, found.squared_norm)

    for i, (start, stop) in enumerate(pairwise(segment.t)):
        inside = [f_hat(start + (stop - start) * share) for share in (Fraction(1, 8), Fraction(1, 2), Fraction(7, 8))]
        for a, b in pairwise(inside):
            allowed = (stop - start) * length * Fraction(3, 8)
            hold(abs(b - a) <= allowed + SLACK, lambda i=i: f"f̂ is 1-Lipschitz in piece {i}", case)  # type: ignore[misc]
        f, g = segment.values[i : i + 2], segment.norms[i]
        # Where f changes sign in the piece, its slope is largest at the zero, and |f| is less than any other near it.
        at = start if abs(f[0]) <= abs(f[1]) else stop
        if f[0] * f[1] < 0:
            at = start + (stop - start) * f[0] / (f[0] - f[1])
        step = (stop - start) / 2**25 * (1 if at < (start + stop) / 2 else -1)
        rise = abs(f_hat(at + 2 * step) - f_hat(at + step)) / (abs(step) * length)
        wanted = slopes[i]
        margin = wanted * 8 * abs(f[1] - f[0]) / 2**25 / (g or 1) + SLACK * 2**60
        hold(
            wanted - margin <= rise <= wanted + SLACK * 2**60 and wanted <= 1 + SLACK,
            lambda i=i, rise=rise, wanted=wanted: (  # type: ignore[misc]
                f"the largest slope of f̂ in piece {i} is {float(wanted)} ≤ 1: got {float(rise)}"
            ),
            case,
        )
    return 0.0


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


@law(
    "theorem-6-smooth",
    level="robustness",
    fixed=smooth_units,
    dtypes=(torch.float64,),
    needs=("input gradient", "smooth discriminator"),
)
def slope_formula(normalize: Normalize, case: Smooth) -> float:
    """∇f̂ = (g²I - fH)u/(g + |f|)² for smooth f, in float64.

    The point itself is rounded, and its slope moves by at most |f̂''| U|x|; with f, f', f'' of order 10 and 40 roundings
    of terms that stay below 8 on the cases given, 512 U is allowed.

    Usual cause: A closed form that is right for piecewise-linear D only, or a norm without its graph.
    Remedy: Use double backward for smooth D, or declare --capability piecewise-linear-only.
    """
    return judge("f̂'", slope_of(normalize, case), case.derivative(), 512 * 2.0**-53, case.snippet())


@law("theorem-6-smooth", level="refuted", dtypes=(torch.float64,))
def slope_bound(normalize: Normalize, case: Smooth) -> float:
    """‖∇f̂‖ ≤ 1 for a smooth activation, as where GN is used with ELU or Softplus; 512 roundings are allowed."""
    got = abs(slope_of(normalize, case))
    return judge("the excess of ‖∇f̂‖ over 1", max(0.0, got - 1), 0.0, 512 * 2.0**-53, f"‖∇f̂‖ = {got}\n{case.snippet()}")


@law_of_f("equation-13", evidence="derived bound", drawn="quadratics")
def gradient_of_norm(case: tuple[int, int, int, int, int]) -> float:
    """∇‖∇f‖ = H∇f/‖∇f‖ (13a) for f = (a x² + 2b x y + c y²)/2 at integer (x, y), by automatic differentiation.

    `case` is (a, b, c, x, y), integers below 10, so f, ∇f and H∇f are exact; the norm, its derivative and the quotient
    take 8 roundings. Where ∇f = 0 there is nothing to compare: PyTorch gives 0.
    """
    a, b, c, x, y = case
    hessian = torch.tensor([[a, b], [b, c]], dtype=torch.float64)
    point = torch.tensor([x, y], dtype=torch.float64, requires_grad=True)
    (v,) = torch.autograd.grad(point @ hessian @ point / 2, point, create_graph=True)
    (got,) = torch.autograd.grad(v.norm(), point)
    squared = (a * x + b * y) ** 2 + (b * x + c * y) ** 2
    inner = (a * (a * x + b * y) + b * (b * x + c * y), b * (a * x + b * y) + c * (b * x + c * y))
    norm = float(square_root(Fraction(squared)))
    expected = [float(i) / norm if squared else 0.0 for i in inner]
    size = max(map(abs, expected)) + abs(a) + 2 * abs(b) + abs(c)
    return judge("∇‖∇f‖", got, expected, 8 * 2.0**-53 * size, f"(a, b, c, x, y) = {case}")


@law_of_f("equation-13", drawn="quadratics")
def gradient_of_absolute_value(case: tuple[int, int, int, int, int]) -> float:
    """∇|f| = ∇f · f/|f| (13b) for f = (a x² + 2b x y + c y²)/2 where f ≠ 0, as a limit of quotients, in fractions.

    f is quadratic: (|f(z + h e)| - |f(z - h e)|)/2h is its derivative exactly, once f has one sign on [-h, h].
    """
    a, b, c, *point = (Fraction(number) for number in case)

    def f(x: Fraction, y: Fraction) -> Fraction:
        return (a * x * x + 2 * b * x * y + c * y * y) / 2

    here, step = f(*point), Fraction(1, 2**12)
    if here == 0:
        # |f| has a derivative where f and ∇f are 0, and none otherwise: 13b is for f ≠ 0.
        return 0.0
    got = []
    for direction in ((step, Fraction(0)), (Fraction(0), step)):
        ahead, behind = (f(*(p + sign * d for p, d in zip(point, direction, strict=True))) for sign in (1, -1))
        got.append((abs(ahead) - abs(behind)) / (2 * step))
    x, y = point
    gradient = (a * x + b * y, b * x + c * y)
    expected = [v * here / abs(here) for v in gradient]
    if got != expected:
        raise AssertionError(f"∇|f| = ∇f · f/|f| at {case}: expected {expected}, got {got}")
    return 0.0
