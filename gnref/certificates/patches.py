"""A convolution of a difference that is 0 but in a small patch of the map, computed in that patch only."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from gnref.certificates.record import Operation

_SMALL_MAP = 256
"""Maps with fewer places than this are convolved whole, which keeps exact zeros exact."""
_SHARE = 0.25
"""So are differences that reach over more than this share of the map."""
Box = tuple[slice, slice]


class Convolution(NamedTuple):
    """A two-dimensional convolution with padding by zeros, without its bias."""

    weight: Tensor
    stride: tuple[int, int]
    padding: tuple[int, int]
    groups: int

    @classmethod
    def of(cls, operation: Operation) -> "Convolution | None":
        """What a call of `conv2d` computes; None for another operation, or one with a dilation or named padding."""
        names = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
        given: dict[str, Any] = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
        given |= dict(zip(names, operation.args, strict=False)) | operation.kwargs
        if operation.name != "conv2d" or len(operation.moving) != 1 or not isinstance(given["weight"], Tensor):
            return None
        if isinstance(given["padding"], str) or _pair(given["dilation"]) != (1, 1):
            return None
        return cls(given["weight"], _pair(given["stride"]), _pair(given["padding"]), int(given["groups"]))

    def add(self, out: Tensor, change: Tensor) -> bool:
        """out += W ∗ change, of shapes (1, O, H', W') and (1, C, H, W); False, and nothing done, if not worth it."""
        box = _box(change)
        if box is None:
            return bool(change.numel())
        spans = [self._reached(axis, (part.start, part.stop), out.shape[2 + axis]) for axis, part in enumerate(box)]
        if _whole(box, change):
            return False
        if any(start >= stop for start, stop in spans):
            return True
        # The rows of the input that these rows of the output read, with zeros where they lie outside the map.
        reads = [self._read(axis, span) for axis, span in enumerate(spans)]
        patch = change.new_zeros(1, change.shape[1], *(stop - start for start, stop in reads))
        # Of the box, rows that no row of the output reads are left out: a stride may skip them.
        both = list(zip(box, reads, strict=True))
        here = [slice(max(part.start, start), min(part.stop, stop)) for part, (start, stop) in both]
        there = [slice(part.start - start, part.stop - start) for part, (start, _) in zip(here, reads, strict=True)]
        patch[:, :, there[0], there[1]] = change[:, :, here[0], here[1]]
        place = (slice(None), slice(None), *(slice(*span) for span in spans))
        out[place] += torch.conv2d(patch, self.weight, None, self.stride, 0, 1, self.groups)
        return True

    def add_transposed(self, out: Tensor, change: Tensor) -> bool:
        """out += Wᵀ ∗ change, of shapes (1, C, H, W) and (1, O, H', W'); False, and nothing done, if not worth it."""
        box = _box(change)
        if box is None:
            return bool(change.numel())
        if _whole(box, change):
            return False
        patch = torch.conv_transpose2d(change[:, :, box[0], box[1]], self.weight, None, self.stride, 0, 0, self.groups)
        place, part = [], []
        for axis, rows in enumerate(box):
            start, stop = self._read(axis, (rows.start, rows.stop))
            low, high = max(0, start), min(out.shape[2 + axis], stop)
            place.append(slice(low, high))
            part.append(slice(low - start, high - start))
        out[:, :, place[0], place[1]] += patch[:, :, part[0], part[1]]
        return True

    def _reached(self, axis: int, rows: tuple[int, int], size: int) -> tuple[int, int]:
        """The rows of the output that read rows [start, stop) of the input."""
        kernel, stride, padding = self.weight.shape[2 + axis], self.stride[axis], self.padding[axis]
        first = -(-(rows[0] - kernel + 1 + padding) // stride)
        return max(0, first), min(size, (rows[1] - 1 + padding) // stride + 1)

    def _read(self, axis: int, rows: tuple[int, int]) -> tuple[int, int]:
        """The rows of the input, some perhaps outside the map, that rows [start, stop) of the output read."""
        kernel, stride, padding = self.weight.shape[2 + axis], self.stride[axis], self.padding[axis]
        return rows[0] * stride - padding, (rows[1] - 1) * stride - padding + kernel


def _box(change: Tensor) -> Box | None:
    """The smallest rectangle of the map outside which the change (1, C, H, W) is 0; None where it is 0 everywhere."""
    places = change[0].any(dim=0)
    rows, columns = places.any(dim=1).nonzero()[:, 0], places.any(dim=0).nonzero()[:, 0]
    if not len(rows):
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _whole(box: Box, change: Tensor) -> bool:
    area = (box[0].stop - box[0].start) * (box[1].stop - box[1].start)
    places = change.shape[2] * change.shape[3]
    return places < _SMALL_MAP or area > _SHARE * places


def _pair(value: Any) -> tuple[int, int]:
    return (int(value[0]), int(value[1])) if isinstance(value, tuple | list) else (int(value), int(value))
