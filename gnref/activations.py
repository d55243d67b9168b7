"""Activations that can be let go: what a forward pass saved, replaced by less once it is known what is still needed.

Autograd keeps every tensor that some backward pass may want. A replay wants of a layer's input h nothing at all, of a
rectifier's result its sign, of a pooled map its shape; but that is known only when the whole graph has been seen. So
`Activations` packs each saved tensor into a `Held`, and a plan says later what becomes of it.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

Need = Literal["value", "sign", "zero or not", "shape", "nothing"]
"""What the passes of a replay read of a saved tensor: its values, whether they are positive (where none is negative:
whether they are 0), its shape; or nothing, where some other pass over the same graph may still want the values."""


class Held:
    """One saved tensor, and what may be kept in its place."""

    def __init__(self, tensor: Tensor) -> None:
        # A result comes with its graph, whose node holds this: a ring that nothing would ever free.
        self.tensor: Tensor | None = tensor.detach()
        self.version = tensor._version
        self.need: Need = "value"
        self.size, self.strides, self.dtype, self.device = tensor.size(), tensor.stride(), tensor.dtype, tensor.device
        self.positive: Tensor | None = None  # bool, where only the sign is left

    def let_go(self, need: Need) -> None:
        """Keep what is needed from now on. A sign waits for the replay's first use, which can still read the values."""
        self.need = need
        if need in ("shape", "nothing"):
            self.tensor = None

    def sign(self) -> Tensor:
        """Where the values are positive: bool, kept from now on in their place."""
        if self.positive is None:
            values = self.tensor if self.tensor is not None else self.blank()
            if recorded():
                self.positive, self.tensor = values > 0, None
                return self.positive
            self.positive = torch.empty_like(values, dtype=torch.bool)
            for part, into in zip(pieces(values), pieces(self.positive), strict=True):
                # Of a number that is not negative, whether it is 0 is the same question; a CPU answers it sooner.
                if self.need == "zero or not":
                    into.copy_(part)
                elif values.device.type == "cpu":
                    into.copy_(part.clamp_min(0))
                else:
                    torch.gt(part, 0, out=into)
            self.tensor = None
        return self.positive

    def put_back(self, values: Tensor) -> None:
        """The values again, recomputed."""
        self.tensor, self.version, self.need = values, values._version, "value"

    def blank(self) -> Tensor:
        """A tensor of the shape and layout, and no values: its memory is never written."""
        return torch.empty_strided(self.size, self.strides, dtype=self.dtype, device=self.device)


class Activations:
    """What one forward pass has saved; its hooks are in force during that pass."""

    def __init__(self) -> None:
        self.restore: Callable[[Activations, Any, Held], None] | None = None
        """Recomputes the values that the operation at hand wants; set by who lets values go."""
        self._replaying = False

    @contextmanager
    def saving(self) -> Iterator[None]:
        """The hooks in force: for the forward pass."""
        with saved_tensors_hooks(Held, self._unpack):
            yield

    @contextmanager
    def replaying(self) -> Iterator[None]:
        """During a pass that reads no values of what has been let go: nothing is recomputed for it."""
        before, self._replaying = self._replaying, True
        try:
            yield
        finally:
            self._replaying = before

    def _unpack(self, held: Held) -> Tensor:
        if held.tensor is None and held.need == "nothing" and not self._replaying:
            self._recompute(held)
        if held.tensor is None:
            return held.blank() if held.positive is None else held.positive.to(held.dtype)
        if held.tensor._version != held.version:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace operation: "
                f"a tensor of shape {tuple(held.size)} is at version {held.tensor._version}, "
                f"expected version {held.version}"
            )
        return held.tensor

    def _recompute(self, held: Held) -> None:
        node = torch._C._current_autograd_node()
        if node is None or self.restore is None:
            raise RuntimeError(
                "gradient_normalize: a value of the discriminator's forward pass was let go once it had been read; "
                'to look at what the graph saved, pass method="double-backward"'
            )
        self.restore(self, node, held)


_PIECE = 2**16  # entries


def pieces(x: Tensor) -> Sequence[Tensor]:
    """On a CPU equal parts along the first axis, so small that one operation finds in the cache what another wrote.

    Other devices convert dtypes within an operation, and would pay for the launches; a compiler fuses operations by
    itself, and would write the whole anew for every part.
    """
    if x.numel() <= _PIECE or x.device.type != "cpu" or recorded():
        return (x,)
    return torch.split(x, max(1, _PIECE * x.size(0) // x.numel()))


def recorded() -> bool:
    """Whether operations are being recorded for a compiler (`make_fx`), and not only computed."""
    proxies: Any = sys.modules.get("torch.fx.experimental.proxy_tensor")
    return proxies is not None and proxies.get_proxy_mode() is not None


def blank(size: tuple[int, ...], like: Tensor) -> Tensor:
    """A tensor of that size and no values, its axes in memory in the order in which `like` has them."""
    strides, step = [0] * len(size), 1
    for axis in sorted(range(len(size)), key=lambda axis: (like.stride(axis), -axis)):
        strides[axis], step = step, step * size[axis]
    return torch.empty_strided(size, strides, dtype=like.dtype, device=like.device)


def held_by(node: Any, field: str) -> Held | None:
    """How a graph's node has that field of it; None where other hooks have it, or none."""
    found = getattr(getattr(node, f"_raw{field}"), "data", None)
    return found if isinstance(found, Held) else None


def activations() -> Activations | None:
    """A new `Activations`; None where somebody else's hooks are in force, which keep what they keep, or none may be.

    An older PyTorch does not say whether there are others: None as well, and activations are kept as without hooks.
    """
    autograd: Any = torch._C._autograd
    top = getattr(autograd, "_top_saved_tensors_default_hooks", None)
    taken = top is None or top(True) is not None
    return None if taken or not autograd._saved_tensors_hooks_is_enabled() else Activations()
