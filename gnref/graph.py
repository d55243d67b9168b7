"""Ways through the graph that autograd recorded: what stands below a node, and how to call a node."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.autograd.graph import Node

from gnref.operations import Edge

T = TypeVar("T")


def reach(root: Node, source: Node) -> tuple[list[Any], dict[Any, bool]]:
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


class _Elsewhere(torch.autograd.Function):
    """A backward pass that does something else."""

    @staticmethod
    def forward(ctx: Any, place: Tensor, run: Callable[[], object]) -> Tensor:
        ctx.run = run
        return place.clone()

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor, None]:
        ctx.run()
        return cotangent, None


def whatever_is_asked(run: Callable[[], T], device: torch.device) -> T:
    """run(), which calls nodes of a graph, also inside a backward pass for some gradients only.

    There a node computes nothing but what that pass asks of it. In a backward pass of its own, for all gradients, it
    computes everything.
    """
    if torch._C._current_graph_task_id() == -1:
        return run()
    found: list[T] = []
    with torch.enable_grad():
        place = torch.zeros((), device=device, requires_grad=True)
        _Elsewhere.apply(place, lambda: found.append(run())).backward()  # type: ignore[no-untyped-call]
    return found[0]


def as_recorded(device: torch.device) -> AbstractContextManager[object]:
    """Autocast off: the passes of an operation are of the dtypes that it had, whatever the call stands in."""
    kind = device.type
    if not torch.amp.is_autocast_available(kind) or not torch.is_autocast_enabled(kind):
        return nullcontext()
    return torch.autocast(kind, enabled=False)


def leaves_below(edges: list[Edge]) -> tuple[tuple[Tensor, ...], list[Tensor]]:
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
