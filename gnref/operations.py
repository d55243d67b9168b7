"""What is known of autograd's operations: which are piecewise linear and per sample, and what their passes read.

An operation is a node of the autograd graph. A node on the way from x to the score must stand in `KINDS`, keep the
samples along axis 0 and have as many x-dependent operands as its kind admits; a node that also meets a parameter needs
a rule (`bilinear.RULES`). Whatever is not listed is not exact: there is no default.
"""

from functools import cache
from typing import Any

from torch import Tensor

from gnref.activations import Need

Edge = tuple[Any, int]  # a node and which of its outputs


class NotExact(Exception):
    """Why a graph cannot be replayed; the message continues a sentence, `operation` is the graph node's name."""

    def __init__(self, operation: str, why: str) -> None:
        super().__init__(f"{operation} {why}")
        self.operation = operation


# Kinds of operation, by what they do to the axis of the samples. Names as in `node.name()`, without "Backward<n>".
_POINTWISE = (
    "Abs Add Sub Rsub Neg Relu LeakyRelu Threshold Hardtanh Clamp ClampMin ClampMax Maximum Minimum Where MaskedFill "
    "Clone ToCopy"
)
_PRODUCT = "Mul Div PreluKernel NativeDropout"
_MATRIX = "Mm Addmm Bmm Convolution"
_RESAMPLING = (
    "AvgPool2D AvgPool3D MaxPool2DWithIndices MaxPool3DWithIndices AdaptiveAvgPool2D AdaptiveAvgPool3D "
    "AdaptiveMaxPool2D AdaptiveMaxPool3D MkldnnAdaptiveAvgPool2D UpsampleNearest1D UpsampleNearest2D "
    "UpsampleNearest3D UpsampleLinear1D UpsampleBilinear2D UpsampleTrilinear3D UpsampleBicubic2D PixelShuffle "
    "PixelUnshuffle ChannelShuffle ReflectionPad1D ReflectionPad2D ReflectionPad3D ReplicationPad1D "
    "ReplicationPad2D ReplicationPad3D Im2Col Col2Im"
)
_IMAGE = f"{_RESAMPLING} ConstantPadNd NativeBatchNorm CudnnBatchNorm MiopenBatchNorm"
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
    return _stem(node.name())


@cache
def _stem(name: str) -> str:
    return name.split("::")[-1].rstrip("0123456789").removesuffix("Backward")


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


# On one linear piece these are y = A h with no constant added, as long as every operand depends on x.
_HOMOGENEOUS = frozenset(
    f"Abs Add Sub Neg Relu LeakyRelu Maximum Minimum Clone ToCopy Mm Bmm Expand {_PRODUCT} {_RESAMPLING} {_AXES} "
    f"{_VIEW}".split()
)
_JOINS = ("Add", "Sub", "Maximum", "Minimum", "Cat", "Stack")


def adds_nothing(node: Any, data: list[int]) -> bool:
    """Whether an operation is known to add no constant, on its linear piece, to its x-dependent operands `data`."""
    name = stem(node)
    if name == "ClampMin":
        return not isinstance(node._saved_min, Tensor) and node._saved_min == 0
    return name in _HOMOGENEOUS and (name not in _JOINS or len(data) == len(node.next_functions))


# Of what an operation saved: what its pass for the gradient in x, and the transpose of that pass, read.
_SHAPE = (
    "AvgPool2D AvgPool3D AdaptiveAvgPool2D AdaptiveAvgPool3D MkldnnAdaptiveAvgPool2D MaxPool2DWithIndices "
    "MaxPool3DWithIndices ReflectionPad1D ReflectionPad2D ReflectionPad3D ReplicationPad1D ReplicationPad2D "
    "ReplicationPad3D"
)
_SHAPES = frozenset(_SHAPE.split())


def needs(node: Any) -> tuple[str, Need] | None:
    """The field of a node that is read for less than its values, and for what."""
    name = stem(node)
    if name == "Relu":
        return "_saved_result", "zero or not"
    if name == "LeakyRelu":
        return ("_saved_self" if hasattr(node, "_saved_self") else "_saved_result"), "sign"
    return ("_saved_self", "shape") if name in _SHAPES else None
