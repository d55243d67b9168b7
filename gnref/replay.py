"""The exact gradient of Σᵢ (αᵢ fᵢ + ⟨∇ₓfᵢ, wᵢ⟩) for a piecewise-linear discriminator, without double backward.

Where D is piecewise linear its activation pattern is locally constant: D is a composition of affine maps, and so is
every layer's input h as a function of x. Send the one point z = αx + w through the frozen pattern, α times every
additive constant added where the constant was. What arrives at a layer y = W h + b is then z = αh + ḣ, with ḣ the
derivative of h along w, and the adjoint δ = ∂f/∂y, which the pass for ∇ₓf has already formed, serves both terms:

    dL/dW = Σᵢ δᵢ ⊗ zᵢ,   dL/db = Σᵢ αᵢ δᵢ.

Four passes over D's matrix products (forward, ∇ₓf, z, weight gradients) instead of double backward's six, and no h is
kept after the forward pass: of what autograd saved, the rest is signs and shapes. Where an additive constant is not
known (the 1 in `2 * x - 1`, which autograd does not save), ḣ alone is sent, h is kept, and each layer forms its z.

The autograd graph of an ordinary forward pass is the record of what ran: `plan` reads it, and refuses (`NotExact`) any
graph with an operation that it does not know to be piecewise linear and per sample. `passes` are the two over it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge

from gnref import passes
from gnref.activations import Activations, Held
from gnref.bilinear import rows
from gnref.graph import leaves_below, reach
from gnref.operations import Edge, NotExact
from gnref.owners import module_of
from gnref.passes import Path, Up
from gnref.remedies import DOUBLE_BACKWARD
from gnref.uncompiled import uncompiled


@dataclass(frozen=True)
class Plan:
    """What a replay needs of one forward pass: scores (N,), D's input, the way between, and the leaf parameters."""

    score: Tensor
    inner: Tensor
    path: Path
    leaves: tuple[Tensor, ...]
    activations: Activations | None

    def apply(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(f, ∇ₓf) as functions of x and of every parameter, for any loss of the two; shapes (N,) and x's.

        Their backward pass is the replay; with `create_graph=True` it is double backward on the same graph, so higher
        derivatives are right too. From here on the graph holds no more than the replay reads: who else differentiates
        through it (a loss of features, a second backward pass) has the rest recomputed.
        """
        if not self.leaves:
            # v is constant, and f a function of x alone: nothing more is asked of their graphs.
            (gradient,) = torch.autograd.grad(self.score.sum(), self.inner, retain_graph=True)
            score, gradient = _Fixed.apply(self.score.detach(), gradient, x)  # type: ignore[no-untyped-call]
            return score, gradient
        if self.activations is not None and self.path.known:
            self.path.let_go()
            self.activations.restore = partial(_restore, self.inner)
        recorded = self.record()
        held = self.score, self.inner, recorded.gradient
        score, gradient = _Replay.apply(recorded, held, x, *self.leaves)  # type: ignore[no-untyped-call]
        return score, gradient

    def record(self) -> "_Recording":
        """The pass for ∇ₓf, with the adjoint of every layer kept."""
        down = passes.Down(self.path, torch.ones_like(self.score), self.activations)
        return _Recording(self.path, down.run(), down.adjoints, self.activations)


def plan(score: Tensor, inner: Tensor, activations: Activations | None = None) -> Plan:
    """Read the graph that led from `inner` (D's input, (N, ...)) and the parameters to `score` (N,).

    `activations` were in force during that forward pass; without them nothing of it is let go.

    Raises:
        NotExact: an operation is not known to be piecewise linear in x and per sample, or there is no rule for the way
            in which it meets a parameter.
    """
    if score.grad_fn is None:
        raise NotExact("a score", "that depends on nothing")
    path = passes.read(get_gradient_edge(score), inner)
    leaves, behind = leaves_below([edge for step in path.steps for edge in step.parameters])
    for leaf in behind:
        # Its gradient arrives through a pass of its own, where the hook would run a first time.
        if leaf._backward_hooks:
            raise NotExact("a parameter", f"of shape {tuple(leaf.shape)} has a gradient hook")
    return Plan(score, inner, path, leaves, activations)


def explain(reason: NotExact, discriminator: Any, run: Callable[[Any], Any]) -> str:
    """The sentence for a person: which operation, in which module if one can be named, and what to do.

    `run(module)` runs a copy of the discriminator on the input at hand.
    """
    owner = module_of(reason.operation, discriminator, run)
    where = f" in {owner}" if owner else ""
    return (
        f'gradient_normalize: method="replay" is exact for piecewise-linear discriminators only, but {reason}{where}; '
        f"{DOUBLE_BACKWARD}"
    )


@dataclass
class _Recording:
    """One pass for ∇ₓf and what it left for the pass of z."""

    path: Path
    gradient: Tensor
    adjoints: dict[int, Tensor]
    activations: Activations | None

    def run(self, x: Tensor, alpha: Tensor, w: Tensor) -> dict[Edge, Tensor]:
        """The gradients of the layers' parameters, once."""
        up = Up(self.path, self.adjoints, alpha, self.activations)
        up.differentiate(x, w)
        return up.gradients


def _restore(inner: Tensor, activations: Activations, node: Any, wanted: Held) -> None:
    """Recompute the h of an operation, and of all below it: the point with α = 1 and w = 0 is h itself."""
    source = get_gradient_edge(inner).node
    _, carries_x = reach(node, source)
    (h,) = (GradientEdge(*edge) for edge in node.next_functions if edge[0] is not None and carries_x[edge[0]])
    if h.node is source:
        wanted.put_back(inner.detach())
        return
    up = Up(passes.read(h, inner), {}, inner.new_ones(len(inner)).detach(), activations)
    wanted.put_back(up.restore(inner.detach()))


class _Fixed(torch.autograd.Function):
    """(f, v) as functions of x alone, where v is locally constant."""

    @staticmethod
    def forward(ctx: Any, score: Tensor, gradient: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(gradient)
        return score, gradient.view_as(gradient)

    @staticmethod
    def backward(ctx: Any, alpha: Tensor, w: Tensor) -> tuple[None, None, Tensor]:
        (gradient,) = ctx.saved_tensors
        return None, None, rows(alpha, gradient) * gradient


class _Replay(torch.autograd.Function):
    """(f, v) as functions of x and the leaf parameters; backward turns cotangents (α, w) into their gradients."""

    @staticmethod
    def forward(
        ctx: Any, recorded: _Recording, held: tuple[Tensor, Tensor, Tensor], x: Tensor, *leaves: Tensor
    ) -> tuple[Tensor, Tensor]:
        ctx.recorded, ctx.activations, ctx.leaves = recorded, recorded.activations, leaves
        # The graphs hang on these tensors and go with them once a backward pass has run.
        ctx.save_for_backward(*held)
        return held[0].detach(), held[2].view_as(held[2])

    @staticmethod
    @uncompiled
    def backward(ctx: Any, alpha: Tensor, w: Tensor) -> tuple[Tensor | None, ...]:
        score, inner, gradient = ctx.saved_tensors
        wanted = [ctx.needs_input_grad[2], *(True for _ in ctx.leaves)]
        if torch.is_grad_enabled():
            return (None, None, *_double_backward(score, inner, ctx.leaves, alpha, w, wanted))
        # A second backward pass through a retained graph records anew.
        recorded, ctx.recorded = ctx.recorded or plan(score, inner, ctx.activations).record(), None
        found = _leaf_gradients(ctx.leaves, recorded.run(inner.detach(), alpha, w))
        return (None, None, rows(alpha, gradient) * gradient if wanted[0] else None, *found)


def _double_backward(
    score: Tensor, inner: Tensor, leaves: tuple[Tensor, ...], alpha: Tensor, w: Tensor, wanted: list[bool]
) -> list[Tensor | None]:
    """The same gradients, differentiable once more: for a penalty on f̂ or a gradient of its gradient."""
    (gradient,) = torch.autograd.grad(score.sum(), inner, create_graph=True)
    inputs = [t for t, want in zip([inner, *leaves], wanted, strict=True) if want]
    found = iter(torch.autograd.grad([score, gradient], inputs, [alpha, w], create_graph=True, allow_unused=True))
    return [next(found) if want else None for want in wanted]


def _leaf_gradients(leaves: tuple[Tensor, ...], totals: dict[Edge, Tensor]) -> list[Tensor | None]:
    """Carry the gradients of the tensors that layers saw (W/σ, Wᵀ, an embedding's rows) on to the leaf parameters."""
    gradients: dict[Tensor, Tensor | None] = {}
    behind = []
    for (node, index), total in totals.items():
        leaf = getattr(node, "variable", None)
        if leaf is None:
            behind.append((GradientEdge(node, index), total))
        else:
            known = gradients.get(leaf)
            gradients[leaf] = total if known is None else known + total
    if behind:
        outputs, cotangents = zip(*behind, strict=True)
        rest = torch.autograd.grad(outputs, leaves, cotangents, retain_graph=True, allow_unused=True)
        for leaf, value in zip(leaves, rest, strict=True):
            known = gradients.get(leaf)
            if value is not None:
                gradients[leaf] = value if known is None else known + value
    return [gradients.get(leaf) for leaf in leaves]
