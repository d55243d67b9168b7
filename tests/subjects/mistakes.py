"""Wrong implementations of f / (‖∇ₓf‖ + |f|), each with the law that must kill it, and right ones written differently.

`python tests/subjects/mistakes.py` prints which law kills which.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gnref import GradientNormalized, gradient_normalize
from gnref.laws import LAWS, Law
from gnref.normalization import literal

Subject = Callable[..., Tensor]
JUDGES = [law for law in LAWS if law.zeta == "abs" and law.level != "refuted" and any(law.fixed())]


@dataclass(frozen=True)
class Mistake:
    """A wrong implementation, the law that must kill it, and what is wrong."""

    normalize: Subject
    law: str
    wrong: str


def _f_and_v(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor, Tensor]:
    """D's scores in their own shape, and f (N,) and ∇ₓf (N, n), differentiable."""
    x = x if x.requires_grad else x.detach().requires_grad_()
    x = x.view_as(x)
    out = D(x, *args, **kwargs)
    (v,) = torch.autograd.grad(out.sum(), x, create_graph=True)
    return out, out.flatten(), v.flatten(1)


def _norm(v: Tensor) -> Tensor:
    return torch.linalg.vector_norm(v, dim=1)


def formula(compute: Callable[[Tensor, Tensor], Tensor]) -> Subject:
    """The implementation that is right up to its formula in f (N,) and v (N, n)."""

    def normalize(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        out, f, v = _f_and_v(D, x, *args, **kwargs)
        return compute(f, v).view_as(out)

    return normalize


def _mean_gradient(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    x = x if x.requires_grad else x.detach().requires_grad_()
    out = D(x, *args, **kwargs)
    (v,) = torch.autograd.grad(out.mean(), x, create_graph=True)
    return (out.flatten() / (_norm(v.flatten(1)) + out.flatten().abs())).view_as(out)


def _no_graph(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    x = x if x.requires_grad else x.detach().requires_grad_()
    out = D(x, *args, **kwargs)
    (v,) = torch.autograd.grad(out.sum(), x, retain_graph=True)
    return (out.flatten() / (_norm(v.flatten(1)) + out.flatten().abs())).view_as(out)


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
    out, f, v = _f_and_v(D, x, *args, **kwargs)
    lower = torch.float32 if f.dtype == torch.float64 else torch.bfloat16
    f, v = f.to(lower), v.to(lower)
    return (f / (_norm(v) + f.abs())).to(out.dtype).view_as(out)


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


MISTAKES: dict[str, Mistake] = {
    "mean for sum": Mistake(_mean_gradient, "value", "∇ of the batch's mean score is ∇f/N"),
    "one norm for the batch": Mistake(formula(lambda f, v: f / (v.norm() + f.abs())), "value", "‖·‖ over all samples"),
    "L1": Mistake(formula(lambda f, v: f / (v.abs().sum(1) + f.abs())), "value", "Σ|v|"),
    "L-infinity": Mistake(formula(lambda f, v: f / (v.abs().amax(1) + f.abs())), "value", "max |v|"),
    "RMS": Mistake(formula(lambda f, v: f / (_norm(v) / v.shape[1] ** 0.5 + f.abs())), "value", "√mean v²"),
    "squared norm": Mistake(formula(lambda f, v: f / ((v * v).sum(1) + f.abs())), "value", "no square root"),
    "no abs": Mistake(formula(lambda f, v: f / (_norm(v) + f)), "value", "g + f"),
    "abs on top": Mistake(formula(lambda f, v: f.abs() / (_norm(v) + f.abs())), "negation", "|f| / (g + |f|)"),
    "|f| dropped": Mistake(formula(lambda f, v: f / (_norm(v) + 1e-30)), "value", "f/g"),
    "GN_1 sold as GN": Mistake(formula(lambda f, v: f / (_norm(v) + 1)), "scaling", "ζ = 1"),
    "eps 1e-8": Mistake(formula(lambda f, v: f / (_norm(v) + f.abs() + 1e-8)), "value", "+ 1e-8 below"),
    "eps 1e-3": Mistake(formula(lambda f, v: f / (_norm(v) + f.abs() + 1e-3)), "value", "+ 1e-3 below"),
    "eps in the root": Mistake(
        formula(lambda f, v: f / (((v * v).sum(1) + 1e-8).sqrt() + f.abs())), "value", "√(g² + ε)"
    ),
    "max for sum": Mistake(formula(lambda f, v: f / torch.maximum(_norm(v), f.abs())), "value", "max(g, |f|)"),
    "hypot for sum": Mistake(formula(lambda f, v: f / torch.hypot(_norm(v), f)), "value", "√(g² + f²)"),
    "clamped norm": Mistake(formula(lambda f, v: f / (_norm(v).clamp_min(1) + f.abs())), "value", "max(g, 1)"),
    "one |f| for the batch": Mistake(
        formula(lambda f, v: f / (_norm(v) + f.abs().mean())), "batch-is-stack", "mean |f|"
    ),
    "norm detached": Mistake(formula(lambda f, v: f / (_norm(v).detach() + f.abs())), "scale-invariance", "∂g/∂θ = 0"),
    "|f| detached": Mistake(
        formula(lambda f, v: f / (_norm(v) + f.detach().abs())), "parameter-gradient", "∂|f|/∂θ = 0"
    ),
    "N detached": Mistake(formula(lambda f, v: f / (_norm(v) + f.abs()).detach()), "parameter-gradient", "∂N/∂θ = 0"),
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
        formula(lambda f, v: f.sign() * (f.abs() / (_norm(v) + f.abs()))),
        "image-parameter-gradient",
        "no gradient where f = 0",
    ),
    "assumes a mean loss": Mistake(_assumes_mean_loss, "generator-gradient", "one cotangent for all samples"),
}


def _two_branches(f: Tensor, v: Tensor) -> Tensor:
    g = _norm(v)
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
    g = _norm(v)
    t = f / torch.where(g == 0, torch.ones_like(g), g)
    return torch.where(g == 0, f.sign(), t / (1 + t.abs()))


def _scaled(f: Tensor, v: Tensor) -> Tensor:
    s = 2.0 ** torch.floor(torch.log2(torch.maximum(v.detach().abs().amax(1), f.detach().abs())))
    f, v = f / s, v / s[:, None]
    return f / (_norm(v) + f.abs())


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
    return (f / (_norm(v) + f.abs())).view_as(out)


def _selected(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    x = (x if x.requires_grad else x.detach().requires_grad_()).view_as(x)
    out = D(x, *args, **kwargs)
    ones = torch.eye(len(x), dtype=x.dtype, device=x.device)
    v = torch.stack([torch.autograd.grad(out.flatten(), x, row, create_graph=True)[0][i] for i, row in enumerate(ones)])
    f = out.flatten()
    return (f / (_norm(v.flatten(1)) + f.abs())).view_as(out)


def _odd(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return -literal(lambda *a, **k: -D(*a, **k), x, *args, **kwargs)


def _larger(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return literal(lambda *a, **k: 8 * D(*a, **k), x, *args, **kwargs)


def _in_double(f: Tensor, v: Tensor) -> Tensor:
    f, v, dtype = f.double(), v.double(), f.dtype
    return (f / (_norm(v) + f.abs())).to(dtype)


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
    "in reverse order": formula(lambda f, v: f / (f.abs() + _norm(v.flip(1)))),
    "torch.norm": formula(lambda f, v: f / (v.norm(p=2, dim=1) + f.abs())),
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


def broken_by_the_literal_formula() -> set[str]:
    """Laws of the edges of the number range, which f / (g + |f|) itself does not keep: they tell no mistake from it."""
    return {law.id for law in JUDGES if verdict(literal, law)}


def verdict(normalize: Subject, law: Law) -> str:
    """ "" where the law holds on all its fixed cases, "killed" where it is broken, or the name of another exception."""
    for case in law.examples():
        try:
            law(normalize, case)
        except AssertionError:
            return "killed"
        except Exception as other:
            return type(other).__name__
    return ""


def table() -> str:
    """Which law kills which mistake, as text."""
    lines, literal_breaks = [], broken_by_the_literal_formula()
    telling = [law for law in JUDGES if law.id not in literal_breaks]
    for name, mistake in MISTAKES.items():
        found = {law.id: verdict(mistake.normalize, law) for law in telling}
        killers = [law for law, came in found.items() if came == "killed"]
        others = [f"{law} ({came})" for law, came in found.items() if came not in ("", "killed")]
        killers.sort(key=lambda law: law != mistake.law)
        lines.append(f"{name:<24} {mistake.wrong:<38} {', '.join(killers + others)}")
    for name, normalize in RIGHT.items():
        broken = [law.id for law in JUDGES if law.level == "robustness" and verdict(normalize, law)]
        lines.append(f"{name:<24} {'right':<38} {'not robust: ' + ', '.join(broken) if broken else 'robust'}")
    return "\n".join(lines)


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(table())
