"""A second opinion on a certificate, in `fractions` and plain Python: it shares no code with what it checks.

A network is a list of layers (rows, biases), the last with one row, and the slope of its activation below zero.
Every number becomes a `Fraction` first, which rounds nothing: a finite float is a dyadic rational. What the checker
accepts is proved, up to the two roots in a speed and a jump, which it encloses to 2^-100 of themselves.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from math import isqrt
from typing import Any, NamedTuple

Number = Any
"""What `Fraction` accepts exactly: int, float, Fraction."""
Layers = Sequence[tuple[Sequence[Sequence[Number]], Sequence[Number]]]
Pattern = Sequence[Sequence[bool]]
Point = tuple[Fraction, ...]


class Refuted(AssertionError):
    """The certificate says something the network does not do."""


class Claim(NamedTuple):
    """What a segment's certificate says, in the order of t: K + 1 breakpoints and values, K of all else by piece."""

    t: Sequence[Number]
    values: Sequence[Number]
    slopes: Sequence[Number]
    norms_squared: Sequence[Number]
    patterns: Sequence[Pattern]
    lipschitz: Number
    largest_jump: Number


def check_segment(layers: Layers, slope: Number, p: Sequence[Number], q: Sequence[Number], claim: Claim) -> None:
    """Refute, or accept: the pieces cover [0, 1], no unit changes sign inside one, and every number is right.

    A certificate that says less than it should, or more, is refuted too: every list has the length that `t` gives it,
    every pattern the network's layers and widths. One with a piece in a kink is refuted: no gradient exists there.
    A unit that is on (off) and not negative (positive) at either end of a piece, nor zero in its middle, keeps its side
    between them, by induction over the layers. Numbers with roots are compared with enclosures of width 2^-100 of them.
    """
    _check_form(layers, p, q, claim)
    start, end = _fractions(p), _fractions(q)
    t, values, squares = _fractions(claim.t), _fractions(claim.values), _fractions(claim.norms_squared)
    slopes = _fractions(claim.slopes)
    _require(t[0] == 0 and t[-1] == 1 and all(a < b for a, b in pairwise(t)), f"breakpoints {claim.t}")
    at = [tuple(a + time * (b - a) for a, b in zip(start, end, strict=True)) for time in t]
    length = _root(sum(((b - a) ** 2 for a, b in zip(start, end, strict=True)), Fraction(0)))
    speeds = []
    for i, pattern in enumerate(claim.patterns):
        for point, value in ((at[i], values[i]), (at[i + 1], values[i + 1])):
            _require(_consistent(layers, slope, pattern, point), f"a unit changes sign inside piece {i}")
            _require(score(layers, slope, point) == value, f"f at {point} is not {value}")
        middle = tuple((a + b) / 2 for a, b in zip(at[i], at[i + 1], strict=True))
        check_region(layers, slope, middle, pattern)
        rise = (values[i + 1] - values[i]) / (t[i + 1] - t[i])
        _require(rise == slopes[i], f"the slope of piece {i} is {rise}, not {slopes[i]}")
        square = sum((c * c for c in gradient(layers, slope, pattern)), Fraction(0))
        _require(square == squares[i], f"the squared gradient norm of piece {i} is {square}, not {squares[i]}")
        nearest = Fraction(0) if values[i] * values[i + 1] <= 0 else min(abs(values[i]), abs(values[i + 1]))
        speeds.append(_speed(_root(square), abs(rise), nearest, length))
    kinks = zip(pairwise(squares), values[1:-1], strict=True)
    leaps = [_leap(_root(a), _root(b), abs(f)) for (a, b), f in kinks]
    _between(speeds, claim.lipschitz, "the largest slope of the normalized score")
    _between(leaps or [(Fraction(0), Fraction(0))], claim.largest_jump, "the largest jump")


def _check_form(layers: Layers, p: Sequence[Number], q: Sequence[Number], claim: Claim) -> None:
    """Every list as long as it must be, and every number finite."""
    pieces, inputs = len(claim.t) - 1, len(layers[0][0][0])
    _require(pieces >= 1, "it has no piece")
    lengths = {
        "points": (len(p), inputs),
        "end points": (len(q), inputs),
        "values": (len(claim.values), pieces + 1),
        "slopes": (len(claim.slopes), pieces),
        "squared norms": (len(claim.norms_squared), pieces),
        "patterns": (len(claim.patterns), pieces),
    }
    for what, (got, expected) in lengths.items():
        _require(got == expected, f"it has {got} {what} where {expected} belong to {pieces} pieces")
    widths = [len(biases) for _, biases in layers[:-1]]
    for i, pattern in enumerate(claim.patterns):
        came = [len(row) for row in pattern]
        _require(came == widths, f"the pattern of piece {i} names units {came} of a network of {widths}")
        _require(all(side in (True, False) for row in pattern for side in row), f"pattern {i} is not of booleans")
    _require(_fractions(p) != _fractions(q), "its two points are one")


def check_region(layers: Layers, slope: Number, point: Sequence[Number], pattern: Pattern) -> Fraction:
    """‖∇f‖² at a witness point, exact, after a check that the point lies strictly inside the region of its pattern.

    Raises:
        Refuted: the point has another pattern, or lies on a kink.
    """
    _require(pattern_at(layers, slope, point) == [list(row) for row in pattern], f"{point} has another pattern")
    _require(all(z != 0 for row in _preactivations(layers, slope, point)[:-1] for z in row), f"{point} is on a kink")
    return sum((c * c for c in gradient(layers, slope, pattern)), Fraction(0))


def regions_of_box(
    layers: Layers, slope: Number, low: Number, high: Number
) -> list[tuple[list[list[bool]], list[Point]]]:
    """Every (pattern, polygon) of a network of two inputs over [low, high]²: clip, unit by unit, exactly and slowly."""
    a, b = Fraction(low), Fraction(high)
    found: list[tuple[list[list[bool]], list[Point]]] = [([], [(a, a), (b, a), (b, b), (a, b)])]
    for depth, (_, biases) in enumerate(layers[:-1]):
        for unit in range(len(biases)):
            halves = []
            for pattern, polygon in found:
                z = [_affine(layers, slope, pattern[:depth], x)[unit] for x in polygon]
                # A unit that is zero throughout is off: it has no side.
                for on in (True, False) if any(z) else (False,):
                    part = _clip(polygon, [value if on else -value for value in z])
                    if area(part) > 0:
                        head = pattern[:depth]
                        row = pattern[depth] if len(pattern) > depth else []
                        halves.append(([*head, [*row, on]], part))
            found = halves
    return found


def area(polygon: Sequence[Point]) -> Fraction:
    """The area of a polygon whose corners are in counter-clockwise order."""
    turned = [*polygon[1:], *polygon[:1]]
    return sum((a[0] * b[1] - b[0] * a[1] for a, b in zip(polygon, turned, strict=True)), Fraction(0)) / 2


def score(layers: Layers, slope: Number, point: Sequence[Number]) -> Fraction:
    """f at one point."""
    return _preactivations(layers, slope, point)[-1][0]


def pattern_at(layers: Layers, slope: Number, point: Sequence[Number]) -> list[list[bool]]:
    """Which units are on (z > 0) at one point, layer by layer."""
    return [[z > 0 for z in row] for row in _preactivations(layers, slope, point)[:-1]]


def gradient(layers: Layers, slope: Number, pattern: Pattern) -> list[Fraction]:
    """∇f in the region of a pattern."""
    v = _fractions(layers[-1][0][0])
    for (rows, _), on in zip(reversed(layers[:-1]), reversed(pattern), strict=True):
        v = [c if side else c * Fraction(slope) for c, side in zip(v, on, strict=True)]
        v = [_dot(v, column) for column in zip(*rows, strict=True)]
    return v


def _preactivations(layers: Layers, slope: Number, point: Sequence[Number]) -> list[list[Fraction]]:
    h, found = _fractions(point), []
    for rows, biases in layers:
        found.append([_dot(row, h) + Fraction(bias) for row, bias in zip(rows, biases, strict=True)])
        h = [z if z > 0 else z * Fraction(slope) for z in found[-1]]
    return found


def _affine(layers: Layers, slope: Number, pattern: Pattern, point: Sequence[Number]) -> list[Fraction]:
    """The pre-activations of layer len(pattern) at a point, on the affine piece of the pattern below it."""
    h = _fractions(point)
    for (rows, biases), on in zip(layers, pattern, strict=False):
        z = [_dot(row, h) + Fraction(bias) for row, bias in zip(rows, biases, strict=True)]
        h = [value if side else value * Fraction(slope) for value, side in zip(z, on, strict=True)]
    rows, biases = layers[len(pattern)]
    return [_dot(row, h) + Fraction(bias) for row, bias in zip(rows, biases, strict=True)]


def _consistent(layers: Layers, slope: Number, pattern: Pattern, point: Point) -> bool:
    rows = (_affine(layers, slope, pattern[:depth], point) for depth in range(len(pattern)))
    return all(
        z >= 0 if side else z <= 0
        for z_row, on in zip(rows, pattern, strict=True)
        for z, side in zip(z_row, on, strict=True)
    )


def _clip(polygon: list[Point], z: list[Fraction]) -> list[Point]:
    """The part of a convex polygon where the affine function with values z at its corners is at least 0."""
    part = []
    for i, (a, za) in enumerate(zip(polygon, z, strict=True)):
        b, zb = polygon[i - 1], z[i - 1]
        if za * zb < 0:
            share = zb / (zb - za)
            part.append(tuple(y + share * (x - y) for x, y in zip(a, b, strict=True)))
        if za >= 0:
            part.append(a)
    return part


Enclosure = tuple[Fraction, Fraction]


def _root(square: Fraction) -> Enclosure:
    whole = isqrt(square.numerator * square.denominator << 240)
    exact = whole * whole == square.numerator * square.denominator << 240
    unit = square.denominator << 120
    return Fraction(whole, unit), Fraction(whole if exact else whole + 1, unit)


def _speed(g: Enclosure, rise: Fraction, f: Fraction, length: Enclosure) -> Enclosure:
    """g |s| / (g + |f|)² / ℓ."""
    if g[1] == 0:
        return Fraction(0), Fraction(0)
    return g[0] * rise / ((g[1] + f) ** 2 * length[1]), g[1] * rise / ((g[0] + f) ** 2 * length[0])


def _leap(a: Enclosure, b: Enclosure, f: Fraction) -> Enclosure:
    """The distance of f / (a + f) and f / (b + f)."""
    if f == 0:
        return Fraction(0), Fraction(0)
    first, second = ((f / (g[1] + f), f / (g[0] + f)) for g in (a, b))
    return max(first[0] - second[1], second[0] - first[1], Fraction(0)), max(first[1] - second[0], second[1] - first[0])


def _between(enclosures: Iterable[Enclosure], claimed: Number, what: str) -> None:
    low, high = (max(ends) for ends in zip(*enclosures, strict=True))
    (value,) = _fractions([claimed])
    slack = high / 2**100
    _require(low - slack <= value <= high + slack, f"{what} is {float(high)}, not {float(value)}")


def _dot(a: Iterable[Number], b: Iterable[Number]) -> Fraction:
    return sum((Fraction(x) * Fraction(y) for x, y in zip(a, b, strict=True)), Fraction(0))


def _fractions(values: Iterable[Number]) -> list[Fraction]:
    try:
        return [Fraction(value) for value in values]
    except (ValueError, OverflowError, TypeError) as error:
        raise Refuted(f"certificate refuted: it holds something that is no finite number: {error}") from None


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Refuted(f"certificate refuted: {otherwise}")
