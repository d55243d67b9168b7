"""Random flips and pixel shifts of a whole batch on its own device [GN, Table 3].

Images are (N, C, H, W) in [-1, 1]. The draws come from `generator`, or from torch's default generator where it is None.
`share = (rank, processes)` says which equal part of a joined batch `x` is: the draws are made for the joined batch, so
that a batch split over processes is augmented as it would be in one.
"""

import torch
from torch import Tensor

Share = tuple[int, int]


def flip(x: Tensor, generator: torch.Generator | None = None, share: Share = (0, 1)) -> Tensor:
    """Each image mirrored left to right with probability 1/2."""
    part, count = _part(len(x), share)
    mirrored = torch.rand(count, generator=generator, device=x.device)[part] < 0.5
    return torch.where(mirrored.view(-1, 1, 1, 1), x.flip(-1), x)


def shift(x: Tensor, generator: torch.Generator | None = None, share: Share = (0, 1)) -> Tensor:
    """Each image moved by (dx, dy) whole pixels, each round(U(-m, m)) with m = 0.2 · size; vacated pixels are -1.

    The rounding and the fill (black) are the original's: the outermost shift is rarer than the others, ±6 of 32 pixels
    with probability 0.9/12.8 = .070 against 1/12.8 = .078, ±10 of 48 with .1/19.2 = .005 against 1/19.2 = .052.
    """
    height, width = x.shape[-2:]
    part, count = _part(len(x), share)
    dx = _offsets(0.2 * width, count, x.device, generator)[part]
    dy = _offsets(0.2 * height, count, x.device, generator)[part]
    rows, row_seen = _sources(height, dy)
    columns, column_seen = _sources(width, dx)
    moved = x.gather(2, rows.view(-1, 1, height, 1).expand_as(x)).gather(3, columns.view(-1, 1, 1, width).expand_as(x))
    return torch.where(row_seen[:, None, :, None] & column_seen[:, None, None, :], moved, -1.0)


def consistency_augmentation(x: Tensor, generator: torch.Generator | None = None, share: Share = (0, 1)) -> Tensor:
    """The view that consistency regularization compares an image with: a flip, then a shift [GN, Table 3]."""
    return shift(flip(x, generator, share), generator, share)


def _part(count: int, share: Share) -> tuple[slice, int]:
    """This process's part of the joined batch, and the joined batch's length."""
    rank, processes = share
    return slice(rank * count, (rank + 1) * count), processes * count


def _offsets(most: float, count: int, device: torch.device, generator: torch.Generator | None) -> Tensor:
    return torch.empty(count, device=device).uniform_(-most, most, generator=generator).round_().long()


def _sources(length: int, offset: Tensor) -> tuple[Tensor, Tensor]:
    """For each image, the index every pixel comes from (N, length), and whether it lies inside the image."""
    source = torch.arange(length, device=offset.device) - offset[:, None]
    return source.clamp(0, length - 1), (source >= 0) & (source < length)
