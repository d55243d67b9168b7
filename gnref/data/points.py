"""Points in the plane: Figure 3's two Gaussians, and the two usual mixtures for counting modes."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gnref.errors import UserError


@dataclass(frozen=True)
class Gaussian:
    """N(mean, covariance) in the plane."""

    mean: tuple[float, float]
    covariance: tuple[tuple[float, float], tuple[float, float]]

    def sample(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """`count` independent points, float32 (N, 2)."""
        root = torch.linalg.cholesky(torch.tensor(self.covariance))
        points: Tensor = torch.tensor(self.mean) + torch.randn(count, 2, generator=generator) @ root.T
        return points

    def log_density(self, x: Tensor) -> Tensor:
        """log p(x) for x (N, 2), in x's dtype: (N,)."""
        covariance = torch.tensor(self.covariance, dtype=x.dtype)
        from_mean = x - torch.tensor(self.mean, dtype=x.dtype)
        distance = (from_mean @ torch.linalg.inv(covariance) * from_mean).sum(-1)
        density: Tensor = -distance / 2 - math.log(2 * math.pi) - torch.logdet(covariance) / 2
        return density


# Figure 3 (the original notebook's values; the appendix prints none): the reals are 100 points of one Gaussian, fixed
# for all discriminators, and the fakes are drawn from the other without end.
FIGURE3_REAL = Gaussian((5.0, 5.0), ((5.0, 1.0), (1.0, 9.0)))
FIGURE3_FAKE = Gaussian((2.0, 2.0), ((5.0, 4.0), (4.0, 12.0)))
FIGURE3_REAL_COUNT = 100


def bayes(x: Tensor, real: Gaussian = FIGURE3_REAL, fake: Gaussian = FIGURE3_FAKE) -> Tensor:
    """The optimal discriminator D*(x) = p_r(x) / (p_r(x) + p_q(x)) [GN, Figure 3a], (N, 2) to (N,)."""
    return torch.sigmoid(real.log_density(x) - fake.log_density(x))


@dataclass(frozen=True)
class PointSet:
    """Points in memory, float32 (N, 2), in the place of a set of images: `size` is their dimension."""

    points: Tensor
    labels: None = None

    @property
    def size(self) -> int:
        """The dimension of a point."""
        return self.points.shape[-1]

    def __len__(self) -> int:
        return len(self.points)

    def fetch(self, index: Tensor) -> Tensor:
        """The points with these indices, on the set's device."""
        return self.points[index.to(self.points.device, non_blocking=True)]


def ring_centres() -> Tensor:
    """Eight points on the circle of radius 2, (8, 2)."""
    angle = 2 * math.pi * torch.arange(8) / 8
    return 2 * torch.stack([angle.cos(), angle.sin()], 1)


def grid_centres() -> Tensor:
    """The 25 points of {-4, -2, 0, 2, 4}², (25, 2)."""
    axis = torch.arange(-4.0, 5.0, 2.0)
    return torch.cartesian_prod(axis, axis)


def mixture(
    centres: Tensor, count: int, deviation: float = 0.05, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """`count` points around uniformly chosen centres (K, 2): the points (N, 2) and each one's centre's index (N,)."""
    if count < 0:
        raise UserError(f"mixture: expected a count of points from 0 on, got {count}")
    mode = torch.randint(len(centres), (count,), generator=generator)
    return centres[mode] + deviation * torch.randn(count, 2, generator=generator), mode
