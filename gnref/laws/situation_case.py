"""The network that the laws of situations judge at, and what they judge: f̂ and its gradients, wherever asked for."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gnref.exact import Array, off_kinks
from gnref.laws.case import Case, Normalize, cotangents, judge
from gnref.laws.expected import exact_gradients, expected_input_gradient, expected_value

FIRST = off_kinks(
    [[((1, -2), 3), ((3, 0), -1), ((-1, 1), 5)], [((2, -1, 1), -3), ((-1, 1, 3), 1)]], ((2, -3), 5), slope=0.25
)
_SECOND = off_kinks(
    [[((2, 1), -1), ((-1, 3), 3), ((1, 1), -5)], [((1, 2, -1), 1), ((3, -1, 1), -3)]], ((-1, 2), 3), slope=0.25
)
POINTS = ((-4.0, 1.0), (-1.0, -1.0), (2.0, 3.0), (3.0, -4.0))


def situation() -> Iterator[Case]:
    """One leaky network at four points, none of them in a dead region."""
    yield Case(FIRST, POINTS)


def another(case: Case) -> Case:
    """Another network of the same layers, at the same points."""
    return Case(_SECOND, case.points, dtype=case.dtype, device=case.device)


def weighed(scores: Tensor, weights: Array) -> Tensor:
    """Σ l_i f̂_i."""
    return (scores.flatten() * torch.tensor(weights, dtype=scores.dtype, device=scores.device)).sum()


def judge_values(what: str, scores: Tensor, case: Case) -> float:
    """f̂ against the exact one, whatever the shape of the scores."""
    expected, bound = expected_value(case, "abs")
    return judge(what, scores.flatten(), expected, bound, case.snippet())


def judge_gradients(
    what: str, got: Sequence[Tensor | None], case: Case, factor: float = 1.0, already: float = 0.0
) -> float:
    """∂Σ l_i f̂_i/∂θ in the order of the parameters, times a factor, beside what stood in `.grad` already."""
    expected, bounds = exact_gradients(case, cotangents(len(case.points)))
    worst = 0.0
    for found, true, bound in zip(got, expected, bounds, strict=True):
        found = torch.zeros(true.shape) if found is None else found
        slack = 4 * case.unit * np.abs(factor * true + already)
        worst = max(worst, judge(what, found, factor * true + already, 2 * abs(factor) * bound + slack, case.snippet()))
    return worst


def judge_input_gradient(what: str, got: Tensor | None, case: Case, already: float | Array = 0.0) -> float:
    """∂Σ l_i f̂_i/∂x, beside what other losses add."""
    expected, bound = expected_input_gradient(case, cotangents(len(case.points)))
    found = torch.zeros(expected.shape) if got is None else got
    slack = 4 * case.unit * np.abs(expected + already)
    return judge(what, found, expected + already, 2 * bound + slack, case.snippet())


def judge_call(normalize: Normalize, case: Case, module: nn.Module, *args: Any, **kwargs: Any) -> float:
    """The value and the parameter gradient of one call of a module that computes the case's f."""
    scores = normalize(module, case.x(), *args, **kwargs)
    parameters = [p for p in module.parameters() if p.requires_grad]
    found = torch.autograd.grad(weighed(scores, cotangents(len(case.points))), parameters, allow_unused=True)
    return max(judge_values("f̂", scores, case), judge_gradients("∂Σ l_i f̂_i/∂θ", list(found), case))
