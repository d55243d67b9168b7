"""Discriminators that wrap an exact network, each so that one habit of an implementation shows in the score."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gnref.exact import Array, ExactNetwork
from gnref.laws.case import Case, cotangents


class Wrapped(nn.Module):
    """`after`(f)."""

    def __init__(self, module: nn.Module, after: Callable[[Tensor], Tensor] | None = None) -> None:
        super().__init__()
        self.module, self.after = module, after

    def forward(self, x: Tensor) -> Tensor:
        """Scores of x (N, n)."""
        scores: Tensor = self.module(x)
        return scores if self.after is None else self.after(scores)


class Modal(Wrapped):
    """f where this module and its submodule are in the modes that were said, else 3f + 1."""

    def __init__(self, module: nn.Module, training: bool) -> None:
        super().__init__(module)
        self.wanted = training

    def forward(self, x: Tensor) -> Tensor:
        """Scores of x (N, n)."""
        scores: Tensor = self.module(x)
        meant = self.training == self.wanted and not self.module.training
        return scores if meant else 3 * scores + 1


class Hooked(Wrapped):
    """f - 1, for a hook that adds 1."""

    def forward(self, x: Tensor) -> Tensor:
        """Scores of x (N, n)."""
        scores: Tensor = self.module(x)
        return scores - 1


class Shifted(Wrapped):
    """factor · scale · f + c."""

    def forward(
        self,
        x: Tensor,
        c: Tensor | float = 0.0,
        factor: Any = 1,
        *,
        scale: float = 1.0,
        note: str = "as it is",
        nothing: object = None,
    ) -> Tensor:
        """Scores of x (N, n); every argument has to come as it was given."""
        if isinstance(factor, Tensor) or note != "as it is" or nothing is not None:
            raise TypeError(f"expected a number, 'as it is' and None, got {factor!r}, {note!r} and {nothing!r}")
        scores: Tensor = factor * scale * self.module(x) + c
        return scores


class SpareParameter(Wrapped):
    """f, with a parameter that it does not use."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__(module)
        like = next(module.parameters())
        self.spare = nn.Parameter(torch.ones(2, dtype=like.dtype, device=like.device))


class TwiceUsed(Wrapped):
    """h(x) + h(x + 1)."""

    def forward(self, x: Tensor) -> Tensor:
        """Scores of x (N, n)."""
        scores: Tensor = self.module(x) + self.module(x + 1)
        return scores

    @staticmethod
    def expected(case: Case) -> tuple[Array, list[tuple[Array, Array]]]:
        """f̂, and ∂Σ l_i f̂_i/∂θ with what 128 roundings of the terms' absolute values allow."""
        network, points, weights = case.network, case.array, cotangents(len(case.points))
        assert isinstance(network, ExactNetwork)
        here, there = network.evaluate(points), network.evaluate(points + 1)
        f, v = here.score + there.score, here.gradient + there.gradient
        g = np.sqrt((v**2).sum(axis=1))
        total = g + np.abs(f)
        alpha, direction = weights * g / total**2, (-weights * f / total**2 / g)[:, None] * v
        first, second = (network.pullback(p, alpha, direction) for p in (points, points + 1))
        size, size_direction = np.abs(weights) / total, np.abs(direction)
        largest = network.absolute().pullback(np.abs(points) + 1, size, size_direction)
        bounds = [128 * case.unit * 2 * one for one in largest]
        return f / total, [(a + b, bound) for a, b, bound in zip(first, second, bounds, strict=True)]


class Masked(Wrapped):
    """f(x · mask) with a mask drawn in every pass, as dropout draws it; the masks are kept."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__(module)
        self.masks: list[Any] = []

    def forward(self, x: Tensor) -> Tensor:
        """Scores of x (N, n)."""
        mask = (torch.rand(x.shape) < 0.5).to(x)
        self.masks.append(mask.detach().double().cpu().numpy())
        scores: Tensor = self.module(x * mask)
        return scores
