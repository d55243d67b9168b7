"""Faults planted into the repaired theorem, the segment law and the loss's log form: each is killed by its law.

`python tests/test_laws_planted_theorem_6.py` prints the kill table: every fault against every law that could see it.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import hypothesis
import numpy as np
import pytest
import torch
from hypothesis import Phase, settings

import gnref.certificates.pieces as pieces
import gnref.laws.repaired as repaired
import gnref.laws.segments as segments
import gnref.losses as losses
from gnref import strategies
from gnref.certificates import Segment
from gnref.laws import losses as loss_laws
from gnref.laws import theorem_6
from gnref.laws.law import FunctionLaw

LAWS: tuple[FunctionLaw, ...] = (
    repaired.slowly_changing_norm,
    repaired.smallest_norm,
    repaired.slowly_changing_norm_in_the_plane,
    repaired.largest_slope_by_rate,
    segments.slope_and_jumps,
    segments.jump_is_largest_at_the_geometric_mean,
    segments.jump_bound_on_segments,
    theorem_6.one_lipschitz_in_a_region,
    loss_laws.log_form,
)


class Fault(NamedTuple):
    """Put `instead(what stands there)` in the place of `owner.name`; the law that must die of it."""

    owner: Any
    name: str
    instead: Callable[[Any], Any]
    law: FunctionLaw


def scaled(by: Any) -> Callable[[Any], Any]:
    """The same function times a factor."""
    return lambda right: lambda *arguments: right(*arguments) * by


def rate(other: int) -> Callable[[Any], Any]:
    """K with another rate, whatever is asked for."""
    return lambda right: lambda self, x, rate=2: right(self, x, other)


def own_slope(right: Any) -> Any:
    """K without the supremum: GN's."""

    def k(self: Any, x: Fraction, rate: int = 2) -> Decimal:
        return max(repaired._decimal(s) for a, b, s in self.pieces if a <= x <= b)

    return k


def neighbours(right: Any) -> Any:
    """The supremum over the piece of x and those beside it alone."""

    def k(self: Any, x: Fraction, rate: int = 2) -> Decimal:
        mine = next(i for i, (a, b, _) in enumerate(self.pieces) if a <= x <= b)
        near = repaired.Profile(self.network, self.pieces[max(0, mine - 1) : mine + 2])
        return Decimal(right(near, x, rate))

    return k


def to_the_centre(right: Any) -> Any:
    """Distances from a region's centre in the place of its nearest point."""

    def distances(corners: Any, points: Any) -> Any:
        return np.linalg.norm(corners.mean(axis=1)[:, None] - points[None], axis=2)

    return distances


def zero_not_seen(right: Any) -> Any:
    """min |f| of a piece taken at its ends although f changes sign inside."""
    return lambda start, end: np.minimum(np.abs(start), np.abs(end))


FAULTS: dict[str, Fault] = {
    "rate 3 for 2": Fault(repaired.Profile, "k", rate(3), repaired.slowly_changing_norm),
    "rate 1 for 2": Fault(repaired.Profile, "k", rate(1), repaired.smallest_norm),
    "K without the supremum": Fault(repaired.Profile, "k", own_slope, repaired.slowly_changing_norm),
    "K of neighbours alone": Fault(repaired.Profile, "k", neighbours, repaired.smallest_norm),
    "K a thousandth too small": Fault(repaired.Profile, "k", scaled(Decimal("0.999")), repaired.smallest_norm),
    "distances from centres": Fault(
        repaired, "_distances", to_the_centre, repaired.slowly_changing_norm_in_the_plane
    ),
    "a slope with r for r/2": Fault(
        repaired, "tilde_slope", lambda right: lambda u, k, s, fall: right(u, k, s, 2 * fall),
        repaired.largest_slope_by_rate,
    ),
    "jumps a hundredth too large": Fault(pieces, "leap", scaled(Fraction(101, 100)), segments.slope_and_jumps),
    "jumps halved": Fault(pieces, "leap", scaled(Fraction(1, 2)), segments.slope_and_jumps),
    "a jump of the norms' difference": Fault(
        pieces, "leap", lambda right: lambda f, a, b: abs(a - b) / (a + b + abs(f)), segments.slope_and_jumps
    ),
    "a formula for jumps off by a factor": Fault(
        segments, "leap", scaled(Fraction(3, 2)), segments.jump_is_largest_at_the_geometric_mean
    ),
    "a bound of jumps a thousandth too small": Fault(
        pieces, "largest_leap", scaled(Fraction(999, 1000)), segments.slope_and_jumps
    ),
    "slope counted at a hundredth more": Fault(
        Segment, "variation", scaled(Fraction(101, 100)), segments.slope_and_jumps
    ),
    "an excess of the largest jump alone": Fault(
        Segment, "excess", lambda right: lambda self: max(self.jumps().tolist(), default=0), segments.slope_and_jumps
    ),
    "an excess of all jumps": Fault(
        Segment, "excess", lambda right: lambda self: sum(self.jumps().tolist()), segments.slope_and_jumps
    ),
    "a zero inside a piece not seen": Fault(pieces, "smallest", zero_not_seen, theorem_6.one_lipschitz_in_a_region),
    "2.001 for 2 in the log form": Fault(
        losses, "_log_form", lambda right: lambda t: torch.log1p(1 / (1 + 2.001 * t.clamp(min=0))) + torch.log1p(
            torch.relu(-t)), loss_laws.log_form,
    ),
    "the log form of f̂": Fault(
        losses, "_log_form", lambda right: lambda t: -torch.log((1 + t / (1 + t.abs())) / 2), loss_laws.log_form
    ),
}  # fmt: skip


def breaks(law: FunctionLaw, draws: int = 150) -> bool:
    """Whether one of the fixed cases or of so many drawn ones breaks the law; always the same ones are drawn."""

    def broken(case: Any) -> bool:
        try:
            law(case)
        except AssertionError:
            return True
        return False

    if any(broken(case) for case in law.fixed()):
        return True
    calm = settings(max_examples=draws, derandomize=True, database=None, phases=[Phase.generate], deadline=None)
    try:
        hypothesis.find(getattr(strategies, law.drawn)(), broken, settings=calm)
    except hypothesis.errors.NoSuchExample:
        return False
    return True


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_breaks_its_law(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = FAULTS[name]
    monkeypatch.setattr(fault.owner, fault.name, fault.instead(getattr(fault.owner, fault.name)))
    assert breaks(fault.law)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_without_a_fault_none_breaks(law: FunctionLaw) -> None:
    assert not breaks(law, draws=20)


def table() -> Iterator[str]:
    """A line a fault: the laws that it breaks."""
    for name, fault in FAULTS.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fault.owner, fault.name, fault.instead(getattr(fault.owner, fault.name)))
            yield f"{name:42} " + ", ".join(law.id for law in LAWS if breaks(law))


if __name__ == "__main__":
    for line in table():
        print(line, flush=True)
