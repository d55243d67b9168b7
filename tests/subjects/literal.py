"""The literal formula, and what its right and wrong relatives are made of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gnref.normalization import literal

__all__ = ["Mistake", "Subject", "f_and_v", "formula", "literal", "norm"]

Subject = Callable[..., Tensor]


@dataclass(frozen=True)
class Mistake:
    """A wrong implementation, the law that must kill it, and what is wrong."""

    normalize: Subject
    law: str
    wrong: str


def f_and_v(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor, Tensor]:
    """D's scores in their own shape, and f (N,) and ∇ₓf (N, n), differentiable."""
    x = x if x.requires_grad else x.detach().requires_grad_()
    x = x.view_as(x)
    out = D(x, *args, **kwargs)
    (v,) = torch.autograd.grad(out.sum(), x, create_graph=True)
    return out, out.flatten(), v.flatten(1)


def norm(v: Tensor) -> Tensor:
    return torch.linalg.vector_norm(v, dim=1)


def formula(compute: Callable[[Tensor, Tensor], Tensor]) -> Subject:
    """The implementation that is right up to its formula in f (N,) and v (N, n)."""

    def normalize(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        out, f, v = f_and_v(D, x, *args, **kwargs)
        return compute(f, v).view_as(out)

    return normalize
