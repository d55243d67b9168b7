"""Theorem 6 for smooth activations, on units whose f, f' and f'' are known in closed form; Eq. 13, its derivatives."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor, nn

from gnref.exact import square_root
from gnref.laws.case import Normalize, judge
from gnref.laws.law import law, law_of_f


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
