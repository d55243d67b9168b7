"""What f, ‖∇f‖, f̂ and ‖∇f̂‖ are on the samples: in float64, and in the dtype the discriminator is used in."""

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
    """‖∇f̂‖, by automatic differentiation of f̂."""


def numbers(subject: Subject, head: int = 0) -> Numbers:
    """f, ‖∇f‖, f̂ and ‖∇f̂‖ of every sample, computed in the subject's dtype. Its discriminator is in evaluation mode."""
    parts = []
    for start in range(0, len(subject.x), _BATCH):
        # Labels go by position.
        labels = () if subject.labels is None else (subject.labels[start : start + _BATCH],)
        x = subject.x[start : start + _BATCH].detach().requires_grad_()
        with torch.enable_grad():
            f = subject.heads(x, labels)[head]
            (v,) = torch.autograd.grad(f.sum(), x, create_graph=True)
            working = torch.promote_types(f.dtype, torch.float32)
            normalized, norm = normalize(f.to(working), v.flatten(1).to(working), "abs")
            (slope,) = torch.autograd.grad(normalized.sum(), x)
        parts.append(
            torch.stack([row.detach().double() for row in (f, norm, normalized, slope.flatten(1).norm(dim=1))])
        )
    return Numbers(*torch.cat(parts, dim=1))


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
