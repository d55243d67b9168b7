"""What the appendix says around the method: losses without a sigmoid, the best discriminator, the cost of a step."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from gnref import losses
from gnref.laws.case import Case, Normalize, judge, law


@law("ns-without-sigmoid", evidence="equality")
def probability_without_sigmoid(normalize: Normalize, case: Case) -> float:
    """(1 + f̂)/2 is a probability, in [0, 1] with no tolerance, and the loss made of it is finite even at f̂ = ±1."""
    scores = normalize(case.module(), case.x(), *case.arguments())
    probability = (1 + scores) / 2
    judge("0 ≤ (1 + f̂)/2 ≤ 1", bool(((probability >= 0) & (probability <= 1)).all()), True, 0.0, case.snippet())
    loss = losses.non_saturating_without_sigmoid
    values = torch.stack([loss.discriminator(scores, scores), loss.generator(scores)])
    return judge("the loss is finite", bool(values.isfinite().all()), True, 0.0, case.snippet())


@dataclass(frozen=True)
class Densities:
    """Two positive densities p_r(x), p_g(x) at one point, and another value d in (0, 1) to compare with."""

    real: Fraction
    fake: Fraction
    other: Fraction


@law("d-star", level="mathematics", cases="fixed", evidence="fractions")
def best_discriminator(normalize: Normalize, case: Densities) -> float:
    """p_r log d + p_g log(1 - d) is largest at d = p_r/(p_r + p_g) alone: its derivative is > 0 below and < 0 above."""

    def derivative(d: Fraction) -> Fraction:
        return case.real / d - case.fake / (1 - d)

    best = case.real / (case.real + case.fake)
    other = case.other
    holds = derivative(best) == 0 and (other == best or (derivative(other) > 0) == (other < best))
    if not holds:
        raise AssertionError(
            f"d = p_r/(p_r + p_g) is the maximum at {case}: the derivative there is {derivative(best)}"
        )
    return 0.0


@law("d-star-lipschitz", level="refuted", cases="fixed", evidence="fractions")
def best_discriminator_is_lipschitz(normalize: Normalize, case: Fraction) -> float:
    """‖∇D*‖ ≤ 1 for two Gaussians with covariances diag(1, 4) and diag(4, 1), at the point (t, t). `case` is t.

    There D* = 1/2 and ∇D* = ∇(log p_r - log p_g)/4 = (3/16)(-t, t): ‖∇D*‖² = 9t²/128.
    """
    gradient = (case * (Fraction(1, 4) - 1) / 4, case * (1 - Fraction(1, 4)) / 4)
    squared = sum((c * c for c in gradient), Fraction(0))
    if squared > 1:
        raise AssertionError(f"‖∇D*({case}, {case})‖² ≤ 1: got {squared}")
    return 0.0


class _MultiplyAdds(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the multiply-adds of matrix products, whatever pass they belong to."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total: int = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (torch.ops.aten.mm.default, torch.ops.aten.addmm.default):
            left, right = args[-2:]
            self.total += left.shape[0] * left.shape[1] * right.shape[1]
        return func(*args, **(kwargs or {}))


def _step(normalize: Normalize | None, widths: tuple[int, ...], train: bool) -> int:
    """Multiply-adds of a ReLU network of these widths on 4 samples: its scores and, to train, their gradients in θ."""
    pairs = list(pairwise(widths))
    modules = [m for a, b in pairs for m in (nn.Linear(a, b, dtype=torch.float64), nn.ReLU())][:-1]
    module, x = nn.Sequential(*modules), torch.ones(4, widths[0], dtype=torch.float64)
    with _MultiplyAdds() as count:
        scores = module(x) if normalize is None else normalize(module, x)
        if train:
            scores.sum().backward()
    return int(count.total)


@law("inference-cost", level="robustness", cases="fixed", evidence="count")
def evaluation_cost(normalize: Normalize, case: tuple[int, ...]) -> float:
    """A value of f̂ costs the matrix products of f twice: a forward pass and one for ∇ₓf. `case` are the widths."""
    return judge(
        "multiply-adds of f̂", _step(normalize, case, False), 2 * _step(None, case, False), 0.0, f"widths {case}"
    )


@law("training-cost", level="robustness", cases="fixed", evidence="count")
def step_cost(normalize: Normalize, case: tuple[int, ...]) -> float:
    """A step on f̂ costs at most 6 passes of f's matrix products, and more than f alone, which costs at most 3."""
    one = _step(None, case, False)
    plain, normalized = _step(None, case, True), _step(normalize, case, True)
    judge("passes of a step on f beyond 3", max(0, plain - 3 * one), 0, 0.0, f"widths {case}")
    judge(
        "passes of a step on f̂ beyond 6", max(0, normalized - 6 * one), 0, 0.0, f"widths {case}: {normalized / one:.2f}"
    )
    dearer = normalized > plain
    return judge(
        "a step on f̂ costs more than one on f",
        dearer,
        True,
        0.0,
        f"widths {case}: {np.array([plain, normalized]) / one}",
    )


def passes(normalize: Normalize | None, widths: tuple[int, ...]) -> float:
    """A step's matrix products in units of a forward pass."""
    return _step(normalize, widths, True) / _step(None, widths, False)
