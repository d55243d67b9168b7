"""The exact gradient of Σᵢ (αᵢ fᵢ + ⟨∇ₓfᵢ, wᵢ⟩) for a piecewise-linear discriminator, without double backward.

Where D is piecewise linear its activation pattern is locally constant, so ⟨∇ₓf, w⟩ is linear in every layer's tangent ḣ
(the derivative of the layer's input h along w), and the adjoint δ = ∂f/∂y of a layer's output y, which the pass that
computes ∇ₓf has already formed, serves both terms:

    dL/dW = Σᵢ δᵢ ⊗ (αᵢ hᵢ + ḣᵢ),   dL/db = Σᵢ αᵢ δᵢ   for every layer y = W h + b.

Four passes over D's matrix products (forward, ∇ₓf, tangent, weight gradients) instead of double backward's six. The
autograd graph of an ordinary forward pass is the record of what ran: `plan` reads it, keeps what the formula needs, and
refuses (`NotExact`) any graph with an operation that it does not know to be piecewise linear and per sample. The
tangent pass is the transpose of the pass for ∇ₓf, which autograd derives from it, masks and all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, Node, get_gradient_edge

from gnref import operations
from gnref.operations import Edge, Layer, NotExact
from gnref.owners import module_of
from gnref.remedies import DOUBLE_BACKWARD


@dataclass(frozen=True)
class Plan:
    """What a replay needs of one forward pass: scores (N,), D's input, the layers and the leaf parameters."""

    score: Tensor
    inner: Tensor
    layers: tuple[Layer, ...]
    leaves: tuple[Tensor, ...]

    def apply(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(f, ∇ₓf) as functions of x and of every parameter, for any loss of the two; shapes (N,) and x's.

        Their backward pass is the replay; with `create_graph=True` it is double backward on the same graph, so higher
        derivatives are right too.
        """
        recorded = self.record()
        if not self.leaves:
            # f and v meet x alone: nothing is left to do with their graphs.
            score, gradient = _Fixed.apply(self.score.detach(), recorded.gradient, x)  # type: ignore[no-untyped-call]
        else:
            held = (self.score, self.inner, recorded.gradient.detach())
            score, gradient = _Replay.apply(recorded, held, x, *self.leaves)  # type: ignore[no-untyped-call]
        return score, gradient

    def record(self) -> "_Recording":
        """The pass for ∇ₓf, with the adjoint of every layer kept; without layers to fill, nothing is."""
        tape, keep = _Tape(), bool(self.leaves)
        seed = torch.ones_like(self.score, requires_grad=keep)
        diversions = [layer.node.register_hook(partial(_divert, tape, layer)) for layer in self.layers if keep]
        try:
            (gradient,) = torch.autograd.grad(self.score, self.inner, seed, create_graph=keep, retain_graph=True)
        finally:
            for diversion in diversions:
                diversion.remove()
        return _Recording(tape, seed, gradient)


def plan(score: Tensor, inner: Tensor) -> Plan:
    """Read the graph that led from `inner` (D's input, (N, ...)) and the parameters to `score` (N,).

    Raises:
        NotExact: an operation is not known to be piecewise linear in x and per sample, or there is no rule for the way
            in which it meets a parameter.
    """
    if score.grad_fn is None:
        raise NotExact("a score", "that depends on nothing")
    samples = score.shape[0]
    source = get_gradient_edge(inner).node
    order, carries_x = _reach(score.grad_fn, source)
    if not carries_x[score.grad_fn]:
        raise NotExact(score.grad_fn.name(), "does not depend on x")
    layers = []
    for node in order:
        if node is source or not carries_x[node]:
            continue
        inputs = node.next_functions
        data = [i for i, (fn, _) in enumerate(inputs) if fn is not None and carries_x[fn]]
        parameters = [i for i, (fn, _) in enumerate(inputs) if fn is not None and not carries_x[fn]]
        operations.check(node, data, samples)
        if parameters or operations.stem(node) == "Convolution":
            layers.append(operations.layer(node, data, parameters))
    leaves, behind = _leaves([edge for layer in layers for edge in layer.parameters])
    for leaf in behind:
        # Its gradient arrives through a pass of its own, where the hook would run a first time.
        if leaf._backward_hooks:
            raise NotExact("a parameter", f"of shape {tuple(leaf.shape)} has a gradient hook")
    return Plan(score, inner, tuple(layers), leaves)


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


class _Tape:
    """What a tangent pass carries along: α (N,) in, the gradients of the layers' parameters out."""

    def __init__(self) -> None:
        self.alpha: Tensor | None = None
        self.totals: dict[Edge, Tensor] = {}


class _Recording(NamedTuple):
    """One pass for ∇ₓf, whose derivative in the seed is the tangent pass. Its graph holds the tape, not conversely."""

    tape: _Tape
    seed: Tensor
    gradient: Tensor

    def run(self, alpha: Tensor, w: Tensor) -> dict[Edge, Tensor]:
        """The gradients of the layers' parameters, once: each adjoint is let go of as soon as it has been used."""
        self.tape.alpha = alpha
        torch.autograd.grad(self.gradient, self.seed, w)
        return self.tape.totals


def _divert(tape: _Tape, layer: Layer, adjoints: tuple[Tensor | None, ...], delta: tuple[Tensor | None, ...]) -> Any:
    """A hook on the layer in the pass for ∇ₓf: lead h's adjoint through `_Adjoint`, where h's tangent will pass."""
    adjoint = adjoints[layer.source]
    if adjoint is None or delta[0] is None:
        return None
    known = adjoint if layer.push is None else adjoint.detach()
    diverted = _Adjoint.apply(tape, layer.parameters, layer.pull, layer.push, known, delta[0], *layer.saved)  # type: ignore[no-untyped-call]
    return (*adjoints[: layer.source], diverted, *adjoints[layer.source + 1 :])


class _Adjoint(torch.autograd.Function):
    """The adjoint of h as a function of the adjoint δ of y; its derivative is the tangent pass ḣ -> ẏ of one layer."""

    @staticmethod
    def forward(
        ctx: Any, tape: _Tape, parameters: Any, pull: Any, push: Any, adjoint: Tensor, delta: Tensor, *saved: Tensor
    ) -> Tensor:
        ctx.tape, ctx.parameters, ctx.pull, ctx.push = tape, parameters, pull, push
        ctx.save_for_backward(delta, *saved)
        return adjoint.view_as(adjoint)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, tangent: Tensor) -> tuple[Tensor | None, ...]:
        delta, *saved = ctx.saved_tensors
        tape: _Tape = ctx.tape
        if tape.alpha is not None and ctx.parameters:
            per_sample = len(delta) // max(len(tape.alpha), 1)
            alpha = tape.alpha.repeat_interleave(per_sample) if per_sample > 1 else tape.alpha
            gradients = ctx.pull(alpha.to(delta.dtype), delta, tangent, *saved)
            for edge, gradient in zip(ctx.parameters, gradients, strict=True):
                tape.totals[edge] = tape.totals[edge] + gradient if edge in tape.totals else gradient
        along = (tangent, None) if ctx.push is None else (None, ctx.push(tangent, *saved))
        return (None, None, None, None, *along, *(None for _ in saved))


class _Fixed(torch.autograd.Function):
    """(f, v) as functions of x alone, where v is locally constant."""

    @staticmethod
    def forward(ctx: Any, score: Tensor, gradient: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(gradient)
        return score, gradient.view_as(gradient)

    @staticmethod
    def backward(ctx: Any, alpha: Tensor, w: Tensor) -> tuple[None, None, Tensor]:
        (gradient,) = ctx.saved_tensors
        return None, None, operations.rows(alpha, gradient) * gradient


class _Replay(torch.autograd.Function):
    """(f, v) as functions of x and the leaf parameters; backward turns cotangents (α, w) into their gradients."""

    @staticmethod
    def forward(
        ctx: Any, recorded: _Recording, held: tuple[Tensor, Tensor, Tensor], x: Tensor, *leaves: Tensor
    ) -> tuple[Tensor, Tensor]:
        ctx.recorded, ctx.leaves = recorded, leaves
        # The graphs hang on these tensors and go with them once a backward pass has run.
        ctx.save_for_backward(*held)
        return held[0].detach(), held[2].view_as(held[2])

    @staticmethod
    def backward(ctx: Any, alpha: Tensor, w: Tensor) -> tuple[Tensor | None, ...]:
        score, inner, gradient = ctx.saved_tensors
        wanted = [ctx.needs_input_grad[2], *(True for _ in ctx.leaves)]
        if torch.is_grad_enabled():
            return (None, None, *_double_backward(score, inner, ctx.leaves, alpha, w, wanted))
        # A second backward pass through a retained graph records anew.
        recorded, ctx.recorded = ctx.recorded or plan(score, inner).record(), None
        found = _leaf_gradients(ctx.leaves, recorded.run(alpha, w))
        return (None, None, operations.rows(alpha, gradient) * gradient if wanted[0] else None, *found)


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


def _reach(root: Node, source: Node) -> tuple[list[Any], dict[Any, bool]]:
    """Every node below the root, children first, and whether it leads to the source."""
    order: list[Any] = []
    carries: dict[Any, bool] = {}
    stack: list[tuple[Any, bool]] = [(root, False)]
    while stack:
        node, done = stack.pop()
        if done:
            carries[node] = node is source or any(carries[fn] for fn, _ in node.next_functions if fn is not None)
            order.append(node)
        elif node not in carries:
            carries[node] = False
            stack.append((node, True))
            if node is not source:
                stack += [(fn, False) for fn, _ in node.next_functions if fn is not None and fn not in carries]
    return order, carries


def _leaves(edges: list[Edge]) -> tuple[tuple[Tensor, ...], list[Tensor]]:
    """The leaf parameters below the edges, and those of them that stand behind further operations."""
    found: dict[Tensor, bool] = {}
    for node, _ in edges:
        direct = hasattr(node, "variable")
        seen = {node}
        stack = [node]
        while stack:
            current = stack.pop()
            if hasattr(current, "variable"):
                found[current.variable] = found.get(current.variable, False) or not direct
            for fn, _ in current.next_functions:
                if fn is not None and fn not in seen:
                    seen.add(fn)
                    stack.append(fn)
    return tuple(found), [leaf for leaf, behind in found.items() if behind]
