"""The styles of gradient normalization in public code, written anew from their description, and which laws each keeps.

`python tests/subjects/styles.py` writes the table, tests/subjects/styles.md, that the README shows; a test compares.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gnref import gradient_normalize
from gnref.conformance import Finding, Options, Subject
from gnref.normalization import literal

TABLE = Path(__file__).with_name("styles.md")


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


def marks_input(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The literal formula, with x marked in place."""
    x.requires_grad_()
    return literal(D, x, *args, **kwargs)


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


@dataclass(frozen=True)
class Style:
    """One way of writing it, under the heading of its column."""

    heading: str
    about: str
    normalize: Callable[..., Tensor]
    generator: Callable[..., Tensor] | None = None
    eps: float = 0.0

    def findings(self) -> list[Finding]:
        """What became of every law, in float64 where it is judged there; of a pair, of its generator form."""
        options = Options(("piecewise-linear-only",) if self.generator is not None else (), self.eps)
        subject = Subject(self.normalize, self.generator, options)
        checks = [check for check in subject.checks() if check.of_generator == (self.generator is not None)]
        first = {check.law.id: check for check in reversed(checks) if check.law.id not in _OF_THE_KIT}
        return [subject.judge(check, 2) for check in reversed(first.values())]


_OF_THE_KIT = ("plain-call", "declared-eps")

_plus_eps = formula(lambda f, v: v.norm(dim=-1) + f + 1e-8)

STYLES = (
    Style("gnref", "this package", gradient_normalize),
    Style("literal", "one forward pass, one gradient with its graph, one quotient", literal),
    Style("marks x", "the literal formula with `x.requires_grad_()` in place", marks_input),
    Style("two passes", "‖∇f‖ from a helper with a forward pass of its own", two_forwards),
    Style("loop", "one sample after another", loop),
    Style("vmap", "`torch.func.vmap(grad(...))`", functional),
    Style("+ ε", "ε = 1e-8 added below, not declared", _plus_eps),
    Style("+ ε, declared", "the same, judged with `--eps 1e-8`", _plus_eps, eps=1e-8),
    Style("√(·+ε)", "ε = 1e-8 under the root", formula(lambda f, v: (v.square().sum(-1) + 1e-8).sqrt() + f)),
    Style("clamped", "the denominator at least 1e-8", formula(lambda f, v: (v.norm(dim=-1) + f).clamp_min(1e-8))),
    Style("float32", "the quotient in float32 whatever the input, as under mixed precision", single),
    Style("detached", "the norm without `create_graph`", detached),
    Style("mean", "the gradient of the batch's mean score", batch_mean),
    Style("dim=1", "`norm(dim=1)` of a gradient that has not been flattened", channel_norm),
    Style("shortcut", "a loss-aware generator step in closed form, of a pair", literal, shortcut),
    Style("mean shortcut", "the same for the loss's mean alone", literal, mean_shortcut),
)


def dense_map(style: Style) -> str:
    """What two patches f = (x, -x) at x = 2 become: 2/3 and -2/3 each by itself, or what the sum's gradient makes."""

    def patches(x: Tensor) -> Tensor:
        return torch.stack([x, -x], dim=2)[:, None]  # (N, 1, 1, 2)

    try:
        got = style.normalize(patches, torch.tensor([[2.0]], dtype=torch.float64)).flatten().tolist()
    except (RuntimeError, ValueError):
        return "refused"
    return "right" if got == [2 / 3, -2 / 3] else "wrong"


def table() -> str:
    """Markdown: a row a law that some style breaks, a column a style."""
    found = {style: style.findings() for style in STYLES}
    laws = {f.law: f for findings in found.values() for f in findings}
    kept = [law for law in laws if all(_mark(findings, law) != "✗" for findings in found.values())]
    told = sorted((law for law in laws if law not in kept), key=lambda law: laws[law].level)
    rows = [[f"{law} ({laws[law].level})", *(_mark(findings, law) for findings in found.values())] for law in told]
    words = {"right": "✓", "wrong": "✗", "refused": "refused"}
    rows.append(["a map of patches", *("" if style.generator else words[dense_map(style)] for style in STYLES)])
    for level in ("required", "robustness"):
        counts = [sum(_mark(fs, law) == "✗" for law in laws if laws[law].level == level) for fs in found.values()]
        rows.append([f"**{level} laws broken**", *(str(count) for count in counts)])
    lines = ["| law | " + " | ".join(style.heading for style in STYLES) + " |", "|---|" + "---|" * len(STYLES)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    lines += ["", f"Kept by all: {', '.join(kept)}.", ""]
    lines += [f"- *{style.heading}*: {style.about}." for style in STYLES]
    return "\n".join(lines) + "\n"


def _mark(findings: list[Finding], law: str) -> str:
    outcomes = {f.outcome for f in findings if f.law == law}
    if outcomes & {"broken", "raised", "never returned"}:
        return "✗"
    return "✓" if "kept" in outcomes else ""


if __name__ == "__main__":
    torch.set_num_threads(1)
    TABLE.write_text(table(), encoding="utf-8")
