"""Operations without parameters on their linear piece: how an adjoint comes back, and how a point goes on.

Autograd knows the first, the operation's own backward pass, which is linear in the adjoint once the pattern is frozen;
its derivative is the second. That is right for every operation, and keeps what autograd keeps for it. The operations
that most discriminators consist of are written out, and keep less.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from gnref.activations import Held, blank, pieces, recorded
from gnref.operations import shape, stem


class LinearPart(Protocol):
    """The linear part of one operation on its x-dependent operands; `own` tensors may be overwritten."""

    fresh: bool
    """Whether results are new tensors, which nothing else refers to."""

    def back(self, deltas: Sequence[Tensor | None], own: bool) -> Sequence[Tensor]:
        """The operands' adjoints, of those of the outputs."""

    def onward(self, points: Sequence[Tensor], own: Sequence[bool]) -> Sequence[Tensor | None]:
        """The outputs, without what the operation adds, of points at the operands."""


def linear_part(node: Any, data: Sequence[int], held: Held | None) -> LinearPart:
    """That of a node's operation; `held` holds what it saved, where less of it will do."""
    name = stem(node)
    if held is not None and name in ("Relu", "LeakyRelu"):
        return _Rectifier(node, held)
    if name == "Add" and len(data) == 2 and node._saved_alpha == 1:
        sizes = {tuple(fn._input_metadata[output].shape) for fn, output in node.next_functions}
        return _Sum() if len(sizes) == 1 else _Recorded(node, data)
    return _Average(node) if name == "AvgPool2D" else _Recorded(node, data)


class _Rectifier:
    """ReLU and leaky ReLU: a factor for every entry, read from the sign that is kept of the result or the operand."""

    fresh = True

    def __init__(self, node: Any, held: Held) -> None:
        self._held = held
        self._slope = getattr(node, "_saved_negative_slope", 0.0)

    def back(self, deltas: Sequence[Tensor | None], own: bool) -> Sequence[Tensor]:
        return [self._times(delta, own) for delta in deltas if delta is not None]

    def onward(self, points: Sequence[Tensor], own: Sequence[bool]) -> Sequence[Tensor | None]:
        return [self._times(points[0], own[0])]

    def _times(self, values: Tensor, own: bool) -> Tensor:
        if recorded():
            return torch.where(self._held.sign(), values, values * self._slope)
        result = values if own else torch.empty_like(values)
        # Of the dtypes of a mask the one that is widened soonest.
        parts = (pieces(each) for each in (values, result, self._held.sign().view(torch.uint8)))
        for part, into, positive in zip(*parts, strict=True):
            if self._slope:
                torch.ops.aten.leaky_relu_backward.grad_input(part, positive, self._slope, False, grad_input=into)
            else:
                torch.mul(part, positive, out=into)
        return result


class _Sum:
    """Two terms of one shape."""

    fresh = True

    def back(self, deltas: Sequence[Tensor | None], own: bool) -> Sequence[Tensor]:
        return [delta for delta in deltas if delta is not None for _ in range(2)]

    def onward(self, points: Sequence[Tensor], own: Sequence[bool]) -> Sequence[Tensor | None]:
        first, second = points if own[0] or not own[1] else reversed(points)
        return [first.add_(second) if any(own) else first + second]


class _Average:
    """Average pooling of images."""

    fresh = True

    def __init__(self, node: Any) -> None:
        names = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
        self._geometry = [getattr(node, f"_saved_{name}") for name in names]
        self._size = shape(*node.next_functions[0])

    def back(self, deltas: Sequence[Tensor | None], own: bool) -> Sequence[Tensor]:
        pooling = torch.ops.aten.avg_pool2d_backward
        return [pooling(delta, blank(self._size, delta), *self._geometry) for delta in deltas if delta is not None]

    def onward(self, points: Sequence[Tensor], own: Sequence[bool]) -> Sequence[Tensor | None]:
        return [F.avg_pool2d(points[0], *self._geometry)]


class _Recorded:
    """Any other operation: its backward pass, recorded so that it can be differentiated."""

    fresh = False  # a view of what was given, perhaps

    def __init__(self, node: Any, data: Sequence[int]) -> None:
        self._node = node
        self._operands = {i: shape(*node.next_functions[i]) for i in data}
        self._given: Sequence[Tensor | None] = ()
        self._found: Sequence[Tensor] = ()

    def back(self, deltas: Sequence[Tensor | None], own: bool) -> Sequence[Tensor]:
        with torch.enable_grad():
            self._given = [None if delta is None else delta.detach().requires_grad_() for delta in deltas]
            found = self._node(*self._given)
            found = found if isinstance(found, tuple) else (found,)
            # Of an operand that was broadcast a node returns more than there is of it; the engine would sum that.
            self._found = [
                value if tuple(value.shape) == size else value.sum_to_size(size)
                for value, size in ((found[i], size) for i, size in self._operands.items())
            ]
        return [value.detach() for value in self._found]

    def onward(self, points: Sequence[Tensor], own: Sequence[bool]) -> Sequence[Tensor | None]:
        if not self._found:
            self.back([_zeros(meta) for meta in self._node._input_metadata], own=False)
        wanted = [given for given in self._given if given is not None]
        results = iter(torch.autograd.grad(self._found, wanted, list(points), allow_unused=True))
        outputs = [None if given is None else next(results) for given in self._given]
        self._given, self._found = (), ()
        return outputs


def _zeros(meta: Any) -> Tensor | None:
    """An adjoint to record with, where none has come back: of the shape and no memory."""
    if not meta.dtype.is_floating_point:
        return None
    return torch.zeros((), dtype=meta.dtype, device=meta.device).expand(tuple(meta.shape))
