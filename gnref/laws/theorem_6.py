"""Theorem 6: as printed, and inside regions."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import torch

from gnref.claims.witnesses import JUMP
from gnref.exact import ExactNetwork, normalized, square_root
from gnref.laws.along import SLACK, Line, distance_squared, ends_apart, hold, moved
from gnref.laws.case import Case, Normalize, judge
from gnref.laws.examples import network_cases
from gnref.laws.expected import judge_input, largest_gradient, live, roundings
from gnref.laws.law import law, law_of_f


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
