"""The gradient that a loss gets through f̂, and the unit of f/‖∇f‖."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from gnref import losses
from gnref.exact import ExactNetwork
from gnref.laws.case import Case, Normalize, judge
from gnref.laws.examples import network_cases
from gnref.laws.expected import scores_of
from gnref.laws.law import law, law_of_f

_U = 2.0**-53


@law_of_f("saturation", evidence="derived bound", drawn="ratios")
def loss_slopes(case: float) -> float:
    """dL/dt of each loss of one sample by automatic differentiation, against the closed form. `case` is t.

    In float64 f̂ and 1 ± f̂ carry 4 roundings of numbers up to 2, and 1 - |f̂| = 1/(1 + |t|) is their difference: their
    relative error is 8 (1 + |t|) roundings, of which a slope has at most 4 factors.
    """
    size = 1 + abs(case)
    wrong, right = 1 / size, 1 / (size * (1 + 2 * abs(case)))
    without = losses.non_saturating_without_sigmoid
    forms: dict[str, tuple[Callable[[Tensor], Tensor], float]] = {
        "hinge": (lambda f_hat: losses.hinge.discriminator(f_hat, f_hat.detach()), -1 / size**2),
        "Wasserstein": (lambda f_hat: losses.wasserstein.discriminator(f_hat, f_hat.detach()), -1 / size**2),
        "NS without sigmoid": (
            lambda f_hat: without.discriminator(f_hat, f_hat.detach()),
            -wrong if case < 0 else -right,
        ),
    }
    worst = 0.0
    for name, (loss, expected) in forms.items():
        t = torch.tensor([case], dtype=torch.float64, requires_grad=True)
        (got,) = torch.autograd.grad(loss(t / (1 + t.abs())), t)
        worst = max(worst, judge(f"d{name}/dt", got.item(), expected, 32 * size * _U * abs(expected), f"t = {case}"))
    return worst


@law("unit", level="robustness", drawn="cases", fixed=network_cases)
def pixel_range(normalize: Normalize, case: Case) -> float:
    """f̂ of x ↦ f(x/c) at cx is c f/(‖∇f‖ + c|f|), for c = 128 and 1/4, within n/2 + 8 roundings of 1: never f̂ of f.

    Usual cause: The norm is rescaled to a unit of its own, or inputs are standardized within the normalization.
    Remedy: Take ∇ₓf in the x that was given, and nothing else.
    """
    if not isinstance(case.network, ExactNetwork):
        return 0.0
    worst = 0.0
    for factor in (128.0, 0.25):
        scaled = replace(case, network=_of_scaled(case.network, factor), points=_scaled(case.points, factor))
        f = factor * case.exact.score
        total = case.norm + np.abs(f)
        expected = f / np.where(total == 0, 1, total)
        got = scores_of(normalize, scaled)[:, 0]
        bound = (case.array.shape[1] / 2 + 8) * case.unit
        worst = max(worst, judge(f"f̂ of pixels {factor} times as wide", got, expected, bound, scaled.snippet()))
    return worst


def _of_scaled(network: ExactNetwork, factor: float) -> ExactNetwork:
    """x ↦ f(x/factor): the first layer's rows divided by a power of two, which rounds nothing."""
    if not network.layers:
        row, bias = network.head
        return replace(network, head=(tuple(w / factor for w in row), bias))
    first = tuple((tuple(w / factor for w in row), bias) for row, bias in network.layers[0])
    return replace(network, layers=(first, *network.layers[1:]))


def _scaled(points: tuple[tuple[float, ...], ...], factor: float) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(factor * c for c in point) for point in points)
