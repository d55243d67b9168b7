"""A loss-aware generator shortcut, as the laws judge it: as a `normalize` whose scores have their gradient in x."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gnref.conformance.calling import as_function
from gnref.laws import Normalize

GeneratorForm = Callable[..., Tensor]
"""A loss-aware generator shortcut: `step(discriminator, x, loss, *args, **kwargs) -> loss(f̂)`, a scalar.

`loss` maps scores to a scalar; the scalar's gradient in x is asked for, its gradient in D's parameters is not. The loss
may be called at once, or in the scalar's backward pass.
"""


def from_generator_form(step: GeneratorForm) -> Normalize:
    """A loss-aware generator shortcut as a `normalize` whose scores have their gradient in x, for the laws to judge.

    The backward pass with ∂L/∂f̂ = l runs the shortcut again with the loss Σ l_i f̂_i: what a correct one returns is
    right for every loss, however it weighs its samples.
    """
    called = as_function(step, leading=3)

    def normalize(discriminator: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        scores: Tensor = _ByLoss.apply(x, called, discriminator, args, kwargs)  # type: ignore[no-untyped-call]
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
            leaf = x.detach().requires_grad_()
            total = step(discriminator, leaf, loss, *args, **kwargs)
            if not seen and isinstance(total, Tensor) and total.requires_grad:
                torch.autograd.grad(total, leaf, allow_unused=True)  # it meets its loss in backward
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
