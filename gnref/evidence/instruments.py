"""Is a score fit to judge by? Its value on the truth damaged in known ways, and its scatter between equal samples.

An instrument is valid against a damage where its median rises with every step of the damage, and where the largest is
told from the truth in every one of the samples. It need not see every damage: what it does not see is said.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import torch
from torch import Tensor

from gnref.data.points import mixture

Damage = Callable[[Tensor, float, torch.Generator], Tensor]
"""From points (N, 2) of the truth, how much (0 leaves them) and random draws to damaged points."""


def noise(points: Tensor, deviation: float, draws: torch.Generator) -> Tensor:
    """Every point moved by N(0, deviation²) in each direction: blur and noise are one in the plane."""
    return points + deviation * torch.randn(points.shape, generator=draws)


def shrunk(points: Tensor, share: float, draws: torch.Generator) -> Tensor:
    """Every point moved towards the middle by this share of its distance."""
    return points * (1 - share)


def dropped(points: Tensor, share: float, draws: torch.Generator) -> Tensor:
    """The modes within this share of the circle are left out: their points become copies of others."""
    angle = torch.atan2(points[:, 1], points[:, 0]).remainder(2 * torch.pi) / (2 * torch.pi)
    left = points[angle >= share]
    return left[torch.randint(len(left), (len(points),), generator=draws)]


def duplicated(points: Tensor, share: float, draws: torch.Generator) -> Tensor:
    """This share of the points becomes copies of the mode at (2, 0)."""
    there = points[(points - torch.tensor([2.0, 0.0])).norm(dim=1) < 0.5]
    chosen = torch.rand(len(points), generator=draws) < share
    copies = there[torch.randint(len(there), (len(points),), generator=draws)]
    return torch.where(chosen[:, None], copies, points)


DAMAGES: Mapping[str, tuple[Damage, Sequence[float]]] = {
    "noise": (noise, (0.0, 0.05, 0.1, 0.2, 0.4)),
    "shrunk": (shrunk, (0.0, 0.05, 0.1, 0.2, 0.4)),
    "dropped modes": (dropped, (0.0, 0.2, 0.45, 0.7, 0.95)),
    "a duplicated mode": (duplicated, (0.0, 0.1, 0.25, 0.5, 0.9)),
}
"""What is done to the ring, and how much of it, from nothing to a wreck."""


@dataclass(frozen=True)
class Reaction:
    """An instrument's scores under one damage: for each amount one score a sample."""

    scores: tuple[tuple[float, ...], ...]

    @property
    def medians(self) -> list[float]:
        """One for each amount."""
        return [median(each) for each in self.scores]

    @property
    def sees(self) -> bool:
        """The medians rise with every step, and the largest amount is told from none in every sample."""
        return all(a < b for a, b in pairwise(self.medians)) and max(self.scores[0]) < min(self.scores[-1])

    @property
    def blind(self) -> bool:
        """No amount moves the median beyond the scatter of the undamaged samples."""
        return all(min(self.scores[0]) <= middle <= max(self.scores[0]) for middle in self.medians)


def reaction(
    score: Callable[[Tensor], float], damage: str, centres: Tensor, deviation: float, count: int, samples: int
) -> Reaction:
    """Score `samples` independent samples of the mixture, damaged by each amount."""
    harm, amounts = DAMAGES[damage]
    scores = []
    for amount in amounts:
        draws = torch.Generator().manual_seed(17)
        fresh = [mixture(centres, count, deviation, draws)[0] for _ in range(samples)]
        scores.append(tuple(score(harm(points, amount, draws)) for points in fresh))
    return Reaction(tuple(scores))
