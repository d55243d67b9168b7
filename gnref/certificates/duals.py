"""Dual tensors, of forward-mode automatic differentiation: a value with its tangent along the line."""

import warnings

from torch import Tensor
from torch.autograd import forward_ad


def make_dual(x: Tensor, tangent: Tensor) -> Tensor:
    """x with a tangent; its first use has PyTorch compile rules in a way that PyTorch itself calls deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        dual: Tensor = forward_ad.make_dual(x, tangent)  # type: ignore[no-untyped-call]
    return dual


def unpack_dual(x: Tensor) -> tuple[Tensor, Tensor | None]:
    """The value and the tangent, None where x does not move."""
    value, tangent = forward_ad.unpack_dual(x)  # type: ignore[no-untyped-call]
    return value, tangent
