"""DiffAugment: one differentiable transformation T on reals and fakes, in D's step and in G's [Zhao et al. 2020].

T changes colour, moves, and cuts out, with the settings of its authors. A discriminator trained with it scores T(x), so
gradient normalization, too, takes the gradient in T(x): f̂(T(x)) has slope at most 1 in T(x), not in x.
"""

import torch
from torch import Tensor

DRAWS = 7
"""Uniform random numbers an image takes."""


def differentiable_augmentation(x: Tensor, draws: Tensor) -> Tensor:
    """T(x) for images x (N, C, H, W) and `draws` (N, 7), uniform on [0, 1); differentiable in x."""
    brightness, saturation, contrast, down, right, row, column = draws.unbind(1)
    x = x + (_each(brightness) - 0.5)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * (2 * _each(saturation))
    mean = x.mean((1, 2, 3), keepdim=True)
    x = mean + (x - mean) * (_each(contrast) + 0.5)
    return _cut(_moved(x, down, right), row, column)


def _each(draw: Tensor) -> Tensor:
    return draw[:, None, None, None]


def _moved(x: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """By up to an eighth of the side, in whole pixels; what comes in is 0, the middle grey."""
    rows, row_seen = _sources(x.shape[2], down)
    columns, column_seen = _sources(x.shape[3], right)
    x = x.gather(2, rows[:, None, :, None].expand(-1, x.shape[1], -1, x.shape[3]))
    x = x.gather(3, columns[:, None, None, :].expand(-1, x.shape[1], x.shape[2], -1))
    return x * (row_seen[:, None, :, None] & column_seen[:, None, None, :])


def _sources(length: int, draw: Tensor) -> tuple[Tensor, Tensor]:
    """Where each line comes from, and whether that is inside: a shift uniform in -m, ..., m, m = round(length / 8)."""
    most = int(length / 8 + 0.5)
    offset = (draw * (2 * most + 1)).long() - most
    source = torch.arange(length, device=draw.device) - offset[:, None]
    return source.clamp(0, length - 1), (source >= 0) & (source < length)


def _cut(x: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """0 in a square of half the side around a point uniform over the image."""
    return x * ~(_near(x.shape[2], row)[:, None, :, None] & _near(x.shape[3], column)[:, None, None, :])


def _near(length: int, draw: Tensor) -> Tensor:
    """The lines less than a quarter of the side from a centre uniform in 0, ..., length."""
    side = int(length / 2 + 0.5)
    start = (draw * (length + 1)).long() - side // 2
    line = torch.arange(length, device=draw.device)
    return (line >= start[:, None]) & (line < start[:, None] + side)
