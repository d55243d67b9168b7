"""How the laws are adapted to what a library declares about its gradient normalization."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gnref.conformance.options import CAPABILITIES, Capability, Options
from gnref.laws import Law, Normalize
from gnref.laws.law import Need

GeneratorForm = Callable[..., Tensor]
"""A loss-aware generator shortcut: `step(discriminator, x, loss, *args, **kwargs) -> loss(f̂)`, a scalar.

`loss` maps scores to a scalar; the scalar's gradient in x is asked for, its gradient in D's parameters is not.
"""


def reason_to_skip(options: Options, law: Law, dtype: torch.dtype) -> str:
    """Why the law is left out; empty where it is judged."""
    if "float32-only" in options.capability and dtype == torch.float64:
        return f"declared: {CAPABILITIES['float32-only']}"
    for name in options.capability:
        if law.needs & _LACKS.get(name, set()):
            return f"declared: {CAPABILITIES[name]}"
    return f"declared: eps = {options.eps:g}" if options.eps and "no epsilon" in law.needs else ""


_LACKS: dict[Capability, set[Need]] = {
    "no-conditional": {"arguments"},
    "one-sample": {"batch"},
    "generator-only": {"parameter gradient"},
    "values-only": {"parameter gradient", "input gradient"},
    "piecewise-linear-only": {"smooth discriminator"},
}


def adapt(normalize: Normalize, options: Options) -> Normalize:
    """The subject as the laws call it: on a whole batch, and with ε too small to be seen."""
    if "one-sample" in options.capability:
        normalize = _sample_by_sample(normalize)
    return _without_eps(normalize, options.eps) if options.eps else normalize


def _sample_by_sample(normalize: Normalize) -> Normalize:
    def whole(discriminator: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        def at(i: int, value: Any) -> Any:
            return value[i : i + 1] if isinstance(value, Tensor) else value

        rows = [
            normalize(
                discriminator, x[i : i + 1], *(at(i, a) for a in args), **{k: at(i, v) for k, v in kwargs.items()}
            )
            for i in range(len(x))
        ]
        return torch.cat(rows)

    return whole


def _without_eps(normalize: Normalize, eps: float) -> Normalize:
    """GN is homogeneous of degree 0: of 2^k f, with ε/2^k far below the rounding of f, it is GN without ε."""

    def scaled(discriminator: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        exponent = math.ceil(math.log2(eps)) - round(math.log2(torch.finfo(x.dtype).eps)) + 20
        return normalize(Scaled(discriminator, 2.0**exponent), x, *args, **kwargs)

    return scaled


class Scaled(nn.Module):
    """s·f for a power of two s, which rounds nothing."""

    def __init__(self, discriminator: Any, factor: float) -> None:
        super().__init__()
        self.discriminator, self.factor = discriminator, factor

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """s·f(x), in the shape of D's scores."""
        scores: Tensor = self.factor * self.discriminator(x, *args, **kwargs)
        return scores


def from_generator_form(step: GeneratorForm) -> Normalize:
    """A loss-aware generator shortcut as a `normalize` whose scores have their gradient in x, for the laws to judge.

    The backward pass with ∂L/∂f̂ = l runs the shortcut again with the loss Σ l_i f̂_i: what a correct one returns is
    right for every loss, however it weighs its samples.
    """

    def normalize(discriminator: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        scores: Tensor = _ByLoss.apply(x, step, discriminator, args, kwargs)  # type: ignore[no-untyped-call]
        return scores

    return normalize


class _ByLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, step: GeneratorForm, discriminator: Any, args: Any, kwargs: Any) -> Tensor:
        seen: list[Tensor] = []

        def loss(scores: Tensor) -> Tensor:
            seen.append(scores.detach().clone())
            return scores.sum()

        with torch.enable_grad():
            step(discriminator, x.detach().requires_grad_(), loss, *args, **kwargs)
        if not seen:
            raise TypeError("the generator form never called its loss: expected step(discriminator, x, loss, *args)")
        ctx.again = step, discriminator, x.detach(), args, kwargs
        return seen[0]

    @staticmethod
    def backward(ctx: Any, weights: Tensor) -> tuple[Tensor, None, None, None, None]:
        step, discriminator, x, args, kwargs = ctx.again
        with torch.enable_grad():
            x = x.clone().requires_grad_()
            total = step(discriminator, x, lambda scores: (weights * scores).sum(), *args, **kwargs)
            (gradient,) = torch.autograd.grad(total, x)
        return gradient, None, None, None, None
