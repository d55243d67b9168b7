"""Ten shapes on gradient backgrounds: an image set of unlimited size that is computed, not stored.

Image i of seed s is a function of (s, i, size) alone: it is the same bit for bit however many images are drawn with
it. The classes, in the order of their labels, are `CLASSES`. Different seeds give different images: train on one, test
on another.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from gnref.data.images import free_bytes
from gnref.errors import UserError

CLASSES = ("disc", "ring", "square", "frame", "triangle", "plus", "cross", "diamond", "star", "bars")

Array = NDArray[np.float64]
Distance = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Factors:
    """What an image shows, one entry per image (N,): everything but its noise.

    `label` int64 in 0..9; `scale` in [.45, .75] of half the image; `shift_x`, `shift_y` in [-.22, .22] of half the
    image; `rotation` in radians, within 12 degrees; `hue` of the shape in [0, 1); the background has hue `background`
    and grows lighter along `direction` (radians).
    """

    label: NDArray[np.int64]
    scale: Array
    shift_x: Array
    shift_y: Array
    rotation: Array
    hue: Array
    background: Array
    direction: Array


def factors(count: int, seed: int = 0) -> Factors:
    """The factors of images 0 .. count-1 of `seed`: labels uniform over the classes, all factors independent."""
    return _factors(np.arange(count, dtype=np.uint64), seed)


def shapes(count: int, size: int = 32, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Images 0 .. count-1 of `seed` with their labels.

    Returns `(images, labels)`: uint8 (N, 3, size, size) and int64 (N,) in 0..9.

    Raises:
        UserError: for a count below zero, a size below 8, where the shapes are no longer told apart, and more images
            than fit into memory.
    """
    if count < 0 or size < 8:
        raise UserError(f"shapes: expected count >= 0 and size >= 8, got count={count}, size={size}")
    at_once = max(1, min(128, 2**17 // size**2))  # images whose pixels fit a processor's cache
    if (count + 100 * at_once) * 3 * size**2 > free_bytes("cpu"):
        raise UserError(f"shapes: {count} images of {size} pixels do not fit into memory; choose fewer or smaller ones")
    images = np.empty((count, 3, size, size), np.uint8)
    labels = np.empty(count, np.int64)
    for start in range(0, count, at_once):
        index = np.arange(start, min(start + at_once, count), dtype=np.uint64)
        chosen = slice(start, start + len(index))
        drawn = _factors(index, seed)
        labels[chosen] = drawn.label
        values = _scene(drawn, size) + 0.02 * _noise(index, seed, 3 * size * size).reshape(-1, 3, size, size)
        images[chosen] = np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)
    return torch.from_numpy(images), torch.from_numpy(labels)


def coverage(drawn: Factors, size: int) -> Array:
    """How much of each pixel the shape covers, (N, size, size) in [0, 1]: class, scale, shift and rotation decide."""
    axis = (2 * np.arange(size) + 1) / size - 1  # the pixels' centres in [-1, 1]
    x = axis[None, None, :] - drawn.shift_x[:, None, None]
    y = axis[None, :, None] - drawn.shift_y[:, None, None]
    cos, sin = np.cos(drawn.rotation)[:, None, None], np.sin(drawn.rotation)[:, None, None]
    scale = drawn.scale[:, None, None]
    u, v = (cos * x + sin * y) / scale, (cos * y - sin * x) / scale
    distance = np.empty_like(u)
    for label in np.unique(drawn.label):
        mine = drawn.label == label
        distance[mine] = _DISTANCES[label](u[mine], v[mine])
    return np.clip(0.5 - distance * scale * size / 2, 0, 1)


def _mix(word: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finalizer: a bijection of 64-bit words whose output bits look independent."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


def _words(index: NDArray[np.uint64], seed: int, stream: int, count: int) -> NDArray[np.uint64]:
    """`count` random words per image, (N, count): a counter-based generator keyed by (seed, stream, image)."""
    golden = np.uint64(0x9E3779B97F4A7C15)
    key = np.array([(seed * 2 + stream) % 2**64], np.uint64)
    image = _mix(_mix(key * golden + golden) ^ (index * golden))
    return _mix(image[:, None] + golden * np.arange(1, count + 1, dtype=np.uint64))


def _factors(index: NDArray[np.uint64], seed: int) -> Factors:
    uniform = (_words(index, seed, 0, 8) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return Factors(
        label=np.floor(10 * uniform[:, 0]).astype(np.int64),
        scale=0.45 + 0.3 * uniform[:, 1],
        shift_x=0.44 * uniform[:, 2] - 0.22,
        shift_y=0.44 * uniform[:, 3] - 0.22,
        rotation=np.deg2rad(24 * uniform[:, 4] - 12),
        hue=uniform[:, 5],
        background=uniform[:, 6],
        direction=2 * np.pi * uniform[:, 7],
    )


def _noise(index: NDArray[np.uint64], seed: int, count: int) -> Array:
    """Independent noise (N, count), mean 0 and standard deviation 1: the sum of two uniform bytes, standardized."""
    pairs = _words(index, seed, 1, -(-count // 4)).astype("<u8").view(np.uint8).reshape(len(index), -1, 2)[:, :count]
    # A byte has variance (256² - 1) / 12, and mean 127.5.
    total: Array = pairs[..., 0].astype(np.float64) + pairs[..., 1]
    return (total - 255) / math.sqrt((256**2 - 1) / 6)


def _scene(drawn: Factors, size: int) -> Array:
    """The noiseless images, (N, 3, size, size) in [0, 1]: shape over background, mixed by the pixel's coverage."""
    axis = (2 * np.arange(size) + 1) / size - 1
    covered = coverage(drawn, size)[:, None]
    along = np.cos(drawn.direction)[:, None, None] * axis[None, None, :]
    along = along + np.sin(drawn.direction)[:, None, None] * axis[None, :, None]
    lightness = (0.3 + 0.12 * along)[:, None]
    behind = lightness * _hue(drawn.background, 0.5)[:, :, None, None]
    return covered * 0.95 * _hue(drawn.hue, 0.85)[:, :, None, None] + (1 - covered) * behind


def _hue(hue: Array, saturation: float) -> Array:
    """The colours (N, 3) of full value with these hues: hue 0, 1/3, 2/3 are red, green, blue."""
    turn = np.abs(np.mod(hue[:, None] * 6 - np.array([3.0, 5.0, 1.0]), 6) - 3)
    colour: Array = 1 - saturation * (1 - np.clip(2 - turn, 0, 1))
    return colour


# Signed distances in the shape's own frame, where it spans about [-1, 1]²: negative inside, of slope one near the edge.


def _box(x: Array, y: Array, half_width: float, half_height: float) -> Array:
    distance: Array = np.maximum(np.abs(x) - half_width, np.abs(y) - half_height)
    return distance


def _plus(x: Array, y: Array) -> Array:
    distance: Array = np.minimum(_box(x, y, 0.9, 0.24), _box(x, y, 0.24, 0.9))
    return distance


def _triangle(x: Array, y: Array) -> Array:
    distance: Array = np.maximum(np.abs(x) * math.sqrt(3) / 2 - y / 2, y) - 0.5
    return distance


def _star(x: Array, y: Array) -> Array:
    """Five points: fold the plane into one tenth of a turn, where the star's edge is a single line."""
    radius, tenth = np.hypot(x, y), np.pi / 5
    angle = np.abs(np.mod(np.arctan2(x, -y) + tenth, 2 * tenth) - tenth)
    tip, notch = np.array([1.0, 0.0]), 0.45 * np.array([np.cos(tenth), np.sin(tenth)])
    edge = (notch - tip) / np.linalg.norm(notch - tip)
    distance: Array = (radius * np.cos(angle) - tip[0]) * edge[1] - radius * np.sin(angle) * edge[0]
    return distance


_DISTANCES: tuple[Distance, ...] = (
    lambda x, y: np.hypot(x, y) - 0.85,
    lambda x, y: np.abs(np.hypot(x, y) - 0.7) - 0.17,
    lambda x, y: _box(x, y, 0.72, 0.72),
    lambda x, y: np.abs(_box(x, y, 0.65, 0.65)) - 0.14,
    _triangle,
    _plus,
    lambda x, y: _plus((x + y) * np.sqrt(0.5), (x - y) * np.sqrt(0.5)),
    lambda x, y: (np.abs(x) / 0.6 + np.abs(y) / 0.95 - 1) / np.hypot(1 / 0.6, 1 / 0.95),
    _star,
    lambda x, y: _box(x, np.minimum(np.abs(y), np.abs(np.abs(y) - 0.62)), 0.85, 0.17),
)
