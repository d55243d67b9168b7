"""Right implementations of f / (‖∇ₓf‖ + |f|), each written differently: no required law may harm one."""

from typing import Any

import torch
from subjects.literal import Subject, formula, literal, norm
from torch import Tensor

from gnref import GradientNormalized, gradient_normalize


def _two_branches(f: Tensor, v: Tensor) -> Tensor:
    g = norm(v)
    dead = g == 0
    safe_f, safe_g = torch.where(f == 0, torch.ones_like(f), f), torch.where(dead, torch.ones_like(g), g)
    ratio = f.abs() / safe_g
    small, large = (f / safe_g) / (1 + ratio), f.sign() / (1 + g / safe_f.abs())
    return torch.where(dead, large, torch.where(ratio < 1, small, large))


def _safe_root(f: Tensor, v: Tensor) -> Tensor:
    squared = torch.einsum("ni,ni->n", v, v)
    dead = squared == 0
    g = torch.where(dead, torch.zeros_like(squared), torch.where(dead, torch.ones_like(squared), squared).sqrt())
    return f * (1 / (g + f.abs()))


def _psi(f: Tensor, v: Tensor) -> Tensor:
    g = norm(v)
    t = f / torch.where(g == 0, torch.ones_like(g), g)
    return torch.where(g == 0, f.sign(), t / (1 + t.abs()))


def _scaled(f: Tensor, v: Tensor) -> Tensor:
    s = 2.0 ** torch.floor(torch.log2(torch.maximum(v.detach().abs().amax(1), f.detach().abs())))
    f, v = f / s, v / s[:, None]
    return f / (norm(v) + f.abs())


def _in_log_space(f: Tensor, v: Tensor) -> Tensor:
    """sign(f) σ(log|f| - log g), which is f/g where f = 0."""
    g, zero = norm(v), f == 0
    dead = g == 0
    ratio = torch.where(zero, torch.ones_like(f), f).abs().log() - torch.where(dead, torch.ones_like(g), g).log()
    large = torch.where(dead, f.sign(), f.sign() * torch.sigmoid(ratio))
    return torch.where(zero, f / torch.where(dead, torch.ones_like(g), g), large)


def _mean_times_n(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    x = (x if x.requires_grad else x.detach().requires_grad_()).view_as(x)
    out = D(x, *args, **kwargs)
    (v,) = torch.autograd.grad(out.mean(), x, create_graph=True)
    return out / (norm(len(x) * v.flatten(1)).view(out.shape) + out.abs())


def _all_axes(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    x = (x if x.requires_grad else x.detach().requires_grad_()).view_as(x)
    out = D(x, *args, **kwargs)
    (v,) = torch.autograd.grad(out, x, torch.ones_like(out), create_graph=True)
    return out / (torch.linalg.vector_norm(v, dim=tuple(range(1, v.dim()))).view(out.shape) + out.abs())


class _ClosedForm(torch.autograd.Function):
    """f/(g + |f|), its derivatives g/N² and -f/N² · v/g written out in operations that autograd differentiates."""

    @staticmethod
    def forward(ctx: Any, f: Tensor, v: Tensor) -> Tensor:
        ctx.save_for_backward(f, v)
        g = norm(v)
        return f / (g + f.abs())

    @staticmethod
    def backward(ctx: Any, weights: Tensor) -> tuple[Tensor, Tensor]:
        f, v = ctx.saved_tensors
        dead = v.detach().eq(0).all(1)
        g = norm(torch.where(dead[:, None], torch.ones_like(v), v))
        total = g + f.abs()
        alive = torch.where(dead, torch.zeros_like(weights), weights)
        return alive * g / total**2, (-alive * f / total**2 / g)[:, None] * v


def _one_by_one(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    def row(values: Any, i: int) -> Any:
        return values[i : i + 1]

    return torch.cat(
        [
            literal(D, x[i : i + 1], *(row(a, i) for a in args), **{k: row(a, i) for k, a in kwargs.items()})
            for i in range(len(x))
        ]
    )


def _functional(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    def score(one: Tensor, extra: tuple[Tensor, ...], named: dict[str, Tensor]) -> Tensor:
        return D(one[None], *(a[None] for a in extra), **{k: a[None] for k, a in named.items()}).sum()

    v = torch.func.vmap(torch.func.grad(score))(x, args, kwargs).flatten(1)
    out = D(x, *args, **kwargs)
    f = out.flatten()
    return (f / (norm(v) + f.abs())).view_as(out)


def _selected(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    x = (x if x.requires_grad else x.detach().requires_grad_()).view_as(x)
    out = D(x, *args, **kwargs)
    ones = torch.eye(len(x), dtype=x.dtype, device=x.device)
    v = torch.stack([torch.autograd.grad(out.flatten(), x, row, create_graph=True)[0][i] for i, row in enumerate(ones)])
    f = out.flatten()
    return (f / (norm(v.flatten(1)) + f.abs())).view_as(out)


def _odd(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return -literal(lambda *a, **k: -D(*a, **k), x, *args, **kwargs)


def _larger(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return literal(lambda *a, **k: 8 * D(*a, **k), x, *args, **kwargs)


def _in_double(f: Tensor, v: Tensor) -> Tensor:
    f, v, dtype = f.double(), v.double(), f.dtype
    return (f / (norm(v) + f.abs())).to(dtype)


RIGHT: dict[str, Subject] = {
    "literal": literal,
    "reference, double backward": lambda *a, **k: gradient_normalize(*a, method="double-backward", **k),
    "reference, auto": gradient_normalize,
    "module": lambda D, x, *a, **k: GradientNormalized(_Module(D))(x, *a, **k),
    "two branches": formula(_two_branches),
    "root of an einsum": formula(_safe_root),
    "t/(1 + |t|)": formula(_psi),
    "scaled by a power of two": formula(_scaled),
    "in double": formula(_in_double),
    "in reverse order": formula(lambda f, v: f / (f.abs() + norm(v.flip(1)))),
    "torch.norm": formula(lambda f, v: f / (v.norm(p=2, dim=1) + f.abs())),
    "in log space": formula(_in_log_space),
    "N times ∇mean": _mean_times_n,
    "all axes at once": _all_axes,
    "derivatives written out": formula(_ClosedForm.apply),
    "one by one": _one_by_one,
    "torch.func": _functional,
    "a row of ∇ at a time": _selected,
    "-f̂[-f]": _odd,
    "f̂[8f]": _larger,
}


class _Module(torch.nn.Module):
    def __init__(self, D: Any) -> None:
        super().__init__()
        self.D = D

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        return self.D(*args, **kwargs)
