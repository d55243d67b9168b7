"""What most laws judge an implementation at, and how they say that something is wrong."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gnref.exact import Array, Evaluation, ExactConditional, ExactNetwork

Normalize = Callable[..., Tensor]
"""The subject: `normalize(discriminator, x, *args, **kwargs) -> scores` in the discriminator's own shape."""


@dataclass(frozen=True)
class Case:
    """An exact network and the integer points x it is asked at; its repr pastes. With labels, a conditional one."""

    network: ExactNetwork | ExactConditional
    points: tuple[tuple[float, ...], ...]
    labels: tuple[int, ...] = ()
    dtype: torch.dtype = torch.float64
    device: str = "cpu"

    def to(self, dtype: torch.dtype, device: str = "cpu") -> "Case":
        """The same case in another dtype and on another device."""
        return replace(self, dtype=dtype, device=device)

    @cached_property
    def array(self) -> Array:
        """The points, (N, n) in float64."""
        return np.array(self.points, dtype=np.float64).reshape(len(self.points), -1)

    @cached_property
    def exact(self) -> Evaluation:
        """f, ∇ₓf and ‖∇ₓf‖² at every point, exact."""
        if isinstance(self.network, ExactNetwork):
            return self.network.evaluate(self.array)
        rows = [self.network.at(y).evaluate(self.array[i : i + 1]) for i, y in enumerate(self.labels)]
        return Evaluation(*(np.concatenate(column) for column in zip(*rows, strict=True)))

    @property
    def norm(self) -> Array:
        """g = ‖∇ₓf‖ at every point, rounded once."""
        return np.sqrt(self.exact.squared_norm)

    @property
    def unit(self) -> float:
        """U, the unit roundoff of the case's dtype."""
        return torch.finfo(self.dtype).eps / 2

    def module(self) -> nn.Module:
        """The network in PyTorch."""
        return self.network.to_torch(self.dtype, self.device)

    def x(self) -> Tensor:
        """The points as a tensor (N, n)."""
        return torch.tensor(self.array, dtype=self.dtype, device=self.device)

    def arguments(self) -> tuple[Tensor, ...]:
        """What the discriminator takes beside x: the labels of a conditional case."""
        return (torch.tensor(self.labels, device=self.device),) if self.labels else ()

    def at(self, keep: NDArray[np.bool_]) -> "Case":
        """The case at the points where `keep` (N,) is true."""
        chosen = np.flatnonzero(keep).tolist()
        labels = tuple(self.labels[i] for i in chosen) if self.labels else ()
        return replace(self, points=tuple(self.points[i] for i in chosen), labels=labels)

    def snippet(self) -> str:
        """Lines that rebuild the discriminator and its input; `normalize` is the reader's own."""
        kind = type(self.network).__name__
        names = "ExactConditional, ExactNetwork" if kind == "ExactConditional" else kind
        labels = f", torch.tensor({list(self.labels)})" if self.labels else ""
        return (
            f"import torch\nfrom gnref.exact import {names}\n"
            f"D = {self.network!r}.to_torch({self.dtype}, {self.device!r})\n"
            f"x = torch.tensor({[list(p) for p in self.points]}, dtype={self.dtype}, device={self.device!r})\n"
            f"print(normalize(D, x{labels}))"
        )


def judge(what: str, got: Any, expected: Any, bound: Any, snippet: str) -> float:
    """The largest |got - expected| as a share of `bound`; AssertionError with all of it where it is past 1 or NaN.

    A bound of 0 asks for equality.
    """
    got, expected, bound = (np.asarray(_as_numpy(value), dtype=np.float64) for value in (got, expected, bound))
    if got.shape != expected.shape:
        raise AssertionError(f"{what}: expected the shape {expected.shape}, got {got.shape}\n{snippet}")
    error = np.where(got == expected, 0.0, np.abs(got - expected))
    bound = np.broadcast_to(bound, error.shape)
    _note_allowed(expected, bound)
    wrong = ~(error <= bound)
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise AssertionError(
            f"{what}{list(place) or ''}: expected {float(expected[place])!r}, got {float(got[place])!r}, "
            f"which is off by {error[place]:.3g} where {bound[place]:.3g} is allowed\n{snippet}"
        )
    return float(np.max(np.divide(error, bound, out=np.zeros_like(error), where=bound > 0), initial=0.0))


@contextmanager
def noting_allowed() -> Iterator[list[float]]:
    """Collect ‖bound‖/‖expected‖ of every comparison inside: the allowed error as a share of what is judged."""
    noted: list[float] = []
    token = _ALLOWED.set(noted)
    try:
        yield noted
    finally:
        _ALLOWED.reset(token)


_ALLOWED: ContextVar[list[float] | None] = ContextVar("allowed", default=None)


def _note_allowed(expected: Array, bound: Array) -> None:
    noted, size = _ALLOWED.get(), float(np.linalg.norm(expected))
    if noted is not None and size > 0:
        noted.append(float(np.linalg.norm(bound)) / size)


def cotangents(count: int) -> Array:
    """∂L/∂f̂_i of a loss that weighs its samples unequally: small integers of both signs, none of them 0."""
    return np.resize(np.array([1.0, -2.0, 3.0, -1.0, 2.0]), count)


def parameter_gradients(normalize: Normalize, module: nn.Module, case: Case, weights: Array) -> list[Tensor]:
    """∇_θ Σ_i l_i f̂_i by one backward pass, zeros for a parameter that gets none."""
    scores = normalize(module, case.x(), *case.arguments())
    loss = (scores.flatten() * torch.tensor(weights, dtype=scores.dtype, device=scores.device)).sum()
    parameters = list(module.parameters())
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]


def _as_numpy(value: Any) -> Any:
    return value.detach().double().cpu().numpy() if isinstance(value, Tensor) else value
