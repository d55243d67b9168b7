"""Whether a discriminator couples the samples of a batch, seen on the graph of a call, without a further forward pass.

f(xᵢ) is uncoupled where ∂f(xᵢ)/∂xⱼ = 0 for all j ≠ i. A pass back from every second score must then leave the rows of
the others exactly 0, and the rows of its own as the gradient of all scores has them. The replay needs no such look: it
accepts a graph only where every operation keeps the samples apart.
"""

import types
import warnings
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.autograd.graph import get_gradient_edge

from gnref import work
from gnref.admissible import check_modules, coupling_modules, parts_of
from gnref.operations import NotExact, check
from gnref.owners import module_of
from gnref.remedies import COUPLED, ONCE_DIFFERENTIABLE, SIGMOID

_MODES = 16
_CODES = 256
_VIEWS = {"ViewBackward", "SqueezeBackward", "UnsqueezeBackward", "ReshapeAliasBackward", "SelectBackward"}


class _ForwardAgain(Exception):
    """A module ran while gradients were computed: the backward pass runs a forward pass again (checkpointing)."""


@dataclass
class _Record:
    """What is known of one callable in one mode: how often it came, and whether more looks would tell nothing new."""

    calls: int = 0
    settled: bool = False
    seen: bool = False
    opened: bool = False
    pays: dict[Hashable, bool] = field(default_factory=dict)

    def due(self) -> bool:
        """Whether to look at this call: the first three, then at the fourth, the eighth and so on."""
        self.calls += 1
        return not self.settled and (self.calls <= 3 or self.calls & (self.calls - 1) == 0)


_objects: WeakKeyDictionary[Any, dict[Hashable, _Record]] = WeakKeyDictionary()
_codes: dict[Hashable, _Record] = {}


@dataclass
class Watch:
    """What is known of the callable of one call, and the look that may be due."""

    discriminator: Any
    records: list[_Record]
    trained: bool

    def refuse_coupled(self, run: Callable[[Any], Any], score: Tensor, inner: Tensor, gradient: Tensor) -> None:
        """Refuse scores f (N,) or (N, 1) of which one depends on another's sample, at the first calls of each callable.

        A callable is looked at until a look has seen live gradients of two samples or more, once for each combination
        of its modules' modes; one that is made anew for each call and names no module, at three calls and then at every
        power of two.

        No look is taken, so that a coupling goes unnoticed, where samples are dead (∇f = 0), in a batch of one, under a
        tracer or during a CUDA graph's capture, among several processes (they would have to decide together), and of a
        discriminator whose backward pass runs its forward pass again. There a module that is called a minibatch
        standard deviation or discrimination is refused by its name.

        Args:
            run: runs the discriminator or a copy of it on the input at hand.
            score: f, a function of `inner`.
            inner: D's input (N, ...).
            gradient: ∇ of Σf (N, ...).

        Raises:
            ValueError: names the operation and the module where they can be told.
        """
        if all(record.settled for record in self.records) or len(inner) < 2:
            return
        due = [record.due() for record in self.records]
        if not all(due):
            return
        if _blind(inner):
            _refuse_by_name(self.discriminator)
            return
        seed = torch.zeros_like(score)
        seed[::2] = 1
        try:
            rows = _pass(score, inner, seed)
        except _ForwardAgain:
            self.records[0].settled = True
            _refuse_by_name(self.discriminator)
            return
        own, others = rows[::2], rows[1::2]
        if not rows.isfinite().all():
            return
        if others.any() or _differ(own, gradient.detach()[::2]):
            raise ValueError(_sentence(self.discriminator, run, score, inner))
        self.records[0].settled = bool(own.any())

    def replay_pays(self, score: Tensor, inner: Tensor) -> bool:
        """`work.replay_pays`, counted once for each shape of a callable's input, trained and frozen."""
        known = self.records[0].pays
        case = inner.shape, self.trained
        if case not in known:
            if len(known) >= _MODES:
                known.clear()
            known[case] = work.replay_pays(score, inner)
        return known[case]

    def may_pay(self, inner: Tensor) -> bool:
        """Whether the replay may pay for such an input: False where it was counted, and does not."""
        return self.records[0].pays.get((inner.shape, self.trained), True)

    def refuse_underivable(self, score: Tensor, inner: Tensor) -> None:
        """Refuse, at the first call, a graph with an operation of which torch takes no second derivative."""
        record = self.records[0]
        if record.opened:
            return
        seen: set[Any] = {None, get_gradient_edge(inner).node}  # what made x may be anything
        stack: list[Any] = [score.grad_fn]
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            stack += [child for child, _ in node.next_functions]
            for kind, remedy in ONCE_DIFFERENTIABLE.items():
                if node.name().startswith(kind):
                    raise ValueError(
                        "gradient_normalize: expected operations that can be differentiated twice, but the "
                        f"discriminator has {node.name()}; {remedy}"
                    )
        record.opened = True

    def warn_of_a_sigmoid(self, head: Tensor) -> None:
        """Warn once of scores that are probabilities: with f̂ of them a GAN learns nothing."""
        record = self.records[-1]
        if record.seen:
            return
        record.seen = True
        node = head.grad_fn
        while node is not None and node.name().rstrip("0123456789") in _VIEWS:
            node = node.next_functions[0][0]
        if node is not None and node.name().startswith("SigmoidBackward"):
            warnings.warn(
                f"gradient_normalize: the discriminator ends in a sigmoid, whose scores GN cannot train; {SIGMOID}",
                stacklevel=2,
            )


def watch(discriminator: Any, admit: bool) -> Watch:
    """What is known of a callable in the present mode of its modules, where coupled samples are refused or admitted.

    Raises:
        ValueError: it is a discriminator, or a method of one, with batch normalization in training mode.
    """
    roots = list(_roots(discriminator, 2))
    parts = [part for root in roots for part in parts_of(root)]
    mode = tuple([part.training for part in parts])
    trained = not roots or any(p is not None and p.requires_grad for part in parts for p in part._parameters.values())
    key = _key(discriminator), mode, admit, *map(id, roots[1:])
    anew = not roots or "_is_replica" in vars(roots[0])  # DataParallel makes replicas for each call
    try:
        modes = _objects.setdefault(roots[0] if roots else discriminator, {})
    except TypeError:  # it has no weak references, or no hash
        modes, anew = {}, True
    record = modes.get(key)
    if record is None:
        if not admit:
            check_modules(discriminator)
        if len(modes) >= _MODES:
            modes.clear()
        record = modes[key] = _Record()
    if not anew:
        return Watch(discriminator, [record], trained)
    if len(_codes) >= _CODES:
        _codes.clear()
    return Watch(discriminator, [record, _codes.setdefault(key, _Record())], trained)


def _key(discriminator: Any) -> Hashable:
    """What tells callables of the same modules apart, and what those made anew for each call share."""
    if isinstance(discriminator, partial):
        return _key(discriminator.func)
    if isinstance(discriminator, types.MethodType):
        return discriminator.__func__
    return discriminator.__code__ if isinstance(discriminator, types.FunctionType) else id(type(discriminator))


def _roots(value: Any, depth: int) -> Iterator[nn.Module]:
    """The modules that a callable is, is a method of, or names in its body."""
    if isinstance(value, nn.Module):
        yield value
    elif depth and isinstance(value, partial):
        for part in (value.func, *value.args, *value.keywords.values()):
            yield from _roots(part, depth - 1)
    elif depth and isinstance(value, types.MethodType):
        yield from _roots(value.__self__, depth - 1)
    elif depth and isinstance(value, types.FunctionType):
        for cell in value.__closure__ or ():
            try:
                yield from _roots(cell.cell_contents, depth - 1)
            except ValueError:  # a name that has no value yet
                continue
        for name in value.__code__.co_names:
            yield from _roots(value.__globals__.get(name), depth - 1)


def _blind(inner: Tensor) -> bool:
    """Whether a number cannot or must not be looked at now."""
    if inner.is_meta:
        return True
    if torch.compiler.is_compiling() or torch.utils._python_dispatch._get_current_dispatch_mode() is not None:
        return True
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return True
    if inner.is_cuda and torch.cuda.is_current_stream_capturing():
        return True
    return torch.distributed.is_available() and torch.distributed.is_initialized() and _ranks() > 1


def _ranks() -> int:
    return torch.distributed.get_world_size()


def _pass(score: Tensor, inner: Tensor, seed: Tensor) -> Tensor:
    """The gradient of ⟨seed, f⟩ in D's input; given up before a module runs its forward pass again."""

    def stop(module: nn.Module, args: Any) -> None:
        if torch._C._current_graph_task_id() != -1:  # this thread is inside of a backward pass
            raise _ForwardAgain

    guard = nn.modules.module.register_module_forward_pre_hook(stop)
    try:
        (rows,) = torch.autograd.grad(score, inner, seed, retain_graph=True)
    finally:
        guard.remove()
    return rows


def _differ(own: Tensor, expected: Tensor) -> bool:
    """Whether they differ by more than 2^-6 of the larger: rounding leaves less in every dtype, a coupling more."""
    own, expected = own.float(), expected.float()
    return bool((own - expected).abs().max() > 2.0**-6 * torch.maximum(own.abs().max(), expected.abs().max()))


def _refuse_by_name(discriminator: Any) -> None:
    """Where nothing can be seen: refuse modules whose classes are known to couple samples."""
    found = [f"{name} ({kind})" for name, kind in coupling_modules(discriminator)]
    if found:
        raise ValueError(_refusal(", ".join(found)))


def _sentence(discriminator: Any, run: Callable[[Any], Any], score: Tensor, inner: Tensor) -> str:
    """The refusal, with the operation that mixes samples and its module, as far as they can be told."""
    suspects = [f"{name} ({kind})" for root in _roots(discriminator, 2) for name, kind in coupling_modules(root)]
    operation = _mixing(score, inner)
    owner = module_of(operation, discriminator, run) if operation and not suspects else None
    named = [*suspects, *filter(None, [f"{operation} in {owner}" if owner else operation])]
    return _refusal(" with ".join(named[:2]) or "the discriminator")


def _refusal(who: str) -> str:
    return (
        f"gradient_normalize: expected scores that depend on their own sample, but {who} couples the samples of a "
        f"batch; {COUPLED}"
    )


def _mixing(score: Tensor, inner: Tensor) -> str:
    """The operation nearest to x that mixes samples, by its name in the graph; "" where none is known to."""
    source = get_gradient_edge(inner).node
    carries: dict[Any, bool] = {source: True}
    stack: list[tuple[Any, bool]] = [(score.grad_fn, False)]
    while stack:
        node, done = stack.pop()
        if node is None or (node in carries and not done):
            continue
        children = [fn for fn, _ in node.next_functions]
        if not done:
            carries[node] = False
            stack += [(node, True), *((child, False) for child in children)]
            continue
        data = [i for i, child in enumerate(children) if child is not None and carries[child]]
        carries[node] = bool(data)
        if data:
            try:
                check(node, data, len(inner))
            except NotExact as reason:
                if "axis 0" in str(reason) or "couples" in str(reason):
                    return reason.operation
    return ""
