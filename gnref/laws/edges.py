"""The edges of the number range, where a literal f / (g + |f|) overflows, underflows, divides 0 by 0 or cancels."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import torch
from torch import nn

from gnref.exact import ExactNetwork, normalized, square_root
from gnref.laws.case import Case, Normalize, cotangents, judge, parameter_gradients
from gnref.laws.examples import network_cases
from gnref.laws.law import law


@dataclass(frozen=True)
class Edge:
    """The affine discriminator f(x) = ⟨v, x⟩ + f₀ at x = 0, where f = f₀ and ∇ₓf = v can be any numbers."""

    score: float
    gradient: tuple[float, ...]
    dtype: torch.dtype = torch.float64
    device: str = "cpu"

    def to(self, dtype: torch.dtype, device: str = "cpu") -> "Edge":
        """The same case in another dtype and on another device."""
        return replace(self, dtype=dtype, device=device)

    def module(self) -> nn.Linear:
        """The discriminator."""
        return affine(self.score, self.gradient, self.dtype, self.device)

    def snippet(self) -> str:
        """Lines that rebuild the discriminator and its input."""
        return (
            f"import torch\nD = torch.nn.Linear({len(self.gradient)}, 1, dtype={self.dtype}, device={self.device!r})\n"
            f"D.weight.data.copy_(torch.tensor([{list(self.gradient)}], dtype={self.dtype}))\n"
            f"D.bias.data.fill_({self.score})\nprint(normalize(D, torch.zeros_like(D.weight)))"
        )


def affine(score: float, gradient: tuple[float, ...], dtype: torch.dtype, device: str = "cpu") -> nn.Linear:
    """⟨v, x⟩ + f₀ as a module."""
    module = nn.Linear(len(gradient), 1, dtype=dtype, device=device)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([gradient], dtype=dtype))
        module.bias.fill_(score)
    return module


def edge_roundings(case: Edge) -> float:
    """(n/2 + 8)U: n/2 + 1 of a norm, and a few of the quotient and its derivatives."""
    return (len(case.gradient) / 2 + 8) * torch.finfo(case.dtype).eps / 2


def exact_edge(case: Edge) -> tuple[Fraction, Fraction]:
    """f and ‖∇ₓf‖² of the numbers as they are stored in the case's dtype."""
    stored = case.module()
    v = [Fraction(c) for c in stored.weight.detach().double().flatten().tolist()]
    return Fraction(float(stored.bias.detach().double())), sum((c * c for c in v), Fraction(0))


def zeros() -> Iterator[Edge]:
    """f = 0 and ∇ₓf = 0, with one input and with three."""
    yield from (Edge(0.0, (0.0,) * inputs) for inputs in (1, 3))


def edges() -> Iterator[Edge]:
    """Scores and gradients over the range of float32: magnitudes from 2^-120 to 2^120, |f|/g from 2^-30 to 2^30."""
    for exponent in (-120, -80, -64, 0, 63, 120):
        for ratio in (-30, -1, 0, 12, 30):
            if -125 <= exponent + ratio <= 125:
                yield Edge(1.5 * 2.0 ** (exponent + ratio), (3 * 2.0 ** (exponent - 2), -(2.0**exponent)))


@law(
    "normalized-function",
    level="robustness",
    evidence="equality",
    fixed=zeros,
    needs=("parameter gradient", "no epsilon"),
)
def zero_over_zero(normalize: Normalize, case: Edge) -> float:
    """Where f = 0 and ∇ₓf = 0 the score is 0, the only odd value, and no gradient is NaN.

    Usual cause: 0/0 in a dead region with f = 0, as at initialization with zero biases.
    Remedy: Set f̂ = 0 there, with torch.where before and after the division, so that the backward pass has no NaN
    either.
    """
    module = affine(0.0, (0.0,) * len(case.gradient), case.dtype, case.device)
    scores = normalize(module, torch.zeros_like(module.weight))
    judge("f̂ at f = ‖∇f‖ = 0", scores, np.zeros((1, 1)), 0.0, case.snippet())
    torch.autograd.backward(scores.sum())
    for name, parameter in module.named_parameters():
        got = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        judge(f"∂f̂/∂{name} at f = ‖∇f‖ = 0", got, torch.zeros_like(parameter), 0.0, case.snippet())
    return 0.0


@law("normalized-function", level="robustness", drawn="cases", fixed=network_cases, needs=("parameter gradient",))
def dead_region(normalize: Normalize, case: Case) -> float:
    """Where ∇ₓf = 0 and f ≠ 0: f̂ = ±1, and every gradient is 0 within 4 roundings of the literal 1/N - 1/N.

    Usual cause: An ε, or the norm's derivative at 0, which is NaN for a square root of a sum of squares.
    Remedy: Use torch.linalg.vector_norm, whose derivative at 0 is 0, and no ε.
    """
    dead = case.at(case.exact.squared_norm == 0)
    if not dead.points or not isinstance(dead.network, ExactNetwork):
        return 0.0
    weights, module = cotangents(len(dead.points)), dead.module()
    judge("f̂ where ∇f = 0", normalize(module, dead.x())[:, 0], np.sign(dead.exact.score), 0.0, dead.snippet())
    found = parameter_gradients(normalize, module, dead, weights)
    alpha = np.abs(weights / dead.exact.score) * (4 + len(weights)) * dead.unit
    sizes = dead.network.absolute().pullback(np.abs(dead.array), alpha, 0 * dead.array)
    names = [name for name, _ in module.named_parameters()]
    return max(
        judge(f"∂f̂/∂{name} where ∇f = 0", got, 0.0 * size, size, dead.snippet())
        for name, got, size in zip(names, found, sizes, strict=True)
    )


@law(
    "normalized-function",
    level="robustness",
    drawn="edge_cases",
    fixed=edges,
    dtypes=(torch.float32,),  # whose range the cases span
    needs=("no epsilon",),
)
def exponent_range(normalize: Normalize, case: Edge) -> float:
    """f̂ is right within (n/2 + 8) roundings wherever f, ∇ₓf and ‖∇ₓf‖ + |f| are normal numbers, near overflow too.

    Usual cause: Squares overflow or underflow in the norm.
    Remedy: Divide f and ∇ₓf by the largest entry before squaring, or compute the quotient in float64.
    """
    f, squared = exact_edge(case)
    expected = float(normalized(f, squared))
    smallest = torch.finfo(case.dtype).smallest_normal
    module = case.module()
    got = normalize(module, torch.zeros_like(module.weight))[:, 0]
    return judge("f̂", got, [expected], edge_roundings(case) * abs(expected) + smallest, case.snippet())


@law(
    "normalized-function",
    level="robustness",
    drawn="edge_cases",
    fixed=edges,
    dtypes=(torch.float32,),
    needs=("parameter gradient", "no epsilon"),
)
def gradient_range(normalize: Normalize, case: Edge) -> float:
    """∂f̂/∂f = g/N² and ∂f̂/∂v = -f v/(g N²) within (n/2 + 8) roundings, where v, N = g + |f| and they are normal.

    Usual cause: 1/N - |f|/N² cancels where |f| is much larger than g.
    Remedy: Give the quotient its closed-form derivative g/N², or compute it in float64.
    """
    f, squared = exact_edge(case)
    limits = torch.finfo(case.dtype)
    module = case.module()
    got_v, got_f = torch.autograd.grad(
        normalize(module, torch.zeros_like(module.weight)).sum(), [module.weight, module.bias]
    )
    worst = 0.0
    weights = [Fraction(c) for c in module.weight.detach().double().flatten().tolist()]
    scale = Fraction(2) ** _exponent(squared)
    g = square_root(squared / scale**2) * scale
    total = g + abs(f)
    truths = [("∂f̂/∂f", got_f, g / total**2)]
    truths += [(f"∂f̂/∂v[{i}]", got_v[:, i], -f * v / (g * total**2)) for i, v in enumerate(weights)]
    for what, got, truth in truths:
        if limits.smallest_normal <= abs(truth) <= limits.max:
            expected = float(truth)
            worst = max(worst, judge(what, got, [expected], edge_roundings(case) * abs(expected), case.snippet()))
    return worst


def _exponent(squared: Fraction) -> int:
    return (squared.numerator.bit_length() - squared.denominator.bit_length()) // 2
