"""How much a discriminator computes, read off its graph before any gradient is taken; whether the replay pays."""

from collections.abc import Iterator
from math import prod
from typing import Any

from torch import Tensor
from torch.autograd.graph import get_gradient_edge

from gnref.operations import shape, stem

PAYS = {"cpu": 2**25, "cuda": 2**32}
"""From how many multiplications in a forward pass on the replay costs less than double backward, by kind of device.

The replay spares a third of the passes and spends Python on every layer. On a CPU the two meet at 18 to 55 million
multiplications, where double backward takes 4 to 15 ms (measured on 19 perceptrons, CNNs and ResNets of 32 pixels, of
which the rule chose the slower for two, at 1.1 times the other's time). No GPU has been measured: the number for them
supposes that they multiply a hundred times as fast. Other devices are taken to be like CPUs.
"""

_ENTRY = 16
"""An entry of a feature map is written, read and masked: as much time as so many multiplications."""


def replay_pays(score: Tensor, inner: Tensor) -> bool:
    """Whether the graph from D's input to the scores f multiplies enough for the replay to cost less.

    The count depends on shapes alone, so that a run takes the same way each time. Without a parameter to train the
    replay keeps nothing of the layers, and pays always.
    """
    enough = PAYS.get(score.device.type, PAYS["cpu"])
    work, trained = 0, False
    for node in _nodes(score, get_gradient_edge(inner).node):
        if hasattr(node, "variable"):
            trained = True
            continue
        work += _multiplications(node)
        if work >= enough:
            return True
    return not trained


def multiplications(score: Tensor) -> int:
    """How many a forward pass takes, by the graph of its scores; an entry of a feature map counts as sixteen."""
    return sum(_multiplications(node) for node in _nodes(score) if not hasattr(node, "variable"))


def _nodes(score: Tensor, source: Any = None) -> Iterator[Any]:
    """The nodes of the graph of `score`, but for `source`."""
    seen: set[Any] = {None, source}
    stack: list[Any] = [score.grad_fn]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            yield node
            stack += [child for child, _ in node.next_functions]


def _multiplications(node: Any) -> int:
    """Those of one operation: out entries times the length of the sums that make them."""
    entries = prod(shape(node))
    name = stem(node)
    if name == "Convolution":
        weight = node.next_functions[1]
        kernel = shape(*weight) if weight[0] is not None else node._saved_weight.shape
        return entries * (prod(kernel) // max(kernel[0], 1) + _ENTRY)
    if name in ("Addmm", "Mm", "Bmm", "Baddbmm"):
        left, right = node.next_functions[-2:]
        inner = shape(*left)[-1] if left[0] is not None else shape(*right)[-2]
        return entries * (inner + _ENTRY)
    return entries * _ENTRY
