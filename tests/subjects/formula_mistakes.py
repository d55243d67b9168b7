"""Wrong formulas, wrong conduct: each with the law that must kill it."""

import random
from typing import Any

import torch
from subjects.literal import Mistake, f_and_v, formula, literal, norm
from torch import Tensor


def _mean_gradient(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    x = x if x.requires_grad else x.detach().requires_grad_()
    out = D(x, *args, **kwargs)
    (v,) = torch.autograd.grad(out.mean(), x, create_graph=True)
    return (out.flatten() / (norm(v.flatten(1)) + out.flatten().abs())).view_as(out)


def _no_graph(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    x = x if x.requires_grad else x.detach().requires_grad_()
    out = D(x, *args, **kwargs)
    (v,) = torch.autograd.grad(out.sum(), x, retain_graph=True)
    return (out.flatten() / (norm(v.flatten(1)) + out.flatten().abs())).view_as(out)


def _last_dimension(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    x = x if x.requires_grad else x.detach().requires_grad_()
    out = D(x, *args, **kwargs)
    (v,) = torch.autograd.grad(out.sum(), x, create_graph=True)
    return (
        out.flatten() / (v.norm(dim=-1).flatten(1).mean(1) if v.dim() > 2 else v.norm(dim=-1)).add(out.flatten().abs())
    ).view_as(out)


def _marks_x(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    x.requires_grad_()
    return literal(D, x, *args, **kwargs)


def _fills_grad(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    D(x, *args, **kwargs).sum().backward()
    return literal(D, x, *args, **kwargs)


def _changes_x(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    scores = literal(D, x, *args, **kwargs)
    with torch.no_grad():
        x.mul_(0.5)
    return scores


def _draws(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    torch.rand(1)
    return literal(D, x, *args, **kwargs)


def _reseeds(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    random.seed(0)
    return literal(D, x, *args, **kwargs)


def _freezes(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    D.eval()
    return literal(D, x, *args, **kwargs)


def _forwards_twice(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    D(x, *args, **kwargs)
    return literal(D, x, *args, **kwargs)


def _drops_label(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return literal(D, x, *[torch.zeros_like(a) if a.dtype == torch.int64 else a for a in args], **kwargs)


def _drops_keywords(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return literal(D, x, *args, **{name: torch.zeros_like(value) for name, value in kwargs.items()})


def _couples(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    scores = literal(D, x, *args, **kwargs)
    return scores - scores.mean() + scores.mean().detach() * 0


def _loses_x(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return literal(D, x.detach() + 0 * x, *args, **kwargs)


def _low_precision(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    out, f, v = f_and_v(D, x, *args, **kwargs)
    lower = torch.float32 if f.dtype == torch.float64 else torch.bfloat16
    f, v = f.to(lower), v.to(lower)
    return (f / (norm(v) + f.abs())).to(out.dtype).view_as(out)


class _MeanLoss(torch.autograd.Function):
    """A shortcut for the generator: the gradient of x as if every cotangent were the mean's."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        rows = gradient.flatten(1)
        return (rows.sign() * rows.abs().mean()).view_as(gradient)


def _assumes_mean_loss(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return literal(D, _MeanLoss.apply(x) if x.requires_grad else x, *args, **kwargs)


def _adds_dimension(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return literal(D, x, *args, **kwargs).reshape(-1, 1)


FORMULA_MISTAKES: dict[str, Mistake] = {
    "mean for sum": Mistake(_mean_gradient, "value", "∇ of the batch's mean score is ∇f/N"),
    "one norm for the batch": Mistake(formula(lambda f, v: f / (v.norm() + f.abs())), "value", "‖·‖ over all samples"),
    "L1": Mistake(formula(lambda f, v: f / (v.abs().sum(1) + f.abs())), "value", "Σ|v|"),
    "L-infinity": Mistake(formula(lambda f, v: f / (v.abs().amax(1) + f.abs())), "value", "max |v|"),
    "RMS": Mistake(formula(lambda f, v: f / (norm(v) / v.shape[1] ** 0.5 + f.abs())), "value", "√mean v²"),
    "squared norm": Mistake(formula(lambda f, v: f / ((v * v).sum(1) + f.abs())), "value", "no square root"),
    "no abs": Mistake(formula(lambda f, v: f / (norm(v) + f)), "value", "g + f"),
    "abs on top": Mistake(formula(lambda f, v: f.abs() / (norm(v) + f.abs())), "negation", "|f| / (g + |f|)"),
    "|f| dropped": Mistake(formula(lambda f, v: f / (norm(v) + 1e-30)), "value", "f/g"),
    "GN_1 sold as GN": Mistake(formula(lambda f, v: f / (norm(v) + 1)), "scaling", "ζ = 1"),
    "eps 1e-8": Mistake(formula(lambda f, v: f / (norm(v) + f.abs() + 1e-8)), "value", "+ 1e-8 below"),
    "eps 1e-3": Mistake(formula(lambda f, v: f / (norm(v) + f.abs() + 1e-3)), "value", "+ 1e-3 below"),
    "eps in the root": Mistake(
        formula(lambda f, v: f / (((v * v).sum(1) + 1e-8).sqrt() + f.abs())), "value", "√(g² + ε)"
    ),
    "max for sum": Mistake(formula(lambda f, v: f / torch.maximum(norm(v), f.abs())), "value", "max(g, |f|)"),
    "hypot for sum": Mistake(formula(lambda f, v: f / torch.hypot(norm(v), f)), "value", "√(g² + f²)"),
    "clamped norm": Mistake(formula(lambda f, v: f / (norm(v).clamp_min(1) + f.abs())), "value", "max(g, 1)"),
    "one |f| for the batch": Mistake(
        formula(lambda f, v: f / (norm(v) + f.abs().mean())), "batch-is-stack", "mean |f|"
    ),
    "norm detached": Mistake(formula(lambda f, v: f / (norm(v).detach() + f.abs())), "scale-invariance", "∂g/∂θ = 0"),
    "|f| detached": Mistake(
        formula(lambda f, v: f / (norm(v) + f.detach().abs())), "parameter-gradient", "∂|f|/∂θ = 0"
    ),
    "N detached": Mistake(formula(lambda f, v: f / (norm(v) + f.abs()).detach()), "parameter-gradient", "∂N/∂θ = 0"),
    "no graph": Mistake(_no_graph, "parameter-gradient", "create_graph forgotten"),
    "last dimension only": Mistake(_last_dimension, "any-rank", "a norm over one axis of x"),
    "keeps a dimension": Mistake(_adds_dimension, "any-rank", "(N, 1) where D gives (N,)"),
    "marks x": Mistake(_marks_x, "no-side-effects", "x.requires_grad_() in place"),
    "fills .grad": Mistake(_fills_grad, "no-side-effects", "backward() for ∇ₓf"),
    "changes x": Mistake(_changes_x, "no-side-effects", "x in place"),
    "draws a number": Mistake(_draws, "no-side-effects", "the random state moves"),
    "reseeds": Mistake(_reseeds, "no-side-effects", "random.seed"),
    "leaves training mode": Mistake(_freezes, "no-side-effects", "D.eval()"),
    "forwards twice": Mistake(_forwards_twice, "one-forward-pass", "buffers advance twice"),
    "drops the label": Mistake(_drops_label, "conditional-value", "every y is 0"),
    "drops keywords": Mistake(_drops_keywords, "keyword-arguments", "keyword arguments zeroed"),
    "couples the batch": Mistake(_couples, "batch-is-stack", "the batch's mean subtracted"),
    "loses x": Mistake(_loses_x, "generator-gradient", "no gradient reaches the generator"),
    "low precision inside": Mistake(_low_precision, "value", "half the digits"),
    "sign(f) |f|": Mistake(
        formula(lambda f, v: f.sign() * (f.abs() / (norm(v) + f.abs()))),
        "image-parameter-gradient",
        "no gradient where f = 0",
    ),
    "assumes a mean loss": Mistake(_assumes_mean_loss, "generator-gradient", "one cotangent for all samples"),
}
