"""How far along a line each sample is from the next kink: an interception of the operations that have kinks.

Inside `forward_ad.dual_level()`, with x(t) a dual tensor whose tangent is the line's direction, every
operation with kinks meets its argument z(t) and ż, and z + τ ż = 0 says how far away its kink is.
"""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.overrides import TorchFunctionMode

from gnref.errors import UserError


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


_STILL = 2.0**-44
"""A unit at zero whose tangent is this small among its layer's moves by rounding only."""


class KinkDistances(TorchFunctionMode):
    """After a forward pass: the τ of each sample's nearest kink, `before` (N,) <= 0 and `after` (N,) >= 0, or ±inf.

    Knows ReLU, LeakyReLU, PReLU, ReLU6, hardtanh, clamp, threshold, |z|, maximum, minimum, max and min over a
    dimension, max pooling, and comparisons (for `torch.where`). An operation it does not know is taken to be affine:
    whether the pieces found join continuously tells.
    """

    def __init__(self, samples: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.before = torch.full((samples,), -torch.inf, dtype=dtype)
        self.after = torch.full((samples,), torch.inf, dtype=dtype)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Note the distances to the operation's kinks, then run it."""
        kwargs = kwargs or {}
        # relu, relu_ and Tensor.__gt__ are relu, relu and gt.
        name = getattr(func, "__name__", "").strip("_")
        for z in _kinks(name, args, kwargs):
            self._note(z)
        if name in _BILINEAR and len(args) > 1:
            return _along(func, *args, **kwargs)
        return func(*args, **kwargs)

    def _note(self, z: Tensor) -> None:
        """Take account of the zeros of z (N·k, ...) along the line."""
        value, tangent = unpack_dual(z)
        if tangent is None:
            return
        value, tangent = value.detach(), tangent.detach()
        if value.numel() % len(self.after):
            raise UserError(f"Walk: expected activations with the samples first, got {tuple(value.shape)}")
        value, tangent = (part.reshape(len(self.after), -1) for part in (value, tangent))
        # A unit that is zero here and moves stands on its kink: no side is its own, and both distances are 0.
        moves = tangent.abs() > _STILL * tangent.abs().amax(dim=1, keepdim=True)
        tau = torch.where(moves | (value != 0), -value / tangent, torch.nan)
        ahead = torch.where(tau >= 0, tau, torch.inf)
        behind = torch.where(tau <= 0, tau, -torch.inf)
        self.after = torch.minimum(self.after, ahead.amin(dim=1))
        self.before = torch.maximum(self.before, behind.amax(dim=1))


_BILINEAR = {"linear", "conv1d", "conv2d", "conv3d"}
_AT_ZERO = {"relu", "leaky_relu", "prelu", "rrelu", "abs", "absolute", "sign"}
_BOUNDED = {"relu6", "hardtanh", "clamp", "clip", "clamp_min", "clamp_max", "threshold"}
_COMPARISONS = {"gt", "ge", "lt", "le", "maximum", "minimum", "fmax", "fmin"}
_EXTREMES = {"max", "min", "amax", "amin"}


def _along(
    func: Callable[..., Any], x: Tensor, weight: Tensor, bias: Tensor | None = None, *rest: Any, **options: Any
) -> Any:
    """W x + b with tangent W ẋ: forward-mode AD would run a third convolution, of x with the weight's zero tangent."""
    value, tangent = unpack_dual(x)
    bias = options.pop("bias", bias)
    out = func(value, weight, bias, *rest, **options)
    if tangent is None or unpack_dual(weight)[1] is not None:
        return out if tangent is None else func(x, weight, bias, *rest, **options)
    with torch.no_grad():
        moved = func(tangent, weight, None, *rest, **options)
    return make_dual(out, moved)


def _kinks(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Tensor]:
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
