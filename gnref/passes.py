"""Two passes over a recorded graph: one down, for ∇ₓf and the adjoints δ, and one up, of the point z = αx + w."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Variable
from torch.autograd.graph import GradientEdge, get_gradient_edge

from gnref import bilinear, operations
from gnref.activations import Activations, Held, Need, held_by
from gnref.bilinear import Rule, mixed
from gnref.graph import as_recorded, reach, whatever_is_asked
from gnref.linear_parts import LinearPart, linear_part
from gnref.operations import Edge, NotExact


@dataclass(frozen=True)
class Step:
    """One operation between D's input and the result; or a convolution and the average pooling of it, as one."""

    node: Any
    """Whose result comes out."""
    taken: tuple[Edge, ...]
    """Where its x-dependent operands come from."""
    met: Any
    """The node that meets the parameters, where there are any."""
    parameters: tuple[Edge, ...]
    rule: Rule | None
    """Where the operation meets parameters, and for every convolution."""
    part: LinearPart | None
    """Where there is no rule; of a convolution and its pooling, the pooling's."""
    h: Held | None
    """What holds its operand, where nothing but a parameter's gradient reads that."""
    other: tuple[Held, Need] | None
    """What else it saved of which less will do."""


@dataclass(frozen=True)
class Path:
    """The operations between D's input and a result, each after those whose results it takes."""

    result: GradientEdge
    source: GradientEdge
    steps: tuple[Step, ...]
    known: bool
    """Whether every additive constant on the way is known."""

    @property
    def device(self) -> torch.device:
        """Where x is."""
        device: torch.device = self.source.node._input_metadata[self.source.output_nr].device
        return device

    def let_go(self) -> None:
        """Keep of what the operations without parameters saved no more than the two passes read."""
        for step in self.steps:
            if step.other is not None:
                step.other[0].let_go(step.other[1])


def read(result: GradientEdge, inner: Tensor) -> Path:
    """The path from D's input (N, ...) to the result.

    Raises:
        NotExact: an operation is not known to be piecewise linear in x and per sample, or there is no rule for the way
            in which it meets a parameter.
    """
    source = get_gradient_edge(inner)
    order, carries_x = reach(result.node, source.node)
    if not carries_x[result.node]:
        raise NotExact(result.node.name(), "does not depend on x")
    steps: list[Step] = []
    known = True
    for node in order:
        if carries_x[node] and node is not source.node:
            step = _step(node, carries_x, len(inner))
            data = [i for i, edge in enumerate(node.next_functions) if edge in step.taken]
            known &= step.rule.known if step.rule is not None else operations.adds_nothing(node, data)
            steps.append(step)
    return Path(result, source, tuple(_averaged(steps)), known)


def _step(node: Any, carries_x: Mapping[Any, bool], samples: int) -> Step:
    inputs = node.next_functions
    data = [i for i, (fn, _) in enumerate(inputs) if fn is not None and carries_x[fn]]
    parameters = [i for i, (fn, _) in enumerate(inputs) if fn is not None and not carries_x[fn]]
    operations.check(node, data, samples)
    met = bool(parameters) or operations.stem(node) == "Convolution"
    rule = bilinear.rule(node, data, parameters) if met else None
    h = held_by(node, rule.operand) if rule is not None and rule.operand is not None and rule.spare else None
    less = operations.needs(node)
    held = held_by(node, less[0]) if less is not None else None
    other = (held, less[1]) if held is not None and less is not None else None
    part = linear_part(node, data, held) if rule is None else None
    taken = tuple(inputs[i] for i in data)
    return Step(node, taken, node, tuple(inputs[i] for i in parameters), rule, part, h, other)


def _averaged(steps: list[Step]) -> list[Step]:
    """The steps, with every convolution whose result is averaged, and goes nowhere else, joined with its average."""
    uses = _uses(steps)
    makers = {(step.node, 0): step for step in steps if step.rule is not None}
    joined: dict[Any, Step] = {}
    for step in steps:
        maker = makers.get(step.taken[0])
        if maker is None or maker.rule is None or uses[step.taken[0]] > 1:
            continue
        rule = maker.rule.averaged(step.node) if maker.rule.averaged is not None else None
        if rule is not None:
            joined[maker.node] = replace(maker, node=step.node, rule=rule, part=step.part, other=step.other)
    gone = {step.node for step in joined.values()}
    return [joined.get(step.node, step) for step in steps if step.node not in gone]


def _uses(steps: Sequence[Step]) -> dict[Edge, int]:
    """How many operands each operation's output is."""
    found: dict[Edge, int] = {}
    for step in steps:
        for edge in step.taken:
            found[edge] = found.get(edge, 0) + 1
    return found


class Down:
    """The pass for the gradient in D's input, from the cotangent `seed` of the result: run once."""

    def __init__(self, path: Path, seed: Tensor, activations: Activations | None) -> None:
        self.adjoints: dict[int, Tensor] = {}
        """By the number of a step that meets parameters: the adjoint of its result."""
        self._path, self._activations = path, activations
        self._frees = path.known and activations is not None
        self._deltas: dict[Edge, Tensor] = {_edge(path.result): seed}
        self._mine: set[Edge] = set()  # made here, and wanted nowhere else

    def run(self) -> Tensor:
        """∇ₓf, in the shape of x; `adjoints` are then those of all layers that meet parameters."""
        seed = self._deltas[_edge(self._path.result)]
        return whatever_is_asked(self._run, seed.device)

    def _run(self) -> Tensor:
        with torch.no_grad(), as_recorded(self._path.device), _replaying(self._activations):
            for number in reversed(range(len(self._path.steps))):
                self._step(number, self._path.steps[number])
            return self._hooked(_edge(self._path.source))

    def _step(self, number: int, step: Step) -> None:
        outputs = [(step.node, output) for output in range(len(step.node._input_metadata))]
        mine = [edge in self._mine for edge in outputs]
        deltas = [self._hooked(edge) if edge in self._deltas else None for edge in outputs]
        if step.rule is None and step.part is not None:
            found, fresh = step.part.back(deltas, mine[0]), step.part.fresh
        elif step.rule is not None and deltas[0] is not None:
            if step.part is not None:
                self._show(step.met, step.part, deltas)
            if step.parameters:
                self.adjoints[number] = deltas[0]
            found, fresh = [step.rule.back(deltas[0], step.h.tensor if step.h is not None else None)], True
            if self._frees and step.h is not None:
                step.h.let_go("nothing")
        for edge, adjoint in zip(step.taken, found, strict=True):
            self._arrive(edge, adjoint, fresh and len(found) == 1)

    def _show(self, node: Any, pooling: LinearPart, deltas: Sequence[Tensor | None]) -> None:
        """The adjoint between a convolution and its average to the hooks that somebody may have on it."""
        (spread,) = pooling.back(deltas, own=False)
        self._deltas[node, 0] = spread
        if self._hooked((node, 0)) is not spread:
            raise RuntimeError(
                "gradient_normalize: a hook changes the gradient between a convolution and its average pooling, which "
                'the replay computes as one; pass method="double-backward"'
            )

    def _arrive(self, edge: Edge, delta: Tensor, made: bool) -> None:
        known = self._deltas.get(edge)
        if known is None:
            self._deltas[edge] = delta
        elif edge in self._mine:
            known.add_(delta)
        else:
            self._deltas[edge], made = known + delta, True
        if made:
            self._mine.add(edge)

    def _hooked(self, edge: Edge) -> Tensor:
        """What has arrived at a tensor of the graph, once the hooks that somebody may have on it have seen it."""
        # As torch.autograd.grad(place, place, [delta], retain_graph=True), less its looks at what it is given: half of
        # what a replay spends beside its passes would be those.
        place = (GradientEdge(*edge),)
        delta: Tensor
        (delta,) = Variable._execution_engine.run_backward(
            place, (self._deltas.pop(edge),), True, False, place, False, accumulate_grad=False
        )
        return delta


class Up:
    """The pass of z = αx + w through the path, or of w alone where not every constant is known: run once."""

    def __init__(self, path: Path, adjoints: dict[int, Tensor], alpha: Tensor, activations: Activations | None) -> None:
        self.gradients: dict[Edge, Tensor] = {}
        """Of the parameters, by their edges."""
        self._path, self._adjoints, self._alpha, self._activations = path, adjoints, alpha, activations
        self._points: dict[Edge, Tensor] = {}
        self._uses = _uses(path.steps)
        self._mine: set[Edge] = set()  # made here, and no view of anything

    def differentiate(self, x: Tensor, w: Tensor) -> None:
        """Fill `gradients`; each adjoint is let go of as soon as it has been used."""
        last = max(self._adjoints)
        self._points[_edge(self._path.source)] = mixed(self._alpha, x, w) if self._path.known else w
        with torch.no_grad(), as_recorded(self._path.device), _replaying(self._activations):
            for number, step in enumerate(self._path.steps[: last + 1]):
                self._pull(number, step)
                if number < last:
                    self._push(step)

    def restore(self, x: Tensor) -> Tensor:
        """The result's values, where α = 1 and w = 0, and every h put back on the way."""
        self._points[_edge(self._path.source)] = x
        return whatever_is_asked(self._restore, x.device)

    def _restore(self) -> Tensor:
        with torch.no_grad(), as_recorded(self._path.device), _replaying(self._activations):
            for step in self._path.steps:
                if step.h is not None and step.h.tensor is None:
                    step.h.put_back(self._points[step.taken[0]])
                    self._mine.discard(step.taken[0])
                self._push(step)
        return self._points[_edge(self._path.result)]

    def _pull(self, number: int, step: Step) -> None:
        delta = self._adjoints.pop(number, None)
        if delta is None or step.rule is None:
            return
        z, alpha = self._points[step.taken[0]], self._rows(delta.size(0))
        if not self._path.known and step.rule.operand is not None:
            z = mixed(alpha, getattr(step.met, step.rule.operand), z)
        for edge, gradient in zip(step.parameters, step.rule.pull(alpha, delta, z), strict=True):
            self.gradients[edge] = self.gradients[edge] + gradient if edge in self.gradients else gradient

    def _push(self, step: Step) -> None:
        points = [self._points[edge] for edge in step.taken]
        mine = [edge in self._mine and self._uses[edge] == 1 for edge in step.taken]
        for edge in step.taken:
            self._uses[edge] -= 1
            if not self._uses[edge]:
                self._points.pop(edge, None)
        if step.rule is None and step.part is not None:
            results, fresh = step.part.onward(points, mine), step.part.fresh
        elif step.rule is not None:
            pushed, fresh = step.rule.push(points[0]), True
            if self._path.known and step.rule.constant is not None:
                pushed.add_(step.rule.constant(self._rows(pushed.size(0))).to(pushed.dtype))
            results = [pushed]
        for output, result in enumerate(results):
            if result is not None:
                self._points[step.node, output] = result
                if fresh:
                    self._mine.add((step.node, output))

    def _rows(self, count: int) -> Tensor:
        """α for each of `count` rows, of which a sample may have several."""
        per_sample = count // max(self._alpha.size(0), 1)
        return self._alpha.repeat_interleave(per_sample) if per_sample > 1 else self._alpha


def _edge(of: GradientEdge) -> Edge:
    return of.node, of.output_nr


def _replaying(activations: Activations | None) -> AbstractContextManager[None]:
    return nullcontext() if activations is None else activations.replaying()
