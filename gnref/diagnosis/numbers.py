"""What f, ‖∇f‖, f̂ and ‖∇f̂‖ are on the samples: in float64, and in the dtype the discriminator is used in."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gnref.diagnosis.subject import Subject
from gnref.quotient import normalize

_BATCH = 16


@dataclass(frozen=True)
class Numbers:
    """Of one head, in evaluation mode, over N samples; every field (N,) in float64."""

    score: Tensor
    norm: Tensor
    normalized: Tensor
    slope: Tensor
    """‖∇f̂‖: (1 - |f̂|)² where f is known to be piecewise linear and ‖∇f‖ > 0, else by automatic differentiation."""


def numbers(subject: Subject, head: int = 0, piecewise_linear: bool = False) -> Numbers:
    """f, ‖∇f‖, f̂ and ‖∇f̂‖ of every sample, computed in the subject's dtype. Its discriminator is in evaluation mode.

    Where f is said to be piecewise linear, ‖∇f̂‖ follows from f̂ at no cost; else its gradient is taken, which costs as
    much again as all the rest.
    """
    parts = [subject.at(some) for some in torch.split(torch.arange(len(subject.x)), _BATCH)]
    found = [numbers_at(lambda x, part=part: part.heads(x)[head], part.x, piecewise_linear) for part in parts]  # type: ignore[misc]
    return Numbers(*(torch.cat(field) for field in zip(*(vars(part).values() for part in found), strict=True)))


def numbers_at(score: Callable[[Tensor], Tensor], x: Tensor, piecewise_linear: bool) -> Numbers:
    """The same of one score (N,) at points x (N, ...), in one batch."""
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        f = score(x)
        (v,) = torch.autograd.grad(f.sum(), x, create_graph=not piecewise_linear)
        working = torch.promote_types(f.dtype, torch.float32)
        normalized, norm = normalize(f.to(working), v.flatten(1).to(working), "abs")
        if piecewise_linear:
            slope = torch.where(norm > 0, (1 - normalized.abs()) ** 2, 0)
        else:
            slope = torch.autograd.grad(normalized.sum(), x)[0].flatten(1).norm(dim=1)
    return Numbers(*(row.detach().double() for row in (f, norm, normalized, slope)))


def slack(inputs: int, dtype: torch.dtype) -> float:
    """How far above 1 a computed ‖∇f̂‖ may be by rounding alone: (n/2 + 8) U over n inputs of one sample.

    Each entry κ vᵢ of ∇f̂ takes at most 6 roundings, the norm's squares, their pairwise sum and its root (n/2 + 2) as
    the crudest order of summation does; U is half the dtype's epsilon.
    """
    return (inputs / 2 + 8) * torch.finfo(dtype).eps / 2


def in_range(normalized: Tensor, factor: float) -> Tensor:
    """f̂ of the same function of pixels spread `factor` times as wide: t = f/‖∇f‖ grows by it, and f̂ = t / (1 + |t|)."""
    t = factor * normalized / (1 - normalized.abs()).clamp(min=torch.finfo(normalized.dtype).tiny)
    return t / (1 + t.abs())
