"""Theorem 6: as printed, inside regions, across kinks, with equal norms, and for smooth activations."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import torch

from gnref.exact import ExactNetwork, normalized, square_root
from gnref.laws.along import SLACK, Facet, Line, distance_squared, ends_apart, hold, moved
from gnref.laws.case import Case, Normalize, judge
from gnref.laws.examples import network_cases
from gnref.laws.expected import judge_input, largest_gradient, live, roundings
from gnref.laws.law import law, law_of_f
from gnref.laws.smooth import Smooth, slope_of, smooth_units


@law_of_f("theorem-6", drawn="lines")
def smooth_and_piecewise_linear_is_affine(case: Line) -> float:
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
    return hold(rise == got, lambda: f"f(y) - f(x) = ⟨∇f, y - x⟩ = {rise}: got {got}", case)


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


@law_of_f("theorem-6-almost-everywhere", drawn="lines")
def one_lipschitz_in_a_region(case: Line) -> float:
    """Inside each piece of a segment |df̂/ds| = g|s|/(g + |f|)² ≤ 1 per unit of length, up to its ends."""
    slope = case.segment().lipschitz().value
    return hold(slope <= 1 + SLACK, lambda: f"the slope of f̂ inside a piece is at most 1: got {float(slope)}", case)


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


def _no_jump(case: Line) -> float:
    segment = case.segment()
    largest = segment.largest_jump()
    if largest is None or largest.value == 0:
        return one_lipschitz_in_a_region(case)
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


@law_of_f("equation-13", drawn="quadratics")
def gradient_of_norm(case: tuple[int, int, int, int, int]) -> float:
    """∇‖∇f‖² = 2H∇f, which is Eq. 13a times 2‖∇f‖, for f = (a x² + 2b x y + c y²)/2 at integer (x, y).

    `case` is (a, b, c, x, y). ‖∇f‖² is quadratic, so its central difference is its derivative, in integers.
    """
    a, b, c, x, y = (Fraction(number) for number in case)

    def squared(x: Fraction, y: Fraction) -> Fraction:
        return (a * x + b * y) ** 2 + (b * x + c * y) ** 2

    got = ((squared(x + 1, y) - squared(x - 1, y)) / 2, (squared(x, y + 1) - squared(x, y - 1)) / 2)
    v = (a * x + b * y, b * x + c * y)
    expected = (2 * (a * v[0] + b * v[1]), 2 * (b * v[0] + c * v[1]))
    if got != expected:
        raise AssertionError(f"∇‖∇f‖² = 2H∇f at {case}: expected {expected}, got {got}")
    return 0.0
