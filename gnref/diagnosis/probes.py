"""Numeric probes of a function of the samples: is it piecewise linear, uncoupled, with a true gradient?"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def nonlinearity(function: Callable[..., Tensor], inputs: Sequence[Tensor], seed: int = 0) -> float:
    """‖H w‖ ‖x‖ / (‖v‖ ‖w‖), with v and H the gradient and the Hessian of ⟨c, function(inputs)⟩; c, w drawn at random.

    0 for a piecewise-linear function off its kinks, but for rounding; positive for almost every c and w otherwise.
    """
    generator = torch.Generator().manual_seed(seed)
    x = [value.detach().clone().requires_grad_() for value in inputs]
    with torch.enable_grad():
        # A clone, so that a function that works in place does not overwrite a leaf.
        out = function(*(value.clone() for value in x))
        v = _gradients((out * _drawn(out, generator)).sum(), x, create_graph=True)
        w = [_drawn(value, generator) for value in x]
        along = torch.stack([(a * b).sum() for a, b in zip(v, w, strict=True)]).sum()
        curved = _gradients(along, x) if along.requires_grad else [torch.zeros_like(value) for value in x]
    return _share(_norm(curved) * _norm(x), _norm(v) * _norm(w))


def coupling(function: Callable[..., Tensor], inputs: Sequence[Tensor], samples: int, seed: int = 0) -> float:
    """How much the first sample's part of function(inputs) depends on the other samples; 0 where it does not.

    The larger of two shares: of its derivative in the other samples, and of its change when they are exchanged for
    others. Samples stand along axis 0, k rows each; a function that moves them elsewhere gives inf.
    """
    generator = torch.Generator().manual_seed(seed)
    x = [value.detach().clone().requires_grad_() for value in inputs]
    with torch.enable_grad():
        out = function(*(value.clone() for value in x))
        if out.dim() == 0 or any(len(value) % samples for value in (out, *x)):
            return torch.inf
        own = out[: len(out) // samples]
        gradients = _gradients((own * _drawn(own, generator)).sum(), x)
    first = [value[: len(value) // samples] for value in gradients]
    others = [value[len(value) // samples :] for value in gradients]
    with torch.no_grad():
        halves = [value.tensor_split([len(value) // samples]) for value in x]
        exchanged = [torch.cat([kept, -mates.flip(0)]) for kept, mates in halves]
        change = function(*exchanged)[: len(own)] - own
    return max(_share(_norm(others), _norm([*first, *others])), _share(_norm([change]), _norm([own])))


def untrue_gradient(function: Callable[..., Tensor], inputs: Sequence[Tensor], seed: int = 0) -> float:
    """|⟨v, w⟩ - (F(x + h w) - F(x - h w)) / 2h| / (‖v‖ ‖w‖) for F = ⟨c, function⟩, h = 2^-22 ‖x‖ / ‖w‖.

    Far from 0 where automatic differentiation does not give the derivative of the values: detached terms, a
    straight-through estimator, a step. Of float64 values: rounding leaves about 1e-9, a kink between about 1e-6.
    """
    generator = torch.Generator().manual_seed(seed)
    x = [value.detach().clone().requires_grad_() for value in inputs]
    w = [_drawn(value, generator) for value in x]
    with torch.enable_grad():
        out = function(*(value.clone() for value in x))
        c = _drawn(out, generator)
        v = _gradients((out * c).sum(), x)
    with torch.no_grad():
        h = 2.0**-22 * _norm(x) / _norm(w)
        ahead, behind = (function(*(a + s * b for a, b in zip(x, w, strict=True))) for s in (h, -h))
        difference = float(((ahead - behind) * c).sum()) / (2 * h) if h else 0.0
        slope = sum(float((a * b).sum()) for a, b in zip(v, w, strict=True))
    return _share(abs(slope - difference), max(_norm(v) * _norm(w), abs(difference)))


def _drawn(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator, dtype=torch.float64).to(like)


def _gradients(scalar: Tensor, inputs: Sequence[Tensor], create_graph: bool = False) -> list[Tensor]:
    if not scalar.requires_grad:
        return [torch.zeros_like(value) for value in inputs]
    found = torch.autograd.grad(scalar, inputs, create_graph=create_graph, allow_unused=True, retain_graph=create_graph)
    return [torch.zeros_like(a) if b is None else b for a, b in zip(inputs, found, strict=True)]


def _norm(values: Sequence[Tensor]) -> float:
    return math.sqrt(sum(float(value.detach().square().sum()) for value in values))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
