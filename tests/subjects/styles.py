"""The styles of gradient normalization in public code, written anew from their description."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gnref.normalization import literal


def _leaf(x: Tensor) -> Tensor:
    return x if x.requires_grad else x.detach().requires_grad_()


def _per_sample(values: Tensor, like: Tensor) -> Tensor:
    """(N,) beside scores of any shape (N, ...)."""
    return values.view(-1, *[1] * (like.dim() - 1))


def formula(denominator: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """f over a denominator of |f| and ∇ₓf, both (N, ...), from one forward pass and one gradient with its graph."""

    def normalize(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        x = _leaf(x)
        f = D(x, *args, **kwargs)
        (v,) = torch.autograd.grad(f.sum(), x, create_graph=True)
        # As many dimensions as the scores, the inputs last, so that a norm over the last broadcasts beside them.
        v = v.flatten(1).view(len(x), *[1] * (f.dim() - 1), -1)
        return f / denominator(f.abs(), v)

    return normalize


def two_forwards(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """A helper that returns ‖∇f‖ from a forward pass of its own, beside the one for the score."""
    y = _leaf(x)
    (v,) = torch.autograd.grad(D(y, *args, **kwargs).sum(), y, create_graph=True)
    f = D(x, *args, **kwargs)
    return f / (_per_sample(v.flatten(1).norm(dim=1), f) + f.abs())


def detached(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The gradient without create_graph: the norm is a constant."""
    x = _leaf(x)
    f = D(x, *args, **kwargs)
    (v,) = torch.autograd.grad(f.sum(), x, retain_graph=True)
    return f / (_per_sample(v.flatten(1).norm(dim=1), f) + f.abs())


def batch_mean(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The gradient of the batch's mean score, as a loss is written: too small by N."""
    x = _leaf(x)
    f = D(x, *args, **kwargs)
    (v,) = torch.autograd.grad(f.mean(), x, create_graph=True)
    return f / (_per_sample(v.flatten(1).norm(dim=1), f) + f.abs())


def channel_norm(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """norm(dim=1) of a gradient that has not been flattened: of channels, then averaged over pixels."""
    x = _leaf(x)
    f = D(x, *args, **kwargs)
    (v,) = torch.autograd.grad(f.sum(), x, create_graph=True)
    return f / (_per_sample(v.norm(dim=1).reshape(len(x), -1).mean(1), f) + f.abs())


def loop(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """One sample after another."""

    def at(i: int, value: Any) -> Any:
        return value[i : i + 1]

    rows = [
        literal(D, at(i, x), *(at(i, a) for a in args), **{k: at(i, v) for k, v in kwargs.items()})
        for i in range(len(x))
    ]
    return torch.cat(rows)


def functional(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """torch.func: vmap of grad for ∇f, and a forward pass for f."""

    def score(one: Tensor, extra: tuple[Tensor, ...], named: dict[str, Tensor]) -> Tensor:
        found: Tensor = D(one[None], *(a[None] for a in extra), **{k: a[None] for k, a in named.items()}).sum()
        return found

    v = torch.func.vmap(torch.func.grad(score))(x, args, kwargs)
    f = D(x, *args, **kwargs)
    return f / (_per_sample(v.flatten(1).norm(dim=1), f) + f.abs())


def single(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The quotient in float32, as under mixed precision."""
    x = _leaf(x)
    f = D(x, *args, **kwargs)
    (v,) = torch.autograd.grad(f.sum(), x, create_graph=True)
    g = _per_sample(v.flatten(1).float().norm(dim=1), f)
    return (f.float() / (g + f.float().abs())).to(f.dtype)


def shortcut(D: Any, x: Tensor, loss: Any, *args: Any, **kwargs: Any) -> Tensor:
    """A generator step without double backward: ∂L/∂x = l (g/N²) ∇f, exact for piecewise-linear D and any loss."""
    inner = x.detach().requires_grad_()
    f = D(inner, *args, **kwargs)
    (v,) = torch.autograd.grad(f.sum(), inner)
    f, g = f.detach(), _per_sample(v.flatten(1).norm(dim=1), f)
    scores = (f / (g + f.abs())).requires_grad_()
    total = loss(scores)
    (weights,) = torch.autograd.grad(total, scores)
    slope = (weights * g / (g + f.abs()) ** 2).view(-1, *[1] * (x.dim() - 1)) * v
    moving: Tensor = ((x - x.detach()) * slope).sum()
    return total.detach() + moving


def mean_shortcut(D: Any, x: Tensor, loss: Any, *args: Any, **kwargs: Any) -> Tensor:
    """The same shortcut for -mean(f̂) alone, whatever the loss."""

    def mean(scores: Tensor) -> Tensor:
        return loss(scores).detach() + scores.mean() - scores.mean().detach()

    return shortcut(D, x, mean, *args, **kwargs)


def original(net_D: Any, x: Tensor, **kwargs: Any) -> Tensor:
    """The published function's shape: labels by name alone, x marked in place, one gradient with its graph."""
    x.requires_grad_(True)
    f = net_D(x, **kwargs)
    (v,) = torch.autograd.grad(f, [x], torch.ones_like(f), create_graph=True, retain_graph=True)
    return f / (_per_sample(torch.norm(torch.flatten(v, start_dim=1), p=2, dim=1), f) + torch.abs(f))


def without_labels(D: Any, x: Tensor) -> Tensor:
    """The literal formula, for a discriminator of x alone."""
    return literal(D, x)


def images_only(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """A norm over the dimensions of an image, (1, 2, 3)."""
    x = _leaf(x)
    f = D(x, *args, **kwargs)
    (v,) = torch.autograd.grad(f.sum(), x, create_graph=True)
    return f / (_per_sample(torch.linalg.vector_norm(v, dim=(1, 2, 3)), f) + f.abs())


class Wrapper(nn.Module):
    """A module around the discriminator."""

    def __init__(self, D: nn.Module) -> None:
        super().__init__()
        self.D = D

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return literal(self.D, x, *args, **kwargs)


def to_the_gpu(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """x moved to the GPU inside."""
    return literal(D, x.cuda(), *args, **kwargs)


def a_class_at_a_time(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """A gradient for each column of the scores (N, K), by itself."""
    x = _leaf(x)
    f = D(x, *args, **kwargs)
    columns = []
    for k in range(f.shape[1]):
        (v,) = torch.autograd.grad(f[:, k].sum(), x, create_graph=True)
        columns.append(f[:, k] / (torch.linalg.vector_norm(v.flatten(1), dim=1) + f[:, k].abs()))
    return torch.stack(columns, 1)


class _Shortcut(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scores: Tensor, slope: Tensor, loss: Any) -> Tensor:
        ctx.save_for_backward(scores, slope)
        ctx.loss = loss
        return scores.sum() * 0

    @staticmethod
    def backward(ctx: Any, weight: Tensor) -> tuple[Tensor, None, None, None]:
        scores, slope = ctx.saved_tensors
        with torch.enable_grad():
            leaf = scores.detach().requires_grad_()
            (weights,) = torch.autograd.grad(ctx.loss(leaf), leaf)
        return weight * weights.reshape(-1, *[1] * (slope.dim() - 1)) * slope, None, None, None


def shortcut_in_backward(D: Any, x: Tensor, loss: Any, *args: Any, **kwargs: Any) -> Tensor:
    """The closed form that calls its loss in the backward pass."""
    inner = x.detach().requires_grad_()
    f = D(inner, *args, **kwargs)
    (v,) = torch.autograd.grad(f.sum(), inner)
    f, g = f.detach(), _per_sample(v.flatten(1).norm(dim=1), f)
    slope = (g / (g + f.abs()) ** 2).view(-1, *[1] * (x.dim() - 1)) * v
    found: Tensor = _Shortcut.apply(x, f / (g + f.abs()), slope, loss)  # type: ignore[no-untyped-call]
    return found
