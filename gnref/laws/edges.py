"""The edges of the number range, where a literal f / (g + |f|) overflows, underflows, divides 0 by 0 or cancels."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor, nn

from gnref import losses
from gnref.exact import ExactNetwork, normalized, square_root
from gnref.laws.case import Case, Normalize, cotangents, judge, law, parameter_gradients


@dataclass(frozen=True)
class Edge:
    """The affine discriminator f(x) = ⟨v, x⟩ + f₀ at x = 0, where f = f₀ and ∇ₓf = v are what one likes."""

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


def _roundings(case: Edge) -> float:
    return (len(case.gradient) / 2 + 8) * torch.finfo(case.dtype).eps / 2


def _exact(case: Edge) -> tuple[Fraction, Fraction]:
    stored = case.module()
    v = [Fraction(c) for c in stored.weight.detach().double().flatten().tolist()]
    return Fraction(float(stored.bias.detach().double())), sum((c * c for c in v), Fraction(0))


@law("normalized-function", level="robustness", cases="fixed", evidence="equality")
def zero_over_zero(normalize: Normalize, case: Edge) -> float:
    """Where f = 0 and ∇ₓf = 0 the score is 0, the only odd value, and no gradient is NaN."""
    module = affine(0.0, (0.0,) * len(case.gradient), case.dtype, case.device)
    scores = normalize(module, torch.zeros_like(module.weight))
    judge("f̂ at f = ‖∇f‖ = 0", scores, np.zeros((1, 1)), 0.0, case.snippet())
    torch.autograd.backward(scores.sum())
    for name, parameter in module.named_parameters():
        got = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        judge(f"∂f̂/∂{name} at f = ‖∇f‖ = 0", got, torch.zeros_like(parameter), 0.0, case.snippet())
    return 0.0


@law("normalized-function", level="robustness")
def dead_region(normalize: Normalize, case: Case) -> float:
    """Where ∇ₓf = 0 and f ≠ 0: f̂ = ±1, and every gradient is 0 within 4 roundings of the literal 1/N - 1/N."""
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


@law("normalized-function", level="robustness", cases="fixed")
def exponent_range(normalize: Normalize, case: Edge) -> float:
    """f̂ is right within (n/2 + 8) roundings wherever f and ∇ₓf are normal numbers, near overflow and underflow too."""
    f, squared = _exact(case)
    expected = float(normalized(f, squared))
    smallest = torch.finfo(case.dtype).smallest_normal
    module = case.module()
    got = normalize(module, torch.zeros_like(module.weight))[:, 0]
    return judge("f̂", got, [expected], _roundings(case) * abs(expected) + smallest, case.snippet())


@law("normalized-function", level="robustness", cases="fixed")
def gradient_range(normalize: Normalize, case: Edge) -> float:
    """∂f̂/∂f = g/N² and ∂f̂/∂v = -f v/(g N²) within (n/2 + 8) roundings, wherever the truth is a normal number."""
    f, squared = _exact(case)
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
            worst = max(worst, judge(what, got, [expected], _roundings(case) * abs(expected), case.snippet()))
    return worst


def _exponent(squared: Fraction) -> int:
    return (squared.numerator.bit_length() - squared.denominator.bit_length()) // 2


@law("output-range", level="robustness", cases="fixed")
def half_precision(normalize: Normalize, case: Edge) -> float:
    """In bfloat16 and float16 f̂ is right within n/2 + 8 roundings, and |f̂| ≤ 1 without tolerance."""
    worst = 0.0
    for dtype in (torch.bfloat16, torch.float16):
        half = case.to(dtype, case.device)
        f, squared = _exact(half)
        module = half.module()
        got = normalize(module, torch.zeros_like(module.weight))[:, 0]
        judge("|f̂| ≤ 1", bool((got.abs() <= 1).all()), True, 0.0, half.snippet())
        expected = float(normalized(f, squared))
        tolerance = _roundings(half) * abs(expected) + torch.finfo(dtype).smallest_normal
        worst = max(worst, judge(f"f̂ in {dtype}", got, [expected], tolerance, half.snippet()))
    return worst


@law("eq-15-hinge-wasserstein", level="robustness")
def saturated_hinge(normalize: Normalize, case: Case) -> float:
    """Where |f̂| = 1 on a dead region the two losses' gradients agree within the rounding of 1/N - |f|/N²."""
    dead = case.at(case.exact.squared_norm == 0)
    if not dead.points or not isinstance(dead.network, ExactNetwork):
        return 0.0
    module = dead.module()
    found: list[list[Tensor]] = []
    for loss in (losses.hinge, losses.wasserstein):
        scores = normalize(module, dead.x())
        value = loss.discriminator(scores, scores)
        parameters = list(module.parameters())
        gradients = torch.autograd.grad(value, parameters, allow_unused=True)
        found.append([torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients, strict=True)])
    alpha = 2 * (8 + len(dead.points)) * dead.unit / np.abs(dead.exact.score)
    sizes = dead.network.absolute().pullback(np.abs(dead.array), alpha, 0 * dead.array)
    return max(
        judge("∂hinge - ∂Wasserstein where |f̂| = 1", a, b, size, dead.snippet())
        for a, b, size in zip(*found, sizes, strict=True)
    )


def edges() -> Iterator[Edge]:
    """Scores and gradients over the range of float32: magnitudes from 2^-120 to 2^120, |f|/g from 2^-30 to 2^30."""
    for exponent in (-120, -80, -64, 0, 63, 120):
        for ratio in (-30, -1, 0, 12, 30):
            if -125 <= exponent + ratio <= 125:
                yield Edge(1.5 * 2.0 ** (exponent + ratio), (3 * 2.0 ** (exponent - 2), -(2.0**exponent)))
