"""B.3: what a value and a training step cost, counted in multiply-adds of matrix products."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from gnref.laws.case import Normalize, judge
from gnref.laws.law import law


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


def some_widths() -> Iterator[tuple[int, ...]]:
    """Layer widths of two networks."""
    yield from ((3, 4, 1), (5, 7, 6, 1))


@law("inference-cost", level="reference", evidence="count", drawn="widths", fixed=some_widths)
def evaluation_cost(normalize: Normalize, case: tuple[int, ...]) -> float:
    """A value of f̂ costs the matrix products of f twice: a forward pass and one for ∇ₓf. `case` are the widths."""
    return judge(
        "multiply-adds of f̂", _step(normalize, case, False), 2 * _step(None, case, False), 0.0, f"widths {case}"
    )


@law(
    "training-cost",
    level="reference",
    evidence="count",
    drawn="widths",
    fixed=some_widths,
    needs=("parameter gradient",),
)
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
