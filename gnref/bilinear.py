"""Operations that meet parameters: y = op(h, parameters), linear in h and in the parameters up to an additive constant.

With δ = ∂f/∂y and z = αh + ḣ, where ḣ is the derivative of h along w, the gradient of Σᵢ (αᵢ fᵢ + ⟨∇ₓfᵢ, wᵢ⟩) in the
parameters is the ordinary one at z: δ ⊗ z for a weight, αδ for a bias. Each rule says that gradient (`pull`), the
linear part of the operation at z (`push`), its transpose (`back`), and what it adds (`constant`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gnref.activations import blank, held_by
from gnref.operations import Edge, NotExact, shape, stem
from gnref.shifts import mean_of_shifts, mean_of_shifts_transposed


@dataclass(frozen=True)
class Rule:
    """What is done at one operation. α (rows,) stands for the samples' αᵢ, one for each row of y."""

    pull: Callable[[Tensor, Tensor, Tensor], Sequence[Tensor]]
    """(α, δ, z) -> the gradients of the parameters."""
    push: Callable[[Tensor], Tensor]
    """z -> the linear part of y at z, a new tensor."""
    back: Callable[[Tensor, Tensor | None], Tensor]
    """(δ, h) -> the adjoint of h, the transpose of `push`; a new tensor. Of h, if it is there, the layout is read."""
    constant: Callable[[Tensor], Tensor] | None = None
    """α -> α times what the operation adds, to be broadcast to y; None where it adds nothing."""
    known: bool = True
    """Whether `constant` is all that it adds; otherwise z cannot be sent through the operation, only ḣ."""
    operand: str | None = None
    """The node's field that holds h, where a parameter's gradient depends on h."""
    spare: bool = True
    """Whether nothing but that gradient reads the values of h."""
    averaged: Callable[[Any], "Rule | None"] | None = None
    """The rule of this operation followed by the average pooling of a node, as one; None where they are not one."""


def rule(node: Any, data: list[int], parameters: list[int]) -> Rule:
    """The rule of an operation on h, its operand data[0], that meets parameters at the operands `parameters`.

    Raises:
        NotExact: there is none.
    """
    make = RULES.get(stem(node))
    if make is None or len(data) != 1:
        raise NotExact(node.name(), "meets a parameter, and there is no rule for that")
    return make(node, data[0], parameters)


def rows(alpha: Tensor, like: Tensor) -> Tensor:
    """α (rows,) shaped to multiply a tensor (rows, ...)."""
    return alpha.to(like.dtype).view(-1, *[1] * (like.dim() - 1))


def mixed(alpha: Tensor, h: Tensor, tangent: Tensor) -> Tensor:
    """α h + ḣ."""
    return torch.addcmul(tangent, rows(alpha, h), h)


class _Saved:
    """A tensor that a node saved, read once: whoever holds it may have to compute it."""

    def __init__(self, node: Any, field: str) -> None:
        held = held_by(node, field)
        # What autograd gives out has a version of its own where hooks have stood between.
        self._tensor: Tensor = held.tensor if held is not None and held.tensor is not None else getattr(node, field)
        self._version = self._tensor._version
        self.strides = self._tensor.stride()

    def __call__(self) -> Tensor:
        """The tensor; RuntimeError where it has changed since the forward pass."""
        _check(self._tensor, self._version)
        return self._tensor


def _check(tensor: Tensor, version: int) -> None:
    if tensor._version != version:
        raise RuntimeError(
            "one of the variables needed for gradient computation has been modified by an inplace operation: "
            f"a tensor of shape {tuple(tensor.shape)} is at version {tensor._version}, expected version {version}"
        )


class _Parameter:
    """The value of a parameter at a graph's edge, or of what simple operations made of it."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._versions = {leaf: leaf._version for leaf in self._read(edge)[1]}
        self.known = self._read(edge)[0] is not None

    def __call__(self) -> Tensor:
        """The value; RuntimeError where the parameter has changed since the forward pass."""
        for leaf, version in self._versions.items():
            _check(leaf, version)
        value, _ = self._read(self._edge)
        if value is None:
            raise RuntimeError("a parameter's value was asked for that the graph does not tell")
        return value

    def _read(self, edge: Edge) -> tuple[Tensor | None, list[Tensor]]:
        node, _ = edge
        leaf: Tensor | None = getattr(node, "variable", None)
        if node is None or leaf is not None:
            return (None, []) if leaf is None else (leaf.detach(), [leaf])
        name = stem(node)
        by_a_number = name == "Mul" and all(fn is None for fn, _ in node.next_functions[1:])
        if not by_a_number and name not in ("ToCopy", "View", "UnsafeView", "ReshapeAlias", "Clone"):
            return None, []
        value, leaves = self._read(node.next_functions[0])
        if value is None:
            return None, []
        value = value * node._saved_other if by_a_number else value.to(node._input_metadata[0].dtype)
        return value.reshape(shape(node)), leaves


def _per_channel(alpha: Tensor, value: Tensor, like: tuple[int, ...]) -> Tensor:
    """α ⊗ value as (rows, channels, 1, ...), of as many axes as `like`."""
    return (alpha[:, None] * value).view(len(alpha), len(value), *[1] * (len(like) - 2))


def _convolution(node: Any, data: int, parameters: list[int]) -> Rule:
    if data != 0:
        raise NotExact(node.name(), "has a weight that depends on x")
    names = ("stride", "padding", "dilation", "transposed", "output_padding", "groups")
    geometry = [getattr(node, f"_saved_{name}") for name in names]
    biased = node._saved_bias_sym_sizes_opt not in (None, (), (0,))
    bias = _Parameter(node.next_functions[2]) if biased else None
    weight = _Saved(node, "_saved_weight")
    single = [len(each) == 2 and all(n == 1 for n in each) for each in (geometry[0], geometry[2])]

    def averaged(pooling: Any) -> Rule | None:
        """The mean of four neighbours of W ∗ h is one convolution of stride 2, by the mean of W's four shifts."""
        if stem(pooling) != "AvgPool2D" or geometry[3] or not all(single):
            return None
        size, stride, padding = (
            set(getattr(pooling, f"_saved_{name}")) for name in ("kernel_size", "stride", "padding")
        )
        if (
            size != {2}
            or stride - {2}
            or padding != {0}
            or pooling._saved_ceil_mode
            or pooling._saved_divisor_override is not None
        ):
            return None
        half = [(2, 2), *geometry[1:]]
        grown = *weight().shape[:2], *(n + 1 for n in weight().shape[2:])
        return _convolving(
            node,
            parameters,
            lambda: mean_of_shifts(weight()),
            lambda: blank(grown, weight()),
            mean_of_shifts_transposed,
            bias,
            half,
            None,
        )

    return _convolving(node, parameters, weight, weight, lambda gradient: gradient, bias, geometry, averaged)


def _convolving(
    node: Any,
    parameters: list[int],
    kernel: Callable[[], Tensor],
    like: Callable[[], Tensor],
    of_weight: Callable[[Tensor], Tensor],
    bias: _Parameter | None,
    geometry: list[Any],
    averaged: Callable[[Any], Rule | None] | None,
) -> Rule:
    """The rule of h ↦ kernel ∗ h + b; `of_weight` carries a gradient in the kernel on to the weight it is made of.

    `like` has the kernel's shape and layout, and perhaps no values.
    """
    size = shape(*node.next_functions[0])

    def pull(alpha: Tensor, delta: Tensor, z: Tensor) -> list[Tensor]:
        found = []
        if 1 in parameters:
            mask = [False, True, False]
            found += [of_weight(torch.ops.aten.convolution_backward(delta, z, like(), None, *geometry, mask)[1])]
        if 2 in parameters:
            found += [alpha.to(delta.dtype) @ delta.flatten(2).sum(2)]
        return found

    def push(z: Tensor) -> Tensor:
        result: Tensor = torch.ops.aten.convolution(z, kernel(), None, *geometry)
        return result

    def back(delta: Tensor, h: Tensor | None) -> Tensor:
        mask, operand = [True, False, False], blank(size, delta) if h is None else h
        result: Tensor = torch.ops.aten.convolution_backward(delta, operand, kernel(), None, *geometry, mask)[0]
        return result

    return Rule(
        pull,
        push,
        back,
        None if bias is None else lambda alpha: _per_channel(alpha, bias(), shape(node)),
        known=bias is None or bias.known,
        operand="_saved_input" if 1 in parameters else None,
        averaged=averaged,
    )


def _matrix(node: Any, data: int, parameters: list[int]) -> Rule:
    """Mm, Addmm: (bias +) h @ P, and Bmm with h on either side."""
    biased = stem(node) == "Addmm"
    if biased and (node._saved_alpha != 1 or node._saved_beta != 1):
        raise NotExact(node.name(), "is scaled, and there is no rule for that")
    size = shape(*node.next_functions[0]) if biased and 0 in parameters else None
    bias = _Parameter(node.next_functions[0]) if biased else None
    left = data == int(biased)
    weighted = any(i != 0 or not biased for i in parameters)
    h, other = ("_saved_mat1", "_saved_mat2") if biased else ("_saved_self", "_saved_mat2")
    h, other = (h, other) if left else (other, h)
    matrix = _Saved(node, other)

    def pull(alpha: Tensor, delta: Tensor, z: Tensor) -> list[Tensor]:
        found = [] if size is None else [(rows(alpha, delta) * delta).sum_to_size(size)]
        if weighted:
            # In the order in which the matrix lies in memory: a linear layer's is the transpose of its weight.
            transposed = matrix.strides[-2] == 1
            if left:
                found += [(delta.mT @ z).mT if transposed else z.mT @ delta]
            else:
                found += [(z @ delta.mT).mT if transposed else delta @ z.mT]
        return found

    def push(z: Tensor) -> Tensor:
        return z @ matrix() if left else matrix() @ z

    def back(delta: Tensor, h: Tensor | None) -> Tensor:
        return delta @ matrix().mT if left else matrix().mT @ delta

    return Rule(
        pull,
        push,
        back,
        None if bias is None else lambda alpha: alpha[:, None] * bias(),
        known=bias is None or bias.known,
        operand=h if weighted else None,
    )


def _product(node: Any, data: int, parameters: list[int]) -> Rule:
    """Mul and Div by a parameter that broadcasts."""
    size = shape(*node.next_functions[parameters[0]])
    h, other = ("_saved_self", "_saved_other") if data == 0 else ("_saved_other", "_saved_self")
    divides, operand = stem(node) == "Div", shape(*node.next_functions[data])
    factor = _Saved(node, other)

    def pull(alpha: Tensor, delta: Tensor, z: Tensor) -> list[Tensor]:
        if not divides:
            return [(delta * z).sum_to_size(size)]
        return [(-delta * z / factor() / factor()).sum_to_size(size)]

    def push(z: Tensor) -> Tensor:
        return z / factor() if divides else z * factor()

    def back(delta: Tensor, h: Tensor | None) -> Tensor:
        return push(delta).sum_to_size(operand)

    return Rule(pull, push, back, operand=h)


def _sum(node: Any, data: int, parameters: list[int]) -> Rule:
    """Add, Sub, Rsub: a parameter added to x-dependent terms."""
    size, out = shape(*node.next_functions[parameters[0]]), shape(node)
    value, operand = _Parameter(node.next_functions[parameters[0]]), shape(*node.next_functions[data])
    scales = {"Add": (1, node._saved_alpha), "Sub": (1, -node._saved_alpha), "Rsub": (-node._saved_alpha, 1)}[
        stem(node)
    ]

    def pull(alpha: Tensor, delta: Tensor, z: Tensor) -> list[Tensor]:
        return [(rows(alpha, delta) * delta).sum_to_size(size) * scales[parameters[0]]]

    def push(z: Tensor) -> Tensor:
        scaled: Tensor = z * scales[data]
        return scaled if tuple(scaled.shape) == out else scaled.expand(out).clone()

    def constant(alpha: Tensor) -> Tensor:
        scaled: Tensor = value() * scales[parameters[0]]
        return alpha.view(-1, *[1] * (len(out) - 1)) * scaled

    def back(delta: Tensor, h: Tensor | None) -> Tensor:
        scaled: Tensor = delta * scales[data]
        return scaled.sum_to_size(operand)

    return Rule(pull, push, back, constant, value.known)


def _batch_norm(node: Any, data: int, parameters: list[int]) -> Rule:
    """Evaluation mode: y = (h - mean) · rstd · weight + bias with constants mean and rstd."""
    epsilon = node._saved_eps if hasattr(node, "_saved_eps") else node._saved_epsilon
    bias = _Parameter(node.next_functions[2])
    mean, variance = _Saved(node, "_saved_running_mean"), _Saved(node, "_saved_running_var")
    weight = None if node._saved_weight is None else _Saved(node, "_saved_weight")
    out = shape(node)

    def scale(with_weight: bool = True) -> Tensor:
        rstd: Tensor = (variance() + epsilon).rsqrt()
        return rstd if weight is None or not with_weight else rstd * weight()

    def pull(alpha: Tensor, delta: Tensor, z: Tensor) -> list[Tensor]:
        found = []
        if 1 in parameters:
            centred = z - _per_channel(alpha, mean(), out)
            total: Tensor = (delta * centred).sum([0, *range(2, len(out))])
            found += [total * scale(with_weight=False)]
        if 2 in parameters:
            found += [alpha.to(delta.dtype) @ delta.reshape(*delta.shape[:2], -1).sum(2)]
        return found

    def push(z: Tensor) -> Tensor:
        return z * scale().view(-1, *[1] * (len(out) - 2))

    def constant(alpha: Tensor) -> Tensor:
        return _per_channel(alpha, bias() - mean() * scale(), out)

    def back(delta: Tensor, h: Tensor | None) -> Tensor:
        return push(delta)

    return Rule(pull, push, back, constant, bias.known, "_saved_input" if 1 in parameters else None, spare=False)


def _prelu(node: Any, data: int, parameters: list[int]) -> Rule:
    if data != 0:
        raise NotExact(node.name(), "has a slope that depends on x")
    size = shape(*node.next_functions[1])

    def pull(alpha: Tensor, delta: Tensor, z: Tensor) -> list[Tensor]:
        # At h = 0 torch's second derivative takes the side h > 0, and so does z where it goes on.
        return [(delta * z).masked_fill(operand() >= 0, 0).sum_to_size(size)]

    operand, slope = _Saved(node, "_saved_self"), _Saved(node, "_saved_weight")

    def push(z: Tensor) -> Tensor:
        result: Tensor = torch.where(operand() >= 0, z, z * slope())
        return result

    def back(delta: Tensor, h: Tensor | None) -> Tensor:
        result: Tensor = torch.where(operand() > 0, delta, delta * slope())
        return result

    return Rule(pull, push, back, operand="_saved_self", spare=False)


RULES: dict[str, Callable[[Any, int, list[int]], Rule]] = {
    "Convolution": _convolution,
    "Addmm": _matrix,
    "Mm": _matrix,
    "Bmm": _matrix,
    "Mul": _product,
    "Div": _product,
    "Add": _sum,
    "Sub": _sum,
    "Rsub": _sum,
    "NativeBatchNorm": _batch_norm,
    "CudnnBatchNorm": _batch_norm,
    "PreluKernel": _prelu,
}
