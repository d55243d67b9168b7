"""How far along a line the next kink of an operation is: z + τ ż = 0 for what it compares with 0."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from gnref.certificates.duals import unpack_dual
from gnref.errors import UserError

_STILL = 2.0**-44
"""A unit at zero whose tangent is this small among its layer's moves by rounding only."""


def distances(z: Tensor) -> tuple[float, float]:
    """The τ of the nearest zeros of a dual z along the line: behind (<= 0) and ahead (>= 0), or ±inf."""
    value, tangent = unpack_dual(z)
    if tangent is None:
        return -torch.inf, torch.inf
    value, tangent = value.detach(), tangent.detach()
    # A zero lies at τ = -value/tangent. Of its reciprocal the extremes alone are needed: one division, one pass.
    slowest, fastest = (float(rate) for rate in (tangent / value).aminmax())
    if math.isfinite(slowest) and math.isfinite(fastest):
        return (-1 / fastest if fastest > 0 else -torch.inf), (-1 / slowest if slowest < 0 else torch.inf)
    return _distances_on_a_kink(value, tangent)


def _distances_on_a_kink(value: Tensor, tangent: Tensor) -> tuple[float, float]:
    """A unit that is zero here and moves stands on its kink: no side is its own, and both distances are 0."""
    moves = tangent.abs() > _STILL * tangent.abs().max()
    tau = torch.where(moves | (value != 0), -value / tangent, torch.nan)
    ahead = torch.where(tau >= 0, tau, torch.inf).min()
    behind = torch.where(tau <= 0, tau, -torch.inf).max()
    return float(behind), float(ahead)


def is_kinked(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a call, by its function's name without underscores, is of an operation that is known to have kinks.

    Known are ReLU, LeakyReLU, PReLU, ReLU6, hardtanh, clamp, threshold, |z|, maximum, minimum, max and min over a
    dimension, max pooling, and comparisons (for `torch.where`).
    """
    return next(kinks(name, args, kwargs), None) is not None


_AT_ZERO = {"relu", "leaky_relu", "prelu", "rrelu", "abs", "absolute", "sign"}
_BOUNDED = {"relu6", "hardtanh", "clamp", "clip", "clamp_min", "clamp_max", "threshold"}
_COMPARISONS = {"gt", "ge", "lt", "le", "maximum", "minimum", "fmax", "fmin"}
_EXTREMES = {"max", "min", "amax", "amin"}


def kinks(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Tensor]:
    """Tensors whose zeros are the kinks of one call."""
    z = args[0] if args else kwargs.get("input")
    if not isinstance(z, Tensor) or not z.is_floating_point():
        return
    if name in _AT_ZERO:
        yield z
    elif name in _BOUNDED:
        for bound in _bounds(name, args[1:], kwargs):
            yield z - bound
    elif name in _COMPARISONS or (name in _EXTREMES and len(args) > 1 and isinstance(args[1], Tensor)):
        yield z - (args[1] if len(args) > 1 else kwargs["other"])
    elif name in _EXTREMES:
        yield from _of_extreme(name, z, args[1:], kwargs)
    elif "max_pool" in name:
        yield _of_pooling(name, z, args[1:], kwargs)


def _bounds(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    if name == "relu6":
        return [0.0, 6.0]
    names = {
        "threshold": ("threshold",),
        "clamp_min": ("min",),
        "clamp_max": ("max",),
        "hardtanh": ("min_val", "max_val"),
    }
    wanted = names.get(name, ("min", "max"))
    given = dict(zip(wanted, args, strict=False)) | {key: value for key, value in kwargs.items() if key in wanted}
    if name == "hardtanh":
        given = {"min_val": -1.0, "max_val": 1.0} | given
    return [bound for bound in given.values() if bound is not None]


def _of_extreme(name: str, z: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Tensor]:
    dim = args[0] if args else kwargs.get("dim")
    if dim is None:
        raise UserError("Walk: a maximum over the whole batch couples its samples")
    extreme = z.amax(dim, keepdim=True) if "max" in name else z.amin(dim, keepdim=True)
    yield _rivals(z, extreme)


def _of_pooling(name: str, z: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """Each entry of each window against the window's largest."""
    dims = int(name[name.index("max_pool") + len("max_pool")])
    if name.startswith("adaptive"):
        size = _tuple(args[0] if args else kwargs["output_size"], dims)
        kernel = stride = tuple(have // want for have, want in zip(z.shape[-dims:], size, strict=True))
        padding: tuple[int, ...] = (0,) * dims
        odd = any(have % want for have, want in zip(z.shape[-dims:], size, strict=True))
    else:
        given = dict(zip(("kernel_size", "stride", "padding", "dilation", "ceil_mode"), args, strict=False)) | kwargs
        kernel = _tuple(given["kernel_size"], dims)
        stride = _tuple(given.get("stride") or kernel, dims)
        padding = _tuple(given.get("padding", 0), dims)
        odd = given.get("ceil_mode", False) or set(_tuple(given.get("dilation", 1), dims)) != {1}
    if odd:
        raise UserError(f"Walk: {name} with a dilation, ceil_mode or uneven windows is not followed")
    # Padding by repetition adds rivals that are never larger, and equal only where they are the same entry.
    sides = [side for amount in reversed(padding) for side in (amount, amount)]
    windows = torch.nn.functional.pad(z, sides, value=-torch.inf) if any(sides) else z
    for axis, (width, step) in enumerate(zip(kernel, stride, strict=True)):
        windows = windows.unfold(z.dim() - dims + axis, width, step)
    windows = windows.flatten(-dims)
    return _rivals(windows, windows.amax(-1, keepdim=True))


def _rivals(z: Tensor, extreme: Tensor) -> Tensor:
    """z - extreme, but for padding, which is no kink.

    The extreme itself is 0 here and does not move against itself, so it is no kink either; a rival that is tied with it
    and moves otherwise stands on its kink, and `_note` takes both distances to be 0.
    """
    return torch.where(torch.isfinite(z), z - extreme, torch.ones_like(extreme))


def _tuple(value: Any, dims: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple | list | torch.Size) else (int(value),) * dims
