"""Theorem 6 where its hypothesis fails: smooth activations, and the softplus that approaches ReLU."""

import math
from dataclasses import dataclass
from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gnref.laws.case import Normalize, judge, law

_U = 2.0**-53


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


_THIRD = 1 / 3
_LOG2 = math.log(2.0)
SOFTSIGN = Smooth(Unit(nn.Softsign(), 3.0), _THIRD, 0.5, 0.75, -2.25)
"""softsign(3x) at 1/3: f̂' = 27/25, all numbers rational."""
ELU = Smooth(Unit(nn.ELU(), 3.0), -_LOG2 / 3, -0.5, 1.5, 4.5)
"""ELU(3x) at -ln2/3: f̂' = 9/8."""
TANH = Smooth(Unit(nn.Tanh(), 3.0), _LOG2 / 3, 0.6, 1.92, -6.912)
"""tanh(3x) at ln2/3: f̂' = 544/441."""


def _slope(normalize: Normalize, case: Smooth) -> float:
    x = torch.tensor([[case.point]], dtype=torch.float64, requires_grad=True)
    (got,) = torch.autograd.grad(normalize(case.module, x).sum(), x)
    return float(got)


@law("theorem-6-smooth", level="robustness", cases="fixed")
def slope_formula(normalize: Normalize, case: Smooth) -> float:
    """∇f̂ = (g²I - fH)u/(g + |f|)² for smooth f, in float64.

    The point itself is rounded, and its slope moves by at most |f̂''| U|x|; with f, f', f'' of order 10 and 40 roundings
    of terms that stay below 8 on the cases given, 512 U is allowed.
    """
    return judge("f̂'", _slope(normalize, case), case.derivative(), 512 * _U, case.snippet())


@law("theorem-6-smooth", level="refuted", cases="fixed")
def slope_bound(normalize: Normalize, case: Smooth) -> float:
    """‖∇f̂‖ ≤ 1 for a smooth activation, as where GN is used with ELU or Softplus; 512 roundings are allowed."""
    got = abs(_slope(normalize, case))
    return judge("the excess of ‖∇f̂‖ over 1", max(0.0, got - 1), 0.0, 512 * _U, f"‖∇f̂‖ = {got}\n{case.snippet()}")


@law("softplus-limit", level="mathematics", cases="fixed")
def softplus_approaches_relu(normalize: Normalize, case: float) -> float:
    """0 ≤ softplus_β(x) - relu(x) ≤ ln2/β, with equality at 0. `case` is β.

    softplus is a logarithm of at most 1 + e^0 plus a term exact to U|βx|, over β: 8 roundings of ln2/β + |x|.
    """
    x = torch.linspace(-8, 8, 4097, dtype=torch.float64) / case
    # torch's default threshold replaces softplus by x beyond βx = 20; past it lies another function.
    gap = F.softplus(x, beta=case, threshold=1e9) - torch.relu(x)
    allowed = 8 * _U * (_LOG2 / case + x.abs().max().item())
    judge(
        "max(softplus - relu - ln2/β, 0)",
        (gap - _LOG2 / case).clamp_min(0),
        torch.zeros_like(gap),
        allowed,
        f"β = {case}",
    )
    judge("max(relu - softplus, 0)", (-gap).clamp_min(0), torch.zeros_like(gap), allowed, f"β = {case}")
    return judge("softplus_β(0)", gap[2048].item(), _LOG2 / case, allowed, f"β = {case}")


@law("softplus-limit-gradients", level="refuted", cases="fixed")
def softplus_slope_approaches_relu(normalize: Normalize, case: float) -> float:
    """|softplus_β'(x) - relu'(x)| ≤ 1/β for all x ≠ 0, as "similar to ReLU" would have it. `case` is β."""
    x = torch.tensor([2.0**-40 / case], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(F.softplus(x, beta=case, threshold=1e9), x)
    return judge("softplus'(0+) - relu'(0+)", slope.item(), 1.0, 1 / case, f"β = {case}, x = {x.item()}")


@law("softplus-limit-gradients", level="robustness", cases="fixed")
def softplus_spike(normalize: Normalize, case: float) -> float:
    """The largest slope of f̂ for softplus_β(x) + 1 is at least β/8 in size, near βx = -ln2: it grows with β.

    There s = 1/3 and ∇f̂ = (g² - f h)/(g + f)² with g = s, h = β s(1 - s), f = 1 + ln(3/2)/β, in closed form; 64
    roundings of |f h|, each at most U.
    """
    f, g, h = 1 + math.log(1.5) / case, 1 / 3, case * 2 / 9
    expected = (g * g - f * h) / (g + f) ** 2
    spike = nn.Sequential(nn.Softplus(beta=case, threshold=1e9), _PlusOne())
    x = torch.tensor([[-_LOG2 / case]], dtype=torch.float64, requires_grad=True)
    (got,) = torch.autograd.grad(normalize(spike, x).sum(), x)
    return judge("f̂'(-ln2/β)", got.item(), expected, 64 * _U * abs(f * h), f"β = {case}")


class _PlusOne(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + 1


@law("equation-13", level="mathematics", cases="fixed", evidence="fractions")
def gradient_of_norm(normalize: Normalize, case: tuple[int, int, int, int, int]) -> float:
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
