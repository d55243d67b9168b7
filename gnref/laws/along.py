"""A segment of a piecewise-linear network's input space, and a facet across which ‖∇f‖ changes, in fractions."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from gnref.certificates.chain import Chain
from gnref.certificates.segment import Segment
from gnref.exact import ExactNetwork, normalized, square_root

SLACK = Fraction(1, 2**120)
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


def hold(holds: bool, what: Callable[[], str], case: Line | Facet) -> float:
    """0, or an AssertionError that says `what()` and shows the case where it does not hold."""
    if not holds:
        raise AssertionError(f"{what()}\n{case.snippet()}")
    return 0.0


def distance_squared(p: tuple[float, ...], q: tuple[float, ...]) -> Fraction:
    """‖q - p‖²."""
    return sum(((Fraction(b) - Fraction(a)) ** 2 for a, b in zip(p, q, strict=True)), Fraction(0))


def moved(x: list[Fraction], step: Fraction, direction: tuple[Fraction, ...]) -> list[Fraction]:
    """x + step·direction."""
    return [c + step * d for c, d in zip(x, direction, strict=True)]


def ends_apart(case: Line) -> float:
    """The law |f̂(x) - f̂(y)| ≤ ‖x - y‖ for the two ends of the segment."""
    ends = [case.network.exactly(p) for p in (case.start, case.end)]
    first, second = (normalized(end.score, end.squared_norm) for end in ends)
    allowed = square_root(distance_squared(case.start, case.end)) + SLACK
    return hold(
        abs(second - first) <= allowed,
        lambda: f"|f̂(x) - f̂(y)| ≤ ‖x - y‖: got {float(abs(second - first))} over {float(allowed)}",
        case,
    )
