"""What an image of shapes shows, estimated without anything learned: the shape, among thousands, that explains it best.

An image is taken for c·F + (1 - c)·B: the coverage c of a shape, of one colour F, over a background B that is linear in
x and y. Every class at several places, sizes and rotations is tried; of each the best F and B are known in closed form,
so that the best shape is the one whose coverage, less what is linear in it, explains most of the image's energy.
"""

from dataclasses import dataclass, fields
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gnref.data.shapes import CLASSES, Array, Factors, coverage

SHIFTS = np.linspace(-0.22, 0.22, 6)
SCALES = np.linspace(0.4875, 0.7125, 4)
ROTATIONS = np.deg2rad([-8.0, 0.0, 8.0])


@dataclass(frozen=True)
class Seen:
    """What N images show.

    `label` (N,) in 0..9; `position` (N, 2), x and y as shares of half the image, and `scale` (N,), as `Factors` has
    them; `colour` and `background` (N, 2), of the shape and behind it, in the plane of hue and saturation, where grey
    is 0 and pure colours lie on the unit circle, red at (1, 0); `unlike` (N,), the root mean square, over pixels in
    [0, 1], of what no shape of one colour over a linear background explains.
    """

    label: NDArray[np.int64]
    position: Array
    scale: Array
    colour: Array
    background: Array
    unlike: Array

    def part(self, chosen: slice) -> "Seen":
        """Some of the images."""
        return Seen(**{each.name: getattr(self, each.name)[chosen] for each in fields(self)})


def seen(images: Tensor) -> Seen:
    """What square uint8 images (N, 3, S, S) show."""
    size = images.shape[-1]
    tried, shapes, lengths, plain = _tried(size)
    pixels = images.numpy().reshape(len(images), 3, size * size) / 255.0
    rest = pixels - pixels @ plain.T @ plain
    overlaps = rest @ shapes.T  # (N, 3, shapes)
    best = np.square(overlaps).sum(1).argmax(1)
    found = np.take_along_axis(overlaps, best[:, None, None], 2)[:, :, 0]
    energy = np.square(rest).sum((1, 2)) - np.square(found).sum(1)
    strength = found / lengths[best][:, None]  # F - B, of each channel
    covered = coverage(_chosen(tried, best), size).reshape(len(images), 1, size * size)
    behind = (pixels - strength[:, :, None] * covered) @ plain.T @ plain
    ground = (behind * covered).sum(2) / covered.sum(2)
    return Seen(
        tried.label[best],
        np.stack([tried.shift_x[best], tried.shift_y[best]], 1),
        tried.scale[best],
        _chroma(ground + strength),
        _chroma(behind.mean(2)),
        np.sqrt(np.maximum(energy, 0) / (3 * size * size)),
    )


@cache
def _tried(size: int) -> tuple[Factors, Array, Array, Array]:
    """The shapes tried; their coverages without what is linear, (shapes, pixels), of length 1; these lengths; the three
    linear functions of a pixel's place, orthonormal, (3, pixels).
    """
    grid = np.array(list(product(range(len(CLASSES)), SCALES, SHIFTS, SHIFTS, ROTATIONS)))
    label, scale, x, y, rotation = grid.T
    none = np.zeros(len(grid))
    tried = Factors(label.astype(np.int64), scale, x, y, rotation, none, none, none)
    covered = coverage(tried, size).reshape(len(grid), -1)
    axis = np.arange(size) - (size - 1) / 2
    across, down = np.meshgrid(axis, axis)
    plain = np.stack([each.ravel() / np.linalg.norm(each) for each in (np.ones((size, size)), across, down)])
    rest = covered - covered @ plain.T @ plain
    lengths = np.linalg.norm(rest, axis=1)
    return tried, rest / lengths[:, None], lengths, plain


def _chosen(tried: Factors, best: NDArray[np.int64]) -> Factors:
    return Factors(**{each.name: getattr(tried, each.name)[best] for each in fields(Factors)})


def _chroma(colours: Array) -> Array:
    """Colours (N, 3), clipped to [0, 1], to their place (N, 2) beside grey."""
    red, green, blue = np.clip(colours, 0, 1).T
    return np.stack([red - (green + blue) / 2, (green - blue) * np.sqrt(0.75)], 1)
