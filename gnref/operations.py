"""What is known of autograd's operations: which are piecewise linear and per sample, and their parameters' gradients.

An operation is a node of the autograd graph. A node on the way from x to the score must stand in `KINDS`, keep the
samples along axis 0 and have as many x-dependent operands as its kind admits; a node that also meets a parameter needs
a rule in `RULES`. Whatever is not listed is not exact: there is no default.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Edge = tuple[Any, int]  # a node and which of its outputs


class NotExact(Exception):
    """Why a graph cannot be replayed; the message continues a sentence, `operation` is the graph node's name."""

    def __init__(self, operation: str, why: str) -> None:
        super().__init__(f"{operation} {why}")
        self.operation = operation


@dataclass(frozen=True)
class Layer:
    """One operation y = op(h, parameters), linear in h and in its parameters up to an additive term."""

    node: Any
    source: int  # which operand is h
    parameters: tuple[Edge, ...]
    saved: tuple[Tensor, ...]  # what `pull` and `push` read
    pull: Callable[..., Sequence[Tensor]]  # (α per row, δ, ḣ, *saved) -> the gradients of `parameters`
    push: Callable[..., Tensor] | None = None  # (ḣ, *saved) -> ẏ; None where autograd's own way is as fast


# Kinds of operation, by what they do to the axis of the samples. Names as in `node.name()`, without "Backward<n>".
_POINTWISE = (
    "Abs Add Sub Rsub Neg Relu LeakyRelu Threshold Hardtanh Clamp ClampMin ClampMax Maximum Minimum Where MaskedFill "
    "Clone ToCopy"
)
_PRODUCT = "Mul Div PreluKernel NativeDropout"
_MATRIX = "Mm Addmm Bmm Convolution"
_IMAGE = (
    "AvgPool2D AvgPool3D MaxPool2DWithIndices MaxPool3DWithIndices AdaptiveAvgPool2D AdaptiveAvgPool3D "
    "AdaptiveMaxPool2D AdaptiveMaxPool3D MkldnnAdaptiveAvgPool2D UpsampleNearest1D UpsampleNearest2D "
    "UpsampleNearest3D UpsampleLinear1D UpsampleBilinear2D UpsampleTrilinear3D UpsampleBicubic2D PixelShuffle "
    "PixelUnshuffle ChannelShuffle ReflectionPad1D ReflectionPad2D ReflectionPad3D ReplicationPad1D "
    "ReplicationPad2D ReplicationPad3D ConstantPadNd Im2Col Col2Im NativeBatchNorm CudnnBatchNorm "
    "MiopenBatchNorm "
)
_AXES = (
    "Permute Transpose Squeeze Unsqueeze Slice Select Split SplitWithSizes Unbind Cat Stack Index IndexSelect Gather "
    "Sum Mean Amax Amin Max Min Sort Topk Flip Roll Cumsum Unfold"
)
_VIEW = "View UnsafeView ReshapeAlias Alias"
KINDS: dict[str, str] = {
    name: kind
    for kind, names in {
        "pointwise": _POINTWISE,
        "product": _PRODUCT,
        "matrix": _MATRIX,
        "image": _IMAGE,
        "axes": _AXES,
        "view": _VIEW,
        "expand": "Expand",
    }.items()
    for name in names.split()
}


def stem(node: Any) -> str:
    """The operation's name: "ConvolutionBackward0" is "Convolution"."""
    return str(node.name()).split("::")[-1].rstrip("0123456789").removesuffix("Backward")


def shape(node: Any, output: int = 0) -> tuple[int, ...]:
    """The shape of what the operation computed."""
    return tuple(node._input_metadata[output].shape)


def check(node: Any, data: list[int], samples: int) -> None:
    """Refuse an operation on x-dependent operands `data` unless it is piecewise linear in them, sample by sample.

    Rows along axis 0 may be several to a sample, k·N with each sample's together, as a flattened map's are.

    Raises:
        NotExact: the operation is unknown, multiplies two x-dependent operands, or moves or mixes axis 0.
    """
    name = node.name()
    kind = KINDS.get(stem(node))
    if kind is None:
        raise NotExact(name, "is not known to be piecewise linear")
    out = shape(node)
    operands = [shape(*node.next_functions[i]) for i in data]
    if kind in ("product", "matrix") and len(data) != 1:
        raise NotExact(name, "multiplies two terms that depend on x")
    if stem(node) == "Div" and data != [0]:
        raise NotExact(name, "divides by a term that depends on x")
    if not out or any(not operand for operand in operands) or out[0] % max(samples, 1):
        raise NotExact(name, "does not keep the samples along axis 0")
    rows = {operand[0] for operand in operands}
    aligned = {
        "pointwise": rows == {out[0]} and all(len(operand) == len(out) for operand in operands),
        "product": rows == {out[0]} and all(len(operand) == len(out) for operand in operands),
        "matrix": rows == {out[0]} and (stem(node) not in ("Mm", "Addmm") or data == [len(node.next_functions) - 2]),
        "image": rows == {out[0]} and len(out) > 2 - ("BatchNorm" in name),
        "axes": rows == {out[0]} and not _moves_axis_0(node, operands[0], out),
        "view": True,  # row-major order keeps each sample's entries together
        "expand": rows == {out[0]} and len(operands[0]) == len(out),
    }[kind]
    if not aligned:
        raise NotExact(name, "does not keep the samples along axis 0")
    if "BatchNorm" in name and node._saved_training:
        raise NotExact(name, "couples the samples of a batch: it uses the batch's own statistics")
    if stem(node) == "ConstantPadNd" and len(node._saved_pad) >= 2 * len(out):
        raise NotExact(name, "pads axis 0")


def _moves_axis_0(node: Any, operand: tuple[int, ...], out: tuple[int, ...]) -> bool:
    """Whether an operation along axes touches the samples' axis."""
    if stem(node) == "Permute":
        return bool(node._saved_dims[0] % len(out))
    if stem(node) == "Index":
        return node._saved_indices[0] is not None
    if stem(node) == "Slice":  # of as many rows as there were, it took all: x[:, :2] is two slices in torch 2.6
        return False
    rank = max(len(operand), len(out))
    axes: list[int] = []
    for attribute in ("_saved_dim", "_saved_dims", "_saved_dim0", "_saved_dim1", "_saved_dimension"):
        value = getattr(node, attribute, None)
        if value is not None:
            axes += value if isinstance(value, (tuple, list)) else [value]
    if not axes:  # Squeeze of every unit axis; a sum over everything has no axis 0 left and is refused before
        return stem(node) != "Squeeze"
    # Negative axes are stored as unsigned 64-bit numbers.
    return any((axis - 2**64 if axis >= 2**63 else axis) % rank == 0 for axis in axes)


def layer(node: Any, data: list[int], parameters: list[int]) -> Layer:
    """The layer of an operation that meets parameters at the operands `parameters`, or of a convolution.

    Raises:
        NotExact: there is no rule for it.
    """
    rule = RULES.get(stem(node))
    if rule is None or len(data) != 1:
        raise NotExact(node.name(), "meets a parameter, and there is no rule for that")
    saved, pull, *push = rule(node, data[0], parameters)
    edges = tuple(node.next_functions[i] for i in parameters)
    return Layer(node, data[0], edges, saved, pull, *push)


Rule = Callable[[Any, int, list[int]], Any]  # (node, data operand, parameter operands) -> saved, pull[, push]


def _mix(alpha: Tensor, h: Tensor, tangent: Tensor) -> Tensor:
    """α h + ḣ: the point at which a bilinear layer's parameter gradient is the ordinary one."""
    return torch.addcmul(tangent, rows(alpha, h), h)


def rows(alpha: Tensor, like: Tensor) -> Tensor:
    """α (rows,) shaped to multiply a tensor (rows, ...)."""
    return alpha.to(like.dtype).view(-1, *[1] * (like.dim() - 1))


def _convolution(node: Any, data: int, parameters: list[int]) -> Any:
    if data != 0:
        raise NotExact(node.name(), "has a weight that depends on x")
    names = ("stride", "padding", "dilation", "transposed", "output_padding", "groups")
    geometry = [getattr(node, f"_saved_{name}") for name in names]
    weighted = 1 in parameters
    saved = (node._saved_weight, node._saved_input) if weighted else (node._saved_weight,)

    def pull(alpha: Tensor, delta: Tensor, tangent: Tensor, weight: Tensor, *h: Tensor) -> list[Tensor]:
        found = []
        if weighted:
            mixed = _mix(alpha, h[0], tangent)
            mask = [False, True, False]
            found += [torch.ops.aten.convolution_backward(delta, mixed, weight, None, *geometry, mask)[1]]
        if 2 in parameters:
            found += [alpha @ delta.flatten(2).sum(2)]
        return found

    def push(tangent: Tensor, weight: Tensor, *_: Tensor) -> Tensor:
        # torch's derivative of a convolution's backward pass would form a second, unasked weight gradient as well.
        result: Tensor = torch.ops.aten.convolution(tangent, weight, None, *geometry)
        return result

    return saved, pull, push


def _matrix(node: Any, data: int, parameters: list[int]) -> Any:
    """Mm, Addmm: (bias +) h @ P, and Bmm with h on either side."""
    biased = stem(node) == "Addmm"
    if biased and (node._saved_alpha != 1 or node._saved_beta != 1):
        raise NotExact(node.name(), "is scaled, and there is no rule for that")
    bias = shape(*node.next_functions[0]) if biased and 0 in parameters else None
    left = data == int(biased)
    weighted = any(i != 0 or not biased for i in parameters)
    name = {("Addmm", True): "mat1", ("Mm", True): "self", ("Bmm", True): "self", ("Bmm", False): "mat2"}[
        stem(node), left
    ]
    saved = (getattr(node, f"_saved_{name}"),) if weighted else ()

    def pull(alpha: Tensor, delta: Tensor, tangent: Tensor, *saved: Tensor) -> list[Tensor]:
        found = [] if bias is None else [(rows(alpha, delta) * delta).sum_to_size(bias)]
        if saved:
            mixed = _mix(alpha, saved[0], tangent)
            found += [mixed.mT @ delta if left else delta @ mixed.mT]
        return found

    return saved, pull


def _product(node: Any, data: int, parameters: list[int]) -> Any:
    """Mul and Div by a parameter that broadcasts."""
    size = shape(*node.next_functions[parameters[0]])
    divides = stem(node) == "Div"
    h = node._saved_self if data == 0 else node._saved_other
    saved = (h, node._saved_other) if divides else (h,)

    def pull(alpha: Tensor, delta: Tensor, tangent: Tensor, h: Tensor, divisor: Tensor | None = None) -> list[Tensor]:
        gradient = delta * _mix(alpha, h, tangent)
        if divisor is not None:
            gradient = -gradient / divisor / divisor
        return [gradient.sum_to_size(size)]

    return saved, pull


def _sum(node: Any, data: int, parameters: list[int]) -> Any:
    """Add, Sub, Rsub: a parameter added to x-dependent terms."""
    size = shape(*node.next_functions[parameters[0]])
    second = parameters[0] == 1
    scale = {"Add": (1, node._saved_alpha), "Sub": (1, -node._saved_alpha), "Rsub": (-node._saved_alpha, 1)}[
        stem(node)
    ][second]

    def pull(alpha: Tensor, delta: Tensor, tangent: Tensor) -> list[Tensor]:
        return [scale * (rows(alpha, delta) * delta).sum_to_size(size)]

    return (), pull


def _batch_norm(node: Any, data: int, parameters: list[int]) -> Any:
    """Evaluation mode: y = (h - mean) · rstd · weight + bias with constants mean and rstd."""
    epsilon = node._saved_eps if hasattr(node, "_saved_eps") else node._saved_epsilon
    saved = (node._saved_input, node._saved_running_mean, node._saved_running_var) if 1 in parameters else ()

    def pull(alpha: Tensor, delta: Tensor, tangent: Tensor, *saved: Tensor) -> list[Tensor]:
        found = []
        flat = delta.reshape(*delta.shape[:2], -1)
        if saved:
            h, mean, variance = saved
            centred = (h.transpose(1, -1) - mean).transpose(1, -1)
            mixed = _mix(alpha, centred, tangent).reshape(flat.shape)
            found += [(flat * mixed).sum((0, 2)) * (variance + epsilon).rsqrt()]
        if 2 in parameters:
            found += [alpha @ flat.sum(2)]
        return found

    return saved, pull


def _prelu(node: Any, data: int, parameters: list[int]) -> Any:
    if data != 0:
        raise NotExact(node.name(), "has a slope that depends on x")
    size = shape(*node.next_functions[1])

    def pull(alpha: Tensor, delta: Tensor, tangent: Tensor, h: Tensor) -> list[Tensor]:
        # At h = 0 torch's second derivative takes the side h > 0, and so does the tangent that arrives above.
        return [(delta * _mix(alpha, h, tangent)).masked_fill(h >= 0, 0).sum_to_size(size)]

    return (node._saved_self,), pull


RULES: dict[str, Rule] = {
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
