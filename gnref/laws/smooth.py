"""Smooth units whose f, f' and f'' at one point are known in closed form."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gnref.laws.case import Normalize


@dataclass(frozen=True)
class Smooth:
    """One smooth unit f of one input, at one point, with f, f' and f'' there, in closed form."""

    module: nn.Module
    point: float
    f: float
    slope: float
    curvature: float

    def derivative(self) -> float:
        """f̂' = (g² - f h) u / (g + |f|)² with g = |f'|, h = f''."""
        g = abs(self.slope)
        return (g * g - self.f * self.curvature) * math.copysign(1, self.slope) / (g + abs(self.f)) ** 2

    def snippet(self) -> str:
        """Lines that rebuild the case."""
        return (
            f"f = {self.module!r} at x = {self.point!r}: f = {self.f!r}, f' = {self.slope!r}, f'' = {self.curvature!r}"
        )


class Unit(nn.Module):
    """φ(kx): x (N, 1) → (N, 1)."""

    def __init__(self, activation: nn.Module, factor: float) -> None:
        super().__init__()
        self.activation, self.factor = activation, factor

    def forward(self, x: Tensor) -> Tensor:
        """φ(kx)."""
        value: Tensor = self.activation(self.factor * x)
        return value


class Softsign(nn.Module):
    """z / (1 + |z|), with |z| by cases: the second derivative of torch.abs imports PyTorch's compiler."""

    def forward(self, z: Tensor) -> Tensor:
        """softsign(z)."""
        return z / (1 + torch.where(z > 0, z, -z))


_THIRD = 1 / 3
_LOG2 = math.log(2.0)
SOFTSIGN = Smooth(Unit(Softsign(), 3.0), _THIRD, 0.5, 0.75, -2.25)
"""softsign(3x) at 1/3: f̂' = 27/25, all numbers rational."""
ELU = Smooth(Unit(nn.ELU(), 3.0), -_LOG2 / 3, -0.5, 1.5, 4.5)
"""ELU(3x) at -ln2/3: f̂' = 9/8."""
TANH = Smooth(Unit(nn.Tanh(), 3.0), _LOG2 / 3, 0.6, 1.92, -6.912)
"""tanh(3x) at ln2/3: f̂' = 544/441."""


def smooth_units() -> Iterator[Smooth]:
    """The three."""
    yield from (SOFTSIGN, ELU, TANH)


def slope_of(normalize: Normalize, case: Smooth) -> float:
    """f̂' at the unit's point, by autograd."""
    x = torch.tensor([[case.point]], dtype=torch.float64, requires_grad=True)
    (got,) = torch.autograd.grad(normalize(case.module, x).sum(), x)
    return float(got)
